/**
 * What is measured: the suites, and in each the ways that a load can take from the generator to the broker. The ways of
 * a suite take turns; every figure is read against those of its own suite.
 */
import { orderAvroSchema, orderJsonSchema, type Payload } from './payloads.ts'

/** One way from the load generator to the broker, to a topic of its own. */
export interface Way {
  readonly name: string
  readonly payload: Payload
  readonly topic: string
  readonly proxied: boolean
  /** With a producer id and counted sequences, acks=all; otherwise without, acks=1. */
  readonly idempotent: boolean
  /** Share of the records that break the contract, 0 to 1. */
  readonly bad: number
  /** Where they are to be found afterwards; null where none goes there. */
  readonly quarantineTopic: string | null
}

export interface Suite {
  readonly name: 'judging' | 'quarantine'
  readonly ways: readonly Way[]
  /** How the producer behaves, in words. */
  readonly producer: string
  /** Columns of ratios: which way's throughput each one is divided by; null where it means nothing. */
  readonly ratios: readonly { readonly title: string; readonly to: (way: Way) => Way | null }[]
}

const plain = { idempotent: false, bad: 0, quarantineTopic: null }

const judgingWays: readonly Way[] = [
  { name: 'direct, JSON', payload: 'json', topic: 'json-direct', proxied: false, ...plain },
  { name: 'opaque, JSON', payload: 'json', topic: 'json-opaque', proxied: true, ...plain },
  { name: 'judged, JSON Schema', payload: 'json', topic: 'json-judged', proxied: true, ...plain },
  { name: 'direct, Avro', payload: 'avro', topic: 'avro-direct', proxied: false, ...plain },
  { name: 'opaque, Avro', payload: 'avro', topic: 'avro-opaque', proxied: true, ...plain },
  { name: 'judged, Avro', payload: 'avro', topic: 'avro-judged', proxied: true, ...plain }
]

const direct = idempotent('direct', 'idempotent-direct', 0)
const reject = idempotent('reject, none bad', 'rejecting', 0)
const quarantine = idempotent('quarantine, none bad', 'quarantining-0', 0)
const quarantineWays: readonly Way[] = [
  direct,
  idempotent('opaque', 'idempotent-opaque', 0),
  reject,
  quarantine,
  idempotent('quarantine, 1 % bad', 'quarantining-1', 0.01),
  idempotent('quarantine, 10 % bad', 'quarantining-10', 0.1)
]

function idempotent(name: string, topic: string, bad: number): Way {
  const quarantineTopic = bad > 0 ? `${topic}.quarantine` : null
  return { name, payload: 'avro', topic, proxied: name !== 'direct', idempotent: true, bad, quarantineTopic }
}

const isQuarantining = (way: Way): boolean => way.topic.startsWith('quarantining-')

export const suites: readonly Suite[] = [
  {
    name: 'judging',
    ways: judgingWays,
    producer: 'acks=1',
    ratios: [
      { title: 'x direct', to: ({ payload }) => judgingWays.find((way) => way.payload === payload && !way.proxied)! }
    ]
  },
  {
    name: 'quarantine',
    ways: quarantineWays,
    producer: 'Avro, idempotent producer, acks=all',
    ratios: [
      { title: 'x direct', to: () => direct },
      { title: 'x reject', to: (way) => (way === reject || isQuarantining(way) ? reject : null) },
      { title: 'x quarantine, none bad', to: (way) => (isQuarantining(way) ? quarantine : null) }
    ]
  }
]

/** Files of the policies folder. */
export const policies: Readonly<Record<string, string>> = {
  'json.yaml': policy('json-judged', 'reject', 'json'),
  'avro.yaml': policy('avro-judged', 'reject', 'avro'),
  'rejecting.yaml': policy('rejecting', 'reject', 'avro'),
  'quarantining.yaml': policy('"quarantining-*"', 'quarantine', 'avro'),
  'schemas/order.json': JSON.stringify(orderJsonSchema),
  'schemas/order.avsc': JSON.stringify(orderAvroSchema)
}

function policy(topics: string, mode: string, payload: Payload): string {
  return `apiVersion: kontrakt/v1
topics: ${topics}
mode: ${mode}
value: { format: ${payload}, framing: none, schema: { file: schemas/order.${payload === 'json' ? 'json' : 'avsc'} } }
`
}
