/**
 * The tokens of JSON, scanned where they lie. Each function takes the bytes, the place to begin and the end of the
 * payload, reads nothing outside of them, and gives the place behind the token, or -1 for what is refused or left to
 * the reference parser (`json/parse.ts`), which must take everything that is taken here.
 */

/** What every scanning function gives for what it does not take. */
export const failed = -1

/** Behind the white space at `at`. */
export function skipSpace(bytes: Uint8Array, at: number, end: number): number {
  let p = at
  while (p < end) {
    const byte = bytes[p]!
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) return p
    p++
  }
  return p
}

/** Behind a colon and the white space around it. */
export function skipColon(bytes: Uint8Array, at: number, end: number): number {
  const p = skipSpace(bytes, at, end)
  return p < end && bytes[p] === 0x3a ? skipSpace(bytes, p + 1, end) : failed
}

/**
 * From the first byte of a string's content to its closing quote, whose place is given; as `~place` (below -1) when
 * the content has escapes. Content is valid UTF-8 without control characters and without unpaired surrogates.
 */
export function scanString(bytes: Uint8Array, at: number, end: number): number {
  let p = at
  while (p < end && plainAscii[bytes[p]!] === 1) p++
  return p < end && bytes[p] === 0x22 ? p : scanSpecial(bytes, p, end)
}

/** By byte: 1 for the ASCII characters that stand for themselves in a string. */
export const plainAscii = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c ? 1 : 0
)

/** The same, byte by byte. */
export function scanSpecial(bytes: Uint8Array, at: number, end: number): number {
  let p = at
  let escaped = false
  while (p < end) {
    const byte = bytes[p]!
    if (byte === 0x22) return escaped ? ~p : p
    if (byte < 0x20) return failed
    if (byte === 0x5c) {
      p = scanEscape(bytes, p, end)
      if (p < 0) return failed
      escaped = true
    } else if (byte < 0x80) {
      p++
    } else {
      p = scanSequence(bytes, p, end)
      if (p < 0) return failed
    }
  }
  return failed
}

/** A sequence of UTF-8 of two to four bytes, as RFC 3629 has them. */
function scanSequence(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!
  if (lead < 0xc2 || lead > 0xf4) return failed
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  if (at + length > end) return failed
  const second = bytes[at + 1]!
  if (length === 2) return (second & 0xc0) === 0x80 ? at + 2 : failed
  // The second byte is where overlong forms, surrogates and values above U+10FFFF show.
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < lowest || second > highest || (bytes[at + 2]! & 0xc0) !== 0x80) return failed
  if (length === 3) return at + 3
  return (bytes[at + 3]! & 0xc0) === 0x80 ? at + 4 : failed
}

/** An escape; two of them where a surrogate needs its other half. */
function scanEscape(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 > end) return failed
  switch (bytes[at + 1]!) {
    case 0x22: // " \ / b f n r t
    case 0x5c:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return at + 2
    case 0x75: {
      const unit = hexUnit(bytes, at, end)
      if (unit < 0) return failed
      if (unit < 0xd800 || unit > 0xdfff) return at + 6
      if (unit > 0xdbff) return failed
      const low = hexUnit(bytes, at + 6, end)
      return low >= 0xdc00 && low <= 0xdfff ? at + 12 : failed
    }
    default:
      return failed
  }
}

/** The code unit of a `\uXXXX`, or -1. */
function hexUnit(bytes: Uint8Array, at: number, end: number): number {
  if (at + 6 > end || bytes[at] !== 0x5c || bytes[at + 1] !== 0x75) return failed
  let unit = 0
  for (let p = at + 2; p < at + 6; p++) {
    const byte = bytes[p]!
    const lower = byte | 0x20
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
    if (digit < 0) return failed
    unit = unit * 16 + digit
  }
  return unit
}

/** Code points of a string's content that was scanned before: what `minLength` and `maxLength` count. */
export function codePoints(bytes: Uint8Array, start: number, close: number): number {
  let count = 0
  for (let p = start; p < close;) {
    const byte = bytes[p]!
    if (byte === 0x5c) {
      if (bytes[p + 1] !== 0x75) p += 2
      else p += isHighSurrogate(bytes, p) ? 12 : 6
    } else {
      p += byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    }
    count++
  }
  return count
}

function isHighSurrogate(bytes: Uint8Array, at: number): boolean {
  const unit = hexUnit(bytes, at, at + 6)
  return unit >= 0xd800 && unit <= 0xdbff
}

/** Whether `expected` stands at `at`. */
export function standsAt(bytes: Uint8Array, at: number, end: number, expected: Uint8Array): boolean {
  if (at + expected.length > end) return false
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false
  return true
}

/** `true`, `false` or `null`. */
export function scanWord(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return failed
  const first = bytes[at]!
  if (first === 0x74)
    return bytes[at + 1] === 0x72 && bytes[at + 2] === 0x75 && bytes[at + 3] === 0x65 ? at + 4 : failed
  if (first === 0x6e)
    return bytes[at + 1] === 0x75 && bytes[at + 2] === 0x6c && bytes[at + 3] === 0x6c ? at + 4 : failed
  if (first !== 0x66 || at + 5 > end) return failed
  const isFalse = bytes[at + 1] === 0x61 && bytes[at + 2] === 0x6c && bytes[at + 3] === 0x73 && bytes[at + 4] === 0x65
  return isFalse ? at + 5 : failed
}
