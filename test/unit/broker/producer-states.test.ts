import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { advanceSequence, ProducerStates, type SequencedBatch } from '../../../src/broker/log/producer-states.ts'

const code = { outOfOrder: 45, invalidEpoch: 47 }

function batch(baseSequence: number, recordCount = 1, producerEpoch = 0, producerId = 1n): SequencedBatch {
  return { producerId, producerEpoch, baseSequence, recordCount }
}

/** Checks, and appends what is next at the given offset. */
function offer(
  states: ProducerStates,
  b: SequencedBatch,
  baseOffset = 0,
  nowMs = 0
): ReturnType<ProducerStates['check']> {
  const check = states.check(b, nowMs)
  if (check.kind === 'next') states.appended(b, baseOffset, nowMs)
  return check
}

describe('ProducerStates', () => {
  it('lets a producer it does not know start anywhere', () => {
    expect(offer(new ProducerStates(), batch(41, 3)).kind).toBe('next')
  })

  it('takes the next sequence and refuses a gap or a step back', () => {
    const states = new ProducerStates()
    offer(states, batch(0, 10))
    expect(offer(states, batch(11))).toMatchObject({ kind: 'refused', errorCode: code.outOfOrder })
    expect(offer(states, batch(9))).toMatchObject({ kind: 'refused', errorCode: code.outOfOrder })
    expect(offer(states, batch(10)).kind).toBe('next')
  })

  it('answers a repeat of the last five batches with its first offset, and refuses an older one', () => {
    const states = new ProducerStates()
    for (let i = 0; i < 6; i++) offer(states, batch(i * 2, 2), 100 + i * 2)
    for (let i = 1; i < 6; i++)
      expect(offer(states, batch(i * 2, 2))).toEqual({ kind: 'repeat', baseOffset: 100 + i * 2 })
    expect(offer(states, batch(0, 2))).toMatchObject({ kind: 'refused', errorCode: code.outOfOrder })
  })

  it('is not fooled by the same first sequence with another count', () => {
    const states = new ProducerStates()
    offer(states, batch(0, 5))
    expect(offer(states, batch(0, 4))).toMatchObject({ kind: 'refused', errorCode: code.outOfOrder })
  })

  it('demands 0 of a new epoch, fences the old one, and forgets its batches', () => {
    const states = new ProducerStates()
    offer(states, batch(0, 5))
    expect(offer(states, batch(5, 1, 1))).toMatchObject({ kind: 'refused', errorCode: code.outOfOrder })
    expect(offer(states, batch(0, 5, 1), 5).kind).toBe('next')
    expect(offer(states, batch(0, 5, 0))).toMatchObject({ kind: 'refused', errorCode: code.invalidEpoch })
    expect(offer(states, batch(0, 5, 1))).toEqual({ kind: 'repeat', baseOffset: 5 })
  })

  it('wraps from 2^31 - 1 to 0, also inside a batch', () => {
    const max = 0x7fff_ffff
    expect(advanceSequence(max, 1)).toBe(0)
    expect(advanceSequence(max - 1, 4)).toBe(2)
    const states = new ProducerStates()
    offer(states, batch(max - 1, 2), 7)
    expect(offer(states, batch(0, 3)).kind).toBe('next')
    const inside = new ProducerStates()
    offer(inside, batch(max - 1, 4), 7)
    expect(offer(inside, batch(max - 1, 4))).toEqual({ kind: 'repeat', baseOffset: 7 })
    expect(offer(inside, batch(2)).kind).toBe('next')
  })

  it('keeps producers apart', () => {
    const states = new ProducerStates()
    offer(states, batch(0, 5))
    expect(offer(states, batch(100, 1, 0, 2n)).kind).toBe('next')
    expect(states.active(0).map((p) => [p.producerId, p.lastSequence])).toEqual([
      [1n, 4],
      [2n, 100]
    ])
  })

  it('forgets a producer that was silent for a day', () => {
    const states = new ProducerStates()
    offer(states, batch(0, 5), 0, 0)
    expect(states.check(batch(77), 86_399_999)).toMatchObject({ kind: 'refused' })
    expect(states.check(batch(77), 86_400_000)).toEqual({ kind: 'next' })
    expect(states.active(86_400_000)).toEqual([])
  })

  it('holds a bounded number of producers, and lets the longest silent go first', () => {
    const states = new ProducerStates()
    for (let id = 0n; id < 10_001n; id++) offer(states, batch(0, 1, 0, id))
    expect(states.active(0)).toHaveLength(10_000)
    expect(states.active(0)[0]).toMatchObject({ producerId: 1n })
  })

  it('appends every record of a retrying producer exactly once, in order', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(counts, fc.array(fc.boolean()), (sizes, lost) => {
        const states = new ProducerStates()
        const log: number[] = []
        let sequence = 0x7fff_fffa
        for (const [index, size] of sizes.entries()) {
          const b = batch(sequence, size)
          // An answer that is lost makes the client send the same batch again.
          for (let sends = lost[index] === true ? 2 : 1; sends > 0; sends--) {
            const check = states.check(b, 0)
            expect(check.kind).not.toBe('refused')
            if (check.kind !== 'next') continue
            states.appended(b, log.length, 0)
            for (let i = 0; i < size; i++) log.push(advanceSequence(sequence, i))
          }
          sequence = advanceSequence(sequence, size)
        }
        expect(log).toEqual(log.map((_, i) => advanceSequence(0x7fff_fffa, i)))
        expect(log).toHaveLength(sizes.reduce((a, b) => a + b, 0))
      })
    )
  })
})
