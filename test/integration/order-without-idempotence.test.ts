/**
 * Producers without a producer id, with several requests in flight, of which one is told to come again: what came behind
 * it on the connection must not be stored before it. There is no sequence number that would keep it in its place.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import avro from 'avsc'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readRecords } from '../../protocol/records/batch.ts'
import { KafkaClient } from '../../src/kafka/client.ts'
import type { ClientName, OutRecord, ProducerOptions } from '../support/clients/driver.ts'
import type { TestCluster } from '../support/cluster/types.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { describeClients, describeKafka } from '../support/kafka.ts'
import { startKontrakt, type Kontrakt } from '../support/kontrakt.ts'

const schema = { type: 'record' as const, name: 'Numbered', fields: [{ name: 'n', type: 'long' as const }] }
const type = avro.Type.forSchema(schema)

const policy = `apiVersion: kontrakt/v1
topics: "ordered-*"
mode: reject
value:
  format: avro
  framing: confluent
  schema: { registry: { subject: { name: numbered } } }
rules:
  - { id: positive, expr: value.n >= 0 }
`

/** Those with several requests in flight that keep their order when a connection is lost. Java does not: see docs/clients.md. */
const clients: readonly ClientName[] = ['librdkafka', 'franz-go', 'sarama']
const plain: ProducerOptions = {
  acks: 'all',
  idempotence: false,
  codec: 'none',
  inflight: 5,
  batchRecords: 3,
  batchBytes: 512,
  lingerMs: 1,
  requestTimeoutMs: 5_000,
  deliveryTimeoutMs: 60_000
}
const count = 60
/** The first of three that cannot be decided for a while. */
const undecided = 24

describeKafka('order without idempotence', { version: '4.3.1', nodes: 1 }, (cluster) => {
  let registry: FakeRegistry
  let kontrakt: Kontrakt
  let known: number

  beforeAll(async () => {
    registry = await FakeRegistry.start()
    known = registry.register('numbered', JSON.stringify(schema))
    kontrakt = await startKontrakt({
      upstream: cluster().bootstrap,
      registry: registry.url,
      policies: { 'ordered.yaml': policy },
      env: { KONTRAKT_TIMINGS_DECIDE_WAIT: '1s' }
    })
  })
  afterAll(async () => {
    await kontrakt.stop()
    await registry.stop()
  })

  describeClients((driver, client) => {
    it('is kept when a batch is told to come again', { timeout: 60_000 }, async () => {
      const topic = await makeTopic(cluster())
      const late = registry.register('numbered', JSON.stringify({ ...schema, doc: client }))
      const recordOf = (n: number): OutRecord => {
        const id = n >= undecided && n < undecided + 3 ? late : known
        return { topic, partition: 0, key: null, value: framed(id, n) }
      }
      const producer = await driver().producer([kontrakt.bootstrap], { ...plain, clientId: `ordered-${client}` })
      await producer.send([recordOf(0)])
      registry.behaviourAt = ({ url }) => (url.includes(`/ids/${late}`) ? { kind: 'status', status: 503 } : null)
      const sending = producer.send(Array.from({ length: count - 1 }, (_, index) => recordOf(index + 1)))
      await refusedUndecided(kontrakt, topic)
      registry.behaviourAt = () => null
      const results = await sending
      await producer.close()
      expect(results.filter((result) => 'error' in result)).toEqual([])
      const stored = await numbersIn(cluster(), topic)
      // A batch whose answer was lost with the connection may be there twice; what counts is when each came first.
      expect([...new Set(stored)]).toEqual(Array.from({ length: count }, (_, n) => n))
    })
  }, clients)

  it('closes the connection for that, and says why', async () => {
    expect(await kontrakt.metrics()).toMatch(
      /kontrakt_client_connections_closed_total\{[^}]*"refused-for-now"[^}]*\} [1-9]/
    )
  })
})

function framed(schemaId: number, n: number): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeInt32BE(schemaId, 1)
  return Buffer.concat([prefix, type.toBuffer({ n })])
}

async function makeTopic(cluster: TestCluster): Promise<string> {
  const topic = `ordered-${randomBytes(5).toString('hex')}`
  const client = new KafkaClient({ bootstrapServers: cluster.bootstrap, clientId: 'setup' })
  await client.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
  client.close()
  return topic
}

async function refusedUndecided(kontrakt: Kontrakt, topic: string): Promise<void> {
  const told = new RegExp(`kontrakt_partitions_refused_total\\{[^}]*"${topic}"[^}]*"undecidable"`)
  const deadlineMs = Date.now() + 20_000
  while (Date.now() < deadlineMs) {
    if (told.test(await kontrakt.metrics())) return
    await sleep(50)
  }
  throw new Error('nothing was told to come again')
}

async function numbersIn(cluster: TestCluster, topic: string): Promise<number[]> {
  const client = new KafkaClient({ bootstrapServers: cluster.bootstrap, clientId: 'reader' })
  const numbers: number[] = []
  let offset = 0n
  for (;;) {
    const [fetched] = await client.fetch({ partitions: [{ topic, partition: 0, offset }], maxBytes: 10_000_000 })
    const records = readRecords(fetched!.records)
    if (records.length === 0) break
    for (const { value } of records) numbers.push((type.fromBuffer(value!.subarray(5)) as { n: number }).n)
    offset += BigInt(records.length)
  }
  client.close()
  return numbers
}
