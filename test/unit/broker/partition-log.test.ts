import { describe, expect, it } from 'vitest'
import { readRecords } from '../../../protocol/records/batch.ts'
import { PartitionLog } from '../../../src/broker/log/partition-log.ts'
import { batchOf } from './harness.ts'

function append(log: PartitionLog, values: readonly string[], timestamp = 1): number {
  return log.append({ bytes: batchOf(values, { timestamp }), recordCount: values.length, maxTimestampMs: timestamp })
}

describe('PartitionLog', () => {
  it('gives records consecutive offsets and keeps their checksums valid', () => {
    const log = new PartitionLog(1_000_000)
    expect(append(log, ['a', 'b'])).toBe(0)
    expect(append(log, ['c'])).toBe(2)
    const records = readRecords(log.read(0, 1_000_000, true))
    expect(records.map((r) => [r.offset, String(r.value)])).toEqual([
      [0n, 'a'],
      [1n, 'b'],
      [2n, 'c']
    ])
    expect(log.endOffset).toBe(3)
  })

  it('keeps its own copy of what it was given', () => {
    const log = new PartitionLog(1_000_000)
    const bytes = batchOf(['a'])
    log.append({ bytes, recordCount: 1, maxTimestampMs: 1 })
    bytes.fill(0)
    expect(readRecords(log.read(0, 1_000, true))).toHaveLength(1)
  })

  it('reads from the batch that holds an offset, and nothing at the end', () => {
    const log = new PartitionLog(1_000_000)
    for (const values of [['a', 'b', 'c'], ['d'], ['e', 'f']]) append(log, values)
    expect(readRecords(log.read(2, 1_000_000, true))[0]!.offset).toBe(0n)
    expect(readRecords(log.read(3, 1_000_000, true))[0]!.offset).toBe(3n)
    expect(log.read(6, 1_000_000, true)).toHaveLength(0)
  })

  it('stops before a batch that does not fit, unless it is the first and one is wanted', () => {
    const log = new PartitionLog(1_000_000)
    append(log, ['a'])
    append(log, ['b'])
    const size = log.batches[0]!.bytes.length
    expect(log.read(0, size * 2 - 1, true)).toHaveLength(size)
    expect(log.read(0, 1, true)).toHaveLength(size)
    expect(log.read(0, size - 1, false)).toHaveLength(0)
  })

  it('drops the oldest batches above its bytes, but never the newest', () => {
    const size = batchOf(['a']).length
    const log = new PartitionLog(size * 2)
    for (const value of ['a', 'b', 'c']) append(log, [value])
    expect([log.startOffset, log.endOffset, log.batches.length]).toEqual([1, 3, 2])
    append(log, ['x'.repeat(1000)])
    expect([log.startOffset, log.endOffset, log.batches.length]).toEqual([3, 4, 1])
  })

  it('tells listeners of every append until they stop listening, also from within a call', () => {
    const log = new PartitionLog(1_000_000)
    const heard: string[] = []
    const stop = log.onAppend(() => {
      heard.push('once')
      stop()
    })
    log.onAppend(() => heard.push('always'))
    append(log, ['a'])
    append(log, ['b'])
    expect(heard).toEqual(['once', 'always', 'always'])
  })
})
