/**
 * The header of a record batch v2 (Kafka's DefaultRecordBatch, KIP-98): where its fields are, what they mean, and
 * whether a batch may come from a client. The records behind it may be compressed and are not touched here.
 */
import { crc32c } from '@node-rs/crc32'
import { codecs } from '../compression/codec.ts'
import type { Codec } from '../compression/codec.ts'
import { MalformedBatchError } from './malformed-batch-error.ts'

/** Byte offsets of the fields from the start of the batch. The CRC covers everything from the attributes on. */
export const field = {
  baseOffset: 0,
  batchLength: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61
} as const

/** The length field does not count itself nor the base offset. */
export const uncountedBytes = field.partitionLeaderEpoch

export const attributeBits = {
  codec: 0b111,
  logAppendTime: 0b1000,
  transactional: 0b1_0000,
  control: 0b10_0000
} as const

export const magicV2 = 2

export type TimestampType = 'CreateTime' | 'LogAppendTime'

export interface BatchHeader {
  readonly baseOffset: bigint
  /** Bytes after the length field. */
  readonly batchLength: number
  readonly partitionLeaderEpoch: number
  readonly magic: 2
  /** Unsigned. */
  readonly crc: number
  /** All 16 bits, those without a meaning included. */
  readonly attributes: number
  readonly codec: Codec
  readonly timestampType: TimestampType
  readonly transactional: boolean
  readonly control: boolean
  readonly lastOffsetDelta: number
  /** Epoch milliseconds; -1 when there is none. */
  readonly baseTimestamp: number
  /** Epoch milliseconds; -1 when there is none. */
  readonly maxTimestamp: number
  /** -1n without idempotence. */
  readonly producerId: bigint
  readonly producerEpoch: number
  /** -1 without idempotence. */
  readonly baseSequence: number
  readonly recordCount: number
  /** The whole batch, header and length field included. */
  readonly sizeInBytes: number
}

/**
 * Reads the header of the batch at `offset` and checks that the batch ends inside `bytes`. The record count is only
 * checked once the records are read: after compaction a stored batch may well hold fewer than its offsets say.
 *
 * @throws MalformedBatchError `truncated`, `batch-length`, `unsupported-magic`, `unknown-codec`, `timestamp`
 */
export function readBatchHeader(bytes: Buffer, offset = 0): BatchHeader {
  const leftBytes = bytes.length - offset
  if (leftBytes <= field.magic) throw new MalformedBatchError('truncated')
  // The old message sets (0 and 1) have their magic at the same place and nothing else: it is looked at first.
  const magic = bytes.readInt8(offset + field.magic)
  if (magic !== magicV2) {
    throw new MalformedBatchError('unsupported-magic', `message format ${magic} is not supported, only 2`)
  }
  const batchLength = bytes.readInt32BE(offset + field.batchLength)
  if (batchLength < field.records - uncountedBytes) {
    throw new MalformedBatchError(
      'batch-length',
      `the batch states a length of ${batchLength} bytes, its header alone is longer`
    )
  }
  if (batchLength > leftBytes - uncountedBytes) {
    throw new MalformedBatchError(
      'truncated',
      `the batch states a length of ${batchLength} bytes, ${leftBytes - uncountedBytes} are there`
    )
  }
  const attributes = bytes.readUInt16BE(offset + field.attributes)
  const codec = codecs[attributes & attributeBits.codec]
  if (codec === undefined) {
    throw new MalformedBatchError('unknown-codec', `compression type ${attributes & attributeBits.codec} is unknown`)
  }
  return {
    baseOffset: bytes.readBigInt64BE(offset + field.baseOffset),
    batchLength,
    partitionLeaderEpoch: bytes.readInt32BE(offset + field.partitionLeaderEpoch),
    magic,
    crc: bytes.readUInt32BE(offset + field.crc),
    attributes,
    codec,
    timestampType: (attributes & attributeBits.logAppendTime) === 0 ? 'CreateTime' : 'LogAppendTime',
    transactional: (attributes & attributeBits.transactional) !== 0,
    control: (attributes & attributeBits.control) !== 0,
    lastOffsetDelta: bytes.readInt32BE(offset + field.lastOffsetDelta),
    baseTimestamp: readTimestamp(bytes, offset + field.baseTimestamp),
    maxTimestamp: readTimestamp(bytes, offset + field.maxTimestamp),
    producerId: bytes.readBigInt64BE(offset + field.producerId),
    producerEpoch: bytes.readInt16BE(offset + field.producerEpoch),
    baseSequence: bytes.readInt32BE(offset + field.baseSequence),
    recordCount: bytes.readInt32BE(offset + field.recordCount),
    sizeInBytes: uncountedBytes + batchLength
  }
}

