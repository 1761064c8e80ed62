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
  readonly recordCount: number
}

/** One record of a batch, and what was done with it. */
export interface RecordPlace {
  readonly index: number
  readonly outcome: RecordOutcome
  /** Its offset in its topic; null when it is not there, or not known. */
  readonly offset: number | null
  /** Where it is instead, by its id; null when it is not in quarantine. */
  readonly quarantine: { readonly topic: string; readonly id: string } | null
}

/** What became of the records of a batch, in numbers. */
export interface VerdictCounts {
  accept: number
  observe: number
  mark: number
  quarantine: number
  reject: number
  /** Records that broke nothing but stood in a batch that was refused. */
  refusedWithBatch: number
}

/** What opening and judging a batch took. */
export interface Effort {
  /** Without the turns of others in between. */
  readonly seconds: number
  /** Records that the compiled contract did not accept at once. */
  readonly examined: number
}

export interface EnforcementReport {
  /** Called once per judged batch, when its fate is settled. */
  batchSettled(place: BatchPlace, counts: VerdictCounts, effort: Effort): void
  /** One record broke one check; `outcome` is what was done with the record. Not for records beyond those listed. */
  violation(place: BatchPlace, record: RecordPlace, violation: Violation): void
  /** A check of one record could not be decided. */
  undecided(place: BatchPlace, record: RecordPlace, rule: string, cause: string, message: string): void
  /** A partition was answered here; `message` is what its producer was told. */
  refused(
    place: { readonly topic: string; readonly partition: number },
    code: number,
    cause: RefusalCause,
    message: string
  ): void
  /** The sequence gate closed for a chain of this topic. */
  gateClosed(topic: string): void
  /** An acks=0 batch was dropped; nobody was told. */
  dropped(topic: string, records: number): void
}

export type RecordOutcome = 'observe' | 'mark' | 'quarantine' | 'reject'

export type RefusalCause =
  | 'contract'
  | 'envelope'
  | 'corrupt'
  | 'undecidable'
  | 'gate'
  | 'neighbour'
  | 'no-policy'
  /** The quarantine topic cannot take the bad records: refused for good, or for now. */
  | 'quarantine-unavailable'
  /** What the ledger has of this chain cannot be had now, or cannot be told any more. */
  | 'ledger'
  /** Other records under sequences that the broker has. */
  | 'sequence-reused'
  /** The broker would not have let this client write, or does not lead the partition. */
  | 'broker-would-refuse'
