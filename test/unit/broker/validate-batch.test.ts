import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { buildBatch, codecs, type NewRecord } from '../../../protocol/records/batch.ts'
import { validateBatch, type BatchRules } from '../../../src/broker/log/validate-batch.ts'
import { batchOf } from './harness.ts'

const nowMs = 1_000_000
const rules: BatchRules = {
  maxMessageBytes: 1_048_588,
  needsKeys: false,
  timestampBeforeMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMs: 3_600_000
}
const code = { corrupt: 2, tooLarge: 10, timestamp: 32, codec: 76, invalid: 87 }

function check(records: Buffer | null, changed: Partial<BatchRules> = {}, version = 12) {
  return validateBatch(records, { ...rules, ...changed }, version, nowMs)
}

function corrupted(batch: Buffer, at: number): Buffer {
  const copy = Buffer.from(batch)
  copy[at] = copy[at]! ^ 0xff
  return copy
}

const record = (key: string | null, timestamp = nowMs): NewRecord => ({
  key: key === null ? null : Buffer.from(key),
  value: Buffer.from('v'),
  timestamp
})

describe('validateBatch', () => {
  it.each(codecs)('accepts a batch compressed with %s', (codec) => {
    expect(check(batchOf(['a', 'b', 'c'], { codec, timestamp: 5 }))).toMatchObject({
      kind: 'valid',
      header: { codec, recordCount: 3 },
      maxTimestampMs: 5
    })
  })

  it.each<[string, Buffer | null, number]>([
    ['null', null, code.invalid],
    ['no bytes', Buffer.alloc(0), code.invalid],
    ['less than a header', Buffer.alloc(30), code.invalid],
    [
      'an old message set',
      (() => {
        const b = batchOf(['a'])
        b[16] = 1
        return b
      })(),
      code.invalid
    ],
    ['two batches', Buffer.concat([batchOf(['a']), batchOf(['b'])]), code.invalid],
    ['bytes behind the batch', Buffer.concat([batchOf(['a']), Buffer.from([0])]), code.invalid],
    ['a batch that is cut off', batchOf(['a']).subarray(0, -1), code.invalid],
    ['a flipped byte in the records', corrupted(batchOf(['a']), 64), code.corrupt],
    ['a base offset', batchOf(['a'], { baseOffset: 5n }), code.invalid],
    ['a control batch', batchOf(['a'], { control: true }), code.invalid],
    ['log append time', batchOf(['a'], { timestampType: 'LogAppendTime' }), code.timestamp],
    ['a producer id without a sequence', batchOf(['a'], { producerId: 1n, producerEpoch: 0 }), code.invalid]
  ])('refuses %s', (_, records, errorCode) => {
    expect(check(records)).toMatchObject({ kind: 'invalid', errorCode })
  })

  it('refuses zstd before Produce 7', () => {
    const records = batchOf(['a'], { codec: 'zstd' })
    expect(check(records, {}, 6)).toMatchObject({ errorCode: code.codec })
    expect(check(records, {}, 7)).toMatchObject({ kind: 'valid' })
  })

  it('refuses what is larger than the topic allows, to the byte', () => {
    const records = batchOf(['a'])
    expect(check(records, { maxMessageBytes: records.length })).toMatchObject({ kind: 'valid' })
    expect(check(records, { maxMessageBytes: records.length - 1 })).toMatchObject({ errorCode: code.tooLarge })
  })

  it('names the records without a key of a compacted topic', () => {
    const records = buildBatch({ records: [record(null), record('k'), record(null)] })
    expect(check(records, { needsKeys: true })).toMatchObject({
      errorCode: code.invalid,
      recordErrors: [{ batchIndex: 0 }, { batchIndex: 2 }]
    })
    expect(check(records)).toMatchObject({ kind: 'valid' })
  })

  it('names the records whose timestamp is out of range', () => {
    const records = buildBatch({ records: [record('a'), record('b', nowMs + 3_600_001), record('c', nowMs - 11)] })
    expect(check(records)).toMatchObject({ errorCode: code.timestamp, recordErrors: [{ batchIndex: 1 }] })
    expect(check(records, { timestampBeforeMs: 10 })).toMatchObject({
      recordErrors: [{ batchIndex: 1 }, { batchIndex: 2 }]
    })
    expect(check(buildBatch({ records: [record('a', -1)] }), { timestampBeforeMs: 10 })).toMatchObject({
      kind: 'valid'
    })
  })

  it('has a verdict on any bytes, and never calls a damaged batch valid', () => {
    const original = batchOf(['one', 'two'], { codec: 'lz4', producerId: 4n, producerEpoch: 0, baseSequence: 0 })
    fc.assert(
      fc.property(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const records = Buffer.from(original)
        records[at] = records[at]! ^ flip
        // The partition leader epoch is the broker's to write.
        const isFree = at >= 12 && at < 16
        expect(check(records).kind).toBe(isFree ? 'valid' : 'invalid')
      })
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(check(Buffer.from(bytes)).kind).toBe('invalid')
      })
    )
  })
})
