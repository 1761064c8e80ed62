/** The records that the benchmark sends: orders of ten fields, as JSON (about 230 bytes), Avro and Protobuf (about 90). */
import avro from 'avsc'
import protobuf from 'protobufjs'
import { buildBatch } from '../protocol/records/batch.ts'
import type { Codec } from '../protocol/records/batch.ts'
import type { ProducerIdentity } from '../src/kafka/client.ts'

export const orderJsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['order_id', 'customer_id', 'amount', 'currency', 'country', 'items', 'status', 'created_at', 'gift'],
  properties: {
    order_id: { type: 'string', minLength: 1 },
    customer_id: { type: 'integer', minimum: 1 },
    amount: { type: 'number' },
    currency: { enum: ['EUR', 'USD', 'GBP'] },
    country: { type: 'string', pattern: '^[A-Z]{2}$' },
    items: { type: 'integer', minimum: 1, maximum: 100 },
    status: { enum: ['created', 'paid', 'shipped'] },
    created_at: { type: 'integer' },
    gift: { type: 'boolean' },
    note: { type: ['string', 'null'] }
  },
  additionalProperties: false
}

export const orderAvroSchema = {
  type: 'record' as const,
  name: 'Order',
  fields: [
    { name: 'order_id', type: 'string' },
    { name: 'customer_id', type: 'long' },
    { name: 'amount', type: 'double' },
    { name: 'currency', type: { type: 'enum', name: 'Currency', symbols: ['EUR', 'USD', 'GBP'] } },
    { name: 'country', type: 'string' },
    { name: 'items', type: 'int' },
    { name: 'status', type: { type: 'enum', name: 'Status', symbols: ['created', 'paid', 'shipped'] } },
    { name: 'created_at', type: 'long' },
    { name: 'gift', type: 'boolean' },
    { name: 'note', type: ['null', 'string'] }
  ]
}

export const orderProto = `syntax = "proto3";
message Order {
  string order_id = 1;
  int64 customer_id = 2;
  double amount = 3;
  string currency = 4;
  string country = 5;
  int32 items = 6;
  string status = 7;
  int64 created_at = 8;
  bool gift = 9;
  optional string note = 10;
}
`

/** Rules over an order, all of which hold; in the policy file's words. */
export const orderRules: readonly string[] = [
  'value.amount > 0.0 && value.amount < 100000.0',
  'value.currency in ["EUR", "USD", "GBP"]',
  'value.items >= 1 && value.items <= 100',
  'value.order_id.startsWith("order-")',
  'value.status != "lost" || value.gift',
  'value.country.size() == 2',
  'value.created_at > 1500000000000',
  'value.customer_id >= 100000 && value.customer_id < 200000',
  '!value.gift || value.amount < 5000.0',
  'value.country != "XX" && value.currency != "XXX"'
]

function order(n: number, noteBytes: number | null) {
  const note = n % 3 === 0 ? null : `please leave the parcel number ${n} with the neighbours on the second floor`
  return {
    order_id: `order-${String(n).padStart(10, '0')}`,
    customer_id: 100_000 + (n % 5_000),
    amount: 10 + (n % 1_000) / 4,
    currency: ['EUR', 'USD', 'GBP'][n % 3]!,
    country: ['DE', 'FR', 'IT', 'NL'][n % 4]!,
    items: 1 + (n % 20),
    status: ['created', 'paid', 'shipped'][n % 3]!,
    created_at: 1_767_225_600_000 + n,
    gift: n % 7 === 0,
    note: noteBytes === null ? note : filler.slice(n % 64, (n % 64) + noteBytes)
  }
}

/** Text that compresses about as well as text does. */
const filler = Array.from({ length: 20_000 }, (_, i) => `line ${i * 7919} `).join('')

export type Payload = 'json' | 'avro' | 'protobuf'

export interface BatchSpec {
  readonly payload: Payload
  readonly recordsPerBatch: number
  readonly codec: Codec
  /** Bytes of the note of each order, for values of a given size; null: what notes are like. */
  readonly noteBytes: number | null
  /** Share of the records that break the contract, 0 to 1. */
  readonly bad: number
  /** Null: without a producer id. */
  readonly producer: ProducerIdentity | null
}

export interface OrderBatch {
  readonly bytes: Buffer
  /** Records that break the contract. */
  readonly bad: number
}

/**
 * Batches to be sent in turns, and the mean size of their records' values in bytes. The bad records are spread over all
 * of them as if by chance, always the same ones: some batches have more of them, few have none.
 */
export function orderBatches(count: number, spec: BatchSpec): { batches: OrderBatch[]; valueBytes: number } {
  const { recordsPerBatch, codec, producer, noteBytes } = spec
  const total = count * recordsPerBatch
  const isBad = (n: number): boolean => (n * spreadingPrime) % total < Math.round(total * spec.bad)
  let valueBytes = 0
  const batches = Array.from({ length: count }, (_, b) => {
    const numbers = Array.from({ length: recordsPerBatch }, (_, i) => b * recordsPerBatch + i)
    const records = numbers.map((n) => {
      const value = encoded(order(n, noteBytes), spec.payload, isBad(n))
      valueBytes += value.length
      return { key: Buffer.from(`k${n % 100}`), value, timestamp: 1_767_225_600_000 + n }
    })
    return { bytes: buildBatch({ ...producer, records, codec }), bad: numbers.filter(isBad).length }
  })
  return { batches, valueBytes: Math.round(valueBytes / total) }
}

/** Without a divisor in common with the number of records, so that `n * prime % total` meets every place once. */
const spreadingPrime = 786_433

const avroOrder = avro.Type.forSchema(orderAvroSchema as avro.Schema, { wrapUnions: false })
/** The same bytes, but that the status may be one that the contract does not know. */
const avroBadOrder = avro.Type.forSchema(
  {
    ...orderAvroSchema,
    fields: orderAvroSchema.fields.map((field) =>
      field.name === 'status'
        ? { ...field, type: { type: 'enum', name: 'Status', symbols: ['a', 'b', 'c', 'lost'] } }
        : field
    )
  } as avro.Schema,
  { wrapUnions: false }
)
const protobufOrder = protobuf.parse(orderProto, { keepCase: true }).root.lookupType('Order')

function encoded(good: ReturnType<typeof order>, payload: Payload, isBad: boolean): Buffer {
  const value = isBad ? { ...good, status: 'lost' } : good
  switch (payload) {
    case 'json':
      return Buffer.from(JSON.stringify(value))
    case 'avro':
      return (isBad ? avroBadOrder : avroOrder).toBuffer(value)
    case 'protobuf': {
      if (isBad) throw new Error('there is no bad order in Protobuf')
      const { note, ...rest } = value
      return Buffer.from(protobufOrder.encode(note === null ? rest : value).finish())
    }
  }
}
