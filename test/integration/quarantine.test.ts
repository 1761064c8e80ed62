/**
 * Quarantine on a real Kafka, by every client: bad records stand in quarantine as they were sent and with the reason,
 * the good ones of their batches in the topic, in order, once each, and the producer notices nothing.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { openDriver, producerNames } from '../support/clients/index.ts'
import {
  codecs,
  type ClientDriver,
  type ClientName,
  type InRecord,
  type ProducerOptions,
  type RecordResult,
  type TestProducer
} from '../support/clients/driver.ts'
import { startCluster } from '../support/cluster/start.ts'
import type { TestCluster } from '../support/cluster/types.ts'
import {
  isBad,
  numbered,
  numberedPolicy,
  numberOf,
  partitions,
  type NumberedRecord
} from '../support/faults/numbered.ts'
import { entryOf, quarantinedNumber, readAll, readCommitted, storedNumber } from '../support/faults/read-back.ts'
import { kindsOf, tally, type Tally, type Told } from '../support/faults/tally.ts'
import { describeClients, describeKafka } from '../support/kafka.ts'
import { startKontrakt, type Kontrakt } from '../support/kontrakt.ts'

const policies = {
  'guarded.yaml': numberedPolicy('guarded-*'),
  'transactional.yaml': `${numberedPolicy('transactional-*')}quarantine: { transactions: quarantine }\n`,
  'homeless.yaml': `${numberedPolicy('homeless-*')}quarantine: { create: false }\n`
}

/** A producer as its makers deliver it, but for the two whose default is no idempotence. */
const defaults: Pick<ProducerOptions, 'acks' | 'idempotence' | 'deliveryTimeoutMs'> = {
  acks: 'all',
  idempotence: true,
  deliveryTimeoutMs: 60_000
}
/** Several batches in flight in each partition. */
const smallBatches = { batchRecords: 7, batchBytes: 900, lingerMs: 2 }
/** All that one `send` is given goes out as one batch. */
const oneBatch = { lingerMs: 100 }

/** Clients that are idempotent by default, or usually made so. */
const renumbered: readonly ClientName[] = ['java', 'librdkafka', 'franz-go']
const { missingClients } = inject('kafka')

const numbersTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index)

/** Numbers that are good and bad, in the order that a test asks for: `gbg`. */
function pick(pattern: string, from = 0): number[] {
  let next = from
  return Array.from(pattern, (wanted) => {
    while (isBad(next) !== (wanted === 'b')) next += 1
    return next++
  })
}

