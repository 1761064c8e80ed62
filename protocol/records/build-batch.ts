/** A new batch from records as objects, laid out as the Java producer does it. */
import { codecs, deflate } from '../compression/codec.ts'
import type { Codec } from '../compression/codec.ts'
import { attributeBits, field, magicV2, sealBatch, writeTimestamp } from './batch-header.ts'
import type { TimestampType } from './batch-header.ts'
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint.ts'

export interface RecordHeader {
  readonly name: string
  /** The name as bytes, used instead of `name`: header names of other producers need not be UTF-8. */
  readonly nameBytes?: Buffer
  readonly value: Buffer | null
}

export interface NewRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeader[]
  /** Epoch milliseconds. */
  readonly timestamp: number
}

export interface BatchContents {
  /** At least one. */
  readonly records: readonly NewRecord[]
  /** Default `none`. */
  readonly codec?: Codec
  /** Default 0n, as a broker demands of producers. */
  readonly baseOffset?: bigint
  /** Default -1, as producers write it. */
  readonly partitionLeaderEpoch?: number
  /** Default -1n: not idempotent. */
  readonly producerId?: bigint
  /** Default -1. */
  readonly producerEpoch?: number
  /** Default -1. */
  readonly baseSequence?: number
  /** Default false. */
  readonly transactional?: boolean
  /** Default false; for brokers only. */
  readonly control?: boolean
  /** Default `CreateTime`; the other is for brokers only. */
  readonly timestampType?: TimestampType
}

/** @throws RangeError without records, or when a timestamp or its distance to the first is not a safe integer */
export function buildBatch(contents: BatchContents): Buffer {
  const { records } = contents
  const first = records[0]
  if (first === undefined) throw new RangeError('a batch needs at least one record')
  const baseTimestamp = first.timestamp
  let maxTimestamp = baseTimestamp
  let recordsBytes = 0
  const bodyBytes: number[] = []
  for (const [index, record] of records.entries()) {
    if (!Number.isSafeInteger(record.timestamp) || !Number.isSafeInteger(record.timestamp - baseTimestamp)) {
      throw new RangeError(`the timestamp of record ${index} is not a whole number of milliseconds in range`)
    }
    maxTimestamp = Math.max(maxTimestamp, record.timestamp)
    const size = bodySize(record, record.timestamp - baseTimestamp, index)
    bodyBytes.push(size)
    recordsBytes += sizeOfVarint(size) + size
  }
  const inflated = Buffer.allocUnsafe(recordsBytes)
  let at = 0
  for (const [index, record] of records.entries()) {
    at = writeVarint(inflated, bodyBytes[index]!, at)
    at = writeBody(inflated, at, record, record.timestamp - baseTimestamp, index)
  }

  const header = Buffer.alloc(field.records)
  header.writeBigInt64BE(contents.baseOffset ?? 0n, field.baseOffset)
  header.writeInt32BE(contents.partitionLeaderEpoch ?? -1, field.partitionLeaderEpoch)
  header.writeInt8(magicV2, field.magic)
  header.writeUInt16BE(attributesOf(contents), field.attributes)
  header.writeInt32BE(records.length - 1, field.lastOffsetDelta)
  writeTimestamp(header, baseTimestamp, field.baseTimestamp)
  writeTimestamp(header, maxTimestamp, field.maxTimestamp)
  header.writeBigInt64BE(contents.producerId ?? -1n, field.producerId)
  header.writeInt16BE(contents.producerEpoch ?? -1, field.producerEpoch)
  header.writeInt32BE(contents.baseSequence ?? -1, field.baseSequence)
  header.writeInt32BE(records.length, field.recordCount)
  const batch = Buffer.concat([header, deflate(contents.codec ?? 'none', inflated)])
  sealBatch(batch)
  return batch
}

function attributesOf({ codec, timestampType, transactional, control }: BatchContents): number {
  return (
    codecs.indexOf(codec ?? 'none') |
    (timestampType === 'LogAppendTime' ? attributeBits.logAppendTime : 0) |
    (transactional === true ? attributeBits.transactional : 0) |
    (control === true ? attributeBits.control : 0)
  )
}

/** Bytes of a record after its length field. */
function bodySize(record: NewRecord, timestampDelta: number, offsetDelta: number): number {
  const headers = record.headers ?? []
  let size = 1 + sizeOfVarlong(timestampDelta) + sizeOfVarint(offsetDelta)
  size += fieldSize(record.key) + fieldSize(record.value) + sizeOfVarint(headers.length)
  for (const header of headers) size += nameSize(header) + fieldSize(header.value)
  return size
}

function writeBody(out: Buffer, start: number, record: NewRecord, timestampDelta: number, index: number): number {
  const headers = record.headers ?? []
  let at = start
  out[at++] = 0
  at = writeVarlong(out, timestampDelta, at)
  at = writeVarint(out, index, at)
  at = writeField(out, at, record.key)
  at = writeField(out, at, record.value)
  at = writeVarint(out, headers.length, at)
  for (const header of headers) {
    at = writeName(out, at, header)
    at = writeField(out, at, header.value)
  }
  return at
}

function nameSize({ name, nameBytes }: RecordHeader): number {
  if (nameBytes !== undefined) return fieldSize(nameBytes)
  const length = Buffer.byteLength(name)
  return sizeOfVarint(length) + length
}

function writeName(out: Buffer, start: number, { name, nameBytes }: RecordHeader): number {
  if (nameBytes !== undefined) return writeField(out, start, nameBytes)
  const at = writeVarint(out, Buffer.byteLength(name), start)
  return at + out.write(name, at)
}

function fieldSize(bytes: Buffer | null): number {
  return bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length
}

function writeField(out: Buffer, start: number, bytes: Buffer | null): number {
  const at = writeVarint(out, bytes === null ? -1 : bytes.length, start)
  if (bytes === null) return at
  if (bytes.length > shortBytes) out.set(bytes, at)
  else for (let i = 0; i < bytes.length; i++) out[at + i] = bytes[i]!
  return at + bytes.length
}

/** Up to here a loop is quicker than a call out of JavaScript; names of headers and most of their values are shorter. */
const shortBytes = 32
