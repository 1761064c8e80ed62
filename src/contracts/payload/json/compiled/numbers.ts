/**
 * Numbers of JSON, scanned where they lie; see `scan.ts` for what the functions take and give. The value of the number
 * read last is in `numberRead`: an array element, because a variable of a module would be allocated anew each time.
 */
import { failed } from './scan.ts'

export const numberRead = new Float64Array(1)

/** Every integer of so many digits is a double, and so is every power of ten up to 10^22. */
const exactDigits = 15
export const powersOfTen = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`))

/** Digits in front of the point, with the exponent added, up to which no number is beyond a double (1.8e308). */
const finiteDigits = 308

/** A number whose value nobody asks for; it is finite. */
export function scanNumber(bytes: Uint8Array, at: number, end: number): number {
  let p = at
  if (p < end && bytes[p] === 0x2d) p++
  const wholeAt = p
  p = skipDigits(bytes, p, end)
  const wholeDigits = p - wholeAt
  if (wholeDigits === 0 || (wholeDigits > 1 && bytes[wholeAt] === 0x30) || wholeDigits > finiteDigits) return failed
  if (p >= end) return p
  let byte = bytes[p]!
  if (byte === 0x2e) {
    const fractionAt = p + 1
    p = skipDigits(bytes, fractionAt, end)
    if (p === fractionAt) return failed
    if (p >= end) return p
    byte = bytes[p]!
  }
  return (byte | 0x20) === 0x65 ? scanExponent(bytes, p + 1, end, wholeDigits) : p
}

function scanExponent(bytes: Uint8Array, at: number, end: number, wholeDigits: number): number {
  let p = at
  let negative = false
  if (p < end && (bytes[p] === 0x2b || bytes[p] === 0x2d)) negative = bytes[p++] === 0x2d
  const digitsAt = p
  let exponent = 0
  while (p < end && isDigit(bytes[p]!)) {
    exponent = Math.min(exponent * 10 + bytes[p]! - 0x30, 10_000)
    p++
  }
  if (p === digitsAt || (!negative && wholeDigits + exponent > finiteDigits)) return failed
  return p
}

/** A number, its value as `JSON.parse` reads it. Allocates for more than 15 digits and for exponents. */
export function readNumber(bytes: Buffer, at: number, end: number): number {
  let p = at
  let negative = false
  if (p < end && bytes[p] === 0x2d) {
    negative = true
    p++
  }
  const wholeAt = p
  let mantissa = 0
  while (p < end && isDigit(bytes[p]!)) mantissa = mantissa * 10 + (bytes[p++]! - 0x30)
  let digits = p - wholeAt
  if (digits === 0 || (digits > 1 && bytes[wholeAt] === 0x30)) return failed
  let places = 0
  if (p < end && bytes[p] === 0x2e) {
    const fractionAt = ++p
    while (p < end && isDigit(bytes[p]!)) mantissa = mantissa * 10 + (bytes[p++]! - 0x30)
    places = p - fractionAt
    if (places === 0) return failed
    digits += places
  }
  if (digits > exactDigits || (p < end && (bytes[p]! | 0x20) === 0x65)) return readByLibrary(bytes, at, end)
  // Both operands are exact, so that the one division rounds as reading the decimal does.
  const value = places === 0 ? mantissa : mantissa / powersOfTen[places]!
  numberRead[0] = negative ? -value : value
  return p
}

function readByLibrary(bytes: Buffer, at: number, end: number): number {
  const p = scanNumber(bytes, at, end)
  if (p < 0) return failed
  const value = Number(bytes.toString('latin1', at, p))
  numberRead[0] = value
  return Number.isFinite(value) ? p : failed
}

/**
 * An integer of magnitude up to 2^53 - 1 that is written without an exponent: what `type: integer` and its exactness
 * (`inexact.ts`) both take. Zeros behind the point are taken.
 */
export function readInteger(bytes: Uint8Array, at: number, end: number): number {
  let p = at
  let negative = false
  if (p < end && bytes[p] === 0x2d) {
    negative = true
    p++
  }
  const wholeAt = p
  let value = 0
  while (p < end && isDigit(bytes[p]!)) value = value * 10 + (bytes[p++]! - 0x30)
  const digits = p - wholeAt
  // Sixteen digits may be too many for a double, and then round to 2^53 or more, but never below.
  if (digits === 0 || (digits > 1 && bytes[wholeAt] === 0x30) || digits > 16 || value > Number.MAX_SAFE_INTEGER)
    return failed
  if (p < end && (bytes[p] === 0x2e || (bytes[p]! | 0x20) === 0x65)) {
    if (bytes[p] !== 0x2e) return failed
    const fractionAt = ++p
    while (p < end && bytes[p] === 0x30) p++
    if (p === fractionAt || (p < end && (isDigit(bytes[p]!) || (bytes[p]! | 0x20) === 0x65))) return failed
  }
  // -0 is a bigint without a sign in some places of the value tree.
  if (negative && value === 0) return failed
  numberRead[0] = negative ? -value : value
  return p
}

function skipDigits(bytes: Uint8Array, at: number, end: number): number {
  let p = at
  while (p < end && isDigit(bytes[p]!)) p++
  return p
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}