describeKafka('quarantine', { version: '4.3.1', nodes: 1 }, (cluster) => {
  // What came of it is read by another client than the one under test.
  describeClients(
    (reader) => {
      let kontrakt: Kontrakt
      beforeAll(async () => {
        kontrakt = await startKontrakt({ upstream: cluster().bootstrap, policies })
      })
      afterAll(() => kontrakt.stop())

      const stage = async (prefix: string, count = partitions, at = kontrakt): Promise<Stage> => {
        const topic = `${prefix}-${randomBytes(5).toString('hex')}`
        await createTopic(reader(), cluster(), topic, count)
        return new Stage(topic, count, reader(), cluster(), at)
      }

      describeClients((driver, client) => {
        it.each(codecs)('sets bad records aside and keeps the others in order, with codec %s', async (codec) => {
          const here = await stage('guarded')
          const producer = await here.open(driver(), { ...smallBatches, codec, clientId: `app-${client}` })
          await here.send(producer, numbersTo(800))
          await producer.close()
          const counted = await here.count()
          expect(kindsOf(counted)).toEqual([])
          expect(counted).toMatchObject({ sent: 800, failed: 0, quarantineRepeats: 0, quarantineTwins: 0 })
          expect(counted.bad).toBeGreaterThan(60)
        })

        it('says in quarantine whose record it was, where it came from and what is wrong', async () => {
          const here = await stage('guarded', 1)
          const producer = await here.open(driver(), { ...oneBatch, clientId: `app-${client}` })
          await here.send(producer, pick('gbgb'))
          await producer.close()
          const entries = (await readAll(reader(), cluster(), here.quarantine)).map(entryOf)
          expect(entries).toMatchObject(
            [1, 3].map((place) => ({
              topic: here.topic,
              partition: 0,
              batchIndex: place,
              sequence: place,
              producerEpoch: 0,
              clientId: `app-${client}`,
              principal: null,
              timestampMs: expect.any(Number) as number,
              producerId: expect.any(BigInt) as bigint,
              policy: expect.stringMatching(/^guarded@[0-9a-f]{12}$/) as string,
              violations: [{ rule: 'country-known', message: 'country must be DE or FR' }],
              valueDropped: false
            }))
          )
          const [violation] = await kontrakt.violations(`?topic=${here.topic}`)
          expect(violation).toMatchObject({ rule: 'country-known', clientId: `app-${client}`, verdict: 'quarantine' })
        })

        it('tells the real base offset, and none where nothing of a batch was kept', async () => {
          const here = await stage('guarded', 1)
          const producer = await here.open(driver(), oneBatch)
          const told: number[][] = []
          for (const pattern of ['ggg', 'bgg', 'ggb', 'bbb', 'gbg']) {
            const results = await here.send(producer, pick(pattern, here.next))
            told.push(results.map((result) => ('offset' in result ? result.offset : Number.NaN)))
          }
          await producer.close()
          const counted = await here.count()
          expect(kindsOf(counted)).toEqual([])
          // 9 records were kept: 0 1 2, 3 4, 5 6, none, 7 8. What follows the base is counted by the client.
          expect(told).toEqual([[0, 1, 2], [3, 4, 5], [5, 6, 7], withoutOffset[client], [7, 8, 9]])
        })

        it.each([1, 0] as const)('loses and lets through nothing with acks=%i', async (acks) => {
          const here = await stage('guarded')
          const plain = { idempotence: false, acks, ...smallBatches, inflight: 1 }
          // Where nobody is told, records sent before the partition has its leader are lost on Kafka itself.
          const before = await here.open(driver(), { ...plain, acks: 1 })
          // One at a time: kafkajs repeats all of a request when one of its partitions has no leader yet.
          for (const n of pick('ggg')) await here.send(before, [n])
          await before.close()
          const producer = await here.open(driver(), plain)
          await here.send(producer, numbersTo(300, here.next))
          const expected = [...here.told.keys()].filter((n) => !isBad(n)).length
          await expect.poll(async () => (await here.stored()).length, { timeout: 10_000 }).toBe(expected)
          await producer.close()
          const counted = await here.count()
          expect(kindsOf(counted)).toEqual([])
          expect(counted.failed).toBe(0)
        })

        it('refuses a batch of a transaction by default: it aborts as a whole', async () => {
          const here = await stage('guarded', 1)
          const producer = await here.open(driver(), { ...oneBatch, transactionalId: `tx-${here.topic}` })
          await producer.begin()
          const results = await producer.send(here.records(pick('gbg')))
          expect(results.every((result) => 'error' in result)).toBe(true)
          await producer.abort()
          await producer.close()
          expect(await readCommitted(reader(), cluster(), here.topic)).toEqual([])
          expect(await readAll(reader(), cluster(), here.quarantine)).toEqual([])
        })

        it('commits a transaction without its bad records where the policy says so', async () => {
          const here = await stage('transactional', 1)
          const producer = await here.open(driver(), { ...oneBatch, transactionalId: `tx-${here.topic}` })
          for (const pattern of ['gbg', 'bg', 'gb', 'gg']) {
            await producer.begin()
            await here.send(producer, pick(pattern, here.next))
            await producer.commit()
          }
          // Of this one nothing would be left, and brokers may not learn that it is part of the transaction.
          await producer.begin()
          const refused = await producer.send(here.records(pick('bb', here.next)))
          expect(refused.every((result) => 'error' in result)).toBe(true)
          await producer.abort()
          await producer.close()
          const counted = await here.count({ stored: await readCommitted(reader(), cluster(), here.topic) })
          expect(kindsOf(counted)).toEqual([])
          expect(counted).toMatchObject({ sent: 9, bad: 3, failed: 0 })
        })
      }, producerNames)

      it('renumbers producers after a restart and after kill -9 of the proxy', async () => {
        const own = await startKontrakt({ upstream: cluster().bootstrap, policies })
        const open: { close(): Promise<unknown> }[] = []
        try {
          const going: { here: Stage; producer: TestProducer }[] = []
          for (const name of renumbered.filter((client) => missingClients[client] === undefined)) {
            const driver = await openDriver(name)
            open.push(driver)
            const here = await stage('guarded', partitions, own)
            going.push({ here, producer: await here.open(driver, smallBatches) })
          }
          for (const signal of ['SIGTERM', 'SIGKILL', null] as const) {
            await Promise.all(going.map(({ here, producer }) => here.send(producer, numbersTo(400, here.next))))
            if (signal !== null) await own.restart(signal)
          }
          for (const { here, producer } of going) {
            await producer.close()
            const counted = await here.count()
            expect(kindsOf(counted)).toEqual([])
            expect(counted.failed).toBe(0)
          }
        } finally {
          await Promise.all(open.map((driver) => driver.close()))
          await own.kill()
        }
      })

      describe('a producer that goes on', () => {
        describeClients((driver) => {
          it('is renumbered when its policy refuses or only observes, and when it has none any more', async () => {
            const here = await stage('changing')
            await here.policyBecomes('quarantine')
            const producer = await here.open(driver(), smallBatches)
            await here.send(producer, numbersTo(400))
            await here.policyBecomes('reject')
            await here.send(producer, pick('g'.repeat(100), 400))
            await here.policyBecomes('observe')
            await here.send(producer, numbersTo(400, here.next))
            await here.policyBecomes(null)
            await here.send(producer, numbersTo(400, here.next))
            await producer.close()
            const counted = await here.count({ isBad: (n) => n < 400 && isBad(n) })
            expect(kindsOf(counted)).toEqual([])
            expect(counted.failed).toBe(0)
            expect(counted.bad).toBeGreaterThan(30)
          })
        }, renumbered)
      })

      describe('when quarantine cannot take a record', () => {
        it('refuses the batch where the topic is missing and may not be created', async () => {
          const here = await stage('homeless', 1)
          const producer = await here.open(reader(), oneBatch)
          const refused = await producer.send(here.records(pick('gb')))
          expect(refused).toMatchObject([{ error: { name: 'KafkaException' } }, { error: { code: 87 } }])
          expect(await kontrakt.metrics()).toContain('cause="quarantine-unavailable"')
          await here.send(producer, pick('gg', 50))
          await producer.close()
          expect((await here.stored()).map(({ value }) => numberOf(value))).toEqual(pick('gg', 50))
        })

        it('refuses the batch with a record too large for it, and only that one', async () => {
          const here = await stage('guarded', 1)
          const producer = await here.open(reader(), oneBatch)
          await here.send(producer, pick('gb'))
          await limitMessages(cluster(), here.quarantine, 3_000)
          // Of a text that no codec makes smaller.
          const text = randomBytes(9_000).toString('base64')
          const large = numbered(here.topic, 9_000, 1)
          const value = Buffer.from(JSON.stringify({ n: 9_000, country: 'XX', text }))
          expect(await producer.send([{ ...large, value }])).toMatchObject([{ error: { code: 87 } }])
          await here.send(producer, pick('gbgbg', here.next))
          await producer.close()
          const counted = await here.count()
          expect(kindsOf(counted)).toEqual([])
          expect(counted.failed).toBe(0)
        })

        it('holds back a batch of a client that may not write the topic', async () => {
          const own = await startCluster({ version: '4.3.1', nodes: 1, config: withAuthorizer })
          const proxy = await startKontrakt({ upstream: own.bootstrap, policies })
          try {
            const topic = 'guarded-forbidden'
            await createTopic(reader(), own, topic, 1)
            const here = new Stage(topic, 1, reader(), own, proxy)
            await denyWrite(own, topic)
            const producer = await here.open(reader(), oneBatch)
            const results = await producer.send(here.records(pick('gb')))
            expect(results.map((result) => 'error' in result && result.error.name)).toEqual(
              Array(2).fill(expect.stringContaining('TopicAuthorizationException'))
            )
            await producer.close()
            expect(await readAll(reader(), own, here.quarantine)).toEqual([])
            expect(await here.stored()).toEqual([])
          } finally {
            await proxy.kill()
            await own.close()
          }
        })
      })
    },
    ['java']
  )
})

