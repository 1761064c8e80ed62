/** Connections and whole proxies on loopback, between scripted clients, a scripted broker and a scripted produce path. */
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { afterEach, expect } from 'vitest'
import { requestFrame, responseFrame } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { produceRequest } from '../../../protocol/messages/produce.ts'
import { shareFetchResponse } from '../../../protocol/messages/share-fetch.ts'
import { buildBatch } from '../../../protocol/records/batch.ts'
import type { Address } from '../../../src/address.ts'
import type { Broker } from '../../../src/proxy/addresses.ts'
import { accept } from '../../../src/proxy/accepted-sockets.ts'
import { ByteBudget } from '../../../src/proxy/byte-budget.ts'
import { Connection } from '../../../src/proxy/connection.ts'
import type { ConnectionOptions } from '../../../src/proxy/connection.ts'
import type { ConnectionInfo, ProxyEvents } from '../../../src/proxy/events.ts'
import type { ListenerOptions } from '../../../src/proxy/listeners.ts'
import { partitionAnswer } from '../../../src/proxy/produce-answers.ts'
import type {
  Admission,
  Departure,
  Judged,
  NeedsProof,
  ProduceCall,
  ProducePath,
  WriteProofs
} from '../../../src/proxy/produce-path.ts'
import { Proxy } from '../../../src/proxy/proxy.ts'
import type { Cluster, ProxyOptions } from '../../../src/proxy/proxy.ts'
import type { CloseReason, Direction } from '../../../src/proxy/session/effects.ts'
import { ReadBuffers, readBufferDefaults } from '../../../src/proxy/read-buffers.ts'
import { RawUpstream, connectRaw } from '../../support/raw-upstream.ts'
import type { RawPeer } from '../../support/raw-upstream.ts'
import { departed } from './session/harness.ts'

export const MiB = 1024 * 1024

const cleanups: (() => unknown)[] = []

/** Runs at the end of the test, the latest first. */
export function atEnd(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup()
})

/** Waits until `read` gives `value`; fails with the last thing it gave. */
export async function until<T>(read: () => T, value: T): Promise<void> {
  await expect.poll(read, { interval: 4, timeout: 6_000 }).toEqual(value)
}

export class RecordedEvents implements ProxyEvents {
  readonly openedIds: number[] = []
  readonly closings: { info: ConnectionInfo; reason: CloseReason; detail: string | undefined }[] = []
  readonly unreachable: Address[] = []
  readonly waits: Direction[] = []
  readonly errors: unknown[] = []
  readonly listeningOn: { nodeId: number; address: Address }[] = []
  readonly cannotListenOn: number[] = []
  readonly withoutPort: number[] = []
  readonly counts = { request: 0, response: 0 }

  /** As the gauge of connections is derived. */
  get active(): number {
    return this.openedIds.length - this.closings.length
  }

  get reasons(): readonly CloseReason[] {
    return this.closings.map(({ reason }) => reason)
  }

  opened(info: ConnectionInfo): void {
    this.openedIds.push(info.id)
  }

  closed(info: ConnectionInfo, reason: CloseReason, detail: string | undefined): void {
    this.closings.push({ info, reason, detail })
  }

  upstreamUnreachable(address: Address): void {
    this.unreachable.push(address)
  }

  counted(what: Direction): void {
    this.counts[what] += 1
  }

  budgetWait(direction: Direction): void {
    this.waits.push(direction)
  }

  internalError(error: unknown): void {
    this.errors.push(error)
  }

  listening(nodeId: number, address: Address): void {
    this.listeningOn.push({ nodeId, address })
  }

  cannotListen(nodeId: number): void {
    this.cannotListenOn.push(nodeId)
  }

  brokerWithoutPort(nodeId: number): void {
    this.withoutPort.push(nodeId)
  }
}

interface Held {
  readonly gone: AbortSignal
  release(): void
  fail(error: Error): void
}

/** A produce path that opens the topics it is told to, holds requests while `holds`, and lets go as it is told. */
export class HeldPath implements ProducePath {
  readonly watched = new Set(['watched'])
  readonly calls: ProduceCall[] = []
  readonly held: Held[] = []
  holds = false
  /** As the enforcer does: a request nobody waits for is let go. */
  letsGo = true
  admission: (judged: Judged, proofs: WriteProofs) => Admission = () => ({ kind: 'admitted', ready: null })
  departure: (judged: Judged, proofs: WriteProofs) => Departure = forwards
  /** What lets admitted requests depart, in their order, while `admission` is `waits`. */
  readonly waiting: (() => void)[] = []
  readonly waits = (): Admission => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.waiting.push(() => resolve(undefined))
    return { kind: 'admitted', ready: promise.then(() => undefined) }
  }

  idle(): boolean {
    return this.watched.size === 0
  }

  concerns(topic: string): boolean {
    return this.watched.has(topic)
  }

  judge(call: ProduceCall, gone: AbortSignal): Judged | Promise<Judged> {
    this.calls.push(call)
    if (!this.holds) return { call }
    const { promise, resolve, reject } = Promise.withResolvers<Judged>()
    this.held.push({ gone, release: () => resolve({ call }), fail: reject })
    if (this.letsGo) gone.addEventListener('abort', () => resolve({ call }))
    return promise
  }

  admit(judged: Judged, proofs: WriteProofs): Admission {
    return this.admission(judged, proofs)
  }

  depart(judged: Judged, proofs: WriteProofs): Departure {
    return this.departure(judged, proofs)
  }
}

