/**
 * The embedded broker before real clients: each can use it, and sees of it what it sees of Apache Kafka.
 *
 * The scenarios are those that prove the proxy transparent. What is left out is what the broker does not have:
 * transactions, and groups that are not classic.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { buildBatch } from '../../protocol/records/batch.ts'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../src/broker/embedded-broker.ts'
import { KafkaClient } from '../../src/kafka/client.ts'
import type { KafkaError } from '../../src/kafka/errors.ts'
import type { ClientDriver, ClientName, OutRecord } from '../support/clients/driver.ts'
import { describeClients, describeKafka } from '../support/kafka.ts'
import { administration } from '../support/scenarios/admin.ts'
import { compactedWithoutKey, invalidTimestamp, tooLarge, unknownTopic } from '../support/scenarios/errors.ts'
import { resumeClassic, twoMembers } from '../support/scenarios/groups.ts'
import { epochMs, produceEveryWay, produceLarge, produceMany } from '../support/scenarios/produce.ts'
import { runScenario, type Json, type Scenario, type Transcript } from '../support/scenarios/scenario.ts'

const scenarios: Scenario[] = [
  produceEveryWay,
  produceMany,
  produceLarge,
  resumeClassic,
  twoMembers,
  administration,
  unknownTopic,
  tooLarge,
  invalidTimestamp,
  compactedWithoutKey
]

const topic = 'orders'
let broker: EmbeddedBroker

beforeEach(async () => {
  broker = await startEmbeddedBroker({ topics: [{ name: topic }] })
})
afterEach(() => broker.close())

/** Without Kafka nothing is prepared for the clients that are not part of this project; the runner says so in words. */
const runnable = inject('kafka').provider.kind === 'none' ? (['kafkajs'] as const) : undefined

function recordsOf(count: number, from = 0): OutRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    topic,
    partition: 0,
    key: Buffer.from(`k${from + i}`),
    value: Buffer.from(`v${from + i}`)
  }))
}

function storedValues(): string[] {
  return broker.topics.records(topic).map((r) => String(r.value))
}

function expectedValues(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `v${i}`)
}

async function idempotentProducer(driver: ClientDriver) {
  return driver.producer([broker.address], {
    acks: 'all',
    idempotence: true,
    codec: 'none',
    batchRecords: 10,
    lingerMs: 0
  })
}

describe('a client of the embedded broker', () => {
  describeClients((driver, name) => {
    it.each(scenarios)('can do: $name', async (scenario) => {
      if (scenario.applies?.(driver(), '4.3.1') === false) return
      expect(await runScenario(scenario, driver(), [broker.address])).not.toEqual([])
    })

    it('writes every record once and in order when answers are lost after the append', async () => {
      const producer = await idempotentProducer(driver())
      expect((await producer.send(recordsOf(1)))[0]).toEqual({ partition: 0, offset: 0 })
      let left = 3
      broker.intercept('produce', async (call) => {
        const answer = await call.proceed()
        return left-- > 0 ? 'drop-connection' : answer
      })
      const results = await producer.send(recordsOf(99, 1))
      await producer.close()
      expect(results.filter((r) => 'error' in r)).toEqual([])
      expect(storedValues()).toEqual(expectedValues(100))
      expect(left).toBeLessThan(0)
    })

    it('gets over NOT_ENOUGH_REPLICAS without losing or repeating anything', async () => {
      const producer = await idempotentProducer(driver())
      await producer.send(recordsOf(1))
      let refusals = 2
      broker.intercept('produce', (call) => {
        if (refusals-- <= 0) return call.proceed()
        return {
          responses: call.request.topicData.map((t) => ({
            name: t.name,
            partitionResponses: t.partitionData.map((p) => ({ index: p.index, errorCode: 19, baseOffset: -1n }))
          }))
        }
      })
      const results = await producer.send(recordsOf(50, 1))
      await producer.close()
      expect(results.filter((r) => 'error' in r)).toEqual([])
      expect(storedValues()).toEqual(expectedValues(51))
    })

    it('that wants transactions is told that there are none', async () => {
      const producer = driver()
        .producer([broker.address], {
          acks: 'all',
          idempotence: true,
          transactionalId: 'tx',
          codec: 'none',
          deliveryTimeoutMs: 3_000
        })
        .then((p) => p.begin())
      const told: Partial<Record<ClientName, string>> = {
        java: 'TransactionalIdAuthorization',
        librdkafka: 'TRANSACTIONAL_ID',
        kafkajs: 'Failed to find group coordinator'
      }
      await expect(producer).rejects.toThrow(told[name]!)
    })
  }, runnable)
})

