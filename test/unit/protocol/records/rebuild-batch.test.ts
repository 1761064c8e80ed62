import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  buildBatch,
  codecs,
  crcMatches,
  inflate,
  readBatchHeader,
  readProducedBatch,
  readRecords,
  rebuildBatch,
  recordsSection,
  RecordTable
} from '../../../../protocol/records/batch.ts'
import type { BatchChanges, BatchHeader, NewRecord } from '../../../../protocol/records/batch.ts'
import { fixture } from '../compression/fixture.ts'
import { rawBatch, rawHeaders, rawRecord, writtenByOthers } from './raw-batch.ts'

const limit = 10_000_000

function open(batch: Buffer): { header: BatchHeader; table: RecordTable } {
  const header = readBatchHeader(batch)
  const table = new RecordTable()
  table.read(inflate(header.codec, recordsSection(batch, header), limit), header)
  return { header, table }
}

function rebuild(batch: Buffer, changes: BatchChanges): Buffer | null {
  const { header, table } = open(batch)
  return rebuildBatch(batch, header, table, changes)
}

const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 90 }).map((bytes) => Buffer.from(bytes)))
const headerArbitrary = fc.record({ name: fc.string({ maxLength: 70 }), value: bytesOrNull })
const recordArbitrary: fc.Arbitrary<NewRecord> = fc.record({
  key: bytesOrNull,
  value: bytesOrNull,
  headers: fc.array(headerArbitrary, { maxLength: 3 }),
  timestamp: fc.oneof(fc.integer({ min: -1, max: 2_000_000_000 }), fc.constantFrom(1.7e12, 1.7e12 + 63, 1.7e12 - 65))
})
const recordsArbitrary = fc.oneof(
  fc.array(recordArbitrary, { minLength: 1, maxLength: 12 }),
  // Enough for offset deltas and header counts of two bytes.
  fc.array(recordArbitrary, { minLength: 60, maxLength: 150, size: 'max' })
)
const addedArbitrary = fc.array(
  fc.record({ name: fc.string({ maxLength: 20 }), value: fc.uint8Array({ maxLength: 80 }).map((b) => Buffer.from(b)) }),
  { maxLength: 70 }
)

