/** Whether bytes are UTF-8, where they lie: what `isUtf8` of a `subarray` says, without making the `subarray`. */

/** As RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. Allocates nothing. */
export function validUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    const lead = bytes[at]!
    if (lead < 0x80) {
      at++
      // ASCII comes in runs.
      while (at + 4 <= end && (bytes[at]! | bytes[at + 1]! | bytes[at + 2]! | bytes[at + 3]!) < 0x80) at += 4
      continue
    }
    if (lead < 0xc2 || lead > 0xf4) return false
    if (lead < 0xe0) {
      if (at + 2 > end || (bytes[at + 1]! & 0xc0) !== 0x80) return false
      at += 2
      continue
    }
    const second = at + 1 < end ? bytes[at + 1]! : 0
    // The second byte is where overlong forms, surrogates and values above U+10FFFF show.
    const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < lowest || second > highest) return false
    if (lead < 0xf0) {
      if (at + 3 > end || (bytes[at + 2]! & 0xc0) !== 0x80) return false
      at += 3
    } else {
      if (at + 4 > end || ((bytes[at + 2]! & 0xc0) | ((bytes[at + 3]! & 0xc0) << 8)) !== 0x8080) return false
      at += 4
    }
  }
  return true
}
