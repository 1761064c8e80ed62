/**
 * What a client sees of a cluster, written down so that two runs can be compared: direct and through the proxy, or
 * twice direct. A transcript holds results, errors, offsets and bytes; what differs from run to run by nature (names
 * of this run, addresses, random ids, the clock) is taken out or made the same.
 */
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ClientFailure,
  type ClientDriver,
  type ClientError,
  type ConsumerOptions,
  type InRecord,
  type ProducerOptions,
  type RecordResult,
  type TestAdmin,
  type TestConsumer,
  type TestProducer
} from '../clients/driver.ts'
import type { KafkaVersion } from '../cluster/types.ts'

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

/** One line per step, in the order in which the scenario did them. */
export type Transcript = { step: string; outcome: Json }[]

export interface Scenario {
  name: string
  /** Absent: every client and version can run it. */
  applies?: (driver: ClientDriver, version: KafkaVersion) => boolean
  run(scene: Scene): Promise<void>
}

/** How long a scenario waits for what it knows will come; on a busy machine a group takes its time. */
const readMs = 30_000
/** How long it waits for what must not come. */
const quietMs = 300
const settleMs = 5_000

/** UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER: what a new topic goes through. */
const leaderless = [3, 5, 6]

/** Runs one scenario and gives its transcript. Everything that it opened is closed, also when it fails. */
export async function runScenario(scenario: Scenario, driver: ClientDriver, bootstrap: string[]): Promise<Transcript> {
  const scene = await Scene.open(driver, bootstrap)
  try {
    await scenario.run(scene)
    return scene.transcript()
  } finally {
    await scene.close()
  }
}

/** What a scenario works with: the client, names of its own, and the transcript. */
export class Scene {
  readonly driver: ClientDriver
  readonly bootstrap: string[]
  readonly admin: TestAdmin
  readonly brokerIds: number[]
  readonly #prefix = `t${randomBytes(5).toString('hex')}`
  readonly #lines: Transcript = []
  readonly #open: { close(): Promise<void> }[] = []

  private constructor(driver: ClientDriver, bootstrap: string[], admin: TestAdmin, brokerIds: number[]) {
    this.driver = driver
    this.bootstrap = bootstrap
    this.admin = admin
    this.brokerIds = brokerIds
    this.#open.push(admin)
  }

  static async open(driver: ClientDriver, bootstrap: string[]): Promise<Scene> {
    const admin = await driver.admin(bootstrap)
    const { brokers } = await admin.describeCluster()
    return new Scene(
      driver,
      bootstrap,
      admin,
      brokers.map(({ id }) => id).sort((left, right) => left - right)
    )
  }

  /** A topic, group or transactional id of this run. */
  named(name: string): string {
    return `${this.#prefix}-${name}`
  }

  /** Replicas that put the leaders of a topic on the brokers in turn: the same in every run. */
  replicas(partitions: number): number[][] {
    const ids = this.brokerIds
    return Array.from({ length: partitions }, (_, partition) =>
      ids.map((_id, place) => ids[(partition + place) % ids.length]!)
    )
  }

  /** Makes a topic of this run and gives its full name. */
  async topic(name: string, partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const topic = this.named(name)
    await this.admin.createTopics([{ name: topic, replicas: this.replicas(partitions), config }])
    // A leader that has not taken over yet drops unacknowledged records without a word.
    await this.#untilLed(topic)
    return topic
  }

