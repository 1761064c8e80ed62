import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { RecordTable, buildBatch, malformedBatchReasons } from '../../../protocol/records/batch.ts'
import type { BatchContents } from '../../../protocol/records/batch.ts'
import { field, sealBatch } from '../../../protocol/records/batch-header.ts'
import { openEnvelope } from '../../../src/enforcement/envelope.ts'
import type { Envelope } from '../../../src/enforcement/envelope.ts'

const limits = { inflatedBytes: 100_000, records: 1_000 }

const values = (...texts: readonly string[]): BatchContents['records'] =>
  texts.map((text) => ({ key: null, value: Buffer.from(text), timestamp: 1 }))

const batch = (more: Partial<BatchContents> = {}): Buffer => buildBatch({ records: values('a', 'b'), ...more })

/** A batch with these bytes changed, and a checksum that fits them. */
function changed(change: (bytes: Buffer) => Buffer | undefined, more: Partial<BatchContents> = {}): Buffer {
  const bytes = batch(more)
  const result = change(bytes) ?? bytes
  sealBatch(result)
  return result
}

const open = (bytes: Buffer | null, within = limits, table = new RecordTable()): Envelope =>
  openEnvelope(bytes, table, within)

describe('a batch that a broker takes', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'is opened (%s), and its records lie in the table',
    (codec) => {
      const table = new RecordTable()
      const envelope = open(batch({ codec, producerId: 7n, producerEpoch: 1, baseSequence: 5 }), limits, table)
      expect(envelope).toMatchObject({
        kind: 'open',
        header: { codec, recordCount: 2, producerId: 7n, baseSequence: 5 }
      })
      const texts = [0, 1].map((i) =>
        table.bytes.toString('utf8', table.valueStart(i), table.valueStart(i) + table.valueLength(i))
      )
      expect(texts).toEqual(['a', 'b'])
    }
  )

  it('may be as large as the limits say, and no larger', () => {
    const records = values(...Array.from({ length: 1_000 }, () => 'x'.repeat(80)))
    const bytes = buildBatch({ records, codec: 'gzip' })
    const table = new RecordTable()
    expect(open(bytes, limits, table).kind).toBe('open')
    const size = table.bytes.length
    expect(open(bytes, { ...limits, inflatedBytes: size }).kind).toBe('open')
    expect(open(bytes, { ...limits, inflatedBytes: size - 1 })).toMatchObject({
      kind: 'malformed',
      message: `the records decompress to more than ${size - 1} bytes`
    })
    expect(open(bytes, { ...limits, records: 999 })).toMatchObject({
      kind: 'malformed',
      header: { recordCount: 1_000 },
      message: 'a batch of 1000 records; limits.recordsPerBatch allows 999'
    })
  })
})

describe('a batch whose checksum is wrong', () => {
  it('is corrupt, whichever bit was changed behind the checksum', () => {
    const whole = batch()
    for (let at = field.attributes; at < whole.length; at += 1) {
      const bytes = Buffer.from(whole)
      bytes[at]! ^= 1
      const { kind } = open(bytes)
      // A codec that does not exist, or a time that cannot be, is seen before the checksum.
      if (kind !== 'malformed') expect([at, kind]).toEqual([at, 'corrupt'])
    }
  })

  it('is corrupt before anything else is wrong with it', () => {
    const bytes = changed((b) => void b.writeInt32BE(99, field.recordCount))
    bytes.writeUInt32BE(0, field.crc)
    expect(open(bytes)).toMatchObject({ kind: 'corrupt', header: { recordCount: 99 } })
  })
})

