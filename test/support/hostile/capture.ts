/**
 * Records what real clients send and what a real broker answers, into `test/fixtures/frames`. Run by hand, when a
 * client or Kafka has a new version:
 *
 *     node test/support/hostile/capture.ts [kafkajs|java|librdkafka ...]
 *
 * Clients are offered the versions that the proxy offers. One run of Java goes without that limit, for the frames that
 * the proxy refuses.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { apiByKey } from '../../../protocol/messages/api-table.ts'
import { codecs, type ClientDriver, type ClientName, type OutRecord } from '../clients/driver.ts'
import { clientNames, openDriver, prepareClients } from '../clients/index.ts'
import { startCluster } from '../cluster/start.ts'
import type { TestCluster } from '../cluster/types.ts'
import { framesFolder } from './frames.ts'
import { startTap, type Exchange, type Tap } from './tap.ts'

const versions: Partial<Record<ClientName, string>> = { kafkajs: '2.2.4', java: '4.3.1', librdkafka: '2.16.1' }
const timestamp = 1_700_000_000_000
/** Of requests that differ only a little the first few are enough. */
const keptPerVersion = 3

const topic = 'orders'
const records = (count: number, of = topic): OutRecord[] =>
  Array.from({ length: count }, (_, n) => ({
    topic: of,
    partition: 0,
    key: n % 2 === 0 ? Buffer.from(`k${n}`) : null,
    value: Buffer.from(JSON.stringify({ n, country: 'DE' })),
    headers: [['source', Buffer.from('capture')]],
    timestamp
  }))

async function runAll(driver: ClientDriver, tap: Tap): Promise<void> {
  const servers = [tap.bootstrap]
  const step = async (phase: string, body: () => Promise<unknown>): Promise<void> => {
    tap.phase = phase
    await body()
    // What nobody waits for (acks=0) is to arrive in its own phase.
    await sleep(100)
  }
  const plain = { acks: 1, idempotence: false, codec: 'none' } as const
  for (const codec of codecs) {
    await step(codec, async () => {
      const producer = await driver.producer(servers, { ...plain, codec })
      await producer.send(records(3))
      await producer.close()
    })
  }
  await step('none-acks0', async () => {
    const producer = await driver.producer(servers, { ...plain, acks: 0 })
    await producer.send(records(1))
    await producer.close()
  })
  await step('none-two-topics', async () => {
    const producer = await driver.producer(servers, { ...plain, lingerMs: 300 })
    await producer.send([...records(1), ...records(1, 'payments')])
    await producer.close()
  })
  for (const codec of codecs) {
    await step(`${codec}-idempotent`, async () => {
      const producer = await driver.producer(servers, { acks: 'all', idempotence: true, codec })
      await producer.send(records(2))
      await producer.close()
    })
  }
  const group = async (phase: string, options: { protocol?: 'classic' | 'consumer' | 'share' }): Promise<void> => {
    await step(phase, async () => {
      const consumer = await driver.consumer(servers, {
        groupId: `capture-${phase}`,
        topics: [topic],
        committedOnly: true,
        ...options
      })
      await consumer.read(2, options.protocol === 'share' ? 3_000 : 10_000)
      if (options.protocol !== 'share') await consumer.commit()
      await consumer.close()
    })
  }
  await group('group', {})
  if (driver.can.consumerProtocol) await group('consumer-group', { protocol: 'consumer' })
  if (driver.can.shareGroups) await group('share-group', { protocol: 'share' })
  await step('gzip-transactional', async () => {
    const consumer = await driver.consumer(servers, {
      groupId: 'capture-transaction',
      topics: [topic],
      committedOnly: true
    })
    await consumer.read(1, 10_000)
    const producer = await driver.producer(servers, {
      acks: 'all',
      idempotence: true,
      codec: 'gzip',
      transactionalId: 'capture'
    })
    await producer.begin()
    await producer.send(records(2))
    await producer.sendOffsets(consumer)
    await producer.commit()
    await producer.begin()
    await producer.send(records(1))
    await producer.abort()
    await producer.close()
    await consumer.close()
  })
  await step('admin', async () => {
    const admin = await driver.admin(servers)
    await admin.createTopics([{ name: 'made-by-admin', replicas: [[1]], config: { 'retention.ms': '60000' } }])
    await admin.describeTopic(topic)
    await admin.listOffsets(topic)
    await admin.topicConfig(topic)
    await admin.describeCluster()
    await admin.listGroups()
    await admin.describeGroup('capture-group')
    await admin.groupOffsets('capture-group', topic)
    if (driver.can.describeProducers) await admin.describeProducers(topic, 0)
    await admin.deleteTopics(['made-by-admin'])
    await admin.close()
  })
}

