/**
 * Writes bad records to their quarantine topics, each batch's as a whole: stored with acks=all, refused for good, or not
 * known within the time that a producer can be kept waiting. At least once: what was not known to be stored is sent
 * again, by us or by the producer, and carries the same ids.
 *
 * The records of a partition go to the partition of the same number modulo the count of the quarantine topic, in order.
 */
import type { Cancel, Clock } from '../clock.ts'
import { pause, systemClock } from '../clock.ts'
import type { NewRecord } from '../../protocol/records/build-batch.ts'
import type { QuarantinedBatch, QuarantineOutcome, QuarantineSink } from '../enforcement/quarantine-port.ts'
import type { KafkaClient } from '../kafka/client.ts'
import { isRetriable, NoCommonVersionError } from '../kafka/errors.ts'
import * as limits from '../kafka/limits.ts'
import { Pace } from '../kafka/pace.ts'
import { backoffMs } from '../kafka/retrying.ts'
import { Lane } from './lane.ts'
import type { Contribution, SizedRecord } from './lane.ts'
import { entriesOf, sharedHeaders, toQuarantineRecord } from './record.ts'
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
  /** Least time between two requests; 0: as soon as the one before is answered. Default 2 ms. */
  readonly gapMs?: number
}

export class QuarantineWriter implements QuarantineSink {
  readonly #options: QuarantineWriterOptions
  readonly #clock: Clock
  readonly #storeWithinMs: number
  /** By topic and partition; only while something waits there. */
  readonly #lanes = new Map<string, Lane>()
  /** By quarantine topic, topic and partition; only while something of it has no lane. */
  readonly #lines = new Map<string, Line>()
  readonly #waiting = new Set<Waiting>()
  readonly #pace: Pace
  #waitingBytes = 0
  #waitingRecords = 0
  #isClosed = false

  constructor(options: QuarantineWriterOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#storeWithinMs = options.storeWithinMs ?? writerDefaults.storeWithinMs
    this.#pace = new Pace(options.gapMs ?? limits.writeGapMs)
  }

  store(batch: QuarantinedBatch): Promise<QuarantineOutcome> {
    if (this.#isClosed) return Promise.resolve(failed('this instance is closing'))
    if (batch.records.length === 0) return Promise.resolve({ kind: 'stored' })
    const nowMs = this.#clock.nowMs()
    const entries = entriesOf(batch)
    const shared = sharedHeaders(entries[0]!)
    const records = entries.map((entry) => sized(toQuarantineRecord(kept(entry, batch), nowMs, shared)))
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
    const line = this.#lineOf(batch)
    line.unrouted.push(waiting)
    void this.#route(line)
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

  #lineOf({ target, topic, partition }: Waiting['place']): Line {
    const name = JSON.stringify([target.topic, topic, partition])
    const known = this.#lines.get(name)
    if (known !== undefined) return known
    const line: Line = {
      unrouted: [],
      pauseMs: 0,
      isRouting: false,
      onIdle: () => {
        if (this.#lines.get(name) === line) this.#lines.delete(name)
      }
    }
    this.#lines.set(name, line)
    return line
  }

  /** To the lane of their partition, as soon as the topic is there. */
  async #route(line: Line): Promise<void> {
    if (line.isRouting) return
    line.isRouting = true
    for (let first = line.unrouted[0]; first !== undefined; first = line.unrouted[0]) {
      if (!first.isOpen()) line.unrouted.shift()
      else if (line.pauseMs > 0) await this.#pause(line, first)
      else await this.#routeAll(line, first)
    }
    line.isRouting = false
    line.onIdle()
  }

  async #pause(line: Line, first: Waiting): Promise<void> {
    const { pauseMs } = line
    line.pauseMs = 0
    await pause(this.#clock, pauseMs, first.ended)
  }

  async #routeAll(line: Line, first: Waiting): Promise<void> {
    const { target, topic: origin, partition } = first.place
    try {
      const count = await this.#options.topics.partitionsOf(target, origin)
      // Those that have come back meanwhile, because the partition is gone, go first and after a pause.
      if (line.pauseMs > 0) return
      const lane = this.#laneOf(target.topic, partition % count)
      for (const waiting of line.unrouted.splice(0)) if (waiting.isOpen()) lane.add(waiting)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (error instanceof NoQuarantineTopicError || error instanceof NoCommonVersionError) first.refused(message)
      else if (!isRetriable(error)) first.giveUp(message)
      else {
        for (const waiting of line.unrouted) waiting.hindered(message)
        line.pauseMs = backoffMs(first.reroutes++)
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
      pace: this.#pace,
      onIdle: () => {
        if (this.#lanes.get(name) === lane) this.#lanes.delete(name)
      },
      onGone: (contributions) => {
        this.#options.topics.forget(topic)
        this.#again(
          contributions.filter((contribution) => contribution instanceof Waiting),
          topic
        )
      }
    })
    this.#lanes.set(name, lane)
    return lane
  }

  /**
   * To the front of their lines, in their order. A broker that has not heard of a new topic yet says the same as one whose
   * topic was deleted.
   */
  #again(waitings: readonly Waiting[], topic: string): void {
    for (const [line, returned] of Map.groupBy(waitings, ({ place }) => this.#lineOf(place))) {
      for (const waiting of returned) waiting.hindered(`the quarantine topic ${topic} has no such partition`)
      line.unrouted.unshift(...returned)
      line.pauseMs = backoffMs(returned[0]!.reroutes++)
      void this.#route(line)
    }
  }
}

/**
 * What one partition of a topic has for one quarantine topic, in the order in which it came. As long as one waits for its
 * lane, those behind it wait as well: records of a key must not change places.
 */
interface Line {
  /** Those that are in no lane. */
  readonly unrouted: Waiting[]
  /** Before the next try; 0: at once. */
  pauseMs: number
  isRouting: boolean
  readonly onIdle: () => void
}

/** The records of one batch until they are stored, refused, or too late. */
class Waiting implements Contribution {
  /** Where to. */
  readonly place: Pick<QuarantinedBatch, 'topic' | 'partition' | 'target'>
  readonly #end: (outcome: QuarantineOutcome) => void
  readonly #cancelTimeout: Cancel
  /** Made when somebody waits for the end; nearly always nobody does. */
  #ended: AbortController | null = null
  #isOpen = true
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
    this.#cancelTimeout = clock.after(withinMs, () => {
      this.giveUp(`not stored in ${target.topic} within ${withinMs} ms: ${this.#hindrance}`)
    })
  }

  get records(): readonly SizedRecord[] {
    return this.#records
  }

  get ended(): AbortSignal {
    this.#ended ??= new AbortController()
    if (!this.#isOpen) this.#ended.abort(ended)
    return this.#ended.signal
  }

  isOpen(): boolean {
    return this.#isOpen
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
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#cancelTimeout()
    // A lane may hold on to it while a broker does not answer; its memory is given back now.
    this.#records = []
    // Given a reason, none is made, with its stack.
    this.#ended?.abort(ended)
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
