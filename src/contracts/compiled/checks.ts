/**
 * What a policy asks of records with one pair of schemas, compiled: the validators of both payloads, and tests over the
 * fields they note.
 */
import { LRUCache } from 'lru-cache'
import type { BoundRule } from '../checks/bind.ts'
import { variablesOf } from '../checks/bind.ts'
import { resolveShape } from '../checks/field-path.ts'
import { compileLimits } from '../compile.ts'
import type { CompiledPolicy, SideSchema } from '../compile.ts'
import type { Program } from '../expressions/compile.ts'
import { compiledLimits, slotKind, Slots } from '../payload/compiled.ts'
import type { Compilable, CompiledPayload, NotCompiled } from '../payload/compiled.ts'
import type { PayloadFormat } from '../payload/format.ts'
import type { Plan, PlannedField, PlannedRule } from '../plan.ts'
import { compileCondition } from './conditions.ts'
import type { Condition, RecordFacts } from './conditions.ts'
import { compileConstraints } from './constraints.ts'
import { folded } from './item-folds.ts'
import type { ItemFolds } from './item-folds.ts'
import { compileKeyEquals } from './key-equals.ts'
import { readsOfExpression, readsOfField } from './paths.ts'
import { SlotLayout } from './slot-layout.ts'
import type { SideLayout } from './slot-layout.ts'
import type { FieldRead } from './slot-table.ts'

/** True when the check certainly holds. */
export type Test = (slots: Slots, bytes: Buffer, record: RecordFacts) => boolean

export interface CompiledChecks {
  /** Null where that side is not read. */
  readonly key: CompiledPayload | null
  readonly value: CompiledPayload | null
  readonly slots: Slots
  /** To be started before each record. */
  readonly folds: readonly ItemFolds[]
  readonly tests: readonly Test[]
  /** Rules that read neither payload, for the reference's own programs. */
  readonly programs: readonly { readonly when: Program | null; readonly expr: Program }[]
}

/**
 * Compiled once per plan and pair of schemas and kept with the policy. Never throws.
 *
 * @param key null: no record is judged by its key
 * @param value likewise
 */
export function compiledChecks(
  policy: CompiledPolicy,
  plan: Plan,
  key: SideSchema | null,
  value: SideSchema | null
): CompiledChecks | NotCompiled {
  let known = compiledByPolicy.get(policy)
  if (known === undefined) compiledByPolicy.set(policy, (known = new LRUCache({ max: compileLimits.bindings })))
  // Topics have plans of their own, but those of one profile are alike.
  const pair = `${policy.modes.profiles.indexOf(plan.profile)}|${key?.id ?? ''}|${value?.id ?? ''}`
  let checks = known.get(pair)
  if (checks === undefined) known.set(pair, (checks = compileSafely(policy, plan, key, value)))
  return checks
}

/** With each policy, for as long as that is in use. */
const compiledByPolicy = new WeakMap<CompiledPolicy, LRUCache<string, CompiledChecks | NotCompiled>>()

function compileSafely(...asked: Parameters<typeof compile>): CompiledChecks | NotCompiled {
  try {
    return compile(...asked)
  } catch (error) {
    // V8's own limits, for the most part: what is too deep or too large to compile.
    return { reason: error instanceof RangeError ? 'it is too large or too deep to compile' : 'it failed to compile' }
  }
}

function compile(
  policy: CompiledPolicy,
  plan: Plan,
  key: SideSchema | null,
  value: SideSchema | null
): CompiledChecks | NotCompiled {
  const { fields, rules, keyEqualsProblem } = policy.checksFor(key, value)
  if (plan.keyEquals !== 'off' && keyEqualsProblem !== null) return { reason: keyEqualsProblem }
  for (const { index } of plan.fields) {
    const { problem } = fields[index]!
    if (problem !== null) return { reason: problem }
  }
  for (const { index } of plan.rules) {
    const { problem } = rules[index]!
    if (problem !== null) return { reason: problem }
  }
  const context: Context = { policy, plan, key, value, boundRules: rules }
  const reads = allReads(context)
  if ('reason' in reads) return reads
  const layout = new SlotLayout(reads)
  if (layout.fieldCount > compiledLimits.paths)
    return { reason: `its rules read more than ${compiledLimits.paths} fields` }
  const keyPayload = compilePayload('key', key, layout.key)
  if (keyPayload !== null && 'reason' in keyPayload) return keyPayload
  const valuePayload = compilePayload('value', value, layout.value)
  if (valuePayload !== null && 'reason' in valuePayload) return valuePayload
  layout.bind(keyPayload, valuePayload)
  const tests = allTests(context, layout)
  if ('reason' in tests) return tests
  return { key: keyPayload, value: valuePayload, slots: new Slots(layout.count), folds: layout.folds, ...tests }
}

interface Context {
  readonly policy: CompiledPolicy
  readonly plan: Plan
  readonly key: SideSchema | null
  readonly value: SideSchema | null
  readonly boundRules: readonly BoundRule[]
}

function compilePayload(
  side: 'key' | 'value',
  schema: SideSchema | null,
  { paths, firstSlot, visits }: SideLayout
): CompiledPayload | NotCompiled | null {
  if (schema === null) return null
  const { format } = schema
  if (!isCompilable(format)) return { reason: `${side}: payloads of the format ${format.name} are not compiled` }
  const compiled = format.compile(paths, firstSlot, visits)
  return 'reason' in compiled ? { reason: `${side}: ${compiled.reason}` } : compiled
}

