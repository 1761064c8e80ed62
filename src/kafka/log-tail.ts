/**
 * Reads one partition from its earliest record on and goes on for ever, through lost connections and new leaders: every
 * record once and in order, as long as the log stays the same. When it does not (the topic was deleted and created
 * again, or the broker has dropped or lost what was to be read next) the owner is told, and it begins again at the
 * start. An unclean election that leaves the log as long as it was read, with other records in it, goes unnoticed.
 *
 * A broker that was frozen, and does not know yet that another leads the partition now, answers with the log as it was:
 * `start` and `sync` are then satisfied too early. Where that must not be, append a record and `readThrough` its offset:
 * no such broker gets it confirmed, or can show it.
 */
import { errorCodes } from '../../protocol/errors.ts'
import { MalformedBatchError } from '../../protocol/records/batch.ts'
import { pause, systemClock, type Cancel, type Clock } from '../clock.ts'
import type { Isolation, KafkaClient } from './client.ts'
import { isRetriable, KafkaError, NoCommonVersionError } from './errors.ts'
import { readFetched } from './fetched-records.ts'
import * as limits from './limits.ts'
import { LogReadError } from './log-read-error.ts'
import { backoffMs } from './retrying.ts'

export { LogReadError } from './log-read-error.ts'
export type { LogReadFault } from './log-read-error.ts'

export interface LogRecord {
  readonly offset: bigint
  /** Epoch milliseconds; the broker's where the topic uses LogAppendTime. */
  readonly timestampMs: number
  readonly key: Buffer
  /** Null: a tombstone. */
  readonly value: Buffer | null
}

export interface LogTailOptions {
  /** A client of its own: its fetches wait for new records, and others' would wait behind them. */
  readonly client: Pick<KafkaClient, 'fetch' | 'listOffsets' | 'metadata'>
  readonly topic: string
  /** Default 0. */
  readonly partition?: number
  /**
   * Gets every record with a key, in order, in one go with others of its batch. Key and value are views: copy what is
   * kept. What it throws ends the tail.
   */
  readonly onRecord: (record: LogRecord) => void
  /** What was handed over no longer counts; the log is read again from its start. */
  readonly onReset?: () => void
  /** Default `uncommitted`; with `committed` nothing of open and aborted transactions. */
  readonly isolation?: Isolation
  /** After so long `readThrough` and `sync` reject; `start` has no limit. Default 5 s. */
  readonly giveUpAfterMs?: number
  readonly clock?: Clock
  /** Told of every try that failed, for the log; the tail needs no help. */
  readonly onTrouble?: (error: unknown) => void
}

interface Waiting {
  /** Null while the end of the log is being asked for. */
  offset: bigint | null
  readonly resolve: () => void
  readonly reject: (error: LogReadError) => void
}

interface Position {
  /** Null from brokers older than 2.8. */
  readonly topicId: string | null
  next: bigint
}

export class LogTail {
  readonly #options: LogTailOptions
  readonly #at: { readonly topic: string; readonly partition: number }
  readonly #clock: Clock
  readonly #giveUpAfterMs: number
  readonly #isolation: Isolation
  readonly #closing = new AbortController()
  /** Null until the start of the log is known. */
  #position: Position | null = null
  /** Something failed: before the next fetch, and before anybody is told, it is asked whether the log is still the same. */
  #isInDoubt = false
  #isReading = false
  readonly #waiting = new Set<Waiting>()
  /** Those for whom the next question is where the log ends. */
  #unasked: Waiting[] = []
  #isAsking = false

  constructor(options: LogTailOptions) {
    this.#options = options
    this.#at = { topic: options.topic, partition: options.partition ?? 0 }
    this.#clock = options.clock ?? systemClock
    this.#giveUpAfterMs = options.giveUpAfterMs ?? limits.readGiveUpAfterMs
    this.#isolation = options.isolation ?? 'uncommitted'
  }

  /** Offset of the next record to be read; null while it is not known where the log starts. */
  get position(): bigint | null {
    return this.#position?.next ?? null
  }

  /**
   * Begins to read; resolves when all that was in the log at the time of the call has been handed over. Waits for a
   * topic or a broker that is not there yet. Rejects with LogReadError `refused` (the tail goes on trying) or `closed`.
   */
  async start(): Promise<void> {
    if (!this.#isReading) {
      this.#isReading = true
      void this.#readOn()
    }
    for (;;) {
      try {
        await this.#toEnd(null)
        return
      } catch (error) {
        if (!(error instanceof LogReadError) || error.fault !== 'started-anew') throw error
      }
    }
  }

