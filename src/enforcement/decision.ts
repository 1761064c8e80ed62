/** What is to become of one partition of a Produce request, as far as judging it can tell. */
import type { TopicContract } from '../contracts/judgement.ts'
import type { Chain } from './ledger/chain.ts'
import type { QuarantinedBatch } from './quarantine-port.ts'
import type { RecordVerdict } from './partition-verdict.ts'
import type { Effort, RefusalCause } from './report.ts'
import type { ChainPosition } from './sequence-gate.ts'

export interface PartitionDecision {
  readonly topic: string
  readonly partition: number
  /** Null where nothing watches the topic. */
  readonly contract: TopicContract | null
  /** The chain of the batch; null without a producer id, or when the header could not be read. */
  readonly position: ChainPosition | null
  readonly recordCount: number
  readonly records: readonly RecordVerdict[]
  /** How many more records were not clean, beyond those listed. */
  readonly unlisted: number
  readonly fate: Fate
  /** Its place in a chain of the ledger; null where the ledger has nothing to do with it. */
  readonly link: ChainLink | null
  /** What has to be in the quarantine topic before the rest goes on; null when nothing has. */
  readonly quarantined: QuarantinedBatch | null
  readonly effort: Effort
}

export interface ChainLink {
  readonly chain: Chain
  /** Of the records; empty where they were not looked at. */
  readonly digest: string
  /** Indices of the records that go to quarantine, ascending. */
  readonly dropped: readonly number[]
  /** False for a batch that only passes by what is known: nothing new was decided about it. */
  readonly decided: boolean
}

export type Fate =
  | { readonly kind: 'forward' }
  | { readonly kind: 'rebuilt'; readonly batch: Buffer }
  /** Every record goes to quarantine. */
  | { readonly kind: 'emptied' }
  | { readonly kind: 'wait'; readonly changed: readonly Promise<void>[] }
  /** The ledger has to be asked, which is done only for a connection that has shown it may write. */
  | { readonly kind: 'unshown' }
  | Refusal

export interface Refusal {
  readonly kind: 'refuse'
  readonly code: number
  readonly cause: RefusalCause
  readonly message: string
  readonly recordErrors: readonly { index: number; message: string }[]
}

export function refuse(code: number, cause: RefusalCause, message: string): Refusal {
  return { kind: 'refuse', code, cause, message, recordErrors: [] }
}

export function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${partition}/${topic}`
}
