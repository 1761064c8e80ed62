/**
 * The image, as it is shipped: built from the Dockerfile, run before a Kafka in a container on the same network, with
 * policies from a mounted folder, and used by a client from outside both.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StartedNetwork, StartedTestContainer } from 'testcontainers'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { kafkajsDriver } from '../support/clients/kafkajs.ts'
import { mustRun } from '../support/command.ts'
import { kafkaImage } from '../support/cluster/container-cluster.ts'
import { serverProperties } from '../support/cluster/properties.ts'
import { runId, runLabel, testcontainers } from '../support/engine.ts'
import { messageOf } from '../support/message-of.ts'
import { freePortRange } from '../support/ports.ts'
import { runFolder } from '../support/processes.ts'

const image = 'kontrakt-test/kontrakt:under-test'
const root = join(import.meta.dirname, '..', '..')
const host = '127.0.0.1'
const buildMs = 300_000
const startMs = 120_000

const policy = `apiVersion: kontrakt/v1
topics: shop.orders
mode: reject
value:
  format: json
  framing: none
  schema: { file: schemas/order.json }
rules:
  - id: amount-positive
    expr: value.amount > 0
    message: "amount must be above zero"
`

const schema = JSON.stringify({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['id', 'amount'],
  properties: { id: { type: 'string' }, amount: { type: 'integer' } }
})

const value = (order: object): Buffer => Buffer.from(JSON.stringify(order))

describe.skipIf(inject('kafka').engine === null)('the image, in front of Kafka in a container', () => {
  const started: StartedTestContainer[] = []
  let network: StartedNetwork | undefined
  let kontrakt: StartedTestContainer
  let policies: string | undefined
  let bootstrap: string[]
  const client = kafkajsDriver()

  beforeAll(
    async () => {
      await buildImage()
      const { GenericContainer, Network, Wait } = await testcontainers()
      network = await new Network().start()
      const inside = { listen: '0.0.0.0:9092', advertised: 'kafka:9092' }
      const node = {
        id: 1,
        client: inside,
        inner: { listen: '0.0.0.0:9094', advertised: 'kafka:9094' },
        controller: { listen: '0.0.0.0:9093', advertised: 'kafka:9093' }
      }
      const properties = serverProperties(node, [node], { version: '4.3.1', nodes: 1 }, '/var/lib/kafka/data')
      const kafka = await new GenericContainer(kafkaImage('4.3.1'))
        .withNetwork(network)
        .withNetworkAliases('kafka')
        .withLabels({ [runLabel]: runId() })
        .withEnvironment({ KAFKA_PROPERTIES: properties })
        .withWaitStrategy(Wait.forSuccessfulCommand('bash -c "exec 3<>/dev/tcp/127.0.0.1/9092"'))
        .withStartupTimeout(startMs)
        .start()
      started.push(kafka)

      policies = await policiesFolder()
      // Outside and inside the same numbers: a client dials what the proxy advertises.
      const port = await freePortRange(3)
      const brokerPort = port + 2
      bootstrap = [`${host}:${port}`]
      let log = ''
      const starting = new GenericContainer(image)
        .withNetwork(network)
        .withLabels({ [runLabel]: runId() })
        .withBindMounts([{ source: policies, target: '/policies', mode: 'ro' }])
        .withCommand([
          'serve',
          '--upstream',
          'kafka:9092',
          '--listen',
          `0.0.0.0:${port}`,
          '--advertised-host',
          host,
          // Broker 1 is reached at the first port and one.
          '--broker-ports',
          `${port + 1}-${brokerPort}`
        ])
        .withExposedPorts({ container: port, host: port }, { container: brokerPort, host: brokerPort })
        .withWaitStrategy(Wait.forHealthCheck())
        .withStartupTimeout(startMs)
        .withLogConsumer((stream) => stream.on('data', (chunk: Buffer) => (log += chunk.toString())))
        // Removed in afterAll: how it ended is asked of it first.
        .withAutoRemove(false)
        .start()
      kontrakt = await starting.catch((error: unknown) => {
        throw new Error(`${messageOf(error)}; it said:\n${log.slice(-4_000)}`, { cause: error })
      })
      started.push(kontrakt)
    },
    buildMs + 2 * startMs
  )

  afterAll(async () => {
    await client.close()
    await Promise.allSettled(started.map((container) => container.stop({ remove: true, timeout: 0 })))
    await network?.stop().catch(() => undefined)
    if (policies !== undefined) await rm(policies, { recursive: true, force: true })
  }, startMs)

  it('takes good records and refuses bad ones from a client outside', async () => {
    const topic = 'shop.orders'
    const admin = await client.admin(bootstrap)
    await admin.createTopics([{ name: topic, replicas: [[1]] }])
    const producer = await client.producer(bootstrap, { acks: 'all', idempotence: true, codec: 'gzip' })
    const order = (fields: object): Parameters<typeof producer.send>[0] => [
      { topic, partition: 0, key: null, value: value(fields) }
    ]

    expect(await producer.send(order({ id: 'a', amount: 1 }))).toEqual([{ partition: 0, offset: 0 }])
    const refused = { error: { code: 87, name: 'INVALID_RECORD', message: expect.any(String) as string } }
    expect(await producer.send(order({ id: 'b', amount: -1 }))).toEqual([refused])
    expect(await producer.send(order({ id: 3, amount: 1 }))).toEqual([refused])
    expect(await producer.send(order({ id: 'c', amount: 2 }))).toEqual([{ partition: 0, offset: 1 }])

    const consumer = await client.consumer(bootstrap, { groupId: 'outside', topics: [topic], committedOnly: true })
    const records = [...(await consumer.read(2)), ...(await consumer.read(1, 500))]
    const values = records.map((record) => record.value?.toString())
    expect(values).toEqual(['{"id":"a","amount":1}', '{"id":"c","amount":2}'])
  })

  it('tells why, from inside the container', async () => {
    const { output, exitCode } = await kontrakt.exec(['node', 'src/cli/main.ts', 'why', '--topic', 'shop.orders'])
    expect(output).toContain('amount-positive')
    expect(exitCode).toBe(0)
  })

  it('is not root, and carries no dev dependencies and no tests', async () => {
    expect((await kontrakt.exec(['id', '-un'])).output.trim()).toBe('node')
    const { output } = await kontrakt.exec(['ls', '/app', '/app/node_modules'])
    expect(output).not.toMatch(/^(test|bench|vitest|typescript|eslint|testcontainers)$/m)
  })

  it('runs on a read-only file system and without any capability', async () => {
    const restrictions = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL']
    const output = await docker(['run', '--rm', ...restrictions, image, 'demo', '--exit'])
    expect(output).toContain('refused')
  })

  // The last one: it ends the container.
  it(
    'drains on SIGTERM and ends with code 0',
    async () => {
      await docker(['stop', '--time', '60', kontrakt.getId()])
      expect((await docker(['inspect', '--format', '{{.State.ExitCode}}', kontrakt.getId()])).trim()).toBe('0')
    },
    startMs
  )
})

/**
 * By the command line and its legacy builder: what the Dockerfile may use is what every builder knows. Downloads go
 * over the host's network, because an engine without NAT has no other.
 */
async function buildImage(): Promise<void> {
  await docker(['build', '--network=host', '-t', image, root], buildMs)
}

async function docker(args: string[], timeoutMs = startMs): Promise<string> {
  return await mustRun('docker', args, { env: { ...process.env, DOCKER_BUILDKIT: '0' }, timeoutMs })
}

/** Readable for the container's user, who is not the one that makes it. */
async function policiesFolder(): Promise<string> {
  const folder = await mkdtemp(join(runFolder(), 'kontrakt-policies-'))
  await mkdir(join(folder, 'schemas'))
  await writeFile(join(folder, 'orders.yaml'), policy)
  await writeFile(join(folder, 'schemas', 'order.json'), schema)
  await chmod(folder, 0o755)
  return folder
}
