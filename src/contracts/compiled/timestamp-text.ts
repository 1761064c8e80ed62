/** `timestamp("2026-01-31T12:00:00Z")` of a text where it lies. */

const daysBefore = Int16Array.of(0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
const daysOfMonth = Uint8Array.of(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
const daysTo1970 = 719_162
const shortest = '2026-01-31T12:00:00Z'.length

/**
 * RFC 3339 to milliseconds since the epoch; NaN for what is none, is outside of the years 1 to 9999, or is finer than
 * a millisecond.
 */
export function timestampOfBytes(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < shortest) return NaN
  const separators = bytes[start + 4] === 0x2d && bytes[start + 7] === 0x2d && (bytes[start + 10]! | 0x20) === 0x74
  if (!separators || bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a) return NaN
  const year = digits(bytes, start, 2) * 100 + digits(bytes, start + 2, 2)
  const month = digits(bytes, start + 5, 2)
  const day = digits(bytes, start + 8, 2)
  const hour = digits(bytes, start + 11, 2)
  const minute = digits(bytes, start + 14, 2)
  const second = digits(bytes, start + 17, 2)
  // NaN is on no side of a comparison.
  if (!(month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59)) return NaN
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  if (!(day <= daysOfMonth[month - 1]! || (isLeap && month === 2 && day === 29))) return NaN
  let at = start + 19
  let ms = 0
  if (bytes[at] === 0x2e) {
    let unit = 100
    const firstDigit = ++at
    for (; at < end && isDigit(bytes[at]!); at++, unit = Math.floor(unit / 10)) {
      if (unit === 0 && bytes[at] !== 0x30) return NaN
      ms += (bytes[at]! - 0x30) * unit
    }
    if (at === firstDigit || at - firstDigit > 9) return NaN
  }
  const days =
    365 * (year - 1) + leapDaysBefore(year) + daysBefore[month - 1]! + (isLeap && month > 2 ? 1 : 0) + day - 1
  const minutes = ((days - daysTo1970) * 24 + hour) * 60 + minute - offsetMinutes(bytes, at, end)
  const epochMs = (minutes * 60 + second) * 1000 + ms
  return epochMs >= -62_135_596_800_000 && epochMs <= 253_402_300_799_999 ? epochMs : NaN
}

function leapDaysBefore(year: number): number {
  const last = year - 1
  return Math.floor(last / 4) - Math.floor(last / 100) + Math.floor(last / 400)
}

/** What stands at the end: `Z`, or the distance from UTC. */
function offsetMinutes(bytes: Uint8Array, at: number, end: number): number {
  if (end - at === 1) return (bytes[at]! | 0x20) === 0x7a ? 0 : NaN
  const sign = bytes[at] === 0x2b ? 1 : bytes[at] === 0x2d ? -1 : NaN
  if (end - at !== 6 || bytes[at + 3] !== 0x3a) return NaN
  const hours = digits(bytes, at + 1, 2)
  const minutes = digits(bytes, at + 4, 2)
  return hours <= 23 && minutes <= 59 ? sign * (hours * 60 + minutes) : NaN
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** NaN where something else than digits stands. */
function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) {
    if (!isDigit(bytes[i]!)) return NaN
    value = value * 10 + bytes[i]! - 0x30
  }
  return value
}
