/**
 * Where the records of one inflated batch lie. The walk is the hottest loop of the proxy: no object per record, no
 * BigInt, one- and two-byte integers read in place, results in one reused array. What is seldom asked for (timestamp,
 * headers) is validated in the walk and read again when it is asked for.
 */
import { checkRecordCount } from './batch-header.ts'
import type { BatchHeader } from './batch-header.ts'
import { MalformedBatchError } from './malformed-batch-error.ts'
import { readVarint, readVarlong, skipVarint } from './varint.ts'
import type { VarintCursor } from './varint.ts'

/** Per record: where it starts, key start, key length, value start, value length. */
const stride = 5

/** Length, attributes, timestamp, offset, key length, value length, header count: one byte each. */
const minRecordBytes = 7

/** The arrays of a larger batch (20 bytes per record) are let go when the next batch does not need them. */
const keptRecords = 16 * 1024

const noBytes = Buffer.alloc(0)

/** Satisfies `RecordBytes` of the contracts by its shape. What it answers is valid until the next read or clear. */
export class RecordTable {
  #bytes: Buffer = noBytes
  #count = 0
  #slots = new Int32Array(0)
  #header: BatchHeader | null = null
  #maxTimestampMs = -1
  readonly #cursor: VarintCursor = { value: 0, next: 0 }

  get count(): number {
    return this.#count
  }

  /** The inflated records section; every offset is into it. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /**
   * Walks and validates all records, at least as strictly as the broker does: lengths, header counts, offset deltas,
   * and that the records fill the bytes. Names and values of headers may be any bytes; a key, a value and a header's
   * value may be null (-1), a header's name may not.
   *
   * @param inflated the records section, decompressed; kept, not copied
   * @param offsets `dense` for what clients write: deltas 0, 1, 2, ... and exactly as many records as the header says;
   *   `sparse` for what a log holds after compaction: ascending deltas within the batch, possibly no record at all
   * @throws MalformedBatchError and is empty afterwards
   */
  read(inflated: Buffer, header: BatchHeader, offsets: 'dense' | 'sparse' = 'dense'): void {
    this.clear()
    if (offsets === 'dense') checkRecordCount(header)
    const count = header.recordCount
    if (count < 0 || count * minRecordBytes > inflated.length) {
      throw new MalformedBatchError(
        'record-count',
        `the batch states ${count} records, its ${inflated.length} bytes cannot hold them`
      )
    }
    this.#reserve(count)
    this.#walk(inflated, header, offsets === 'dense')
    this.#bytes = inflated
    this.#count = count
    this.#header = header
  }

  /** Lets go of the batch; the arrays stay for the next. */
  clear(): void {
    this.#bytes = noBytes
    this.#count = 0
    this.#header = null
    this.#maxTimestampMs = -1
  }

  /** Where the record starts, at its length field. */
  recordStart(index: number): number {
    return this.#slots[index * stride]!
  }

  recordEnd(index: number): number {
    return index + 1 < this.#count ? this.#slots[(index + 1) * stride]! : this.#bytes.length
  }

  keyStart(index: number): number {
    return this.#slots[index * stride + 1]!
  }

  /** -1 when the key is null. */
  keyLength(index: number): number {
    return this.#slots[index * stride + 2]!
  }

  valueStart(index: number): number {
    return this.#slots[index * stride + 3]!
  }

  /** -1 when the value is null. */
  valueLength(index: number): number {
    return this.#slots[index * stride + 4]!
  }

