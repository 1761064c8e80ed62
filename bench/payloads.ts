/** The records that the benchmark sends: orders of ten fields, as JSON (about 300 bytes) and as Avro (about 100). */
import avro from 'avsc'
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

function order(n: number) {
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
    note: n % 3 === 0 ? null : `please leave the parcel number ${n} with the neighbours on the second floor`
  }
}

export type Payload = 'json' | 'avro'

export interface BatchSpec {
  readonly payload: Payload
  readonly recordsPerBatch: number
  readonly codec: Codec
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
  const { recordsPerBatch, codec, producer } = spec
  const total = count * recordsPerBatch
  const isBad = (n: number): boolean => (n * spreadingPrime) % total < Math.round(total * spec.bad)
  let valueBytes = 0
  const batches = Array.from({ length: count }, (_, b) => {
    const numbers = Array.from({ length: recordsPerBatch }, (_, i) => b * recordsPerBatch + i)
    const records = numbers.map((n) => {
      const value = encoded(n, spec.payload, isBad(n))
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

function encoded(n: number, payload: Payload, isBad: boolean): Buffer {
  const value = isBad ? { ...order(n), status: 'lost' } : order(n)
  if (payload === 'json') return Buffer.from(JSON.stringify(value))
  return (isBad ? avroBadOrder : avroOrder).toBuffer(value)
}
