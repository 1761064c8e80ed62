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

interface AddedHeaders {
  readonly count: number
  readonly bytes: Buffer
}

interface Plan {
  /** By index: 1 for a record that stays. */
  readonly kept: Uint8Array
  readonly keptCount: number
  /** By index of the record; records without additions are not in it. */
  readonly added: ReadonlyMap<number, AddedHeaders>
  /** The new records section takes no more. */
  readonly mostBytes: number
  /** Of the records that stay, epoch milliseconds. */
  readonly maxTimestampMs: number
}

/** What a record with other headers, or of another length, may grow by: its length and the number of its headers. */
const longestVarint = 5

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
  if (plan.keptCount === 0) return null
  if (plan.keptCount === table.count && plan.added.size === 0) {
    if (baseSequence === header.baseSequence) return original
    const batch = Buffer.from(original)
    batch.writeInt32BE(baseSequence, field.baseSequence)
    sealBatch(batch)
    return batch
  }

  const batch = assemble(original, header, table, plan)
  batch.writeInt32BE(plan.keptCount - 1, field.lastOffsetDelta)
  batch.writeInt32BE(plan.keptCount, field.recordCount)
  batch.writeInt32BE(baseSequence, field.baseSequence)
  writeTimestamp(batch, plan.maxTimestampMs, field.maxTimestamp)
  sealBatch(batch)
  return batch
}

function planRecords(table: RecordTable, { keep, addHeaders }: BatchChanges): Plan {
  const kept = new Uint8Array(table.count)
  const added = new Map<number, AddedHeaders>()
  let keptCount = 0
  let mostBytes = 0
  let droppedLatest = false
  for (let index = 0; index < table.count; index++) {
    if (keep !== undefined && !keep(index)) {
      droppedLatest ||= table.timestampMs(index) === table.maxTimestampMs
      continue
    }
    kept[index] = 1
    keptCount++
    mostBytes += table.recordEnd(index) - table.recordStart(index)
    const headers = addHeaders?.(index)
    if (headers === undefined || headers === null || headers.length === 0) continue
    const addition = encodeHeaders(headers)
    added.set(index, addition)
    mostBytes += addition.bytes.length + 2 * longestVarint
  }
  const maxTimestampMs = droppedLatest ? latestOf(table, kept) : table.maxTimestampMs
  return { kept, keptCount, added, mostBytes, maxTimestampMs }
}

function latestOf(table: RecordTable, kept: Uint8Array): number {
  let latest = -Infinity
  for (let index = 0; index < kept.length; index++) {
    if (kept[index] === 1) latest = Math.max(latest, table.timestampMs(index))
  }
  return latest
}

/** The original's header followed by the new records section; the fields that change are still the original's. */
function assemble(original: Buffer, header: BatchHeader, table: RecordTable, plan: Plan): Buffer {
  if (header.codec === 'none') {
    const batch = Buffer.allocUnsafe(field.records + plan.mostBytes)
    batch.set(original.subarray(0, field.records))
    return batch.subarray(0, writeRecords(batch, field.records, table, plan))
  }
  const inflated = Buffer.allocUnsafe(plan.mostBytes)
  const end = writeRecords(inflated, 0, table, plan)
  return Buffer.concat([original.subarray(0, field.records), deflate(header.codec, inflated.subarray(0, end))])
}

/**
 * Records that only move, and stay as long as they are, are copied together and get their offset deltas afterwards: most
 * of a batch goes in a few pieces. Answers where the records end.
 */
function writeRecords(out: Buffer, start: number, table: RecordTable, { kept, added }: Plan): number {
  const source = table.bytes
  /** Where the offset deltas of the records stand that are copied together. */
  const places: number[] = []
  let at = start
  let offsetDelta = 0
  for (let index = 0; index < kept.length;) {
    if (kept[index] === 0) {
      index++
      continue
    }
    const first = index
    places.length = 0
    while (index < kept.length && kept[index] === 1 && !added.has(index)) {
      const place = offsetStart(table, index)
      if (skipVarint(source, place) - place !== sizeOfVarint(offsetDelta + places.length)) break
      places.push(place)
      index++
    }
    if (places.length === 0) {
      at = writeRecord(out, at, table, index++, offsetDelta++, added.get(first))
      continue
    }
    const from = table.recordStart(first)
    const end = table.recordEnd(index - 1)
    out.set(source.subarray(from, end), at)
    for (const place of places) writeVarint(out, offsetDelta++, place + at - from)
    at += end - from
  }
  return at
}

/** Behind length, attributes and timestamp delta. */
function offsetStart(table: RecordTable, index: number): number {
  return skipVarint(table.bytes, skipVarint(table.bytes, table.recordStart(index)) + 1)
}

function writeRecord(
  out: Buffer,
  start: number,
  table: RecordTable,
  index: number,
  offsetDelta: number,
  added: AddedHeaders | undefined
): number {
  const source = table.bytes
  const recordEnd = table.recordEnd(index)
  const attributesStart = skipVarint(source, table.recordStart(index))
  const offsetsAt = offsetStart(table, index)
  const keyFieldStart = skipVarint(source, offsetsAt)
  const headersStart = table.headersStart(index)
  let bodyBytes = offsetsAt - attributesStart + sizeOfVarint(offsetDelta) + recordEnd - keyFieldStart
  if (added !== undefined) {
    const oldCountBytes = skipVarint(source, headersStart) - headersStart
    bodyBytes += sizeOfVarint(table.headerCount(index) + added.count) - oldCountBytes + added.bytes.length
  }
  let at = writeVarint(out, bodyBytes, start)
  at += source.copy(out, at, attributesStart, offsetsAt)
  at = writeVarint(out, offsetDelta, at)
  if (added === undefined) return at + source.copy(out, at, keyFieldStart, recordEnd)
  at += source.copy(out, at, keyFieldStart, headersStart)
  at = writeVarint(out, table.headerCount(index) + added.count, at)
  at += source.copy(out, at, skipVarint(source, headersStart), recordEnd)
  return at + added.bytes.copy(out, at)
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
