/**
 * What kontrakt costs, by subtraction: the same load direct to Apache Kafka, through the proxy unread, and through the
 * proxy judged by a JSON Schema and by an Avro contract. The ways take turns within one run, so that what the machine
 * does meanwhile happens to all of them; figures are medians over the rounds and ratios against direct.
 *
 *     npm run bench                    the figures of the README
 *     npm run bench -- --smoke         a few batches by every way: does it work?
 *     npm run bench -- --json FILE     the figures as JSON as well
 */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { KafkaClient } from '../src/kafka/client.ts'
import { startCluster } from '../test/support/cluster/start.ts'
import { startKontrakt, type Kontrakt } from '../test/support/kontrakt.ts'
import type { LoadJob, LoadResult } from './load.ts'
import { orderAvroSchema, orderJsonSchema, type Payload } from './payloads.ts'
import { report, type Figures, type Way } from './report.ts'

const { values: flags } = parseArgs({
  options: { smoke: { type: 'boolean', default: false }, json: { type: 'string' }, rounds: { type: 'string' } }
})
const rounds = flags.smoke ? 1 : Number(flags.rounds ?? 5)
const batches = flags.smoke ? 60 : 3_000
const recordsPerBatch = 200
const partitions = 6

const ways: readonly Way[] = [
  { name: 'direct, JSON', payload: 'json', topic: 'json-direct', proxied: false },
  { name: 'opaque, JSON', payload: 'json', topic: 'json-opaque', proxied: true },
  { name: 'judged, JSON Schema', payload: 'json', topic: 'json-judged', proxied: true },
  { name: 'direct, Avro', payload: 'avro', topic: 'avro-direct', proxied: false },
  { name: 'opaque, Avro', payload: 'avro', topic: 'avro-opaque', proxied: true },
  { name: 'judged, Avro', payload: 'avro', topic: 'avro-judged', proxied: true }
]

const policyOf = (payload: Payload): string => `apiVersion: kontrakt/v1
topics: ${payload}-judged
mode: reject
value: { format: ${payload}, framing: none, schema: { file: schemas/order.${payload === 'json' ? 'json' : 'avsc'} } }
`

const progress = (text: string): void => void process.stderr.write(`${text}\n`)

progress('starting Apache Kafka 4.3.1')
const cluster = await startCluster({ version: '4.3.1', nodes: 1 })
let kontrakt: Kontrakt | undefined
try {
  const admin = new KafkaClient({ bootstrapServers: cluster.bootstrap, clientId: 'kontrakt-bench' })
  const config = { 'retention.bytes': '200000000', 'segment.bytes': '50000000' }
  await admin.createTopics(
    ways.map(({ topic }) => ({ name: topic, partitions, replicationFactor: 1, configs: config }))
  )
  admin.close()
  kontrakt = await startKontrakt({
    upstream: cluster.bootstrap,
    policies: {
      'json.yaml': policyOf('json'),
      'avro.yaml': policyOf('avro'),
      'schemas/order.json': JSON.stringify(orderJsonSchema),
      'schemas/order.avsc': JSON.stringify(orderAvroSchema)
    }
  })
  const figures = new Map<Way, Figures[]>(ways.map((way) => [way, []]))
  // Once by every way before counting: code is compiled and caches are filled by then.
  for (const way of ways) await measure(way, Math.ceil(batches / 10))
  for (let round = 1; round <= rounds; round += 1) {
    progress(`round ${round} of ${rounds}`)
    for (const way of ways) figures.get(way)!.push(await measure(way, batches))
  }
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, Node.js ${process.version}, Apache Kafka ${cluster.version} (${cluster.provider})`
  const { text, data } = report({ figures, machine, rounds, batches, recordsPerBatch, partitions })
  process.stdout.write(text)
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(data, null, 2)}\n`)
} finally {
  await kontrakt?.stop()
  await cluster.close()
}

async function measure(way: Way, count: number): Promise<Figures> {
  const bootstrap = way.proxied ? kontrakt!.bootstrap : cluster.bootstrap[0]!
  const job: LoadJob = {
    bootstrap,
    topic: way.topic,
    payload: way.payload,
    codec: 'none',
    recordsPerBatch,
    batches: count,
    inflight: 5
  }
  const before = await processFigures()
  const result = await load(job)
  const after = await processFigures()
  return {
    recordsPerSecond: result.records / result.seconds,
    bytesPerSecond: result.bytes / result.seconds,
    valueBytes: result.valueBytes,
    cpuSecondsPerMillion: way.proxied ? ((after.cpuSeconds - before.cpuSeconds) / result.records) * 1e6 : null,
    cpuSecondsPerGigabyte: way.proxied ? ((after.cpuSeconds - before.cpuSeconds) / result.bytes) * 1e9 : null,
    residentBytes: way.proxied ? after.residentBytes : null
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
