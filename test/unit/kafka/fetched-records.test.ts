import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildBatch, MalformedBatchError, type BatchContents } from '../../../protocol/records/batch.ts'
import { readFetched } from '../../../src/kafka/fetched-records.ts'

function batch(baseOffset: number, values: readonly string[], contents: Partial<BatchContents> = {}): Buffer {
  return buildBatch({
    records: values.map((value) => ({ key: Buffer.from('k'), value: Buffer.from(value), timestamp: 1 })),
    baseOffset: BigInt(baseOffset),
    ...contents
  })
}

function transactional(baseOffset: number, producerId: bigint, ...values: string[]): Buffer {
  return batch(baseOffset, values, { producerId, producerEpoch: 0, baseSequence: 0, transactional: true })
}

function marker(baseOffset: number, producerId: bigint, type: 'abort' | 'commit'): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  return buildBatch({
    records: [{ key, value: Buffer.alloc(6), timestamp: 1 }],
    baseOffset: BigInt(baseOffset),
    producerId,
    producerEpoch: 0,
    transactional: true,
    control: true
  })
}

function read(records: Buffer, offset = 0, aborted: [producerId: bigint, firstOffset: bigint][] | null = null) {
  const abortedTransactions = (aborted ?? []).map(([producerId, firstOffset]) => ({ producerId, firstOffset }))
  const isolation = aborted === null ? 'uncommitted' : 'committed'
  const found = readFetched({ records, abortedTransactions }, BigInt(offset), isolation)
  return { values: found.records.map((r) => String(r.value)), next: Number(found.nextOffset) }
}

describe('readFetched', () => {
  it('leaves out what lies below the offset that was asked for, and tells where to go on', () => {
    const records = Buffer.concat([batch(10, ['a', 'b', 'c']), batch(13, ['d'])])
    expect(read(records, 12)).toEqual({ values: ['c', 'd'], next: 14 })
    expect(read(Buffer.alloc(0), 12)).toEqual({ values: [], next: 12 })
  })

  it('leaves out a batch that is cut off, and never goes back', () => {
    const whole = batch(3, ['a'])
    const cut = batch(4, ['b']).subarray(0, -1)
    expect(read(Buffer.concat([whole, cut]), 3)).toEqual({ values: ['a'], next: 4 })
    expect(read(whole, 9)).toEqual({ values: [], next: 9 })
  })

  it('goes past markers and past what compaction has emptied', () => {
    const emptied = Buffer.from(batch(5, ['a', 'b']).subarray(0, 61))
    emptied.writeInt32BE(61 - 12, 8)
    emptied.writeInt32BE(0, 57)
    const records = Buffer.concat([transactional(3, 1n, 'x'), marker(4, 1n, 'abort')])
    expect(read(records, 3, [[1n, 3n]])).toEqual({ values: [], next: 5 })
    expect(read(sealed(emptied), 5)).toEqual({ values: [], next: 7 })
  })

  it('hands over everything when committed records were not asked for', () => {
    const records = Buffer.concat([transactional(0, 1n, 'a'), marker(1, 1n, 'abort'), batch(2, ['b'])])
    expect(read(records)).toEqual({ values: ['a', 'b'], next: 3 })
  })

  it('leaves out aborted transactions, and only those, when transactions of several producers are mixed', () => {
    const records = Buffer.concat([
      transactional(0, 1n, 'a1'),
      transactional(1, 2n, 'b1'),
      batch(2, ['plain'], { producerId: 1n, producerEpoch: 0, baseSequence: 5 }),
      transactional(3, 1n, 'a2'),
      marker(4, 1n, 'abort'),
      transactional(5, 1n, 'a3'),
      marker(6, 2n, 'commit'),
      marker(7, 1n, 'commit'),
      transactional(8, 2n, 'b2'),
      marker(9, 2n, 'abort')
    ])
    const aborted: [bigint, bigint][] = [
      [2n, 8n],
      [1n, 0n]
    ]
    expect(read(records, 0, aborted)).toEqual({ values: ['b1', 'plain', 'a3'], next: 10 })
    expect(read(records.subarray(0), 3, aborted).values).toEqual(['a3'])
  })

  it('knows a transaction that was aborted from before what was fetched', () => {
    const records = Buffer.concat([transactional(20, 1n, 'a'), marker(21, 1n, 'abort'), transactional(22, 1n, 'b')])
    expect(read(records, 20, [[1n, 4n]])).toEqual({ values: ['b'], next: 23 })
  })

  it('takes a marker without its key for none', () => {
    const broken = buildBatch({
      records: [{ key: Buffer.from([0]), value: null, timestamp: 1 }],
      baseOffset: 1n,
      producerId: 1n,
      control: true
    })
    const records = Buffer.concat([transactional(0, 1n, 'a'), broken, transactional(2, 1n, 'b')])
    expect(read(records, 0, [[1n, 0n]])).toEqual({ values: [], next: 3 })
  })

  it('refuses damaged batches with a typed error and nothing else', () => {
    const good = Buffer.concat([transactional(0, 1n, 'a'), marker(1, 1n, 'abort'), batch(2, ['b', 'c'])])
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bytes = Buffer.from(good)
        bytes[at]! ^= flip
        try {
          expect(read(bytes, 0, [[1n, 0n]]).next).toBeGreaterThanOrEqual(0)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBatchError)
        }
      })
    )
  })
})

/** With a checksum that matches again. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

function crc32c(bytes: Buffer): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0)
  }
  return (crc ^ 0xffff_ffff) >>> 0
}
