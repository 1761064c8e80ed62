import { describe, expect, it } from 'vitest'
import {
  buildBatch,
  codecs,
  crcMatches,
  malformedBatchReasons,
  MalformedBatchError,
  readBatches,
  readBatchHeader,
  readProducedBatch,
  recordsSection
} from '../../../../protocol/records/batch.ts'
import { fixture, reasonOf, refusalOf } from '../compression/fixture.ts'
import { rawBatch, rawRecord, writtenByOthers } from './raw-batch.ts'

const one = rawBatch([rawRecord()])

describe('readBatchHeader', () => {
  it.each(writtenByOthers)('reads what $name wrote', ({ name, codec }) => {
    const bytes = fixture(`records/${name}`)
    const header = readBatchHeader(bytes)
    expect(header).toMatchObject({
      baseOffset: 0n,
      batchLength: bytes.length - 12,
      magic: 2,
      attributes: codecs.indexOf(codec),
      codec,
      timestampType: 'CreateTime',
      transactional: false,
      control: false,
      lastOffsetDelta: 129,
      baseTimestamp: 1_700_000_000_000,
      maxTimestamp: 1_700_000_070_000,
      producerId: 4711n,
      producerEpoch: 3,
      baseSequence: 120,
      recordCount: 130,
      sizeInBytes: bytes.length
    })
    expect(crcMatches(bytes, header)).toBe(true)
  })

  it('reads a batch in the middle of others', () => {
    const bytes = Buffer.concat([Buffer.alloc(7), one, one])
    const header = readBatchHeader(bytes, 7)
    expect(header).toEqual(readBatchHeader(one))
    expect(crcMatches(bytes, header, 7)).toBe(true)
    expect(recordsSection(bytes, header, 7)).toEqual(rawRecord())
  })

  it('reads every flag', () => {
    const flags = readBatchHeader(rawBatch([rawRecord()], { attributes: 0xff3c }))
    expect(flags).toMatchObject({ codec: 'zstd', timestampType: 'LogAppendTime', transactional: true, control: true })
    expect(flags.attributes).toBe(0xff3c)
  })

  it('reads timestamps up to ±(2^53 - 1) ms, and refuses others', () => {
    const most = 2n ** 53n - 1n
    for (const timestamp of [-1n, 0n, most, -most, -(2n ** 32n), 2n ** 32n - 1n]) {
      const header = readBatchHeader(rawBatch([rawRecord()], { baseTimestamp: timestamp, maxTimestamp: timestamp }))
      expect([header.baseTimestamp, header.maxTimestamp]).toEqual([Number(timestamp), Number(timestamp)])
    }
    for (const timestamp of [most + 1n, -most - 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(reasonOf(() => readBatchHeader(rawBatch([rawRecord()], { baseTimestamp: timestamp })))).toBe('timestamp')
      expect(reasonOf(() => readBatchHeader(rawBatch([rawRecord()], { maxTimestamp: timestamp })))).toBe('timestamp')
    }
  })

  it('refuses a batch cut at any place', () => {
    for (let length = 0; length < one.length; length++) {
      expect(reasonOf(() => readBatchHeader(one.subarray(0, length)))).toBe('truncated')
    }
  })

  it('refuses a length beyond the bytes, and one below the header', () => {
    expect(reasonOf(() => readBatchHeader(rawBatch([rawRecord()], { lengthError: 1 })))).toBe('truncated')
    const wrong = Buffer.from(one)
    for (const length of [48, 0, -1, -(2 ** 31)]) {
      wrong.writeInt32BE(length, 8)
      expect(reasonOf(() => readBatchHeader(wrong))).toBe('batch-length')
    }
    wrong.writeInt32BE(2 ** 31 - 1, 8)
    expect(reasonOf(() => readBatchHeader(wrong))).toBe('truncated')
  })

  it('refuses other magics before it looks at anything else', () => {
    for (const magic of [0, 1, 3, -1]) {
      expect(reasonOf(() => readBatchHeader(rawBatch([rawRecord()], { magic })))).toBe('unsupported-magic')
    }
    // The smallest old message set: offset, size, CRC, magic 1, attributes, timestamp, null key, null value.
    const old = Buffer.from('0000000000000000000000160000000001000000000000000000ffffffffffffffff', 'hex')
    expect(reasonOf(() => readBatchHeader(old))).toBe('unsupported-magic')
  })

  it('refuses codecs that Kafka does not have', () => {
    for (const attributes of [5, 6, 7]) {
      expect(reasonOf(() => readBatchHeader(rawBatch([rawRecord()], { attributes })))).toBe('unknown-codec')
    }
  })
})

describe('readProducedBatch', () => {
  it('accepts exactly one batch', () => {
    expect(readProducedBatch(one).recordCount).toBe(1)
  })

  it('refuses several batches, also when the last is cut off or of an older format', () => {
    for (const second of [one, one.subarray(0, 17), one.subarray(0, 40), rawBatch([rawRecord()], { magic: 1 })]) {
      expect(reasonOf(() => readProducedBatch(Buffer.concat([one, second])))).toBe('several-batches')
    }
  })

  it('refuses other bytes behind the batch', () => {
    for (const tail of [Buffer.alloc(1), one.subarray(0, 16), Buffer.alloc(100, 0x7f)]) {
      expect(reasonOf(() => readProducedBatch(Buffer.concat([one, tail])))).toBe('trailing-bytes')
    }
  })

  it('refuses no batch at all', () => {
    expect(reasonOf(() => readProducedBatch(Buffer.alloc(0)))).toBe('truncated')
  })

  it('refuses control batches', () => {
    expect(reasonOf(() => readProducedBatch(rawBatch([rawRecord()], { attributes: 0x30 })))).toBe('control-batch')
  })

  it('refuses a record count that is not positive or not one more than the last offset delta', () => {
    for (const [recordCount, lastOffsetDelta] of [
      [0, -1],
      [-1, -2],
      [1, 1],
      [2, 0],
      [2 ** 31 - 1, 0],
      [-(2 ** 31), 2 ** 31 - 1]
    ] as const) {
      const batch = rawBatch([rawRecord()], { recordCount, lastOffsetDelta })
      expect(reasonOf(() => readProducedBatch(batch))).toBe('record-count')
    }
  })

  it('refuses a producer id without a sequence', () => {
    expect(reasonOf(() => readProducedBatch(rawBatch([rawRecord()], { producerId: 7n })))).toBe('base-sequence')
    expect(readProducedBatch(rawBatch([rawRecord()], { producerId: 7n, baseSequence: 0 })).baseSequence).toBe(0)
  })
})

describe('crcMatches', () => {
  it('sees any changed bit from the attributes on, and none before', () => {
    for (let position = 0; position < one.length; position++) {
      const corrupt = Buffer.from(one)
      corrupt[position]! ^= 0x04
      const header = { ...readBatchHeader(one), crc: corrupt.readUInt32BE(17) }
      expect(crcMatches(corrupt, header)).toBe(position < 17)
    }
  })
})

describe('readBatches', () => {
  it('yields whole batches and leaves out one that is cut off', () => {
    const two = Buffer.concat([one, rawBatch([rawRecord()], { baseOffset: 9n })])
    for (let length = 0; length <= two.length; length++) {
      const batches = [...readBatches(two.subarray(0, length))]
      expect(batches.map(({ header }) => header.baseOffset)).toEqual([0n, 9n].slice(0, Math.floor(length / one.length)))
      for (const { bytes } of batches) expect(bytes).toHaveLength(one.length)
    }
  })

  it('refuses a length that would make it stand still or go back', () => {
    const wrong = Buffer.from(one)
    for (const length of [48, 0, -12, -(2 ** 31)]) {
      wrong.writeInt32BE(length, 8)
      expect(reasonOf(() => [...readBatches(wrong)])).toBe('batch-length')
    }
  })
})

describe('MalformedBatchError', () => {
  it('has a sentence for every reason', () => {
    for (const [reason, sentence] of Object.entries(malformedBatchReasons)) {
      expect(new MalformedBatchError(reason as keyof typeof malformedBatchReasons).message).toBe(sentence)
      expect(sentence).not.toContain('\n')
    }
  })

  it('names the record at fault', () => {
    const error = new MalformedBatchError('record-bounds', 'too long', 4)
    expect(error).toMatchObject({ message: 'record 4: too long', recordIndex: 4, name: 'MalformedBatchError' })
    expect(refusalOf(() => readBatchHeader(Buffer.alloc(0))).recordIndex).toBeNull()
  })
})

describe('buildBatch', () => {
  it('lays out a batch as the Java producer does', () => {
    const built = buildBatch({
      records: [
        { key: Buffer.from('k'), value: null, timestamp: 1_700_000_000_000 },
        { key: null, value: Buffer.from('v'), headers: [{ name: 'h', value: null }], timestamp: 1_700_000_000_003 }
      ],
      producerId: 5n,
      producerEpoch: 1,
      baseSequence: 10,
      transactional: true
    })
    const records = [
      rawRecord({ value: null }),
      rawRecord({ timestampDelta: 3, offsetDelta: 1, key: null, headers: Buffer.from('02026801', 'hex') })
    ]
    const producer = { producerId: 5n, producerEpoch: 1, baseSequence: 10, attributes: 16 }
    expect(built).toEqual(rawBatch(records, { ...producer, maxTimestamp: 1_700_000_000_003n }))
  })

  it('needs a record, and timestamps that fit', () => {
    const record = { key: null, value: null, timestamp: 0 }
    expect(() => buildBatch({ records: [] })).toThrow(RangeError)
    expect(() => buildBatch({ records: [{ ...record, timestamp: 0.5 }] })).toThrow(RangeError)
    const farApart = [-1e15, 8.5e15].map((timestamp) => ({ ...record, timestamp }))
    expect(() => buildBatch({ records: farApart })).toThrow(RangeError)
  })
})
