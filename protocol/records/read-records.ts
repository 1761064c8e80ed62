/** The records of fetched batches as objects, for our own client, commands and tests. Not for the hot path. */
import { inflate } from '../compression/codec.ts'
import { crcMatches, readBatches, recordsSection } from './batch-header.ts'
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
  const table = new RecordTable()
  for (const batch of readBatches(bytes)) {
    if (!crcMatches(batch.bytes, batch.header)) throw new MalformedBatchError('crc-mismatch')
    // A batch emptied by compaction has no records section to decompress.
    if (batch.header.control || batch.header.recordCount === 0) continue
    const section = recordsSection(batch.bytes, batch.header)
    table.read(inflate(batch.header.codec, section, ceilingBytes), batch.header, 'sparse')
    for (let index = 0; index < table.count; index++) records.push(readRecord(table, index, batch.header.baseOffset))
  }
  return records
}

function readRecord(table: RecordTable, index: number, baseOffset: bigint): ReadRecord {
  const headers: ReadRecordHeader[] = []
  table.forEachHeader(index, (nameStart, nameLength, valueStart, valueLength) => {
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
