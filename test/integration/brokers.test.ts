/**
 * A cluster that changes under the proxy: leaders move, brokers stop, die and come back, the proxy itself is restarted.
 * Clients only ever learn the proxy's addresses, and what they were told is true.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ClientDriver, ClientName, InRecord, RecordResult } from '../support/clients/driver.ts'
import type { TestCluster } from '../support/cluster/types.ts'
import { describeClients, describeKafka } from '../support/kafka.ts'
import { startKontrakt, type Kontrakt } from '../support/kontrakt.ts'

const watched = `apiVersion: kontrakt/v1
topics: "moving-*"
mode: reject
value: { format: json, framing: none }
`

async function makeTopic(driver: ClientDriver, cluster: TestCluster): Promise<string> {
  const topic = `moving-${randomBytes(5).toString('hex')}`
  const admin = await driver.admin(cluster.bootstrap)
  const replicas = [
    [1, 2, 3],
    [2, 3, 1],
    [3, 1, 2]
  ]
  await admin.createTopics([{ name: topic, replicas, config: { 'min.insync.replicas': '2' } }])
  await admin.close()
  return topic
}

async function stored(driver: ClientDriver, cluster: TestCluster, topic: string): Promise<InRecord[]> {
  const admin = await driver.admin(cluster.bootstrap)
  const offsets = await admin.listOffsets(topic)
  await admin.close()
  const count = offsets.reduce((sum, { earliest, latest }) => sum + latest - earliest, 0)
  const consumer = await driver.consumer(cluster.bootstrap, {
    groupId: `reader-${randomBytes(5).toString('hex')}`,
    partitions: [0, 1, 2].map((partition) => ({ topic, partition })),
    committedOnly: false
  })
  const records = await consumer.read(count, 30_000)
  await consumer.close()
  return records
}

/** Sends numbered records in rounds while something happens to the cluster or the proxy. */
async function produceThrough(
  driver: ClientDriver,
  bootstrap: string,
  topic: string,
  rounds: number,
  happening: (round: number) => Promise<void>
): Promise<Map<number, RecordResult>> {
  const producer = await driver.producer([bootstrap], {
    acks: 'all',
    idempotence: true,
    codec: 'none',
    deliveryTimeoutMs: 90_000,
    ...(driver.name === 'kafkajs' ? { inflight: 1 } : {})
  })
  const results = new Map<number, RecordResult>()
  for (let round = 0; round < rounds; round += 1) {
    const numbers = Array.from({ length: 30 }, (_, i) => round * 30 + i)
    const sending = producer.send(
      numbers.map((n) => ({ topic, partition: n % 3, key: null, value: Buffer.from(JSON.stringify({ n })) }))
    )
    await happening(round)
    const sent = await sending
    numbers.forEach((n, i) => results.set(n, sent[i]!))
  }
  await producer.close()
  return results
}

function expectKept(
  client: ClientName,
  results: ReadonlyMap<number, RecordResult>,
  records: readonly InRecord[]
): void {
  const present = records.map(({ value }) => (JSON.parse(value!.toString()) as { n: number }).n)
  const told = [...results].filter(([, result]) => !('error' in result)).map(([n]) => n)
  // kafkajs leaves out what has no leader for a moment, and says so; the others try until it is delivered.
  if (client !== 'kafkajs') expect(told.length).toBe(results.size)
  expect(told.filter((n) => !present.includes(n))).toEqual([])
  expect(present.length).toBe(new Set(present).size)
  for (const partition of [0, 1, 2]) {
    const order = present.filter((_, i) => records[i]!.partition === partition)
    expect(order).toEqual([...order].sort((a, b) => a - b))
  }
}

describeKafka('a cluster that changes', { version: '4.3.1', nodes: 3 }, (cluster) => {
  let kontrakt: Kontrakt
  beforeAll(async () => {
    kontrakt = await startKontrakt({ upstream: cluster().bootstrap, policies: { 'moving.yaml': watched } })
  })
  afterAll(() => kontrakt.stop())

  describeClients((driver, client) => {
    it('learns no address but those of the proxy', async () => {
      const admin = await driver().admin([kontrakt.bootstrap])
      const { brokers } = await admin.describeCluster()
      await admin.close()
      const addresses = brokers.map(({ id, host, port }) => `${id} ${host}:${port}`).sort()
      expect(addresses).toEqual([1, 2, 3].map((id) => `${id} 127.0.0.1:${kontrakt.brokerPort(id)}`))
    })

    it('loses, repeats and reorders nothing when a leader stops and comes back', { timeout: 180_000 }, async () => {
      const topic = await makeTopic(driver(), cluster())
      const node = cluster().nodes[1]!
      const results = await produceThrough(driver(), kontrakt.bootstrap, topic, 6, async (round) => {
        if (round === 1) await node.stop()
        if (round === 4) await node.start()
      })
      expectKept(client, results, await stored(driver(), cluster(), topic))
    })

    if (client === 'kafkajs') return
    it('loses, repeats and reorders nothing when the proxy is restarted or killed', { timeout: 180_000 }, async () => {
      const topic = await makeTopic(driver(), cluster())
      const results = await produceThrough(driver(), kontrakt.bootstrap, topic, 6, async (round) => {
        if (round === 1) await kontrakt.restart('SIGTERM')
        if (round === 3) await kontrakt.restart('SIGKILL')
      })
      expectKept(client, results, await stored(driver(), cluster(), topic))
    })
  })

  it('ends with code 0 when told to, and everything it started is gone', async () => {
    const other = await startKontrakt({ upstream: cluster().bootstrap })
    expect(await other.stop()).toBe(0)
    await expect(fetch(`${other.admin}/live`)).rejects.toThrow()
  })
})
