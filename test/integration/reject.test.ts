/**
 * The main job on a real Kafka: bad records are refused in real time, and what an idempotent producer is told stays
 * true. Whatever the client and however many batches it has in flight: nothing it was told is delivered is missing,
 * nothing bad is there, nothing is there twice, order is kept.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClientDriver, InRecord, OutRecord, ProducerOptions, RecordResult } from '../support/clients/driver.ts'
import type { TestCluster } from '../support/cluster/types.ts'
import { describeClients, describeKafka } from '../support/kafka.ts'
import { startKontrakt, type Kontrakt } from '../support/kontrakt.ts'

const schema = JSON.stringify({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['n', 'country'],
  properties: { n: { type: 'integer' }, country: { type: 'string' } }
})

const policy = `apiVersion: kontrakt/v1
topics: "guarded-*"
mode: reject
value:
  format: json
  framing: none
  schema: { file: schemas/numbered.json }
rules:
  - id: country-known
    expr: value.country in ["DE", "FR"]
    message: "country must be DE or FR"
`

const good = (n: number): Buffer => Buffer.from(JSON.stringify({ n, country: n % 2 === 0 ? 'DE' : 'FR' }))
const bad = (n: number): Buffer => Buffer.from(JSON.stringify({ n, country: 'XX' }))
const numberOf = (value: Buffer | null): number => (JSON.parse(value!.toString()) as { n: number }).n

interface Sent {
  readonly record: OutRecord
  readonly result: RecordResult
  readonly isBad: boolean
}

interface Stage {
  readonly topic: string
  readonly driver: ClientDriver
  readonly kontrakt: Kontrakt
  readonly cluster: TestCluster
}

async function makeTopic(driver: ClientDriver, cluster: TestCluster, partitions: number): Promise<string> {
  const topic = `guarded-${randomBytes(5).toString('hex')}`
  const admin = await driver.admin(cluster.bootstrap)
  const ids = cluster.nodes.map((node) => node.id)
  const replicas = Array.from({ length: partitions }, (_, i) => [ids[i % ids.length]!])
  await admin.createTopics([{ name: topic, replicas }])
  await admin.close()
  return topic
}

/** What is in the topic, read past the proxy. */
async function stored({ topic, driver, cluster }: Stage, partitions: number): Promise<InRecord[]> {
  const admin = await driver.admin(cluster.bootstrap)
  const offsets = await admin.listOffsets(topic)
  await admin.close()
  const count = offsets.reduce((sum, { earliest, latest }) => sum + latest - earliest, 0)
  const consumer = await driver.consumer(cluster.bootstrap, {
    groupId: `reader-${randomBytes(5).toString('hex')}`,
    partitions: Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    committedOnly: true
  })
  const records = await consumer.read(count, count === 0 ? 100 : 30_000)
  await consumer.close()
  return records
}

async function produce(
  { topic, driver, kontrakt }: Stage,
  options: Partial<ProducerOptions>,
  numbers: readonly number[],
  isBad: (n: number) => boolean,
  partitions: number
): Promise<Sent[]> {
  const producer = await driver.producer([kontrakt.bootstrap], {
    acks: 'all',
    idempotence: true,
    codec: 'none',
    deliveryTimeoutMs: 60_000,
    ...options
  })
  const records = numbers.map((n) => ({
    topic,
    partition: n % partitions,
    key: null,
    value: isBad(n) ? bad(n) : good(n)
  }))
  const results = await producer.send(records)
  await producer.close()
  return records.map((record, i) => ({ record, result: results[i]!, isBad: isBad(numbers[i]!) }))
}

/** The promises, each as one comparison whose difference shows the records concerned. */
function expectPromisesKept(sent: readonly Sent[], inTopic: readonly InRecord[]): void {
  const told = sent.filter(({ result }) => !('error' in result))
  const present = inTopic.map(({ value }) => numberOf(value))
  const presentOnce = new Set(present)
  expect(sent.filter((s) => s.isBad && !('error' in s.result)).map((s) => numberOf(s.record.value))).toEqual([])
  expect(inTopic.filter(({ value }) => value!.toString().includes('XX'))).toEqual([])
  expect(told.map((s) => numberOf(s.record.value)).filter((n) => !presentOnce.has(n))).toEqual([])
  expect(present.length).toBe(presentOnce.size)
  const failed = sent.filter(({ result }) => 'error' in result).map((s) => numberOf(s.record.value))
  expect(failed.filter((n) => presentOnce.has(n))).toEqual([])
  for (const { result, record } of told) {
    if ('error' in result || result.offset < 0) continue
    const at = inTopic.find((r) => r.partition === result.partition && r.offset === result.offset)
    expect(at === undefined ? 'nothing' : numberOf(at.value)).toBe(numberOf(record.value))
  }
  for (const partition of new Set(inTopic.map((record) => record.partition))) {
    const order = inTopic.filter((record) => record.partition === partition).map(({ value }) => numberOf(value))
    expect(order).toEqual([...order].sort((a, b) => a - b))
  }
}

