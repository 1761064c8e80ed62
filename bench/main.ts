/**
 * What kontrakt costs, by subtraction: the same load direct to Apache Kafka, through the proxy unread, and judged in
 * steps. The ways of a suite take turns within one run, so that what the machine does meanwhile happens to all of them;
 * figures are medians over the rounds and ratios between them. After every turn it is checked that each record is where
 * it belongs.
 *
 *     npm run bench                          the figures of the README: judging and quarantine
 *     npm run bench -- --all --write         every suite; writes docs/benchmarks.md with its charts
 *     npm run bench -- --only latency,codecs some of them
 *     npm run bench -- --smoke               a few batches by every way of the default suites: does it work?
 *     npm run bench -- --rounds N --json FILE
 *     npm run bench -- --broker HOST:PORT --also NAME=HOST:PORT
 *                                            a cluster of yours, and another gateway in front of it, side by side
 */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { KafkaClient } from '../src/kafka/client.ts'
import { startCluster } from '../test/support/cluster/start.ts'
import { idleConnectionBytes } from './idle.ts'
import { Instances } from './instances.ts'
import type { LoadJob, LoadResult } from './load.ts'
import { writePage } from './page.ts'
import { report, type Figures, type Measured } from './report.ts'
import { checkStored, storedBy } from './stored.ts'
import { allSuites, mainInstance } from './suites.ts'
import { topicsOf, type Suite, type Way } from './ways.ts'

const { values: flags } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    json: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    broker: { type: 'string' },
    also: { type: 'string', multiple: true, default: [] }
  }
})
const rounds = flags.smoke ? 1 : Number(flags.rounds ?? 5)
const idleConnections = 2_000
const also = new Map(flags.also.map((text) => splitAlso(text)))

const suites = allSuites([...also.keys()])
const wanted = flags.only?.split(',') ?? (flags.all ? suites.map(({ name }) => name) : ['judging', 'quarantine'])
const chosen = suites.filter(({ name }) => wanted.includes(name))
const unknown = wanted.find((name) => !suites.some((suite) => suite.name === name))
if (unknown !== undefined) throw new Error(`--only takes ${suites.map(({ name }) => name).join(', ')}; not ${unknown}`)

const progress = (text: string): void => void process.stderr.write(`${text}\n`)

const cluster = flags.broker === undefined ? await ownCluster() : null
const bootstrap = flags.broker ?? cluster!.bootstrap[0]!
const admin = new KafkaClient({ bootstrapServers: [bootstrap], clientId: 'kontrakt-bench' })
const instances = new Instances(flags.broker === undefined ? cluster!.bootstrap : [bootstrap])
try {
  const measured = new Map<Suite, ReadonlyMap<Way, readonly Figures[]>>()
  for (const suite of chosen) {
    await createTopics(suite)
    measured.set(suite, await measureSuite(suite))
    await instances.stopAllBut(mainInstance)
  }
  const idleBytes = flags.all ? await measureIdle() : null
  const broker = cluster === null ? bootstrap : `Apache Kafka ${cluster.version} (${cluster.provider})`
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, Node.js ${process.version}, ${broker}`
  const all: Measured = { suites: measured, machine, rounds, idle: { connections: idleConnections, bytes: idleBytes } }
  const { text, data } = report(all)
  process.stdout.write(text)
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(data, null, 2)}\n`)
  if (flags.write) await writePage(all)
} finally {
  admin.close()
  await instances.stopAllBut()
  await cluster?.close()
}

async function ownCluster(): ReturnType<typeof startCluster> {
  progress('starting Apache Kafka 4.3.1')
  return await startCluster({ version: '4.3.1', nodes: 1 })
}

function splitAlso(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new Error(`--also takes NAME=HOST:PORT, not ${text}`)
  return [text.slice(0, at), text.slice(at + 1)]
}

async function createTopics({ ways }: Suite): Promise<void> {
  const configs = { 'retention.bytes': '100000000', 'segment.bytes': '50000000' }
  const wanted = new Map(ways.flatMap((way) => topicsOf(way).map((name) => [name, way.load.partitions])))
  const topics = [...wanted].map(([name, partitions]) => ({ name, partitions, replicationFactor: 1, configs }))
  // A broker answers when all of a request are there, which takes it a while for hundreds.
  for (let from = 0; from < topics.length; from += 100) await admin.createTopics(topics.slice(from, from + 100))
  for (const way of ways) await untilLed(way)
}

/** A broker that has just made a topic may not know yet that it leads it. */
async function untilLed(way: Way): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await storedBy({ ...way, quarantineTopic: null }, admin)
      return
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((wake) => setTimeout(wake, 100))
    }
  }
}

async function measureSuite({ name, ways }: Suite): Promise<Map<Way, Figures[]>> {
  const figures = new Map<Way, Figures[]>(ways.map((way) => [way, []]))
  // Once by every way before counting: code is compiled and caches are filled by then.
  for (const way of ways) await measure(way, Math.ceil(way.load.batches / 10))
  for (let round = 1; round <= rounds; round += 1) {
    progress(`${name}: round ${round} of ${rounds}`)
    for (const way of ways) figures.get(way)!.push(await measure(way, flags.smoke ? 60 : way.load.batches))
  }
  return figures
}

async function measure(way: Way, batches: number): Promise<Figures> {
  const { topic, route } = way
  const instance = typeof route === 'object' && 'instance' in route ? route.instance : null
  const storedBefore = await storedBy(way, admin)
  const before = instance === null ? null : await instances.figuresOf(instance)
  const result = await load({ ...way.load, batches, topic, bootstrap: await addressOf(route) })
  const after = instance === null ? null : await instances.figuresOf(instance)
  checkStored(way, storedBefore, await storedBy(way, admin), result)
  const cpuSeconds = before === null || after === null ? null : after.cpuSeconds - before.cpuSeconds
  return {
    recordsPerSecond: result.records / result.seconds,
    valueBytes: result.valueBytes,
    latencyMs: result.latencyMs,
    cpuSecondsPerMillion: cpuSeconds === null ? null : (cpuSeconds / result.records) * 1e6,
    cpuSecondsPerGigabyte: cpuSeconds === null ? null : (cpuSeconds / result.bytes) * 1e9,
    residentBytes: after?.residentBytes ?? null
  }
}

async function addressOf(route: Way['route']): Promise<string> {
  if (route === 'direct') return bootstrap
  return 'instance' in route ? (await instances.of(route.instance)).bootstrap : also.get(route.also)!
}

/** In an instance of its own, which has not seen any load. */
async function measureIdle(): Promise<number> {
  progress(`${idleConnections} idle connections`)
  await instances.stopAllBut()
  const port = Number((await instances.of(mainInstance)).bootstrap.split(':').at(-1))
  const resident = async (): Promise<number> => (await instances.figuresOf(mainInstance)).residentBytes
  return await idleConnectionBytes(port, idleConnections, resident)
}

async function load(job: LoadJob): Promise<LoadResult> {
  const child = spawn(process.execPath, [new URL('load.ts', import.meta.url).pathname, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the load generator ended with code ${String(code)} on ${job.topic}`)
  return JSON.parse(output) as LoadResult
}
