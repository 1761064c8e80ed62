/**
 * The zigzag varints inside a record. Reading is only here for integers longer than two bytes: the short ones are read
 * where they stand, in the walk over the records.
 *
 * Padded integers (`80 00` for 0) are accepted as the broker accepts them. Bits beyond the 32nd or 64th are refused:
 * decoders disagree about them, so a consumer could see other records than were judged.
 */
import { MalformedBatchError } from './malformed-batch-error.ts'

/** A decoded integer and where the bytes after it start. One instance is reused per reader. */
export interface VarintCursor {
  value: number
  next: number
}

/**
 * Reads a 32-bit zigzag integer that must end before `limit`.
 *
 * @throws MalformedBatchError `record-bounds` or `varint`
 */
export function readVarint(bytes: Uint8Array, start: number, limit: number, cursor: VarintCursor): void {
  let raw = 0
  let position = start
  for (let shift = 0; ; shift += 7) {
    if (position >= limit) throw new MalformedBatchError('record-bounds', 'an integer runs over the end')
    const byte = bytes[position++]!
    if (shift === 28 && byte > 0b1111) throw new MalformedBatchError('varint')
    raw |= (byte & 127) << shift
    if (byte < 128) break
  }
  cursor.value = (raw >>> 1) ^ -(raw & 1)
  cursor.next = position
}

/**
 * Reads a 64-bit zigzag integer that must end before `limit` and lie within ±2^53.
 *
 * @throws MalformedBatchError `record-bounds`, `varint` or `timestamp` (the only such integers are timestamps)
 */
export function readVarlong(bytes: Uint8Array, start: number, limit: number, cursor: VarintCursor): void {
  if (start >= limit) throw new MalformedBatchError('record-bounds', 'an integer runs over the end')
  let position = start
  let byte = bytes[position++]!
  const negative = (byte & 1) === 1
  // Without the sign bit, so that up to 2^53 nothing is rounded; above, the sum stays above.
  let magnitude = (byte & 127) >>> 1
  for (let scale = 2 ** 6; byte > 127; scale *= 128) {
    if (position >= limit) throw new MalformedBatchError('record-bounds', 'an integer runs over the end')
    byte = bytes[position++]!
    if (scale === 2 ** 62 && byte > 1) throw new MalformedBatchError('varint')
    magnitude += (byte & 127) * scale
  }
  if (magnitude >= 2 ** 53) throw new MalformedBatchError('timestamp')
  cursor.value = negative ? -magnitude - 1 : magnitude
  cursor.next = position
}

/** Where the bytes after the varint at `start` begin; only for bytes that were read before. */
export function skipVarint(bytes: Uint8Array, start: number): number {
  let position = start
  while (bytes[position]! > 127) position++
  return position + 1
}

/** Bytes that {@link writeVarint} needs. */
export function sizeOfVarint(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0
  return raw < 2 ** 7 ? 1 : raw < 2 ** 14 ? 2 : raw < 2 ** 21 ? 3 : raw < 2 ** 28 ? 4 : 5
}

/** Writes a 32-bit integer and returns where the next byte goes. */
export function writeVarint(bytes: Uint8Array, value: number, at: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0
  for (; raw > 127; raw >>>= 7) bytes[at++] = (raw & 127) | 128
  bytes[at++] = raw
  return at
}

/** Bytes that {@link writeVarlong} needs. */
export function sizeOfVarlong(value: number): number {
  let size = 1
  for (let rest = Math.floor((value < 0 ? -value - 1 : value) / 64); rest > 0; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes a safe integer and returns where the next byte goes. */
export function writeVarlong(bytes: Uint8Array, value: number, at: number): number {
  const magnitude = value < 0 ? -value - 1 : value
  let low = ((magnitude % 64) << 1) | (value < 0 ? 1 : 0)
  for (let rest = Math.floor(magnitude / 64); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[at++] = low | 128
    low = rest % 128
  }
  bytes[at++] = low
  return at
}