  /**
   * Resolves when the record at this offset, and all before it, were handed over. Rejects with LogReadError; an offset
   * that the log does not reach is `timed-out`.
   */
  readThrough(offset: bigint): Promise<void> {
    return this.#wait(this.#giveUpAfterMs, (waiting) => {
      waiting.offset = offset
      this.#settle()
    })
  }

  /** What was heard elsewhere does not fit what was read: before anybody is told more, it is asked whether the log is the same. */
  doubt(): void {
    this.#isInDoubt = true
  }

  /**
   * Resolves when all that is in the log at the time of the call was handed over. Calls that come while the end of the
   * log is being asked for share the next question. Rejects with LogReadError.
   */
  sync(): Promise<void> {
    return this.#toEnd(this.#giveUpAfterMs)
  }

  /** Rejects what waits, and reads no more. The client stays open. */
  close(): void {
    this.#end(new LogReadError('closed', 'the tail was closed'))
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  #wait(giveUpAfterMs: number | null, begin: (waiting: Waiting) => void): Promise<void> {
    if (this.#isClosed()) return Promise.reject(new LogReadError('closed', 'the tail was closed'))
    return new Promise((resolve, reject) => {
      const done = (): void => {
        cancelTimeout()
        this.#waiting.delete(waiting)
      }
      const waiting: Waiting = {
        offset: null,
        resolve: () => {
          done()
          resolve()
        },
        reject: (error) => {
          done()
          reject(error)
        }
      }
      const cancelTimeout: Cancel =
        giveUpAfterMs === null
          ? () => undefined
          : this.#clock.after(giveUpAfterMs, () => {
              waiting.reject(new LogReadError('timed-out', `not read so far within ${giveUpAfterMs} ms`))
            })
      this.#waiting.add(waiting)
      begin(waiting)
    })
  }

  /** In doubt nobody is told anything: the offset may be one of a log that begins anew. */
  #settle(): void {
    if (this.#position === null || this.#isInDoubt) return
    for (const waiting of this.#waiting) {
      if (waiting.offset !== null && this.#position.next > waiting.offset) waiting.resolve()
    }
  }

  #rejectAll(error: LogReadError): void {
    for (const waiting of [...this.#waiting]) waiting.reject(error)
  }

  #end(error: LogReadError): void {
    this.#closing.abort()
    this.#rejectAll(error)
  }

  #toEnd(giveUpAfterMs: number | null): Promise<void> {
    return this.#wait(giveUpAfterMs, (waiting) => {
      this.#unasked.push(waiting)
      if (!this.#isAsking) void this.#askEnds()
    })
  }

  /** One question at a time; it answers those who were there before it was asked. */
  async #askEnds(): Promise<void> {
    this.#isAsking = true
    for (let failures = 0; this.#unasked.length > 0;) {
      const asking = this.#unasked
      this.#unasked = []
      try {
        const end = await this.#offsetAt('latest')
        failures = 0
        for (const waiting of asking) waiting.offset = end - 1n
        this.#settle()
      } catch (error) {
        const failure = refusal(error)
        if (failure === null) await pause(this.#clock, backoffMs(failures++), this.#closing.signal)
        else for (const waiting of asking) waiting.reject(failure)
        this.#unasked.unshift(...asking.filter((waiting) => this.#waiting.has(waiting)))
      }
    }
    this.#isAsking = false
  }

  async #readOn(): Promise<void> {
    for (let failures = 0; !this.#isClosed();) {
      try {
        const position = await this.#orient()
        await this.#fetch(position)
        failures = 0
      } catch (error) {
        if (this.#isClosed()) return
        this.#isInDoubt = true
        this.#options.onTrouble?.(error)
        const failure = refusal(error)
        if (failure !== null) this.#rejectAll(failure)
        await pause(this.#clock, backoffMs(failures++), this.#closing.signal)
      }
    }
  }

  /** Where to read; begins anew when the log is not the one that was read so far, or no longer has what comes next. */
  async #orient(): Promise<Position> {
    if (this.#position !== null && !this.#isInDoubt) return this.#position
    const { topics } = await this.#options.client.metadata([this.#at.topic])
    const { topicId = null, error = null } = topics[0] ?? {}
    if (error !== null) throw error
    const earliest = await this.#offsetAt('earliest')
    if (this.#position !== null) {
      const { topicId: before, next } = this.#position
      const isSame = before === null || topicId === null || before === topicId
      if (!isSame || next < earliest || next > (await this.#offsetAt('latest'))) {
        this.#position = null
        this.#options.onReset?.()
        this.#rejectAll(new LogReadError('started-anew', `${this.#at.topic} is read again from its start`))
      }
    }
    this.#position ??= { topicId, next: earliest }
    this.#isInDoubt = false
    this.#settle()
    return this.#position
  }

  async #fetch(position: Position): Promise<void> {
    const isolation = this.#isolation
    const [fetched] = await this.#options.client.fetch({
      partitions: [{ ...this.#at, offset: position.next, topicId: position.topicId }],
      maxWaitMs: limits.tailWaitMs,
      maxBytes: limits.tailFetchBytes,
      isolation
    })
    if (this.#isClosed()) return
    if (fetched?.error !== null) throw fetched?.error ?? new Error(`nobody answered for ${this.#at.topic}`)
    const { records, nextOffset } = readFetched(fetched, position.next, isolation)
    if (fetched.records.length > 0 && nextOffset === position.next) {
      throw new Error(`${this.#at.topic} has no whole batch at offset ${position.next}`)
    }
    try {
      for (const { offset, timestamp, key, value } of records) {
        if (key !== null) this.#options.onRecord({ offset, timestampMs: timestamp, key, value })
      }
    } catch (error) {
      // Going on would leave the record out, trying again would fail again: the owner's fault, for the owner to see.
      this.#options.onTrouble?.(error)
      this.#end(new LogReadError('closed', 'a record could not be taken in', error))
      return
    }
    position.next = nextOffset
    this.#settle()
  }

  async #offsetAt(time: 'earliest' | 'latest'): Promise<bigint> {
    const isolation = this.#isolation
    const [found] = await this.#options.client.listOffsets([{ ...this.#at, time }], { isolation })
    if (found?.error !== null) throw found?.error ?? new Error(`nobody answered for ${this.#at.topic}`)
    return found.offset
  }
}

/** Null for what may pass. */
function refusal(error: unknown): LogReadError | null {
  const isFinal =
    error instanceof MalformedBatchError ||
    error instanceof NoCommonVersionError ||
    (error instanceof KafkaError && !isRetriable(error) && error.code !== errorCodes.OFFSET_OUT_OF_RANGE)
  return isFinal ? new LogReadError('refused', error.message, error) : null
}