describeKafka('reject', { version: '4.3.1', nodes: 1 }, (cluster) => {
  let kontrakt: Kontrakt
  beforeAll(async () => {
    const policies = { 'guarded.yaml': policy, 'schemas/numbered.json': schema }
    kontrakt = await startKontrakt({ upstream: cluster().bootstrap, policies })
  })
  afterAll(() => kontrakt.stop())

  describeClients((driver, client) => {
    const stage = async (partitions: number): Promise<Stage> => ({
      topic: await makeTopic(driver(), cluster(), partitions),
      driver: driver(),
      kontrakt,
      cluster: cluster()
    })

    it('refuses a bad record with the reason and takes the good one', { timeout: 60_000 }, async () => {
      const here = await stage(1)
      const single = { idempotence: false, batchRecords: 1, batchBytes: 1, clientId: `app-${client}` }
      const [first] = await produce(here, single, [1], () => true, 1)
      const [second] = await produce(here, single, [2], () => false, 1)
      expect(first!.result).toHaveProperty('error')
      // Only Java shows an application the text; the others tell the code, and `kontrakt why` the rest.
      const told =
        client === 'java' ? { message: expect.stringContaining('country must be DE or FR') as string } : { code: 87 }
      expect(first!.result).toMatchObject({ error: told })
      expect(second!.result).not.toHaveProperty('error')
      expect((await stored(here, 1)).map(({ value }) => numberOf(value))).toEqual([2])
      const [violation] = await kontrakt.violations(`?topic=${here.topic}`)
      expect(violation).toMatchObject({ rule: 'country-known', clientId: `app-${client}`, verdict: 'reject' })
    })

    it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
      'judges what is compressed with %s',
      async (codec) => {
        const here = await stage(1)
        const options = { idempotence: false, codec, lingerMs: 50 }
        const refused = await produce(here, options, [1, 2, 3, 4], (n) => n === 3, 1)
        expect('error' in refused[2]!.result).toBe(true)
        const taken = await produce(here, options, [5, 6, 7, 8], () => false, 1)
        expect(taken.every(({ result }) => !('error' in result))).toBe(true)
        expectPromisesKept([...refused, ...taken], await stored(here, 1))
      },
      60_000
    )

    it.each([1, 0] as const)('lets nothing bad through with acks=%i', { timeout: 60_000 }, async (acks) => {
      const here = await stage(1)
      // Where nobody is told, records sent before the partition has its leader are lost on Kafka itself.
      await produce(here, { idempotence: false, lingerMs: 0 }, [0], () => false, 1)
      const producer = await here.driver.producer([kontrakt.bootstrap], {
        idempotence: false,
        codec: 'none',
        acks,
        batchRecords: 1,
        batchBytes: 1,
        lingerMs: 0
      })
      for (const n of [1, 2, 3]) {
        await producer.send([{ topic: here.topic, partition: 0, key: null, value: n === 2 ? bad(n) : good(n) }])
      }
      let present: number[] = []
      for (let attempt = 0; attempt < 20 && !present.includes(3); attempt += 1) {
        present = (await stored(here, 1)).map(({ value }) => numberOf(value))
      }
      await producer.close()
      expect(present).toEqual([0, 1, 3])
    })

    describe('idempotent', () => {
      const inflights = client === 'kafkajs' ? [1] : [1, 3, 5]
      it.each(inflights)('keeps every promise with %i in flight', { timeout: 120_000 }, async (inflight) => {
        const here = await stage(2)
        const options = { inflight, lingerMs: 0, batchRecords: 3, batchBytes: 120 }
        const numbers = Array.from({ length: 1_500 }, (_, n) => n)
        const sent = await produce(here, options, numbers, (n) => n % 97 === 5, 2)
        const inTopic = await stored(here, 2)
        expectPromisesKept(sent, inTopic)
        if (client !== 'kafkajs') expect(inTopic.length).toBeGreaterThan(500)
      })

      it(
        'keeps every promise when the very first batch of a fresh topic is refused',
        { timeout: 120_000 },
        async () => {
          const here = await stage(1)
          // kafkajs promises order with one request in flight only.
          const options = { inflight: client === 'kafkajs' ? 1 : 5, lingerMs: 0, batchRecords: 1, batchBytes: 1 }
          const numbers = Array.from({ length: 40 }, (_, n) => n)
          const sent = await produce(here, options, numbers, (n) => n === 0, 1)
          expectPromisesKept(sent, await stored(here, 1))
          if (client === 'librdkafka') {
            // A delivery report without an offset is an "implicit ack": a lost record taken for delivered.
            expect(sent.flatMap(({ result }) => ('offset' in result && result.offset < 0 ? [result] : []))).toEqual([])
          }
        }
      )
    })

    it('makes a transaction abortable, and a later one commits', { timeout: 60_000 }, async () => {
      const here = await stage(1)
      const open = () =>
        here.driver.producer([kontrakt.bootstrap], {
          acks: 'all',
          idempotence: true,
          codec: 'none',
          transactionalId: `tx-${here.topic}`
        })
      const record = (value: Buffer): OutRecord => ({ topic: here.topic, partition: 0, key: null, value })
      let producer = await open()
      await producer.begin()
      await producer.send([record(good(1))])
      const [refused] = await producer.send([record(bad(2))])
      expect(refused).toHaveProperty('error')
      await producer.abort()
      if (client === 'librdkafka') {
        // On Kafka itself its next transaction goes on after the refused sequence and fails; a new producer is needed.
        await producer.close()
        producer = await open()
      }
      await producer.begin()
      const [taken] = await producer.send([record(good(3))])
      expect(taken).not.toHaveProperty('error')
      await producer.commit()
      await producer.close()
      const consumer = await here.driver.consumer(cluster().bootstrap, {
        groupId: `reader-${randomBytes(5).toString('hex')}`,
        partitions: [{ topic: here.topic, partition: 0 }],
        committedOnly: true
      })
      expect((await consumer.read(1)).map(({ value }) => numberOf(value))).toEqual([3])
      await consumer.close()
    })
  })
})
