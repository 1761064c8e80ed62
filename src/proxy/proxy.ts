/**
 * The proxy as a whole: accepts connections, gives each its session and its upstream, keeps a port open for every
 * broker of the cluster, and ends in order.
 */
import type { Socket } from 'node:net'
import { formatAddress } from '../address.ts'
import type { Address } from '../address.ts'
import type { Broker } from './addresses.ts'
import { accept, onreadWorks } from './accepted-sockets.ts'
import { BrokerProbe } from './broker-probe.ts'
import { ByteBudget } from './byte-budget.ts'
import { Connection } from './connection.ts'
import type { ConnectionInfo, ProxyEvents } from './events.ts'
import { Listener } from './listeners.ts'
import type { ListenerOptions } from './listeners.ts'
import type { ProducePath } from './produce-path.ts'
import { ReadBuffers } from './read-buffers.ts'
import type { SessionLimits } from './session/shared.ts'

/** What the proxy needs to know of the cluster; `ClusterWatch` is it. */
export interface Cluster {
  brokers(): ReadonlyMap<number, Broker>
  /** Brokers seen in an answer. */
  learn(brokers: readonly Broker[]): void
  /** Asks the cluster now. Never rejects. */
  refresh(): Promise<void>
  onChange(listener: () => void): () => void
}

export interface ProxyOptions {
  readonly listeners: readonly ListenerOptions[]
  readonly bootstrapServers: readonly Address[]
  readonly cluster: Cluster
  readonly producePath: ProducePath
  readonly events: ProxyEvents
  readonly limits: SessionLimits & {
    readonly inflightBytes: number
    readonly connections: number
    readonly minBodyBytesPerSecond: number
  }
  readonly connectTimeoutMs: number
  readonly bodyRateWindowMs: number
  readonly nowMs: () => number
}

export interface ListeningAddresses {
  readonly bootstrap: Address
  readonly brokers: ReadonlyMap<number, Address>
}

export class Proxy {
  readonly #options: ProxyOptions
  readonly #listeners: readonly Listener[]
  readonly #connections = new Map<number, Connection>()
  readonly #requestBudget: ByteBudget
  readonly #responseBudget: ByteBudget
  /** What has been told of brokers, each once. */
  readonly #withoutPort = new Set<number>()
  readonly #toldListening = new Map<number, readonly string[]>()
  readonly #probe: BrokerProbe
  readonly #buffers = new ReadBuffers()
  #onread = false
  #bootstrapAddresses: readonly Address[] = []
  #nextId = 1
  #nextBootstrap = 0
  #stopWatching: () => void = () => undefined
  #rateTimer: NodeJS.Timeout | null = null

