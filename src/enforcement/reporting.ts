/** Tells the report what became of a batch and of its records. */
import type { Producer } from '../contracts/judgement.ts'
import type { ProduceCall } from '../proxy/produce-path.ts'
import type { PartitionDecision } from './decision.ts'
import { quarantineId } from './quarantine-port.ts'
import { countVerdicts } from './partition-verdict.ts'
import type { RecordVerdict } from './partition-verdict.ts'
import type { EnforcementReport, RecordPlace, RefusalCause } from './report.ts'

export function producerOf(call: ProduceCall): Producer {
  return { clientId: call.clientId, principal: null }
}

/** The broker took it, or all of it is in quarantine: a client it refuses leaves no trace in journal and metrics. */
export function reportPassed(
  report: EnforcementReport,
  producer: Producer,
  decision: PartitionDecision,
  baseOffset: bigint | null
): void {
  const { quarantined } = decision
  let droppedBefore = 0
  const offsets = new Map<number, number>()
  if (baseOffset !== null && baseOffset >= 0n) {
    // Ascending, as the records of a judgement are.
    for (const { index, outcome } of decision.records) {
      if (outcome === 'quarantine') droppedBefore += 1
      else offsets.set(index, Number(baseOffset) + index - droppedBefore)
    }
  }
  const quarantineOf = ({ index, outcome }: RecordVerdict): RecordPlace['quarantine'] => {
    if (quarantined === null || outcome !== 'quarantine') return null
    return { topic: quarantined.target.topic, id: quarantineId(quarantined, index) }
  }
  reportRecords(report, producer, decision, decision.records, false, (record) => ({
    offset: offsets.get(record.index) ?? null,
    quarantine: quarantineOf(record)
  }))
}

export function reportRefused(
  report: EnforcementReport,
  producer: Producer,
  decision: PartitionDecision,
  { cause, code }: { readonly cause: RefusalCause; readonly code: number }
): void {
  // What no quarantine will take is refused like what may not be quarantined.
  const records =
    cause === 'quarantine-unavailable' && code === 87
      ? decision.records.map((r) => (r.outcome === 'quarantine' ? { ...r, outcome: 'reject' as const } : r))
      : decision.records
  reportRecords(report, producer, decision, records, true, () => ({ offset: null, quarantine: null }))
}

function reportRecords(
  report: EnforcementReport,
  producer: Producer,
  decision: PartitionDecision,
  records: readonly RecordVerdict[],
  refused: boolean,
  whereabouts: (record: RecordVerdict) => Pick<RecordPlace, 'offset' | 'quarantine'>
): void {
  const { topic, partition, contract, position, recordCount, unlisted, effort } = decision
  if (contract === null) return
  const baseSequence = position?.baseSequence ?? null
  const place = { topic, partition, producer, policy: contract.policy, baseSequence, recordCount }
  report.batchSettled(place, countVerdicts(recordCount, records, unlisted, refused), effort)
  for (const verdict of records) {
    const { index, outcome, violations, undecided } = verdict
    const record = { index, outcome, ...whereabouts(verdict) }
    for (const violation of violations) report.violation(place, record, violation)
    for (const { rule, cause, message } of undecided) report.undecided(place, record, rule, cause.kind, message)
  }
}
