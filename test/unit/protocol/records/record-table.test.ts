import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  crcMatches,
  inflate,
  MalformedBatchError,
  readBatchHeader,
  readRecords,
  recordsSection,
  RecordTable
} from '../../../../protocol/records/batch.ts'
import type { BatchHeader } from '../../../../protocol/records/batch.ts'
import type { RecordBytes } from '../../../../src/contracts/judgement.ts'
import { fixture, reasonOf, refusalOf } from '../compression/fixture.ts'
import { rawBatch, rawField, rawHeaders, rawRecord, varint, writtenByOthers } from './raw-batch.ts'
import type { RawBatch, RawRecord } from './raw-batch.ts'

function read(batch: Buffer, offsets?: 'dense' | 'sparse'): RecordTable {
  const table = new RecordTable()
  const header = readBatchHeader(batch)
  table.read(recordsSection(batch, header), header, offsets)
  return table
}

const readOne = (record: RawRecord, batch?: RawBatch): RecordTable => read(rawBatch([rawRecord(record)], batch))

function text(table: RecordTable, start: number, length: number): string | null {
  return length < 0 ? null : table.bytes.toString('latin1', start, start + length)
}

function headersOf(table: RecordTable, index: number): [string | null, string | null][] {
  const headers: [string | null, string | null][] = []
  table.forEachHeader(index, (nameStart, nameLength, valueStart, valueLength) => {
    headers.push([text(table, nameStart, nameLength), text(table, valueStart, valueLength)])
  })
  return headers
}

describe('RecordTable', () => {
  it('is what the contracts judge', () => {
    const records: RecordBytes = readOne({})
    expect(records.count).toBe(1)
  })

  it.each(writtenByOthers)('reads what $name wrote', ({ name }) => {
    const bytes = fixture(`records/${name}`)
    const header = readBatchHeader(bytes)
    const table = new RecordTable()
    table.read(inflate(header.codec, recordsSection(bytes, header), 100_000), header)
    expect(table.count).toBe(130)
    for (let i = 0; i < 130; i++) {
      expect(text(table, table.keyStart(i), table.keyLength(i))).toBe(i % 5 === 0 ? null : `key-${i}`)
      expect(text(table, table.valueStart(i), table.valueLength(i))).toBe(i % 7 === 0 ? null : `{"order":${i}}`)
      expect(table.timestampMs(i)).toBe(1_700_000_000_000 + [0, 5, -3, 70_000][i % 4]!)
      expect(table.offsetDelta(i)).toBe(i)
      expect(table.headerCount(i)).toBe(i % 3 === 0 ? 3 : 0)
      expect(headersOf(table, i)).toEqual(
        i % 3 === 0
          ? [
              ['trace', '\0\x01'],
              ['trace', null],
              ['leer', '']
            ]
          : []
      )
      expect(table.recordEnd(i)).toBe(i === 129 ? table.bytes.length : table.recordStart(i + 1))
    }
    expect(table.maxTimestampMs).toBe(header.maxTimestamp)
  })

  it('tells null from empty', () => {
    const table = readOne({ key: '', value: null, headers: rawHeaders(['', null], ['a', '']) })
    expect([table.keyLength(0), table.valueLength(0)]).toEqual([0, -1])
    expect(headersOf(table, 0)).toEqual([
      ['', null],
      ['a', '']
    ])
  })

  it('takes header names that are not UTF-8, as the broker does', () => {
    const table = readOne({ headers: Buffer.concat([varint(1), varint(2), Buffer.from('c328', 'hex'), varint(-1)]) })
    expect(headersOf(table, 0)).toEqual([['\xc3(', null]])
  })

  it('takes padded integers', () => {
    const padded = Buffer.concat([Buffer.from('828000', 'hex'), Buffer.from('k')])
    const table = readOne({ key: padded, headers: Buffer.from('808000', 'hex') })
    expect([text(table, table.keyStart(0), table.keyLength(0)), table.headerCount(0)]).toEqual(['k', 0])
  })

  it('takes integers of every width in every field', () => {
    for (const size of [0, 1, 63, 64, 8191, 8192, 1_048_575, 1_048_576]) {
      const long = 'x'.repeat(size)
      const table = readOne({ key: long, value: long, timestampDelta: size * 1000, headers: rawHeaders([long, long]) })
      expect([table.keyLength(0), table.valueLength(0)]).toEqual([size, size])
      expect(table.timestampMs(0)).toBe(1_700_000_000_000 + size * 1000)
      expect(table.headerCount(0)).toBe(1)
      expect(headersOf(table, 0)).toEqual([[long, long]])
    }
  })

  it('is reused: each read forgets the last, a failed one leaves it empty', () => {
    const table = new RecordTable()
    const large = rawBatch(Array.from({ length: 20_000 }, (_, i) => rawRecord({ offsetDelta: i })))
    const small = rawBatch([rawRecord({ key: 'only' })])
    for (const batch of [small, large, small, large]) {
      const header = readBatchHeader(batch)
      table.read(recordsSection(batch, header), header)
      expect(table.count).toBe(header.recordCount)
      expect(table.recordEnd(table.count - 1)).toBe(batch.length - 61)
    }
    const bad = rawBatch([rawRecord(), rawRecord()])
    expect(reasonOf(() => table.read(bad.subarray(61), readBatchHeader(bad)))).toBe('offset-delta')
    expect([table.count, table.bytes.length, table.maxTimestampMs]).toEqual([0, 0, -1])
  })

  it('gives all records of a LogAppendTime batch the timestamp of the batch', () => {
    const table = readOne({ timestampDelta: 5 }, { attributes: 8, maxTimestamp: 1_800_000_000_000n })
    expect([table.timestampMs(0), table.maxTimestampMs]).toEqual([1_800_000_000_000, 1_800_000_000_000])
  })

  it('lets a visitor of headers ask for other things', () => {
    const table = readOne({ headers: rawHeaders(['a', 'x'], ['b', 'y']), timestampDelta: 9 })
    const seen: number[] = []
    table.forEachHeader(0, (nameStart) => {
      seen.push(table.bytes[nameStart]!, table.timestampMs(0), table.headerCount(0))
    })
    expect(seen).toEqual([0x61, 1_700_000_000_009, 2, 0x62, 1_700_000_000_009, 2])
  })
})

