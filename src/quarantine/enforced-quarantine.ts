/**
 * What the produce path needs to take single records out, over Kafka: the ledger and its log, the writer, and the topics
 * they need. Begins to read and write when a policy can quarantine, or when there is a ledger from before: chains that
 * were renumbered stay so, whatever the policies say now.
 */
import { randomBytes } from 'node:crypto'
import { pause, systemClock } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { TopicSettings } from '../config/settings.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import { canQuarantine } from '../contracts/producer-modes.ts'
import type { QuarantineParts } from '../enforcement/held.ts'
import { Ledger } from '../enforcement/ledger/ledger.ts'
import type { LedgerClock, LedgerEvents } from '../enforcement/ledger/ledger.ts'
import { KafkaClient } from '../kafka/client.ts'
import { StartError } from '../supervisor/start-error.ts'
import { KafkaLedgerLog } from './ledger-log.ts'
import { KafkaProducerStates } from './producer-states.ts'
import { examineOurs, examineTheirs, prepareTopics } from './start.ts'
import { TopicLookup } from './topic-lookup.ts'
import type { TopicFinding } from './topics.ts'
import { QuarantineWriter } from './writer.ts'

export interface EnforcedQuarantineOptions {
  /** `host:port`, at least one. */
  readonly bootstrapServers: readonly string[]
  readonly connectTimeoutMs: number
  readonly topics: TopicSettings
  readonly clock: LedgerClock
  /** Of the pauses between the tries of a reload. Default: the system's. */
  readonly retryClock?: Clock
  readonly events: LedgerEvents & {
    /** What was found of the topics, or done to them. A problem that stays is told at each try. */
    topic(finding: TopicFinding): void
    /** What a reload needs could not be had; it is tried again. */
    unprepared(error: unknown): void
  }
}

/** Of requests whose callers wait for seconds at most: a frozen broker must not use them up. */
const requestTimeoutMs = 2_500
/** How often chains that are over are looked for. */
const sweepMs = 10 * 60_000
/** Pauses between the tries of a reload: from the first one doubling up to the last. */
const firstPauseMs = 1_000
const longestPauseMs = 60_000
/**
 * How often it is looked for a ledger that another instance makes. Less than the time for which a topic that was marked
 * just now is handled as one that not everybody knows of (`quietMs` of the ledger).
 */
const lookOutMs = 2_000