function isCompilable(format: PayloadFormat): format is PayloadFormat & Compilable {
  return 'compile' in format
}

/** Whether the rule needs a payload at all. */
function readsPayload(rule: PlannedRule): boolean {
  return rule.readsKey || rule.readsValue
}

function allReads({ policy, plan, key, value }: Context): readonly FieldRead[] | NotCompiled {
  const { model } = policy
  const known = variablesOf(key, value)
  const all: FieldRead[] = []
  for (const field of plan.fields) {
    const reads = readsOfField(model.fields[field.index]!.path)
    if ('reason' in reads) return { reason: `${field.id}: ${reads.reason}` }
    all.push(...reads)
  }
  for (const rule of plan.rules) {
    if (!readsPayload(rule)) continue
    const { expr, when } = model.rules[rule.index]!
    for (const source of when === null ? [expr] : [when, expr]) {
      const reads = readsOfExpression(source, known)
      if ('reason' in reads) return { reason: `rule ${rule.id}: ${reads.reason}` }
      all.push(...reads)
    }
  }
  if (plan.keyEquals !== 'off' && model.key.equals !== null) {
    const reads = readsOfField(model.key.equals)
    if ('reason' in reads) return { reason: `key.equals: ${reads.reason}` }
    all.push({ side: 'key', steps: [] }, ...reads)
  }
  return all
}

function allTests(context: Context, layout: SlotLayout): Pick<CompiledChecks, 'tests' | 'programs'> | NotCompiled {
  const { plan, policy, boundRules } = context
  const tests: Test[] = []
  const programs: CompiledChecks['programs'][number][] = []
  if (plan.keyEquals !== 'off' && policy.model.key.equals !== null) {
    const test = keyEqualsTest(context, layout)
    if ('reason' in test) return { reason: `key.equals: ${test.reason}` }
    tests.push(test)
  }
  for (const field of plan.fields) {
    const test = fieldTest(context, field, layout)
    if ('reason' in test) return { reason: `${field.id}: ${test.reason}` }
    tests.push(test)
  }
  for (const rule of plan.rules) {
    if (readsPayload(rule)) {
      const test = ruleTest(context, rule, layout)
      if ('reason' in test) return { reason: `rule ${rule.id}: ${test.reason}` }
      tests.push(test)
      continue
    }
    const bound = boundRules[rule.index]!
    if (bound.problem !== null) return { reason: bound.problem }
    const [first, second] = bound.programs
    programs.push(second === undefined ? { when: null, expr: first! } : { when: first!, expr: second })
  }
  return { tests, programs }
}

function keyEqualsTest({ policy, key, value }: Context, layout: SlotLayout): Test | NotCompiled {
  const path = policy.model.key.equals!
  const wanted = readsOfField(path)
  if ('reason' in wanted) return wanted
  const keyShape = key?.format.shape ?? { kind: 'dyn' }
  const target = resolveShape(value?.format.shape ?? { kind: 'dyn' }, path)
  if (!target.ok) return { reason: target.message }
  const slots = { key: layout.slotOf({ side: 'key', steps: [] }), value: layout.slotOf(wanted.at(-1)!) }
  return compileKeyEquals(keyShape, target.shape, slots, layout)
}

function fieldTest({ policy, key, value }: Context, field: PlannedField, layout: SlotLayout): Test | NotCompiled {
  const { path, constraints } = policy.model.fields[field.index]!
  const root = (field.side === 'key' ? key : value)?.format.shape ?? { kind: 'dyn' }
  const target = resolveShape(root, path)
  if (!target.ok) return { reason: target.message }
  const reads = readsOfField(path)
  if ('reason' in reads) return reads
  const slot = layout.slotOf(reads.at(-1)!)
  const kept = compileConstraints(constraints, target.shape, slot, layout.symbolsOf(slot), layout.scaleOf(slot))
  return 'reason' in kept || reads.length === 1 ? kept : ofItems(reads[0]!, kept, layout)
}

/** A list that is absent or null has no items. */
function ofItems(read: FieldRead, kept: (slots: Slots, bytes: Buffer) => boolean, layout: SlotLayout): Test {
  const list = layout.slotOf(read)
  const judge = (slots: Slots, bytes: Buffer): 1 | 2 => (kept(slots, bytes) ? folded.true : folded.unknown)
  const fold = layout.addFold(read, { kind: 'all', judge })
  return ({ kinds, numbers }) => {
    if (kinds[list]! <= slotKind.null) return true
    return kinds[list] === slotKind.list && numbers[fold] === numbers[list] && kinds[fold] === folded.true
  }
}

/** `when` first: only where it is certainly true the rule has to hold, where it is certainly false it need not. */
function ruleTest({ policy, key, value }: Context, rule: PlannedRule, layout: SlotLayout): Test | NotCompiled {
  const { expr, when } = policy.model.rules[rule.index]!
  const known = variablesOf(key, value)
  const holds = compileCondition(expr, known, layout)
  if ('reason' in holds) return holds
  if (when === null) return (slots, bytes, record) => holds(slots, bytes, record) === 1
  const applies = compileCondition(when, known, layout)
  if ('reason' in applies) return applies
  return whenThen(applies, holds)
}

function whenThen(applies: Condition, holds: Condition): Test {
  return (slots, bytes, record) => {
    const applied = applies(slots, bytes, record)
    return applied === 0 || (applied === 1 && holds(slots, bytes, record) === 1)
  }
}
