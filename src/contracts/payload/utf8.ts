/** UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */

/**
 * Offset of the first byte in `bytes[start, end)` that is not part of a valid sequence, or `end` when all is valid.
 * Only asked for a message, after `isUtf8` said no.
 */
export function firstInvalidUtf8(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end) {
    const length = sequenceLength(bytes, at, end)
    if (length === 0) return at
    at += length
  }
  return end
}

/** Length of the valid sequence at `at`, 0 when there is none. */
function sequenceLength(bytes: Buffer, at: number, end: number): number {
  const lead = bytes[at]!
  if (lead < 0x80) return 1
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  if (lead < 0xc2 || lead > 0xf4 || at + length > end) return 0
  const second = bytes[at + 1]!
  // The second byte is where overlong forms, surrogates and values above U+10FFFF show.
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < lowest || second > highest) return 0
  for (let i = 2; i < length; i++) {
    if ((bytes[at + i]! & 0xc0) !== 0x80) return 0
  }
  return length
}
