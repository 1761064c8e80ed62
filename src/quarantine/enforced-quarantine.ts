/**
 * What the produce path needs to take single records out, over Kafka: the ledger and its log, the writer, and the topics
 * they need. Begins to read and write when a policy can quarantine, or when there is a ledger from before: chains that
 * were renumbered stay so, whatever the policies say now.
 */
import { randomBytes } from 'node:crypto'
import { systemClock } from '../clock.ts'
import type { TopicSettings } from '../config/settings.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import type { QuarantineParts } from '../enforcement/held.ts'
import { Ledger } from '../enforcement/ledger/ledger.ts'
import type { LedgerClock, LedgerEvents } from '../enforcement/ledger/ledger.ts'
import { KafkaClient } from '../kafka/client.ts'
import { StartError } from '../supervisor/start-error.ts'
import { KafkaLedgerLog } from './ledger-log.ts'
import { KafkaProducerStates } from './producer-states.ts'
import { prepareTopics } from './start.ts'
import { TopicLookup } from './topic-lookup.ts'
import type { TopicFinding } from './topics.ts'
import { QuarantineWriter } from './writer.ts'

export interface EnforcedQuarantineOptions {
  /** `host:port`, at least one. */
  readonly bootstrapServers: readonly string[]
  readonly connectTimeoutMs: number
  readonly topics: TopicSettings
  readonly clock: LedgerClock
  readonly events: LedgerEvents & {
    /** What was found of the topics, or done to them. */
    topic(finding: TopicFinding): void
  }
}

/** Of requests whose callers wait for seconds at most: a frozen broker must not use them up. */
const requestTimeoutMs = 2_500
/** How often chains that are over are looked for. */
const sweepMs = 10 * 60_000

export class EnforcedQuarantine {
  readonly parts: QuarantineParts
  readonly #options: EnforcedQuarantineOptions
  readonly #log: KafkaLedgerLog
  readonly #writer: QuarantineWriter
  readonly #clients: KafkaClient[] = []
  #reading: Promise<void> | null = null
  #sweeping: NodeJS.Timeout | null = null

  /** Connects only when something is to be read or written. */
  constructor(options: EnforcedQuarantineOptions) {
    this.#options = options
    const { topics, clock, events } = options
    this.#log = new KafkaLedgerLog({
      kafka: this.#clientOptions('kontrakt-ledger'),
      topic: topics.ledger,
      onRecord: (record) => ledger.apply(record),
      onReset: () => ledger.reset(),
      onTrouble: (error) => events.unavailable(error)
    })
    const ledger = new Ledger({
      log: this.#log,
      states: new KafkaProducerStates({ client: this.#client('kontrakt-producers') }),
      // Another one at every start: what an instance wrote before it died is an earlier owner's.
      instanceId: randomBytes(8).toString('hex'),
      clock,
      events
    })
    this.#writer = new QuarantineWriter({
      client: this.#client('kontrakt-quarantine'),
      topics: new TopicLookup({ client: this.#client('kontrakt-topics') })
    })
    this.parts = { ledger, sink: this.#writer }
  }

  /**
   * Makes sure of the topics, and reads the ledger to its end.
   *
   * @throws {StartError} when records could not be quarantined
   */
  async start(policies: readonly CompiledPolicy[]): Promise<void> {
    const client = this.#client('kontrakt-topics')
    try {
      const { hasLedger, findings } = await prepareTopics(client, policies, this.#options.topics)
      for (const finding of findings) this.#options.events.topic(finding)
      if (!hasLedger) return
    } finally {
      client.close()
    }
    this.#reading ??= this.#log.start()
    try {
      await this.#reading
    } catch (error) {
      this.#reading = null
      const why = error instanceof Error ? error.message : String(error)
      throw new StartError(`the ledger ${this.#options.topics.ledger} cannot be read: ${why}`, [], { cause: error })
    }
    this.#sweeping ??= setInterval(() => {
      this.parts.ledger.sweep().catch((error: unknown) => this.#options.events.unavailable(error))
    }, sweepMs).unref()
  }

  close(): void {
    if (this.#sweeping !== null) clearInterval(this.#sweeping)
    this.#writer.close()
    this.#log.close()
    for (const client of this.#clients) client.close()
  }

  #client(clientId: string): KafkaClient {
    const client = new KafkaClient(this.#clientOptions(clientId))
    this.#clients.push(client)
    return client
  }

  #clientOptions(clientId: string) {
    const { bootstrapServers, connectTimeoutMs } = this.#options
    return { bootstrapServers, clientId, connectTimeoutMs, requestTimeoutMs, clock: systemClock }
  }
}
