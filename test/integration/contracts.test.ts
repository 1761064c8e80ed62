/**
 * Contracts as an operator lives with them, on a real Kafka: policies that change under load, files that break, topics
 * that are marked rather than refused, a registry that goes away, clients that may not write.
 */
import { randomBytes } from 'node:crypto'
import avro from 'avsc'
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, logLevel, ResourcePatternTypes } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildBatch, readRecords, type ReadRecord } from '../../protocol/records/batch.ts'
import { KafkaClient } from '../../src/kafka/client.ts'
import { KafkaError } from '../../src/kafka/errors.ts'
import type { TestCluster } from '../support/cluster/types.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { describeKafka } from '../support/kafka.ts'
import { startKontrakt, type Kontrakt } from '../support/kontrakt.ts'

const amounts = (topic: string, mode: string, extra = ''): string => `apiVersion: kontrakt/v1
topics: "${topic}"
mode: ${mode}
value: { format: json, framing: none }
rules:
  - { id: positive, expr: value.amount > 0.0, message: amount must be above zero }
${extra}`

const good = JSON.stringify({ amount: 1.5 })
const bad = JSON.stringify({ amount: -1.5 })

async function makeTopic(cluster: TestCluster, prefix = 'contract'): Promise<string> {
  const topic = `${prefix}-${randomBytes(5).toString('hex')}`
  const client = new KafkaClient({ bootstrapServers: cluster.bootstrap, clientId: 'setup' })
  await client.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
  client.close()
  return topic
}

type Answer =
  | { readonly offset: bigint }
  | { readonly code: number; readonly detail: string | null; readonly records: readonly string[] }

/** Our own client on the wire: sees exactly what a broker, or the proxy, answers. */
async function send(bootstrap: string, topic: string, values: readonly (string | Buffer)[]): Promise<Answer> {
  const client = new KafkaClient({ bootstrapServers: [bootstrap], clientId: 'contract-test' })
  try {
    const records = values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: Date.now() }))
    const produced = await client.produce({ topic, partition: 0, batch: buildBatch({ records }) })
    return { offset: produced!.baseOffset }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return { code: error.code, detail: error.detail, records: error.recordErrors.map(({ message }) => message ?? '') }
  } finally {
    client.close()
  }
}

async function stored(cluster: TestCluster, topic: string): Promise<ReadRecord[]> {
  const client = new KafkaClient({ bootstrapServers: cluster.bootstrap, clientId: 'reader' })
  const [fetched] = await client.fetch({ partitions: [{ topic, partition: 0, offset: 0n }] })
  client.close()
  return readRecords(fetched!.records)
}

/** Asks until the answer is as expected: a change on disk takes a moment to be noticed. */
async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await ask()
    if (holds(answer) || attempt > 150) return answer
    await new Promise((wake) => setTimeout(wake, 100))
  }
}

