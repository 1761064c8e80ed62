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
 * because some clients use those of a refused batch for other records.
 */
export function quarantineId(batch: Omit<QuarantinedBatch, 'records'>, index: number): string {
  const { topic, partition, chain, digest } = batch
  const place =
    chain === null
      ? ['batch', index]
      : ['chain', String(chain.producerId), chain.producerEpoch, sequenceOf(batch, index)]
  return hash('sha256', JSON.stringify([topic, partition, ...place, digest])).slice(0, 32)
}
