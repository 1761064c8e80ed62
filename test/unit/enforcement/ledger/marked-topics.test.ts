import { expect, it } from 'vitest'
import { MarkedTopics } from '../../../../src/enforcement/ledger/marked-topics.ts'

const hourMs = 3_600_000

it('a topic is known from when its mark was first read, however often it is written again', () => {
  const marked = new MarkedTopics()
  expect([marked.has('t'), marked.isKnownSince('t', 1_000), marked.size]).toEqual([false, false, 0])
  marked.apply('t', 10, 1_000)
  marked.apply('t', 5_000, 5_001)
  expect([marked.has('t'), marked.size]).toEqual([true, 1])
  expect([999, 1_000].map((ms) => marked.isKnownSince('t', ms))).toEqual([false, true])
})

it('a mark is due where there is none, and a day after it was written', () => {
  const marked = new MarkedTopics()
  expect(marked.isDue('t', 0)).toBe(true)
  marked.apply('t', 1_000, 1_000)
  expect([24 * hourMs, 24 * hourMs + 1_001].map((ms) => marked.isDue('t', ms))).toEqual([false, true])
})

it('marks that nobody writes any more are told, and what is removed is unknown again', () => {
  const marked = new MarkedTopics()
  marked.apply('old', 1_000, 1_000)
  marked.apply('new', 2_000, 2_000)
  expect(marked.writtenBefore(2_000)).toEqual(['old'])
  marked.apply('old', null, 3_000)
  expect([marked.has('old'), marked.has('new')]).toEqual([false, true])
  marked.apply('old', 4_000, 4_000)
  expect(marked.isKnownSince('old', 3_999)).toBe(false)
  marked.clear()
  expect(marked.size).toBe(0)
})
