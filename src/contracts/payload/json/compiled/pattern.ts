/**
 * Patterns that can be matched in place: `^`, then characters and classes of ASCII with their counts, then `$` or
 * nothing. The match is greedy and never goes back. When it comes through, that is a match of the pattern; when it does
 * not, another one may exist, and the reference's engine is asked.
 */
import type { InPlace } from './formats.ts'

interface Step {
  /** By byte: 1 for the characters that are taken. */
  readonly taken: Uint8Array
  readonly min: number
  readonly max: number
}

/** Longest pattern that is looked at, and most steps. */
const longest = 256
const mostSteps = 64

/** One character or class, then a count. What else a pattern may hold is not matched in place. */
const stepForm =
  /^(?:\[((?:[\w .,:;@#!%&/=~<>+*?$(){}|-]|\\[.\-/dw[\]^$+*?(){}|])+)\]|\\([.\-/dw[\]^$+*?(){}|])|([\w ,:;@#!%&/=~<>-]))(\{\d{1,4}(?:,\d{0,4})?\}|[?*+])?(?![?*+{])/

/** Null for a pattern that is left to the reference. */
export function inPlacePattern(pattern: string): InPlace | null {
  if (pattern.length > longest || !pattern.startsWith('^')) return null
  const steps: Step[] = []
  let rest = pattern.slice(1)
  while (rest !== '' && rest !== '$') {
    const found = stepForm.exec(rest)
    if (found === null || steps.length === mostSteps) return null
    const [whole, inClass, escaped, plain, count] = found
    const taken =
      inClass !== undefined ? classOf(inClass) : classOf(escaped !== undefined ? `\\${escaped}` : plain!, true)
    const counts = countsOf(count)
    if (taken === null || counts === null) return null
    steps.push({ taken, ...counts })
    rest = rest.slice(whole.length)
  }
  const toTheEnd = rest === '$'
  return (bytes, start, close) => {
    let p = start
    for (let i = 0; i < steps.length; i++) {
      const { taken, min, max } = steps[i]!
      const last = Math.min(close, p + max)
      const from = p
      while (p < last && taken[bytes[p]!] === 1) p++
      if (p - from < min) return false
    }
    return !toTheEnd || p === close
  }
}

function countsOf(count: string | undefined): { readonly min: number; readonly max: number } | null {
  if (count === undefined) return { min: 1, max: 1 }
  const most = 2 ** 30
  if (count === '?') return { min: 0, max: 1 }
  if (count === '*') return { min: 0, max: most }
  if (count === '+') return { min: 1, max: most }
  const [least, upTo] = count.slice(1, -1).split(',')
  const min = Number(least)
  const max = upTo === undefined ? min : upTo === '' ? most : Number(upTo)
  return min <= max ? { min, max } : null
}

/** A character or `\d` or `\w`, and the end of a range. */
const classForm = /(\\?[^\\])(?:-(\\?[^\\]))?/y

/** Null for what may be read in more than one way: a hyphen in the middle, a range with a class at an end. */
function classOf(text: string, single = false): Uint8Array | null {
  const taken = new Uint8Array(256)
  classForm.lastIndex = 0
  while (classForm.lastIndex < text.length) {
    const at = classForm.lastIndex
    const found = classForm.exec(text)
    if (found === null) return null
    const [whole, first, last] = found
    const isInside = at > 0 && at + whole.length < text.length
    if (first === '-' && (last !== undefined || isInside)) return null
    if (first === '\\d' || first === '\\w') {
      if (last !== undefined) return null
      const form = first === '\\d' ? /\d/ : /\w/
      for (let byte = 0; byte < 128; byte++) if (form.test(String.fromCharCode(byte))) taken[byte] = 1
    } else {
      if (last === '\\d' || last === '\\w' || (single && last !== undefined)) return null
      const from = first!.charCodeAt(first!.length - 1)
      const to = last === undefined ? from : last.charCodeAt(last.length - 1)
      if (from > to || to > 127) return null
      for (let byte = from; byte <= to; byte++) taken[byte] = 1
    }
  }
  return taken
}
