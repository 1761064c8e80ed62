/**
 * Which brokers the cluster has, kept up to date: asked every `metadataRefreshMs`, and whenever somebody has a reason to
 * doubt the list. Any broker it knows and any bootstrap server may answer, the one that answered last is asked first.
 *
 * A broker is on the list when the last Metadata answer named it, or `learn` did after that (another answer, seen by
 * the proxy, that carried addresses). While no one can be asked the list stays as it is: brokers that cannot be reached
 * from here may be reached by others, and routes to them must not be torn down on our failure.
 */
import { parseAddress, type Address } from '../address.ts'
import * as apis from './apis.ts'
import { BrokerConnections } from './broker-connections.ts'
import { systemClock, type Cancel, type Clock } from '../clock.ts'
import type { Broker } from './leaders.ts'
import * as limits from './limits.ts'

export type { Broker } from './leaders.ts'

export interface ClusterChange {
  readonly joined: readonly Broker[]
  readonly left: readonly Broker[]
  /** Same id, other host or port. A changed rack alone is taken over without a word. */
  readonly moved: readonly { readonly before: Broker; readonly after: Broker }[]
}

export interface ClusterWatchOptions {
  /** `host:port`, at least one. */
  readonly bootstrapServers: readonly string[]
  readonly clientId: string
  /** Kafka's clients use 5 minutes; a proxy that opens a port per broker wants to know sooner. */
  readonly metadataRefreshMs: number
  readonly connectTimeoutMs?: number
  readonly requestTimeoutMs?: number
  readonly clock?: Clock
  /** A round in which nobody answered; the watch goes on by itself. */
  readonly onUnreachable?: (error: unknown) => void
}

export class ClusterWatch {
  readonly #connections: BrokerConnections
  readonly #metadataRefreshMs: number
  readonly #clock: Clock
  readonly #onUnreachable: (error: unknown) => void
  readonly #listeners = new Set<(change: ClusterChange) => void>()
  #brokers: ReadonlyMap<number, Broker> = new Map()
  #clusterId: string | null = null
  #unreachableSinceMs: number | null = null
  #failures = 0
  #lastRoundMs = Number.NEGATIVE_INFINITY
  #round: Promise<void> | null = null
  #cancelTimer: Cancel = () => undefined
  #closed = false

  /** Throws a plain Error when a bootstrap server is not `host:port`. */
  constructor(options: ClusterWatchOptions) {
    const { clientId, clock = systemClock } = options
    this.#clock = clock
    this.#metadataRefreshMs = options.metadataRefreshMs
    this.#onUnreachable = options.onUnreachable ?? ((): void => undefined)
    this.#connections = new BrokerConnections(options.bootstrapServers.map(parseAddress), {
      clientId,
      clock,
      connectTimeoutMs: options.connectTimeoutMs ?? limits.watchTimeoutMs,
      requestTimeoutMs: options.requestTimeoutMs ?? limits.watchTimeoutMs
    })
  }

  /**
   * Asks for the first time and goes on by itself. Resolves when that round is over, answered or not: a proxy may be
   * started before its cluster.
   */
  start(): Promise<void> {
    return this.refresh()
  }

  /** By id. A new map after every change, so a kept one is a snapshot. */
  brokers(): ReadonlyMap<number, Broker> {
    return this.#brokers
  }

  /** Null until a broker said so, and with brokers older than 0.10.1. */
  clusterId(): string | null {
    return this.#clusterId
  }

  /** Epoch milliseconds of the first round in which nobody answered, since the last one in which somebody did. */
  unreachableSinceMs(): number | null {
    return this.#unreachableSinceMs
  }

  /** Brokers seen in some other answer: added or moved, none is taken away. Ids below 0 stand for nobody. */
  learn(brokers: readonly Broker[]): void {
    const next = new Map(this.#brokers)
    for (const broker of brokers) if (broker.id >= 0) next.set(broker.id, broker)
    this.#become(next)
  }

  /** Called after each change, when `brokers()` already has it. Answers how to stop listening. */
  onChange(listener: (change: ClusterChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Asks now, or after a short gap when the last round has only just been; resolves (never rejects) when the round is
   * over. Calls during a round join it.
   */
  refresh(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#round ??= this.#run().finally(() => {
      this.#round = null
    })
    return this.#round
  }

  /** Stops asking and closes the connections. Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancelTimer()
    this.#connections.close()
    await this.#round
    this.#listeners.clear()
  }

  async #run(): Promise<void> {
    this.#cancelTimer()
    const gapMs = this.#lastRoundMs + limits.minRefreshGapMs - this.#clock.nowMs()
    if (gapMs > 0) await this.#sleep(gapMs)
    if (this.#isClosed()) return
    try {
      await this.#ask()
      this.#failures = 0
      this.#unreachableSinceMs = null
    } catch (error) {
      if (this.#isClosed()) return
      this.#failures++
      this.#unreachableSinceMs ??= this.#clock.nowMs()
      this.#onUnreachable(error)
    }
    this.#lastRoundMs = this.#clock.nowMs()
    if (!this.#isClosed()) this.#cancelTimer = this.#clock.after(this.#pauseMs(), () => void this.refresh())
  }

  /** A round ends with the first answer; a server that connects but does not answer is passed over. */
  async #ask(): Promise<void> {
    let failure: unknown = new Error('there is no bootstrap server')
    for (const target of this.#connections.candidates()) {
      try {
        await this.#askOne(target)
        return
      } catch (error) {
        failure = error
        if (this.#isClosed()) break
      }
    }
    throw failure
  }

  async #askOne(target: Address): Promise<void> {
    const connection = await this.#connections.to(target)
    const answer = await connection.call(apis.metadata, { topics: [], allowAutoTopicCreation: false })
    if (this.#isClosed()) return
    this.#connections.prefer(target)
    this.#clusterId = answer.clusterId
    const brokers = answer.brokers.map((b) => ({ id: b.nodeId, host: b.host, port: b.port, rack: b.rack }))
    // A broker that is only just starting may name nobody, not even itself; that is no reason to forget everyone.
    if (brokers.length > 0) this.#become(new Map(brokers.map((b) => [b.id, b])))
  }

  #become(next: ReadonlyMap<number, Broker>): void {
    const before = this.#brokers
    const joined = [...next.values()].filter((b) => !before.has(b.id))
    const left = [...before.values()].filter((b) => !next.has(b.id))
    const moved = [...next.values()].flatMap((after) => {
      const was = before.get(after.id)
      return was !== undefined && (was.host !== after.host || was.port !== after.port) ? [{ before: was, after }] : []
    })
    this.#brokers = next
    this.#connections.know([...next.values()])
    if (joined.length + left.length + moved.length === 0) return
    for (const listener of this.#listeners) listener({ joined, left, moved })
  }

  #pauseMs(): number {
    if (this.#failures === 0) return this.#metadataRefreshMs
    return Math.min(this.#metadataRefreshMs, limits.watchRetryMs * 2 ** Math.min(this.#failures - 1, 10))
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(delayMs, resolve)
      this.#cancelTimer = () => {
        cancel()
        resolve()
      }
    })
  }

  /** As a call, so that the compiler does not take an answer from before an `await` for granted. */
  #isClosed(): boolean {
    return this.#closed
  }
}
