import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Refusal } from '../../../src/observability/refusal-journal.ts'
import { RefusalJournal, maxTextLength } from '../../../src/observability/refusal-journal.ts'

const sample: Refusal = {
  atMs: 1_000,
  topic: 'orders',
  partition: 0,
  clientId: 'checkout',
  principal: null,
  policy: 'orders@3f2a91c04b7e',
  verdict: 'reject',
  errorCode: 87,
  baseSequence: 4,
  batchIndex: 2,
  rule: 'amount-positive',
  path: 'value.amount',
  message: 'amount must be above zero',
  expected: '> 0',
  found: 'double'
}

function journal(entries = 100, bytes = 1_000_000): RefusalJournal {
  return new RefusalJournal({ entries, bytes })
}

describe('an entry', () => {
  it('holds what was reported', () => {
    const under = journal()
    under.record(sample)
    expect(under.query({}, 0, 10)).toEqual({
      items: [
        {
          ...sample,
          id: 1,
          lastAtMs: 1_000,
          count: 1,
          offset: null,
          lastOffset: null,
          quarantineTopic: null,
          quarantineId: null
        }
      ],
      total: 1
    })
  })

  it('counts up for a second, then a new one begins', () => {
    const under = journal()
    for (const atMs of [1_000, 1_400, 1_999]) under.record({ ...sample, atMs, batchIndex: atMs })
    under.record({ ...sample, atMs: 2_000 })
    const { items } = under.query({}, 0, 10)
    expect(items.map(({ count, atMs, lastAtMs, batchIndex }) => ({ count, atMs, lastAtMs, batchIndex }))).toEqual([
      { count: 1, atMs: 2_000, lastAtMs: 2_000, batchIndex: 2 },
      { count: 3, atMs: 1_000, lastAtMs: 1_999, batchIndex: 1_000 }
    ])
  })

  it.each([
    ['topic', 'other'],
    ['partition', 1],
    ['clientId', 'another'],
    ['clientId', null],
    ['principal', 'User:a'],
    ['rule', 'schema'],
    ['path', 'value.country'],
    ['verdict', 'observe'],
    ['policy', 'orders@000000000000']
  ] as const)('is another one when the %s differs', (field, value) => {
    const under = journal()
    under.record(sample)
    under.record({ ...sample, [field]: value })
    expect(under.size).toBe(2)
  })

  it('is not changed by what is handed out', () => {
    const under = journal()
    under.record(sample)
    const before = under.query({}, 0, 1).items[0]
    under.record(sample)
    expect(before?.count).toBe(1)
  })

  it('has long texts cut', () => {
    const under = journal()
    under.record({
      ...sample,
      message: 'x'.repeat(1_000_000),
      path: 'p'.repeat(1_000_000),
      clientId: 'c'.repeat(1_000_000)
    })
    const entry = under.query({}, 0, 1).items[0]!
    expect([entry.message.length, entry.path.length, entry.clientId?.length]).toEqual([
      maxTextLength,
      maxTextLength,
      maxTextLength
    ])
    expect(under.bytes).toBeLessThan(30_000)
  })
})