describe('a partition that cannot be opened', () => {
  it.each([
    ['is null', null],
    ['is empty', Buffer.alloc(0)]
  ])('because it %s', (_, bytes) => {
    expect(open(bytes)).toEqual({
      kind: 'malformed',
      header: null,
      message: 'the partition carries no record batch'
    })
  })

  it('because it was cut, wherever', () => {
    const whole = batch({ codec: 'gzip' })
    for (let length = 1; length < whole.length; length += 1) {
      expect(open(whole.subarray(0, length))).toMatchObject({ kind: 'malformed', header: null })
    }
  })

  const headless: readonly (readonly [string, (bytes: Buffer) => void, string])[] = [
    ['an old message format', (b) => b.writeInt8(1, field.magic), 'message format 1 is not supported, only 2'],
    ['a length that is too short', (b) => b.writeInt32BE(40, field.batchLength), 'states a length of 40 bytes'],
    ['a negative length', (b) => b.writeInt32BE(-1, field.batchLength), 'states a length of -1 bytes'],
    ['a length beyond its end', (b) => b.writeInt32BE(5_000, field.batchLength), 'states a length of 5000 bytes'],
    ['a codec nobody knows', (b) => b.writeUInt16BE(5, field.attributes), 'compression type 5 is unknown'],
    ['a time that cannot be', (b) => b.writeInt32BE(0x7fff_ffff, field.baseTimestamp), malformedBatchReasons.timestamp]
  ]

  it.each(headless)('because of %s: not even its header is known', (_, change, message) => {
    const bytes = batch()
    change(bytes)
    const envelope = open(bytes)
    expect(envelope).toMatchObject({ kind: 'malformed', header: null })
    expect(envelope.kind === 'malformed' && envelope.message).toContain(message)
  })

  const two = Buffer.concat([batch(), batch()])
  const headed: readonly (readonly [string, Buffer, string])[] = [
    ['several batches', two, malformedBatchReasons['several-batches']],
    ['bytes behind it', Buffer.concat([batch(), Buffer.from('tail')]), '4 bytes follow the batch'],
    ['a control batch', batch({ control: true }), malformedBatchReasons['control-batch']],
    ['no records', changed((b) => void b.writeInt32BE(0, field.recordCount)), 'the batch states 0 records'],
    ['a negative count', changed((b) => void b.writeInt32BE(-1, field.recordCount)), 'the batch states -1 records'],
    [
      'a count unlike its deltas',
      changed((b) => void b.writeInt32BE(3, field.recordCount)),
      'states 3 records and a last'
    ],
    [
      'a count that promises more than there is',
      changed((b) => {
        b.writeInt32BE(900, field.recordCount)
        b.writeInt32BE(899, field.lastOffsetDelta)
        return undefined
      }),
      ''
    ],
    [
      'a count that hides records',
      changed((b) => {
        b.writeInt32BE(1, field.recordCount)
        b.writeInt32BE(0, field.lastOffsetDelta)
        return undefined
      }),
      ''
    ],
    [
      'a producer without a sequence',
      batch({ producerId: 4n, producerEpoch: 0 }),
      malformedBatchReasons['base-sequence']
    ],
    ['compressed bytes that are none', changed((b) => void b.writeUInt16BE(1, field.attributes)), ''],
    ['bytes behind its records', changed((b) => Buffer.concat([b, Buffer.from([0])])), ''],
    ['a record that reaches beyond its end', changed((b) => void b.writeUInt8(0x7e, field.records)), '']
  ]

  it.each(headed)('because of %s: its header is known', (_, bytes, message) => {
    const envelope = open(bytes)
    expect(envelope).toMatchObject({ kind: 'malformed', header: { magic: 2 } })
    expect(envelope.kind === 'malformed' && envelope.message).toContain(message)
  })

  it('because it inflates to more than is left, however small it is', () => {
    const bomb = Buffer.concat([batch({ codec: 'gzip' }).subarray(0, field.records), gzipSync(Buffer.alloc(5_000_000))])
    sealBatch(bomb)
    expect(open(bomb)).toMatchObject({ kind: 'malformed', message: 'the records decompress to more than 100000 bytes' })
    expect(open(batch({ codec: 'gzip' }), { ...limits, inflatedBytes: 0 })).toMatchObject({ kind: 'malformed' })
  })

  it('never names what its records hold', () => {
    const secret = buildBatch({ records: values('secret-value', 'secret-value') })
    for (let at = field.records; at < secret.length; at += 1) {
      const bytes = Buffer.from(secret)
      bytes[at]! ^= 0x80
      sealBatch(bytes)
      const envelope = open(bytes)
      if (envelope.kind === 'malformed') expect(envelope.message).not.toContain('secret')
    }
  })
})