/**
 * Reads the header of the one batch that a partition of a Produce request (v3 and later) must hold, with the checks of
 * the header that a broker makes (ProduceRequest.validateRecords, LogValidator.validateBatch). Left to the broker
 * itself: base offset, size, timestamp type, producer state.
 *
 * @throws MalformedBatchError the reasons of {@link readBatchHeader}, `several-batches`, `trailing-bytes`,
 *   `control-batch`, `record-count`, `base-sequence`
 */
export function readProducedBatch(records: Buffer): BatchHeader {
  const header = readBatchHeader(records)
  const leftBytes = records.length - header.sizeInBytes
  if (leftBytes > 0) {
    if (startsBatch(records, header.sizeInBytes)) throw new MalformedBatchError('several-batches')
    throw new MalformedBatchError('trailing-bytes', `${leftBytes} bytes follow the batch`)
  }
  if (header.control) throw new MalformedBatchError('control-batch')
  checkRecordCount(header)
  if (header.producerId >= 0n && header.baseSequence < 0) throw new MalformedBatchError('base-sequence')
  return header
}

/** The records of a batch, compressed as its codec says. A view, not a copy. */
export function recordsSection(bytes: Buffer, header: BatchHeader, offset = 0): Buffer {
  return bytes.subarray(offset + field.records, offset + header.sizeInBytes)
}

/**
 * The batches of a fetched partition, one after another. A batch that is cut off at the end is left out: a broker cuts
 * at the size asked for (KIP-74), and the consumer asks for it again.
 *
 * @throws MalformedBatchError as {@link readBatchHeader}, except for `truncated`
 */
export function* readBatches(bytes: Buffer): Generator<{ header: BatchHeader; bytes: Buffer }> {
  let position = 0
  while (bytes.length - position > field.magic) {
    const batchLength = bytes.readInt32BE(position + field.batchLength)
    if (batchLength > bytes.length - position - uncountedBytes) return
    const header = readBatchHeader(bytes, position)
    yield { header, bytes: bytes.subarray(position, position + header.sizeInBytes) }
    position += header.sizeInBytes
  }
}

/** Whether the CRC-32C in the header is that of the bytes. */
export function crcMatches(bytes: Buffer, header: BatchHeader, offset = 0): boolean {
  return crc32c(bytes.subarray(offset + field.attributes, offset + header.sizeInBytes)) === header.crc
}

/** Fills in the two fields that depend on all others; `batch` is the whole batch. */
export function sealBatch(batch: Buffer): void {
  batch.writeInt32BE(batch.length - uncountedBytes, field.batchLength)
  batch.writeUInt32BE(crc32c(batch.subarray(field.attributes)), field.crc)
}

/**
 * As LogValidator.validateBatch.
 *
 * @throws MalformedBatchError `record-count`
 */
export function checkRecordCount(header: BatchHeader): void {
  const { recordCount, lastOffsetDelta } = header
  if (recordCount <= 0) throw new MalformedBatchError('record-count', `the batch states ${recordCount} records`)
  if (recordCount !== lastOffsetDelta + 1) {
    throw new MalformedBatchError(
      'record-count',
      `the batch states ${recordCount} records and a last offset delta of ${lastOffsetDelta}`
    )
  }
}

/** Whether what lies at `offset` looks like a batch, whole or cut off: its magic is a known one. */
function startsBatch(bytes: Buffer, offset: number): boolean {
  if (bytes.length - offset <= field.magic) return false
  const magic = bytes.readInt8(offset + field.magic)
  return magic >= 0 && magic <= magicV2
}

function readTimestamp(bytes: Buffer, offset: number): number {
  const value = bytes.readInt32BE(offset) * 2 ** 32 + bytes.readUInt32BE(offset + 4)
  if (!Number.isSafeInteger(value)) throw new MalformedBatchError('timestamp')
  return value
}

/** Writes epoch milliseconds as an int64; `value` is a safe integer. */
export function writeTimestamp(bytes: Buffer, value: number, offset: number): void {
  const high = Math.floor(value / 2 ** 32)
  bytes.writeInt32BE(high, offset)
  bytes.writeUInt32BE(value - high * 2 ** 32, offset + 4)
}
