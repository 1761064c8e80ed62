/**
 * What `fields` and `headers` can ask of one value without an expression: `required`, `equals`, `in`, `min`, `max`,
 * `minLength`, `maxLength`, `minItems`, `maxItems`, `matches`.
 */
import { compilePattern } from '../expressions/pattern.ts'
import type { ConstraintDocument } from '../policy/schema.ts'
import { Decimal, Uint } from '../value.ts'
import type { Shape, Value } from '../value.ts'
import { compareToNumber, equalsLiteral, typeName } from './scalars.ts'
import type { Literal } from './scalars.ts'

export interface Constraints {
  readonly required: boolean
  /** `equals` is a list of one. */
  readonly allowed: readonly Literal[] | null
  readonly min: number | null
  readonly max: number | null
  readonly minLength: number | null
  readonly maxLength: number | null
  readonly minItems: number | null
  readonly maxItems: number | null
  readonly matches: TextPattern | null
}

export interface TextPattern {
  readonly source: string
  /** Longer texts are not searched, to keep one record from holding the event loop; they break the constraint. */
  readonly textLimit: number
  test(text: string): boolean
}

/** One constraint that a value does not keep. */
export interface Broken {
  readonly message: string
  readonly expected: string
  readonly found: string
}

export interface ConstraintProblem {
  readonly key: keyof ConstraintDocument
  readonly code: 'bad-pattern' | 'wrong-value' | 'unused-key'
  readonly message: string
}

/** Compiles what the file says; the problems name the key they stand at. */
export function compileConstraints(document: ConstraintDocument): {
  readonly constraints: Constraints
  readonly problems: readonly ConstraintProblem[]
} {
  const problems: ConstraintProblem[] = []
  for (const [low, high] of [
    ['min', 'max'],
    ['minLength', 'maxLength'],
    ['minItems', 'maxItems']
  ] as const) {
    const least = document[low]
    const most = document[high]
    if (least !== undefined && most !== undefined && least > most) {
      problems.push({ key: high, code: 'wrong-value', message: `${high} is below ${low}: no value can keep both` })
    }
  }
  for (const key of ['min', 'max'] as const) {
    if (document[key] !== undefined && !Number.isFinite(document[key])) {
      problems.push({ key, code: 'wrong-value', message: `${key} must be a finite number` })
    }
  }
  if (document.equals !== undefined && document.in !== undefined) {
    problems.push({ key: 'in', code: 'unused-key', message: 'equals and in exclude each other' })
  }
  let matches: Constraints['matches'] = null
  if (document.matches !== undefined) {
    const source = document.matches
    const pattern = compilePattern(source)
    if (pattern.ok) matches = { source, textLimit: pattern.textLimit, test: (text) => pattern.test(text) }
    else problems.push({ key: 'matches', code: 'bad-pattern', message: pattern.message })
  }
  const constraints: Constraints = {
    required: document.required === true,
    allowed: document.equals === undefined ? (document.in ?? null) : [document.equals],
    min: document.min ?? null,
    max: document.max ?? null,
    minLength: document.minLength ?? null,
    maxLength: document.maxLength ?? null,
    minItems: document.minItems ?? null,
    maxItems: document.maxItems ?? null,
    matches
  }
  return { constraints, problems }
}

/** Why a constraint cannot hold for what the schema promises at this place; null when all of them fit. */
export function misfit(
  constraints: Constraints,
  shape: Shape
): { key: keyof ConstraintDocument; message: string } | null {
  const kind = shape.kind
  if (kind === 'dyn' || kind === 'null') return null
  const is = `the schema makes it a ${kind}`
  const numeric = kind === 'int' || kind === 'uint' || kind === 'double' || kind === 'decimal'
  for (const key of ['min', 'max'] as const) {
    if (constraints[key] !== null && !numeric) return { key, message: `${key} is for numbers, ${is}` }
  }
  for (const key of ['minLength', 'maxLength'] as const) {
    if (constraints[key] !== null && kind !== 'string' && kind !== 'bytes') {
      return { key, message: `${key} is for text and bytes, ${is}` }
    }
  }
  for (const key of ['minItems', 'maxItems'] as const) {
    if (constraints[key] !== null && kind !== 'list' && kind !== 'map')
      return { key, message: `${key} is for lists and maps, ${is}` }
  }
  if (constraints.matches !== null && kind !== 'string')
    return { key: 'matches', message: `matches is for text, ${is}` }
  for (const literal of constraints.allowed ?? []) {
    if (!literalFits(literal, kind)) {
      return { key: 'in', message: `${JSON.stringify(literal)} can never be equal to this field, ${is}` }
    }
  }
  return null
}

