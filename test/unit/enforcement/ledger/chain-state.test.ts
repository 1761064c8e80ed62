import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChainState } from '../../../../src/enforcement/ledger/chain-state.ts'
import type { JudgedBatch } from '../../../../src/enforcement/ledger/chain-state.ts'
import { addSequence, sequenceDistance } from '../../../../src/enforcement/ledger/sequence.ts'

const batch = (base: number, count: number, dropped: readonly number[] = [], digest = 'd'): JudgedBatch => ({
  base,
  count,
  digest,
  dropped
})

const batches = fc.array(
  fc.integer({ min: 1, max: 20 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      dropped: fc.subarray(Array.from({ length: count }, (_, index) => index))
    })
  ),
  { minLength: 1, maxLength: 60 }
)

describe('sequences', () => {
  it('wrap at 2^31, and a wrap is told from a rewind', () => {
    expect(addSequence(2 ** 31 - 1, 1)).toBe(0)
    expect(addSequence(0, -1)).toBe(2 ** 31 - 1)
    expect(sequenceDistance(2 ** 31 - 2, 3)).toBe(5)
    expect(sequenceDistance(3, 2 ** 31 - 2)).toBe(-5)
  })
})

describe('the mapping', () => {
  it('shows the broker an unbroken chain of the records that are kept, across the wrap too', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 0, max: 2 ** 31 - 1 }), (list, start) => {
        const state = new ChainState(start)
        let base = start
        let expected = start
        for (const { count, dropped } of list) {
          state.add(batch(base, count, dropped))
          for (let index = 0; index < count; index += 1) {
            if (dropped.includes(index)) continue
            expect(state.up(addSequence(base, index))).toBe(expected)
            expected = addSequence(expected, 1)
          }
          base = addSequence(base, count)
        }
        expect(state.renumbers).toBe(list.some(({ dropped }) => dropped.length > 0))
      })
    )
  })

  it('is the same for the last batches after it was written and read again', () => {
    fc.assert(
      fc.property(batches, (list) => {
        const state = new ChainState(0)
        const bases: number[] = []
        let base = 0
        for (const { count, dropped } of list) {
          bases.push(base)
          state.add(batch(base, count, dropped))
          base += count
        }
        const again = new ChainState(state.snapshot(null, null))
        // As many as a client has in flight, and the one that comes next.
        for (const each of [...bases.slice(-5), base]) expect(again.up(each)).toBe(state.up(each))
        expect(again.renumbers).toBe(state.renumbers)
      })
    )
  })

  it('does not guess below what it still knows one by one', () => {
    const state = new ChainState(0)
    for (let base = 0; base < 100; base += 1) state.add(batch(base * 2, 2, [0]))
    expect(state.up(0)).toBeNull()
    expect(state.up(200)).toBe(100)
    expect(state.batches.length).toBeLessThanOrEqual(8)
  })

  it('keeps those of which nothing reached a broker, as far as they are not counted by it', () => {
    const state = new ChainState(0)
    state.add(batch(0, 2, [1]))
    for (let base = 1; base <= 20; base += 1) state.add(batch(base * 2, 2, [0, 1]))
    expect(state.at(0)).toBeDefined()
    for (let base = 21; base <= 200; base += 1) state.add(batch(base * 2, 2, [0, 1]))
    expect(state.batches.length).toBeLessThanOrEqual(24)
    expect(state.up(402)).toBe(1)
  })
})

describe('sequences that are used again', () => {
  it('follow what the broker has, above and below those it would have seen, and after they were written and read', () => {
    const sequence = fc.integer({ min: 0, max: 2 ** 31 - 1 })
    fc.assert(
      fc.property(batches, sequence, fc.integer({ min: -500, max: 500 }), (list, base, ahead) => {
        const state = new ChainState(addSequence(base, -100))
        state.add(batch(addSequence(base, -100), 100, [1, 2]))
        const up = addSequence(base, ahead)
        state.goOnFrom(base, up)
        expect(state.batches).toEqual([])
        const bases = [base]
        let expected = up
        for (const { count, dropped } of list) {
          const next = bases.at(-1)!
          state.add(batch(next, count, dropped))
          expect(state.up(next)).toBe(expected)
          expected = addSequence(expected, count - dropped.length)
          bases.push(addSequence(next, count))
        }
        const again = new ChainState(state.snapshot(null, null))
        for (const each of bases.slice(-5)) expect(again.up(each)).toBe(state.up(each))
        expect(again.up(bases.at(-1)!)).toBe(expected)
      })
    )
  })

  it('are renumbered though nothing is in quarantine, and what came before is not guessed', () => {
    const state = new ChainState(0)
    state.add(batch(0, 3))
    expect(state.renumbers).toBe(false)
    state.goOnFrom(0, 3)
    expect([state.renumbers, state.up(0), state.up(4)]).toEqual([true, 3, 7])
    expect(state.up(2 ** 31 - 1)).toBeNull()
  })
})

describe('what was decided', () => {
  it('is replaced from its base on by another decision', () => {
    const state = new ChainState(0)
    state.add(batch(0, 3, [1]))
    state.add(batch(3, 3, [0]))
    expect(state.add(batch(0, 2, [], 'other'))).toBe(true)
    expect(state.batches).toEqual([batch(0, 2, [], 'other')])
    expect(state.up(2)).toBe(2)
  })

  it('stays when a clean batch turns up before it that nobody had to write down', () => {
    const state = new ChainState({ floor: 0, droppedBelow: 0, batches: [batch(0, 3, [1]), batch(10, 5, [0])] })
    expect(state.add(batch(3, 7))).toBe(false)
    expect(state.batches.map(({ base }) => base)).toEqual([0, 3, 10])
    expect(state.up(15)).toBe(13)
  })

  it('does not stay when that batch lost records, or does not fit', () => {
    for (const earlier of [batch(3, 7, [2]), batch(3, 9)]) {
      const state = new ChainState({ floor: 0, droppedBelow: 0, batches: [batch(0, 3, [1]), batch(10, 5, [0])] })
      expect(state.add(earlier)).toBe(true)
      expect(state.batches.map(({ base }) => base)).toEqual([0, 3])
    }
  })
})
