/**
 * Driver for kafkajs, in this process. It produces at version 7, knows no per-record errors, and rewinds the sequences
 * of all partitions of a request when one of them fails: the oldest kind of client that must keep working.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, {
  type Admin,
  type CompressionTypes as CompressionType,
  type Consumer,
  type EachMessagePayload,
  type IHeaders,
  type KafkaConfig,
  type Producer,
  type ProducerRecord,
  type Transaction
} from 'kafkajs'
import { registerCodecs } from './codecs.ts'
import {
  ClientFailure,
  type ClientDriver,
  type ClientError,
  type Codec,
  type ConsumerOptions,
  type InRecord,
  type NewTopic,
  type OutRecord,
  type ProducerOptions,
  type RecordResult,
  type Security,
  type TestAdmin,
  type TestConsumer,
  type TestProducer,
  type TopicDescription
} from './driver.ts'

const { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = kafkajs

type Client = InstanceType<typeof Kafka>

const compression: Record<Codec, CompressionType> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD
}

/** Few and quick: an error is to be seen, not waited for. */
const retry = { retries: 3, initialRetryTime: 100, maxRetryTime: 300 }
const defaultReadMs = 20_000

export function kafkajsDriver(security: Security = {}): ClientDriver {
  registerCodecs()
  const opened = new Set<{ close(): Promise<void> }>()
  const track = <T extends { close(): Promise<void> }>(session: T): T => {
    opened.add(session)
    return session
  }
  const kafka = (brokers: string[], clientId: string, requestTimeoutMs = 5_000): Client =>
    new Kafka({
      brokers,
      clientId,
      logLevel: logLevel.NOTHING,
      connectionTimeout: 5_000,
      requestTimeout: requestTimeoutMs,
      retry,
      ...transport(security)
    })
  return {
    name: 'kafkajs',
    can: { nullHeaders: false, consumerProtocol: false, shareGroups: false, describeProducers: false },
    async producer(bootstrap, options) {
      const client = kafka(bootstrap, options.clientId ?? 'kafkajs-producer', options.requestTimeoutMs)
      return track(await openProducer(client, options))
    },
    async consumer(bootstrap, options) {
      return track(await openConsumer(kafka(bootstrap, options.clientId ?? 'kafkajs-consumer', 10_000), options))
    },
    async admin(bootstrap) {
      return track(await openAdmin(kafka(bootstrap, 'kafkajs-admin', 10_000)))
    },
    secured: (wanted) => kafkajsDriver(wanted),
    async close() {
      await Promise.allSettled([...opened].map((session) => session.close()))
      opened.clear()
    }
  }
}

function transport(security: Security): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return {
    ...(security.caPem === undefined ? {} : { ssl: { ca: [security.caPem] } }),
    ...(security.sasl === undefined ? {} : { sasl: security.sasl as NonNullable<KafkaConfig['sasl']> })
  }
}

// Producing ----------------------------------------------------------------------------------------------------------

async function openProducer(kafka: Client, options: ProducerOptions): Promise<TestProducer> {
  const inflight = options.inflight ?? (options.idempotence ? 1 : undefined)
  const producer = kafka.producer({
    idempotent: options.idempotence,
    allowAutoTopicCreation: false,
    retry,
    ...(inflight === undefined ? {} : { maxInFlightRequests: inflight }),
    ...(options.transactionalId === undefined ? {} : { transactionalId: options.transactionalId })
  })
  await attempt(() => producer.connect())
  let transaction: Transaction | undefined
  return {
    send: (records) => sendAll(transaction ?? producer, records, options),
    async begin() {
      transaction = await attempt(() => producer.transaction())
    },
    async commit() {
      await attempt(() => openTransaction(transaction).commit())
      transaction = undefined
    },
    async abort() {
      await attempt(() => openTransaction(transaction).abort())
      transaction = undefined
    },
    async sendOffsets(consumer) {
      if (!(consumer instanceof KafkajsConsumer)) throw new Error('a consumer of another driver')
      await attempt(() =>
        openTransaction(transaction).sendOffsets({
          consumerGroupId: consumer.groupId,
          topics: consumer.positions()
        })
      )
    },
    close: () => producer.disconnect()
  }
}

function openTransaction(transaction: Transaction | undefined): Transaction {
  if (transaction === undefined) throw new Error('begin() comes first')
  return transaction
}

/**
 * Sends in requests of `batchRecords`, as many at a time as may be in flight. That is done here: kafkajs' own limit
 * neither keeps the order of sends that are open together nor, under idempotence, their sequences.
 */
