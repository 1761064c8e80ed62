/**
 * The checks that look into payloads, bound to the schemas they are run against: `key.equals`, `fields` and `rules`.
 * With schemas from files that happens once, when the policy loads; with a registry once per schema id, when the first
 * record of that id arrives. A check that does not fit a schema stays, with the reason: it is undecidable for that
 * schema and for no other.
 */
import { compileExpression } from '../expressions/compile.ts'
import type { Program } from '../expressions/compile.ts'
import type { DiagnosticCode } from '../policy/codes.ts'
import type { FieldModel, PolicyModel, RuleModel } from '../policy/model.ts'
import type { PathStep } from '../policy/yaml.ts'
import type { Shape } from '../value.ts'
import { misfit } from './constraints.ts'
import { resolveShape } from './field-path.ts'

export interface BoundChecks {
  /** Why `key.equals` cannot run against these schemas; null when it can. */
  readonly keyEqualsProblem: string | null
  /** In the order of the policy. */
  readonly fields: readonly BoundField[]
  readonly rules: readonly BoundRule[]
}

export interface BoundField {
  readonly model: FieldModel
  readonly problem: string | null
}

export type BoundRule =
  | {
      readonly model: RuleModel
      readonly problem: null
      /** `when`, if the rule has one, then `expr`: each runs only if the one before gave true. */
      readonly programs: readonly Program[]
    }
  | { readonly model: RuleModel; readonly problem: string }

export interface BindProblem {
  readonly at: readonly PathStep[]
  readonly what: 'key' | 'value'
  readonly code: DiagnosticCode
  readonly message: string
  readonly remedy?: string | undefined
  /** Offset inside the expression, for rules. */
  readonly offset?: number
}

export interface Binding {
  readonly checks: BoundChecks
  readonly problems: readonly BindProblem[]
}

/** Which variables of the record a rule reads. Known from its text, whatever the schema. */
export interface Mentions {
  readonly value: boolean
  readonly key: boolean
  readonly headers: boolean
}

/** The types of what a rule can name, given the payloads' shapes. */
function variables(key: Shape, value: Shape): ReadonlyMap<string, Shape> {
  return new Map<string, Shape>([
    ['key', key],
    ['value', value],
    ['headers', { kind: 'map', values: { kind: 'string' } }],
    ['timestamp', { kind: 'timestamp' }],
    ['topic', { kind: 'string' }],
    ['partition', { kind: 'int' }]
  ])
}

/** The same by the schemas; null where the side is absent or its schema is not known. */
export function variablesOf(key: HasShape | null, value: HasShape | null): ReadonlyMap<string, Shape> {
  return variables(key?.format.shape ?? { kind: 'dyn' }, value?.format.shape ?? { kind: 'dyn' })
}

interface HasShape {
  readonly format: { readonly shape: Shape }
}

/** For what holds whatever the schema is. */
const untyped = variables({ kind: 'dyn' }, { kind: 'dyn' })

export function bindChecks(model: PolicyModel, key: Shape, value: Shape): Binding {
  const problems: BindProblem[] = []
  const shapes = { key, value }
  const keyEqualsProblem = bindKeyEquals(model, key, value, problems)
  const fields = model.fields.map((field) => bindField(field, shapes[field.path.side], problems))
  const known = variables(key, value)
  const rules = model.rules.map((rule) => bindRule(rule, known, problems))
  return { checks: { keyEqualsProblem, fields, rules }, problems }
}

function bindKeyEquals(model: PolicyModel, key: Shape, value: Shape, problems: BindProblem[]): string | null {
  const path = model.key.equals
  if (path === null) return null
  const at = ['key', 'equals']
  const target = resolveShape(value, path)
  if (!target.ok) {
    problems.push({ at, what: 'value', code: 'unknown-field', message: target.message, remedy: target.remedy })
    return target.message
  }
  if (canBeEqual(key, target.shape)) return null
  const message = `the key is ${key.kind} and ${path.text} is ${target.shape.kind}: they can never be equal`
  problems.push({ at, what: 'value', code: 'field-type', message })
  return message
}

/** A text or bytes key may spell a scalar of another type, see `textOfScalar`; the rest compares with its like. */
function canBeEqual(key: Shape, field: Shape): boolean {
  if (key.kind === 'dyn' || field.kind === 'dyn' || key.kind === field.kind) return true
  const numbers = ['int', 'uint', 'double', 'decimal']
  if (numbers.includes(key.kind) && numbers.includes(field.kind)) return true
  const spelled = ['string', 'int', 'uint', 'bool']
  if (key.kind === 'string' || key.kind === 'bytes') return spelled.includes(field.kind) || field.kind === 'bytes'
  return false
}

function bindField(model: FieldModel, root: Shape, problems: BindProblem[]): BoundField {
  const target = resolveShape(root, model.path)
  if (!target.ok) {
    problems.push({ at: model.at, what: 'key', code: 'unknown-field', message: target.message, remedy: target.remedy })
    return { model, problem: target.message }
  }
  const wrong = misfit(model.constraints, target.shape)
  if (wrong === null) return { model, problem: null }
  const message = `${model.path.text}: ${wrong.message}`
  problems.push({ at: [...model.at, wrong.key], what: 'key', code: 'field-type', message })
  return { model, problem: message }
}

function bindRule(model: RuleModel, known: ReadonlyMap<string, Shape>, problems: BindProblem[]): BoundRule {
  const when = model.when === null ? null : compileExpression(model.when, known)
  const expr = compileExpression(model.expr, known)
  for (const [key, compiled] of [
    ['when', when],
    ['expr', expr]
  ] as const) {
    if (compiled === null || compiled.ok) continue
    const text = key === 'when' ? (model.when ?? '') : model.expr
    const code = compileExpression(text, untyped).ok ? 'rule-type' : 'rule-syntax'
    for (const { message, remedy, offset } of compiled.problems) {
      const at = [...model.at, key]
      problems.push({ at, what: 'value', code, message: `rule ${model.id}: ${message}`, remedy, offset })
    }
  }
  if (!expr.ok) return { model, problem: expr.problems[0]?.message ?? 'does not compile' }
  if (when !== null && !when.ok) return { model, problem: when.problems[0]?.message ?? 'does not compile' }
  return { model, problem: null, programs: when === null ? [expr.program] : [when.program, expr.program] }
}

/** What each rule reads, by its text alone; everything when the text does not compile. */
export function mentionsOf(rule: RuleModel): Mentions {
  const mentions = { value: false, key: false, headers: false }
  for (const text of [rule.expr, rule.when]) {
    if (text === null) continue
    const compiled = compileExpression(text, untyped)
    if (!compiled.ok) return { value: true, key: true, headers: true }
    mentions.value ||= compiled.mentions.value
    mentions.key ||= compiled.mentions.key
    mentions.headers ||= compiled.mentions.headers
  }
  return mentions
}