function literalFits(literal: Literal, kind: Shape['kind']): boolean {
  switch (kind) {
    case 'string':
      return typeof literal === 'string'
    case 'bool':
      return typeof literal === 'boolean'
    case 'int':
      return typeof literal === 'number' && Number.isInteger(literal)
    case 'uint':
      return typeof literal === 'number' && Number.isInteger(literal) && literal >= 0
    case 'double':
    case 'decimal':
      return typeof literal === 'number'
    default:
      return false
  }
}

/**
 * Reports each constraint that `value` does not keep. `undefined` and null are absent: only `required` minds.
 */
export function checkConstraints(
  constraints: Constraints,
  value: Value | undefined,
  report: (broken: Broken) => void
): void {
  if (value === undefined || value === null) {
    if (constraints.required) report({ message: 'is required', expected: 'a value', found: typeName(value) })
    return
  }
  const { allowed, min, max, matches } = constraints
  const found = typeName(value)
  if (allowed !== null && !allowed.some((literal) => equalsLiteral(value, literal))) {
    report({ message: 'is not an allowed value', expected: describeAllowed(allowed), found })
  }
  if (min !== null || max !== null) checkRange(value, min, max, found, report)
  if (constraints.minLength !== null || constraints.maxLength !== null) {
    checkCount(
      lengthOf(value),
      constraints.minLength,
      constraints.maxLength,
      value instanceof Uint8Array ? 'bytes' : 'characters',
      found,
      report
    )
  }
  if (constraints.minItems !== null || constraints.maxItems !== null) {
    checkCount(itemsOf(value), constraints.minItems, constraints.maxItems, 'items', found, report)
  }
  if (matches !== null && !(typeof value === 'string' && matches.test(value))) {
    const tooLong = typeof value === 'string' && value.length > matches.textLimit
    const message = tooLong ? 'is too long to be matched' : 'does not match the pattern'
    report({ message, expected: `text matching ${matches.source}`, found })
  }
}

function checkRange(
  value: Value,
  min: number | null,
  max: number | null,
  found: string,
  report: (broken: Broken) => void
): void {
  const isNumber =
    typeof value === 'number' || typeof value === 'bigint' || value instanceof Uint || value instanceof Decimal
  const below = min !== null && !((compareToNumber(value, min) ?? -1) >= 0)
  const above = max !== null && !((compareToNumber(value, max) ?? 1) <= 0)
  if (!below && !above) return
  const expected = [min === null ? '' : `at least ${min}`, max === null ? '' : `at most ${max}`]
    .filter((part) => part !== '')
    .join(' and ')
  report({ message: isNumber ? 'is out of range' : 'is not a number', expected, found })
}

function checkCount(
  count: number | null,
  least: number | null,
  most: number | null,
  unit: string,
  found: string,
  report: (broken: Broken) => void
): void {
  const expected = [least === null ? '' : `at least ${least}`, most === null ? '' : `at most ${most}`]
    .filter((part) => part !== '')
    .join(' and ')
  if (count === null) report({ message: `cannot be counted in ${unit}`, expected: `${expected} ${unit}`, found })
  else if (least !== null && count < least)
    report({ message: `has too few ${unit}`, expected: `${expected} ${unit}`, found: `${count} ${unit}` })
  else if (most !== null && count > most)
    report({ message: `has too many ${unit}`, expected: `${expected} ${unit}`, found: `${count} ${unit}` })
}

/** Code points of text, bytes of bytes. */
function lengthOf(value: Value): number | null {
  if (value instanceof Uint8Array) return value.length
  if (typeof value !== 'string') return null
  let points = value.length
  for (let i = 0; i < value.length; i++) {
    // A pair of surrogates is one character to everyone but JavaScript.
    const unit = value.charCodeAt(i)
    if (unit >= 0xd800 && unit <= 0xdbff && i + 1 < value.length) {
      const next = value.charCodeAt(i + 1)
      if (next >= 0xdc00 && next <= 0xdfff) {
        points--
        i++
      }
    }
  }
  return points
}

function itemsOf(value: Value): number | null {
  if (Array.isArray(value)) return value.length
  return value instanceof Map ? value.size : null
}

/** The literals stand in the policy, not in the record, so they may be shown. */
function describeAllowed(allowed: readonly Literal[]): string {
  if (allowed.length === 1) return String(allowed[0])
  const shown = allowed.slice(0, 10).map(String).join(', ')
  return `one of ${shown}${allowed.length > 10 ? `, and ${allowed.length - 10} more` : ''}`
}
