/**
 * What kontrakt costs, by subtraction: the same load direct to Apache Kafka, through the proxy unread, and through the
 * proxy judged; for idempotent producers also with bad records that go to quarantine. The ways of a suite take turns
 * within one run, so that what the machine does meanwhile happens to all of them; figures are medians over the rounds
 * and ratios between them. After every turn it is checked that each record is where it belongs.
 *
 *     npm run bench                       the figures of the README
 *     npm run bench -- --only quarantine  one suite only (`judging`, `quarantine`)
 *     npm run bench -- --smoke            a few batches by every way: does it work?
 *     npm run bench -- --json FILE        the figures as JSON as well
 *     npm run bench -- --rounds N
 */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { KafkaClient } from '../src/kafka/client.ts'
import { startCluster } from '../test/support/cluster/start.ts'
import { startKontrakt, type Kontrakt } from '../test/support/kontrakt.ts'
import type { LoadJob, LoadResult } from './load.ts'
import { report, type Figures } from './report.ts'
import { checkStored, storedBy } from './stored.ts'
import { policies, suites, type Suite, type Way } from './ways.ts'

const { values: flags } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    json: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string' }
  }
})
const rounds = flags.smoke ? 1 : Number(flags.rounds ?? 5)
const batches = flags.smoke ? 60 : 3_000
const recordsPerBatch = 200
const partitions = 6
const inflight = 5

const chosen = suites.filter(({ name }) => flags.only === undefined || name === flags.only)
if (chosen.length === 0) throw new Error(`--only takes ${suites.map(({ name }) => name).join(' or ')}`)

const progress = (text: string): void => void process.stderr.write(`${text}\n`)

progress('starting Apache Kafka 4.3.1')
const cluster = await startCluster({ version: '4.3.1', nodes: 1 })
const admin = new KafkaClient({ bootstrapServers: cluster.bootstrap, clientId: 'kontrakt-bench' })
let kontrakt: Kontrakt | undefined
try {
  const configs = { 'retention.bytes': '200000000', 'segment.bytes': '50000000' }
  const topics = chosen.flatMap(({ ways }) => ways.map(({ topic }) => topic))
  await admin.createTopics(topics.map((name) => ({ name, partitions, replicationFactor: 1, configs })))
  kontrakt = await startKontrakt({ upstream: cluster.bootstrap, policies })
  const measured = new Map<Suite, ReadonlyMap<Way, readonly Figures[]>>()
  for (const suite of chosen) measured.set(suite, await measureSuite(suite))
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, Node.js ${process.version}, Apache Kafka ${cluster.version} (${cluster.provider})`
  const setup = { machine, rounds, batches, recordsPerBatch, partitions, inflight }
  const { text, data } = report({ suites: measured, ...setup })
  process.stdout.write(text)
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(data, null, 2)}\n`)
} finally {
  admin.close()
  await kontrakt?.stop()
  await cluster.close()
}

async function measureSuite({ name, ways }: Suite): Promise<Map<Way, Figures[]>> {
  const figures = new Map<Way, Figures[]>(ways.map((way) => [way, []]))
  // Once by every way before counting: code is compiled and caches are filled by then.
  for (const way of ways) await measure(way, Math.ceil(batches / 10))
  for (let round = 1; round <= rounds; round += 1) {
    progress(`${name}: round ${round} of ${rounds}`)
    for (const way of ways) figures.get(way)!.push(await measure(way, batches))
  }
  return figures
}

async function measure(way: Way, count: number): Promise<Figures> {
  const { topic, payload, proxied, idempotent, bad } = way
  const bootstrap = proxied ? kontrakt!.bootstrap : cluster.bootstrap[0]!
  const storedBefore = await storedBy(way, admin)
  const before = await processFigures()
  const result = await load({
    ...{ bootstrap, topic, payload, codec: 'none', recordsPerBatch },
    ...{ batches: count, inflight, idempotent, bad }
  })
  const after = await processFigures()
  checkStored(way, storedBefore, await storedBy(way, admin), result)
  return {
    recordsPerSecond: result.records / result.seconds,
    bytesPerSecond: result.bytes / result.seconds,
    valueBytes: result.valueBytes,
    cpuSecondsPerMillion: proxied ? ((after.cpuSeconds - before.cpuSeconds) / result.records) * 1e6 : null,
    cpuSecondsPerGigabyte: proxied ? ((after.cpuSeconds - before.cpuSeconds) / result.bytes) * 1e9 : null,
    residentBytes: proxied ? after.residentBytes : null
  }
}

/** CPU time and memory of the proxy process, by its own metrics. */
async function processFigures(): Promise<{ cpuSeconds: number; residentBytes: number }> {
  const text = await kontrakt!.metrics()
  const read = (name: string): number => {
    const match = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)
    if (match === null) throw new Error(`the metric ${name} is missing`)
    return Number(match[1])
  }
  return { cpuSeconds: read('process_cpu_seconds_total'), residentBytes: read('process_resident_memory_bytes') }
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