describeKafka('contracts', { version: '4.3.1', nodes: 1 }, (cluster) => {
  let kontrakt: Kontrakt
  beforeAll(async () => {
    kontrakt = await startKontrakt({
      upstream: cluster().bootstrap,
      policies: { 'marked.yaml': amounts('marked-*', 'mark'), 'watched.yaml': amounts('watched-*', 'observe') }
    })
  })
  afterAll(() => kontrakt.stop())

  it('marks the records that break a check with a header, and leaves the others as they are', async () => {
    const topic = await makeTopic(cluster(), 'marked')
    expect(await send(kontrakt.bootstrap, topic, [good, bad, good])).toEqual({ offset: 0n })
    const records = await stored(cluster(), topic)
    expect(records.map((record) => record.value!.toString())).toEqual([good, bad, good])
    expect(records.map((record) => record.headers.map(({ name }) => name))).toEqual([[], ['kontrakt.violations'], []])
    const header = JSON.parse(records[1]!.headers[0]!.value!.toString()) as { violations: unknown[] }
    expect(header.violations).toMatchObject([{ rule: 'positive', message: 'amount must be above zero' }])
  })

  it('lets pass what it only watches, and counts it as a failure', async () => {
    const topic = await makeTopic(cluster(), 'watched')
    expect(await send(kontrakt.bootstrap, topic, [bad])).toEqual({ offset: 0n })
    expect((await stored(cluster(), topic))[0]!.headers).toEqual([])
    const [violation] = await kontrakt.violations(`?topic=${topic}`)
    expect(violation).toMatchObject({ rule: 'positive', verdict: 'observe', clientId: 'contract-test' })
    expect(await kontrakt.metrics()).toContain(
      `kontrakt_violations_total{topic="${topic}",rule="positive",mode="observe"} 1`
    )
  })

  it('tells each bad record its rule, path and reason in the protocol itself', async () => {
    const topic = await makeTopic(cluster(), 'told')
    await kontrakt.writePolicy('told.yaml', amounts('told-*', 'reject'))
    const answer = await eventually(
      () => send(kontrakt.bootstrap, topic, [good, bad]),
      (got) => 'code' in got
    )
    expect(answer).toMatchObject({ code: 87, records: ['positive at value.amount: amount must be above zero'] })
    await kontrakt.removePolicy('told.yaml')
  })

  describe('when the files change', () => {
    it('enforces a new policy, keeps its last good version when it breaks, and lets go when it is removed', async () => {
      const topic = await makeTopic(cluster(), 'changing')
      expect(await send(kontrakt.bootstrap, topic, [bad])).toHaveProperty('offset')
      await kontrakt.writePolicy('changing.yaml', amounts('changing-*', 'reject'))
      const refuses = (answer: Answer): boolean => 'code' in answer
      expect(await eventually(() => send(kontrakt.bootstrap, topic, [bad]), refuses)).toMatchObject({ code: 87 })

      await kontrakt.writePolicy('changing.yaml', 'apiVersion: kontrakt/v1\ntopics: changing-*\nmood: reject\n')
      interface Ready {
        details: { code: string; message: string }[]
      }
      const ready = await eventually(
        async () => (await kontrakt.get('/ready')) as Ready,
        (got) => got.details.length > 0
      )
      expect(ready.details).toMatchObject([{ code: 'policy-failing' }])
      expect(ready.details[0]!.message).toContain('mood')
      expect(await send(kontrakt.bootstrap, topic, [bad])).toMatchObject({ code: 87 })
      expect((await fetch(`${kontrakt.admin}/ready`)).status).toBe(200)

      await kontrakt.removePolicy('changing.yaml')
      expect(
        await eventually(
          () => send(kontrakt.bootstrap, topic, [bad]),
          (got) => !refuses(got)
        )
      ).toHaveProperty('offset')
    })
  })

  it('does not start with a policy that does not load, and says where and why', async () => {
    const policies = { 'wrong.yaml': 'apiVersion: kontrakt/v1\ntopics: t\nmode: rejekt\n' }
    await expect(startKontrakt({ upstream: cluster().bootstrap, policies })).rejects.toThrow(
      /wrong\.yaml:3:7.*did you mean reject/s
    )
  })

  it('refuses topics without a policy where the settings say so', async () => {
    const topic = await makeTopic(cluster(), 'unknown')
    const strict = await startKontrakt({ upstream: cluster().bootstrap, env: { KONTRAKT_DEFAULT_POLICY: 'refuse' } })
    try {
      expect(await send(strict.bootstrap, topic, [good])).toMatchObject({ code: 87 })
    } finally {
      await strict.stop()
    }
  })
})

