/**
 * Functions of text: CEL's own, and its strings extension. Positions count code points. Every function does work
 * proportional to the text it reads and makes, and pays for it first.
 */
import { Fault } from '../cel.ts'
import type { Result } from '../cel.ts'
import { spend, spendCopy, spendScan } from '../frame.ts'
import type { Frame } from '../frame.ts'
import { compileDynamicPattern } from '../pattern.ts'
import type { Pattern } from '../pattern.ts'
import { bool, int, listOf, string } from '../types.ts'
import { define } from './define.ts'
import type { Overload } from './define.ts'
import { format } from './format.ts'

const outside = new Fault('the position is outside the text')

/** The text cut into code points, or itself when every UTF-16 unit is one. */
type Points = string | readonly string[]

function pointsOf(text: string, frame: Frame): Points {
  spendCopy(frame, text.length)
  if (!/[\ud800-\udfff]/.test(text)) return text
  spend(frame, text.length)
  return Array.from(text)
}

function slice(points: Points, start: number, end: number): string {
  return typeof points === 'string' ? points.slice(start, end) : points.slice(start, end).join('')
}

function codePoints(text: string, frame: Frame): bigint {
  spendCopy(frame, text.length)
  let pairs = 0
  for (let i = 0; i + 1 < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) pairs += 1
  }
  return BigInt(text.length - pairs)
}

/** A long needle in a repetitive text can cost their product. */
function spendSearch(frame: Frame, text: string, needle: string): void {
  spendScan(frame, text.length * (1 + needle.length / 64))
}

function charAt(text: string, position: bigint, frame: Frame): Result {
  const points = pointsOf(text, frame)
  const at = Number(position)
  return at < 0 || at > points.length ? outside : slice(points, at, at + 1)
}

function substring(text: string, start: bigint, end: bigint | null, frame: Frame): Result {
  const points = pointsOf(text, frame)
  const [from, to] = [Number(start), end === null ? points.length : Number(end)]
  return from < 0 || to > points.length || from > to ? outside : slice(points, from, to)
}

/** `from` is where the search starts; the end of the text when it goes backwards and nothing was said. */
function indexOf(text: string, needle: string, from: bigint | null, backwards: boolean, frame: Frame): Result {
  spendSearch(frame, text, needle)
  const points = pointsOf(text, frame)
  const start = from === null ? (backwards ? points.length : 0) : Number(from)
  if (from !== null && needle === '') return start < 0 || start > points.length ? outside : from
  if (from !== null && (start < 0 || start >= points.length)) return outside
  if (typeof points === 'string') {
    return BigInt(backwards ? points.lastIndexOf(needle, start) : points.indexOf(needle, start))
  }
  const startUnits = slice(points, 0, start).length
  const found = backwards ? text.lastIndexOf(needle, startUnits) : text.indexOf(needle, startUnits)
  return found < 0 ? -1n : codePoints(text.slice(0, found), frame)
}

/** At most `limit` replacements; negative: all. An empty `old` is found before every code point and at the end. */
function replace(text: string, old: string, replacement: string, limit: bigint, frame: Frame): Result {
  const most = limit < 0n ? Infinity : Number(limit)
  if (old !== '') {
    const parts = cut(text, old, most + 1, frame)
    spendCopy(frame, text.length + (parts.length - 1) * replacement.length)
    return parts.join(replacement)
  }
  const points = pointsOf(text, frame)
  const count = Math.min(most, points.length + 1)
  spendCopy(frame, text.length * 8 + count * replacement.length)
  let result = ''
  for (let i = 0; i < count; i++) result += replacement + (points[i] ?? '')
  return result + slice(points, count, points.length)
}

/** The text cut at the separator into at most `limit` parts, the last with all that is left. */
function cut(text: string, separator: string, limit: number, frame: Frame): string[] {
  spendSearch(frame, text, separator)
  if (separator === '') {
    const points = Array.from(pointsOf(text, frame))
    spend(frame, points.length * 2)
    return points.length <= limit ? points : [...points.slice(0, limit - 1), points.slice(limit - 1).join('')]
  }
  const parts: string[] = []
  let from = 0
  while (parts.length < limit - 1) {
    const next = text.indexOf(separator, from)
    if (next < 0) break
    spend(frame, 4)
    parts.push(text.slice(from, next))
    from = next + separator.length
  }
  parts.push(text.slice(from))
  return parts
}

function split(text: string, separator: string, limit: bigint, frame: Frame): Result {
  if (limit === 0n) return []
  return cut(text, separator, limit < 0n ? Infinity : Number(limit), frame)
}

function joinTexts(items: readonly unknown[], separator: string, frame: Frame): Result {
  let length = 0
  for (const item of items) {
    if (typeof item !== 'string') return new Fault('join() needs a list of strings')
    length += item.length + separator.length
  }
  spendCopy(frame, length + items.length * 8)
  return items.join(separator)
}

/** Unicode's White_Space, as Go trims it. Not a regular expression: `\s+$` takes quadratic time on inner spaces. */
function isSpace(unit: number): boolean {
  if (unit < 0x80) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d)
  if (unit >= 0x2000 && unit <= 0x200a) return true
  return [0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000].includes(unit)
}

