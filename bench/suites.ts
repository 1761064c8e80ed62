/** What is measured. */
import { orderAvroSchema, orderJsonSchema, orderProto, orderRules, type Payload } from './payloads.ts'
import { toDirect, usual, type Load, type Suite, type Way } from './ways.ts'

/** The instance that fronts all suites but those that vary the instance itself. */
export const mainInstance = 'main'

const viaKontrakt: Way['route'] = { instance: mainInstance }
const points = { connections: [1, 10, 100, 1_000, 2_000], topics: [1, 10, 100, 1_000], policies: [1, 10, 100, 1_000] }

function way(name: string, topic: string, route: Way['route'], load: Partial<Load>, point = ''): Way {
  return { name, point, topic, route, load: { ...usual, ...load }, quarantineTopic: null }
}

/** The same load by every gateway that was named with `--also`. */
function others(also: readonly string[], suite: string, load: Partial<Load>): Way[] {
  return also.map((name) => way(`${name}, ${load.payload}`, `${suite}-${name}-${load.payload}`, { also: name }, load))
}

function judging(also: readonly string[]): Suite {
  const ways = (['json', 'avro', 'protobuf'] as const).flatMap((payload): Way[] => {
    const load = { payload }
    const judged = (name: string, policy: string): Way => way(name, `judging-${policy}-${payload}`, viaKontrakt, load)
    return [
      way(`direct, ${payload}`, `judging-direct-${payload}`, 'direct', load),
      judged(`opaque, ${payload}`, 'opaque'),
      judged(`records walked, ${payload}`, 'walked'),
      judged(`judged by its schema, ${payload}`, 'schema'),
      judged(`and by five rules, ${payload}`, 'five'),
      judged(`and by ten rules, ${payload}`, 'ten'),
      ...others(also, 'judging', load)
    ]
  })
  return {
    name: 'judging',
    title: 'What judging costs',
    text: 'Orders of ten fields; each step down a table adds one thing.',
    ways,
    ratios: [toDirect]
  }
}

function quarantine(): Suite {
  const idempotent = (name: string, topic: string, route: Way['route'], bad = 0): Way => ({
    ...way(name, topic, route, { idempotent: true, bad }),
    quarantineTopic: bad > 0 ? `${topic}.quarantine` : null
  })
  const reject = idempotent('reject, none bad', 'rejecting', viaKontrakt)
  const none = idempotent('quarantine, none bad', 'quarantining-0', viaKontrakt)
  const isQuarantining = (candidate: Way): boolean => candidate.topic.startsWith('quarantining-')
  return {
    name: 'quarantine',
    title: 'What quarantine costs',
    text: 'An idempotent producer, acks=all, Avro; bad records are spread as if by chance.',
    ways: [
      idempotent('direct', 'idempotent-direct', 'direct'),
      idempotent('opaque', 'idempotent-opaque', viaKontrakt),
      reject,
      none,
      idempotent('quarantine, 1 % bad', 'quarantining-1', viaKontrakt, 0.01),
      idempotent('quarantine, 10 % bad', 'quarantining-10', viaKontrakt, 0.1)
    ],
    ratios: [
      toDirect,
      { title: 'x reject', to: (one) => (one === reject || isQuarantining(one) ? reject : null) },
      { title: 'x none bad', to: (one) => (isQuarantining(one) ? none : null) }
    ]
  }
}

/** Direct, opaque and judged at each point of something that is varied. */
function sweep(name: string, title: string, text: string, loads: readonly (readonly [string, Partial<Load>])[]): Suite {
  const ways = loads.flatMap(([point, load], i) => [
    way('direct', `${name}-direct-${i}`, 'direct', load, point),
    way('opaque', `${name}-opaque-${i}`, viaKontrakt, load, point),
    way('judged', `judged-${load.payload ?? usual.payload}-${name}-${i}`, viaKontrakt, load, point)
  ])
  return { name, title, text, ways, ratios: [toDirect] }
}

const sizes = sweep(
  'sizes',
  'By size of the payload',
  'JSON Schema; batches of about 50 KB, at least one record.',
  ([100, 1_000, 10_000] as const).map((bytes) => {
    const recordsPerBatch = Math.max(1, Math.round(50_000 / (bytes + 200)))
    return [`${bytes} B note`, { payload: 'json', noteBytes: bytes, recordsPerBatch, batches: 2_000 }]
  })
)

const batches = sweep(
  'batches',
  'By size of the batch',
  'Avro.',
  [1, 10, 100, 1_000].map((recordsPerBatch) => {
    return [`${recordsPerBatch} records`, { recordsPerBatch, batches: recordsPerBatch < 100 ? 10_000 : 2_000 }]
  })
)

