import { describe, expect, it } from 'vitest'
import { parseDurationMs, parseSizeBytes } from '../../../src/contracts/units.ts'

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['10s', 10_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['14d', 1_209_600_000],
    ['0s', 0]
  ])('reads %s', (text, expected) => {
    expect(parseDurationMs(text)).toEqual({ ok: true, value: expected })
  })

  it.each([[10], ['10'], [0]])('refuses the bare number %j, because its unit is unknown', (written) => {
    const result = parseDurationMs(written)
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining('needs its unit') as string })
  })

  it.each([
    ['10 s'],
    ['1m30s'],
    ['-5s'],
    ['1.5h'],
    ['10S'],
    ['s'],
    [''],
    ['10KB'],
    [null],
    [true],
    [['10s']],
    ['10constructor']
  ])('refuses %j', (written) => {
    expect(parseDurationMs(written).ok).toBe(false)
  })

  it('refuses what milliseconds cannot hold exactly', () => {
    expect(parseDurationMs('999999999999999d').ok).toBe(false)
  })
})

describe('sizes', () => {
  it.each([
    ['12B', 12],
    ['1KB', 1000],
    ['1KiB', 1024],
    ['100MiB', 104_857_600],
    ['3MB', 3_000_000],
    ['1GB', 1_000_000_000],
    ['2GiB', 2_147_483_648]
  ])('reads %s', (text, expected) => {
    expect(parseSizeBytes(text)).toEqual({ ok: true, value: expected })
  })

  it.each([[1024], ['1024'], ['1kb'], ['1 MiB'], ['1.5MiB'], ['10s'], ['1TB']])(
    'refuses %j and says what would be right',
    (written) => {
      const result = parseSizeBytes(written)
      expect(result).toMatchObject({ ok: false, remedy: expect.stringContaining('MiB') as string })
    }
  )
})
