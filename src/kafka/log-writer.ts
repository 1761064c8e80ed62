/**
 * Appends to one partition, each record once and all in order, whatever happens to connections and leaders in between:
 * an idempotent producer (KIP-98) with one batch in flight.
 *
 * What is appended while a batch is under way goes into the next one, and of several values of a key in one batch only
 * the last is sent. A batch is in the log whole or not at all, so what the log shows after any crash is the state after
 * some call and all calls before it.
 *
 * A batch whose outcome is not known is sent again under the same producer id and sequence until it is: the broker
 * answers a repeat with the first copy's offset. Nothing newer leaves before, so a late copy never lands behind a newer
 * value of its key, also when all callers have given up.
 *
 * When the broker no longer follows our sequences (45: it lost acknowledged records in an unclean election, or forgot
 * the producer), the same batch is sent under the next epoch, from sequence 0: copies of older epochs are refused from
 * then on. When it no longer accepts the producer itself (47, 49, 59) a new producer id is taken; a copy of the batch
 * that is still on its way under the old one could then land a second time, with the same values.
 */
import { errorCodes } from '../../protocol/errors.ts'
import { buildBatch, type Codec } from '../../protocol/records/batch.ts'
import { pause, systemClock, type Clock } from '../clock.ts'
import type { KafkaClient, ProducerIdentity } from './client.ts'
import { KafkaError, leavesDoubt, NoCommonVersionError } from './errors.ts'
import { LogWriteError } from './log-write-error.ts'
import { Pace } from './pace.ts'
import { backoffMs } from './retrying.ts'
import { WriteQueue, type QueuedBatch } from './write-queue.ts'
import * as limits from './limits.ts'

export { LogWriteError } from './log-write-error.ts'
export type { LogWriteFault } from './log-write-error.ts'

export interface LogWriterOptions {
  /** Its connections carry one Produce at a time; a client of its own keeps it from waiting behind others' questions. */
  readonly client: Pick<KafkaClient, 'initProducerId' | 'produce' | 'listOffsets'>
  readonly topic: string
  /** Default 0. */
  readonly partition?: number
  /** After so long a caller is told `timed-out`; the writer goes on. Default 4 s. */
  readonly giveUpAfterMs?: number
  /** Default 512 KiB of keys and values; a larger value goes alone. Must be below the topic's `max.message.bytes`. */
  readonly maxBatchBytes?: number
  /** Default 16 MiB of keys and values that are not in the log yet. */
  readonly maxQueuedBytes?: number
  /** Calls that wait for their offset. Default 100,000. */
  readonly maxQueuedCalls?: number
  /** Least time between two requests; 0: as soon as the one before is answered. Default 2 ms. */
  readonly gapMs?: number
  /** Default `none`: small records by the dozen gain little. */
  readonly codec?: Codec
  readonly clock?: Clock
  /** Told of every try that failed, for the log; the writer needs no help. */
  readonly onTrouble?: (error: unknown) => void
}

type Outcome =
  | { readonly kind: 'appended'; readonly offsetOf: (index: number) => bigint }
  | { readonly kind: 'again' | 'next-epoch' | 'new-producer'; readonly error: unknown }
  | { readonly kind: 'refused'; readonly error: unknown }

/** A repeat of a batch that is in the log. The broker tells no offset with it. */
const duplicate = errorCodes.DUPLICATE_SEQUENCE_NUMBER

const lostProducer: ReadonlySet<number> = new Set([
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.INVALID_PRODUCER_ID_MAPPING,
  errorCodes.UNKNOWN_PRODUCER_ID
])

/** May pass within moments (a topic just created, a broken cable); what is still so after that is a refusal. */
const doubtful: ReadonlySet<number> = new Set([
  errorCodes.UNKNOWN_SERVER_ERROR,
  errorCodes.CORRUPT_MESSAGE,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION
])

/** Below the callers' patience, so that they hear of the refusal and not of a timeout. */
const doubtMs = 2_000

const sequences = 2 ** 31
const maxEpoch = 32_767

export class LogWriter {
  readonly #options: LogWriterOptions
  readonly #at: { readonly topic: string; readonly partition: number }
  readonly #clock: Clock
  readonly #queue: WriteQueue
  readonly #pace: Pace
  readonly #closing = new AbortController()
  #producer: ProducerIdentity | null = null
  #sequence = 0
  #isSending = false

