/**
 * Judging a batch in turns: the records in their order, what is found within bounds of memory.
 *
 * The bounds are those of the batch, not of a turn, and must not change what becomes of it: where records are no longer
 * listed, the first that decides in a way of its own still is.
 */
import type { RecordAcceptor } from './compiled/record-acceptor.ts'
import { FindingsInBrief, FindingsInFull, findingLimits } from './findings.ts'
import type { Found } from './findings.ts'
import type { BatchJudgement, Judging, RecordBytes, RecordJudgement, Undecided } from './judgement.ts'
import { enforces } from './mode.ts'
import type { RecordJudge } from './record-judge.ts'

/**
 * Work between two questions whether to pause, in bytes of keys and values that the reference judges; asking costs as
 * much as a small record.
 */
const workBetweenAsks = 1024
/** What a record costs besides its bytes. */
const workPerRecord = 64
/** A record that is accepted at once takes so much less. */
const acceptedShare = 1 / 8

const neverAccepts: Pick<RecordAcceptor, 'accepts'> = { accepts: () => false }

export class BatchJudging implements Judging {
  readonly #records: RecordBytes
  readonly #judge: Pick<RecordJudge, 'judge'>
  readonly #acceptor: Pick<RecordAcceptor, 'accepts'>
  readonly #listed: RecordJudgement[] = []
  #unlisted = 0
  #findings: FindingsInFull | FindingsInBrief = new FindingsInFull()
  /** Index of the record that comes next. */
  #next = 0
  /** A record breaks an enforced check. */
  #refused = false
  /** So many do that the rest is not judged. */
  #cut = false
  #examined = 0
  /** Reasons to wait or to refuse of the records that would not be listed any more. */
  readonly #openReasons = new Set<string>()

  constructor(
    records: RecordBytes,
    judge: Pick<RecordJudge, 'judge'>,
    acceptor: Pick<RecordAcceptor, 'accepts'> = neverAccepts
  ) {
    this.#records = records
    this.#judge = judge
    this.#acceptor = acceptor
  }

  advance(shouldPause: () => boolean): boolean {
    const records = this.#records
    let workLeft = workBetweenAsks
    while (this.#next < records.count) {
      if (workLeft <= 0) {
        if (shouldPause()) return false
        workLeft = workBetweenAsks
      }
      const index = this.#next++
      const work = workPerRecord + Math.max(0, records.keyLength(index)) + Math.max(0, records.valueLength(index))
      if (this.#acceptor.accepts(index)) {
        workLeft -= work * acceptedShare
        continue
      }
      workLeft -= work
      this.#examined++
      this.#judge.judge(index, this.#findings)
      const found = this.#findings.take()
      if (found !== null) this.#note(index, found)
    }
    return true
  }

  result(): BatchJudgement {
    return {
      recordCount: this.#records.count,
      records: this.#listed,
      unlisted: this.#unlisted,
      judgedToEnd: !this.#cut,
      examined: this.#examined
    }
  }

  #note(index: number, found: Found): void {
    const refuses = found.violations.some((violation) => enforces(violation.mode))
    if (this.#listed.length < findingLimits.listedRecords || refuses || this.#isNewReason(found.undecided)) {
      this.#listed.push({ index, violations: found.violations, undecided: found.undecided })
      if (this.#listed.length === findingLimits.detailedRecords) this.#findings = new FindingsInBrief()
    } else {
      this.#unlisted++
    }
    this.#refused ||= refuses
    // The producer mends its serializer, not each of these.
    if (this.#refused && this.#listed.length >= findingLimits.listedRecords && this.#next < this.#records.count) {
      this.#cut = true
      this.#next = this.#records.count
    }
  }

  /** As many as there are enforcing modes and schema ids looked up. */
  #isNewReason(undecided: readonly Undecided[]): boolean {
    const before = this.#openReasons.size
    for (const { mode, cause } of undecided) {
      if (!enforces(mode)) continue
      const schema = cause.kind === 'schema-unavailable' ? ` ${cause.schemaId} ${cause.failingSinceMs}` : ''
      this.#openReasons.add(`${mode}${schema}`)
    }
    return this.#openReasons.size > before
  }
}
