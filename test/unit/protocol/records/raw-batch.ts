/**
 * Batches byte by byte, right or wrong in any field. The varints are written with BigInt and share nothing with the
 * code under test.
 */
import { crc32c } from '@node-rs/crc32'
import { codecs } from '../../../../protocol/compression/codec.ts'

/** Fixtures: the same 130 records from the Java client and from kafka-python, with every codec. */
export const writtenByOthers = ['java', 'kafka-python'].flatMap((client) =>
  codecs.map((codec) => ({ name: `${client}-${codec}`, codec }))
)

export function varint(value: number | bigint): Buffer {
  const wide = BigInt(value)
  let raw = BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n))
  const bytes: number[] = []
  for (; raw > 127n; raw >>= 7n) bytes.push(Number(raw & 127n) | 128)
  bytes.push(Number(raw))
  return Buffer.from(bytes)
}

export interface RawRecord {
  /** Length field; the right one when absent. */
  length?: number
  timestampDelta?: number | bigint
  offsetDelta?: number | bigint
  /** A text or null; or any bytes for the length and what follows it. */
  key?: string | null | Buffer
  value?: string | null | Buffer
  /** The number of headers and the headers. */
  headers?: Buffer
  /** Bytes behind the headers. */
  tail?: Buffer
}

export function rawRecord(record: RawRecord = {}): Buffer {
  const body = Buffer.concat([
    Buffer.alloc(1),
    varint(record.timestampDelta ?? 0),
    varint(record.offsetDelta ?? 0),
    rawField(record.key === undefined ? 'k' : record.key),
    rawField(record.value === undefined ? 'v' : record.value),
    record.headers ?? varint(0),
    record.tail ?? Buffer.alloc(0)
  ])
  return Buffer.concat([varint(record.length ?? body.length), body])
}

export function rawField(value: string | null | Buffer): Buffer {
  if (Buffer.isBuffer(value)) return value
  if (value === null) return varint(-1)
  return Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)])
}

export function rawHeaders(...headers: [name: string, value: string | null][]): Buffer {
  const fields = headers.flat().map((field) => rawField(field))
  return Buffer.concat([varint(headers.length), ...fields])
}

export interface RawBatch {
  baseOffset?: bigint
  /** Added to the right length. */
  lengthError?: number
  magic?: number
  attributes?: number
  lastOffsetDelta?: number
  baseTimestamp?: bigint
  maxTimestamp?: bigint
  producerId?: bigint
  producerEpoch?: number
  baseSequence?: number
  recordCount?: number
}

/** A batch around the given records section, with a correct CRC. */
export function rawBatch(records: Buffer | Buffer[], batch: RawBatch = {}): Buffer {
  const section = Array.isArray(records) ? Buffer.concat(records) : records
  const count = batch.recordCount ?? (Array.isArray(records) ? records.length : 1)
  const bytes = Buffer.concat([Buffer.alloc(61), section])
  bytes.writeBigInt64BE(batch.baseOffset ?? 0n, 0)
  bytes.writeInt32BE(bytes.length - 12 + (batch.lengthError ?? 0), 8)
  bytes.writeInt32BE(-1, 12)
  bytes.writeInt8(batch.magic ?? 2, 16)
  bytes.writeUInt16BE(batch.attributes ?? 0, 21)
  bytes.writeInt32BE(batch.lastOffsetDelta ?? count - 1, 23)
  bytes.writeBigInt64BE(batch.baseTimestamp ?? 1_700_000_000_000n, 27)
  bytes.writeBigInt64BE(batch.maxTimestamp ?? 1_700_000_000_000n, 35)
  bytes.writeBigInt64BE(batch.producerId ?? -1n, 43)
  bytes.writeInt16BE(batch.producerEpoch ?? -1, 51)
  bytes.writeInt32BE(batch.baseSequence ?? -1, 53)
  bytes.writeInt32BE(count, 57)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}
