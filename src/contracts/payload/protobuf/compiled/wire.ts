/**
 * What generated validators call for the wire forms that are too rare, or too long, to stand in their code. Positions
 * are absolute; -1 means "look closer". Nothing here allocates, a double is returned only into an array.
 */

type Bytes = Uint8Array

/** Most payloads that are larger are one long text or list: the reference takes them. Bounds every integer below. */
export const longestPayloadBytes = 64 * 1024 * 1024

/** Where a varint ends whose first byte, at `at - 1`, has said that more follow: ten bytes at most. */
export function varintEnd(bytes: Bytes, at: number, end: number): number {
  const stop = end - at < 9 ? end : at + 9
  while (at < stop) if (bytes[at++]! < 0x80) return at
  return -1
}

/** The tag in the varint `bytes[from, to)` as a signed 32-bit integer; 0, which is no tag, when it is too large. */
export function tagOf(bytes: Bytes, from: number, to: number): number {
  if (to - from > 5 || (to - from === 5 && bytes[from + 4]! > 0x0f)) return 0
  return varint32(bytes, from, to)
}

/**
 * A length whose first byte is `first`, from its second byte at `at` on: the length times eight plus the number of
 * bytes read here, so that one integer tells both. Lengths that need, or take, more than four bytes are left.
 */
export function lengthAndSize(bytes: Bytes, at: number, end: number, first: number): number {
  let length = first & 0x7f
  for (let more = 1; more < 4 && at < end; more++) {
    const byte = bytes[at++]!
    length |= (byte & 0x7f) << (7 * more)
    if (byte < 0x80) return (length << 3) | more
  }
  return -1
}

/** The lower 32 bits, signed. */
export function varint32(bytes: Bytes, from: number, to: number): number {
  let value = 0
  for (let shift = 0; from < to && shift < 35; shift += 7) value |= (bytes[from++]! & 0x7f) << shift
  return value
}

/** 1 unless all 64 bits are 0; what the tenth byte has beyond them does not count. */
export function varintBit(bytes: Bytes, from: number, to: number): number {
  const last = from + 9
  for (; from < to; from++) if ((bytes[from]! & (from === last ? 0x01 : 0x7f)) !== 0) return 1
  return 0
}

/** Bits 0 to 27 of a varint. */
function lowBits(bytes: Bytes, from: number, to: number): number {
  const size = to - from
  let bits = bytes[from]! & 0x7f
  if (size > 1) bits |= (bytes[from + 1]! & 0x7f) << 7
  if (size > 2) bits |= (bytes[from + 2]! & 0x7f) << 14
  return size > 3 ? bits | ((bytes[from + 3]! & 0x7f) << 21) : bits
}

/** Bits 28 to 55. */
function middleBits(bytes: Bytes, from: number, to: number): number {
  return to - from > 4 ? lowBits(bytes, from + 4, to) : 0
}

/** Bits 56 to 63; what the tenth byte has beyond them does not count. */
function highBits(bytes: Bytes, from: number, to: number): number {
  const size = to - from
  if (size < 9) return 0
  const bits = bytes[from + 8]! & 0x7f
  return size < 10 ? bits : bits | ((bytes[from + 9]! & 0x01) << 7)
}

const middleUnit = 2 ** 28

/** These store a 64-bit integer; false when a double cannot hold it exactly. */
export type Store64 = (bytes: Bytes, from: number, to: number, numbers: Float64Array, slot: number) => boolean

export const storeInt64: Store64 = (bytes, from, to, numbers, slot) => {
  const high = highBits(bytes, from, to)
  const low = lowBits(bytes, from, to)
  const middle = middleBits(bytes, from, to)
  if (high < 0x80) return storeExact(high, low + middle * middleUnit, numbers, slot)
  return storeExact(high - 0xff, -1 - ((low ^ 0xfffffff) + (middle ^ 0xfffffff) * middleUnit), numbers, slot)
}

export const storeUint64: Store64 = (bytes, from, to, numbers, slot) =>
  storeExact(
    highBits(bytes, from, to),
    lowBits(bytes, from, to) + middleBits(bytes, from, to) * middleUnit,
    numbers,
    slot
  )

export const storeSint64: Store64 = (bytes, from, to, numbers, slot) => {
  const low = lowBits(bytes, from, to)
  const half = (low >>> 1) + middleBits(bytes, from, to) * (middleUnit / 2)
  return storeExact(highBits(bytes, from, to), (low & 1) === 0 ? half : -1 - half, numbers, slot)
}

/** @param beyond what `value` leaves out, and so 0 */
function storeExact(beyond: number, value: number, numbers: Float64Array, slot: number): boolean {
  numbers[slot] = value
  // A sum beyond 2^53 is rounded, but never to below.
  return beyond === 0 && value > -(2 ** 53) && value < 2 ** 53
}

/** Little-endian whatever the machine: 8 bytes that every read goes through. */
const scratch = new Uint8Array(8)
const view = new DataView(scratch.buffer)

function copyToScratch(bytes: Bytes, at: number, size: number): void {
  for (let index = 0; index < size; index++) scratch[index] = bytes[at + index]!
}

export function storeDouble(bytes: Bytes, at: number, numbers: Float64Array, slot: number): void {
  copyToScratch(bytes, at, 8)
  numbers[slot] = view.getFloat64(0, true)
}

export function storeFloat(bytes: Bytes, at: number, numbers: Float64Array, slot: number): void {
  copyToScratch(bytes, at, 4)
  numbers[slot] = view.getFloat32(0, true)
}

export function storeFixed64(bytes: Bytes, at: number, numbers: Float64Array, slot: number): boolean {
  copyToScratch(bytes, at, 8)
  const value = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true)
  numbers[slot] = value
  return value < 2 ** 53
}

export function storeSfixed64(bytes: Bytes, at: number, numbers: Float64Array, slot: number): boolean {
  copyToScratch(bytes, at, 8)
  const upper = view.getInt32(4, true)
  numbers[slot] = upper * 2 ** 32 + view.getUint32(0, true)
  return upper < 2 ** 21 && numbers[slot] > -(2 ** 53)
}

/** Where an unknown field ends. Groups are left to the reference, which counts how deep they are. */
export function unknownEnd(bytes: Bytes, at: number, end: number, tag: number): number {
  if (tag >>> 3 === 0) return -1
  switch (tag & 7) {
    case 0:
      if (at >= end) return -1
      return bytes[at]! < 0x80 ? at + 1 : varintEnd(bytes, at + 1, end)
    case 1:
      return end - at < 8 ? -1 : at + 8
    case 5:
      return end - at < 4 ? -1 : at + 4
    case 2: {
      if (at >= end) return -1
      let length = bytes[at++]!
      if (length > 0x7f) {
        length = lengthAndSize(bytes, at, end, length)
        if (length < 0) return -1
        at += length & 7
        length >>= 3
      }
      return length > end - at ? -1 : at + length
    }
    default:
      return -1
  }
}