const codecs = sweep(
  'codecs',
  'By compression',
  'JSON Schema, batches of 200 records as producers compress them.',
  (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const).map((codec) => [
    codec,
    { payload: 'json', codec, batches: 2_000 }
  ])
)

const connections = sweep(
  'connections',
  'By number of connections',
  'Avro, batches of 50 records, one request in flight each.',
  points.connections.map((count) => [
    String(count),
    { connections: count, recordsPerBatch: 50, inflight: 1, batches: Math.max(6_000, 3 * count) }
  ])
)

const topics = sweep(
  'topics',
  'By number of topics',
  'Avro, batches of 50 records, topics of one partition, one policy for all.',
  points.topics.map((count) => [
    String(count),
    { topics: count, partitions: 1, connections: Math.min(count, 6), recordsPerBatch: 50, batches: 6_000 }
  ])
)

/** One of so many policies names the topic. */
const manyPolicies: Suite = {
  name: 'policies',
  title: 'By number of policies',
  text: 'Avro, JSON Schema policies for other topics beside the one that judges.',
  ways: [
    way('direct', 'policies-direct', 'direct', {}),
    ...points.policies.map((count) => way(`judged, ${count}`, 'policies-judged', { instance: `policies-${count}` }, {}))
  ],
  ratios: [{ title: 'x direct', to: (_way, ways) => ways[0]! }]
}

/** At rates that are far from what any way can carry, so that it is the way that is measured and not a queue. */
const latency: Suite = {
  name: 'latency',
  title: 'Latency at a fixed rate',
  text:
    'JSON Schema, ten topics, batches of 20 records, acks=1. Requests are sent by the clock, whether the one before was ' +
    'answered or not, and timed from when they were due.',
  ways: [5_000, 20_000, 50_000].flatMap((rate) => {
    const load: Partial<Load> = { payload: 'json', topics: 10, partitions: 1, recordsPerBatch: 20, rate }
    const all = { ...load, batches: Math.ceil((rate / 20) * 4) }
    const point = `${rate.toLocaleString('en')}/s`
    return [
      way('direct', `latency-direct-${rate}`, 'direct', all, point),
      way('opaque', `latency-opaque-${rate}`, viaKontrakt, all, point),
      way('judged', `judged-json-latency-${rate}`, viaKontrakt, all, point)
    ]
  }),
  ratios: []
}

/** All of them, in the order of the report. */
export function allSuites(also: readonly string[]): readonly Suite[] {
  return [judging(also), quarantine(), latency, sizes, batches, codecs, connections, topics, manyPolicies]
}

const schemas = {
  'schemas/order.json': JSON.stringify(orderJsonSchema),
  'schemas/order.avsc': JSON.stringify(orderAvroSchema),
  'schemas/order.proto': orderProto
}
const extensions: Readonly<Record<Payload, string>> = { json: 'json', avro: 'avsc', protobuf: 'proto' }

/** Files of the policies folder of an instance. */
export function policiesOf(instance: string): Readonly<Record<string, string>> {
  if (instance !== mainInstance) return someOf(Number(instance.slice('policies-'.length)))
  const files: Record<string, string> = {
    ...schemas,
    'rejecting.yaml': policy('rejecting', 'reject', 'avro'),
    'quarantining.yaml': policy('"quarantining-*"', 'quarantine', 'avro')
  }
  for (const payload of ['json', 'avro', 'protobuf'] as const) {
    files[`judged-${payload}.yaml`] = policy(`"judged-${payload}-*"`, 'reject', payload)
    files[`schema-${payload}.yaml`] = policy(`judging-schema-${payload}`, 'reject', payload)
    files[`five-${payload}.yaml`] = policy(`judging-five-${payload}`, 'reject', payload, 5)
    files[`ten-${payload}.yaml`] = policy(`judging-ten-${payload}`, 'reject', payload, 10)
    files[`walked-${payload}.yaml`] =
      `apiVersion: kontrakt/v1\ntopics: judging-walked-${payload}\nmode: reject\nvalue: { format: bytes }\n`
  }
  return files
}

function someOf(count: number): Readonly<Record<string, string>> {
  const others = Array.from({ length: count - 1 }, (_, i) => {
    return [`other-${i}.yaml`, policy(`other-${i}`, 'reject', 'json')] as const
  })
  return { ...schemas, 'judged.yaml': policy('policies-judged', 'reject', 'avro'), ...Object.fromEntries(others) }
}

function policy(topics: string, mode: string, payload: Payload, rules = 0): string {
  const lines = orderRules.slice(0, rules).map((expr, i) => `  - { id: rule-${i}, expr: '${expr}' }\n`)
  return `apiVersion: kontrakt/v1
topics: ${topics}
mode: ${mode}
value: { format: ${payload}, framing: none, schema: { file: schemas/order.${extensions[payload]} } }
${rules === 0 ? '' : `rules:\n${lines.join('')}`}`
}
