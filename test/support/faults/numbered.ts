/**
 * Records that can be told apart and recognised: each carries its number, and everything in it follows from the number,
 * so that a reader knows what must lie where, byte by byte.
 */
import type { InRecord, OutRecord } from '../clients/driver.ts'
import { hashOf } from './schedule.ts'

/** Of a topic, where nothing else is said. */
export const partitions = 3

/** The policy under which the records with country XX are bad. */
export const numberedPolicy = (topics: string, mode = 'quarantine'): string => `apiVersion: kontrakt/v1
topics: "${topics}"
mode: ${mode}
value:
  format: json
  framing: none
rules:
  - id: country-known
    expr: value.country in ["DE", "FR"]
    message: "country must be DE or FR"
`

/** Records of one block of numbers are bad at the same rate: 1 in 100, then 30 in 100, in turns. */
const blockLength = 200
const ratesPercent = [1, 30]

export function isBad(n: number): boolean {
  return hashOf(String(n)) % 100 < ratesPercent[Math.floor(n / blockLength) % ratesPercent.length]!
}

export function partitionOf(n: number, count = partitions): number {
  return n % count
}

export interface NumberedRecord extends OutRecord {
  readonly partition: number
  readonly key: Buffer
  readonly value: Buffer
  readonly headers: [string, Buffer][]
}

/** Headers repeat a name, because both have to come through in their order. */
export function numbered(topic: string, n: number, count = partitions): NumberedRecord {
  return {
    topic,
    partition: partitionOf(n, count),
    key: Buffer.from(`key-${n % 17}`),
    value: Buffer.from(JSON.stringify({ n, country: isBad(n) ? 'XX' : ['DE', 'FR'][n % 2], text: '·'.repeat(n % 40) })),
    headers: [
      ['source', Buffer.from('web')],
      ['number', Buffer.from(String(n))],
      ['source', Buffer.from('app')]
    ]
  }
}

/** The number in a record's value; null for what was never sent. */
export function numberOf(value: Buffer | null): number | null {
  const found = value === null ? null : /^\{"n":(\d+),"country":"(?:DE|FR|XX)"/.exec(value.toString('latin1'))
  return found === null ? null : Number(found[1])
}

export function carriesBad(value: Buffer | null): boolean {
  return value?.includes('"country":"XX"') === true
}

/** True when key, value and headers are those that record `n` was sent with. */
export function isIntact(record: Pick<InRecord, 'key' | 'value' | 'headers'>, n: number): boolean {
  const sent = numbered('', n)
  return (
    record.key?.equals(sent.key) === true &&
    record.value?.equals(sent.value) === true &&
    sameHeaders(record.headers, sent.headers)
  )
}

type Headers = InRecord['headers']

/** kafkajs gathers the values of one name, so the order is compared name by name. */
function sameHeaders(left: Headers, right: Headers): boolean {
  const shape = (headers: Headers): string =>
    JSON.stringify(
      headers
        .map(([name, value], index): [string, number, string | null] => [name, index, value?.toString('hex') ?? null])
        .sort(([a, i], [b, j]) => (a < b ? -1 : a > b ? 1 : i - j))
        .map(([name, , value]) => [name, value])
    )
  return shape(left) === shape(right)
}