  headerCount(index: number): number {
    readVarint(this.#bytes, this.headersStart(index), this.#bytes.length, this.#cursor)
    return this.#cursor.value
  }

  /** Where the number of headers stands, the headers behind it. */
  headersStart(index: number): number {
    const slot = index * stride
    return this.#slots[slot + 3]! + Math.max(0, this.#slots[slot + 4]!)
  }

  /** Calls back for each header in order; `valueLength` is -1 when the header's value is null. */
  forEachHeader(
    index: number,
    visit: (nameStart: number, nameLength: number, valueStart: number, valueLength: number) => void
  ): void {
    const bytes = this.#bytes
    const limit = bytes.length
    const cursor = this.#cursor
    readVarint(bytes, this.headersStart(index), limit, cursor)
    let position = cursor.next
    for (let left = cursor.value; left > 0; left--) {
      readVarint(bytes, position, limit, cursor)
      const nameStart = cursor.next
      const nameLength = cursor.value
      readVarint(bytes, nameStart + nameLength, limit, cursor)
      const valueStart = cursor.next
      const valueLength = cursor.value
      position = valueStart + Math.max(0, valueLength)
      // Last, as the visitor may ask this table for something else.
      visit(nameStart, nameLength, valueStart, valueLength)
    }
  }

  /** Epoch milliseconds; -1 when the producer gave none. In a LogAppendTime batch all records carry the batch's. */
  timestampMs(index: number): number {
    const header = this.#header!
    if (header.timestampType === 'LogAppendTime') return header.maxTimestamp
    const lengthEnd = skipVarint(this.#bytes, this.recordStart(index))
    readVarlong(this.#bytes, lengthEnd + 1, this.#bytes.length, this.#cursor)
    return header.baseTimestamp + this.#cursor.value
  }

  /** The latest timestamp of all records: what MaxTimestamp of the batch should be. -1 without records. */
  get maxTimestampMs(): number {
    return this.#maxTimestampMs
  }

  offsetDelta(index: number): number {
    const lengthEnd = skipVarint(this.#bytes, this.recordStart(index))
    readVarint(this.#bytes, skipVarint(this.#bytes, lengthEnd + 1), this.#bytes.length, this.#cursor)
    return this.#cursor.value
  }

  #reserve(count: number): void {
    const held = this.#slots.length / stride
    if (count > held) this.#slots = new Int32Array(stride * Math.max(count, Math.min(2 * held, keptRecords)))
    else if (held > keptRecords && count <= keptRecords) this.#slots = new Int32Array(stride * keptRecords)
  }

  #walk(bytes: Buffer, header: BatchHeader, dense: boolean): void {
    const slots = this.#slots
    const cursor = this.#cursor
    const count = header.recordCount
    const end = bytes.length
    let position = 0
    let slot = 0
    let lastDelta = -1
    let earliest = Infinity
    let latest = -Infinity
    let index = 0
    try {
      for (; index < count; index++) {
        slots[slot] = position

        // Length of what follows. The two bytes read are there: a record has at least seven.
        if (end - position < minRecordBytes) throw bounds('the bytes end before the record does')
        let byte = bytes[position]!
        let length: number
        if (byte < 128) {
          length = (byte >>> 1) ^ -(byte & 1)
          position++
        } else if (bytes[position + 1]! < 128) {
          const raw = (byte & 127) | (bytes[position + 1]! << 7)
          length = (raw >>> 1) ^ -(raw & 1)
          position += 2
        } else {
          readVarint(bytes, position, end, cursor)
          length = cursor.value
          position = cursor.next
        }
        if (length < minRecordBytes - 1 || length > end - position) {
          throw bounds('the record length does not fit the batch')
        }
        const recordEnd = position + length

        // Attributes are unused; then the timestamp delta. At least five bytes of the record remain.
        position++
        byte = bytes[position]!
        let delta: number
        if (byte < 128) {
          delta = (byte >>> 1) ^ -(byte & 1)
          position++
        } else if (bytes[position + 1]! < 128) {
          const raw = (byte & 127) | (bytes[position + 1]! << 7)
          delta = (raw >>> 1) ^ -(raw & 1)
          position += 2
        } else {
          readVarlong(bytes, position, recordEnd, cursor)
          delta = cursor.value
          position = cursor.next
        }
        if (delta < earliest) earliest = delta
        if (delta > latest) latest = delta

        // Offset delta.
        if (recordEnd - position < 2) throw bounds('the record ends before its offset')
        byte = bytes[position]!
        let offsetDelta: number
        if (byte < 128) {
          offsetDelta = (byte >>> 1) ^ -(byte & 1)
          position++
        } else if (bytes[position + 1]! < 128) {
          const raw = (byte & 127) | (bytes[position + 1]! << 7)
          offsetDelta = (raw >>> 1) ^ -(raw & 1)
          position += 2
        } else {
          readVarint(bytes, position, recordEnd, cursor)
          offsetDelta = cursor.value
          position = cursor.next
        }
        if (dense ? offsetDelta !== index : offsetDelta <= lastDelta || offsetDelta > header.lastOffsetDelta) {
          throw new MalformedBatchError('offset-delta', `its offset delta is ${offsetDelta}`)
        }
        lastDelta = offsetDelta

        // Key.
        if (recordEnd - position < 2) throw bounds('the record ends before its key')
        byte = bytes[position]!
        if (byte < 128) {
          length = (byte >>> 1) ^ -(byte & 1)
          position++
        } else if (bytes[position + 1]! < 128) {
          const raw = (byte & 127) | (bytes[position + 1]! << 7)
          length = (raw >>> 1) ^ -(raw & 1)
          position += 2
        } else {
          readVarint(bytes, position, recordEnd, cursor)
          length = cursor.value
          position = cursor.next
        }
        if (length < -1 || length > recordEnd - position) throw bounds('the key length does not fit the record')
        slots[slot + 1] = position
        slots[slot + 2] = length
        if (length > 0) position += length

        // Value.
        if (recordEnd - position < 2) throw bounds('the record ends before its value')
        byte = bytes[position]!
        if (byte < 128) {
          length = (byte >>> 1) ^ -(byte & 1)
          position++
        } else if (bytes[position + 1]! < 128) {
          const raw = (byte & 127) | (bytes[position + 1]! << 7)
          length = (raw >>> 1) ^ -(raw & 1)
          position += 2
        } else {
          readVarint(bytes, position, recordEnd, cursor)
          length = cursor.value
          position = cursor.next
        }
        if (length < -1 || length > recordEnd - position) throw bounds('the value length does not fit the record')
        slots[slot + 3] = position
        slots[slot + 4] = length
        if (length > 0) position += length
        slot += stride

        // Headers. Most records have none.
        if (position >= recordEnd) throw bounds('the record ends before its headers')
        position = bytes[position] === 0 ? position + 1 : walkHeaders(bytes, position, recordEnd, cursor)
        if (position !== recordEnd) throw new MalformedBatchError('trailing-bytes', 'bytes are left over at its end')
      }
    } catch (error) {
      if (error instanceof MalformedBatchError) throw new MalformedBatchError(error.reason, error.message, index)
      throw error
    }
    if (position !== end) {
      throw new MalformedBatchError('trailing-bytes', `${end - position} bytes follow the ${count} records`)
    }
    if (count > 0) this.#maxTimestampMs = checkTimestamps(header, earliest, latest)
  }
}

/** Validates the headers whose count stands at `start` and returns where they end. */
function walkHeaders(bytes: Uint8Array, start: number, recordEnd: number, cursor: VarintCursor): number {
  readVarint(bytes, start, recordEnd, cursor)
  const count = cursor.value
  let position = cursor.next
  // A header takes two bytes at least.
  if (count < 0 || 2 * count > recordEnd - position) throw bounds('the number of headers does not fit the record')
  for (let i = 0; i < count; i++) {
    readVarint(bytes, position, recordEnd, cursor)
    if (cursor.value < 0 || cursor.value > recordEnd - cursor.next) {
      throw bounds('the length of a header name does not fit the record')
    }
    readVarint(bytes, cursor.next + cursor.value, recordEnd, cursor)
    if (cursor.value < -1 || cursor.value > recordEnd - cursor.next) {
      throw bounds('the length of a header value does not fit the record')
    }
    position = cursor.next + Math.max(0, cursor.value)
  }
  return position
}

/** The record's timestamps must stay exact as numbers. Returns the latest. */
function checkTimestamps(header: BatchHeader, earliestDelta: number, latestDelta: number): number {
  if (header.timestampType === 'LogAppendTime') return header.maxTimestamp
  const latest = header.baseTimestamp + latestDelta
  if (!Number.isSafeInteger(header.baseTimestamp + earliestDelta) || !Number.isSafeInteger(latest)) {
    throw new MalformedBatchError('timestamp')
  }
  return latest
}

function bounds(detail: string): MalformedBatchError {
  return new MalformedBatchError('record-bounds', detail)
}
