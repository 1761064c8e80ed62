/** Where what the produce path reports goes: metrics, the journal behind `why`, activity, and now and then a log line. */
import type {
  BatchPlace,
  Effort,
  EnforcementReport,
  RecordPlace,
  RefusalCause,
  VerdictCounts
} from '../enforcement/report.ts'
import type { Violation } from '../contracts/judgement.ts'
import type { Activity } from '../observability/activity.ts'
import type { LogLimiter } from '../observability/log-limiter.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics, RecordVerdict } from '../observability/metrics.ts'
import type { RefusalJournal } from '../observability/refusal-journal.ts'

export interface ProduceReportParts {
  readonly metrics: Metrics
  readonly journal: RefusalJournal
  readonly activity: Activity
  readonly logger: Logger
  readonly limiter: LogLimiter
  readonly nowMs: () => number
}

/** The code a client is given for a record that breaks its contract. */
const invalidRecord = 87

export class ProduceReport implements EnforcementReport {
  readonly #parts: ProduceReportParts

  constructor(parts: ProduceReportParts) {
    this.#parts = parts
  }

  batchSettled(place: BatchPlace, counts: VerdictCounts, effort: Effort): void {
    const { metrics, activity, nowMs } = this.#parts
    metrics.batchJudged(place.topic, effort.seconds, effort.examined)
    const now = nowMs()
    for (const [verdict, records] of verdictsOf(counts)) {
      if (records === 0) continue
      metrics.recordsJudged(place.topic, verdict, records)
      activity.recordsJudged(place.topic, place.producer, verdict, records, now)
    }
  }

  violation(place: BatchPlace, { index, outcome, offset, quarantine }: RecordPlace, violation: Violation): void {
    const { metrics, journal, nowMs } = this.#parts
    metrics.violation(place.topic, violation.rule, violation.mode)
    journal.record({
      atMs: nowMs(),
      ...subjectOf(place),
      verdict: outcome,
      errorCode: outcome === 'reject' ? invalidRecord : 0,
      baseSequence: place.baseSequence,
      batchIndex: index,
      offset,
      quarantineTopic: quarantine?.topic ?? null,
      quarantineId: quarantine?.id ?? null,
      rule: violation.rule,
      path: violation.path,
      message: violation.message,
      expected: violation.expected,
      found: violation.found
    })
    if (outcome === 'reject' || outcome === 'quarantine') this.#log(place, outcome, violation)
  }

  undecided(
    place: BatchPlace,
    { index, offset, quarantine }: RecordPlace,
    rule: string,
    cause: string,
    message: string
  ): void {
    const { metrics, journal, nowMs } = this.#parts
    metrics.undecidable(place.topic, rule, cause)
    journal.record({
      atMs: nowMs(),
      ...subjectOf(place),
      verdict: 'undecidable',
      errorCode: 0,
      baseSequence: place.baseSequence,
      batchIndex: index,
      offset,
      quarantineTopic: quarantine?.topic ?? null,
      quarantineId: quarantine?.id ?? null,
      rule,
      path: '',
      message
    })
  }

  refused(
    { topic, partition }: { readonly topic: string; readonly partition: number },
    code: number,
    cause: RefusalCause,
    message: string
  ): void {
    const { metrics, logger, limiter, nowMs } = this.#parts
    metrics.partitionRefused(topic, code, cause)
    if (cause !== 'quarantine-unavailable' && cause !== 'ledger') return
    const suppressed = limiter.admit(`${cause}/${topic}`, nowMs())
    if (suppressed === null) return
    const fields = { topic, partition, errorCode: code, cause, reason: message }
    logger.error('records cannot be quarantined', suppressed === 0 ? fields : { ...fields, suppressed })
  }

  gateClosed(topic: string): void {
    this.#parts.metrics.gateClosed(topic)
  }

  dropped(topic: string, records: number): void {
    this.#parts.metrics.acksZeroDropped(topic, records)
  }

  #log(place: BatchPlace, outcome: 'reject' | 'quarantine', violation: Violation): void {
    const { logger, limiter, nowMs } = this.#parts
    const { topic, policy, clientId } = subjectOf(place)
    const suppressed = limiter.admit(`${topic}/${clientId ?? ''}/${violation.rule}`, nowMs())
    if (suppressed === null) return
    logger.warn(outcome === 'reject' ? 'record refused' : 'record quarantined', {
      topic,
      partition: place.partition,
      clientId,
      policy,
      rule: violation.rule,
      path: violation.path,
      reason: violation.message,
      suppressed: suppressed === 0 ? undefined : suppressed
    })
  }
}

function subjectOf(place: BatchPlace) {
  const { topic, partition, producer, policy } = place
  return {
    topic,
    partition,
    clientId: producer.clientId,
    principal: producer.principal,
    policy: `${policy.name}@${policy.version}`
  }
}

function verdictsOf(counts: VerdictCounts): readonly [RecordVerdict, number][] {
  return [
    ['accept', counts.accept],
    ['observe', counts.observe],
    ['mark', counts.mark],
    ['quarantine', counts.quarantine],
    ['reject', counts.reject],
    ['refused-with-batch', counts.refusedWithBatch]
  ]
}
