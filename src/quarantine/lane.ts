/**
 * The records that wait for one partition of a quarantine topic. One batch is under way at a time; what comes meanwhile
 * goes together into the next, so that a crowd of small batches costs few requests.
 *
 * A batch that the broker refuses for what is in it is tried again in parts, down to the record concerned, so that no
 * record is refused for its neighbour's sake. One whose outcome nobody knows is sent again as it was.
 */
import { errorCodes } from '../../protocol/errors.ts'
import { buildBatch } from '../../protocol/records/build-batch.ts'
import type { NewRecord } from '../../protocol/records/build-batch.ts'
import type { Clock } from '../clock.ts'
import { pause } from '../clock.ts'
import type { KafkaClient } from '../kafka/client.ts'
import { KafkaError } from '../kafka/errors.ts'
import type { Pace } from '../kafka/pace.ts'
import { backoffMs } from '../kafka/retrying.ts'

/** Inflated bytes of one batch: compressed in some milliseconds, and below any usual `max.message.bytes`. */
const maxBatchBytes = 512 * 1024
/** Records of one batch; each is an object while it waits. */
const maxBatchRecords = 10_000
/** Below this a batch is not made smaller for a topic that takes little: then each record goes alone. */
const leastBatchBytes = 16 * 1024
/** From here on a batch is compressed: for a smaller one the call costs more than all the rest of it. */
const compressedFromBytes = 8 * 1024

/** What a broker answers that no record of that topic will ever be taken from us. */
const refusesTopic: ReadonlySet<number> = new Set([
  errorCodes.TOPIC_AUTHORIZATION_FAILED,
  errorCodes.CLUSTER_AUTHORIZATION_FAILED,
  errorCodes.INVALID_TOPIC_EXCEPTION
])

/** What a broker answers to a batch that is too large as a whole. */
const tooLarge: ReadonlySet<number> = new Set([errorCodes.MESSAGE_TOO_LARGE, errorCodes.RECORD_LIST_TOO_LARGE])

/** What belongs together: it is stored as a whole, or has failed. */
export interface Contribution {
  /** Those that are still wanted: empty once it has ended. */
  readonly records: readonly SizedRecord[]
  /** False once it has ended one way or the other: what is left of it need not be written. */
  isOpen(): boolean
  stored(): void
  /** Refused for good. */
  refused(message: string): void
  /** Not written yet; told when it gives up. */
  hindered(message: string): void
}

export interface SizedRecord {
  readonly record: NewRecord
  /** As it is in a batch that is not compressed, about. */
  readonly bytes: number
}

interface Turn {
  readonly contribution: Contribution
  /** How many of its records are written; they go in order. */
  written: number
  /** It shares no batch any more, because one that it was part of was refused. */
  alone: boolean
}

interface Batch {
  readonly records: NewRecord[]
  /** Whose, and how many of each; in the order of the queue. */
  readonly parts: { readonly turn: Turn; readonly count: number }[]
  bytes: number
}

export interface LaneOptions {
  readonly client: Pick<KafkaClient, 'produce'>
  readonly topic: string
  readonly partition: number
  readonly clock: Clock
  /** When batches leave; shared by lanes, whose requests then go together. */
  readonly pace: Pace
  /** There is no such partition: these have to find another lane. */
  readonly onGone: (contributions: readonly Contribution[]) => void
  /** Nothing waits any more. */
  readonly onIdle: () => void
}

export class Lane {
  readonly #options: LaneOptions
  readonly #gone = new AbortController()
  #queue: Turn[] = []
  #isRunning = false
  /** Halved when the topic takes less. */
  #batchBytes = maxBatchBytes
  /** 0 as soon as the topic took less than that. */
  #compressedFromBytes = compressedFromBytes

  constructor(options: LaneOptions) {
    this.#options = options
  }

