/** Quarantine topics and our own topics on real Kafka: what is created, what is refused, and that records are kept there. */
import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { buildBatch, readRecords } from '../../protocol/records/batch.ts'
import type { QuarantineTarget } from '../../src/contracts/judgement.ts'
import type { QuarantinedBatch } from '../../src/enforcement/quarantine-port.ts'
import { KafkaClient, type NewTopic } from '../../src/kafka/client.ts'
import { examineOwnTopics } from '../../src/quarantine/own-topics.ts'
import { prepareTopics } from '../../src/quarantine/start.ts'
import { fromQuarantineRecord } from '../../src/quarantine/record.ts'
import { createTopic } from '../../src/quarantine/topic-admin.ts'
import { TopicLookup } from '../../src/quarantine/topic-lookup.ts'
import { examineQuarantineTopics, roomForHeadersBytes } from '../../src/quarantine/topics.ts'
import { QuarantineWriter } from '../../src/quarantine/writer.ts'
import { systemClock } from '../../src/clock.ts'
import { retrying } from '../../src/kafka/retrying.ts'
import { policyOf } from '../support/contracts.ts'
import { describeKafka } from '../support/kafka.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close()
})

function newClient(bootstrapServers: readonly string[]): KafkaClient {
  const client = new KafkaClient({ bootstrapServers, clientId: 'test', requestTimeoutMs: 10_000 })
  closers.push(() => client.close())
  return client
}

let names = 0
const newName = (): string => `quarantine-topics-${process.pid}-${Date.now()}-${names++}`

async function make(client: KafkaClient, topic: NewTopic): Promise<void> {
  const { partitions = 1, replicationFactor = -1, configs = {} } = topic
  const made = { name: topic.name, partitions, replicationFactor, minInsyncReplicas: 1, configs }
  await createTopic(client, made, systemClock)
}

const create: NonNullable<QuarantineTarget['create']> = {
  partitions: 'same',
  replicationFactor: -1,
  retentionMs: 14 * 86_400_000,
  minInsyncReplicas: 2
}

async function configsOf(client: KafkaClient, name: string): Promise<Record<string, string | null>> {
  const [described] = await client.describeConfigs([{ type: 'topic', name }])
  expect(described!.error).toBeNull()
  return Object.fromEntries(described!.values)
}

function batchOf(origin: string, topic: string, values: readonly Buffer[], partition = 0): QuarantinedBatch {
  return {
    topic: origin,
    partition,
    target: { topic, values: 'keep', transactions: 'reject', create },
    policy: { name: 'orders', version: '3f2a91c04b7e', file: 'orders.yaml' },
    producer: { clientId: 'c', principal: null },
    chain: { producerId: 7n, producerEpoch: 0, baseSequence: 0 },
    digest: randomBytes(32).toString('hex'),
    records: values.map((value, index) => ({
      index,
      key: Buffer.from(`k${index}`),
      value,
      headers: [{ name: 'source', value: null }],
      timestampMs: index === 0 ? 0 : 32_503_680_000_000,
      violations: [{ rule: 'r', path: 'value', message: 'is wrong' }]
    }))
  }
}

async function readAll(client: KafkaClient, topic: string, partition = 0): Promise<ReturnType<typeof readRecords>> {
  const [fetched] = await client.fetch({ partitions: [{ topic, partition, offset: 0n }], maxBytes: 50_000_000 })
  expect(fetched!.error).toBeNull()
  return readRecords(fetched!.records)
}