export const forwards = (): Departure => departed()

/** Answers every partition of the request here, with 87. */
export function refuses({ call }: Judged): Departure {
  const answers = call.request.topicData.map(
    ({ name, partitionData }) =>
      [name, new Map(partitionData.map(({ index }) => [index, partitionAnswer(index, 87, 'bad')]))] as const
  )
  return departed({ forward: null, answers: new Map(answers) })
}

/** Asks until the connection has shown that it may write. */
export function unproven({ call }: Judged, proofs: WriteProofs): NeedsProof | null {
  const topics = call.request.topicData.map(({ name }) => name)
  const unknown = topics.filter((topic) => proofs.status(topic, 0) === 'unknown')
  return unknown.length > 0 ? { kind: 'needs-proof', topics: unknown } : null
}

/** Refuses, once the connection has shown that it may write. */
export function refusesProven(judged: Judged, proofs: WriteProofs): Departure {
  return unproven(judged, proofs) ?? refuses(judged)
}

/** A Produce of one record to partition 0 of a topic that is opened, `bytes` large. */
export function watchedProduce(correlationId: number, bytes: number, { topic = 'watched', acks = -1 } = {}): Buffer {
  const records = buildBatch({ records: [{ key: null, value: Buffer.alloc(bytes), timestamp: 1 }] })
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
  const body = produceRequest.encode({ acks, timeoutMs: 30_000, topicData }, 9)
  return requestFrame({ apiKey: apiKeys.produce, apiVersion: 9, correlationId, clientId: 'c' }, body)
}

/** A request whose answer is opened here and may be as large as one likes. */
export const shareFetch = (correlationId: number): Buffer =>
  requestFrame({ apiKey: apiKeys.shareFetch, apiVersion: 1, correlationId, clientId: 'c' }, Buffer.from('any'))

export function shareFetchAnswer(correlationId: number, bytes: number): Buffer {
  const partitions = [{ partitionIndex: 0, records: Buffer.alloc(bytes, 7) }]
  return responseFrame(
    apiKeys.shareFetch,
    1,
    correlationId,
    shareFetchResponse.encode({ responses: [{ partitions }] }, 1)
  )
}

/** One connection between a client and a scripted broker. */
export interface ConnectionBench {
  readonly client: RawPeer
  /** The proxy's end of the client's connection. */
  readonly accepted: Socket
  readonly connection: Connection
  readonly upstream: RawUpstream
  readonly path: HeldPath
  readonly events: RecordedEvents
  readonly requestBudget: ByteBudget
  readonly responseBudget: ByteBudget
  readonly clock: { nowMs: number }
  /** The proxy's connection to the broker, once it is there. */
  link(): Promise<RawPeer>
  /** Waits until the connection is gone and checks that nothing of it is left behind. */
  expectClosed(reason: CloseReason): Promise<void>
}

export interface ConnectionBenchOptions extends Partial<Omit<ConnectionOptions, 'session'>> {
  /** False: the test starts it. */
  readonly start?: boolean
  readonly reconciled?: (nodeId: number) => boolean
}

export async function openConnection(more: ConnectionBenchOptions = {}): Promise<ConnectionBench> {
  const upstream = await RawUpstream.start()
  atEnd(() => upstream.close())
  const path = new HeldPath()
  const events = new RecordedEvents()
  const requestBudget = more.requestBudget ?? new ByteBudget(64 * MiB)
  const responseBudget = more.responseBudget ?? new ByteBudget(64 * MiB)
  const clock = { nowMs: 1_000_000 }
  const nowMs = (): number => clock.nowMs
  const { client, socket } = await socketPair()
  const onread = more.onread ?? true
  const buffers = more.buffers ?? new ReadBuffers({ ...readBufferDefaults, released: (bytes) => bytes.fill(0xdb) })
  const accepted = accept(socket, buffers, onread)
  accepted.socket.on('error', () => undefined)
  const connection = new Connection({
    id: 1,
    client: accepted,
    buffers,
    onread,
    onConnected: () => undefined,
    upstreams: [upstream.address],
    connectTimeoutMs: 5_000,
    requestBudget,
    responseBudget,
    reconcile: () => Promise.resolve(),
    upstreamLost: () => Promise.resolve(),
    events,
    ...more,
    session: {
      nodeId: () => 1,
      producePath: path,
      advertised: (id) => ({ host: 'proxy.test', port: 9_200 + id }),
      reconciled: more.reconciled ?? (() => true),
      limits: { requestBytes: 100 * MiB, responseBytes: 100 * MiB, pendingResponses: 1_000 },
      nowMs
    }
  })
  atEnd(() => connection.cut('drain-timeout'))
  events.opened(connection.info)
  if (more.start !== false) await connection.start()
  const link = async (): Promise<RawPeer> => {
    await until(() => upstream.links.length, 1)
    return upstream.links[0]!
  }
  const expectClosed = async (reason: CloseReason): Promise<void> => {
    await connection.closed
    await until(() => requestBudget.reservedBytes + responseBudget.reservedBytes, 0)
    expect(events.reasons).toEqual([reason])
    expect(events.active).toBe(0)
    expect(requestBudget.waiting + responseBudget.waiting).toBe(0)
  }
  return {
    client,
    accepted: accepted.socket,
    connection,
    upstream,
    path,
    events,
    requestBudget,
    responseBudget,
    clock,
    link,
    expectClosed
  }
}

