/**
 * What the produce path tells about what it did: for metrics, the journal of refusals and logs. Never record contents.
 */
import type { PolicyReference, Producer, Violation } from '../contracts/judgement.ts'

/** Who and where, for one partition batch. */
export interface BatchPlace {
  readonly topic: string
  readonly partition: number
  readonly producer: Producer
  readonly policy: PolicyReference
  /** Null for batches without a producer id. */
  readonly baseSequence: number | null
  /** Offset of the first record in its topic; null when it was refused, or is not known. */
  readonly baseOffset: number | null
  readonly recordCount: number
}

/** What became of the records of a batch, in numbers. */
export interface VerdictCounts {
  accept: number
  observe: number
  mark: number
  reject: number
  /** Records that broke nothing but stood in a batch that was refused. */
  refusedWithBatch: number
}

export interface EnforcementReport {
  /** Called once per judged batch, when its fate is settled. `seconds`: CPU-bound time of opening and judging it. */
  batchSettled(place: BatchPlace, counts: VerdictCounts, seconds: number): void
  /** One record broke one check; `outcome` is what was done with the record. Not for records beyond those listed. */
  violation(place: BatchPlace, recordIndex: number, violation: Violation, outcome: RecordOutcome): void
  /** A check of one record could not be decided. */
  undecided(place: BatchPlace, recordIndex: number, rule: string, cause: string, message: string): void
  /** A partition was answered here. */
  refused(place: { readonly topic: string; readonly partition: number }, code: number, cause: RefusalCause): void
  /** The sequence gate closed for a chain of this topic. */
  gateClosed(topic: string): void
  /** An acks=0 batch was dropped; nobody was told. */
  dropped(topic: string, records: number): void
}

export type RecordOutcome = 'observe' | 'mark' | 'reject'

export type RefusalCause =
  | 'contract'
  | 'envelope'
  | 'corrupt'
  | 'undecidable'
  | 'gate'
  | 'neighbour'
  | 'no-policy'
  /** The broker would not have let this client write, or does not lead the partition. */
  | 'broker-would-refuse'