  constructor(options: ProxyOptions) {
    this.#options = options
    // Answers have a budget of their own: they free memory when they leave, so requests must not keep them waiting.
    this.#requestBudget = new ByteBudget(options.limits.inflightBytes)
    this.#responseBudget = new ByteBudget(options.limits.inflightBytes)
    this.#probe = new BrokerProbe({
      addressOf: (nodeId) => options.cluster.brokers().get(nodeId) ?? null,
      onDown: (nodeId) => this.#listeners.forEach((listener) => listener.refuse(nodeId)),
      onUp: (nodeId) => void this.#admit(nodeId)
    })
    this.#listeners = options.listeners.map(
      (listener) => new Listener(listener, (socket, nodeId, from) => this.#accept(socket, nodeId, from))
    )
  }

  /** Opens every port. Rejects when one is taken, and then leaves none open. */
  async listen(): Promise<void> {
    this.#onread = await onreadWorks()
    try {
      this.#bootstrapAddresses = await Promise.all(this.#listeners.map((listener) => listener.open()))
      const ids = [...this.#options.cluster.brokers().keys()]
      await Promise.all(this.#listeners.flatMap((listener) => ids.map((id) => listener.ensure(id))))
    } catch (error) {
      this.stopAccepting()
      throw error
    }
    const { cluster } = this.#options
    this.#stopWatching = cluster.onChange(() => void this.#openPorts([...cluster.brokers().keys()]))
    this.#rateTimer = setInterval(() => {
      const { minBodyBytesPerSecond } = this.#options.limits
      for (const connection of this.#connections.values()) {
        connection.checkRate(minBodyBytesPerSecond, this.#options.bodyRateWindowMs)
      }
    }, 1_000)
    this.#rateTimer.unref()
  }

  /** Per configured listener. */
  get addresses(): readonly ListeningAddresses[] {
    return this.#listeners.map((listener, i) => {
      const brokers = new Map<number, Address>()
      for (const id of this.#options.cluster.brokers().keys()) {
        const address = listener.advertised(id)
        if (address !== null) brokers.set(id, address)
      }
      return { bootstrap: this.#bootstrapAddresses[i]!, brokers }
    })
  }

  /** Live brokers that clients are not told of: no port is configured, or it cannot be had now. */
  get brokersWithoutPort(): readonly number[] {
    return [...this.#options.cluster.brokers().keys()].filter((id) =>
      this.#listeners.some((listener) => listener.lacks(id))
    )
  }

  connections(): readonly ConnectionInfo[] {
    return [...this.#connections.values()].map((connection) => connection.info)
  }

  /** Bytes reserved for frames that are held, both ways. */
  get inflightBytes(): number {
    return this.#requestBudget.reservedBytes + this.#responseBudget.reservedBytes
  }

  stopAccepting(): void {
    this.#stopWatching()
    this.#probe.close()
    for (const listener of this.#listeners) listener.close()
  }

  /** Lets every connection finish what produces; cuts what is left after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.stopAccepting()
    const connections = [...this.#connections.values()]
    for (const connection of connections) connection.drain()
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs)
    })
    await Promise.race([Promise.all(connections.map((connection) => connection.closed)), deadline])
    clearTimeout(timer)
    await this.close()
  }

  /** Ends everything now. */
  async close(): Promise<void> {
    this.stopAccepting()
    if (this.#rateTimer !== null) clearInterval(this.#rateTimer)
    const connections = [...this.#connections.values()]
    for (const connection of connections) connection.cut('drain-timeout')
    await Promise.all(connections.map((connection) => connection.closed))
  }

  #accept(accepted: Socket, nodeId: number | null, listener: Listener): void {
    const { limits, cluster, producePath, events, nowMs } = this.#options
    const client = accept(accepted, this.#buffers, this.#onread)
    // A socket may fail before anybody else listens to it.
    client.socket.on('error', () => undefined)
    const upstreams = nodeId === null ? this.#bootstrapUpstreams() : this.#upstreamOf(nodeId)
    const id = this.#nextId++
    let reached = nodeId
    const connection = new Connection({
      id,
      client,
      buffers: this.#buffers,
      onread: this.#onread,
      upstreams,
      onConnected: (upstream) => {
        // Any broker answers on a bootstrap address; which one decides whether it leads a partition.
        reached ??= this.#nodeAt(upstream)
      },
      session: {
        nodeId: () => reached,
        producePath,
        advertised: (node) => listener.advertised(node),
        reconciled: (node, host, port) => {
          const known = cluster.brokers().get(node)
          if (known === undefined) return false
          // An answer may be older than what is known: it is a reason to ask, not to believe it.
          if (known.host !== host || known.port !== port) void cluster.refresh()
          return listener.knows(node)
        },
        limits,
        nowMs
      },
      connectTimeoutMs: this.#options.connectTimeoutMs,
      requestBudget: this.#requestBudget,
      responseBudget: this.#responseBudget,
      reconcile: (brokers) => this.#reconcile(brokers),
      upstreamLost: () => (nodeId === null ? Promise.resolve() : this.#probe.suspect(nodeId)),
      events
    })
    this.#connections.set(id, connection)
    events.opened(connection.info)
    void connection.closed.then(() => this.#connections.delete(id))
    if (this.#connections.size > limits.connections) connection.cut('connection-limit')
    else void connection.start()
  }

  #nodeAt({ host, port }: Address): number | null {
    const broker = [...this.#options.cluster.brokers().values()].find((b) => b.host === host && b.port === port)
    return broker?.id ?? null
  }

  async #admit(nodeId: number): Promise<void> {
    for (const listener of this.#listeners) {
      try {
        await listener.admit(nodeId)
      } catch (error) {
        // Its address is no longer given out; the next answer that names the broker tries again.
        this.#options.events.cannotListen(nodeId, messageOf(error))
      }
    }
  }

  #upstreamOf(nodeId: number): readonly Address[] {
    const broker = this.#options.cluster.brokers().get(nodeId)
    return broker === undefined ? [] : [broker]
  }

  /** Any broker will do for a bootstrap connection; each starts with another one. */
  #bootstrapUpstreams(): readonly Address[] {
    const servers = this.#options.bootstrapServers
    const first = this.#nextBootstrap++ % servers.length
    return [...servers.slice(first), ...servers.slice(0, first), ...this.#options.cluster.brokers().values()]
  }

  /** Opens what can be opened before clients learn of these brokers. Never rejects. */
  async #reconcile(brokers: readonly Broker[]): Promise<void> {
    const known = this.#options.cluster.brokers()
    this.#options.cluster.learn(brokers.filter((broker) => !known.has(broker.id)))
    await this.#openPorts(brokers.map((broker) => broker.id))
  }

  #tellListening(nodeId: number, address: Address): void {
    const known = formatAddress(address)
    if (this.#toldListening.get(nodeId)?.includes(known) === true) return
    this.#toldListening.set(nodeId, [...(this.#toldListening.get(nodeId) ?? []), known])
    this.#options.events.listening(nodeId, address)
  }

  #tellWithoutPort(nodeId: number): void {
    if (this.#withoutPort.has(nodeId)) return
    this.#withoutPort.add(nodeId)
    this.#options.events.brokerWithoutPort(nodeId)
  }

  /** One port that cannot be had costs one broker, not those after it. Never rejects. */
  async #openPorts(nodeIds: readonly number[]): Promise<void> {
    const { events } = this.#options
    for (const listener of this.#listeners) {
      for (const nodeId of nodeIds) {
        if (listener.advertised(nodeId) !== null) continue
        try {
          const address = await listener.ensure(nodeId)
          if (address !== null) this.#tellListening(nodeId, address)
          else if (listener.hasNoPort(nodeId)) this.#tellWithoutPort(nodeId)
        } catch (error) {
          events.cannotListen(nodeId, messageOf(error))
        }
      }
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
