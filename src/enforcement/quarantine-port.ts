/** Where the produce path puts the records that must not reach their topic. */
import { hash } from 'node:crypto'
import type { PolicyReference, Producer, QuarantineTarget } from '../contracts/judgement.ts'

/** The bad records of one batch. */
export interface QuarantinedBatch {
  readonly topic: string
  readonly partition: number
  readonly target: QuarantineTarget
  readonly policy: PolicyReference
  readonly producer: Producer
  /** Null without a producer id. */
  readonly chain: { readonly producerId: bigint; readonly producerEpoch: number; readonly baseSequence: number } | null
  /** SHA-256 of the batch's records, hex: with the index it makes ids of records without a producer id. */
  readonly digest: string
  readonly records: readonly QuarantinedRecord[]
}

export interface QuarantinedRecord {
  /** In the producer's batch. */
  readonly index: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** In order; `nameBytes` is the name as it was written, for names that are not UTF-8. */
  readonly headers: readonly { readonly name: string; readonly nameBytes?: Buffer; readonly value: Buffer | null }[]
  /** Epoch milliseconds, the producer's. */
  readonly timestampMs: number
  readonly violations: readonly QuarantineReason[]
}

/** Why; what could not be decided is a reason too, where the policy makes it one. */
export interface QuarantineReason {
  readonly rule: string
  readonly path: string
  readonly message: string
  readonly expected?: string
  readonly found?: string
}

export type QuarantineOutcome =
  | { readonly kind: 'stored' }
  /** `lasting`: trying again cannot help (refused, not allowed, too large). Otherwise it may or may not be stored. */
  | { readonly kind: 'failed'; readonly lasting: boolean; readonly message: string }

export interface QuarantineSink {
  /** Appends with acks=all, at least once: a repeat carries the same ids. Never rejects. */
  store(batch: QuarantinedBatch): Promise<QuarantineOutcome>
}

/** Of one record of the batch; null without a producer id. Sequences wrap at 2^31, as Kafka's do. */
export function sequenceOf({ chain }: Pick<QuarantinedBatch, 'chain'>, index: number): number | null {
  return chain === null ? null : (chain.baseSequence + index) % 2 ** 31
}

/**
 * 32 hex digits: the same when the batch is sent again, different for any two records. A sequence alone is not enough,
 * because some clients use those of a refused batch for other records. One hash tells batches apart; the records of one
 * differ in the first eight digits, so that already the beginning of an id says which is meant.
 */
export function quarantineId(batch: Omit<QuarantinedBatch, 'records'>, index: number): string {
  const ofBatch = batchId(batch)
  const first = (parseInt(ofBatch.slice(0, 8), 16) ^ Math.imul(index, oddFactor)) >>> 0
  return first.toString(16).padStart(8, '0') + ofBatch.slice(8)
}

/** By an odd number every index has a product of its own in 32 bits; this one (2^32 / golden ratio) spreads them. */
const oddFactor = 0x9e3779b1

const batchIds = new WeakMap<Omit<QuarantinedBatch, 'records'>, string>()

function batchId(batch: Omit<QuarantinedBatch, 'records'>): string {
  const known = batchIds.get(batch)
  if (known !== undefined) return known
  const { topic, partition, chain, digest } = batch
  const place =
    chain === null ? ['batch'] : ['chain', String(chain.producerId), chain.producerEpoch, chain.baseSequence]
  const id = hash('sha256', JSON.stringify([topic, partition, ...place, digest])).slice(0, 32)
  batchIds.set(batch, id)
  return id
}