/** What clients make of the base offset -1 for three records: the answer says that nothing of the batch was kept. */
const withoutOffset: Record<ClientName, number[]> = {
  java: [-1, -1, -1],
  librdkafka: [-1, 0, 1],
  'franz-go': [-1, -1, -1],
  kafkajs: [-1, -1, -1],
  sarama: [-1, 0, 1]
}

/** One topic and all that was sent to it. */
class Stage {
  readonly topic: string
  readonly told = new Map<number, Told>()
  readonly #reader: ClientDriver
  readonly #cluster: TestCluster
  readonly #kontrakt: Kontrakt
  readonly #partitions: number

  constructor(topic: string, partitions: number, reader: ClientDriver, cluster: TestCluster, kontrakt: Kontrakt) {
    this.topic = topic
    this.#partitions = partitions
    this.#reader = reader
    this.#cluster = cluster
    this.#kontrakt = kontrakt
  }

  get quarantine(): string {
    return `${this.topic}.quarantine`
  }

  /** The first number that was not sent. */
  get next(): number {
    return Math.max(-1, ...this.told.keys()) + 1
  }

  open(driver: ClientDriver, options: Partial<ProducerOptions>): Promise<TestProducer> {
    return driver.producer([this.#kontrakt.bootstrap], { ...defaults, codec: 'none', ...options })
  }

  records(numbers: readonly number[]): NumberedRecord[] {
    return numbers.map((n) => numbered(this.topic, n, this.#partitions))
  }

  async send(producer: TestProducer, numbers: readonly number[]): Promise<RecordResult[]> {
    const results = await producer.send(this.records(numbers))
    for (const [index, n] of numbers.entries()) this.told.set(n, 'error' in results[index]! ? 'failed' : 'accepted')
    return results
  }

  stored(): Promise<InRecord[]> {
    return readAll(this.#reader, this.#cluster, this.topic)
  }

  /** What lies in the topic and in quarantine, compared with what was sent. */
  async count(given: { readonly isBad?: typeof isBad; readonly stored?: InRecord[] } = {}): Promise<Tally> {
    const bad = given.isBad ?? isBad
    const stored = given.stored ?? (await this.stored())
    const quarantined = await readAll(this.#reader, this.#cluster, this.quarantine)
    return tally({
      told: this.told,
      isBad: bad,
      stored: stored.map(storedNumber(bad, this.#partitions)),
      quarantined: quarantined.map(quarantinedNumber(this.#partitions))
    })
  }

  /** Writes or removes the policy of `changing-*` and waits until it is in force. */
  async policyBecomes(mode: 'quarantine' | 'reject' | 'observe' | null): Promise<void> {
    if (mode === null) await this.#kontrakt.removePolicy('changing.yaml')
    else await this.#kontrakt.writePolicy('changing.yaml', numberedPolicy('changing-*', mode))
    const modeNow = async (): Promise<string | null> => {
      const { items } = (await this.#kontrakt.get('/api/v1/policies')) as { items: { name: string; mode: string }[] }
      return items.find(({ name }) => name === 'changing')?.mode ?? null
    }
    await expect.poll(modeNow, { timeout: 15_000 }).toBe(mode)
    // The worker that judges is told at the same time as the one that answers.
    await sleep(100)
  }
}

async function createTopic(driver: ClientDriver, cluster: TestCluster, topic: string, count: number): Promise<void> {
  const admin = await driver.admin(cluster.bootstrap)
  await admin.createTopics([{ name: topic, replicas: Array.from({ length: count }, () => [1]) }])
  await admin.close()
}

async function withKafkajsAdmin(cluster: TestCluster, work: (admin: kafkajs.Admin) => Promise<unknown>): Promise<void> {
  const client = new kafkajs.Kafka({ brokers: cluster.bootstrap, logLevel: kafkajs.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  await work(admin)
  await admin.disconnect()
}

/** Makes a topic refuse, for good, what is larger. */
function limitMessages(cluster: TestCluster, topic: string, bytes: number): Promise<void> {
  const configEntries = [{ name: 'max.message.bytes', value: String(bytes) }]
  const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }
  return withKafkajsAdmin(cluster, (admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }))
}

/** Everybody may do everything that nothing forbids. */
const withAuthorizer = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found': 'true',
  'super.users': 'User:nobody'
}

async function denyWrite(cluster: TestCluster, topic: string): Promise<void> {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs
  const entry = (
    operation: kafkajs.AclOperationTypes,
    permissionType: kafkajs.AclPermissionTypes
  ): kafkajs.AclEntry => ({
    resourceType: AclResourceTypes.TOPIC,
    resourceName: topic,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: 'User:*',
    host: '*',
    operation,
    permissionType
  })
  const acl = [
    entry(AclOperationTypes.ALL, AclPermissionTypes.ALLOW),
    entry(AclOperationTypes.WRITE, AclPermissionTypes.DENY)
  ]
  await withKafkajsAdmin(cluster, (admin) => admin.createAcls({ acl }))
}
