/**
 * Our own small Kafka client: what the proxy, the commands, the quarantine and the tests need to ask a cluster.
 *
 * Asked for one thing, a method rejects with the KafkaError of the answer. Asked for many, it resolves and each part
 * carries its own `error`, because half an answer is an answer; only a partition that does not exist or has no leader
 * rejects the whole. Everything rejects with ConnectionError when the broker cannot be reached, and with
 * NoCommonVersionError when it is too old or too new.
 *
 * Only metadata is asked again by itself. What changes something (Produce, CreateTopics, InitProducerId) is sent once:
 * only the caller knows whether a second time is safe. After NOT_LEADER_OR_FOLLOWER or a lost connection the leader is
 * forgotten, so that the caller's next try finds the new one.
 */
import { errorCodes } from '../../protocol/errors.ts'
import { parseAddress } from '../address.ts'
import * as apis from './apis.ts'
import { BrokerConnections } from './broker-connections.ts'
import { pause, systemClock, type Clock } from '../clock.ts'
import type * as types from './client-types.ts'
import type { Connection, ConnectionOptions } from './connection.ts'
import { isRetriable, KafkaError } from './errors.ts'
import { Leaders, type TopicPartition } from './leaders.ts'
import * as limits from './limits.ts'

export type * from './client-types.ts'
export type { Broker, TopicPartition } from './leaders.ts'

/** The leader that answered so is not, or no longer, the one to ask. */
const staleLeader: ReadonlySet<number> = new Set([
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.FENCED_LEADER_EPOCH,
  errorCodes.UNKNOWN_LEADER_EPOCH
])

export interface KafkaClientOptions {
  /** `host:port`, at least one. */
  readonly bootstrapServers: readonly string[]
  readonly clientId: string
  readonly connectTimeoutMs?: number
  readonly requestTimeoutMs?: number
  readonly maxResponseBytes?: number
  readonly clock?: Clock
}

const resourceTypes = { topic: 2, broker: 4 } as const

export class KafkaClient {
  readonly #connections: BrokerConnections
  readonly #leaders = new Leaders()
  readonly #clock: Clock
  readonly #requestTimeoutMs: number
  readonly #closing = new AbortController()

  /** Throws a plain Error when a bootstrap server is not `host:port`. Connects only when something is asked. */
  constructor(options: KafkaClientOptions) {
    this.#clock = options.clock ?? systemClock
    this.#requestTimeoutMs = options.requestTimeoutMs ?? limits.requestTimeoutMs
    const connectionOptions: ConnectionOptions = options
    this.#connections = new BrokerConnections(options.bootstrapServers.map(parseAddress), connectionOptions)
  }

  /**
   * Brokers, and the topics named (all of them for null, none for an empty list). Retriable errors are asked again with
   * growing pauses, at most `metadataAttempts` times; what is still wrong then stands in the topic's `error`.
   */
  async metadata(
    topics: readonly string[] | null = [],
    { allowAutoTopicCreation = false } = {}
  ): Promise<types.ClusterMetadata> {
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

  async describeCluster(): Promise<Pick<types.ClusterMetadata, 'clusterId' | 'controllerId' | 'brokers'>> {
    const connection = await this.#connections.toAny()
    const answer = await connection.call(apis.describeCluster, { includeClusterAuthorizedOperations: false })
    throwIfError(answer.errorCode, apis.describeCluster.name, connection.address, answer.errorMessage)
    return {
      clusterId: answer.clusterId,
      controllerId: answer.controllerId,
      brokers: answer.brokers.map((b) => ({ id: b.brokerId, host: b.host, port: b.port, rack: b.rack }))
    }
  }

  async describeConfigs(resources: readonly types.ConfigResource[]): Promise<types.DescribedConfigs[]> {
    const api = apis.describeConfigs
    const byBroker = await this.#group(resources, (r) =>
      r.type === 'broker' ? this.#toBroker(Number(r.name)) : this.#connections.toAny()
    )
    const parts = await Promise.all(
      byBroker.map(async ([connection, asked]) => {
        const answer = await connection.call(api, {
          resources: asked.map((r) => ({
            resourceType: resourceTypes[r.type],
            resourceName: r.name,
            configurationKeys: r.keys === undefined ? null : [...r.keys]
          }))
        })
        return answer.results
          .map((result) => {
            const resource = asked.find(
              (r) => r.name === result.resourceName && resourceTypes[r.type] === result.resourceType
            )
            if (resource === undefined) return []
            const error = errorOf(result.errorCode, api.name, connection, resource.name, result.errorMessage)
            return [{ resource, error, values: new Map(result.configs.map((c) => [c.name, c.value])) }]
          })
          .flat()
      })
    )
    return parts.flat()
  }

