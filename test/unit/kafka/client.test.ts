import { afterEach, describe, expect, it } from 'vitest'
import { buildBatch, readRecords } from '../../../protocol/records/batch.ts'
import {
  startEmbeddedBroker,
  type EmbeddedBroker,
  type EmbeddedBrokerOptions
} from '../../../src/broker/embedded-broker.ts'
import { KafkaClient, type KafkaClientOptions } from '../../../src/kafka/client.ts'
import { ConnectionError, KafkaError } from '../../../src/kafka/errors.ts'
import { FakeClock } from './fake-clock.ts'

const topic = 'orders'
const brokers: EmbeddedBroker[] = []
const clients: KafkaClient[] = []

async function startBroker(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await startEmbeddedBroker({ topics: [{ name: topic, partitions: 2 }], ...options })
  brokers.push(broker)
  return broker
}

function newClient(broker: { readonly address: string }, options: Partial<KafkaClientOptions> = {}): KafkaClient {
  const client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test', ...options })
  clients.push(client)
  return client
}

function batchOf(...values: string[]): Buffer {
  return buildBatch({ records: values.map((v) => ({ key: null, value: Buffer.from(v), timestamp: 1 })) })
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const broker of brokers.splice(0)) await broker.close()
})

describe('KafkaClient', () => {
  it('writes and reads back', async () => {
    const client = newClient(await startBroker())
    expect(await client.produce({ topic, partition: 1, batch: batchOf('a', 'b') })).toEqual({
      baseOffset: 0n,
      logAppendTimeMs: -1n,
      logStartOffset: 0n
    })
    await client.produce({ topic, partition: 1, batch: batchOf('c') })
    const [fetched] = await client.fetch({ partitions: [{ topic, partition: 1, offset: 2n }] })
    expect(fetched).toMatchObject({ topic, partition: 1, error: null, highWatermark: 3n, logStartOffset: 0n })
    expect(readRecords(fetched!.records).map((r) => String(r.value))).toEqual(['c'])
  })

  it('fetches several partitions at once, each with its own error', async () => {
    const client = newClient(await startBroker())
    await client.produce({ topic, partition: 0, batch: batchOf('a') })
    const fetched = await client.fetch({
      partitions: [0, 1].map((partition) => ({ topic, partition, offset: partition === 0 ? 0n : 9n }))
    })
    expect(fetched.map((f) => [f.partition, f.error?.errorName ?? null, f.records.length > 0])).toEqual([
      [0, null, true],
      [1, 'OFFSET_OUT_OF_RANGE', false]
    ])
  })

  it('does not let a long poll hold up a short question', async () => {
    const client = newClient(await startBroker())
    const poll = client.fetch({ partitions: [{ topic, partition: 0, offset: 0n }], maxWaitMs: 60_000 })
    await client.produce({ topic, partition: 1, batch: batchOf('x') })
    await client.produce({ topic, partition: 0, batch: batchOf('a') })
    expect((await poll)[0]!.records.length).toBeGreaterThan(0)
  })

  it('rejects with the error, the address and the records at fault', async () => {
    const broker = await startBroker({ topics: [{ name: topic, configs: { 'cleanup.policy': 'compact' } }] })
    const error: unknown = await newClient(broker)
      .produce({ topic, partition: 0, batch: batchOf('a', 'b') })
      .catch((e: unknown) => e)
    expect(error).toBeInstanceOf(KafkaError)
    expect(error).toMatchObject({
      code: 87,
      errorName: 'INVALID_RECORD',
      retriable: false,
      address: broker.address,
      api: 'Produce',
      detail: '2 records were refused',
      recordErrors: [0, 1].map((batchIndex) => ({ batchIndex, message: 'a record of a compacted topic needs a key' }))
    })
    expect((error as Error).message).toBe(
      `Produce for orders-0 refused by ${broker.address}: INVALID_RECORD (87): 2 records were refused`
    )
  })

  it('answers null for acks=0', async () => {
    const broker = await startBroker()
    const client = newClient(broker)
    expect(await client.produce({ topic, partition: 0, batch: batchOf('a'), acks: 0 })).toBeNull()
    await client.listOffsets([{ topic, partition: 0, time: 'latest' }])
    expect(broker.topics.endOffset(topic)).toBe(1)
  })

  it('says whether it is the topic or only the partition that is missing', async () => {
    const client = newClient(await startBroker())
    const missing = (name: string, partition: number) => client.produce({ topic: name, partition, batch: batchOf('a') })
    await expect(missing('nothing', 0)).rejects.toMatchObject({ errorName: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await expect(missing(topic, 9)).rejects.toMatchObject({ errorName: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect((await client.metadata(['nothing'])).topics[0]).toMatchObject({ error: { code: 3 } })
  })

  it('creates topics, tells their settings, and carries each refusal', async () => {
    const client = newClient(await startBroker())
    const created = await client.createTopics([
      { name: 'new', partitions: 3, configs: { 'cleanup.policy': 'compact' } },
      { name: topic }
    ])
    expect(created.map((t) => [t.name, t.error?.errorName ?? null])).toEqual([
      ['new', null],
      [topic, 'TOPIC_ALREADY_EXISTS']
    ])
    const described = await client.describeConfigs([
      { type: 'topic', name: 'new', keys: ['cleanup.policy'] },
      { type: 'topic', name: 'nothing' },
      { type: 'broker', name: '1' }
    ])
    expect(described.map((d) => [d.resource.name, d.error?.errorName ?? null])).toEqual([
      ['new', null],
      ['nothing', 'UNKNOWN_TOPIC_OR_PARTITION'],
      ['1', null]
    ])
    expect([...described[0]!.values]).toEqual([['cleanup.policy', 'compact']])
    expect(described[2]!.values.get('broker.id')).toBe('1')
    expect((await client.metadata(['new'])).topics[0]!.partitions).toHaveLength(3)
  })

  it('finds offsets by place and by time, and the producers of a partition', async () => {
    const client = newClient(await startBroker())
    const { producerId, producerEpoch } = await client.initProducerId()
    const records = [10, 20].map((timestamp) => ({ key: null, value: Buffer.from('v'), timestamp }))
    await client.produce({
      topic,
      partition: 0,
      batch: buildBatch({ records, producerId, producerEpoch, baseSequence: 0 })
    })
    const offsets = await client.listOffsets(
      (['earliest', 'latest', 15, 99] as const).map((time) => ({ topic, partition: 0, time }))
    )
    expect(offsets.map((o) => [o.offset, o.timestampMs])).toEqual([
      [0n, -1n],
      [2n, -1n],
      [1n, 20n],
      [-1n, -1n]
    ])
    const [described] = await client.describeProducers([{ topic, partition: 0 }])
    expect(described!.producers).toMatchObject([{ producerId, producerEpoch, lastSequence: 1 }])
  })

  it('describes the cluster', async () => {
    const broker = await startBroker({ nodeId: 5 })
    expect(await newClient(broker).describeCluster()).toEqual({
      clusterId: broker.clusterId,
      controllerId: 5,
      brokers: [{ id: 5, host: '127.0.0.1', port: broker.port, rack: null }]
    })
  })

  it('goes on with another bootstrap server when one does not answer', async () => {
    const gone = await startBroker()
    await gone.close()
    const broker = await startBroker()
    const client = newClient(broker, { bootstrapServers: [gone.address, broker.address] })
    expect((await client.metadata()).brokers).toHaveLength(1)
  })

  it('asks for metadata again while a leader is being elected, with growing pauses, and then says so', async () => {
    const clock = new FakeClock()
    const broker = await startBroker()
    let left = 2
    broker.intercept('metadata', async (call) => {
      const answer = await call.proceed()
      if (typeof answer === 'string' || left-- <= 0) return answer
      return { ...answer, topics: [{ errorCode: 5, name: topic, partitions: [] }] }
    })
    const client = newClient(broker, { clock })
    const asking = client.metadata([topic])
    const pauses: number[] = []
    let isDone = false
    void asking.finally(() => (isDone = true))
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve))
      // Request timeouts are timers too.
      if (clock.nextDelayMs === null || clock.nextDelayMs > 1_000) continue
      pauses.push(clock.nextDelayMs)
      clock.advance(clock.nextDelayMs)
    }
    expect((await asking).topics[0]!.error).toBeNull()
    expect(pauses).toEqual([100, 200])
    left = Number.POSITIVE_INFINITY
    const never = client.metadata([topic])
    let isOver = false
    void never.finally(() => (isOver = true))
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve))
      if (clock.nextDelayMs !== null && clock.nextDelayMs <= 1_000) clock.advance(clock.nextDelayMs)
    }
    expect((await never).topics[0]!.error).toMatchObject({ errorName: 'LEADER_NOT_AVAILABLE' })
  })

  it('sends what it writes once: after a lost connection only the caller knows what to do', async () => {
    const broker = await startBroker()
    let seen = 0
    const stop = broker.intercept('produce', async (call) => {
      seen++
      await call.proceed()
      return 'drop-connection' as const
    })
    const client = newClient(broker)
    await expect(client.produce({ topic, partition: 0, batch: batchOf('a') })).rejects.toThrow(ConnectionError)
    expect([seen, broker.topics.endOffset(topic)]).toEqual([1, 1])
    stop()
    expect(await client.produce({ topic, partition: 0, batch: batchOf('b') })).toMatchObject({ baseOffset: 1n })
  })

  it('sends what comes while a leader is busy in one request, each partition in order, and answers each by itself', async () => {
    const broker = await startBroker({ topics: [{ name: topic, partitions: 100 }] })
    const requests: number[][] = []
    broker.intercept('produce', async (call) => {
      requests.push(call.request.topicData.flatMap(({ partitionData }) => partitionData.map(({ index }) => index)))
      const answer = await call.proceed()
      if (typeof answer !== 'object') return answer
      const responses = answer.responses!.map((found) => ({
        ...found,
        partitionResponses: found.partitionResponses!.map((part) =>
          part.index === 7 ? { ...part, errorCode: 87, baseOffset: -1n } : part
        )
      }))
      return { ...answer, responses }
    })
    let lookUps = 0
    broker.intercept('metadata', (call) => {
      lookUps++
      return call.proceed()
    })
    const client = newClient(broker)
    const partitions = [...Array.from({ length: 100 }, (_, partition) => partition), 3, 3]
    const sent = partitions.map((partition, number) =>
      client.produce({ topic, partition, batch: batchOf(String(number)) }).then(
        (produced) => produced!.baseOffset,
        (error: unknown) => (error as KafkaError).errorName
      )
    )
    const outcomes = await Promise.all(sent)
    expect(outcomes.slice(0, 8)).toEqual([0n, 0n, 0n, 0n, 0n, 0n, 0n, 'INVALID_RECORD'])
    expect(outcomes.slice(100)).toEqual([1n, 2n])
    const written = broker.topics.records(topic, 3).map(({ value }) => String(value))
    expect(written).toEqual(['3', '100', '101'])
    expect(requests.length).toBeLessThanOrEqual(4)
    expect(lookUps).toBe(1)
  })

  it('puts no more than 4 MiB into one request, and only what is to be acknowledged alike', async () => {
    const broker = await startBroker({ topics: [{ name: topic, partitions: 7 }] })
    const requests: number[] = []
    broker.intercept('produce', (call) => {
      requests.push(call.request.topicData.flatMap(({ partitionData }) => partitionData).length)
      return call.proceed()
    })
    const client = newClient(broker)
    const batch = batchOf('x'.repeat(900_000))
    const sent = [0, 1, 2, 3, 4, 5, 6].map((partition) =>
      client.produce({ topic, partition, batch, acks: partition === 1 ? 1 : -1 })
    )
    await Promise.all(sent)
    expect(requests).toEqual([4, 1, 2])
  })

  it('has one request under way to a leader, so that the time of each begins when the leader can take it up', async () => {
    const broker = await startBroker({ topics: [{ name: topic, partitions: 4 }] })
    const underWay: number[] = []
    let now = 0
    broker.intercept('produce', async (call) => {
      underWay.push(++now)
      await new Promise((resolve) => setTimeout(resolve, 5))
      now--
      return call.proceed()
    })
    const client = newClient(broker)
    const sent = [0, 0, 0, 0].map((partition) => client.produce({ topic, partition, batch: batchOf('a') }))
    expect((await Promise.all(sent)).map((produced) => produced!.baseOffset)).toEqual([0n, 1n, 2n, 3n])
    expect(underWay).toEqual([1, 1, 1, 1])
  })

  it('fails what waits for a leader that is frozen, and sends the next elsewhere', async () => {
    const broker = await startBroker()
    const stop = broker.intercept('produce', () => new Promise<never>(() => undefined))
    const client = newClient(broker, { requestTimeoutMs: 100 })
    const sent = [0, 1, 0].map((partition) => client.produce({ topic, partition, batch: batchOf('a') }))
    for (const outcome of await Promise.allSettled(sent)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'ConnectionError' } })
    }
    stop()
    expect(await client.produce({ topic, partition: 0, batch: batchOf('b') })).toMatchObject({ baseOffset: 0n })
  })

  it('asks for the leader anew after it was told to', async () => {
    const broker = await startBroker()
    let lookUps = 0
    broker.intercept('metadata', (call) => {
      lookUps++
      return call.proceed()
    })
    const client = newClient(broker)
    const send = () => client.produce({ topic, partition: 0, batch: batchOf('a') })
    await send()
    await send()
    expect(lookUps).toBe(1)
    const stop = broker.intercept('produce', () => ({
      responses: [{ name: topic, partitionResponses: [{ index: 0, errorCode: 6, baseOffset: -1n }] }]
    }))
    await expect(send()).rejects.toMatchObject({ errorName: 'NOT_LEADER_OR_FOLLOWER', retriable: true })
    stop()
    await send()
    expect(lookUps).toBe(2)
  })

  it('rejects what is under way when it is closed, and everything after', async () => {
    const client = newClient(await startBroker())
    const poll = client.fetch({ partitions: [{ topic, partition: 0, offset: 0n }], maxWaitMs: 60_000 })
    await client.metadata()
    const rejected = expect(poll).rejects.toThrow(ConnectionError)
    client.close()
    await rejected
    await expect(client.metadata()).rejects.toThrow(ConnectionError)
  })

  it('refuses a bootstrap server that is no address', () => {
    expect(() => newClient({ address: 'kafka' })).toThrow("'kafka' is not an address")
  })
})
