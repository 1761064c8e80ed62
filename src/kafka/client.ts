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
import * as apis from './apis.ts'
import type * as types from './client-types.ts'
import type { TopicPartition } from './leaders.ts'
import { ProduceRounds } from './produce-rounds.ts'
import { errorOf, Routes, throwIfError } from './routes.ts'
import * as transactions from './transactions.ts'

export type * from './client-types.ts'
export type { Broker, TopicPartition } from './leaders.ts'

const resourceTypes = { topic: 2, broker: 4 } as const
const isolationLevels = { uncommitted: 0, committed: 1 } as const

/** From 13 on Fetch asks for topics by id. */
const lastFetchByName = 12

export class KafkaClient {
  readonly #routes: Routes
  readonly #produceRounds: ProduceRounds
  readonly #requestTimeoutMs: number

  /** Throws a plain Error when a bootstrap server is not `host:port`. Connects only when something is asked. */
  constructor(options: types.KafkaClientOptions) {
    this.#routes = new Routes(options)
    this.#produceRounds = new ProduceRounds(this.#routes)
    this.#requestTimeoutMs = this.#routes.requestTimeoutMs
  }

  /**
   * Brokers, and the topics named (all of them for null, none for an empty list). Retriable errors are asked again with
   * growing pauses, at most `metadataAttempts` times; what is still wrong then stands in the topic's `error`.
   */
  metadata(
    topics: readonly string[] | null = [],
    { allowAutoTopicCreation = false } = {}
  ): Promise<types.ClusterMetadata> {
    return this.#routes.metadata(topics, allowAutoTopicCreation)
  }

  async describeCluster(): Promise<Pick<types.ClusterMetadata, 'clusterId' | 'controllerId' | 'brokers'>> {
    const connection = await this.#routes.toAny()
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
    const byBroker = await this.#routes.group(resources, (r) =>
      r.type === 'broker' ? this.#routes.toBroker(Number(r.name)) : this.#routes.toAny()
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

  /** With isolation `committed` the latest offset is the last stable one: where the oldest open transaction begins. */
  async listOffsets(
    wanted: readonly types.OffsetQuery[],
    { isolation = 'uncommitted' }: { readonly isolation?: types.Isolation } = {}
  ): Promise<types.OffsetAnswer[]> {
    const api = apis.listOffsets
    return this.#routes.askLeaders(wanted, 'requests', async (connection, asked) => {
      const answer = await connection.call(api, {
        replicaId: -1,
        isolationLevel: isolationLevels[isolation],
        topics: byTopic(asked, (p) => ({ partitionIndex: p.partition, timestamp: timestampOf(p.time) }))
      })
      return answer.topics.flatMap(({ name, partitions }) =>
        partitions.map((p) => ({
          topic: name,
          partition: p.partitionIndex,
          error: this.#routes.leaderError(p.errorCode, api.name, connection, name, p.partitionIndex),
          offset: p.offset,
          timestampMs: p.timestamp
        }))
      )
    })
  }

  /**
   * Null after acks=0, where nobody answers. Rejects with KafkaError; from Produce v8 on it has `recordErrors`. Calls that
   * are made while an earlier one's leader is busy with it share its next request, each partition's in order.
   */
  produce(options: types.ProduceOptions): Promise<types.Produced | null> {
    return this.#produceRounds.produce(options)
  }

  /** One request per leader, on connections of their own. Partitions of one call have one wait. */
  async fetch(options: types.FetchOptions): Promise<types.Fetched[]> {
    const { maxWaitMs = 500, minBytes = 1, maxBytes = 8 * 1024 * 1024, isolation = 'uncommitted' } = options
    const api = apis.fetch
    return this.#routes.askLeaders(options.partitions, 'fetch', async (connection, asked) => {
      const newest = connection.versionOf(api)
      const isById = newest > lastFetchByName && asked.every((p) => p.topicId != null)
      const answer = await connection.call(
        api,
        {
          replicaId: -1,
          maxWaitMs,
          minBytes,
          maxBytes,
          isolationLevel: isolationLevels[isolation],
          topics: asked.map((p) => ({
            topic: p.topic,
            ...(isById ? { topicId: p.topicId! } : {}),
            partitions: [{ partition: p.partition, fetchOffset: p.offset, partitionMaxBytes: p.maxBytes ?? maxBytes }]
          }))
        },
        {
          timeoutMs: this.#requestTimeoutMs + maxWaitMs,
          version: isById ? newest : Math.min(newest, lastFetchByName)
        }
      )
      throwIfError(answer.errorCode, api.name, connection.address, null)
      return answer.responses.flatMap((found) => {
        const topic = isById ? asked.find((p) => p.topicId === found.topicId)?.topic : found.topic
        if (topic === undefined) throw new Error(`${connection.address} answered for a topic nobody asked for`)
        return found.partitions.map((p) => ({
          topic,
          partition: p.partitionIndex,
          error: this.#routes.leaderError(p.errorCode, api.name, connection, topic, p.partitionIndex),
          highWatermark: p.highWatermark,
          lastStableOffset: p.lastStableOffset,
          logStartOffset: p.logStartOffset,
          abortedTransactions: p.abortedTransactions ?? [],
          records: p.records ?? Buffer.alloc(0)
        }))
      })
    })
  }

  /** A producer id for an idempotent producer, or for a transactional one (asked for at its coordinator). */
  initProducerId(options: types.InitProducerIdOptions = {}): Promise<types.ProducerIdentity> {
    return transactions.initProducerId(this.#routes, options)
  }

  /** To do before the first Produce of a transaction to a partition; all of them are added, or none. */
  addPartitionsToTxn(transaction: types.TransactionIdentity, partitions: readonly TopicPartition[]): Promise<void> {
    return transactions.addPartitionsToTxn(this.#routes, transaction, partitions)
  }

  /** Resolves when it is decided; the last readers see it a little later. */
  endTxn(transaction: types.TransactionIdentity, outcome: 'commit' | 'abort'): Promise<void> {
    return transactions.endTxn(this.#routes, transaction, outcome)
  }

  async createTopics(
    topics: readonly types.NewTopic[],
    { timeoutMs = this.#requestTimeoutMs, validateOnly = false } = {}
  ): Promise<types.CreatedTopic[]> {
    const api = apis.createTopics
    const { controllerId } = await this.metadata([])
    const connection = controllerId < 0 ? await this.#routes.toAny() : await this.#routes.toBroker(controllerId)
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
    for (const topic of topics) this.#routes.forget(topic.name)
    return answer.topics.map((t) => ({
      name: t.name,
      error: errorOf(t.errorCode, api.name, connection, t.name, t.errorMessage),
      partitions: t.numPartitions,
      replicationFactor: t.replicationFactor
    }))
  }

  /** Who writes to the partitions and how far they have come (KIP-664; brokers from 2.8 on). */
  async describeProducers(wanted: readonly TopicPartition[]): Promise<types.DescribedProducers[]> {
    const api = apis.describeProducers
    return this.#routes.askLeaders(wanted, 'requests', async (connection, asked) => {
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
          error: this.#routes.leaderError(p.errorCode, api.name, connection, name, p.partitionIndex, p.errorMessage),
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
    this.#routes.close()
  }
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