/** What a client sends that is offered all that the broker has. */
async function runNewest(driver: ClientDriver, tap: Tap): Promise<void> {
  tap.phase = 'newest'
  const producer = await driver.producer([tap.bootstrap], { acks: 'all', idempotence: true, codec: 'none' })
  await producer.send(records(1))
  await producer.close()
  const consumer = await driver.consumer([tap.bootstrap], {
    groupId: 'capture-newest',
    topics: [topic],
    committedOnly: true
  })
  await consumer.read(1, 10_000)
  await consumer.close()
}

function kebab(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase()
}

/** File name without its ending, of the exchanges worth keeping. */
function chosen(exchanges: readonly Exchange[]): Map<string, Exchange> {
  const kept = new Map<string, Exchange>()
  const perVersion = new Map<string, Exchange[]>()
  for (const exchange of exchanges) {
    const { apiKey, apiVersion, phase, request } = exchange
    const name = apiByKey(apiKey)?.name ?? `api${apiKey}`
    const family = `${kebab(name)}-v${apiVersion}`
    const file = `${family}-${phase}`
    const before = perVersion.get(family) ?? []
    const isNew = before.every((other) => !other.request.subarray(12).equals(request.subarray(12)))
    const limit = name === 'Produce' ? 100 : keptPerVersion
    if (kept.has(file) || !isNew || before.length >= limit) continue
    // A client that is closed leaves the last request without an answer: take one that has it, if there is one.
    if (exchange.response === null && phase !== 'none-acks0') continue
    kept.set(file, exchange)
    perVersion.set(family, [...before, exchange])
  }
  return kept
}

function section(what: string, bytes: Buffer): string {
  return `# ${what}\n${bytes
    .toString('hex')
    .match(/.{1,120}/g)!
    .join('\n')}\n`
}

async function store(client: ClientName, exchanges: readonly Exchange[]): Promise<void> {
  const target = join(framesFolder, `${client}-${versions[client]}`)
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  let bytes = 0
  const kept = chosen(exchanges)
  for (const [file, { apiKey, apiVersion, request, response }] of kept) {
    const what = `${client} ${versions[client]}, ${apiByKey(apiKey)?.name ?? apiKey} v${apiVersion}: request`
    const answer = response === null ? '' : section('Apache Kafka 4.3.1: answer', response)
    await writeFile(join(target, `${file}.hex`), section(what, request) + answer)
    bytes += request.length + (response?.length ?? 0)
  }
  console.log(`${client}: ${kept.size} of ${exchanges.length} requests kept, ${bytes} bytes with their answers`)
}

async function captureClient(client: ClientName, cluster: TestCluster): Promise<void> {
  const [host, port] = cluster.bootstrap[0]!.split(':')
  const upstream = { host: host!, port: Number(port) }
  const driver = await openDriver(client)
  const admin = await driver.admin(cluster.bootstrap)
  await admin.createTopics([topic, 'payments'].map((name) => ({ name, replicas: [[1]] })))
  const tap = await startTap({ upstream, narrow: true })
  const open = client === 'java' ? await startTap({ upstream, narrow: false }) : null
  try {
    await runAll(driver, tap)
    if (open !== null) await runNewest(driver, open)
    const refused = (open?.exchanges ?? []).filter(
      ({ apiKey, apiVersion }) => (apiByKey(apiKey)?.maxVersion ?? 0) < apiVersion
    )
    await store(client, [...tap.exchanges, ...refused])
  } finally {
    await tap.close()
    await open?.close()
    await admin.deleteTopics([topic, 'payments'])
    await driver.close()
  }
}

const wanted = process.argv.slice(2)
console.log('cannot run here:', await prepareClients())
const cluster = await startCluster({ version: '4.3.1', nodes: 1 })
try {
  for (const client of clientNames) {
    if (wanted.length === 0 || wanted.includes(client)) await captureClient(client, cluster)
  }
} finally {
  await cluster.close()
}
