import { expect, it } from 'vitest'
import { IncomingRate } from '../../../src/proxy/incoming-rate.ts'

const slow = (rate: IncomingRate, frame: number, nowMs: number): boolean => rate.tooSlow(frame, nowMs, 1_000, 10_000)

it('finds a frame too slow when a window has passed with less than the minimum', () => {
  const rate = new IncomingRate()
  expect(slow(rate, 1, 0)).toBe(false)
  rate.arrived(9_999)
  expect(slow(rate, 1, 9_999)).toBe(false)
  expect(slow(rate, 1, 10_000)).toBe(true)
})

it('counts anew in every window and with every frame', () => {
  const rate = new IncomingRate()
  expect(slow(rate, 1, 0)).toBe(false)
  rate.arrived(10_000)
  expect(slow(rate, 1, 10_000)).toBe(false)
  expect(slow(rate, 2, 19_999)).toBe(false)
  expect(slow(rate, 2, 29_998)).toBe(false)
  expect(slow(rate, 2, 29_999)).toBe(true)
})

it('does not count the time in which the client owed nothing', () => {
  const rate = new IncomingRate()
  expect(slow(rate, 1, 0)).toBe(false)
  rate.rest()
  expect(slow(rate, 1, 60_000)).toBe(false)
  expect(slow(rate, 1, 69_999)).toBe(false)
  expect(slow(rate, 1, 70_000)).toBe(true)
})
