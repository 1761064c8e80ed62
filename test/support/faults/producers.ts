/** Which producers take part in a run of faults, and what is promised to each. */
import type { ClientName, ProducerOptions } from '../clients/driver.ts'

export interface ProducerSpec {
  /** As it stands in reports and in topic names. */
  readonly name: string
  readonly client: ClientName
  /**
   * `kept`: with the client's idempotence Kafka keeps every promise, so nothing may be lost, repeated or out of order.
   * `as-direct`: nothing bad gets through, and no kind of harm comes that the client does not show direct.
   */
  readonly promise: 'kept' | 'as-direct'
  readonly options: Partial<ProducerOptions> & Pick<ProducerOptions, 'idempotence' | 'codec'>
}

/** Those of a run of less than a minute: more would saturate two cores. */
export const shortRun: readonly string[] = [
  'java',
  'librdkafka',
  'franz-go',
  'kafkajs',
  'sarama',
  'java-plain',
  'librdkafka-plain'
]

/** A client that may try for this long outlasts every fault, and then has no reason to give up. */
export const patientMs = 120_000
const impatientMs = 30_000

/** Small batches: several are in flight in each partition whenever something breaks. */
const smallBatches = { batchRecords: 5, batchBytes: 700, lingerMs: 2 }

const patient = { ...smallBatches, idempotence: true, deliveryTimeoutMs: patientMs }
const plain = { ...smallBatches, idempotence: false, deliveryTimeoutMs: impatientMs }

export const producers: readonly ProducerSpec[] = [
  { name: 'java', client: 'java', promise: 'kept', options: { ...patient, codec: 'zstd' } },
  { name: 'librdkafka', client: 'librdkafka', promise: 'kept', options: { ...patient, codec: 'lz4' } },
  { name: 'franz-go', client: 'franz-go', promise: 'kept', options: { ...patient, codec: 'snappy' } },
  { name: 'kafkajs', client: 'kafkajs', promise: 'as-direct', options: { ...patient, codec: 'gzip' } },
  { name: 'sarama', client: 'sarama', promise: 'as-direct', options: { ...patient, codec: 'none' } },
  { name: 'java-plain', client: 'java', promise: 'as-direct', options: { ...plain, codec: 'none' } },
  { name: 'librdkafka-plain', client: 'librdkafka', promise: 'as-direct', options: { ...plain, codec: 'zstd' } },
  {
    name: 'franz-go-plain',
    client: 'franz-go',
    promise: 'as-direct',
    options: { ...plain, codec: 'lz4', inflight: 5 }
  },
  { name: 'kafkajs-plain', client: 'kafkajs', promise: 'as-direct', options: { ...plain, codec: 'none', inflight: 1 } },
  { name: 'sarama-plain', client: 'sarama', promise: 'as-direct', options: { ...plain, codec: 'gzip' } }
]
