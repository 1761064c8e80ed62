/**
 * Which broker to ask: any, a certain one, the leader of a partition, the coordinator of a transaction. Keeps what
 * Metadata and FindCoordinator said until an answer or a lost connection gives reason to doubt it; then it is asked for
 * anew by whoever comes next. Nothing but these two questions is asked a second time here.
 */
import { LRUCache } from 'lru-cache'
import { errorCodes } from '../../protocol/errors.ts'
import { parseAddress, type Address } from '../address.ts'
import { pause, systemClock, type Clock } from '../clock.ts'
import * as apis from './apis.ts'
import { BrokerConnections, type Lane } from './broker-connections.ts'
import type { ClusterMetadata, KafkaClientOptions, TopicMetadata } from './client-types.ts'
import type { Connection } from './connection.ts'
import { isRetriable, KafkaError } from './errors.ts'
import { Leaders, type TopicPartition } from './leaders.ts'
import * as limits from './limits.ts'

/** The leader that answered so is not, or no longer, the one to ask. */
const staleLeader: ReadonlySet<number> = new Set([
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.FENCED_LEADER_EPOCH,
  errorCodes.UNKNOWN_LEADER_EPOCH,
  errorCodes.UNKNOWN_TOPIC_ID,
  errorCodes.INCONSISTENT_TOPIC_ID
])

/** FindCoordinator's key type. */
const transactionKey = 1
const firstVersionWithSeveralKeys = 4

export class Routes {
  readonly requestTimeoutMs: number
  readonly #connections: BrokerConnections
  readonly #leaders = new Leaders()
  /** Topics whose leaders are being asked for. */
  readonly #learning = new Map<string, Promise<ClusterMetadata>>()
  readonly #coordinators = new LRUCache<string, Address>({ max: limits.maxCoordinators })
  readonly #clock: Clock
  readonly #closing = new AbortController()

  /** Throws a plain Error when a bootstrap server is not `host:port`. */
  constructor(options: KafkaClientOptions) {
    this.#clock = options.clock ?? systemClock
    this.requestTimeoutMs = options.requestTimeoutMs ?? limits.requestTimeoutMs
    this.#connections = new BrokerConnections(options.bootstrapServers.map(parseAddress), options)
  }

