/** The records of fetched batches as objects, for our own client, commands and tests. Not for the hot path. */
import { inflate } from '../compression/codec.ts'
import { crcMatches, readBatches, recordsSection } from './batch-header.ts'
import type { BatchHeader } from './batch-header.ts'
import { MalformedBatchError } from './malformed-batch-error.ts'
import { RecordTable } from './record-table.ts'

export interface ReadRecordHeader {
  /** The name as text; what is not UTF-8 in it is replaced. */
  readonly name: string
  /** The name as it was written. */
  readonly nameBytes: Buffer
  readonly value: Buffer | null
}

export interface ReadRecord {
  readonly offset: bigint
  /** Epoch milliseconds; -1 when there is none. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly ReadRecordHeader[]
}

/** A batch is at most message.max.bytes long; one that inflates beyond this was not meant to be read. */
const defaultCeilingBytes = 256 * 1024 * 1024

/**
 * Reads all records of all whole batches, as {@link readBatches} finds them, after checking each CRC. Control batches
 * (transaction markers) are passed over. Keys, values and header values are views into `bytes` or the inflated batch.
 *
 * @param ceilingBytes most bytes that one batch may inflate to
 * @throws MalformedBatchError
 */
export function readRecords(bytes: Buffer, ceilingBytes = defaultCeilingBytes): ReadRecord[] {
  const records: ReadRecord[] = []
  for (const batch of readBatches(bytes)) {
    for (const record of recordsOfBatch(batch, { ceilingBytes })) records.push(record)
  }
  return records
}

export interface ReadLimits {
  /** Most bytes that the batch may inflate to. */
  readonly ceilingBytes: number
  /** Most records; asked before anything is inflated. Default: any number. */
  readonly maxRecords?: number
  /** Headers of one record that are given; those behind are left out. Default: all. */
  readonly maxHeaders?: number
}

/**
 * The records of one batch as {@link readRecords} reads them, made one at a time: all of a batch at once may be a
 * hundred times as large as its bytes. The whole batch is inflated and checked before the first comes.
 *
 * @throws MalformedBatchError before the first record
 */
export function* recordsOfBatch(
  { header, bytes }: { readonly header: BatchHeader; readonly bytes: Buffer },
  { ceilingBytes, maxRecords = Infinity, maxHeaders = Infinity }: ReadLimits
): Generator<ReadRecord> {
  if (!crcMatches(bytes, header)) throw new MalformedBatchError('crc-mismatch')
  // A batch emptied by compaction has no records section to decompress.
  if (header.control || header.recordCount === 0) return
  if (header.recordCount > maxRecords) {
    throw new MalformedBatchError('record-count', `the batch states ${header.recordCount} records, above ${maxRecords}`)
  }
  const table = new RecordTable()
  table.read(inflate(header.codec, recordsSection(bytes, header), ceilingBytes), header, 'sparse')
  for (let index = 0; index < table.count; index++) yield readRecord(table, index, header.baseOffset, maxHeaders)
}

function readRecord(table: RecordTable, index: number, baseOffset: bigint, maxHeaders: number): ReadRecord {
  const headers: ReadRecordHeader[] = []
  table.forEachHeader(index, (nameStart, nameLength, valueStart, valueLength) => {
    if (headers.length >= maxHeaders) return
    const nameBytes = table.bytes.subarray(nameStart, nameStart + nameLength)
    headers.push({ name: nameBytes.toString(), nameBytes, value: slice(table.bytes, valueStart, valueLength) })
  })
  return {
    offset: baseOffset + BigInt(table.offsetDelta(index)),
    timestamp: table.timestampMs(index),
    key: slice(table.bytes, table.keyStart(index), table.keyLength(index)),
    value: slice(table.bytes, table.valueStart(index), table.valueLength(index)),
    headers
  }
}

function slice(bytes: Buffer, start: number, length: number): Buffer | null {
  return length < 0 ? null : bytes.subarray(start, start + length)
}
