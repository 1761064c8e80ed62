/**
 * Text as it lies in a payload: what expressions do with strings, done with UTF-8 bytes. That the answers are the same
 * rests on two properties of UTF-8: its byte order is the order of code points, and one text is found in another only
 * at the start of a character. Both hold for well-formed text alone, so constants are looked at before they come here.
 */

export function sameBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number
): boolean {
  return aEnd - aStart === bEnd - bStart && startsWithBytes(a, aStart, aEnd, b, bStart, bEnd)
}

/** Negative, zero, positive, as `a` is before, at or after `b`; a text is after its beginning. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number
): number {
  const shared = Math.min(aEnd - aStart, bEnd - bStart)
  for (let i = 0; i < shared; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!
    if (difference !== 0) return difference
  }
  return aEnd - aStart - (bEnd - bStart)
}

export function startsWithBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number
): boolean {
  const length = bEnd - bStart
  if (length > aEnd - aStart) return false
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false
  return true
}

export function endsWithBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number
): boolean {
  const length = bEnd - bStart
  return length <= aEnd - aStart && startsWithBytes(a, aEnd - length, aEnd, b, bStart, bEnd)
}

/** Comparisons of bytes that cost less than the view and the call that the library's search takes. */
const cheapSearch = 4096

export function includesBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number
): boolean {
  const last = aEnd - (bEnd - bStart)
  if (last < aStart) return false
  if ((last - aStart + 1) * (bEnd - bStart) > cheapSearch) {
    // Through a view, because a search of the buffer itself would not end where the text does.
    return viewOf(a, aStart, aEnd).includes(viewOf(b, bStart, bEnd))
  }
  for (let at = aStart; at <= last; at++) if (startsWithBytes(a, at, aEnd, b, bStart, bEnd)) return true
  return false
}

function viewOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
}

/** Of well-formed UTF-8: every byte but those that continue a character. */
export function codePointsOfBytes(bytes: Uint8Array, start: number, end: number): number {
  let points = end - start
  for (let i = start; i < end; i++) if ((bytes[i]! & 0xc0) === 0x80) points--
  return points
}

/** Whether the bytes are the decimal digits of an integer of magnitude up to 2^53 - 1. */
export function spellsInteger(bytes: Uint8Array, start: number, end: number, value: number): boolean {
  let left = Math.abs(value)
  let at = end
  do {
    if (at === start) return false
    const digit = left % 10
    if (bytes[--at] !== 0x30 + digit) return false
    left = (left - digit) / 10
  } while (left > 0)
  return value < 0 ? at === start + 1 && bytes[start] === 0x2d : at === start
}

/** Up to this many texts are compared one by one. */
export const fewTexts = 8

/** Texts to look a text up in: one by one, or by a hash of its bytes. */
export class TextSet {
  readonly #few: readonly Buffer[] | null
  readonly #byHash = new Map<number, Buffer[]>()

  constructor(texts: readonly Buffer[]) {
    this.#few = texts.length <= fewTexts ? texts : null
    for (const text of texts) {
      const hash = hashOf(text, 0, text.length)
      const same = this.#byHash.get(hash)
      if (same === undefined) this.#byHash.set(hash, [text])
      else same.push(text)
    }
  }

  has(bytes: Uint8Array, start: number, end: number): boolean {
    const candidates = this.#few ?? this.#byHash.get(hashOf(bytes, start, end))
    if (candidates === undefined) return false
    for (const text of candidates) if (sameBytes(bytes, start, end, text, 0, text.length)) return true
    return false
  }
}

/** FNV-1a, cut to 30 bits: larger integers would be boxed to be looked up. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash & 0x3fffffff
}
