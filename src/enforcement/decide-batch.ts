/** From what a contract said about an opened batch to what becomes of it, and of each of its records. */
import { rebuildBatch } from '../../protocol/records/batch.ts'
import type { BatchHeader, RecordTable } from '../../protocol/records/batch.ts'
import type { BatchJudgement, Producer, TopicContract } from '../contracts/judgement.ts'
import { refuse } from './decision.ts'
import type { Fate, PartitionDecision } from './decision.ts'
import type { Chain } from './ledger/chain.ts'
import type { JudgedBatch } from './ledger/chain-state.ts'
import { partitionVerdict } from './partition-verdict.ts'
import type { PartitionVerdict, Reason } from './partition-verdict.ts'
import { batchDigest, quarantinedBatch } from './quarantined.ts'
import type { ChainPosition } from './sequence-gate.ts'
import type { UndecidedMoment } from './undecidable.ts'
import { markHeader, markHeaderValue } from './violation-text.ts'
import type { MarkedViolation } from './violation-text.ts'

/** A batch whose records lie open. */
export interface OpenBatch {
  readonly topic: string
  readonly partition: number
  /** Null where nothing watches the topic any more. */
  readonly contract: TopicContract | null
  readonly producer: Producer
  readonly position: ChainPosition | null
  readonly bytes: Buffer
  readonly header: BatchHeader
  readonly table: RecordTable
  /** Null where the ledger has nothing to do with it. */
  readonly chain: Chain | null
  /** Null without a chain. */
  readonly digest: string | null
  /** There is a quarantine for this batch, and room in the ledger. */
  readonly canQuarantine: boolean
}

export type Decided = Pick<PartitionDecision, 'fate' | 'records' | 'link' | 'quarantined'>

/**
 * A marked batch above this goes on unmarked unless the original was as large: `max.message.bytes` of a topic is
 * 1,048,588 by default, and marking must never be the reason why a record is refused.
 */
const maxMarkedBatchBytes = 900 * 1024

/** What a record gets that was sent to quarantine before, and of which today nothing bad is known. */
const judgedBefore: Reason = {
  rule: 'judged-before',
  path: '',
  message: 'an earlier try of this batch was judged by another version of the policy'
}

/** A batch that was judged just now. */
export function decidedBatch(batch: OpenBatch, judgement: BatchJudgement, moment: UndecidedMoment): Decided {
  const contract = batch.contract!
  const verdict = partitionVerdict(contract, judgement, moment, batch.canQuarantine)
  const undecided = { link: null, quarantined: null }
  switch (verdict.kind) {
    case 'wait':
      return { fate: verdict, records: [], ...undecided }
    case 'retry-later':
      return { fate: refuse(19, 'undecidable', verdict.message), records: verdict.records, ...undecided }
    case 'refuse': {
      const fate = { ...refuse(87, 'contract', verdict.message), recordErrors: verdict.recordErrors }
      return { fate, records: verdict.records, ...undecided }
    }
    case 'pass':
      return passed(batch, verdict)
  }
}

/** True when the retry has to be judged once more, only to say why its records are in quarantine. */
export function wantsReasons(batch: OpenBatch, { dropped }: JudgedBatch): boolean {
  return dropped.length > 0 && batch.contract !== null && !areQuarantined(batch)
}

function areQuarantined({ chain, header }: OpenBatch): boolean {
  return chain!.isQuarantined(header.baseSequence)
}

/**
 * A retry: which of its records go to quarantine was decided before, by whatever policy held then.
 *
 * @param judgement null unless `wantsReasons`
 */
export function decideAgain(
  batch: OpenBatch,
  { dropped, digest }: JudgedBatch,
  judgement: BatchJudgement | null,
  moment: UndecidedMoment
): Pick<PartitionDecision, 'link'> & Partial<PartitionDecision> {
  const { chain, contract, table } = batch
  const link = { chain: chain!, digest, dropped, decided: true }
  if (dropped.length === 0) return { link }
  const fate = withoutDropped(batch, new Set(dropped), new Map())
  if (areQuarantined(batch)) return { link, fate }
  // Nothing of it was sent, and no policy says any more where its bad records could go.
  if (contract === null || judgement === null) return { link: { ...link, dropped: [] } }
  // Whether they are in the topic is not known here, so they are put there once more, under the same ids.
  const verdict = partitionVerdict(contract, judgement, moment, true)
  const today = verdict.kind === 'pass' ? verdict.quarantined : new Map<number, readonly Reason[]>()
  const reasons = new Map(dropped.map((index) => [index, today.get(index) ?? [judgedBefore]]))
  const quarantined = quarantinedBatch({ ...batch, contract }, table, digest, reasons)
  return { link, fate, quarantined }
}

function passed(batch: OpenBatch, verdict: Extract<PartitionVerdict, { readonly kind: 'pass' }>): Decided {
  const { chain, table, header } = batch
  const contract = batch.contract!
  const { marks, quarantined } = verdict
  const dropped = [...quarantined.keys()]
  const digest = batch.digest ?? (dropped.length > 0 ? batchDigest(header, table) : '')
  const link = chain === null ? null : { chain, digest, dropped, decided: true }
  if (dropped.length === header.recordCount && header.transactional) {
    // With transactions v2 the first batch adds the partition to the transaction; if none came the commit would fail.
    const message = 'every record of a transactional batch breaks the contract'
    const records = verdict.records.map((record) => ({ ...record, outcome: 'reject' as const }))
    return { fate: refuse(87, 'contract', message), records, link: null, quarantined: null }
  }
  const { fate, marked } = withMarks(batch, new Set(dropped), marks)
  const records = marked
    ? verdict.records
    : verdict.records.map((r) => (r.outcome === 'mark' ? { ...r, outcome: 'observe' as const } : r))
  const stored = dropped.length === 0 ? null : quarantinedBatch({ ...batch, contract }, table, digest, quarantined)
  return { fate, records, link, quarantined: stored }
}

function withMarks(
  batch: OpenBatch,
  dropped: ReadonlySet<number>,
  marks: ReadonlyMap<number, readonly MarkedViolation[]>
): { fate: Fate; marked: boolean } {
  const fate = withoutDropped(batch, dropped, marks)
  if (marks.size === 0 || fate.kind !== 'rebuilt') return { fate, marked: true }
  if (fate.batch.length <= Math.max(batch.bytes.length, maxMarkedBatchBytes)) return { fate, marked: true }
  return { fate: withoutDropped(batch, dropped, new Map()), marked: false }
}

function withoutDropped(
  { bytes, header, table, contract }: OpenBatch,
  dropped: ReadonlySet<number>,
  marks: ReadonlyMap<number, readonly MarkedViolation[]>
): Fate {
  if (dropped.size === 0 && marks.size === 0) return { kind: 'forward' }
  const rebuilt = rebuildBatch(bytes, header, table, {
    keep: (index) => !dropped.has(index),
    addHeaders: (index) => {
      const violations = marks.get(index)
      if (violations === undefined) return null
      return [{ name: markHeader, value: markHeaderValue(contract!.policy, violations) }]
    }
  })
  return rebuilt === null ? { kind: 'emptied' } : { kind: 'rebuilt', batch: rebuilt }
}