describe('rebuildBatch', () => {
  it.each(codecs)('gives back the records that stay, with the headers that were added: %s', (codec) => {
    fc.assert(
      fc.property(
        recordsArbitrary,
        fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
        fc.array(fc.option(addedArbitrary), { minLength: 1, maxLength: 5 }),
        fc.nat({ max: 2 ** 31 - 1 }),
        (records, keep, added, baseSequence) => {
          const original = buildBatch({ records, codec, producerId: 9n, producerEpoch: 2, baseSequence: 40 })
          const rebuilt = rebuild(original, {
            keep: (index) => keep[index % keep.length]!,
            addHeaders: (index) => added[index % added.length]!,
            baseSequence
          })
          const expected = records.flatMap((record, index) =>
            keep[index % keep.length]! ? [{ ...record, added: added[index % added.length] ?? [] }] : []
          )
          if (expected.length === 0) {
            expect(rebuilt).toBeNull()
            return
          }
          const header = readProducedBatch(rebuilt!)
          expect(crcMatches(rebuilt!, header)).toBe(true)
          expect(header).toMatchObject({
            codec,
            baseTimestamp: records[0]!.timestamp,
            maxTimestamp: Math.max(...expected.map(({ timestamp }) => timestamp)),
            producerId: 9n,
            producerEpoch: 2,
            baseSequence,
            recordCount: expected.length
          })
          const { table } = open(rebuilt!)
          expect(table.maxTimestampMs).toBe(header.maxTimestamp)
          const read = readRecords(rebuilt!)
          expect(read.map(({ offset }) => Number(offset))).toEqual(expected.map((_, index) => index))
          expect(
            read.map(({ key, value, timestamp, headers }) => ({
              key,
              value,
              timestamp,
              headers: headers.map(({ name, value }) => ({ name, value }))
            }))
          ).toEqual(
            expected.map(({ key, value, timestamp, headers, added }) => ({
              key,
              value,
              timestamp,
              headers: [...headers!, ...added]
            }))
          )
        }
      ),
      { numRuns: 40 }
    )
  })

  it('is the batch that would have been built from the records that stay', () => {
    fc.assert(
      fc.property(recordsArbitrary, fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }), (records, keep) => {
        const isKept = (index: number): boolean => index === 0 || keep[index % keep.length]!
        const original = buildBatch({ records })
        const fewer = buildBatch({ records: records.filter((_, index) => isKept(index)) })
        expect(rebuild(original, { keep: isKept })).toEqual(fewer)
      }),
      { numRuns: 100 }
    )
  })

  it('copies what it keeps bit by bit: attributes, padded integers, names that are not UTF-8', () => {
    const odd = rawRecord({
      offsetDelta: 1,
      key: Buffer.from('8480006162', 'hex'),
      value: Buffer.from('8100', 'hex'),
      headers: Buffer.from('8280' + '00' + '04c328' + '01', 'hex'),
      timestampDelta: 90
    })
    odd[1] = 0x7e
    const original = rawBatch([rawRecord(), odd], { maxTimestamp: 1_700_000_000_090n, attributes: 0xff00 })
    const expected = Buffer.from(odd)
    expected[4] = 0
    expect(rebuild(original, { keep: (index) => index === 1 })).toEqual(
      rawBatch([expected], { maxTimestamp: 1_700_000_000_090n, attributes: 0xff00 })
    )
  })

  it('shortens offset deltas and record lengths that get smaller', () => {
    const value = 'x'.repeat(56)
    const records = Array.from({ length: 200 }, (_, offsetDelta) => rawRecord({ offsetDelta, value }))
    // Its body takes 64 bytes with a two-byte delta and 63 with a one-byte delta: its length field shrinks as well.
    expect(records[199]!.length).toBe(66)
    const rebuilt = rebuild(rawBatch(records), { keep: (index) => index === 199 })!
    expect(rebuilt).toEqual(rawBatch([rawRecord({ value })]))
    expect(rebuilt.length - 61).toBe(64)
  })

  it('keeps the base timestamp when the first record goes, and lowers MaxTimestamp when the latest goes', () => {
    const records = [0, 7, 3].map((timestampDelta, offsetDelta) => rawRecord({ timestampDelta, offsetDelta }))
    const original = rawBatch(records, { maxTimestamp: 1_700_000_000_007n })
    const rebuilt = rebuild(original, { keep: (index) => index === 2 })!
    const expected = rawBatch([rawRecord({ timestampDelta: 3 })], { maxTimestamp: 1_700_000_000_003n })
    expect(rebuilt).toEqual(expected)
  })

  it('leaves flags, the leader epoch and the timestamp of a LogAppendTime batch alone', () => {
    const records = [rawRecord(), rawRecord({ offsetDelta: 1 })]
    const producer = { producerId: 1n, baseSequence: 3, producerEpoch: 0 }
    const fields = { ...producer, attributes: 0x58, maxTimestamp: 1_800_000_000_000n }
    const original = rawBatch(records, fields)
    original.writeInt32BE(77, 12)
    const expected = rawBatch([rawRecord()], fields)
    expected.writeInt32BE(77, 12)
    expect(rebuild(original, { keep: (index) => index === 1 })).toEqual(expected)
  })

  it('returns null when nothing stays', () => {
    expect(rebuild(rawBatch([rawRecord()]), { keep: () => false })).toBeNull()
  })

  it('builds the bytes that the Java client builds', () => {
    const original = fixture('records/java-none')
    const producer = { producerId: 4711n, producerEpoch: 3, baseSequence: 120 }
    expect(buildBatch({ records: readRecords(original), ...producer })).toEqual(original)
    // Through the long way: what is added is taken for a change.
    const every = { addHeaders: (index: number) => (index === 129 ? [{ name: 'x', value: Buffer.alloc(0) }] : null) }
    const rebuilt = rebuild(original, every)!
    const records = readRecords(original).map((record, index) =>
      index === 129 ? { ...record, headers: [...record.headers, { name: 'x', value: Buffer.alloc(0) }] } : record
    )
    expect(rebuilt).toEqual(buildBatch({ records, ...producer }))
  })

  it.each(writtenByOthers)('returns the original itself when nothing changes: $name', ({ name }) => {
    const original = fixture(`records/${name}`)
    const headers = [{ addHeaders: () => null }, { addHeaders: () => [] }]
    for (const changes of [{}, { keep: () => true }, { baseSequence: 120 }, ...headers]) {
      expect(rebuild(original, changes)).toBe(original)
    }
  })

  it.each(writtenByOthers)('changes nothing but sequence and CRC when only the sequence changes: $name', ({ name }) => {
    const original = fixture(`records/${name}`)
    const before = Buffer.from(original)
    const rebuilt = rebuild(original, { baseSequence: 7 })!
    expect(original).toEqual(before)
    expect(crcMatches(rebuilt, readBatchHeader(rebuilt))).toBe(true)
    before.writeInt32BE(7, 53)
    rebuilt.copy(before, 17, 17, 21)
    expect(rebuilt).toEqual(before)
  })

  it('adds headers behind those that are there, to the records asked for only', () => {
    const records = [rawRecord({ headers: rawHeaders(['a', null]) }), rawRecord({ offsetDelta: 1 })]
    const mark = { name: 'kontrakt-violations', value: Buffer.from('amount-positive') }
    const rebuilt = rebuild(rawBatch(records), { addHeaders: (index) => (index === 0 ? [mark] : null) })
    const marked = rawRecord({ headers: rawHeaders(['a', null], [mark.name, 'amount-positive']) })
    expect(rebuilt).toEqual(rawBatch([marked, records[1]!]))
  })

  it('widens the header count from 63 to 64 headers', () => {
    const headers = (count: number): Buffer =>
      rawHeaders(...Array.from({ length: count }, (): [string, string] => ['h', '']))
    const rebuilt = rebuild(rawBatch([rawRecord({ headers: headers(63) })]), {
      addHeaders: () => [{ name: 'h', value: Buffer.alloc(0) }]
    })
    expect(rebuilt).toEqual(rawBatch([rawRecord({ headers: headers(64) })]))
  })

  it('asks once per record, and for headers only of those that stay', () => {
    const asked: string[] = []
    rebuild(rawBatch([rawRecord(), rawRecord({ offsetDelta: 1 })]), {
      keep: (index) => asked.push(`keep ${index}`) > 1,
      addHeaders: (index) => {
        asked.push(`headers ${index}`)
        return [{ name: 'h', value: Buffer.alloc(0) }]
      }
    })
    expect(asked).toEqual(['keep 0', 'keep 1', 'headers 1'])
  })
})