async function sendAll(
  producer: Pick<Producer, 'sendBatch'>,
  records: OutRecord[],
  options: ProducerOptions
): Promise<RecordResult[]> {
  const results: RecordResult[] = []
  const size = options.batchRecords ?? records.length
  const starts = Array.from({ length: Math.ceil(records.length / size) }, (_, index) => index * size)
  const lane = async (): Promise<void> => {
    for (let first = starts.shift(); first !== undefined; first = starts.shift()) {
      const part = await sendOne(producer, records.slice(first, first + size), options)
      for (const [index, result] of part.entries()) results[first + index] = result
    }
  }
  const lanes = options.inflight ?? (options.idempotence ? 1 : starts.length)
  await Promise.all(Array.from({ length: lanes }, lane))
  return results
}

const notSent: ClientError = { code: null, name: 'not sent', message: 'kafkajs reports nothing for this partition' }

async function sendOne(
  producer: Pick<Producer, 'sendBatch'>,
  records: OutRecord[],
  options: ProducerOptions
): Promise<RecordResult[]> {
  const topics = [...new Set(records.map(({ topic }) => topic))]
  const topicMessages: Pick<ProducerRecord, 'topic' | 'messages'>[] = topics.map((topic) => ({
    topic,
    messages: records
      .filter((record) => record.topic === topic)
      .map((record) => ({
        key: record.key,
        value: record.value,
        ...(record.partition === undefined ? {} : { partition: record.partition }),
        ...(record.timestamp === undefined ? {} : { timestamp: String(record.timestamp) }),
        headers: headersOf(record)
      }))
  }))
  try {
    const metadata = await producer.sendBatch({
      acks: options.acks === 'all' ? -1 : options.acks,
      compression: compression[options.codec],
      timeout: options.requestTimeoutMs ?? 5_000,
      topicMessages
    })
    // It knows base offsets only; a record's own follows from its place in the partition's batch.
    const next = new Map(
      metadata.map(({ topicName, partition, baseOffset }) => [`${topicName}/${partition}`, Number(baseOffset ?? -1)])
    )
    return records.map(({ topic, partition = 0 }): RecordResult => {
      const place = `${topic}/${partition}`
      const offset = next.get(place)
      // Records of a partition without a leader are left out of every request, and nothing is said of them.
      if (offset === undefined) return options.acks === 0 ? { partition, offset: -1 } : { error: notSent }
      if (offset >= 0) next.set(place, offset + 1)
      return { partition, offset }
    })
  } catch (error) {
    return records.map(() => ({ error: clientError(error) }))
  }
}

