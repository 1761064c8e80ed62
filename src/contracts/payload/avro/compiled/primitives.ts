/**
 * What generated Avro validators call: the longer forms of varints, and checks too long to be written out each time.
 * Nothing here allocates. A position is absolute in the buffer; -1 means "look closer".
 */
import { slotKind } from '../../compiled.ts'

const longestLongBytes = 10

/**
 * Position after a long of which the first byte said that more follow.
 *
 * @param at of the second byte
 */
export function longEnd(bytes: Uint8Array, at: number, end: number): number {
  const tenth = at + longestLongBytes - 2
  while (at < end) {
    const byte = bytes[at]!
    if (byte < 0x80) return at < tenth || byte <= 1 ? at + 1 : -1
    if (at++ === tenth) return -1
  }
  return -1
}

/**
 * Position after an int of which the first byte said that more follow. Forms longer than needed are left to the
 * reference.
 *
 * @param at of the second byte
 */
export function intEnd(bytes: Uint8Array, at: number, end: number): number {
  const fifth = at + 3
  while (at < end) {
    const byte = bytes[at]!
    if (byte < 0x80) return at < fifth || byte <= 0x0f ? at + 1 : -1
    if (at++ === fifth) return -1
  }
  return -1
}

/** Position after a length or count of up to four bytes (2^27 is more than most records hold), -1 when it is longer. */
export function countEnd(bytes: Uint8Array, at: number, end: number): number {
  const fourth = at + 2
  while (at < end) {
    if (bytes[at]! < 0x80) return at + 1
    if (at++ === fourth) return -1
  }
  return -1
}

/** The 32 bits of a varint of up to five bytes, before the sign is moved. May come out negative. */
export function rawBits(bytes: Uint8Array, at: number, end: number): number {
  let raw = 0
  for (let shift = 0; at < end; shift += 7) raw |= (bytes[at++]! & 0x7f) << shift
  return raw
}

/**
 * Puts the long in `bytes[at, end)`, which has two bytes or more, into `numbers[index]`. False when its magnitude is
 * above 2^53 - 1 or its form is longer than eight bytes. A double that is returned may cost an object; one that is put
 * does not.
 */
export function putLong(bytes: Uint8Array, at: number, end: number, numbers: Float64Array, index: number): boolean {
  const length = end - at
  let low = (bytes[at]! & 0x7f) | ((bytes[at + 1]! & 0x7f) << 7)
  if (length < 5) {
    if (length > 2) low |= (bytes[at + 2]! & 0x7f) << 14
    if (length > 3) low |= bytes[at + 3]! << 21
    numbers[index] = (low >>> 1) ^ -(low & 1)
    return true
  }
  if (length > 8) return false
  low |= ((bytes[at + 2]! & 0x7f) << 14) | ((bytes[at + 3]! & 0x7f) << 21)
  // Written out rather than looped over: times in milliseconds have six bytes.
  let high = bytes[at + 4]! & 0x7f
  if (length > 5) high |= (bytes[at + 5]! & 0x7f) << 7
  if (length > 6) high |= (bytes[at + 6]! & 0x7f) << 14
  if (length > 7) high |= bytes[at + 7]! << 21
  const magnitude = high * 2 ** 27 + (low >>> 1)
  const isNegative = (low & 1) === 1
  numbers[index] = isNegative ? -magnitude - 1 : magnitude
  return magnitude < Number.MAX_SAFE_INTEGER || (magnitude === Number.MAX_SAFE_INTEGER && !isNegative)
}

const floatBytes = new Uint8Array(4)
const float = new Float32Array(floatBytes.buffer)
const doubleBytes = new Uint8Array(8)
const double = new Float64Array(doubleBytes.buffer)
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

export function putFloat(bytes: Uint8Array, at: number, numbers: Float64Array, index: number): void {
  for (let byte = 0; byte < 4; byte++) floatBytes[littleEndian ? byte : 3 - byte] = bytes[at + byte]!
  numbers[index] = float[0]!
}

