import { describe, expect, it } from 'vitest'
import type { JudgedBatch } from '../../../../src/enforcement/ledger/chain-state.ts'
import { Pipeline } from '../../../../src/enforcement/ledger/pipeline.ts'

function batch(base: number, dropped: readonly number[] = []): JudgedBatch {
  return { base, count: 2, digest: `${base}`, dropped }
}

describe('which batch may be sent', () => {
  it('is only the first of which something goes on, while one goes alone', () => {
    const pipeline = new Pipeline('chain')
    const plans = [batch(0, [0, 1]), batch(2), batch(4, [0, 1]), batch(6)].map((each) => pipeline.add(each, each.base))
    pipeline.advance(true)
    expect(plans.map(({ fate }) => fate)).toEqual(['cleared', 'cleared', 'cleared', 'waiting'])
    expect(pipeline.remove(plans[1]!)).toBe(true)
    expect(pipeline.remove(plans[1]!)).toBe(false)
    pipeline.advance(true)
    expect(plans[3]!.fate).toBe('cleared')
  })

  it('is every one otherwise', async () => {
    const pipeline = new Pipeline('chain')
    const plans = [batch(0), batch(2, [0])].map((each) => pipeline.add(each, each.base))
    pipeline.advance(false)
    await Promise.all(plans.map(({ cleared }) => cleared))
    expect(plans.map(({ fate, kept }) => [fate, kept])).toEqual([
      ['cleared', 2],
      ['cleared', 1]
    ])
  })
})

describe('what is under way', () => {
  it('is told by batch, and whether it was sent', () => {
    const pipeline = new Pipeline('chain')
    const first = batch(0)
    const plan = pipeline.add(first, 0)
    expect([pipeline.has(first), pipeline.has(batch(0)), pipeline.holdsUnsent]).toEqual([true, false, true])
    plan.fate = 'sent'
    expect([pipeline.holdsUnsent, pipeline.isEmpty]).toEqual([false, false])
  })

  it('has gone when the last one has left', async () => {
    const pipeline = new Pipeline('chain')
    await pipeline.drained()
    const plan = pipeline.add(batch(0), 0)
    let isDrained = false
    const drained = pipeline.drained().then(() => (isDrained = true))
    await Promise.resolve()
    expect(isDrained).toBe(false)
    pipeline.remove(plan)
    pipeline.advance(true)
    await drained
    expect(pipeline.isEmpty).toBe(true)
  })

  it('goes as a whole, and who waits sees what became of it', async () => {
    const pipeline = new Pipeline('chain')
    const plans = [pipeline.add(batch(0), 0), pipeline.add(batch(2), 2)]
    const drained = pipeline.drained()
    pipeline.empty((plan) => {
      plan.fate = 'moved'
    })
    await Promise.all([drained, ...plans.map(({ cleared }) => cleared)])
    expect(plans.map(({ fate }) => fate)).toEqual(['moved', 'moved'])
  })
})
