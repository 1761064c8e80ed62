import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  chainKey,
  decodeLedgerKey,
  decodeLedgerValue,
  decodeMarkKey,
  encodeLedgerKey,
  encodeLedgerValue,
  encodeMarkKey,
  markValue,
  UnreadableLedgerError
} from '../../../../src/enforcement/ledger/ledger-format.ts'

const chain = { topic: 'shop.orders', partition: 3, producerId: 2n ** 62n, producerEpoch: 7 }

describe('a key', () => {
  it('is read as it was written, by people too', () => {
    const key = encodeLedgerKey({ chain, claim: 'abc.1' })
    expect(key.toString()).toBe('["shop.orders",3,"4611686018427387904",7,"abc.1"]')
    expect(decodeLedgerKey(key)).toEqual({ chain, claim: 'abc.1' })
    expect(chainKey(decodeLedgerKey(key).chain)).toBe(chainKey(chain))
  })

  it.each([
    '',
    '{}',
    '[]',
    'null',
    '["t",0,9,0,"c"]',
    '["t",-1,"9",0,"c"]',
    '["t",0,"-9",0,"c"]',
    '["t",0,"9",0]',
    '\xff'
  ])('that is not one of ours is refused: %s', (text) => {
    expect(() => decodeLedgerKey(Buffer.from(text, 'latin1'))).toThrow(UnreadableLedgerError)
  })
})

describe('the mark of a topic', () => {
  it('has the name of the topic for a key, in a list of its own', () => {
    expect(encodeMarkKey('shop.orders').toString()).toBe('["shop.orders"]')
    expect(decodeMarkKey(encodeMarkKey('shop.orders'))).toBe('shop.orders')
    expect(markValue.toString()).toBe('{"v":1,"kind":"mark"}')
  })

  it.each(['', '[]', '[7]', '["t"', '"barrier"', 'null', '{}', '["t",0,"9",0,"c"]'])('is not read from %s', (text) => {
    expect(decodeMarkKey(Buffer.from(text))).toBeNull()
  })
})

describe('a value', () => {
  const batches = fc.array(
    fc.integer({ min: 1, max: 300 }).chain((count) =>
      fc.record({
        base: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        count: fc.constant(count),
        digest: fc.string(),
        dropped: fc.subarray(Array.from({ length: count }, (_, index) => index))
      })
    ),
    { maxLength: 8 }
  )

  it('is read as it was written', () => {
    fc.assert(
      fc.property(
        batches,
        fc.option(fc.nat()),
        fc.option(fc.nat()),
        fc.integer(),
        (list, acknowledged, contested, n) => {
          const droppedBelow = n === -(2 ** 31) ? 0 : n
          const state = { floor: 5, droppedBelow, batches: list, acknowledged, contested }
          const value = { kind: 'state' as const, claimOffset: 12n, state }
          expect(decodeLedgerValue(encodeLedgerValue(value))).toEqual(value)
        }
      )
    )
    expect(decodeLedgerValue(encodeLedgerValue({ kind: 'claim' }))).toEqual({ kind: 'claim' })
  })

  it('stays small however many records of a batch were taken out', () => {
    const dropped = Array.from({ length: 10_000 }, (_, index) => index).filter((index) => index % 3 === 0)
    const state = { floor: 0, droppedBelow: 0, acknowledged: null, contested: null }
    const size = (of: readonly number[]): number => {
      const batch = { base: 0, count: 10_000, digest: 'd', dropped: of }
      return encodeLedgerValue({ kind: 'state', claimOffset: 1n, state: { ...state, batches: [batch] } }).length
    }
    expect(size(dropped)).toBeLessThan(2_000)
    expect(size(Array.from({ length: 10_000 }, (_, index) => index))).toBeLessThan(200)
  })

  const valid = { v: 1, kind: 'state', claimOffset: '1', floor: 0, droppedBelow: 0, acknowledged: null, batches: [] }
  it.each([
    ['nothing', ''],
    ['another version', JSON.stringify({ ...valid, v: 2 })],
    ['no kind', JSON.stringify({ ...valid, kind: 'x' })],
    ['no offset', JSON.stringify({ ...valid, claimOffset: 1 })],
    ['a floor out of range', JSON.stringify({ ...valid, floor: 2 ** 31 })],
    ['a list of nothing', JSON.stringify({ ...valid, batches: [null] })],
    ['too large a batch', JSON.stringify({ ...valid, batches: [{ base: 0, count: 1e9, digest: '', dropped: '*' }] })],
    [
      'records that are not there',
      JSON.stringify({ ...valid, batches: [{ base: 0, count: 3, digest: '', dropped: '3' }] })
    ],
    ['a list backwards', JSON.stringify({ ...valid, batches: [{ base: 0, count: 9, digest: '', dropped: '4,2' }] })]
  ])('with %s is refused', (_, text) => {
    expect(() => decodeLedgerValue(Buffer.from(text))).toThrow(UnreadableLedgerError)
  })
})
