/**
 * Writes bad records to their quarantine topics, each batch's as a whole: stored with acks=all, refused for good, or not
 * known within the time that a producer can be kept waiting. At least once: what was not known to be stored is sent
 * again, by us or by the producer, and carries the same ids.
 *
 * The records of a partition go to the partition of the same number modulo the count of the quarantine topic, in order.
 */
import type { Clock } from '../clock.ts'
import { pause, systemClock } from '../clock.ts'
import type { NewRecord } from '../../protocol/records/build-batch.ts'
import type { QuarantinedBatch, QuarantineOutcome, QuarantineSink } from '../enforcement/quarantine-port.ts'
import type { KafkaClient } from '../kafka/client.ts'
import { isRetriable, NoCommonVersionError } from '../kafka/errors.ts'
import { backoffMs } from '../kafka/retrying.ts'
import { Lane } from './lane.ts'
import type { Contribution, SizedRecord } from './lane.ts'
import { entriesOf, toQuarantineRecord } from './record.ts'
import type { QuarantineEntry } from './record.ts'
import { NoQuarantineTopicError } from './topic-lookup.ts'
import type { TopicLookup } from './topic-lookup.ts'

export const writerDefaults = {
  /** Below the 5 s that a request is held for at most, and with time left for the ledger. */
  storeWithinMs: 3_500,
  /** Of what waits: one request of the largest size, inflated. A single batch above it is taken when nothing waits. */
  maxWaitingBytes: 64 * 1024 * 1024,
  /** Each is an object of some hundred bytes besides its own. */
  maxWaitingRecords: 200_000
} as const

export interface QuarantineWriterOptions {
  /** Its requests should time out within some seconds: a batch for a frozen broker holds up its partition until then. */
  readonly client: Pick<KafkaClient, 'produce'>
  readonly topics: TopicLookup
  readonly clock?: Clock
  readonly storeWithinMs?: number
  readonly maxWaitingBytes?: number
  readonly maxWaitingRecords?: number
}

export class QuarantineWriter implements QuarantineSink {
  readonly #options: QuarantineWriterOptions
  readonly #clock: Clock
  readonly #storeWithinMs: number
  /** By topic and partition; only while something waits there. */
  readonly #lanes = new Map<string, Lane>()
  readonly #waiting = new Set<Waiting>()
  #waitingBytes = 0
  #waitingRecords = 0
  #isClosed = false

  constructor(options: QuarantineWriterOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#storeWithinMs = options.storeWithinMs ?? writerDefaults.storeWithinMs
  }

  store(batch: QuarantinedBatch): Promise<QuarantineOutcome> {
    if (this.#isClosed) return Promise.resolve(failed('this instance is closing'))
    if (batch.records.length === 0) return Promise.resolve({ kind: 'stored' })
    const nowMs = this.#clock.nowMs()
    const records = entriesOf(batch).map((entry) => sized(toQuarantineRecord(kept(entry, batch), nowMs)))
    const bytes = records.reduce((sum, record) => sum + record.bytes, 0)
    if (!this.#hasRoomFor(bytes, records.length)) {
      return Promise.resolve(failed('too many records wait for their quarantine topics'))
    }
    const { promise, resolve } = Promise.withResolvers<QuarantineOutcome>()
    const waiting = new Waiting(batch, records, this.#storeWithinMs, this.#clock, (outcome) => {
      this.#waiting.delete(waiting)
      this.#waitingBytes -= bytes
      this.#waitingRecords -= records.length
      resolve(outcome)
    })
    this.#waiting.add(waiting)
    this.#waitingBytes += bytes
    this.#waitingRecords += records.length
    void this.#route(waiting)
    return promise
  }

