import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawSchedule, randomFrom } from '../../../support/faults/schedule.ts'

const options = { instances: 2, nodes: 3 }

describe('a schedule of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(drawSchedule({ ...options, seed: 7, durationMs: 60_000 })).toEqual(
      drawSchedule({ ...options, seed: 7, durationMs: 60_000 })
    )
    expect(drawSchedule({ ...options, seed: 8, durationMs: 60_000 })).not.toEqual(
      drawSchedule({ ...options, seed: 7, durationMs: 60_000 })
    )
  })

  it('kills both instances and leaves the end of the run alone', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 20_000, max: 600_000 }), (seed, durationMs) => {
        const faults = drawSchedule({ ...options, seed, durationMs })
        const killed = faults.flatMap((fault) => (fault.kind === 'proxy' ? [fault.instance] : []))
        if (durationMs > 300_000) expect([...new Set(killed)].sort()).toEqual([0, 1])
        expect(killed.length).toBeGreaterThanOrEqual(Math.floor((durationMs - 4_000) / 8_000) - 1)
        for (const fault of faults) {
          const over = fault.kind === 'broker' ? fault.atMs + fault.downMs : fault.atMs
          expect(over).toBeLessThan(durationMs - 4_000)
        }
        expect(faults.map(({ atMs }) => atMs)).toEqual(faults.map(({ atMs }) => atMs).sort((a, b) => a - b))
      }),
      { numRuns: 30 }
    )
  })

  it('kills one broker at a time, so that two of three are always there', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        let upAgainMs = 0
        for (const fault of drawSchedule({ ...options, seed, durationMs: 600_000 })) {
          if (fault.kind !== 'broker') continue
          expect(fault.atMs).toBeGreaterThan(upAgainMs)
          expect(fault.node).toBeLessThan(3)
          upAgainMs = fault.atMs + fault.downMs
        }
        expect(upAgainMs).toBeGreaterThan(0)
      }),
      { numRuns: 30 }
    )
  })

  it('draws from the whole range', () => {
    const random = randomFrom(1)
    const drawn = Array.from({ length: 1_000 }, random)
    expect(Math.min(...drawn)).toBeLessThan(0.01)
    expect(Math.max(...drawn)).toBeGreaterThan(0.99)
    expect(Math.max(...drawn)).toBeLessThan(1)
  })
})