describeKafka('schemas of a registry', { version: '4.3.1', nodes: 1 }, (cluster) => {
  const schema = { type: 'record' as const, name: 'Amount', fields: [{ name: 'amount', type: 'double' as const }] }
  const type = avro.Type.forSchema(schema)
  let registry: FakeRegistry
  let kontrakt: Kontrakt
  let id: number

  const framed = (schemaId: number, amount: number): Buffer => {
    const prefix = Buffer.alloc(5)
    prefix.writeInt32BE(schemaId, 1)
    return Buffer.concat([prefix, type.toBuffer({ amount })])
  }
  const policy = (topic: string, mode: string): string => `apiVersion: kontrakt/v1
topics: "${topic}"
mode: ${mode}
value:
  format: avro
  framing: confluent
  schema: { registry: { subject: { name: amounts } } }
rules:
  - { id: positive, expr: value.amount > 0.0 }
`

  beforeAll(async () => {
    registry = await FakeRegistry.start()
    id = registry.register('amounts', JSON.stringify(schema))
    kontrakt = await startKontrakt({
      upstream: cluster().bootstrap,
      registry: registry.url,
      policies: { 'avro.yaml': policy('avro-*', 'reject'), 'loose.yaml': policy('loose-*', 'observe') },
      env: { KONTRAKT_TIMINGS_DECIDE_WAIT: '1s', KONTRAKT_TIMINGS_UNDECIDABLE_AFTER: '4s' }
    })
  })
  afterAll(async () => {
    await kontrakt.stop()
    await registry.stop()
  })

  it('judges by the schema that the record names', async () => {
    const topic = await makeTopic(cluster(), 'avro')
    expect(await send(kontrakt.bootstrap, topic, [framed(id, 1)])).toEqual({ offset: 0n })
    expect(await send(kontrakt.bootstrap, topic, [framed(id, -1)])).toMatchObject({ code: 87 })
    expect(await send(kontrakt.bootstrap, topic, [framed(id, 1).subarray(0, 9)])).toMatchObject({ code: 87 })
    expect(await send(kontrakt.bootstrap, topic, ['x'])).toMatchObject({ code: 87 })
  })

  it('refuses an id that the registry does not have, after asking twice', { timeout: 30_000 }, async () => {
    const topic = await makeTopic(cluster(), 'avro')
    const answer = await eventually(
      () => send(kontrakt.bootstrap, topic, [framed(4_711, 1)]),
      (got) => 'code' in got && got.code === 87
    )
    expect(answer).toMatchObject({ code: 87, records: [expect.stringContaining('schema-id')] })
    expect(registry.asked(/4711/)).toBeGreaterThanOrEqual(2)
  })

  it(
    'goes on with what it knows while the registry is down, and holds back what it does not',
    { timeout: 60_000 },
    async () => {
      const topic = await makeTopic(cluster(), 'avro')
      const loose = await makeTopic(cluster(), 'loose')
      const second = registry.register('amounts', JSON.stringify({ ...schema, doc: 'second' }))
      expect(await send(kontrakt.bootstrap, topic, [framed(id, 1)])).toEqual({ offset: 0n })
      await registry.down()
      expect(await send(kontrakt.bootstrap, topic, [framed(id, 1)])).toEqual({ offset: 1n })
      expect(await send(kontrakt.bootstrap, topic, [framed(id, -1)])).toMatchObject({ code: 87 })
      // Unknown while nobody can be asked: try again (19), and once the outage is old what onUndecidable says.
      expect(await send(kontrakt.bootstrap, topic, [framed(second, 1)])).toMatchObject({ code: 19 })
      expect(await send(kontrakt.bootstrap, loose, [framed(second, 1)])).toEqual({ offset: 0n })
      const late = await eventually(
        () => send(kontrakt.bootstrap, topic, [framed(second, 1)]),
        (got) => 'code' in got && got.code !== 19
      )
      expect(late).toMatchObject({ code: 87 })
      await registry.up()
      const back = await eventually(
        () => send(kontrakt.bootstrap, topic, [framed(second, 1)]),
        (got) => 'offset' in got
      )
      expect(back).toHaveProperty('offset')
    }
  )
})

const authorizing = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found': 'true'
}

describeKafka('clients without rights', { version: '4.3.1', nodes: 1, config: authorizing }, (cluster) => {
  it("get the broker's own refusal, and learn nothing of the contract", { timeout: 60_000 }, async () => {
    const topic = await makeTopic(cluster(), 'forbidden')
    const kafka = new Kafka({ brokers: cluster().bootstrap, logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    await admin.createAcls({
      acl: [
        {
          resourceType: AclResourceTypes.TOPIC,
          resourceName: topic,
          resourcePatternType: ResourcePatternTypes.LITERAL,
          principal: 'User:ANONYMOUS',
          host: '*',
          operation: AclOperationTypes.WRITE,
          permissionType: AclPermissionTypes.DENY
        },
        {
          resourceType: AclResourceTypes.TOPIC,
          resourceName: topic,
          resourcePatternType: ResourcePatternTypes.LITERAL,
          principal: 'User:ANONYMOUS',
          host: '*',
          operation: AclOperationTypes.DESCRIBE,
          permissionType: AclPermissionTypes.ALLOW
        }
      ]
    })
    await admin.disconnect()
    const kontrakt = await startKontrakt({
      upstream: cluster().bootstrap,
      policies: { 'forbidden.yaml': amounts('forbidden-*', 'reject') }
    })
    try {
      const direct = await eventually(
        () => send(cluster().bootstrap[0]!, topic, [good]),
        (got) => 'code' in got
      )
      expect(direct).toMatchObject({ code: 29 })
      const answer = await send(kontrakt.bootstrap, topic, [bad])
      expect(answer).toMatchObject({ code: 29, records: [] })
      expect(JSON.stringify(answer)).not.toMatch(/positive|amount|forbidden@/)
      expect(await kontrakt.violations()).toEqual([])
    } finally {
      await kontrakt.stop()
    }
  })
})