  async #untilLed(topic: string): Promise<void> {
    const deadline = Date.now() + readMs
    for (;;) {
      try {
        await this.admin.listOffsets(topic)
        return
      } catch (error) {
        const settling = error instanceof ClientFailure && leaderless.includes(error.error.code ?? 0)
        if (!settling || Date.now() > deadline) throw error
        await sleep(50)
      }
    }
  }

  async producer(options: Partial<ProducerOptions> = {}): Promise<TestProducer> {
    const all: ProducerOptions = { acks: 'all', idempotence: false, codec: 'none', ...options }
    const producer = await this.driver.producer(this.bootstrap, all)
    this.#open.push(producer)
    return producer
  }

  async consumer(options: Omit<ConsumerOptions, 'committedOnly'> & { committedOnly?: boolean }): Promise<TestConsumer> {
    const consumer = await this.driver.consumer(this.bootstrap, { committedOnly: false, ...options })
    this.#open.push(consumer)
    return consumer
  }

  /** Closes something before the scenario ends. */
  async closeNow(session: { close(): Promise<void> }): Promise<void> {
    this.#open.splice(this.#open.indexOf(session), 1)
    await session.close()
  }

  /** Reads a topic's partitions from the start: so many records, and then a moment for those that must not come. */
  async readAll(topic: string, partitions: number, count: number, committedOnly = false): Promise<InRecord[]> {
    const consumer = await this.consumer({
      groupId: this.named(`reader-${topic.length}-${this.#lines.length}`),
      partitions: Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
      committedOnly
    })
    const records = await consumer.read(count, readMs)
    const surplus = await consumer.read(count + 1, quietMs)
    await this.closeNow(consumer)
    return [...records, ...surplus]
  }

  /** Writes a line into the transcript. */
  note(step: string, outcome: unknown): void {
    this.#lines.push({ step, outcome: this.#plain(outcome) })
  }

  /** Does something and writes down what came of it: its result, or its error. True if there was none. */
  async try(step: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      this.note(step, (await work()) ?? 'done')
      return true
    } catch (error) {
      if (!(error instanceof ClientFailure)) throw error
      this.note(step, { error: error.error })
      return false
    }
  }

  /**
   * Waits for what nobody announces: records without acknowledgement, and the markers of a transaction, which follow
   * its end. The transcript then shows whether they came.
   */
  async settled(holds: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + settleMs
    while (!(await holds()) && Date.now() < deadline) await sleep(50)
  }

  /** Waits until a topic's partitions hold so many offsets together. */
  async untilWritten(topic: string, offsets: number): Promise<void> {
    await this.settled(
      async () => (await this.admin.listOffsets(topic)).reduce((sum, { latest }) => sum + latest, 0) >= offsets
    )
  }

  transcript(): Transcript {
    return this.#lines
  }

  async close(): Promise<void> {
    await Promise.allSettled(
      this.#open
        .splice(0)
        .reverse()
        .map((session) => session.close())
    )
  }

  /** The names of this run, durations, and the bounds of time that a broker counts from now. */
  #plainText(text: string): string {
    return text
      .replaceAll(this.#prefix, '<run>')
      .replace(/\d+ ?ms\b/g, '<n> ms')
      .replace(/\[-?\d+, -?\d+\]/g, '<bounds>')
  }

  #plain(value: unknown): Json {
    if (value === undefined || value === null) return null
    if (Buffer.isBuffer(value)) return value.length > 64 ? summary(value) : value.toString('latin1')
    if (typeof value === 'string') return this.#plainText(value)
    if (typeof value === 'number' || typeof value === 'boolean') return value
    if (typeof value === 'bigint') return String(value)
    if (Array.isArray(value)) return value.map((item) => this.#plain(item))
    if (typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, this.#plain(field)]))
    }
    throw new Error(`a transcript cannot hold a ${typeof value}`)
  }
}

function summary(bytes: Buffer): string {
  return `${bytes.length} bytes ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}

/** Records in a fixed order, with a word on whether each partition came in order. */
export function readBack(records: readonly InRecord[]): { order: 'kept' | 'broken'; records: InRecord[] } {
  const last = new Map<string, number>()
  let order: 'kept' | 'broken' = 'kept'
  for (const { topic, partition, offset } of records) {
    const place = `${topic}/${partition}`
    if (offset <= (last.get(place) ?? -1)) order = 'broken'
    last.set(place, offset)
  }
  const sorted = [...records].sort(
    (left, right) =>
      left.topic.localeCompare(right.topic) || left.partition - right.partition || left.offset - right.offset
  )
  return { order, records: sorted }
}

/** The results of a send in short: an offset each, or the error. */
export function offsetsOf(results: readonly RecordResult[]): (string | ClientError)[] {
  return results.map((result) => ('error' in result ? result.error : `${result.partition}@${result.offset}`))
}
