import { describe, expect, it } from 'vitest'
import { ForwardedBatches } from '../../../src/enforcement/forwarded-batches.ts'
import type { ChainPosition } from '../../../src/enforcement/sequence-gate.ts'

const at = (baseSequence: number, more: Partial<ChainPosition> = {}): ChainPosition => ({
  topic: 't',
  partition: 0,
  producerId: 9n,
  producerEpoch: 0,
  baseSequence,
  ...more
})

const batch = (text: string): Buffer => Buffer.from(text)

describe('ForwardedBatches', () => {
  it('knows a batch again by its place and its bytes', () => {
    const batches = new ForwardedBatches()
    expect(batches.has(at(0), batch('a'))).toBe(false)
    batches.add(at(0), batch('a'))
    expect(batches.has(at(0), batch('a'))).toBe(true)
    expect(batches.has(at(0), batch('b'))).toBe(false)
    expect(batches.has(at(1), batch('a'))).toBe(false)
  })

  it.each([
    ['topic', { topic: 'u' }],
    ['partition', { partition: 1 }],
    ['producer', { producerId: 8n }],
    ['newer epoch', { producerEpoch: 1 }]
  ])('does not take it for one of another %s', (_, other) => {
    const batches = new ForwardedBatches()
    batches.add(at(0), batch('a'))
    expect(batches.has(at(0, other), batch('a'))).toBe(false)
  })

  it('keeps no bytes of the batch: changing them afterwards changes nothing', () => {
    const batches = new ForwardedBatches()
    const bytes = batch('original')
    batches.add(at(0), bytes)
    bytes.fill(0)
    expect(batches.has(at(0), batch('original'))).toBe(true)
  })

  it('remembers the last five of a chain, as a broker does', () => {
    const batches = new ForwardedBatches()
    for (let sequence = 0; sequence < 6; sequence += 1) batches.add(at(sequence), batch(`${sequence}`))
    const known = [0, 1, 2, 3, 4, 5].filter((sequence) => batches.has(at(sequence), batch(`${sequence}`)))
    expect(known).toEqual([1, 2, 3, 4, 5])
  })

  it('counts a retry once, as the latest', () => {
    const batches = new ForwardedBatches()
    for (let sequence = 0; sequence < 5; sequence += 1) batches.add(at(sequence), batch(`${sequence}`))
    batches.add(at(0), batch('0'))
    batches.add(at(5), batch('5'))
    const known = [0, 1, 2, 3, 4, 5].filter((sequence) => batches.has(at(sequence), batch(`${sequence}`)))
    expect(known).toEqual([0, 2, 3, 4, 5])
  })

  it('goes by the latest records of a sequence that was used again', () => {
    const batches = new ForwardedBatches()
    batches.add(at(0), batch('first'))
    batches.add(at(0), batch('second'))
    expect([batches.has(at(0), batch('first')), batches.has(at(0), batch('second'))]).toEqual([false, true])
  })

  it('forgets an epoch when another begins', () => {
    const batches = new ForwardedBatches()
    batches.add(at(0), batch('a'))
    batches.add(at(0, { producerEpoch: 1 }), batch('b'))
    expect(batches.has(at(0), batch('a'))).toBe(false)
    expect(batches.has(at(0, { producerEpoch: 1 }), batch('b'))).toBe(true)
  })

  it('has a limit, and drops the chain that was used least recently', () => {
    const batches = new ForwardedBatches()
    const bytes = batch('a')
    for (let id = 0n; id < 20_000n; id += 1n) batches.add(at(0, { producerId: id }), bytes)
    expect(batches.has(at(0, { producerId: 0n }), bytes)).toBe(true)
    batches.add(at(0, { producerId: 20_000n }), bytes)
    expect(batches.has(at(0, { producerId: 0n }), bytes)).toBe(true)
    expect(batches.has(at(0, { producerId: 1n }), bytes)).toBe(false)
    expect(batches.has(at(0, { producerId: 20_000n }), bytes)).toBe(true)
  })
})
