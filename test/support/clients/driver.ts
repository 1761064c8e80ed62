/**
 * One interface over the real Kafka clients, narrow enough that each can keep it and wide enough that what an
 * application sees of a broker is seen by a test: results and errors record by record, bytes as they were read back.
 */

export type ClientName = 'kafkajs' | 'java' | 'librdkafka' | 'franz-go' | 'sarama'
export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
export const codecs: Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** An error as the client reports it. */
export interface ClientError {
  /** Kafka's code (0..) or the client's own negative one; null where the client gives none. */
  code: number | null
  /** The client's name for it: exception class (Java), error name (librdkafka), type (kafkajs). */
  name: string
  /** For a refused record in Java: the broker's text for that record. */
  message: string
}

/** Thrown by every call that is about no single record. */
export class ClientFailure extends Error {
  readonly error: ClientError

  constructor(error: ClientError) {
    super(`${error.name} (${error.code ?? 'no code'}): ${error.message}`)
    this.name = 'ClientFailure'
    this.error = error
  }
}

export interface ProducerOptions {
  acks: 0 | 1 | 'all'
  idempotence: boolean
  transactionalId?: string
  codec: Codec
  /** Default 5. kafkajs has no linger: what one `send` is given goes out at once. */
  lingerMs?: number
  /** Upper bound of a batch in bytes; kafkajs and sarama ignore it. */
  batchBytes?: number
  /** Upper bound of a batch in records: kafkajs, librdkafka and sarama; Java and franz-go ignore it. */
  batchRecords?: number
  /** Requests in flight per connection; default: the client's own (kafkajs and sarama idempotent: 1). */
  inflight?: number
  /** How long a record may take, retries included. Default 15 s. */
  deliveryTimeoutMs?: number
  /** How long one request may take. Default 5 s. */
  requestTimeoutMs?: number
  /** Largest request or message the client itself lets pass. */
  maxRequestBytes?: number
  clientId?: string
  /** Raw settings of Java and librdkafka, over all the others. */
  properties?: Record<string, string>
}

export interface OutRecord {
  topic: string
  /** Absent: the client's partitioner decides. */
  partition?: number
  key: Buffer | null
  value: Buffer | null
  headers?: [name: string, value: Buffer | null][]
  /** Epoch milliseconds; absent: now. */
  timestamp?: number
}

/** `offset` is what the client says; negative where it knows none (acks=0; franz-go and sarama count from 0 then). */
export type RecordResult = { partition: number; offset: number } | { error: ClientError }

export interface TestProducer {
  /** Sends all without waiting in between; resolves when each has its result, in their order. Never rejects for one. */
  send(records: OutRecord[]): Promise<RecordResult[]>
  begin(): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
  /** Adds the positions of a group's consumer of the same driver to the transaction. */
  sendOffsets(consumer: TestConsumer): Promise<void>
  close(): Promise<void>
}

export interface ConsumerOptions {
  /** Needed by kafkajs in any case: it cannot read without a group. */
  groupId: string
  /** Subscribe as a group member; or `partitions`. */
  topics?: string[]
  /** Assign by hand, from the start; kafkajs subscribes to the topics instead. */
  partitions?: { topic: string; partition: number }[]
  committedOnly: boolean
  /** Default classic. `consumer` is KIP-848 (Java, librdkafka); `share` is KIP-932 (Java). */
  protocol?: 'classic' | 'consumer' | 'share'
  clientId?: string
  properties?: Record<string, string>
}

export interface InRecord {
  topic: string
  partition: number
  offset: number
  key: Buffer | null
  value: Buffer | null
  headers: [name: string, value: Buffer | null][]
  timestamp: number
}

export interface TestConsumer {
  /** Resolves with so many records, or with fewer when no more came before the timeout (default 20 s). */
  read(count: number, timeoutMs?: number): Promise<InRecord[]>
  /** Takes part in the group until partitions were assigned, and says which; empty after the timeout (default 20 s). */
  assignment(timeoutMs?: number): Promise<{ topic: string; partition: number }[]>
  /** Commits the positions after the records that `read` handed out. */
  commit(): Promise<void>
  /** Leaves the group. */
  close(): Promise<void>
}

export interface NewTopic {
  name: string
  /** Replicas of each partition by broker id, the leader first: without it leaders differ from run to run. */
  replicas: number[][]
  config?: Record<string, string>
}

export interface TopicDescription {
  name: string
  partitions: { partition: number; leader: number; replicas: number[]; isr: number[] }[]
}

export interface ActiveProducer {
  producerId: number
  epoch: number
  lastSequence: number
}

export interface TestAdmin {
  createTopics(topics: NewTopic[]): Promise<void>
  deleteTopics(names: string[]): Promise<void>
  describeTopic(name: string): Promise<TopicDescription>
  listOffsets(topic: string): Promise<{ partition: number; earliest: number; latest: number }[]>
  /** Every setting of a topic with its value. */
  topicConfig(topic: string): Promise<Record<string, string | null>>
  describeCluster(): Promise<{ brokers: { id: number; host: string; port: number }[]; controller: number | null }>
  listGroups(): Promise<string[]>
  describeGroup(groupId: string): Promise<{ state: string; members: number }>
  groupOffsets(groupId: string, topic: string): Promise<{ partition: number; offset: number }[]>
  /** Active producers of a partition. Java only. */
  describeProducers(topic: string, partition: number): Promise<ActiveProducer[]>
  close(): Promise<void>
}

export interface Security {
  /** PEM text of the authority that signed the brokers' certificates. */
  caPem?: string
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
}

export interface ClientDriver {
  readonly name: ClientName
  /** What not every client can do; a scenario leaves it out then. */
  readonly can: {
    nullHeaders: boolean
    consumerProtocol: boolean
    shareGroups: boolean
    describeProducers: boolean
  }
  producer(bootstrap: string[], options: ProducerOptions): Promise<TestProducer>
  consumer(bootstrap: string[], options: ConsumerOptions): Promise<TestConsumer>
  admin(bootstrap: string[]): Promise<TestAdmin>
  /** The same client with transport security, for every producer, consumer and admin that it opens. */
  secured(security: Security): ClientDriver
  /** Ends the client's process, if it has one, and everything opened in it. */
  close(): Promise<void>
}
