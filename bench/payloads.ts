/** The records that the benchmark sends: orders of ten fields, as JSON (about 300 bytes) and as Avro (about 100). */
import avro from 'avsc'
import { buildBatch } from '../protocol/records/batch.ts'
import type { Codec } from '../protocol/records/batch.ts'

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
}

/** One batch, and the mean size of its records' values in bytes. */
export function orderBatch({ payload, recordsPerBatch, codec }: BatchSpec): { batch: Buffer; valueBytes: number } {
  const type = avro.Type.forSchema(orderAvroSchema as avro.Schema, { wrapUnions: false })
  const values = Array.from({ length: recordsPerBatch }, (_, n) =>
    payload === 'json' ? Buffer.from(JSON.stringify(order(n))) : type.toBuffer(order(n))
  )
  const records = values.map((value, n) => ({
    key: Buffer.from(`k${n % 100}`),
    value,
    timestamp: 1_767_225_600_000 + n
  }))
  const total = values.reduce((sum, value) => sum + value.length, 0)
  return { batch: buildBatch({ records, codec }), valueBytes: Math.round(total / values.length) }
}