function trim(text: string, frame: Frame): string {
  spendCopy(frame, text.length)
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** The letters of ASCII alone; others stay as they are. */
function changeCase(text: string, letters: RegExp, change: (letters: string) => string, frame: Frame): string {
  spendCopy(frame, text.length)
  if (!/[\u0080-\uffff]/.test(text)) return change(text)
  // A call for every run of letters, which may be as short as one.
  spend(frame, text.length * 4)
  return text.replace(letters, change)
}

const escapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\'
}

function quote(text: string, frame: Frame): string {
  // A call for every character that is escaped.
  spend(frame, text.length * 4)
  // eslint-disable-next-line no-control-regex -- the bell is one of the characters to escape
  return `"${text.toWellFormed().replace(/[\x07\b\t\n\v\f\r"\\]/g, (character) => escapes[character]!)}"`
}

/** Searches after paying for the worst the pattern can cost on that text. */
export function search(pattern: Pattern, text: string, frame: Frame): Result {
  if (text.length > pattern.textLimit) return new Fault('the text is too long to be searched for that pattern')
  spend(frame, text.length * pattern.ticksPerUnit)
  return pattern.test(text)
}

function matches(text: string, source: string, frame: Frame): Result {
  const { pattern, fresh } = compileDynamicPattern(source)
  if (!pattern.ok) return new Fault('the pattern does not compile')
  if (fresh) spend(frame, 1000 + pattern.size * 100)
  return search(pattern, text, frame)
}

export const strings: readonly Overload[] = [
  define('global', 'size', ['string'], int, ([text], frame) => codePoints(text, frame)),
  define('member', 'size', ['string'], int, ([text], frame) => codePoints(text, frame)),
  define('member', 'contains', ['string', 'string'], bool, ([text, part], frame) => {
    spendSearch(frame, text, part)
    return text.includes(part)
  }),
  define('member', 'startsWith', ['string', 'string'], bool, ([text, start], frame) => {
    spendScan(frame, start.length)
    return text.startsWith(start)
  }),
  define('member', 'endsWith', ['string', 'string'], bool, ([text, end], frame) => {
    spendScan(frame, end.length)
    return text.endsWith(end)
  }),
  define('member', 'matches', ['string', 'string'], bool, ([text, source], frame) => matches(text, source, frame)),
  define('global', 'matches', ['string', 'string'], bool, ([text, source], frame) => matches(text, source, frame)),

  define('member', 'charAt', ['string', 'int'], string, ([text, at], frame) => charAt(text, at, frame)),
  define('member', 'indexOf', ['string', 'string'], int, ([text, part], frame) =>
    indexOf(text, part, null, false, frame)
  ),
  define('member', 'indexOf', ['string', 'string', 'int'], int, ([text, part, from], frame) =>
    indexOf(text, part, from, false, frame)
  ),
  define('member', 'lastIndexOf', ['string', 'string'], int, ([text, part], frame) =>
    indexOf(text, part, null, true, frame)
  ),
  define('member', 'lastIndexOf', ['string', 'string', 'int'], int, ([text, part, from], frame) =>
    indexOf(text, part, from, true, frame)
  ),
  define('member', 'lowerAscii', ['string'], string, ([text], frame) => {
    return changeCase(text, /[A-Z]+/g, (letters) => letters.toLowerCase(), frame)
  }),
  define('member', 'upperAscii', ['string'], string, ([text], frame) => {
    return changeCase(text, /[a-z]+/g, (letters) => letters.toUpperCase(), frame)
  }),
  define('member', 'replace', ['string', 'string', 'string'], string, ([text, old, by], frame) =>
    replace(text, old, by, -1n, frame)
  ),
  define('member', 'replace', ['string', 'string', 'string', 'int'], string, ([text, old, by, limit], frame) =>
    replace(text, old, by, limit, frame)
  ),
  define('member', 'reverse', ['string'], string, ([text], frame) => {
    spendCopy(frame, text.length * 8)
    return Array.from(text).reverse().join('')
  }),
  define('member', 'split', ['string', 'string'], listOf(string), ([text, by], frame) => split(text, by, -1n, frame)),
  define('member', 'split', ['string', 'string', 'int'], listOf(string), ([text, by, limit], frame) =>
    split(text, by, limit, frame)
  ),
  define('member', 'substring', ['string', 'int'], string, ([text, start], frame) =>
    substring(text, start, null, frame)
  ),
  define('member', 'substring', ['string', 'int', 'int'], string, ([text, start, end], frame) =>
    substring(text, start, end, frame)
  ),
  define('member', 'trim', ['string'], string, ([text], frame) => trim(text, frame)),
  define('member', 'join', ['list'], string, ([items], frame) => joinTexts(items, '', frame)),
  define('member', 'join', ['list', 'string'], string, ([items, by], frame) => joinTexts(items, by, frame)),
  define('member', 'format', ['string', 'list'], string, ([text, args], frame) => format(text, args, frame)),
  define('global', 'strings.quote', ['string'], string, ([text], frame) => quote(text, frame))
]

export const sizes: readonly Overload[] = (['global', 'member'] as const).flatMap((form) => [
  define(form, 'size', ['bytes'], int, ([bytes]) => BigInt(bytes.length)),
  define(form, 'size', ['list'], int, ([list]) => BigInt(list.length)),
  define(form, 'size', ['map'], int, ([map]) => BigInt(map.size))
])