/** A client, and the socket its connection arrives on, as a listener hands it over. */
export async function socketPair(): Promise<{ client: RawPeer; socket: Socket }> {
  const server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true })
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const client = await connectRaw(typeof address === 'object' && address !== null ? address.port : 0)
  atEnd(() => client.socket.destroy())
  const socket = await accepted
  socket.on('error', () => undefined)
  server.close()
  return { client, socket }
}

/** What the proxy knows of the cluster, and what it asked. */
export class FakeCluster implements Cluster {
  refreshes = 0
  /** What the cluster answers when it is asked. */
  truth: readonly Broker[] | null = null
  #brokers = new Map<number, Broker>()
  readonly #listeners = new Set<() => void>()

  constructor(brokers: readonly Broker[]) {
    for (const broker of brokers) this.#brokers.set(broker.id, broker)
  }

  brokers(): ReadonlyMap<number, Broker> {
    return this.#brokers
  }

  learn(brokers: readonly Broker[]): void {
    if (brokers.length > 0) this.become([...this.#brokers.values(), ...brokers])
  }

  refresh(): Promise<void> {
    this.refreshes += 1
    if (this.truth !== null) this.become(this.truth)
    return Promise.resolve()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  become(brokers: readonly Broker[]): void {
    this.#brokers = new Map(brokers.map((broker) => [broker.id, broker]))
    for (const listener of this.#listeners) listener()
  }

  get watchers(): number {
    return this.#listeners.size
  }
}

export interface ProxyBench {
  readonly proxy: Proxy
  readonly cluster: FakeCluster
  readonly path: HeldPath
  readonly events: RecordedEvents
  /** Where clients reach a broker through the first listener; of bootstrap without an id. */
  port(nodeId?: number): number
  connect(nodeId?: number): Promise<RawPeer>
  /** Waits until no connection is left, and checks that each was closed exactly once and nothing is reserved. */
  expectAllClosed(): Promise<void>
}

export interface ProxyBenchOptions {
  /** Node ids count from 1. */
  readonly upstreams: readonly RawUpstream[]
  readonly bootstrapServers?: readonly Address[]
  readonly listeners?: readonly Partial<ListenerOptions>[]
  readonly limits?: Partial<ProxyOptions['limits']>
}

export const brokerAt = (id: number, { port }: { port: number }): Broker => ({ id, host: '127.0.0.1', port })

export function proxyBench(options: ProxyBenchOptions): ProxyBench {
  const cluster = new FakeCluster(options.upstreams.map((upstream, i) => brokerAt(i + 1, upstream)))
  const path = new HeldPath()
  const events = new RecordedEvents()
  const proxy = new Proxy({
    listeners: (options.listeners ?? [{}]).map((listener) => ({
      address: { host: '127.0.0.1', port: 0 },
      advertisedHost: 'proxy.test',
      portOf: () => 0,
      ...listener
    })),
    bootstrapServers: options.bootstrapServers ?? options.upstreams.map(({ address }) => address),
    cluster,
    producePath: path,
    events,
    limits: {
      requestBytes: 100 * MiB,
      responseBytes: 100 * MiB,
      pendingResponses: 1_000,
      inflightBytes: 64 * MiB,
      connections: 1_000,
      minBodyBytesPerSecond: 16_384,
      ...options.limits
    },
    connectTimeoutMs: 5_000,
    bodyRateWindowMs: 10_000,
    nowMs: () => Date.now()
  })
  atEnd(() => proxy.close())
  const port = (nodeId?: number): number => {
    const { bootstrap, brokers } = proxy.addresses[0]!
    return nodeId === undefined ? bootstrap.port : brokers.get(nodeId)!.port
  }
  return {
    proxy,
    cluster,
    path,
    events,
    port,
    async connect(nodeId) {
      const client = await connectRaw(port(nodeId))
      atEnd(() => client.socket.destroy())
      return client
    },
    async expectAllClosed() {
      await until(() => proxy.connections().length, 0)
      await until(() => proxy.inflightBytes, 0)
      expect(events.closings.map(({ info }) => info.id).sort((a, b) => a - b)).toEqual(events.openedIds)
      expect(events.active).toBe(0)
    }
  }
}

export async function startProxy(options: ProxyBenchOptions): Promise<ProxyBench> {
  const bench = proxyBench(options)
  await bench.proxy.listen()
  return bench
}

export async function startUpstream(port = 0): Promise<RawUpstream> {
  const upstream = await RawUpstream.start(port)
  atEnd(() => upstream.close())
  return upstream
}
