import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault } from '../../../../src/contracts/expressions/cel.ts'
import {
  formatDuration,
  formatTimestamp,
  localTime,
  parseDuration,
  parseTimestamp
} from '../../../../src/contracts/expressions/time.ts'
import { Duration, Timestamp } from '../../../../src/contracts/value.ts'
import { outcome } from './support.ts'

const secondsOfYears1To9999 = fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n })
const nanos = fc.integer({ min: 0, max: 999_999_999 })

describe('timestamps', () => {
  it('read back what they are written as', () => {
    fc.assert(
      fc.property(secondsOfYears1To9999, nanos, (seconds, fraction) => {
        const value = new Timestamp(seconds, fraction)
        expect(parseTimestamp(formatTimestamp(value) as string)).toEqual(value)
      })
    )
  })

  it.each([
    ['1970-01-01T00:00:00Z', 0n, 0],
    ['1970-01-01t00:00:00z', 0n, 0],
    ['1969-12-31T23:59:59.5Z', -1n, 500_000_000],
    ['2026-01-01T02:30:00+02:30', 1_767_225_600n, 0],
    ['2025-12-31T22:00:00-02:00', 1_767_225_600n, 0],
    ['2024-02-29T00:00:00.000000001Z', 1_709_164_800n, 1],
    ['0001-01-01T00:00:00Z', -62_135_596_800n, 0]
  ])('%s', (text, seconds, fraction) => {
    expect(parseTimestamp(text)).toEqual(new Timestamp(seconds, fraction))
  })

  it.each([
    '2023-02-29T00:00:00Z',
    '2023-13-01T00:00:00Z',
    '2023-00-01T00:00:00Z',
    '2023-01-01T24:00:00Z',
    '2023-01-01T23:60:00Z',
    '2016-12-31T23:59:60Z',
    '2023-01-01T00:00:00',
    '2023-01-01',
    '2023-01-01 00:00:00Z',
    '2023-01-01T00:00:00.0000000001Z',
    '2023-01-01T00:00:00+24:00',
    '0000-12-31T23:59:59Z',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '10000-01-01T00:00:00Z',
    ''
  ])('are not made of %j', (text) => {
    expect(parseTimestamp(text)).toBeInstanceOf(Fault)
  })

  it('in milliseconds, microseconds and nanoseconds are written with 3, 6 and 9 digits', () => {
    expect([120_000_000, 120_000, 120].map((fraction) => formatTimestamp(new Timestamp(0n, fraction)))).toEqual([
      '1970-01-01T00:00:00.120Z',
      '1970-01-01T00:00:00.000120Z',
      '1970-01-01T00:00:00.000000120Z'
    ])
  })

  it('are counted in seconds', () => {
    expect(outcome('timestamp(1767225600) == timestamp("2026-01-01T00:00:00Z")')).toBe(true)
    expect(outcome('int(timestamp)')).toBe(1_767_225_600n)
  })
})

describe('the calendar of a zone', () => {
  const summer = parseTimestamp('2026-07-01T23:30:15.250Z') as Timestamp

  it.each([
    ['UTC', '2026-07-01T23:30:15.250Z'],
    ['+02:00', '2026-07-02T01:30:15.250Z'],
    ['02:00', '2026-07-02T01:30:15.250Z'],
    ['-09:30', '2026-07-01T14:00:15.250Z'],
    ['Europe/Berlin', '2026-07-02T01:30:15.250Z'],
    ['America/St_Johns', '2026-07-01T21:00:15.250Z'],
    ['Asia/Kathmandu', '2026-07-02T05:15:15.250Z']
  ])('%s', (zone, expected) => {
    expect((localTime(summer, zone) as Date).toISOString()).toBe(expected)
  })

  it('does not depend on the zone of the process, not even in its hours without a clock time', () => {
    const zone = process.env.TZ
    try {
      process.env.TZ = 'America/New_York'
      expect(outcome('timestamp("2026-03-08T02:30:00Z").getHours()')).toBe(2n)
      expect(outcome('timestamp("2026-03-08T02:30:00Z").getHours("UTC")')).toBe(2n)
      expect(outcome('timestamp("2026-12-31T12:00:00Z").getDayOfYear()')).toBe(364n)
    } finally {
      if (zone === undefined) delete process.env.TZ
      else process.env.TZ = zone
    }
  })

  it('knows daylight saving and years before 100', () => {
    expect(outcome('timestamp("2026-01-15T12:00:00Z").getHours("Europe/Berlin")')).toBe(13n)
    expect(outcome('timestamp("0050-06-01T00:00:00Z").getFullYear()')).toBe(50n)
    expect(outcome('timestamp("0001-01-01T00:00:00Z").getFullYear("-01:00")')).toBe(0n)
    expect(outcome('timestamp("0001-01-01T00:00:00Z").getFullYear("America/New_York")')).toBe(0n)
    expect(outcome('timestamp("1969-12-31T23:59:59.999Z").getMilliseconds("Europe/Berlin")')).toBe(999n)
  })

  it.each(['', 'Mars/Base', '+2', '2026', 'Europe/Berlin\n', 'x'.repeat(100), '+1:00'])('%j is none', (zone) => {
    expect(localTime(summer, zone)).toBeInstanceOf(Fault)
  })
})

describe('durations', () => {
  it('read back what they are written as', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -9_000_000_000n, max: 9_000_000_000n }), nanos, (seconds, fraction) => {
        const value = new Duration(seconds, seconds < 0n ? 0 - fraction : fraction)
        expect(parseDuration(formatDuration(value))).toEqual(value)
      })
    )
  })

  it.each([
    ['0', 0n, 0],
    ['-0', 0n, 0],
    ['90s', 90n, 0],
    ['1h30m', 5400n, 0],
    ['-1.5s', -1n, -500_000_000],
    ['250ms', 0n, 250_000_000],
    ['1.5h', 5400n, 0],
    ['.5s', 0n, 500_000_000],
    ['1us2ns', 0n, 1002],
    ['1µs', 0n, 1000],
    ['+1m', 60n, 0]
  ])('%s', (text, seconds, fraction) => {
    expect(parseDuration(text)).toEqual(new Duration(seconds, fraction))
  })

  it.each(['', '5', 's', '.s', '1d', '1h 30m', '1,5s', '5 minutes', '1e3s', '300000000000s', `${'1'.repeat(130)}s`])(
    'are not made of %j',
    (text) => {
      expect(parseDuration(text)).toBeInstanceOf(Fault)
    }
  )
})