export function putDouble(bytes: Uint8Array, at: number, numbers: Float64Array, index: number): void {
  for (let byte = 0; byte < 8; byte++) doubleBytes[littleEndian ? byte : 7 - byte] = bytes[at + byte]!
  numbers[index] = double[0]!
}

export function uint32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

const dashes = 0x2d

/** Whether the 36 bytes at `at` are what `isUuid` takes. */
export function isUuidAt(bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < 36; index++) {
    const byte = bytes[at + index]!
    if (index === 8 || index === 13 || index === 18 || index === 23) {
      if (byte !== dashes) return false
      continue
    }
    const letter = byte | 0x20
    if (!((byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66))) return false
  }
  return true
}

/** Bounds of a decimal as magnitudes, big-endian, without leading zeros. */
export interface DecimalBounds {
  /** Up to so many bytes hold no number that is too large. */
  readonly safeBytes: number
  /** 10^precision, which a positive number must be below. */
  readonly positive: Uint8Array
  /** 10^precision - 1, which the complement of a negative number must be below. */
  readonly negative: Uint8Array
}

export function decimalBounds(precision: number): DecimalBounds {
  const bound = 10n ** BigInt(precision)
  return {
    safeBytes: Math.floor(bound.toString(2).length / 8),
    positive: magnitudeBytes(bound),
    negative: magnitudeBytes(bound - 1n)
  }
}

function magnitudeBytes(value: bigint): Uint8Array {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

/** Whether the two's complement number in `bytes[at, end)`, which is not empty, is within the bounds. */
export function isDecimalWithin(bytes: Uint8Array, at: number, end: number, bounds: DecimalBounds): boolean {
  const isNegative = bytes[at]! > 0x7f
  const padding = isNegative ? 0xff : 0
  const bound = isNegative ? bounds.negative : bounds.positive
  while (at < end && bytes[at] === padding) at++
  if (end - at !== bound.length) return end - at < bound.length
  for (let index = 0; index < bound.length; index++) {
    const byte = bytes[at + index]! ^ padding
    if (byte !== bound[index]) return byte < bound[index]!
  }
  return false
}

/**
 * Puts the two's complement number in `bytes[at, end)`, which is not empty, into `numbers[index]`. False when its
 * magnitude is above 2^53 - 1.
 */
export function putDecimal(bytes: Uint8Array, at: number, end: number, numbers: Float64Array, index: number): boolean {
  const isNegative = bytes[at]! > 0x7f
  const padding = isNegative ? 0xff : 0
  while (at < end && bytes[at] === padding) at++
  if (end - at > 7) return false
  // Seven bytes may be rounded, but not to below 2^53.
  let magnitude = 0
  for (; at < end; at++) magnitude = magnitude * 256 + (bytes[at]! ^ padding)
  numbers[index] = isNegative ? -magnitude - 1 : magnitude
  return magnitude < Number.MAX_SAFE_INTEGER || (magnitude === Number.MAX_SAFE_INTEGER && !isNegative)
}

/**
 * Puts the long in `bytes[at, end)`, microseconds since the epoch, into `numbers[index]` as milliseconds, if they are
 * whole and exact.
 *
 * @returns `slotKind.timestampMs`, or `slotKind.other`
 */
export function microsKind(bytes: Uint8Array, at: number, end: number, numbers: Float64Array, index: number): number {
  if (end - at === 1) {
    // A byte holds less than a millisecond, unless it is none.
    numbers[index] = 0
    return bytes[at] === 0 ? slotKind.timestampMs : slotKind.other
  }
  if (!putLong(bytes, at, end, numbers, index)) return slotKind.other
  const micros = numbers[index]!
  if (micros % 1000 !== 0) return slotKind.other
  numbers[index] = micros / 1000
  return slotKind.timestampMs
}
