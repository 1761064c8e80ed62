/** From what a contract said about the records of one batch to what becomes of the batch. */
import type { BatchJudgement, TopicContract, Undecided, Violation } from '../contracts/judgement.ts'
import type { RecordOutcome, VerdictCounts } from './report.ts'
import { actionForUndecided } from './undecidable.ts'
import type { UndecidedMoment } from './undecidable.ts'
import { batchMessage, recordMessage } from './violation-text.ts'
import type { MarkedViolation } from './violation-text.ts'

/** One record that is not clean, and what is done with it. */
export interface RecordVerdict {
  readonly index: number
  readonly outcome: RecordOutcome
  readonly violations: readonly Violation[]
  readonly undecided: readonly Undecided[]
}

export type PartitionVerdict =
  | { readonly kind: 'wait'; readonly changed: readonly Promise<void>[] }
  /** Answer 19: the producer is to try again. */
  | { readonly kind: 'retry-later'; readonly records: readonly RecordVerdict[]; readonly message: string }
  | {
      readonly kind: 'refuse'
      readonly records: readonly RecordVerdict[]
      readonly message: string
      readonly recordErrors: readonly { index: number; message: string }[]
    }
  /** Goes to its topic but for those in `quarantined`; `marks` names the records that get the header. */
  | {
      readonly kind: 'pass'
      readonly records: readonly RecordVerdict[]
      readonly marks: ReadonlyMap<number, readonly MarkedViolation[]>
      readonly quarantined: ReadonlyMap<number, readonly Reason[]>
    }

/** Why a record gets its outcome; what could not be decided is a reason too where the policy makes it one. */
export type Reason = Pick<Violation, 'rule' | 'path' | 'message' | 'docs' | 'expected' | 'found'>

/** Record errors listed per batch; the rest of the bad records get the batch's message from the client library. */
const maxRecordErrors = 1_000

/** @param canQuarantine false where single records cannot be taken out: those that should be refuse their batch */
export function partitionVerdict(
  contract: TopicContract,
  judgement: BatchJudgement,
  moment: UndecidedMoment,
  canQuarantine: boolean
): PartitionVerdict {
  // Which records are taken out has to be known of all of them.
  const single = canQuarantine && judgement.judgedToEnd && judgement.unlisted === 0
  const outcomeOf = (mode: RecordOutcome): RecordOutcome => (mode === 'quarantine' && !single ? 'reject' : mode)
  const records: RecordVerdict[] = []
  const waits: Promise<void>[] = []
  let retryLater: Undecided | null = null
  const reasons = new Map<number, Reason[]>()
  for (const { index, violations, undecided } of judgement.records) {
    const given: [RecordOutcome, Reason][] = violations.map((reason) => [outcomeOf(reason.mode), reason])
    let outcome: RecordOutcome = 'observe'
    for (const violation of violations) outcome = stronger(outcome, outcomeOf(violation.mode))
    for (const item of undecided) {
      const action = actionForUndecided(item, contract.onUndecidable, moment)
      if (action.kind === 'wait') waits.push(action.changed)
      else if (action.kind === 'retry-later') retryLater ??= item
      else if (action.kind !== 'accept') {
        const leadsTo = outcomeOf(action.kind)
        outcome = stronger(outcome, leadsTo)
        given.push([leadsTo, { rule: item.rule, path: '', message: item.message }])
      }
    }
    if (outcome !== 'observe') {
      const counting = given.filter(([leadsTo]) => leadsTo === outcome)
      reasons.set(
        index,
        counting.map(([, reason]) => reason)
      )
    }
    records.push({ index, outcome, violations, undecided })
  }
  // A record that is bad for certain decides the batch, whatever else is still open.
  if (records.some((record) => record.outcome === 'reject'))
    return refusal(contract, records, reasons, judgement.recordCount)
  if (waits.length > 0) return { kind: 'wait', changed: waits }
  if (retryLater !== null) {
    return { kind: 'retry-later', records, message: `cannot judge now, try again: ${retryLater.message}` }
  }
  const ofOutcome = (outcome: RecordOutcome): Map<number, readonly Reason[]> =>
    new Map(records.filter((record) => record.outcome === outcome).map(({ index }) => [index, reasons.get(index)!]))
  return { kind: 'pass', records, marks: ofOutcome('mark'), quarantined: ofOutcome('quarantine') }
}

function refusal(
  contract: TopicContract,
  records: readonly RecordVerdict[],
  reasons: ReadonlyMap<number, readonly Reason[]>,
  recordCount: number
): PartitionVerdict {
  const bad = records.filter((record) => record.outcome === 'reject')
  const recordErrors = bad.slice(0, maxRecordErrors).map((record) => ({
    index: record.index,
    message: recordMessage(reasons.get(record.index)!)
  }))
  const first = recordErrors[0]!
  const message = batchMessage(contract.policy, bad.length, recordCount, first.index, first.message)
  return { kind: 'refuse', records, message, recordErrors }
}

const rank = { observe: 0, mark: 1, quarantine: 2, reject: 3 } as const

function stronger(a: RecordOutcome, b: RecordOutcome): RecordOutcome {
  return rank[a] >= rank[b] ? a : b
}

/** @param unlisted records that were not clean either: without a mark, as only listed records get one */
export function countVerdicts(
  recordCount: number,
  records: readonly RecordVerdict[],
  unlisted: number,
  refused: boolean
): VerdictCounts {
  const counts = { accept: 0, observe: 0, mark: 0, quarantine: 0, reject: 0, refusedWithBatch: 0 }
  for (const record of records) {
    if (refused && record.outcome !== 'reject') counts.refusedWithBatch += 1
    else counts[record.outcome] += 1
  }
  // The header of a broken envelope may claim fewer records than were noted.
  const clean = Math.max(0, recordCount - records.length - unlisted)
  if (refused) {
    counts.refusedWithBatch += clean + unlisted
  } else {
    counts.accept = clean
    counts.observe += unlisted
  }
  return counts
}
