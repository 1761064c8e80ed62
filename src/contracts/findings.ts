/**
 * Collects what is wrong with one record, within bounds: how many violations, how long their words, and never a
 * control character, because these texts travel in protocol fields, headers and logs.
 */
import type { Undecided, Violation } from './judgement.ts'
import { isStricter } from './mode.ts'
import type { Mode } from './mode.ts'

export const findingLimits = {
  /** Violations kept per record; the rest is one entry that counts them. Enough to mend a record. */
  violationsPerRecord: 16,
  /** UTF-16 units of one message, path, expectation. A line of a log. */
  text: 200,
  /**
   * Records of one batch whose violations are told in full. A batch of 64 MiB can hold nine million records, and a
   * page of text for each would be gigabytes; from here on a record keeps its strictest violation, without words.
   */
  detailedRecords: 1000,
  /**
   * Records listed for one batch that is refused anyway. The producer mends its serializer, not each of these; what
   * follows is not judged.
   */
  refusedRecords: 100_000,
  /** Different schema ids looked up for one batch. Real ones have one or two; hostile ones, one per record. */
  schemaIdsPerBatch: 100
} as const

export type ActiveMode = Exclude<Mode, 'off'>

export interface Detail {
  readonly expected?: string | undefined
  readonly found?: string | undefined
  readonly docs?: string | undefined
}

/** Where the checks report to. */
export interface Findings {
  violate(rule: string, mode: ActiveMode, path: string, message: string, detail?: Detail): void
  undecide(undecided: Undecided): void
}

export class FindingsInFull implements Findings {
  #violations: Violation[] = []
  #undecided: Undecided[] = []
  #dropped = 0
  #strictestDropped: { rule: string; mode: ActiveMode } | null = null

  violate(rule: string, mode: ActiveMode, path: string, message: string, detail: Detail = {}): void {
    if (this.#violations.length < findingLimits.violationsPerRecord) {
      this.#violations.push(violation(rule, mode, path, message, detail))
      return
    }
    this.#dropped++
    if (this.#strictestDropped === null || isStricter(mode, this.#strictestDropped.mode))
      this.#strictestDropped = { rule, mode }
  }

  undecide(undecided: Undecided): void {
    this.#undecided.push(undecided)
  }

  /** What was found since the last call, or null when the record is clean. */
  take(): { violations: readonly Violation[]; undecided: readonly Undecided[] } | null {
    if (this.#violations.length === 0 && this.#undecided.length === 0) return null
    const violations = this.#violations
    const undecided = this.#undecided
    if (this.#strictestDropped !== null) {
      // It carries the strictest mode of those it stands for, so that the verdict is the same as with all of them.
      const { rule, mode } = this.#strictestDropped
      violations.push({ rule, path: '', message: `+${this.#dropped} more`, mode })
    }
    this.#violations = []
    this.#undecided = []
    this.#dropped = 0
    this.#strictestDropped = null
    return { violations, undecided }
  }
}

/** Keeps the strictest violation and the strictest undecided check of a record, as objects shared by all records. */
export class FindingsInBrief implements Findings {
  readonly #sharedViolations = new Map<string, readonly Violation[]>()
  readonly #sharedUndecided = new Map<string, readonly Undecided[]>()
  #violation: { rule: string; mode: ActiveMode } | null = null
  #undecided: Undecided | null = null

  violate(rule: string, mode: ActiveMode): void {
    if (this.#violation === null || isStricter(mode, this.#violation.mode)) this.#violation = { rule, mode }
  }

  undecide(undecided: Undecided): void {
    if (this.#undecided === null || isStricter(undecided.mode, this.#undecided.mode)) this.#undecided = undecided
  }

  take(): { violations: readonly Violation[]; undecided: readonly Undecided[] } | null {
    if (this.#violation === null && this.#undecided === null) return null
    const violations = this.#violation === null ? none : this.#violationsOf(this.#violation)
    const undecided = this.#undecided === null ? none : this.#undecidedOf(this.#undecided)
    this.#violation = null
    this.#undecided = null
    return { violations, undecided }
  }

  #violationsOf(found: { rule: string; mode: ActiveMode }): readonly Violation[] {
    let shared = this.#sharedViolations.get(found.rule)
    if (shared === undefined) {
      shared = [{ rule: found.rule, path: '', message: 'as in records before it', mode: found.mode }]
      this.#sharedViolations.set(found.rule, shared)
    }
    return shared
  }

  #undecidedOf(found: Undecided): readonly Undecided[] {
    const { rule, cause } = found
    const about = `${rule} ${cause.kind} ${cause.kind === 'schema-unavailable' ? cause.schemaId : ''}`
    let shared = this.#sharedUndecided.get(about)
    if (shared === undefined) {
      shared = [found]
      this.#sharedUndecided.set(about, shared)
    }
    return shared
  }
}

const none: readonly never[] = []

/** A violation whose message says it all: what is wrong, what was expected, what type arrived. */
function violation(rule: string, mode: ActiveMode, path: string, message: string, detail: Detail): Violation {
  const expected = detail.expected === undefined ? undefined : cleanText(detail.expected)
  const found = detail.found === undefined ? undefined : cleanText(detail.found)
  const more = [
    expected === undefined ? '' : `expected ${expected}`,
    found === undefined ? '' : `found ${found}`
  ].filter((part) => part !== '')
  const words = more.length === 0 ? message : `${message}; ${more.join(', ')}`
  return {
    rule,
    path: cleanText(path),
    message: cleanText(words),
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    ...(detail.docs === undefined ? {} : { docs: detail.docs }),
    mode
  }
}

/** Without control characters, line separators and lone surrogates, cut at the limit. */
export function cleanText(text: string): string {
  const plain = /^[ -~]*$/.test(text) ? text : text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
  if (plain.length <= findingLimits.text) return plain
  return `${plain
    .slice(0, findingLimits.text - 1)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`
}
