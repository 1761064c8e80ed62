/**
 * A batch made anew from some of its records, or with headers added to some. Keys, values, headers, attributes and
 * timestamps are copied byte by byte; what depends on the set of records is computed: offset deltas, record lengths,
 * counts, MaxTimestamp, batch length, CRC. Base timestamp, producer id and epoch, attributes and codec stay.
 */
import { deflate } from '../compression/codec.ts'
import { field, sealBatch, writeTimestamp } from './batch-header.ts'
import type { BatchHeader } from './batch-header.ts'
import type { RecordTable } from './record-table.ts'
import { sizeOfVarint, skipVarint, writeVarint } from './varint.ts'

export interface BatchChanges {
  /** Which records stay; all of them when absent. */
  readonly keep?: (index: number) => boolean
  /** Headers to put behind those a kept record has. */
  readonly addHeaders?: (index: number) => readonly { readonly name: string; readonly value: Buffer }[] | null
  /** The new base sequence; the old one when absent. */
  readonly baseSequence?: number
}

interface Plan {
  /** Indices of the kept records, ascending. */
  readonly kept: readonly number[]
  /** By index of the record; records without additions are not in it. */
  readonly added: ReadonlyMap<number, AddedHeaders>
}

interface AddedHeaders {
  readonly count: number
  readonly bytes: Buffer
}

/** What a record looks like afterwards. */
interface RecordPlan {
  /** Start of the attributes and timestamp delta, which are copied, and of the offset delta, which is not. */
  readonly attributesStart: number
  readonly offsetStart: number
  readonly keyFieldStart: number
  readonly headersStart: number
  readonly bodyBytes: number
}

/**
 * @param original the batch alone, header included, uncompressed or not
 * @param table has read the inflated records of this batch
 * @returns null when no record is kept: an empty batch is illegal. The original itself when nothing changes. When only
 *   the base sequence changes, the records section is the original's, bit by bit.
 */
export function rebuildBatch(
  original: Buffer,
  header: BatchHeader,
  table: RecordTable,
  changes: BatchChanges
): Buffer | null {
  const baseSequence = changes.baseSequence ?? header.baseSequence
  const plan = planRecords(table, changes)
  if (plan.kept.length === 0) return null
  if (plan.kept.length === table.count && plan.added.size === 0) {
    if (baseSequence === header.baseSequence) return original
    const batch = Buffer.from(original)
    batch.writeInt32BE(baseSequence, field.baseSequence)
    sealBatch(batch)
    return batch
  }

  const batch = assemble(original, header, table, plan)
  batch.writeInt32BE(plan.kept.length - 1, field.lastOffsetDelta)
  batch.writeInt32BE(plan.kept.length, field.recordCount)
  batch.writeInt32BE(baseSequence, field.baseSequence)
  let maxTimestampMs = -Infinity
  for (const index of plan.kept) maxTimestampMs = Math.max(maxTimestampMs, table.timestampMs(index))
  writeTimestamp(batch, maxTimestampMs, field.maxTimestamp)
  sealBatch(batch)
  return batch
}

function planRecords(table: RecordTable, { keep, addHeaders }: BatchChanges): Plan {
  const kept: number[] = []
  const added = new Map<number, AddedHeaders>()
  for (let index = 0; index < table.count; index++) {
    if (keep !== undefined && !keep(index)) continue
    kept.push(index)
    const headers = addHeaders?.(index)
    if (headers !== undefined && headers !== null && headers.length > 0) added.set(index, encodeHeaders(headers))
  }
  return { kept, added }
}

/** The original's header followed by the new records section; the fields that change are still the original's. */
function assemble(original: Buffer, header: BatchHeader, table: RecordTable, plan: Plan): Buffer {
  let recordsBytes = 0
  for (const [offsetDelta, index] of plan.kept.entries()) {
    const { bodyBytes } = planRecord(table, index, offsetDelta, plan.added.get(index))
    recordsBytes += sizeOfVarint(bodyBytes) + bodyBytes
  }
  if (header.codec === 'none') {
    const batch = Buffer.allocUnsafe(field.records + recordsBytes)
    original.copy(batch, 0, 0, field.records)
    writeRecords(batch, field.records, table, plan)
    return batch
  }
  const inflated = Buffer.allocUnsafe(recordsBytes)
  writeRecords(inflated, 0, table, plan)
  return Buffer.concat([original.subarray(0, field.records), deflate(header.codec, inflated)])
}

function writeRecords(out: Buffer, start: number, table: RecordTable, plan: Plan): void {
  const source = table.bytes
  let at = start
  for (const [offsetDelta, index] of plan.kept.entries()) {
    const added = plan.added.get(index)
    const record = planRecord(table, index, offsetDelta, added)
    at = writeVarint(out, record.bodyBytes, at)
    at += source.copy(out, at, record.attributesStart, record.offsetStart)
    at = writeVarint(out, offsetDelta, at)
    if (added === undefined) {
      at += source.copy(out, at, record.keyFieldStart, table.recordEnd(index))
    } else {
      at += source.copy(out, at, record.keyFieldStart, record.headersStart)
      at = writeVarint(out, table.headerCount(index) + added.count, at)
      at += source.copy(out, at, skipVarint(source, record.headersStart), table.recordEnd(index))
      at += added.bytes.copy(out, at)
    }
  }
}

function planRecord(
  table: RecordTable,
  index: number,
  offsetDelta: number,
  added: AddedHeaders | undefined
): RecordPlan {
  const bytes = table.bytes
  const attributesStart = skipVarint(bytes, table.recordStart(index))
  const offsetStart = skipVarint(bytes, attributesStart + 1)
  const keyFieldStart = skipVarint(bytes, offsetStart)
  const headersStart = table.headersStart(index)
  let bodyBytes = offsetStart - attributesStart + sizeOfVarint(offsetDelta) + table.recordEnd(index) - keyFieldStart
  if (added !== undefined) {
    const oldCountBytes = skipVarint(bytes, headersStart) - headersStart
    bodyBytes += sizeOfVarint(table.headerCount(index) + added.count) - oldCountBytes + added.bytes.length
  }
  return { attributesStart, offsetStart, keyFieldStart, headersStart, bodyBytes }
}

function encodeHeaders(headers: readonly { readonly name: string; readonly value: Buffer }[]): AddedHeaders {
  const parts: Buffer[] = []
  for (const { name, value } of headers) {
    const nameBytes = Buffer.from(name)
    parts.push(varint(nameBytes.length), nameBytes, varint(value.length), value)
  }
  return { count: headers.length, bytes: Buffer.concat(parts) }
}

function varint(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(sizeOfVarint(value))
  writeVarint(bytes, value, 0)
  return bytes
}
