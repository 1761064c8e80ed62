/**
 * Reads several partitions of a topic as one log, by the time at which the brokers appended. Within a partition the
 * order is that of the log whatever the times say. A topic that was given partitions later holds the records of one
 * origin partition in two of its own; only time tells which were first.
 *
 * What was read ahead is bounded: a partition whose turn is far off lets go of its piece and reads it again.
 */
import type { LogBatch, LogClient, LogPiece, LogRange, UnreadableBatch } from './log-range.ts'
import { readLog } from './log-range.ts'

/** Bytes read ahead, as they lie in the log, of all partitions together; one more piece may be at hand. */
const aheadBytes = 32 * 1024 * 1024
const pieceBytes = { least: 16 * 1024, most: 1024 * 1024 } as const

/** Batches of one partition, as far as they lie in its range. */
export interface MergedBatch {
  readonly range: LogRange
  readonly batch: LogBatch | UnreadableBatch
  /** Offsets of all ranges that have been passed with it. */
  readonly done: number
}

/** Ends early, without an error, once the signal is aborted. @throws as `readLog` */
export async function* readMerged(
  client: LogClient,
  ranges: readonly LogRange[],
  { signal, maxAheadBytes = aheadBytes }: { readonly signal?: AbortSignal; readonly maxAheadBytes?: number } = {}
): AsyncGenerator<MergedBatch> {
  const share = Math.floor(maxAheadBytes / Math.max(1, ranges.length))
  const options: CursorOptions = {
    client,
    pieceBytes: Math.min(pieceBytes.most, Math.max(pieceBytes.least, share)),
    ahead: { bytes: 0, limit: maxAheadBytes },
    ...(signal === undefined ? {} : { signal })
  }
  let live: Cursor[] = []
  for (const range of ranges) {
    const cursor = new Cursor(range, options)
    if (await cursor.advance()) live.push(cursor)
  }
  const total = ranges.reduce((sum, { start, end }) => sum + Number(end - start), 0)
  while (live.length > 0 && signal?.aborted !== true) {
    const first = live.reduce((best, one) => (one.timeMs < best.timeMs ? one : best))
    const batch = await first.take()
    // Retention may have taken it since, or the signal ended it.
    const goesOn = await first.advance()
    if (!goesOn) live = live.filter((one) => one !== first)
    if (batch === null) continue
    const left = live.reduce((sum, one) => sum + one.left, 0)
    yield { range: first.range, batch, done: total - left }
  }
}

interface CursorOptions {
  readonly client: LogClient
  readonly pieceBytes: number
  /** What all cursors hold together. */
  readonly ahead: { bytes: number; readonly limit: number }
  readonly signal?: AbortSignal
}

/** The place in one partition. */
class Cursor {
  readonly range: LogRange
  readonly #options: CursorOptions
  #pieces: AsyncGenerator<LogPiece>
  /** What was read and not taken, the next one first. */
  #batches: (LogBatch | UnreadableBatch)[] = []
  #at = 0
  #bytes = 0
  #next: bigint
  /** Of the batch that comes next, epoch milliseconds. */
  timeMs = -1

  constructor(range: LogRange, options: CursorOptions) {
    this.range = range
    this.#options = options
    this.#next = range.start
    this.#pieces = this.#read(range.start)
  }

  /** Offsets that have not been taken. */
  get left(): number {
    const { end } = this.range
    return this.#next >= end ? 0 : Number(end - this.#next)
  }

  #read(start: bigint): AsyncGenerator<LogPiece> {
    const { client, signal, pieceBytes: bytes } = this.#options
    return readLog(client, { ...this.range, start }, signal, bytes)
  }

  /** Finds out when the next batch was appended. False: there is none. */
  async advance(): Promise<boolean> {
    if (!(await this.#fill())) return false
    const next = this.#batches[this.#at]!
    // Without a time it is told at once, and holds nothing up.
    this.timeMs = 'error' in next ? -1 : next.header.maxTimestamp
    const { ahead } = this.#options
    if (ahead.bytes > ahead.limit) {
      this.#letGo()
      this.#pieces = this.#read(this.#next)
    }
    return true
  }

  /** The next batch; null when it is not there any more. */
  async take(): Promise<LogBatch | UnreadableBatch | null> {
    if (!(await this.#fill())) return null
    const batch = this.#batches[this.#at++]!
    this.#next = lastOffsetOf(batch) + 1n
    return batch
  }

  async #fill(): Promise<boolean> {
    while (this.#at >= this.#batches.length) {
      this.#letGo()
      const piece = await this.#pieces.next()
      if (piece.done === true) return false
      const { batches, unreadable } = piece.value
      this.#batches = [...batches, ...unreadable].sort((a, b) => (firstOffsetOf(a) < firstOffsetOf(b) ? -1 : 1))
      for (const { bytes } of batches) this.#bytes += bytes.length
      this.#options.ahead.bytes += this.#bytes
    }
    return true
  }

  #letGo(): void {
    this.#options.ahead.bytes -= this.#bytes
    this.#bytes = 0
    this.#batches = []
    this.#at = 0
  }
}

function firstOffsetOf(batch: LogBatch | UnreadableBatch): bigint {
  return 'error' in batch ? batch.firstOffset : batch.header.baseOffset
}

function lastOffsetOf(batch: LogBatch | UnreadableBatch): bigint {
  return 'error' in batch ? batch.lastOffset : batch.header.baseOffset + BigInt(batch.header.lastOffsetDelta)
}
