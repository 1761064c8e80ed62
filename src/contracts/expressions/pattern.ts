/**
 * Regular expressions of policies: RE2, so that no text can make one take more than time proportional to its length,
 * and no operator can write one that backtracks. Unanchored, compiled once and shared.
 */
import { LRUCache } from 'lru-cache'
import { RE2JS } from 're2js'
import { limits } from './limits.ts'

export interface Pattern {
  readonly ok: true
  /** True when the pattern occurs in the text. A text longer than `textLimit` is not searched and yields false. */
  test(text: string): boolean
  /**
   * UTF-16 units: beyond it one search could hold the event loop for a tenth of a second. A million for simple
   * patterns, less the more counted repetitions a pattern has (`[a-z]{1,200}`). Callers to whom "too long" is not
   * "no match" compare with it first.
   */
  readonly textLimit: number
  /** Ticks for one UTF-16 unit of text, at worst. */
  readonly ticksPerUnit: number
  /** Instructions of the compiled program. */
  readonly size: number
}

export type CompiledPattern = Pattern | { readonly ok: false; readonly message: string }

const cache = new LRUCache<string, CompiledPattern>({ max: limits.cachedPatterns })
const dynamicCache = new LRUCache<string, CompiledPattern>({ max: limits.cachedDynamicPatterns })

/** Compiles a pattern an operator wrote. Never throws. */
export function compilePattern(source: string): CompiledPattern {
  return throughCache(cache, source)
}

/**
 * The same for a pattern that a record brought along, in a small cache of its own: producers must not be able to push
 * out the patterns of the policies, nor to hold memory for many tables. `fresh` tells that it was compiled just now.
 */
export function compileDynamicPattern(source: string): { readonly pattern: CompiledPattern; readonly fresh: boolean } {
  const fresh = !dynamicCache.has(source)
  return { pattern: throughCache(dynamicCache, source), fresh }
}

function throughCache(patterns: LRUCache<string, CompiledPattern>, source: string): CompiledPattern {
  if (source.length > limits.patternLength) {
    return { ok: false, message: `the pattern is longer than ${limits.patternLength} characters` }
  }
  const known = patterns.get(source)
  if (known !== undefined) return known
  const compiled = compile(source)
  patterns.set(source, compiled)
  return compiled
}

function compile(source: string): CompiledPattern {
  let re: RE2JS
  try {
    re = RE2JS.compile(source)
  } catch (error) {
    return { ok: false, message: explain(error) }
  }
  const size = re.programSize()
  if (size > limits.patternSize) {
    return { ok: false, message: 'the pattern is too large: lower the counts in its repetitions' }
  }
  const ticksPerUnit = Math.max(1, size / 8)
  const textLimit = Math.floor(limits.ticks / ticksPerUnit)
  return { ok: true, size, ticksPerUnit, textLimit, test: (text) => text.length <= textLimit && re.test(text) }
}

/** RE2's own words without its prefix and quotes, and what to do where people expect another dialect. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return 'the pattern does not compile'
  const reason = error.message.replace(/^error parsing regexp: /, '').replaceAll('`', '"')
  if (/Perl syntax|escape sequence: "\\\d/.test(reason)) {
    return `${reason} (RE2 has no look-around and no back-references)`
  }
  return reason
}