  /** As `KafkaClient.metadata`. */
  async metadata(topics: readonly string[] | null, allowAutoTopicCreation = false): Promise<ClusterMetadata> {
    const isComing = (code: number): boolean =>
      code === errorCodes.LEADER_NOT_AVAILABLE ||
      (allowAutoTopicCreation && code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    for (let attempt = 1; ; attempt++) {
      const last = attempt === limits.metadataAttempts || this.#closing.signal.aborted
      try {
        const found = await this.#askMetadata(topics, allowAutoTopicCreation)
        if (last || !found.topics.some((t) => isComing(t.error?.code ?? 0))) return found
      } catch (error) {
        if (last || !isRetriable(error)) throw error
      }
      const backoffMs = Math.min(limits.retryBackoffMaxMs, limits.retryBackoffMs * 2 ** (attempt - 1))
      await pause(this.#clock, backoffMs, this.#closing.signal)
    }
  }

  toAny(): Promise<Connection> {
    return this.#connections.toAny()
  }

  async toBroker(id: number): Promise<Connection> {
    const broker = this.#leaders.broker(id) ?? (await this.metadata([])).brokers.find((b) => b.id === id)
    if (broker === undefined) throw new Error(`the cluster has no broker ${id}`)
    return this.#connections.to(broker)
  }

  async toLeader({ topic, partition }: TopicPartition, lane: Lane = 'requests'): Promise<Connection> {
    const known = this.#leaders.of(topic, partition)
    if (known !== null) return this.doubting(topic, () => this.#connections.to(known, lane))
    const { topics } = await this.#learn(topic)
    const leader = this.#leaders.of(topic, partition)
    if (leader !== null) return this.doubting(topic, () => this.#connections.to(leader, lane))
    const found = topics[0]
    if (found?.error != null) throw found.error
    const missing = found?.partitions.every((p) => p.partition !== partition) ?? true
    const code = missing ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.LEADER_NOT_AVAILABLE
    throw new KafkaError(code, {
      api: apis.metadata.name,
      address: 'the cluster',
      subject: `${topic}-${partition}`
    })
  }

  /** Of the transaction; `ask` is run once, and the coordinator is forgotten when it fails in a way that may pass. */
  async atCoordinator<T>(transactionalId: string, ask: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      const known = this.#coordinators.get(transactionalId) ?? (await this.#findCoordinator(transactionalId))
      return await ask(await this.#connections.to(known))
    } catch (error) {
      if (isRetriable(error)) this.#coordinators.delete(transactionalId)
      throw error
    }
  }

  /** One request per leader, all at once. */
  async askLeaders<Wanted extends TopicPartition, Answer>(
    wanted: readonly Wanted[],
    lane: Lane,
    ask: (connection: Connection, asked: readonly Wanted[]) => Promise<Answer[]>
  ): Promise<Answer[]> {
    const byLeader = await this.group(wanted, (p) => this.toLeader(p, lane))
    const answers = await Promise.all(
      byLeader.map(async ([connection, asked]) => {
        try {
          return await ask(connection, asked)
        } catch (error) {
          if (isRetriable(error)) for (const { topic } of asked) this.forget(topic)
          throw error
        }
      })
    )
    return answers.flat()
  }

  async group<T>(items: readonly T[], to: (item: T) => Promise<Connection>): Promise<[Connection, T[]][]> {
    const groups = new Map<Connection, T[]>()
    for (const item of items) {
      const connection = await to(item)
      const group = groups.get(connection)
      if (group === undefined) groups.set(connection, [item])
      else group.push(item)
    }
    return [...groups]
  }

  /** Forgets the topic's leaders when `run` fails in a way that may pass. */
  async doubting<T>(topic: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      if (isRetriable(error)) this.forget(topic)
      throw error
    }
  }

  /** The topic's leaders are asked for again. */
  forget(topic: string): void {
    this.#leaders.forget(topic)
  }

  /** The error of a partition's answer, null for 0; forgets the leader that is none. */
  leaderError(
    code: number,
    api: string,
    connection: Connection,
    topic: string,
    partition: number,
    detail: string | null = null,
    recordErrors: KafkaError['recordErrors'] = []
  ): KafkaError | null {
    if (code === 0) return null
    if (staleLeader.has(code)) this.forget(topic)
    return new KafkaError(code, {
      api,
      address: connection.address,
      subject: `${topic}-${partition}`,
      detail,
      recordErrors
    })
  }

  /** Ends all connections; what is under way is rejected. */
  close(): void {
    this.#closing.abort()
    this.#connections.close()
  }

  /** One question at a time, however many partitions of the topic are looked for. */
  #learn(topic: string): Promise<ClusterMetadata> {
    const known = this.#learning.get(topic)
    if (known !== undefined) return known
    const learning = this.metadata([topic]).finally(() => this.#learning.delete(topic))
    this.#learning.set(topic, learning)
    return learning
  }

  async #askMetadata(topics: readonly string[] | null, allowAutoTopicCreation: boolean): Promise<ClusterMetadata> {
    const connection = await this.#connections.toAny()
    const answer = await connection.call(apis.metadata, {
      topics: topics?.map((name) => ({ name })) ?? null,
      allowAutoTopicCreation
    })
    const brokers = answer.brokers.map((b) => ({ id: b.nodeId, host: b.host, port: b.port, rack: b.rack }))
    const found: TopicMetadata[] = answer.topics.map((t) => ({
      name: t.name ?? '',
      topicId: /^0*$/.test(t.topicId) ? null : t.topicId,
      isInternal: t.isInternal,
      error: errorOf(t.errorCode, apis.metadata.name, connection, t.name ?? ''),
      partitions: t.partitions.map((p) => ({
        partition: p.partitionIndex,
        leaderId: p.leaderId,
        replicas: p.replicaNodes,
        inSyncReplicas: p.isrNodes
      }))
    }))
    this.#connections.know(brokers)
    this.#leaders.learn(brokers, found)
    return { clusterId: answer.clusterId, controllerId: answer.controllerId, brokers, topics: found }
  }

  async #findCoordinator(transactionalId: string): Promise<Address> {
    const api = apis.findCoordinator
    const connection = await this.#connections.toAny()
    const answer = await connection.call(api, (version) =>
      version < firstVersionWithSeveralKeys
        ? { key: transactionalId, keyType: transactionKey }
        : { keyType: transactionKey, coordinatorKeys: [transactionalId] }
    )
    // The old layout says the same about the one key that was asked for.
    const { errorCode, errorMessage, host, port } = answer.coordinators[0] ?? answer
    throwIfError(errorCode, api.name, connection.address, errorMessage)
    const coordinator = { host, port }
    this.#coordinators.set(transactionalId, coordinator)
    return coordinator
  }
}

export function errorOf(
  code: number,
  api: string,
  connection: Connection,
  subject: string,
  detail: string | null = null
): KafkaError | null {
  return code === 0 ? null : new KafkaError(code, { api, address: connection.address, subject, detail })
}

export function throwIfError(code: number, api: string, address: string, detail: string | null): void {
  if (code !== 0) throw new KafkaError(code, { api, address, detail })
}