describe('queries', () => {
  const under = journal()
  const topics = ['orders', 'payments']
  for (let index = 0; index < 40; index++) {
    under.record({
      ...sample,
      atMs: 1_000 * index,
      topic: topics[index % 2]!,
      clientId: `client-${index % 4}`,
      principal: index % 8 === 0 ? 'User:a' : null,
      rule: index % 5 === 0 ? 'schema' : 'amount-positive',
      offset: index * 10
    })
  }

  it('give the newest first, in pages', () => {
    const first = under.query({}, 0, 15)
    const second = under.query({}, 15, 15)
    const third = under.query({}, 30, 15)
    expect([first.total, second.total, third.total]).toEqual([40, 40, 40])
    const all = [...first.items, ...second.items, ...third.items].map((entry) => entry.id)
    expect(all).toEqual(Array.from({ length: 40 }, (_, index) => 40 - index))
    expect(under.query({}, 40, 15)).toEqual({ items: [], total: 40 })
  })

  it('filter by topic, client, principal, rule, time and partition, all of them together', () => {
    expect(under.query({ topic: 'orders' }, 0, 1).total).toBe(20)
    expect(under.query({ clientId: 'client-1' }, 0, 1).total).toBe(10)
    expect(under.query({ principal: 'User:a' }, 0, 1).total).toBe(5)
    expect(under.query({ rule: 'schema' }, 0, 1).total).toBe(8)
    expect(under.query({ sinceMs: 30_000 }, 0, 1).total).toBe(10)
    expect(under.query({ partition: 1 }, 0, 1).total).toBe(0)
    expect(under.query({ topic: 'orders', clientId: 'client-1' }, 0, 1).total).toBe(0)
    expect(under.query({ topic: 'orders', principal: 'User:a', rule: 'schema' }, 0, 1).total).toBe(1)
  })

  it('find an offset, also one that was counted in', () => {
    expect(under.query({ topic: 'orders', offset: 20 }, 0, 9).items.map((entry) => entry.offset)).toEqual([20])
    expect(under.query({ offset: 21 }, 0, 9).total).toBe(0)
    const own = journal()
    for (const offset of [100, 105, 109]) own.record({ ...sample, offset })
    expect(own.query({ offset: 107 }, 0, 1).items[0]).toMatchObject({ offset: 100, lastOffset: 109, count: 3 })
    expect(own.query({ offset: 110 }, 0, 1).total).toBe(0)
  })

  it('an entry without an offset matches no offset', () => {
    const own = journal()
    own.record(sample)
    expect(own.query({ offset: 0 }, 0, 1).total).toBe(0)
  })
})

describe('bounds', () => {
  it('drop the oldest at the limit of entries', () => {
    const under = journal(3)
    for (let index = 0; index < 10; index++) under.record({ ...sample, rule: `r${index}` })
    expect(under.query({}, 0, 10).items.map((entry) => entry.rule)).toEqual(['r9', 'r8', 'r7'])
  })

  it('an entry that was dropped does not count up any more', () => {
    const under = journal(1)
    under.record({ ...sample, rule: 'a' })
    under.record({ ...sample, rule: 'b' })
    under.record({ ...sample, rule: 'a' })
    expect(under.query({}, 0, 10).items.map(({ rule, count }) => [rule, count])).toEqual([['a', 1]])
  })

  it('an entry larger than the whole journal is left out', () => {
    const under = journal(10, 100)
    under.record(sample)
    expect([under.size, under.bytes]).toEqual([0, 0])
  })

  it('hold for any input, and what is kept are the newest', () => {
    const refusal = fc.record({
      rule: fc.string({ maxLength: 5 }),
      message: fc.string({ maxLength: 2_000 }),
      atMs: fc.integer({ min: 0, max: 100_000 })
    })
    fc.assert(
      fc.property(fc.array(refusal, { maxLength: 150 }), fc.integer({ min: 1, max: 20 }), (refusals, entries) => {
        const under = journal(entries, 20_000)
        for (const one of refusals) {
          under.record({ ...sample, ...one })
          expect(under.size).toBeLessThanOrEqual(entries)
          expect(under.bytes).toBeLessThanOrEqual(20_000)
        }
        const ids = under.query({}, 0, 1000).items.map((entry) => entry.id)
        expect(ids).toHaveLength(under.size)
        for (let index = 1; index < ids.length; index++) expect(ids[index]).toBe(ids[index - 1]! - 1)
      })
    )
  })

  it('a flood of one kind takes one entry per second', () => {
    const under = journal(100)
    under.record({ ...sample, rule: 'rare', atMs: 0 })
    for (let index = 0; index < 100_000; index++) under.record({ ...sample, atMs: Math.floor(index / 10_000) * 1_000 })
    expect(under.size).toBe(11)
    expect(under.query({ rule: 'rare' }, 0, 1).total).toBe(1)
    expect(under.query({ rule: 'amount-positive' }, 0, 1).items[0]?.count).toBe(10_000)
  })
})
