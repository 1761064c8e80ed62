/** The words a producer reads: in `record_errors`, in the partition's error message, and in the mark header. */
import type { PolicyReference, Violation } from '../contracts/judgement.ts'

/** Header that mode `mark` adds to a record. */
export const markHeader = 'kontrakt.violations'
/** Violations spelled out per record; an error message is read in a log line. */
const maxPerRecord = 3
/** Characters per record message, so that a response stays small next to its request. */
const maxMessageLength = 1_000

/** `amount-positive at value.amount: amount must be above zero; +2 more` */
export function recordMessage(violations: readonly Pick<Violation, 'rule' | 'path' | 'message' | 'docs'>[]): string {
  const shown = violations.slice(0, maxPerRecord).map((violation) => {
    const path = violation.path === '' ? '' : ` at ${violation.path}`
    const docs = violation.docs === undefined ? '' : ` (${violation.docs})`
    return `${violation.rule}${path}: ${violation.message}${docs}`
  })
  if (violations.length > maxPerRecord) shown.push(`+${violations.length - maxPerRecord} more`)
  return cut(shown.join('; '))
}

/** `2 of 10 records break orders@3f2a91c04b7e; record 3: ...` */
export function batchMessage(policy: PolicyReference, bad: number, count: number, index: number, text: string): string {
  const records = count === 1 ? 'record' : 'records'
  const breaks = bad === 1 ? 'breaks' : 'break'
  return cut(`${bad} of ${count} ${records} ${breaks} ${policy.name}@${policy.version}; record ${index}: ${text}`)
}

/**
 * Value of the mark header: JSON, version 1. Consumers read which policy said what about the record; the value of a
 * field is never in it.
 */
export function markHeaderValue(policy: PolicyReference, violations: readonly MarkedViolation[]): Buffer {
  const shown = violations.slice(0, 16).map(({ rule, path, message }) => ({ rule, path, message }))
  const more = violations.length - shown.length
  const document = {
    v: 1,
    policy: `${policy.name}@${policy.version}`,
    violations: shown,
    ...(more > 0 ? { more } : {})
  }
  return Buffer.from(JSON.stringify(document))
}

export type MarkedViolation = Pick<Violation, 'rule' | 'path' | 'message'>

function cut(text: string): string {
  return text.length <= maxMessageLength ? text : `${text.slice(0, maxMessageLength - 1)}…`
}
