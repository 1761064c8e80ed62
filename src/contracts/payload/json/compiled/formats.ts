/**
 * Formats of texts, judged in place. What is not seen to be right here is asked of the function that the reference
 * calls, so these need not take every text of their format, but nothing else.
 */

/** Sees that the content of a string, plain or in UTF-8, is right; false when it cannot tell. */
export type InPlace = (bytes: Uint8Array, start: number, close: number) => boolean

/** A `pattern` or `format` of strings. */
export interface TextCheck {
  readonly inPlace: InPlace | null
  /** The reference's own, which decides where `inPlace` cannot. */
  readonly test: (text: string) => boolean
}

/** A `format` of numbers. */
export type NumberCheck = (value: number) => boolean

const daysOfMonth = Uint8Array.of(0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

/** The number that two digits write, or something above 99. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 0x30
  const ones = bytes[at + 1]! - 0x30
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : 1000
}

function dateStandsAt(bytes: Uint8Array, at: number): boolean {
  if (bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d) return false
  const century = twoDigits(bytes, at)
  const yearOfCentury = twoDigits(bytes, at + 2)
  const month = twoDigits(bytes, at + 5)
  const day = twoDigits(bytes, at + 8)
  if (century > 99 || yearOfCentury > 99 || month < 1 || month > 12 || day < 1) return false
  const year = century * 100 + yearOfCentury
  const isLeapDay = day === 29 && month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return day <= daysOfMonth[month]! || isLeapDay
}

function isDate(bytes: Uint8Array, start: number, close: number): boolean {
  return close - start === 10 && dateStandsAt(bytes, start)
}

/** Digits of a fraction up to which a double tells 59.999… from 60, a leap second, which is for the reference. */
const fractionDigits = 9

/** `23:59:59.999Z`, with an offset such as `+02:00` instead of the `Z`. */
function isTime(bytes: Uint8Array, start: number, close: number): boolean {
  if (close - start < 9 || bytes[start + 2] !== 0x3a || bytes[start + 5] !== 0x3a) return false
  if (twoDigits(bytes, start) > 23 || twoDigits(bytes, start + 3) > 59 || twoDigits(bytes, start + 6) > 59) return false
  let p = start + 8
  if (bytes[p] === 0x2e) {
    const fractionAt = ++p
    while (p < close && bytes[p]! >= 0x30 && bytes[p]! <= 0x39) p++
    if (p === fractionAt || p - fractionAt > fractionDigits) return false
  }
  if (p + 1 === close) return bytes[p] === 0x5a
  if (p + 6 !== close || (bytes[p] !== 0x2b && bytes[p] !== 0x2d) || bytes[p + 3] !== 0x3a) return false
  return twoDigits(bytes, p + 1) <= 23 && twoDigits(bytes, p + 4) <= 59
}

/** RFC 3339, the `T` in the middle. */
function isDateTime(bytes: Uint8Array, start: number, close: number): boolean {
  return (
    close - start >= 20 && bytes[start + 10] === 0x54 && dateStandsAt(bytes, start) && isTime(bytes, start + 11, close)
  )
}

/** Character classes, as bits of `classes`. */
const hex = 1
const alphanumeric = 2
const atom = 4

const classes = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return (
    (/[0-9a-fA-F]/.test(character) ? hex : 0) |
    (/[0-9a-zA-Z]/.test(character) ? alphanumeric : 0) |
    (/[0-9a-zA-Z!#$%&'*+/=?^_`{|}~-]/.test(character) ? atom : 0)
  )
})

/** Without `urn:uuid:`. */
function isUuid(bytes: Uint8Array, start: number, close: number): boolean {
  if (close - start !== 36) return false
  for (let i = 0; i < 36; i++) {
    const byte = bytes[start + i]!
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (byte !== 0x2d) return false
    } else if ((classes[byte]! & hex) === 0) return false
  }
  return true
}

/** Atoms and labels with dots between; two labels at least. */
function isEmail(bytes: Uint8Array, start: number, close: number): boolean {
  let p = start
  while (p < close && bytes[p] !== 0x40) {
    const atomAt = p
    while (p < close && (classes[bytes[p]!]! & atom) !== 0) p++
    if (p === atomAt || p >= close) return false
    if (bytes[p] === 0x2e) {
      if (p + 1 >= close || (classes[bytes[p + 1]!]! & atom) === 0) return false
      p++
    } else if (bytes[p] !== 0x40) return false
  }
  if (p === start) return false
  let labels = 0
  do {
    const labelAt = ++p
    while (p < close && ((classes[bytes[p]!]! & alphanumeric) !== 0 || bytes[p] === 0x2d)) p++
    if (p === labelAt || bytes[labelAt] === 0x2d || bytes[p - 1] === 0x2d) return false
    labels++
  } while (p < close && bytes[p] === 0x2e)
  return p === close && labels > 1
}

/** By the names of `format`. */
export const inPlaceFormats: ReadonlyMap<string, InPlace> = new Map<string, InPlace>([
  ['date', isDate],
  ['time', isTime],
  ['date-time', isDateTime],
  ['uuid', isUuid],
  ['email', isEmail]
])