  /** What waits has failed; what is under way may still be stored. */
  close(): void {
    this.#isClosed = true
    for (const lane of this.#lanes.values()) lane.close()
    for (const waiting of [...this.#waiting]) waiting.giveUp('this instance is closing')
  }

  /** For tests and metrics. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  #hasRoomFor(bytes: number, records: number): boolean {
    const { maxWaitingBytes = writerDefaults.maxWaitingBytes, maxWaitingRecords = writerDefaults.maxWaitingRecords } =
      this.#options
    if (this.#waiting.size === 0) return true
    return this.#waitingBytes + bytes <= maxWaitingBytes && this.#waitingRecords + records <= maxWaitingRecords
  }

  /** To the lane of its partition, as soon as the topic is there. */
  async #route(waiting: Waiting): Promise<void> {
    const { target, topic: origin, partition } = waiting.place
    while (waiting.isOpen()) {
      try {
        const count = await this.#options.topics.partitionsOf(target, origin)
        if (waiting.isOpen()) this.#laneOf(target.topic, partition % count).add(waiting)
        return
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        if (error instanceof NoQuarantineTopicError || error instanceof NoCommonVersionError) waiting.refused(message)
        else if (!isRetriable(error)) waiting.giveUp(message)
        else waiting.hindered(message)
        await pause(this.#clock, backoffMs(waiting.reroutes++), waiting.ended)
      }
    }
  }

  #laneOf(topic: string, partition: number): Lane {
    const name = `${topic}\n${partition}`
    const known = this.#lanes.get(name)
    if (known !== undefined) return known
    const lane: Lane = new Lane({
      client: this.#options.client,
      topic,
      partition,
      clock: this.#clock,
      onIdle: () => {
        if (this.#lanes.get(name) === lane) this.#lanes.delete(name)
      },
      onGone: (contributions) => {
        this.#options.topics.forget(topic)
        for (const contribution of contributions) {
          if (contribution instanceof Waiting) void this.#again(contribution, topic)
        }
      }
    })
    this.#lanes.set(name, lane)
    return lane
  }

  /** A broker that has not heard of a new topic yet says the same as one whose topic was deleted. */
  async #again(waiting: Waiting, topic: string): Promise<void> {
    waiting.hindered(`the quarantine topic ${topic} has no such partition`)
    await pause(this.#clock, backoffMs(waiting.reroutes++), waiting.ended)
    await this.#route(waiting)
  }
}

/** The records of one batch until they are stored, refused, or too late. */
class Waiting implements Contribution {
  /** Where to. */
  readonly place: Pick<QuarantinedBatch, 'topic' | 'partition' | 'target'>
  readonly #end: (outcome: QuarantineOutcome) => void
  readonly #ended = new AbortController()
  #hindrance = 'its broker has not answered'
  #records: readonly SizedRecord[]
  /** How often it had to look for its partition again. */
  reroutes = 0

  constructor(
    { topic, partition, target }: QuarantinedBatch,
    records: readonly SizedRecord[],
    withinMs: number,
    clock: Clock,
    end: (outcome: QuarantineOutcome) => void
  ) {
    this.place = { topic, partition, target }
    this.#records = records
    this.#end = end
    const cancel = clock.after(withinMs, () => {
      this.giveUp(`not stored in ${target.topic} within ${withinMs} ms: ${this.#hindrance}`)
    })
    this.#ended.signal.addEventListener('abort', cancel)
  }

  get records(): readonly SizedRecord[] {
    return this.#records
  }

  get ended(): AbortSignal {
    return this.#ended.signal
  }

  isOpen(): boolean {
    return !this.#ended.signal.aborted
  }

  stored(): void {
    this.#finish({ kind: 'stored' })
  }

  refused(message: string): void {
    this.#finish({ kind: 'failed', lasting: true, message })
  }

  hindered(message: string): void {
    this.#hindrance = message
  }

  giveUp(message: string): void {
    this.#finish(failed(message))
  }

  #finish(outcome: QuarantineOutcome): void {
    if (!this.isOpen()) return
    // A lane may hold on to it while a broker does not answer; its memory is given back now.
    this.#records = []
    // Given a reason, none is made, with its stack.
    this.#ended.abort(ended)
    this.#end(outcome)
  }
}

const ended = 'ended'

function failed(message: string): QuarantineOutcome {
  return { kind: 'failed', lasting: false, message }
}

/** Without what the policy does not want to be kept. */
function kept(entry: QuarantineEntry, { target }: QuarantinedBatch): QuarantineEntry {
  if (target.values === 'keep' || entry.value === null) return entry
  const value = target.keptOf?.(entry.value) ?? null
  return value === entry.value ? entry : { ...entry, value, valueDropped: true }
}

/** Varints and deltas are not counted to the byte: 32 for the record, 8 for each header. */
function sized(record: NewRecord): SizedRecord {
  let bytes = 32 + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const { name, nameBytes, value } of record.headers ?? []) {
    bytes += 8 + (nameBytes?.length ?? name.length) + (value?.length ?? 0)
  }
  return { record, bytes }
}
