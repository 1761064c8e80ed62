/** Timestamps and durations: text forms, arithmetic with CEL's ranges, and the calendar of a time zone. */
import { LRUCache } from 'lru-cache'
import { Duration, Timestamp } from '../value.ts'
import { Fault } from './cel.ts'
import { limits } from './limits.ts'

const nanosPerSecond = 1_000_000_000n
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the range of google.protobuf.Timestamp. */
const minSeconds = -62_135_596_800n
const maxSeconds = 253_402_300_799n
/** A duration is 64 bits of nanoseconds, about 292 years. */
const maxDurationNanos = 2n ** 63n - 1n

const nanosPerUnit: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: nanosPerSecond,
  m: 60n * nanosPerSecond,
  h: 3600n * nanosPerSecond
}

/** RFC 3339 with up to nine digits of fraction; a leap second is not a timestamp. */
export function parseTimestamp(text: string): Timestamp | Fault {
  const match = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/.exec(text)
  if (match === null) return notATimestamp()
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as SixNumbers
  // setUTCFullYear because Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  const validDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  if (!validDay || hour > 23 || minute > 59 || second > 59) return notATimestamp()
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)]
  if (offsetHours > 23 || offsetMinutes > 59) return notATimestamp()
  const offsetSeconds = (offsetHours * 60 + offsetMinutes) * 60 * (match[8] === '-' ? -1 : 1)
  const seconds = date.getTime() / 1000 + (hour * 60 + minute) * 60 + second - offsetSeconds
  return checkedTimestamp(BigInt(seconds), Number((match[7] ?? '').padEnd(9, '0')))
}

type SixNumbers = [number, number, number, number, number, number]

function notATimestamp(): Fault {
  return new Fault('this text is not a timestamp in RFC 3339, such as 2026-01-31T12:00:00Z')
}

export function checkedTimestamp(seconds: bigint, nanos: number): Timestamp | Fault {
  return seconds < minSeconds || seconds > maxSeconds
    ? new Fault('the timestamp is outside the years 1 to 9999')
    : new Timestamp(seconds, nanos)
}

export function formatTimestamp(value: Timestamp): string | Fault {
  const inRange = checkedTimestamp(value.seconds, value.nanos)
  if (inRange instanceof Fault) return inRange
  const whole = new Date(Number(value.seconds) * 1000).toISOString().slice(0, 19)
  return `${whole}${formatFraction(value.nanos)}Z`
}

/** `1h30m`, `-1.5s`, `250ms`, `0`: one or more numbers with units, at most 128 characters. */
export function parseDuration(text: string): Duration | Fault {
  if (/^[+-]?0$/.test(text)) return new Duration(0n, 0)
  if (text.length > 128 || !/^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) {
    return new Fault('this text is not a duration, such as 90s, 1h30m or 250ms')
  }
  let nanos = 0n
  for (const [, whole = '', fraction = '', unit = ''] of text.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const factor = nanosPerUnit[unit]!
    nanos += BigInt(whole) * factor + (BigInt(fraction) * factor) / 10n ** BigInt(fraction.length)
  }
  return durationOfNanos(text.startsWith('-') ? -nanos : nanos)
}

function durationOfNanos(nanos: bigint): Duration | Fault {
  if (nanos > maxDurationNanos || nanos < -maxDurationNanos - 1n) {
    return new Fault('the duration is longer than 292 years')
  }
  return new Duration(nanos / nanosPerSecond, Number(nanos % nanosPerSecond))
}

export function durationOfSeconds(seconds: bigint): Duration | Fault {
  return durationOfNanos(seconds * nanosPerSecond)
}

export function formatDuration(value: Duration): string {
  const negative = value.seconds < 0n || value.nanos < 0
  const seconds = negative ? -value.seconds : value.seconds
  return `${negative ? '-' : ''}${String(seconds)}${formatFraction(Math.abs(value.nanos))}s`
}

/** Milliseconds, microseconds or nanoseconds, whichever suffices, as Protobuf's JSON writes it. */
function formatFraction(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  if (nanos % 1_000_000 === 0) return `.${digits.slice(0, 3)}`
  return nanos % 1000 === 0 ? `.${digits.slice(0, 6)}` : `.${digits}`
}

type Instant = Timestamp | Duration

export function compareInstants(a: Instant, b: Instant): number {
  if (a.seconds !== b.seconds) return a.seconds < b.seconds ? -1 : 1
  return a.nanos - b.nanos
}

function nanosOf(value: Instant): bigint {
  return value.seconds * nanosPerSecond + BigInt(value.nanos)
}

function timestampOfNanos(nanos: bigint): Timestamp | Fault {
  const remainder = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond
  return checkedTimestamp((nanos - remainder) / nanosPerSecond, Number(remainder))
}

export function addDurations(a: Duration, b: Duration): Duration | Fault {
  return durationOfNanos(nanosOf(a) + nanosOf(b))
}

export function subtractDurations(a: Duration, b: Duration): Duration | Fault {
  return durationOfNanos(nanosOf(a) - nanosOf(b))
}

export function addToTimestamp(a: Timestamp, b: Duration): Timestamp | Fault {
  return timestampOfNanos(nanosOf(a) + nanosOf(b))
}

export function subtractFromTimestamp(a: Timestamp, b: Duration): Timestamp | Fault {
  return timestampOfNanos(nanosOf(a) - nanosOf(b))
}

export function timeBetween(a: Timestamp, b: Timestamp): Duration | Fault {
  return durationOfNanos(nanosOf(a) - nanosOf(b))
}

/**
 * The wall clock of a zone at an instant, as a Date whose UTC fields are the local ones. The zone is `UTC`, an offset
 * (`+02:00`, `02:00`, `-09:30`) or an IANA name.
 */
export function localTime(value: Timestamp, zone: string): Date | Fault {
  const inRange = checkedTimestamp(value.seconds, value.nanos)
  if (inRange instanceof Fault) return inRange
  const utcMs = Number(value.seconds) * 1000 + Math.floor(value.nanos / 1_000_000)
  if (zone === 'UTC') return new Date(utcMs)
  const offset = /^([+-]?)(\d\d):(\d\d)$/.exec(zone)
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3])
    return new Date(utcMs + (offset[1] === '-' ? -minutes : minutes) * 60_000)
  }
  const calendar = calendarOf(zone)
  return calendar instanceof Fault ? calendar : readCalendar(calendar, utcMs)
}

const calendars = new LRUCache<string, Intl.DateTimeFormat>({ max: limits.cachedTimeZones })

function calendarOf(zone: string): Intl.DateTimeFormat | Fault {
  const known = calendars.get(zone)
  if (known !== undefined) return known
  // The longest IANA name has 32 characters; some versions of Intl also take other spellings of offsets.
  if (zone.length > 64 || !/^[A-Za-z]/.test(zone)) return notAZone()
  try {
    const calendar = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric'
    })
    calendars.set(zone, calendar)
    return calendar
  } catch {
    return notAZone()
  }
}

function notAZone(): Fault {
  return new Fault('this text is not a time zone, such as UTC, +02:00 or Europe/Berlin')
}

function readCalendar(calendar: Intl.DateTimeFormat, utcMs: number): Date {
  const parts = new Map(calendar.formatToParts(utcMs).map((part) => [part.type, part.value]))
  const read = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type))
  const year = parts.get('era') === 'BC' ? 1 - read('year') : read('year')
  const local = new Date(0)
  local.setUTCFullYear(year, read('month') - 1, read('day'))
  local.setUTCHours(read('hour'), read('minute'), read('second'), ((utcMs % 1000) + 1000) % 1000)
  return local
}
