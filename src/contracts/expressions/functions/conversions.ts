/** `int(x)`, `string(x)`, `timestamp(x)`, ...: from one type to another, an error where the value does not fit. */
import { Decimal, Uint } from '../../value.ts'
import { Fault, typeOf } from '../cel.ts'
import type { Result } from '../cel.ts'
import { spendCopy } from '../frame.ts'
import { checkedInt, checkedUint, formatDecimal, parseDecimal, toDecimal, truncateDecimal } from '../numbers.ts'
import {
  checkedTimestamp,
  durationOfSeconds,
  formatDuration,
  formatTimestamp,
  parseDuration,
  parseTimestamp
} from '../time.ts'
import { dyn, scalar } from '../types.ts'
import { define } from './define.ts'
import type { Overload } from './define.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

const trueTexts = new Set(['true', 'True', 'TRUE', 't', '1'])
const falseTexts = new Set(['false', 'False', 'FALSE', 'f', '0'])

function notA(kind: string): Fault {
  return new Fault(`this text cannot be read as a ${kind}`.replace('a int', 'an int'))
}

function parseInteger(text: string): bigint | null {
  // 20 characters hold every 64-bit integer; leading zeros beyond that are nobody's.
  return text.length <= 40 && /^[+-]?\d+$/.test(text) ? BigInt(text.replace('+', '')) : null
}

function parseInt64(text: string): Result {
  const value = parseInteger(text)
  return value === null ? notA('int') : checkedInt(value)
}

function parseUint64(text: string): Result {
  const value = parseInteger(text)
  return value === null ? notA('uint') : checkedUint(value)
}

const doubleWords: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, infinity: Infinity }

function parseDouble(text: string): Result {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text)
  const word = /^([+-]?)(nan|inf|infinity)$/i.exec(text)
  if (word === null) return notA('double')
  const value = doubleWords[word[2]!.toLowerCase()]!
  return word[1] === '-' ? -value : value
}

function parseBool(text: string): Result {
  if (trueTexts.has(text)) return true
  return falseTexts.has(text) ? false : notA('bool')
}

/** Towards zero. The bounds are exclusive because 2^63 - 1 itself is not a double. */
function doubleToInt(value: number): Result {
  return value > -(2 ** 63) && value < 2 ** 63 ? BigInt(Math.trunc(value)) : new Fault('the double does not fit an int')
}

function doubleToUint(value: number): Result {
  const fits = value >= 0 && value < 2 ** 64
  return fits ? new Uint(BigInt(Math.trunc(value))) : new Fault('the double does not fit a uint')
}

const notFinite = new Fault('infinity and NaN have no decimal form')

function decode(bytes: Uint8Array): Result {
  try {
    return utf8.decode(bytes)
  } catch {
    return new Fault('these bytes are not valid UTF-8')
  }
}

const int = scalar('int')
const uint = scalar('uint')
const double = scalar('double')
const decimal = scalar('decimal')
const string = scalar('string')
const timestamp = scalar('timestamp')
const duration = scalar('duration')

export const conversions: readonly Overload[] = [
  define('global', 'int', ['int'], int, ([x]) => x),
  define('global', 'int', ['uint'], int, ([x]) => checkedInt(x.value)),
  define('global', 'int', ['double'], int, ([x]) => doubleToInt(x)),
  define('global', 'int', ['decimal'], int, ([x]) => checkedInt(truncateDecimal(x))),
  define('global', 'int', ['string'], int, ([x]) => parseInt64(x)),
  define('global', 'int', ['timestamp'], int, ([x]) => x.seconds),
  define('global', 'int', ['duration'], int, ([x]) => x.seconds),

  define('global', 'uint', ['uint'], uint, ([x]) => x),
  define('global', 'uint', ['int'], uint, ([x]) => checkedUint(x)),
  define('global', 'uint', ['double'], uint, ([x]) => doubleToUint(x)),
  define('global', 'uint', ['decimal'], uint, ([x]) => checkedUint(truncateDecimal(x))),
  define('global', 'uint', ['string'], uint, ([x]) => parseUint64(x)),

  define('global', 'double', ['double'], double, ([x]) => x),
  define('global', 'double', ['int'], double, ([x]) => Number(x)),
  define('global', 'double', ['uint'], double, ([x]) => Number(x.value)),
  define('global', 'double', ['decimal'], double, ([x]) => Number(formatDecimal(x))),
  define('global', 'double', ['string'], double, ([x], frame) => {
    spendCopy(frame, x.length)
    return parseDouble(x)
  }),

  define('global', 'decimal', ['decimal'], decimal, ([x]) => x),
  define('global', 'decimal', ['int'], decimal, ([x]) => new Decimal(x, 0)),
  define('global', 'decimal', ['uint'], decimal, ([x]) => new Decimal(x.value, 0)),
  define('global', 'decimal', ['double'], decimal, ([x]) => (Number.isFinite(x) ? toDecimal(x) : notFinite)),
  define('global', 'decimal', ['string'], decimal, ([x]) => parseDecimal(x) ?? notA('decimal')),

  define('global', 'bool', ['bool'], scalar('bool'), ([x]) => x),
  define('global', 'bool', ['string'], scalar('bool'), ([x]) => parseBool(x)),

  define('global', 'string', ['string'], string, ([x]) => x),
  define('global', 'string', ['bool'], string, ([x]) => String(x)),
  define('global', 'string', ['int'], string, ([x]) => String(x)),
  define('global', 'string', ['uint'], string, ([x]) => String(x.value)),
  define('global', 'string', ['double'], string, ([x]) => String(x)),
  define('global', 'string', ['decimal'], string, ([x], frame) => {
    spendCopy(frame, Math.abs(x.scale))
    return formatDecimal(x)
  }),
  define('global', 'string', ['timestamp'], string, ([x]) => formatTimestamp(x)),
  define('global', 'string', ['duration'], string, ([x]) => formatDuration(x)),
  define('global', 'string', ['bytes'], string, ([x], frame) => {
    spendCopy(frame, x.length)
    return decode(x)
  }),

  define('global', 'bytes', ['bytes'], scalar('bytes'), ([x]) => x),
  define('global', 'bytes', ['string'], scalar('bytes'), ([x], frame) => {
    spendCopy(frame, x.length)
    return encoder.encode(x)
  }),

  define('global', 'timestamp', ['timestamp'], timestamp, ([x]) => x),
  define('global', 'timestamp', ['string'], timestamp, ([x]) => parseTimestamp(x)),
  define('global', 'timestamp', ['int'], timestamp, ([x]) => checkedTimestamp(x, 0)),

  define('global', 'duration', ['duration'], duration, ([x]) => x),
  define('global', 'duration', ['string'], duration, ([x]) => parseDuration(x)),
  define('global', 'duration', ['int'], duration, ([x]) => durationOfSeconds(x)),

  define('global', 'type', ['dyn'], scalar('type'), ([x]) => typeOf(x)),
  define('global', 'dyn', ['dyn'], dyn, ([x]) => x)
]