/**
 * What may differ: the words of an error, which are the broker's own, and the names of topic settings it has besides.
 * Codes, offsets and bytes may not.
 */
function comparable(outcome: Json): Json {
  if (Array.isArray(outcome)) return outcome.map(comparable)
  if (typeof outcome !== 'object' || outcome === null) return outcome
  const isError = 'code' in outcome && 'name' in outcome
  const kept = Object.entries(outcome).filter(([key]) => key !== 'others' && !(isError && key === 'message'))
  return Object.fromEntries(kept.map(([key, value]) => [key, comparable(value)]))
}

interface Sent {
  readonly producer: number
  readonly epoch: number
  readonly sequence: number
  readonly count: number
}

/** Offset, or the name of the error, of each batch in turn; sequences are taken modulo 2^31. */
async function sendAll(
  client: KafkaClient,
  name: string,
  partition: number,
  batches: readonly Sent[]
): Promise<string[]> {
  const ids = [await client.initProducerId(), await client.initProducerId()]
  const outcomes: string[] = []
  for (const { producer, epoch, sequence, count } of batches) {
    const batch = buildBatch({
      records: Array.from({ length: count }, () => ({ key: null, value: Buffer.from('v'), timestamp: epochMs })),
      producerId: ids[producer]!.producerId,
      producerEpoch: epoch,
      baseSequence: sequence < 0 ? sequence + 2 ** 31 : sequence
    })
    const sent = client.produce({ topic: name, partition, batch })
    outcomes.push(
      await sent.then(
        (p) => String(p?.baseOffset),
        (e: unknown) => (e as KafkaError).errorName
      )
    )
  }
  return outcomes
}

describeKafka('the embedded broker answers as Kafka does', { version: '4.3.1', nodes: 1 }, (cluster) => {
  describeClients((driver) => {
    it.each(scenarios)('$name', async (scenario) => {
      if (scenario.applies?.(driver(), '4.3.1') === false) return
      // As the test clusters are set up.
      const strict = await startEmbeddedBroker({ autoCreateTopics: false })
      try {
        const real = await runScenario(scenario, driver(), cluster().bootstrap)
        const embedded = await runScenario(scenario, driver(), [strict.address])
        const lines = (transcript: Transcript) =>
          transcript.map((line) => ({ ...line, outcome: comparable(line.outcome) }))
        expect(lines(embedded)).toEqual(lines(real))
      } finally {
        await strict.close()
      }
    })
  })

  it('to any sequence of batches of idempotent producers', async () => {
    const runs = 60
    // Few sequences, around the wrap, so that repeats, gaps and the right next one all come often.
    const sent = fc.record({
      producer: fc.nat(1),
      epoch: fc.nat(2),
      sequence: fc.integer({ min: -4, max: 8 }),
      count: fc.integer({ min: 1, max: 3 })
    })
    const scripts = fc.sample(fc.array(sent, { minLength: 8, maxLength: 30 }), { numRuns: runs, seed: 20261121 })
    const name = `idempotent-${Date.now()}`
    const clients = [cluster().bootstrap, [broker.address]].map(
      (bootstrapServers) => new KafkaClient({ bootstrapServers, clientId: 'differential' })
    )
    try {
      for (const client of clients) await client.createTopics([{ name, partitions: runs }])
      const partitions = scripts.map((_, partition) => ({ topic: name, partition, time: 'latest' as const }))
      const areLed = async () => (await clients[0]!.listOffsets(partitions)).every((p) => p.error === null)
      await expect.poll(areLed, { timeout: 20_000 }).toBe(true)
      for (const [partition, script] of scripts.entries()) {
        const [real, embedded] = await Promise.all(clients.map((client) => sendAll(client, name, partition, script)))
        expect({ script, outcomes: embedded }).toEqual({ script, outcomes: real })
      }
    } finally {
      for (const client of clients) client.close()
    }
  })
})