  add(contribution: Contribution): void {
    this.#queue.push({ contribution, written: 0, alone: false })
    if (!this.#isRunning) void this.#run()
  }

  close(): void {
    this.#gone.abort()
    this.#queue = []
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    let failures = 0
    while (this.#queue.some(({ contribution }) => contribution.isOpen())) {
      // What is added meanwhile goes together.
      await this.#options.pace.next()
      const batch = this.#next()
      if (batch.records.length === 0) break
      const error = await this.#send(batch)
      if (this.#gone.signal.aborted) break
      if (error === null) {
        failures = 0
        this.#stored(batch)
      } else if (isUnknownPartition(error)) {
        this.#leave()
      } else if (isForGood(error)) {
        failures = 0
        this.#refuse(batch, error)
      } else {
        for (const { turn } of batch.parts) turn.contribution.hindered(messageOf(error))
        await pause(this.#options.clock, backoffMs(failures++), this.#gone.signal)
      }
    }
    this.#isRunning = false
    this.#options.onIdle()
  }

  /** The next batch, empty at the end; it stays in the queue until it is written. */
  #next(): Batch {
    this.#queue = this.#queue.filter(({ contribution }) => contribution.isOpen())
    const batch: Batch = { records: [], parts: [], bytes: 0 }
    for (const turn of this.#queue) {
      const first = batch.parts[0]
      if (first !== undefined && (turn.alone || first.turn.alone)) break
      const count = this.#take(turn, batch)
      if (count > 0) batch.parts.push({ turn, count })
      if (turn.written + count < turn.contribution.records.length) break
    }
    return batch
  }

  /** Adds what fits of a contribution, and to an empty batch one record whatever its size. Answers how many. */
  #take({ contribution, written }: Turn, batch: Batch): number {
    let count = 0
    for (; written + count < contribution.records.length; count++) {
      const { record, bytes } = contribution.records[written + count]!
      const isFull = batch.bytes + bytes > this.#batchBytes || batch.records.length === maxBatchRecords
      if (isFull && batch.records.length > 0) break
      batch.records.push(record)
      batch.bytes += bytes
    }
    return count
  }

  /** Null when they are written. */
  async #send({ records, bytes }: Batch): Promise<unknown> {
    const { client, topic, partition } = this.#options
    try {
      // Records that fitted into their topic compressed must fit here, and zstd is no worse than any other codec.
      const batch = buildBatch({ records, codec: bytes < this.#compressedFromBytes ? 'none' : 'zstd' })
      await client.produce({ topic, partition, batch, acks: -1 })
      return null
    } catch (error) {
      return error
    }
  }

  #stored({ parts }: Batch): void {
    for (const { turn, count } of parts) {
      turn.written += count
      if (turn.written >= turn.contribution.records.length) turn.contribution.stored()
    }
  }

  #refuse({ records, parts, bytes }: Batch, error: KafkaError): void {
    if (refusesTopic.has(error.code)) {
      for (const { contribution } of this.#queue) contribution.refused(error.message)
    } else if (tooLarge.has(error.code) && bytes < this.#compressedFromBytes) {
      this.#compressedFromBytes = 0
    } else if (parts.length > 1) {
      for (const { turn } of parts) turn.alone = true
    } else if (tooLarge.has(error.code) && records.length > 1) {
      this.#batchBytes = bytes > leastBatchBytes ? Math.ceil(bytes / 2) : 1
    } else {
      for (const { turn } of parts) turn.contribution.refused(error.message)
    }
  }

  #leave(): void {
    const contributions = this.#queue.map(({ contribution }) => contribution)
    this.#queue = []
    this.#options.onGone(contributions.filter((contribution) => contribution.isOpen()))
  }
}

function isUnknownPartition(error: unknown): boolean {
  return error instanceof KafkaError && error.code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION
}

/** A lost connection, an answer that came too late and a fault of the broker say nothing about what was written. */
function isForGood(error: unknown): error is KafkaError {
  return error instanceof KafkaError && !error.retriable && error.code !== errorCodes.UNKNOWN_SERVER_ERROR
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