function headersOf(record: OutRecord): IHeaders {
  const headers: IHeaders = {}
  for (const [name, value] of record.headers ?? []) {
    if (value === null) throw new Error('kafkajs cannot write a null header')
    const before = headers[name]
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return headers
}

// Consuming ----------------------------------------------------------------------------------------------------------

async function openConsumer(kafka: Client, options: ConsumerOptions): Promise<TestConsumer> {
  const consumer = kafka.consumer({
    groupId: options.groupId,
    readUncommitted: !options.committedOnly,
    sessionTimeout: 10_000,
    rebalanceTimeout: 10_000,
    heartbeatInterval: 500,
    maxWaitTimeInMs: 200,
    retry: { retries: 10, initialRetryTime: 100, maxRetryTime: 500 }
  })
  const session = new KafkajsConsumer(consumer, options.groupId)
  const topics = options.topics ?? [...new Set((options.partitions ?? []).map(({ topic }) => topic))]
  await attempt(async () => {
    await consumer.connect()
    await consumer.subscribe({ topics, fromBeginning: true })
    await consumer.run({ autoCommit: false, eachMessage: (message) => session.take(message) })
  })
  return session
}

class KafkajsConsumer implements TestConsumer {
  readonly groupId: string
  readonly #consumer: Consumer
  readonly #queue: InRecord[] = []
  /** Next offset by topic and partition, of what was handed out. */
  readonly #positions = new Map<string, { topic: string; partition: number; offset: string }>()
  #assigned: { topic: string; partition: number }[] = []

  constructor(consumer: Consumer, groupId: string) {
    this.#consumer = consumer
    this.groupId = groupId
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.#assigned = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ topic, partition }))
      )
    })
  }

  take({ topic, partition, message }: EachMessagePayload): Promise<void> {
    this.#queue.push({
      topic,
      partition,
      offset: Number(message.offset),
      key: message.key,
      value: message.value,
      headers: Object.entries(message.headers ?? {}).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value]).map((one): [string, Buffer | null] => [
          name,
          one === undefined ? null : Buffer.from(one)
        ])
      ),
      timestamp: Number(message.timestamp)
    })
    return Promise.resolve()
  }

  async read(count: number, timeoutMs = defaultReadMs): Promise<InRecord[]> {
    await until(() => this.#queue.length >= count, timeoutMs)
    const records = this.#queue.splice(0, count)
    for (const { topic, partition, offset } of records) {
      this.#positions.set(`${topic}/${partition}`, { topic, partition, offset: String(offset + 1) })
    }
    return records
  }

  async assignment(timeoutMs = defaultReadMs): Promise<{ topic: string; partition: number }[]> {
    await until(() => this.#assigned.length > 0, timeoutMs)
    return this.#assigned
  }

  async commit(): Promise<void> {
    await attempt(() => this.#consumer.commitOffsets([...this.#positions.values()]))
  }

  positions(): { topic: string; partitions: { partition: number; offset: string }[] }[] {
    return [...this.#positions.values()].map(({ topic, ...position }) => ({ topic, partitions: [position] }))
  }

  async close(): Promise<void> {
    await this.#consumer.disconnect()
  }
}

async function until(holds: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!holds() && Date.now() < deadline) await sleep(20)
}

// Administration -----------------------------------------------------------------------------------------------------

async function openAdmin(kafka: Client): Promise<TestAdmin> {
  const admin = kafka.admin({ retry })
  await attempt(() => admin.connect())
  const calls: Omit<TestAdmin, 'close'> = {
    async createTopics(topics) {
      const created = await admin.createTopics({ waitForLeaders: true, timeout: 10_000, topics: topics.map(newTopic) })
      if (!created) throw new ClientFailure({ code: 36, name: 'TOPIC_ALREADY_EXISTS', message: 'kafkajs says no more' })
    },
    async deleteTopics(names) {
      await admin.deleteTopics({ topics: names, timeout: 10_000 })
    },
    describeTopic: (name) => describeTopic(admin, name),
    async listOffsets(topic) {
      const offsets = await admin.fetchTopicOffsets(topic)
      return offsets.map(({ partition, low, high }) => ({ partition, earliest: Number(low), latest: Number(high) }))
    },
    async topicConfig(topic) {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }]
      })
      const entries = resources[0]?.configEntries ?? []
      return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]))
    },
    async describeCluster() {
      const { brokers, controller } = await admin.describeCluster()
      return { brokers: brokers.map(({ nodeId, host, port }) => ({ id: nodeId, host, port })), controller }
    },
    async listGroups() {
      const { groups } = await admin.listGroups()
      return groups.map(({ groupId }) => groupId)
    },
    async describeGroup(groupId) {
      const { groups } = await admin.describeGroups([groupId])
      return { state: groups[0]?.state ?? 'absent', members: groups[0]?.members.length ?? 0 }
    },
    async groupOffsets(groupId, topic) {
      const topics = await admin.fetchOffsets({ groupId, topics: [topic] })
      return (topics[0]?.partitions ?? [])
        .map(({ partition, offset }) => ({ partition, offset: Number(offset) }))
        .filter(({ offset }) => offset >= 0)
    },
    describeProducers: () => Promise.reject(new Error('kafkajs has no DescribeProducers'))
  }
  return { ...attempting(calls), close: () => admin.disconnect() }
}

/** kafkajs takes a number of partitions or the replicas of each, and reports a refusal as a list of errors. */
function newTopic({ name, replicas, config }: NewTopic): {
  topic: string
  replicaAssignment: { partition: number; replicas: number[] }[]
  configEntries: { name: string; value: string }[]
  numPartitions: number
  replicationFactor: number
} {
  return {
    topic: name,
    numPartitions: -1,
    replicationFactor: -1,
    replicaAssignment: replicas.map((brokers, partition) => ({ partition, replicas: brokers })),
    configEntries: Object.entries(config ?? {}).map(([setting, value]) => ({ name: setting, value }))
  }
}

async function describeTopic(admin: Admin, name: string): Promise<TopicDescription> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
  const partitions = (topics[0]?.partitions ?? []).map(({ partitionId, leader, replicas, isr }) => ({
    partition: partitionId,
    leader,
    replicas,
    isr
  }))
  return { name, partitions }
}

function attempting<T extends Record<keyof T, (...args: never[]) => Promise<unknown>>>(calls: T): T {
  const wrapped = Object.entries<(...args: never[]) => Promise<unknown>>(calls).map(
    ([name, call]) => [name, (...args: never[]) => attempt(() => call(...args))] as const
  )
  return Object.fromEntries(wrapped) as unknown as T
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof ClientFailure ? error : new ClientFailure(clientError(error))
  }
}

/** What kafkajs puts on its errors, none of it always. */
type KafkajsError = Error & { type?: unknown; code?: unknown; errors?: unknown[]; originalError?: unknown }

/** The error itself, or the first of several, or what made it give up retrying. */
function clientError(error: unknown): ClientError {
  if (!(error instanceof Error)) return { code: null, name: 'unknown', message: String(error) }
  const details = error as KafkajsError
  if (Array.isArray(details.errors) && details.errors[0] !== undefined) return clientError(details.errors[0])
  if (typeof details.type === 'string') {
    return { code: Number(details.code), name: details.type, message: error.message }
  }
  const inner = details.originalError ?? details.cause
  return inner instanceof Error ? clientError(inner) : { code: null, name: error.name, message: error.message }
}