  async listOffsets(wanted: readonly types.OffsetQuery[]): Promise<types.OffsetAnswer[]> {
    const api = apis.listOffsets
    return this.#askLeaders(wanted, 'requests', async (connection, asked) => {
      const answer = await connection.call(api, {
        replicaId: -1,
        topics: byTopic(asked, (p) => ({ partitionIndex: p.partition, timestamp: timestampOf(p.time) }))
      })
      return answer.topics.flatMap(({ name, partitions }) =>
        partitions.map((p) => ({
          topic: name,
          partition: p.partitionIndex,
          error: this.#leaderError(p.errorCode, api.name, connection, name, p.partitionIndex),
          offset: p.offset,
          timestampMs: p.timestamp
        }))
      )
    })
  }

  /** Null after acks=0, where nobody answers. Rejects with KafkaError; from Produce v8 on it has `recordErrors`. */
  async produce(options: types.ProduceOptions): Promise<types.Produced | null> {
    const { topic, partition, batch, acks = -1, transactionalId = null } = options
    const api = apis.produce
    const connection = await this.#toLeader(options)
    const timeoutMs = options.timeoutMs ?? Math.floor(this.#requestTimeoutMs * 0.75)
    const partitionData = [{ index: partition, records: batch }]
    const body = { transactionalId, acks, timeoutMs, topicData: [{ name: topic, partitionData }] }
    return this.#forgettingOnLoss(topic, async () => {
      if (acks === 0) {
        await connection.send(api, body)
        return null
      }
      const answer = await connection.call(api, body)
      const part = answer.responses.find((t) => t.name === topic)?.partitionResponses.find((p) => p.index === partition)
      if (part === undefined) throw new Error(`${connection.address} did not answer for ${topic}-${partition}`)
      const recordErrors = part.recordErrors.map((r) => ({
        batchIndex: r.batchIndex,
        message: r.batchIndexErrorMessage
      }))
      const error = this.#leaderError(
        part.errorCode,
        api.name,
        connection,
        topic,
        partition,
        part.errorMessage,
        recordErrors
      )
      if (error !== null) throw error
      const { baseOffset, logAppendTimeMs, logStartOffset } = part
      return { baseOffset, logAppendTimeMs, logStartOffset }
    })
  }

  /** One request per leader, on connections of their own. Partitions of one call have one wait. */
  async fetch(options: types.FetchOptions): Promise<types.Fetched[]> {
    const { maxWaitMs = 500, minBytes = 1, maxBytes = 8 * 1024 * 1024, isolation = 'uncommitted' } = options
    const api = apis.fetch
    return this.#askLeaders(options.partitions, 'fetch', async (connection, asked) => {
      const answer = await connection.call(
        api,
        {
          replicaId: -1,
          maxWaitMs,
          minBytes,
          maxBytes,
          isolationLevel: isolation === 'committed' ? 1 : 0,
          topics: asked.map((p) => ({
            topic: p.topic,
            partitions: [{ partition: p.partition, fetchOffset: p.offset, partitionMaxBytes: p.maxBytes ?? maxBytes }]
          }))
        },
        { timeoutMs: this.#requestTimeoutMs + maxWaitMs }
      )
      throwIfError(answer.errorCode, api.name, connection.address, null)
      return answer.responses.flatMap(({ topic, partitions }) =>
        partitions.map((p) => ({
          topic,
          partition: p.partitionIndex,
          error: this.#leaderError(p.errorCode, api.name, connection, topic, p.partitionIndex),
          highWatermark: p.highWatermark,
          lastStableOffset: p.lastStableOffset,
          logStartOffset: p.logStartOffset,
          records: p.records ?? Buffer.alloc(0)
        }))
      )
    })
  }

  /** A fresh producer id for an idempotent producer. */
  async initProducerId(): Promise<{ producerId: bigint; producerEpoch: number }> {
    const connection = await this.#connections.toAny()
    const answer = await connection.call(apis.initProducerId, { transactionalId: null, transactionTimeoutMs: 60_000 })
    throwIfError(answer.errorCode, apis.initProducerId.name, connection.address, null)
    return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
  }

  async createTopics(
    topics: readonly types.NewTopic[],
    { timeoutMs = this.#requestTimeoutMs, validateOnly = false } = {}
  ): Promise<types.CreatedTopic[]> {
    const api = apis.createTopics
    const { controllerId } = await this.metadata([])
    const connection = controllerId < 0 ? await this.#connections.toAny() : await this.#toBroker(controllerId)
    const answer = await connection.call(
      api,
      {
        topics: topics.map((t) => ({
          name: t.name,
          numPartitions: t.partitions ?? -1,
          replicationFactor: t.replicationFactor ?? -1,
          assignments: [],
          configs: Object.entries(t.configs ?? {}).map(([name, value]) => ({ name, value }))
        })),
        timeoutMs,
        validateOnly
      },
      { timeoutMs: timeoutMs + this.#requestTimeoutMs }
    )
    for (const topic of topics) this.#leaders.forget(topic.name)
    return answer.topics.map((t) => ({
      name: t.name,
      error: errorOf(t.errorCode, api.name, connection, t.name, t.errorMessage)
    }))
  }

  /** Who writes to the partitions and how far they have come (KIP-664; brokers from 2.8 on). */
  async describeProducers(wanted: readonly TopicPartition[]): Promise<types.DescribedProducers[]> {
    const api = apis.describeProducers
    return this.#askLeaders(wanted, 'requests', async (connection, asked) => {
      const answer = await connection.call(api, {
        topics: [...Map.groupBy(asked, (p) => p.topic)].map(([name, partitions]) => ({
          name,
          partitionIndexes: partitions.map((p) => p.partition)
        }))
      })
      return answer.topics.flatMap(({ name, partitions }) =>
        partitions.map((p) => ({
          topic: name,
          partition: p.partitionIndex,
          error: this.#leaderError(p.errorCode, api.name, connection, name, p.partitionIndex, p.errorMessage),
          producers: p.activeProducers.map((a) => ({
            producerId: a.producerId,
            producerEpoch: a.producerEpoch,
            lastSequence: a.lastSequence,
            lastTimestampMs: a.lastTimestamp
          }))
        }))
      )
    })
  }

  /** Ends all connections; what is under way is rejected. */
  close(): void {
    this.#closing.abort()
    this.#connections.close()
  }

  async #askMetadata(
    topics: readonly string[] | null,
    allowAutoTopicCreation: boolean
  ): Promise<types.ClusterMetadata> {
    const connection = await this.#connections.toAny()
    const answer = await connection.call(apis.metadata, {
      topics: topics?.map((name) => ({ name })) ?? null,
      allowAutoTopicCreation
    })
    const brokers = answer.brokers.map((b) => ({ id: b.nodeId, host: b.host, port: b.port, rack: b.rack }))
    const found: types.TopicMetadata[] = answer.topics.map((t) => ({
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

  async #toBroker(id: number): Promise<Connection> {
    const broker = this.#leaders.broker(id) ?? (await this.metadata([])).brokers.find((b) => b.id === id)
    if (broker === undefined) throw new Error(`the cluster has no broker ${id}`)
    return this.#connections.to(broker)
  }

  async #toLeader({ topic, partition }: TopicPartition, lane: 'requests' | 'fetch' = 'requests'): Promise<Connection> {
    const known = this.#leaders.of(topic, partition)
    if (known !== null) return this.#forgettingOnLoss(topic, () => this.#connections.to(known, lane))
    const { topics } = await this.metadata([topic])
    const leader = this.#leaders.of(topic, partition)
    if (leader !== null) return this.#forgettingOnLoss(topic, () => this.#connections.to(leader, lane))
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

  async #askLeaders<Wanted extends TopicPartition, Answer>(
    wanted: readonly Wanted[],
    lane: 'requests' | 'fetch',
    ask: (connection: Connection, asked: readonly Wanted[]) => Promise<Answer[]>
  ): Promise<Answer[]> {
    const byLeader = await this.#group(wanted, (p) => this.#toLeader(p, lane))
    const answers = await Promise.all(
      byLeader.map(async ([connection, asked]) => {
        try {
          return await ask(connection, asked)
        } catch (error) {
          if (isRetriable(error)) for (const { topic } of asked) this.#leaders.forget(topic)
          throw error
        }
      })
    )
    return answers.flat()
  }

  async #group<T>(items: readonly T[], to: (item: T) => Promise<Connection>): Promise<[Connection, T[]][]> {
    const groups = new Map<Connection, T[]>()
    for (const item of items) {
      const connection = await to(item)
      const group = groups.get(connection)
      if (group === undefined) groups.set(connection, [item])
      else group.push(item)
    }
    return [...groups]
  }

  async #forgettingOnLoss<T>(topic: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      if (isRetriable(error)) this.#leaders.forget(topic)
      throw error
    }
  }

  #leaderError(
    code: number,
    api: string,
    connection: Connection,
    topic: string,
    partition: number,
    detail: string | null = null,
    recordErrors: KafkaError['recordErrors'] = []
  ): KafkaError | null {
    if (code === 0) return null
    if (staleLeader.has(code)) this.#leaders.forget(topic)
    return new KafkaError(code, {
      api,
      address: connection.address,
      subject: `${topic}-${partition}`,
      detail,
      recordErrors
    })
  }
}

function errorOf(
  code: number,
  api: string,
  connection: Connection,
  subject: string,
  detail: string | null = null
): KafkaError | null {
  return code === 0 ? null : new KafkaError(code, { api, address: connection.address, subject, detail })
}

function throwIfError(code: number, api: string, address: string, detail: string | null): void {
  if (code !== 0) throw new KafkaError(code, { api, address, detail })
}

function byTopic<P extends TopicPartition, Q>(
  items: readonly P[],
  toPartition: (item: P) => Q
): { name: string; partitions: Q[] }[] {
  return [...Map.groupBy(items, (p) => p.topic)].map(([name, group]) => ({ name, partitions: group.map(toPartition) }))
}

/** -1 and -2 are ListOffsets' own marks. */
function timestampOf(time: number | 'earliest' | 'latest'): bigint {
  if (time === 'latest') return -1n
  return time === 'earliest' ? -2n : BigInt(time)
}