describe('topics of quarantine', () => {
  describeKafka('alone', { version: '4.3.1', nodes: 1 }, (cluster) => {
    it('are created as the policy says, and found as they should be', async () => {
      const client = newClient(cluster().bootstrap)
      const origin = newName()
      await make(client, { name: origin, partitions: 3, configs: { 'max.message.bytes': '2000000' } })
      const wanted = [{ target: { topic: `${origin}.quarantine`, create }, origins: [origin] }]
      const first = await examineQuarantineTopics(client, wanted, { create: true })
      expect(first.map(({ code }) => code)).toEqual(['created'])
      expect(await configsOf(client, `${origin}.quarantine`)).toMatchObject({
        'cleanup.policy': 'delete',
        'message.timestamp.type': 'LogAppendTime',
        'max.message.bytes': String(2_000_000 + roomForHeadersBytes),
        'retention.ms': String(create.retentionMs),
        'min.insync.replicas': '1'
      })
      const [topic] = (await client.metadata([`${origin}.quarantine`])).topics
      expect(topic!.partitions).toHaveLength(3)
      const second = await examineQuarantineTopics(client, wanted, { create: true })
      expect(second.map(({ code }) => code)).toEqual(['fine'])
    })

    it('are made before serving, with our own, and a ledger that forgets refuses the start', async () => {
      const client = newClient(cluster().bootstrap)
      const origin = newName()
      await make(client, { name: origin })
      const policy = policyOf(`apiVersion: kontrakt/v1\ntopics: ${origin}\nmode: quarantine`)
      const settings = { ledger: newName(), quarantineState: newName(), replicationFactor: null }
      const { findings } = await prepareTopics(client, [policy], settings)
      expect(findings.map(({ code }) => code)).toEqual(['created', 'created', 'created'])
      expect(await configsOf(client, settings.ledger)).toMatchObject({
        'cleanup.policy': 'compact',
        'message.timestamp.type': 'LogAppendTime',
        'max.message.bytes': '2097152',
        'min.cleanable.dirty.ratio': '0.1',
        'segment.ms': '600000',
        'segment.bytes': '16777216',
        'max.compaction.lag.ms': '3600000'
      })
      const again = await prepareTopics(client, [policy], settings)
      expect(again.findings.map(({ code }) => code)).toEqual(['fine', 'fine', 'fine'])
      const wrong = { ...settings, ledger: origin }
      await expect(prepareTopics(client, [policy], wrong)).rejects.toThrow(/cleanup\.policy delete/)
    })

    it('keep what is quarantined, whatever its timestamp, and a record as large as its topic takes', async () => {
      const client = newClient(cluster().bootstrap)
      const origin = newName()
      await make(client, { name: origin, partitions: 2, configs: { 'max.message.bytes': '300000' } })
      // As large as it can be; what cannot be compressed needs the room that the quarantine topic has more.
      const large = randomBytes(299_000)
      const headers = [{ name: 'source', value: null }]
      const batch = buildBatch({ records: [{ key: Buffer.from('k0'), value: large, headers, timestamp: 1 }] })
      // A broker that has just made a topic may not know yet that it leads it.
      await retrying({ clock: systemClock, withinMs: 10_000 }, () =>
        client.produce({ topic: origin, partition: 0, batch })
      )
      const writer = new QuarantineWriter({ client, topics: new TopicLookup({ client }) })
      closers.push(() => writer.close())
      const topic = `${origin}.quarantine`
      const sentAtMs = Date.now()
      const outcomes = [1, 3].map((partition) =>
        writer.store(batchOf(origin, topic, [large, Buffer.from('b')], partition))
      )
      expect(await Promise.all(outcomes)).toEqual([{ kind: 'stored' }, { kind: 'stored' }])
      expect(await readAll(client, topic, 0)).toEqual([])
      const records = await readAll(client, topic, 1)
      for (const { timestamp } of records) expect(Math.abs(timestamp - sentAtMs)).toBeLessThan(60_000)
      const entries = records.map(fromQuarantineRecord)
      expect(entries.map(({ partition, batchIndex }) => [partition, batchIndex])).toEqual([
        [1, 0],
        [1, 1],
        [3, 0],
        [3, 1]
      ])
      expect(entries[0]).toMatchObject({ key: Buffer.from('k0'), value: large, timestampMs: 0, producerId: 7n })
      expect(entries[0]!.headers).toMatchObject(headers)
      expect(entries[1]!.timestampMs).toBe(32_503_680_000_000)
    })

    it('refuse for good what does not fit, and nothing beside it', async () => {
      const client = newClient(cluster().bootstrap)
      const origin = newName()
      const topic = `${origin}.quarantine`
      await make(client, { name: origin })
      await make(client, { name: topic, configs: { 'max.message.bytes': '100000' } })
      const writer = new QuarantineWriter({ client, topics: new TopicLookup({ client }) })
      closers.push(() => writer.close())
      const half = (): Buffer => randomBytes(60_000)
      const outcomes = await Promise.all([
        writer.store(batchOf(origin, topic, [half(), half(), half()])),
        writer.store(batchOf(origin, topic, [half(), randomBytes(150_000)])),
        writer.store(batchOf(origin, topic, [Buffer.from('small')]))
      ])
      expect(outcomes).toMatchObject([{ kind: 'stored' }, { kind: 'failed', lasting: true }, { kind: 'stored' }])
      expect((outcomes[1] as { message: string }).message).toContain('MESSAGE_TOO_LARGE')
      const values = (await readAll(client, topic)).map(({ value }) => value!.length)
      expect(values.filter((length) => length === 60_000).length).toBeGreaterThanOrEqual(3)
      expect(values).toContain(5)
    })
  })

  describeKafka('with replicas', { version: '4.3.1', nodes: 3 }, (cluster) => {
    it('demand one in-sync replica less than there are', async () => {
      const client = newClient(cluster().bootstrap)
      const origin = newName()
      await make(client, { name: origin, replicationFactor: 1 })
      const settings = { ledger: newName(), quarantineState: newName(), replicationFactor: 2 }
      expect((await examineOwnTopics(client, settings, { create: true })).map(({ code }) => code)).toEqual([
        'created',
        'created'
      ])
      const wanted = { target: { topic: `${origin}.quarantine`, create }, origins: [origin] }
      await examineQuarantineTopics(client, [wanted], { create: true })
      const { topics } = await client.metadata([settings.ledger, `${origin}.quarantine`])
      const replicas = new Map(topics.map(({ name, partitions }) => [name, partitions[0]!.replicas.length]))
      expect(Object.fromEntries(replicas)).toEqual({ [settings.ledger]: 2, [`${origin}.quarantine`]: 3 })
      expect((await configsOf(client, settings.ledger))['min.insync.replicas']).toBe('1')
      expect((await configsOf(client, `${origin}.quarantine`))['min.insync.replicas']).toBe('2')
    })
  })
})