  constructor(options: LogWriterOptions) {
    this.#options = options
    this.#at = { topic: options.topic, partition: options.partition ?? 0 }
    this.#clock = options.clock ?? systemClock
    this.#pace = new Pace(options.gapMs ?? limits.writeGapMs)
    this.#queue = new WriteQueue({
      clock: this.#clock,
      giveUpAfterMs: options.giveUpAfterMs ?? limits.writeGiveUpAfterMs,
      maxBatchBytes: options.maxBatchBytes ?? limits.maxWriteBatchBytes,
      maxQueuedBytes: options.maxQueuedBytes ?? limits.maxWriteQueueBytes,
      maxQueuedCalls: options.maxQueuedCalls ?? limits.maxWriteQueueCalls
    })
  }

  /**
   * Resolves with the record's offset when all in-sync replicas have it. Key and value are kept, not copied. Rejects
   * with LogWriteError; after `timed-out` and `closed` the record may be in the log, or come to be.
   */
  append(key: Buffer, value: Buffer | null): Promise<bigint> {
    if (this.#closing.signal.aborted) return Promise.reject(new LogWriteError('closed', 'the writer was closed'))
    const appended = this.#queue.add(key, value)
    if (!this.#isSending) {
      this.#isSending = true
      void this.#sendAll()
    }
    return appended
  }

  /** Rejects what waits, and sends nothing more. The client stays open. */
  close(): void {
    this.#closing.abort()
    this.#queue.close(new LogWriteError('closed', 'the writer was closed'))
  }

  async #sendAll(): Promise<void> {
    // What is appended in the same round of the event loop goes along.
    await this.#pace.next()
    for (let batch = this.#queue.take(); batch !== null; batch = this.#queue.take()) {
      await this.#send(batch)
      if (this.#queue.isWaiting) await this.#pace.next()
    }
    this.#isSending = false
  }

  async #send(batch: QueuedBatch): Promise<void> {
    let mayBeAppended = false
    let doubtfulSinceMs: number | null = null
    for (let attempt = 0; !this.#closing.signal.aborted; attempt++) {
      let outcome = await this.#attempt(batch)
      if (outcome.kind === 'appended') {
        this.#sequence = (this.#sequence + batch.entries.length) % sequences
        this.#queue.appended(batch, outcome.offsetOf)
        return
      }
      const { error } = outcome
      this.#options.onTrouble?.(error)
      doubtfulSinceMs = isDoubtful(error) ? (doubtfulSinceMs ?? this.#clock.nowMs()) : null
      mayBeAppended ||= leavesDoubt(error)
      if (doubtfulSinceMs !== null && this.#clock.nowMs() - doubtfulSinceMs >= doubtMs) {
        outcome = { kind: 'refused', error }
      }
      if (outcome.kind === 'refused') {
        // A copy may be in the log or on its way, and whether it took the sequence is not known.
        if (mayBeAppended) this.#nextEpoch()
        this.#queue.refused(batch, refusal(error))
        return
      }
      if (outcome.kind === 'next-epoch') this.#nextEpoch()
      if (outcome.kind === 'new-producer') this.#producer = null
      await pause(this.#clock, backoffMs(attempt), this.#closing.signal)
    }
  }

  async #attempt(batch: QueuedBatch): Promise<Outcome> {
    const { client, codec } = this.#options
    try {
      if (this.#producer === null) {
        this.#producer = await client.initProducerId()
        this.#sequence = 0
      }
      const timestamp = this.#clock.nowMs()
      const bytes = buildBatch({
        ...this.#producer,
        ...(codec === undefined ? {} : { codec }),
        baseSequence: this.#sequence,
        records: batch.entries.map(({ key, value }) => ({ key, value, timestamp }))
      })
      const produced = await client.produce({ ...this.#at, batch: bytes, acks: -1 })
      return await this.#appendedAt(produced?.baseOffset ?? -1n)
    } catch (error) {
      return this.#judge(error)
    }
  }

  async #judge(error: unknown): Promise<Outcome> {
    if (error instanceof KafkaError) {
      const { code } = error
      if (code === duplicate) return this.#appendedAt(-1n)
      if (code === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER) return { kind: 'next-epoch', error }
      if (lostProducer.has(code)) return { kind: 'new-producer', error }
      return { kind: error.retriable || doubtful.has(code) ? 'again' : 'refused', error }
    }
    const isFinal = error instanceof NoCommonVersionError || error instanceof RangeError
    return { kind: isFinal ? 'refused' : 'again', error }
  }

  /** Where the broker tells no offset the record lies at or below the end: good enough to read up to. */
  async #appendedAt(baseOffset: bigint): Promise<Outcome> {
    if (baseOffset >= 0n) return { kind: 'appended', offsetOf: (index) => baseOffset + BigInt(index) }
    try {
      const [end] = await this.#options.client.listOffsets([{ ...this.#at, time: 'latest' }])
      if (end?.error !== null) throw end?.error ?? new Error(`nobody told the end of ${this.#at.topic}`)
      const last = end.offset - 1n
      return { kind: 'appended', offsetOf: () => last }
    } catch (error) {
      // The batch is in the log: sent again it is a repeat.
      return { kind: 'again', error }
    }
  }

  #nextEpoch(): void {
    if (this.#producer === null) return
    const { producerId, producerEpoch } = this.#producer
    this.#producer = producerEpoch < maxEpoch ? { producerId, producerEpoch: producerEpoch + 1 } : null
    this.#sequence = 0
  }
}

function isDoubtful(error: unknown): boolean {
  return error instanceof KafkaError && doubtful.has(error.code)
}

function refusal(error: unknown): LogWriteError {
  const message = error instanceof Error ? error.message : String(error)
  return new LogWriteError('refused', message, error instanceof KafkaError ? error.code : null, error)
}
