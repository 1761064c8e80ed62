/**
 * What waits to be written by a `LogWriter`, already cut into batches: a call joins the last batch that has not left,
 * or opens a new one. A value takes the place of an older one of its key only inside a batch, never across two: the
 * calls between them would otherwise be torn apart by a crash between the batches.
 */
import type { Cancel, Clock } from '../clock.ts'
import { LogWriteError } from './log-write-error.ts'

export interface WriteQueueOptions {
  readonly clock: Clock
  readonly giveUpAfterMs: number
  readonly maxBatchBytes: number
  readonly maxQueuedBytes: number
  readonly maxQueuedCalls: number
}

export interface QueuedEntry {
  readonly key: Buffer
  readonly value: Buffer | null
}

/** At least one entry, each key once. */
export interface QueuedBatch {
  readonly entries: readonly QueuedEntry[]
}

interface Waiting {
  readonly resolve: (offset: bigint) => void
  readonly reject: (error: LogWriteError) => void
  readonly cancelTimeout: Cancel
}

interface Entry extends QueuedEntry {
  readonly bytes: number
  readonly waiting: Set<Waiting>
}

/** Lengths, deltas and the header count of a record, at the most. */
const recordOverheadBytes = 24

class OpenBatch implements QueuedBatch {
  /** By key; in the order of the last call of each. */
  readonly byKey = new Map<string, Entry>()
  bytes = 0

  get entries(): readonly Entry[] {
    return [...this.byKey.values()]
  }
}

export class WriteQueue {
  readonly #options: WriteQueueOptions
  /** Those that have not left, oldest first. */
  readonly #waiting: OpenBatch[] = []
  #underWay: OpenBatch | null = null
  #bytes = 0
  #calls = 0

  constructor(options: WriteQueueOptions) {
    this.#options = options
  }

  /** Rejects `queue-full` at once, `timed-out` later; the entry is written all the same. */
  add(key: Buffer, value: Buffer | null): Promise<bigint> {
    const { maxBatchBytes, maxQueuedBytes, maxQueuedCalls, clock, giveUpAfterMs } = this.#options
    const name = key.toString('latin1')
    const bytes = key.length + (value?.length ?? 0) + recordOverheadBytes
    const last = this.#waiting.at(-1)
    const replaced = last?.byKey.get(name)
    const joins = last !== undefined && last.bytes - (replaced?.bytes ?? 0) + bytes <= maxBatchBytes
    const addedBytes = joins ? bytes - (replaced?.bytes ?? 0) : bytes
    if (this.#calls >= maxQueuedCalls || (this.#bytes > 0 && this.#bytes + addedBytes > maxQueuedBytes)) {
      return Promise.reject(
        new LogWriteError('queue-full', `${this.#calls} appends wait, ${this.#bytes} bytes of them`)
      )
    }
    const batch = joins ? last : new OpenBatch()
    if (!joins) this.#waiting.push(batch)
    const entry: Entry = { key, value, bytes, waiting: (joins ? replaced?.waiting : undefined) ?? new Set() }
    batch.byKey.delete(name)
    batch.byKey.set(name, entry)
    batch.bytes += addedBytes
    this.#bytes += addedBytes
    this.#calls++
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        entry.waiting.delete(waiting)
        this.#calls--
        reject(new LogWriteError('timed-out', `nothing was confirmed within ${giveUpAfterMs} ms`))
      }
      const waiting = { resolve, reject, cancelTimeout: clock.after(giveUpAfterMs, giveUp) }
      entry.waiting.add(waiting)
    })
  }

  /** Something is there to be taken. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** The next batch, which is under way from now on; null when nothing waits. */
  take(): QueuedBatch | null {
    this.#underWay = this.#waiting.shift() ?? null
    return this.#underWay
  }

  /** Tells all callers of the batch under way where their record, or the newer one of its key, lies. */
  appended(batch: QueuedBatch, offsetOf: (index: number) => bigint): void {
    let index = 0
    for (const waiting of this.#settle(batch)) {
      const offset = offsetOf(index++)
      for (const { resolve } of waiting) resolve(offset)
    }
  }

  /** Rejects all callers of the batch under way. */
  refused(batch: QueuedBatch, error: LogWriteError): void {
    for (const waiting of this.#settle(batch)) for (const { reject } of waiting) reject(error)
  }

  /** Rejects everybody and forgets everything. */
  close(error: LogWriteError): void {
    for (const batch of [this.#underWay, ...this.#waiting.splice(0)]) if (batch !== null) this.refused(batch, error)
  }

  /** Takes the batch out of the books. Those who wait, per entry. */
  #settle(batch: QueuedBatch): ReadonlySet<Waiting>[] {
    // Closed while it was under way.
    if (!(batch instanceof OpenBatch) || batch.byKey.size === 0) return []
    const callers = batch.entries.map(({ waiting }) => waiting)
    for (const waiting of callers) for (const { cancelTimeout } of waiting) cancelTimeout()
    this.#calls -= callers.reduce((sum, { size }) => sum + size, 0)
    this.#bytes -= batch.bytes
    batch.byKey.clear()
    batch.bytes = 0
    if (this.#underWay === batch) this.#underWay = null
    return callers
  }
}
