/** The accessors of timestamps (in UTC, or in a zone given by name or offset) and durations. */
import { Fault } from '../cel.ts'
import { spend } from '../frame.ts'
import { localTime } from '../time.ts'
import { int } from '../types.ts'
import { define } from './define.ts'
import type { Overload } from './define.ts'

/** Asking the calendar of an IANA zone takes a few microseconds. */
const calendarTicks = 500

const millisecondsPerDay = 86_400_000

function dayOfYear(date: Date): number {
  const newYear = new Date(date.getTime())
  newYear.setUTCMonth(0, 1)
  return Math.round((date.getTime() - newYear.getTime()) / millisecondsPerDay)
}

function accessor(name: string, read: (date: Date) => number): Overload[] {
  return [
    define('member', name, ['timestamp'], int, ([instant]) => {
      const date = localTime(instant, 'UTC')
      return date instanceof Fault ? date : BigInt(read(date))
    }),
    define('member', name, ['timestamp', 'string'], int, ([instant, zone], frame) => {
      spend(frame, calendarTicks)
      const date = localTime(instant, zone)
      return date instanceof Fault ? date : BigInt(read(date))
    })
  ]
}

export const times: readonly Overload[] = [
  ...accessor('getFullYear', (date) => date.getUTCFullYear()),
  ...accessor('getMonth', (date) => date.getUTCMonth()),
  ...accessor('getDate', (date) => date.getUTCDate()),
  ...accessor('getDayOfMonth', (date) => date.getUTCDate() - 1),
  ...accessor('getDayOfWeek', (date) => date.getUTCDay()),
  ...accessor('getDayOfYear', dayOfYear),
  ...accessor('getHours', (date) => date.getUTCHours()),
  ...accessor('getMinutes', (date) => date.getUTCMinutes()),
  ...accessor('getSeconds', (date) => date.getUTCSeconds()),
  ...accessor('getMilliseconds', (date) => date.getUTCMilliseconds()),

  // The whole span in that unit, except for milliseconds, which are what is left below a second.
  define('member', 'getHours', ['duration'], int, ([span]) => span.seconds / 3600n),
  define('member', 'getMinutes', ['duration'], int, ([span]) => span.seconds / 60n),
  define('member', 'getSeconds', ['duration'], int, ([span]) => span.seconds),
  define('member', 'getMilliseconds', ['duration'], int, ([span]) => BigInt(Math.trunc(span.nanos / 1_000_000)))
]
