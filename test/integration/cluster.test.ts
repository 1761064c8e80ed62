/**
 * Proves the ground that the other integration tests stand on: clusters start, fail and come back as told, every
 * client can do every scenario, and a scenario that is run twice says the same twice.
 */
import { describe, expect, inject, it } from 'vitest'
import { startCluster } from '../support/cluster/start.ts'
import { describeClients, describeKafka } from '../support/kafka.ts'
import { equivalence, scenarios } from '../support/scenarios/index.ts'

describeKafka('scenarios are deterministic', { version: '4.3.1', nodes: 1 }, (cluster) => {
  describeClients((driver) => {
    it.each(scenarios)('$name', { retry: 2 }, async (scenario) => {
      if (scenario.applies?.(driver(), cluster().version) === false) return
      const { bootstrap } = cluster()
      const { direct, proxied } = await equivalence(scenario, driver(), { direct: bootstrap, proxied: bootstrap })
      expect(direct.length).toBeGreaterThan(0)
      expect(proxied).toEqual(direct)
    })
  })
})

describeKafka('a cluster', { version: '4.3.1', nodes: 3 }, (cluster) => {
  describeClients(
    (driver) => {
      it('moves leaders away from a killed node and takes the node back at its old address', async () => {
        const { bootstrap, nodes } = cluster()
        const admin = await driver().admin(bootstrap)
        const topic = `moved-${Date.now()}`
        await admin.createTopics([{ name: topic, replicas: [[2, 3, 1]] }])
        const leader = async (): Promise<number | undefined> => (await admin.describeTopic(topic)).partitions[0]?.leader
        await expect.poll(leader, { timeout: 10_000 }).toBe(2)

        await nodes[1]!.kill()
        await expect.poll(leader, { timeout: 30_000, interval: 200 }).toBe(3)
        const producer = await driver().producer(bootstrap, { acks: 'all', idempotence: true, codec: 'none' })
        const record = { topic, partition: 0, key: null, value: Buffer.from('x') }
        expect(await producer.send([record])).toEqual([{ partition: 0, offset: 0 }])

        await nodes[1]!.start()
        const { brokers } = await admin.describeCluster()
        expect(brokers.find(({ id }) => id === 2)?.port).toBe(nodes[1]!.port)
        expect(await producer.send([record])).toEqual([{ partition: 0, offset: 1 }])
        await producer.close()
        await admin.close()
      })
    },
    ['java']
  )

  it('does not answer while a node is frozen', async () => {
    const node = cluster().nodes[2]!
    await node.pause()
    const answered = await fetchBytes(node.host, node.port, 500)
    await node.resume()
    expect(answered).toBe(0)
    expect(await fetchBytes(node.host, node.port, 10_000)).toBeGreaterThan(0)
  })
})

describeKafka('the old version', { version: '3.9.2', nodes: 1 }, (cluster) => {
  describeClients((driver) => {
    it('answers every client', async () => {
      const admin = await driver().admin(cluster().bootstrap)
      const { brokers } = await admin.describeCluster()
      expect(brokers.map(({ id }) => id)).toEqual([1])
      await admin.close()
    })
  })
})

const { engine, provider } = inject('kafka')
describe.skipIf(engine === null || provider.kind !== 'java')('the container provider', () => {
  it('starts the same cluster in containers and takes a killed node back', async () => {
    const cluster = await startCluster({ version: '4.3.1', nodes: 1 }, 'containers')
    try {
      const node = cluster.nodes[0]!
      expect(await fetchBytes(node.host, node.port, 10_000)).toBeGreaterThan(0)
      await node.kill()
      await node.start()
      expect(await fetchBytes(node.host, node.port, 10_000)).toBeGreaterThan(0)
    } finally {
      await cluster.close()
    }
  }, 180_000)
})

/** Bytes of the answer to an ApiVersions request of version 0; 0 when none came in time. */
async function fetchBytes(host: string, port: number, timeoutMs: number): Promise<number> {
  const { connect } = await import('node:net')
  return await new Promise((resolve, reject) => {
    const socket = connect(port, host)
    const timer = setTimeout(() => end(0), timeoutMs)
    const end = (bytes: number): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(bytes)
    }
    socket.once('error', reject)
    socket.once('data', (bytes: Buffer) => end(bytes.length))
    // Length 10, key 18, version 0, correlation id 1, no client id.
    socket.write(Buffer.from('0000000a' + '0012' + '0000' + '00000001' + 'ffff', 'hex'))
  })
}