export class EnforcedQuarantine {
  readonly parts: QuarantineParts
  readonly #options: EnforcedQuarantineOptions
  readonly #log: KafkaLedgerLog
  readonly #writer: QuarantineWriter
  readonly #clients = new Set<KafkaClient>()
  readonly #closing = new AbortController()
  #reading: Promise<void> | null = null
  /** While the ledger is to be read, and it is tried again when that fails. */
  #isReadingOn = false
  /** Ends the tries of the last reload. */
  #superseding = new AbortController()
  #sweeping: NodeJS.Timeout | null = null
  #isLookingOut = false
  /** Named by policies that quarantine. */
  #topicsToMark: readonly string[] = []

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
   * @throws {StartError} when records could not be quarantined, or it was closed meanwhile; nothing is tried again
   */
  async start(policies: readonly CompiledPolicy[]): Promise<void> {
    const { topics, events } = this.#options
    const { signal } = this.#closing
    const { hasLedger, findings } = await this.#withClient((client) =>
      prepareTopics(client, policies, topics, { signal })
    )
    for (const finding of findings) events.topic(finding)
    this.#topicsToMark = quarantiningTopics(policies)
    if (!hasLedger) {
      void this.#lookOut()
      return
    }
    try {
      await this.#read()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new StartError(`the ledger ${topics.ledger} cannot be read: ${why}`, [], { cause: error })
    }
  }

  /**
   * The policies are these from now on. Their topics are made and the ledger is read beside what goes on, and tried again
   * with growing pauses until all is well, the next reload, or the end. What stands in the way of one topic does not hold
   * up the others: the sink refuses what it cannot write.
   */
  reload(policies: readonly CompiledPolicy[]): void {
    this.#superseding.abort()
    if (this.#closing.signal.aborted) return
    this.#superseding = new AbortController()
    const { signal } = this.#superseding
    this.#topicsToMark = quarantiningTopics(policies)
    void this.#untilDone(signal, (attempt) => this.#prepare(policies, attempt, signal))
  }

  close(): void {
    this.#closing.abort()
    this.#superseding.abort()
    if (this.#sweeping !== null) clearInterval(this.#sweeping)
    this.#writer.close()
    this.#log.close()
    for (const client of this.#clients) client.close()
  }

  /** Whether nothing is left to be done. */
  async #prepare(policies: readonly CompiledPolicy[], attempt: number, signal: AbortSignal): Promise<boolean> {
    const { topics, events } = this.#options
    let isDone = true
    const tell = (findings: readonly TopicFinding[]): void => {
      if (signal.aborted) return
      for (const finding of findings) {
        if (finding.level === 'problem') isDone = false
        // What has been said once, and is no obstacle, is not said again.
        if (attempt === 0 || finding.level === 'problem' || finding.code === 'created') events.topic(finding)
      }
    }
    await this.#withClient(async (client) => {
      const ours = await examineOurs(client, policies, topics, { create: true })
      if (ours === null) {
        void this.#lookOut()
        return
      }
      tell(ours)
      if (!ours.some(({ level, topic }) => level === 'problem' && topic === topics.ledger)) this.#readOn()
      tell(await examineTheirs(client, policies, { create: true }))
    })
    return isDone
  }

  /**
   * While nothing can be quarantined here there need not be a ledger. When another instance makes one, this one has to
   * know what is marked there.
   */
  async #lookOut(): Promise<void> {
    if (this.#isLookingOut) return
    this.#isLookingOut = true
    const { signal } = this.#closing
    const { topics, events, retryClock = systemClock } = this.#options
    const client = this.#client('kontrakt-topics')
    const isNeeded = (): boolean => !signal.aborted && this.#reading === null && !this.#isReadingOn
    let pauseMs = lookOutMs
    while (isNeeded()) {
      await pause(retryClock, pauseMs, signal)
      if (!isNeeded()) break
      // Others tell that no broker can be reached.
      const found = await examineOurs(client, [], topics, { create: false }).catch(() => null)
      const problems = (found ?? []).filter(({ level }) => level === 'problem')
      if (signal.aborted) break
      for (const problem of problems) events.topic(problem)
      pauseMs = problems.length > 0 ? longestPauseMs : lookOutMs
      if (found !== null && problems.length === 0) this.#readOn()
    }
    client.close()
    this.#clients.delete(client)
    this.#isLookingOut = false
  }

  #readOn(): void {
    if (this.#isReadingOn) return
    this.#isReadingOn = true
    void this.#untilDone(this.#closing.signal, async () => {
      await this.#read()
      return true
    }).finally(() => {
      this.#isReadingOn = false
    })
  }

  /** To the end of the ledger, and from then on by itself. Rejects with LogReadError. */
  async #read(): Promise<void> {
    this.#reading ??= this.#log.start()
    try {
      await this.#reading
    } catch (error) {
      this.#reading = null
      throw error
    }
    if (this.#closing.signal.aborted) return
    const { ledger } = this.parts
    const failed = (error: unknown): void => this.#options.events.unavailable(error)
    // A mark that is some seconds old when the first record goes to quarantine holds up nobody.
    ledger.mark(this.#topicsToMark).catch(failed)
    this.#sweeping ??= setInterval(() => {
      ledger.mark(this.#topicsToMark).catch(failed)
      ledger.sweep().catch(failed)
    }, sweepMs).unref()
  }

  async #untilDone(signal: AbortSignal, attemptOnce: (attempt: number) => Promise<boolean>): Promise<void> {
    const isOver = (): boolean => signal.aborted
    for (let attempt = 0; !isOver(); attempt++) {
      try {
        if (await attemptOnce(attempt)) return
      } catch (error) {
        if (isOver()) return
        this.#options.events.unprepared(error)
      }
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(attempt, 10))
      await pause(this.#options.retryClock ?? systemClock, pauseMs, signal)
    }
  }

  /** One that is closed after use: nobody asks about topics between two reloads. */
  async #withClient<T>(use: (client: KafkaClient) => Promise<T>): Promise<T> {
    const client = this.#client('kontrakt-topics')
    try {
      return await use(client)
    } finally {
      client.close()
      this.#clients.delete(client)
    }
  }

  #client(clientId: string): KafkaClient {
    const client = new KafkaClient(this.#clientOptions(clientId))
    this.#clients.add(client)
    return client
  }

  #clientOptions(clientId: string) {
    const { bootstrapServers, connectTimeoutMs } = this.#options
    return { bootstrapServers, clientId, connectTimeoutMs, requestTimeoutMs, clock: systemClock }
  }
}

/** Those of globs are marked when their first producer comes. */
function quarantiningTopics(policies: readonly CompiledPolicy[]): readonly string[] {
  const patterns = policies.flatMap(({ model }) => (canQuarantine(model) ? model.topics : []))
  return patterns.filter(({ literal }) => literal).map(({ source }) => source)
}