describe('a record is refused', () => {
  const bounds: [string, RawRecord][] = [
    ['a length beyond the batch', { length: 9 }],
    ['a length below the least', { length: 5 }],
    ['a negative length', { length: -1 }],
    ['a huge length', { length: 2 ** 31 - 1 }],
    ['a key beyond the record', { key: Buffer.concat([varint(5), Buffer.from('k')]) }],
    ['a key length below -1', { key: varint(-2) }],
    ['a huge key length', { key: varint(2 ** 31 - 1) }],
    ['a value beyond the record', { value: Buffer.concat([varint(3), Buffer.from('v')]) }],
    ['a value length below -1', { value: varint(-2) }],
    ['a smallest value length', { value: varint(-(2 ** 31)) }],
    ['no header count', { headers: Buffer.alloc(0) }],
    ['a negative header count', { headers: varint(-1) }],
    ['more headers than bytes', { headers: varint(1) }],
    ['a huge header count', { headers: varint(2 ** 31 - 1) }],
    ['a null header name', { headers: Buffer.concat([varint(1), varint(-1), rawField('v')]) }],
    ['a header name beyond the record', { headers: Buffer.concat([varint(1), varint(3), rawField('v')]) }],
    ['a header without a value', { headers: Buffer.concat([varint(1), rawField('n')]) }],
    ['a header value beyond the record', { headers: Buffer.concat([varint(1), rawField('n'), varint(2)]) }],
    ['a header value length below -1', { headers: Buffer.concat([varint(1), rawField('n'), varint(-2)]) }],
    ['an integer that runs over the end', { headers: Buffer.from('0280', 'hex') }]
  ]

  it.each(bounds)('record-bounds: %s', (_, record) => {
    const refusal = refusalOf(() => read(rawBatch([rawRecord(), rawRecord({ ...record, offsetDelta: 1 })])))
    expect([refusal.reason, refusal.recordIndex]).toEqual(['record-bounds', 1])
  })

  it('record-bounds: a length that ends inside a field, though the bytes go on', () => {
    const headers = rawHeaders(['name', 'value'])
    const whole = rawRecord({ key: 'key', value: 'value', headers, timestampDelta: 1000 })
    for (let length = 0; length < whole.length - 1; length++) {
      const batch = rawBatch([Buffer.concat([varint(length), whole.subarray(1)]), rawRecord({ offsetDelta: 1 })])
      expect(['record-bounds', 'trailing-bytes']).toContain(reasonOf(() => read(batch)))
    }
  })

  it('offset-delta: gaps, repeats, any other start', () => {
    for (const deltas of [[1], [-1], [0, 0], [0, 2], [1, 0], [0, 1, 130], [2 ** 31 - 1], [-(2 ** 31)]]) {
      const batch = rawBatch(deltas.map((offsetDelta) => rawRecord({ offsetDelta })))
      expect(reasonOf(() => read(batch))).toBe('offset-delta')
    }
  })

  it('varint: an integer of more than 32 bits', () => {
    expect(reasonOf(() => readOne({ offsetDelta: 2 ** 35 }))).toBe('varint')
    expect(reasonOf(() => readOne({ key: Buffer.from('8080808010', 'hex') }))).toBe('varint')
  })

  it('timestamp: beyond ±(2^53 - 1) ms, by itself or with the base timestamp', () => {
    const most = 2n ** 53n - 1n
    expect(reasonOf(() => readOne({ timestampDelta: 2n ** 53n }))).toBe('timestamp')
    expect(reasonOf(() => readOne({ timestampDelta: 1 }, { baseTimestamp: most }))).toBe('timestamp')
    expect(reasonOf(() => readOne({ timestampDelta: -1 }, { baseTimestamp: -most }))).toBe('timestamp')
    expect(readOne({ timestampDelta: -most * 2n + most }, { baseTimestamp: most }).timestampMs(0)).toBe(0)
  })

  it('trailing-bytes: behind its headers, and behind the last record', () => {
    expect(reasonOf(() => readOne({ tail: Buffer.alloc(1) }))).toBe('trailing-bytes')
    const refusal = refusalOf(() => read(rawBatch([rawRecord(), rawRecord({ offsetDelta: 1 })], { recordCount: 1 })))
    expect([refusal.reason, refusal.recordIndex]).toEqual(['trailing-bytes', null])
  })

  it('record-count: more than the bytes can hold, before memory is taken for them', () => {
    expect(reasonOf(() => readOne({}, { recordCount: 2 }))).toBe('record-count')
    expect(reasonOf(() => readOne({}, { recordCount: 2 ** 31 - 1 }))).toBe('record-count')
    expect(reasonOf(() => readOne({}, { recordCount: 0 }))).toBe('record-count')
    expect(reasonOf(() => readOne({}, { recordCount: -1 }))).toBe('record-count')
    expect(reasonOf(() => readOne({}, { lastOffsetDelta: 1 }))).toBe('record-count')
    const fewer = rawBatch([rawRecord({ value: 'room for another' })], { recordCount: 2 })
    expect(refusalOf(() => read(fewer))).toMatchObject({ reason: 'record-bounds', recordIndex: 1 })
  })

  it('without its contents in the message', () => {
    const refusal = refusalOf(() => readOne({ key: 'secret', value: 'secret', tail: Buffer.from('secret') }))
    expect(refusal.message).not.toContain('secret')
  })
})

