/**
 * A Kafka broker in memory, for the demo and for tests that must see a fault at an exact moment. One node, nothing
 * stored, never production; truth about Kafka comes from Kafka. What it can do is listed in `docs/embedded-broker.md`,
 * and per API at the top of the file in `apis/`.
 */
import { readRecords, type ReadRecord } from '../../protocol/records/batch.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { AnswerOf, HandlerName, RequestOf } from './handlers.ts'
import { Interceptors, type Interceptor } from './interceptors.ts'
import * as limits from './limits.ts'
import { BrokerServer } from './server.ts'
import { BrokerState } from './state.ts'
import type { TopicRequest } from './topics.ts'

export type { HandlerName } from './handlers.ts'
export type { InterceptedCall, Interceptor } from './interceptors.ts'

export interface EmbeddedBrokerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** Where clients are told to connect to. Default: where it listens. */
  readonly advertised?: { readonly host: string; readonly port: number }
  /** Default 1. */
  readonly nodeId?: number
  /** Created before the first connection. */
  readonly topics?: readonly TopicRequest[]
  /** Default true. */
  readonly autoCreateTopics?: boolean
  /** Of topics that are created without a number. Default 1. */
  readonly defaultPartitions?: number
  /** Default 64 MiB; the oldest batches go first, the newest stays. */
  readonly retentionBytesPerPartition?: number
  readonly clock?: Clock
  /** A fault of the broker itself or of an interceptor. Default: a process warning. */
  readonly onFault?: (error: unknown) => void
}

/** A look at what is stored, past the protocol. */
export interface StoredTopics {
  names(): string[]
  /** @throws Error when it cannot be created, with the broker's reason */
  create(topic: TopicRequest): void
  /** Decompressed; in order of offset. Empty when there is no such partition. */
  records(topic: string, partition?: number): ReadRecord[]
  /** The batches as they came, with their offsets. */
  batches(topic: string, partition?: number): Buffer[]
  /** Offset of the next record; 0 when there is no such partition. */
  endOffset(topic: string, partition?: number): number
  /** As if the broker had expired the producer's state on that partition. */
  forgetProducer(topic: string, partition: number, producerId: bigint): void
}

export interface EmbeddedBroker {
  readonly nodeId: number
  /** Where it listens. */
  readonly host: string
  readonly port: number
  /** `host:port` of where clients are told to connect to. */
  readonly address: string
  readonly clusterId: string
  readonly topics: StoredTopics
  /** Open connections at this moment. */
  connectionCount(): number
  /** See `interceptors.ts`. Answers how to take it away again. */
  intercept<K extends HandlerName>(api: K, interceptor: Interceptor<RequestOf<K>, AnswerOf<K>>): () => void
  /** Cuts every connection, as a broker does that dies; what is stored stays, and new ones are accepted. */
  dropConnections(): void
  /** Resolves when the port is free. What was stored is gone. */
  close(): Promise<void>
}

/** Rejects with the system's error when the port is taken, and with an Error when a topic cannot be created. */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const { host = '127.0.0.1', nodeId = 1 } = options
  const state = new BrokerState({
    nodeId,
    clock: options.clock ?? systemClock,
    autoCreateTopics: options.autoCreateTopics ?? true,
    defaultPartitions: options.defaultPartitions ?? 1,
    retentionBytesPerPartition: options.retentionBytesPerPartition ?? limits.retentionBytesPerPartition
  })
  const topics = storedTopics(state)
  for (const topic of options.topics ?? []) topics.create(topic)
  const interceptors = new Interceptors()
  const server = new BrokerServer(state, interceptors, options.onFault ?? warn)
  const port = await server.listen(host, options.port ?? 0)
  state.advertised = options.advertised ?? { host, port }
  return {
    nodeId,
    host,
    port,
    address: `${state.advertised.host}:${state.advertised.port}`,
    clusterId: state.clusterId,
    topics,
    connectionCount: () => server.connectionCount,
    intercept: (api, interceptor) => interceptors.add(api, interceptor),
    dropConnections: () => server.dropConnections(),
    close: async () => {
      state.groups.close()
      await server.close()
    }
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}

function storedTopics(state: BrokerState): StoredTopics {
  const batches = (topic: string, partition: number): Buffer[] =>
    state.topics.log(topic, partition)?.batches.map((b) => b.bytes) ?? []
  return {
    names: () => state.topics.all().map((t) => t.name),
    create(topic) {
      const made = state.topics.create(topic)
      if ('errorCode' in made) throw new Error(`topic ${topic.name}: ${made.message}`)
    },
    records: (topic, partition = 0) => batches(topic, partition).flatMap((b) => readRecords(b)),
    batches: (topic, partition = 0) => batches(topic, partition),
    endOffset: (topic, partition = 0) => state.topics.log(topic, partition)?.endOffset ?? 0,
    forgetProducer: (topic, partition, producerId) => state.topics.log(topic, partition)?.producers.forget(producerId)
  }
}
