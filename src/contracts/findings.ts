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
  /** Checks kept per record that could not be decided; of the rest the strictest of each kind stands for all. */
  undecidedPerRecord: 16,
  /** UTF-16 units of one message, path, expectation. A line of a log. */
  text: 200,
  /**
   * Records of one batch whose violations are told in full. A batch of 64 MiB can hold nine million records, and a
   * page of text for each would be gigabytes; from here on a record keeps its strictest violation, without words.
   */
  detailedRecords: 1000,
  /**
   * Records listed for one batch. Nobody mends that many one by one: a batch that is refused anyway is not judged
   * further, and in one that is only watched the others are counted.
   */
  listedRecords: 100_000,
  /**
   * Different schema ids of one batch that may be unknown or refused. Real ones have one or two; hostile ones, one per
   * record, and each is a question to the registry.
   */
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

/** What was found in one record that is not clean. */
export interface Found {
  readonly violations: readonly Violation[]
  readonly undecided: readonly Undecided[]
}

export class FindingsInFull implements Findings {
  #violations: Violation[] = []
  #undecided: Undecided[] = []
  #dropped = 0
  #strictestDropped: { rule: string; mode: ActiveMode } | null = null
  readonly #undecidedDropped = new StrictestUndecided()

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
    if (this.#undecided.length < findingLimits.undecidedPerRecord) this.#undecided.push(undecided)
    else this.#undecidedDropped.add(undecided)
  }

  /** What was found since the last call, or null when the record is clean. */
  take(): Found | null {
    if (this.#violations.length === 0 && this.#undecided.length === 0) return null
    const violations = this.#violations
    const undecided = this.#undecided
    if (this.#strictestDropped !== null) {
      // It carries the strictest mode of those it stands for, so that the verdict is the same as with all of them.
      const { rule, mode } = this.#strictestDropped
      violations.push({ rule, path: '', message: `+${this.#dropped} more`, mode })
    }
    const more = `+${this.#undecidedDropped.count} more`
    for (const dropped of this.#undecidedDropped.take()) undecided.push({ ...dropped, message: more })
    this.#violations = []
    this.#undecided = []
    this.#dropped = 0
    this.#strictestDropped = null
    return { violations, undecided }
  }
}

/** Keeps the strictest violation and the strictest undecided checks of a record, as objects shared by all records. */
export class FindingsInBrief implements Findings {
  readonly #sharedViolations = new Map<string, readonly Violation[]>()
  readonly #sharedUndecided = new Map<string, readonly [Undecided]>()
  readonly #undecided = new StrictestUndecided()
  #violation: { rule: string; mode: ActiveMode } | null = null

  violate(rule: string, mode: ActiveMode): void {
    if (this.#violation === null || isStricter(mode, this.#violation.mode)) this.#violation = { rule, mode }
  }

  undecide(undecided: Undecided): void {
    this.#undecided.add(undecided)
  }

  take(): Found | null {
    if (this.#violation === null && this.#undecided.count === 0) return null
    const violations = this.#violation === null ? none : this.#violationsOf(this.#violation)
    const undecided = this.#undecided.take().map((found) => this.#shared(found))
    this.#violation = null
    return { violations, undecided: undecided.length > 1 ? undecided.flat() : (undecided[0] ?? none) }
  }

  #violationsOf({ rule, mode }: { rule: string; mode: ActiveMode }): readonly Violation[] {
    const about = `${mode} ${rule}`
    let shared = this.#sharedViolations.get(about)
    if (shared === undefined) {
      shared = [{ rule, path: '', message: 'as in records before it', mode }]
      this.#sharedViolations.set(about, shared)
    }
    return shared
  }

  #shared(found: Undecided): readonly [Undecided] {
    const { rule, mode, cause } = found
    const about = `${mode} ${rule} ${cause.kind} ${cause.kind === 'schema-unavailable' ? cause.schemaId : ''}`
    let shared = this.#sharedUndecided.get(about)
    if (shared === undefined) {
      shared = [found]
      this.#sharedUndecided.set(about, shared)
    }
    return shared
  }
}

/**
 * The strictest undecided check of each kind: a schema that may still come can be waited for, an error cannot, so the
 * one must not stand for the other.
 */
class StrictestUndecided {
  count = 0
  #schema: Undecided | null = null
  #rule: Undecided | null = null

  add(undecided: Undecided): void {
    this.count++
    if (undecided.cause.kind === 'schema-unavailable') this.#schema = stricterOf(this.#schema, undecided)
    else this.#rule = stricterOf(this.#rule, undecided)
  }

  take(): readonly Undecided[] {
    if (this.count === 0) return none
    const taken = [this.#schema, this.#rule].filter((undecided) => undecided !== null)
    this.count = 0
    this.#schema = null
    this.#rule = null
    return taken
  }
}

function stricterOf(known: Undecided | null, other: Undecided): Undecided {
  return known === null || isStricter(other.mode, known.mode) ? other : known
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