describe('sparse offsets, as compaction leaves them', () => {
  it('may have gaps and may end before the last offset', () => {
    const records = [rawRecord({ offsetDelta: 3 }), rawRecord({ offsetDelta: 7 })]
    const table = read(rawBatch(records, { lastOffsetDelta: 9 }), 'sparse')
    expect([table.offsetDelta(0), table.offsetDelta(1)]).toEqual([3, 7])
  })

  it('may be of no record at all', () => {
    expect(read(rawBatch([], { lastOffsetDelta: 4 }), 'sparse').count).toBe(0)
  })

  it('must ascend and stay inside the batch', () => {
    for (const deltas of [
      [3, 3],
      [5, 1],
      [-1, 0],
      [0, 10]
    ]) {
      const batch = rawBatch(
        deltas.map((offsetDelta) => rawRecord({ offsetDelta })),
        { lastOffsetDelta: 9 }
      )
      expect(reasonOf(() => read(batch, 'sparse'))).toBe('offset-delta')
    }
    expect(reasonOf(() => read(rawBatch([], { recordCount: -1 }), 'sparse'))).toBe('record-count')
  })
})

describe('hostile batches', () => {
  const small = rawBatch([
    rawRecord({ key: 'k', value: 'value', headers: rawHeaders(['h', 'x'], ['h', null]) }),
    rawRecord({ offsetDelta: 1, key: null, value: 'y'.repeat(70), timestampDelta: 5000 })
  ])

  it('cut at any place are refused, and a records section cut at any place is', () => {
    const real = fixture('records/java-none')
    const header = readBatchHeader(real)
    const section = recordsSection(real, header)
    const table = new RecordTable()
    for (let length = 0; length < real.length; length++) {
      expect(reasonOf(() => readBatchHeader(real.subarray(0, length)))).toBe('truncated')
    }
    for (let length = 0; length < section.length; length++) {
      const cut = section.subarray(0, length)
      expect(['record-bounds', 'record-count']).toContain(reasonOf(() => table.read(cut, header)))
    }
  })

  it('with any one byte changed fail the CRC', () => {
    const header = readBatchHeader(small)
    for (let position = 21; position < small.length; position++) {
      for (let mask = 1; mask < 256; mask++) {
        const corrupt = Buffer.from(small)
        corrupt[position]! ^= mask
        expect(crcMatches(corrupt, header)).toBe(false)
      }
    }
  })

  it('with any one byte changed and a right CRC are refused or read inside their bytes', () => {
    const header = readBatchHeader(small)
    const table = new RecordTable()
    for (let position = 61; position < small.length; position++) {
      for (let mask = 1; mask < 256; mask++) {
        const corrupt = Buffer.from(small.subarray(61))
        corrupt[position - 61]! ^= mask
        readInside(table, corrupt, header)
      }
    }
  })

  it('of random bytes are refused or read inside their bytes', () => {
    const table = new RecordTable()
    const template = readBatchHeader(small)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 12 }), fc.boolean(), (bytes, count, dense) => {
        const header = { ...template, recordCount: count, lastOffsetDelta: count - 1 }
        readInside(table, Buffer.from(bytes), header, dense ? 'dense' : 'sparse')
      }),
      { numRuns: 3000 }
    )
  })

  function readInside(table: RecordTable, bytes: Buffer, header: BatchHeader, offsets?: 'dense' | 'sparse'): void {
    try {
      table.read(bytes, header, offsets)
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedBatchError)
      return
    }
    let position = 0
    for (let i = 0; i < table.count; i++) {
      expect(table.recordStart(i)).toBe(position)
      expect(table.keyStart(i)).toBeGreaterThan(position)
      expect(table.valueStart(i)).toBeGreaterThan(table.keyStart(i) + Math.max(0, table.keyLength(i)))
      let headersEnd = table.headersStart(i)
      let seen = 0
      table.forEachHeader(i, (nameStart, nameLength, valueStart, valueLength) => {
        expect(nameLength).toBeGreaterThanOrEqual(0)
        expect(nameStart).toBeGreaterThan(headersEnd)
        headersEnd = valueStart + Math.max(0, valueLength)
        seen++
      })
      expect(seen).toBe(table.headerCount(i))
      expect(Number.isSafeInteger(table.timestampMs(i))).toBe(true)
      position = table.recordEnd(i)
      expect(headersEnd).toBeLessThanOrEqual(position)
    }
    expect(position).toBe(bytes.length)
  }
})

