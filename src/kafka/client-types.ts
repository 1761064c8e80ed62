/** What goes into and comes out of `KafkaClient`: Kafka's words, without the layout of its messages. */
import type { Clock } from '../clock.ts'
import type { KafkaError } from './errors.ts'
import type { Broker, TopicPartition } from './leaders.ts'

export interface KafkaClientOptions {
  /** `host:port`, at least one. */
  readonly bootstrapServers: readonly string[]
  readonly clientId: string
  readonly connectTimeoutMs?: number
  readonly requestTimeoutMs?: number
  readonly maxResponseBytes?: number
  readonly clock?: Clock
}

export interface TopicMetadata {
  readonly name: string
  /** 32 hex digits; null from brokers older than 2.8. */
  readonly topicId: string | null
  readonly isInternal: boolean
  readonly error: KafkaError | null
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionMetadata {
  readonly partition: number
  /** -1 while there is none. */
  readonly leaderId: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
}

export interface ClusterMetadata {
  readonly clusterId: string | null
  /** -1 when there is none. */
  readonly controllerId: number
  readonly brokers: readonly Broker[]
  readonly topics: readonly TopicMetadata[]
}

export interface ProduceOptions extends TopicPartition {
  /** One record batch, as `buildBatch` makes it. */
  readonly batch: Buffer
  /** Default -1: all in-sync replicas. */
  readonly acks?: -1 | 0 | 1
  /** How long the broker may wait for its replicas. Default: 3/4 of the request timeout. */
  readonly timeoutMs?: number
  /** The transaction the batch belongs to; the partition must have been added to it. Default null. */
  readonly transactionalId?: string | null
}

export interface Produced {
  readonly baseOffset: bigint
  /** Epoch milliseconds; -1 when the topic keeps the producer's timestamps. */
  readonly logAppendTimeMs: bigint
  readonly logStartOffset: bigint
}

export interface FetchFrom extends TopicPartition {
  readonly offset: bigint
  /**
   * Only from the topic of this id: one that was created anew under the same name is UNKNOWN_TOPIC_ID. Counts where all
   * partitions of the call have it and the broker knows it (3.1 and newer). Default null: by name.
   */
  readonly topicId?: string | null
  /** Default: the request's `maxBytes`. A first batch above it still comes whole. */
  readonly maxBytes?: number
}

export interface FetchOptions {
  readonly partitions: readonly FetchFrom[]
  /** How long the broker may wait for `minBytes`. Default 500. */
  readonly maxWaitMs?: number
  /** Default 1. */
  readonly minBytes?: number
  /** Per broker. Default 8 MiB. */
  readonly maxBytes?: number
  /** Default `uncommitted`: everything. */
  readonly isolation?: Isolation
}

/** Kafka's `isolation.level`. */
export type Isolation = 'uncommitted' | 'committed'

export interface AbortedTransaction {
  readonly producerId: bigint
  /** Where its first record in the partition lies. */
  readonly firstOffset: bigint
}

export interface Fetched extends TopicPartition {
  readonly error: KafkaError | null
  /** -1 with an error. */
  readonly highWatermark: bigint
  readonly lastStableOffset: bigint
  readonly logStartOffset: bigint
  /**
   * Transactions with records in `records` that were aborted; empty unless committed records were asked for. Their
   * records are there all the same: see `readFetched`.
   */
  readonly abortedTransactions: readonly AbortedTransaction[]
  /** Whole batches; the first may begin below the offset that was asked for, the last may be cut off. */
  readonly records: Buffer
}

export interface NewTopic {
  readonly name: string
  /** Default: the broker's. */
  readonly partitions?: number
  /** Default: the broker's. */
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface ProducerIdentity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export interface TransactionIdentity extends ProducerIdentity {
  readonly transactionalId: string
}

export interface InitProducerIdOptions {
  /** Default null: an idempotent producer without transactions. */
  readonly transactionalId?: string | null
  /** After so long the coordinator aborts what was not ended. Default 60 s. */
  readonly transactionTimeoutMs?: number
  /**
   * What the caller has (KIP-360; brokers from 2.5 on): its epoch is raised, and the answer is PRODUCER_FENCED when
   * another has taken over. Without it the caller takes over from whoever has the transactional id.
   */
  readonly current?: ProducerIdentity
}

export interface ActiveProducer {
  readonly producerId: bigint
  readonly producerEpoch: number
  /** -1 when it has written nothing yet. */
  readonly lastSequence: number
  /** Epoch milliseconds. */
  readonly lastTimestampMs: bigint
}

export interface ConfigResource {
  readonly type: 'topic' | 'broker'
  /** Topic name, or broker id in decimals. */
  readonly name: string
  /** Default: all keys. */
  readonly keys?: readonly string[]
}

export interface DescribedConfigs {
  readonly resource: ConfigResource
  readonly error: KafkaError | null
  /** Null for values that the broker keeps to itself. */
  readonly values: ReadonlyMap<string, string | null>
}

export interface OffsetQuery extends TopicPartition {
  /** A number means the first record at or after it, epoch milliseconds. */
  readonly time: number | 'earliest' | 'latest'
}

export interface OffsetAnswer extends TopicPartition {
  readonly error: KafkaError | null
  /** -1 when no record is that young. */
  readonly offset: bigint
  /** Of the record found, epoch milliseconds; -1 for `earliest` and `latest`. */
  readonly timestampMs: bigint
}

export interface CreatedTopic {
  readonly name: string
  readonly error: KafkaError | null
  /** What the topic has, or with `validateOnly` would have; -1 from brokers older than 2.4, and where it may not be told. */
  readonly partitions: number
  readonly replicationFactor: number
}

export interface DescribedProducers extends TopicPartition {
  readonly error: KafkaError | null
  readonly producers: readonly ActiveProducer[]
}
