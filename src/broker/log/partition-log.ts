/**
 * The log of one partition: whole batches in order of offset, the oldest dropped when there are too many bytes.
 * Offsets are numbers here, exact up to 2^53; the protocol's bigints end where the requests are read.
 */
import { attributeBits, field, sealBatch, writeTimestamp } from '../../../protocol/records/batch-header.ts'
import type { Cancel } from '../../clock.ts'
import { ProducerStates } from './producer-states.ts'

export interface StoredBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  /** Epoch milliseconds, as the producer wrote it or as it was appended. */
  readonly maxTimestampMs: number
  readonly bytes: Buffer
}

export interface BatchToAppend {
  readonly bytes: Buffer
  readonly recordCount: number
  readonly maxTimestampMs: number
  /** Epoch milliseconds: becomes the timestamp of all its records. Without it they keep the producer's. */
  readonly logAppendTimeMs?: number | null
}

/** There is one leader for good, so there is one epoch. */
export const leaderEpoch = 0

export class PartitionLog {
  readonly producers = new ProducerStates()
  readonly #retentionBytes: number
  readonly #batches: StoredBatch[] = []
  readonly #onAppend = new Set<() => void>()
  #bytes = 0
  #startOffset = 0
  #endOffset = 0

  constructor(retentionBytes: number) {
    this.#retentionBytes = retentionBytes
  }

  /** Of the oldest record that is still there, or the end when there is none. */
  get startOffset(): number {
    return this.#startOffset
  }

  /** Of the next record; the high watermark and last stable offset too, since there is one replica and no transactions. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** Oldest first. */
  get batches(): readonly StoredBatch[] {
    return this.#batches
  }

  /** Copies the batch, writes its offset and its log append time into it, and answers the offset. */
  append(batch: BatchToAppend): number {
    const baseOffset = this.#endOffset
    const bytes = Buffer.from(batch.bytes)
    bytes.writeBigInt64BE(BigInt(baseOffset), field.baseOffset)
    bytes.writeInt32BE(leaderEpoch, field.partitionLeaderEpoch)
    const { logAppendTimeMs = null } = batch
    if (logAppendTimeMs !== null) stamp(bytes, logAppendTimeMs)
    this.#endOffset = baseOffset + batch.recordCount
    const maxTimestampMs = logAppendTimeMs ?? batch.maxTimestampMs
    this.#batches.push({ baseOffset, lastOffset: this.#endOffset - 1, maxTimestampMs, bytes })
    this.#bytes += bytes.length
    this.#retain()
    for (const listener of [...this.#onAppend]) listener()
    return baseOffset
  }

  /**
   * Whole batches from the one that holds `offset` on, in at most `maxBytes`; the first comes whatever its size when
   * `atLeastOne`. Empty at the end of the log. The offset must not be outside the log.
   */
  read(offset: number, maxBytes: number, atLeastOne: boolean): Buffer {
    const first = this.#indexOf(offset)
    let end = first
    let size = 0
    for (; end < this.#batches.length; end++) {
      const next = this.#batches[end]!.bytes.length
      if (size + next > maxBytes && !(atLeastOne && end === first)) break
      size += next
    }
    return Buffer.concat(
      this.#batches.slice(first, end).map((b) => b.bytes),
      size
    )
  }

  /** Calls back after every append until told to stop. */
  onAppend(listener: () => void): Cancel {
    this.#onAppend.add(listener)
    return () => this.#onAppend.delete(listener)
  }

  /** Index of the first batch that ends at or behind the offset. */
  #indexOf(offset: number): number {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#batches[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The newest batch stays even when it alone is above the limit. */
  #retain(): void {
    while (this.#bytes > this.#retentionBytes && this.#batches.length > 1) {
      this.#bytes -= this.#batches.shift()!.bytes.length
      this.#startOffset = this.#batches[0]!.baseOffset
    }
  }
}

/** The largest timestamp is everybody's with this attribute; the deltas of the records are left as they are. */
function stamp(batch: Buffer, logAppendTimeMs: number): void {
  batch.writeUInt16BE(batch.readUInt16BE(field.attributes) | attributeBits.logAppendTime, field.attributes)
  writeTimestamp(batch, logAppendTimeMs, field.maxTimestamp)
  sealBatch(batch)
}