describe('readRecords', () => {
  it('reads several batches and gives offsets', () => {
    const bytes = Buffer.concat([
      rawBatch([rawRecord({ key: 'a' }), rawRecord({ offsetDelta: 1, key: 'b' })], { baseOffset: 10n }),
      rawBatch([rawRecord({ offsetDelta: 4, value: null })], { baseOffset: 2n ** 40n, lastOffsetDelta: 5 })
    ])
    const records = readRecords(bytes)
    expect(records.map(({ offset }) => offset)).toEqual([10n, 11n, 2n ** 40n + 4n])
    expect(records.map(({ key }) => key?.toString())).toEqual(['a', 'b', 'k'])
    expect(records[2]).toMatchObject({ value: null, timestamp: 1_700_000_000_000, headers: [] })
  })

  it('gives header names as text and as bytes', () => {
    const headers = Buffer.concat([varint(1), varint(2), Buffer.from('c328', 'hex'), rawField('x')])
    const [record] = readRecords(rawBatch([rawRecord({ headers })]))
    const nameBytes = Buffer.from('c328', 'hex')
    expect(record!.headers).toEqual([{ name: '\ufffd(', nameBytes, value: Buffer.from('x') }])
  })

  it('passes over control batches, emptied batches and a batch that is cut off', () => {
    const bytes = Buffer.concat([
      rawBatch([rawRecord({ key: Buffer.from('0800000000', 'hex') })], { attributes: 0x30 }),
      rawBatch([], { attributes: 4, lastOffsetDelta: 3 }),
      rawBatch([rawRecord({ key: 'last' })]),
      rawBatch([rawRecord()]).subarray(0, 50)
    ])
    expect(readRecords(bytes).map(({ key }) => key?.toString())).toEqual(['last'])
  })

  it('refuses a wrong CRC', () => {
    const bytes = rawBatch([rawRecord()])
    bytes[60 + 5]! ^= 1
    expect(reasonOf(() => readRecords(bytes))).toBe('crc-mismatch')
  })

  it('holds each batch to the ceiling', () => {
    const bytes = fixture('records/kafka-python-zstd')
    expect(readRecords(bytes)).toHaveLength(130)
    expect(reasonOf(() => readRecords(bytes, 1000))).toBe('inflated-too-large')
  })
})
