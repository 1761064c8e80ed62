/**
 * `pattern` and `patternProperties` in RE2, so that no pattern of a schema's author and no string of a producer can
 * stall the proxy: matching is linear. Look-around and back-references do not exist in RE2 and are refused when the
 * schema loads.
 */
import { RE2JS } from 're2js'
import { protoKey } from './parse.ts'

/** The part of a regular expression that `ajv` calls. */
export interface Pattern {
  test(text: string): boolean
  /** `ajv` keeps one compiled pattern per text of this: two patterns must never share it. */
  toString(): string
}

/** Throws an Error that says what RE2 does not take. Unanchored, as JSON Schema has it. */
export function compilePattern(pattern: string): Pattern {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern))
  return { test: (text) => compiled.test(text === protoKey ? '__proto__' : text), toString: () => pattern }
}

/** For the option `code.regExp` of `ajv`. The flags are always `u`: code points, as RE2 counts anyway. */
export const ajvPatternEngine = Object.assign((pattern: string): Pattern => compilePattern(pattern), {
  // `ajv` puts this into standalone code, which is never made here; the type demands it.
  code: 'compilePattern'
})

/** Longest string that a format RE2 cannot express is matched against; a host name has 253 characters. */
const longestBacktracked = 2048

/** The same language as `expression`, without its worst case. */
export function linearFormat(expression: RegExp): (text: string) => boolean {
  try {
    const flags = expression.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0
    const compiled = RE2JS.compile(RE2JS.translateRegExp(expression.source), flags)
    return (text) => compiled.test(text)
  } catch {
    return (text) => text.length <= longestBacktracked && expression.test(text)
  }
}
