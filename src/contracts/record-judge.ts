/**
 * Judging one record: the plan of the producer is run over it where it lies in the batch.
 *
 * What cannot be decided is said, not guessed: a check that could not run stands in `undecided` with the mode it would
 * have had, also when it could not run because the payload it needs broke a check that is only watched.
 */
import { checkConstraints } from './checks/constraints.ts'
import { renderPlace, valueAt, visitPlaces } from './checks/field-path.ts'
import { checkHeaders } from './checks/headers.ts'
import { sameValue, textOfScalar, typeName } from './checks/scalars.ts'
import type { BoundChecks } from './checks/bind.ts'
import type { CompiledPolicy, SideSchema } from './compile.ts'
import { cleanText } from './findings.ts'
import type { ActiveMode, Findings } from './findings.ts'
import type { BatchContext, RecordBytes, Undecided } from './judgement.ts'
import { isStricter } from './mode.ts'
import type { Mode } from './mode.ts'
import type { BatchSide, PendingSchema, SidePayload } from './payload-side.ts'
import type { PayloadFailure } from './payload/format.ts'
import type { Plan, PlannedRule } from './plan.ts'
import { RecordBindings } from './record-bindings.ts'
import type { Value } from './value.ts'

/** A side of the record being judged, and why the checks that need it cannot run, if they cannot. */
type Side =
  | { readonly state: 'decoded'; readonly schema: SideSchema; readonly value: Value }
  /** A null key, or a tombstone. */
  | { readonly state: 'null' }
  /** A violation says so, in this mode. */
  | { readonly state: 'broken'; readonly mode: Mode }
  | { readonly state: 'pending'; readonly pending: PendingSchema }
  /** No check needs it. */
  | { readonly state: 'unread' }

const nullSide: Side = { state: 'null' }
const unreadSide: Side = { state: 'unread' }

/** What one batch is judged by: the policy, the plan of its producer, and the schemas as they are known now. */
export interface BatchRules {
  readonly policy: CompiledPolicy
  readonly plan: Plan
  readonly key: BatchSide
  readonly value: BatchSide
}

/** Judges the records of one batch, one by one. */
export class RecordJudge {
  readonly #policy: CompiledPolicy
  readonly #plan: Plan
  readonly #sides: { readonly key: BatchSide; readonly value: BatchSide }
  readonly #records: RecordBytes
  readonly #bindings: RecordBindings
  /** The last pair of schemas and the checks bound to it: nearly every record has the same as the one before. */
  #bound: { key: SideSchema | null; value: SideSchema | null; checks: BoundChecks } | null = null

  constructor({ policy, plan, key, value }: BatchRules, records: RecordBytes, context: BatchContext) {
    this.#policy = policy
    this.#plan = plan
    this.#sides = { key, value }
    this.#records = records
    this.#bindings = new RecordBindings(records, context.topic, context.partition)
  }

  /** Tells what is wrong with the record. Never throws. */
  judge(index: number, findings: Findings): void {
    try {
      this.#judgeRecord(this.#plan, this.#records, index, findings)
    } catch {
      // A fault of ours, or a stack that ran out: the record is not waved through and the connection lives on.
      const mode = activeOf(this.#plan.profile.strongest)
      findings.undecide(undecidedRule('schema', mode, 'the record could not be judged'))
    }
  }

  #judgeRecord(plan: Plan, records: RecordBytes, index: number, findings: Findings): void {
    if (plan.headers.length > 0) checkHeaders(plan.headers, records, index, findings)
    const key = this.#openKey(plan, records, index, findings)
    const value = this.#openValue(plan, records, index, findings)
    if (plan.fields.length === 0 && plan.rules.length === 0 && plan.keyEquals === 'off') return
    const checks = this.#checksFor(key, value)
    this.#checkKeyEquals(plan, checks, key, value, findings)
    this.#checkFields(plan, checks, key, value, findings)
    this.#checkRules(plan, checks, key, value, index, findings)
  }

  #openKey(plan: Plan, records: RecordBytes, index: number, findings: Findings): Side {
    const length = records.keyLength(index)
    if (length < 0) {
      if (plan.keyRequired && plan.key !== 'off')
        findings.violate('key', plan.key, 'key', 'is required', { expected: 'a key', found: 'null' })
      return nullSide
    }
    if (!plan.readsKey) return unreadSide
    const start = records.keyStart(index)
    return this.#settle(plan, 'key', this.#sides.key.read(records.bytes, start, start + length), findings)
  }

  #openValue(plan: Plan, records: RecordBytes, index: number, findings: Findings): Side {
    const length = records.valueLength(index)
    if (length < 0) {
      if (plan.nulls !== 'off') {
        findings.violate('nulls', plan.nulls, 'value', 'is null, and this topic takes no tombstones', {
          expected: 'a value',
          found: 'null'
        })
      }
      return nullSide
    }
    if (!plan.readsValue) return unreadSide
    const start = records.valueStart(index)
    return this.#settle(plan, 'value', this.#sides.value.read(records.bytes, start, start + length), findings)
  }

  /** Reports what is wrong with the payload itself. */
  #settle(plan: Plan, side: 'key' | 'value', payload: SidePayload, findings: Findings): Side {
    const payloadCheck = side === 'key' ? 'key' : 'schema'
    const payloadMode = side === 'key' ? plan.key : plan.schema
    switch (payload.state) {
      case 'decoded':
        return payload
      case 'undecodable':
        reportFailures(payloadCheck, payloadMode, side, payload.failures, findings)
        return { state: 'broken', mode: payloadMode }
      case 'unidentified':
        reportFailures('schema-id', plan.schemaId, side, payload.failures, findings)
        // Nobody can say whether it is a payload of a schema nobody knows: with `schema-id` softer, `schema` is open.
        if (isStricter(payloadMode, plan.schemaId)) {
          findings.undecide(
            undecidedRule(payloadCheck, activeOf(payloadMode), `the schema of the ${side} is not known`)
          )
        }
        return { state: 'broken', mode: plan.schemaId }
      case 'pending':
        if (plan.schemaId !== 'off')
          findings.undecide(undecidedSchema('schema-id', plan.schemaId, side, payload.pending))
        if (payloadMode !== 'off') findings.undecide(undecidedSchema(payloadCheck, payloadMode, side, payload.pending))
        return payload
    }
  }

  #checksFor(key: Side, value: Side): BoundChecks {
    const keySchema = this.#schemaOf('key', key)
    const valueSchema = this.#schemaOf('value', value)
    const last = this.#bound
    if (last?.key === keySchema && last.value === valueSchema) return last.checks
    const checks = this.#policy.checksFor(keySchema, valueSchema)
    this.#bound = { key: keySchema, value: valueSchema, checks }
    return checks
  }

  #schemaOf(side: 'key' | 'value', opened: Side): SideSchema | null {
    return opened.state === 'decoded' ? opened.schema : this.#policy.fixed[side]
  }

  #checkKeyEquals(plan: Plan, checks: BoundChecks, key: Side, value: Side, findings: Findings): void {
    const path = this.#policy.model.key.equals
    if (path === null || plan.keyEquals === 'off') return
    if (value.state === 'null') return
    if (blocked('key-equals', plan.keyEquals, key, value, findings)) return
    if (checks.keyEqualsProblem !== null) {
      findings.undecide(notApplicable('key-equals', plan.keyEquals, checks.keyEqualsProblem))
      return
    }
    const wanted = value.state === 'decoded' ? valueAt(value.value, path) : null
    const found = key.state === 'decoded' ? key.value : null
    if (!keyEquals(found, wanted)) {
      findings.violate('key-equals', plan.keyEquals, 'key', `is not equal to ${path.text}`, {
        expected: `the ${typeName(wanted)} in ${path.text}`,
        found: typeName(found)
      })
    }
  }

  #checkFields(plan: Plan, checks: BoundChecks, key: Side, value: Side, findings: Findings): void {
    for (const { index, id, mode, side } of plan.fields) {
      const opened = side === 'key' ? key : value
      // On a tombstone the checks of the value are skipped; a null key has no fields.
      if (opened.state === 'null' && side === 'value') continue
      if (blocked(id, mode, opened, unreadSide, findings)) continue
      const { model, problem } = checks.fields[index]!
      if (problem !== null) {
        findings.undecide(notApplicable(id, mode, problem))
        continue
      }
      visitPlaces(opened.state === 'decoded' ? opened.value : null, model.path, (found, indexes) => {
        checkConstraints(model.constraints, found, (broken) => {
          findings.violate(id, mode, renderPlace(model.path, indexes), broken.message, broken)
        })
      })
    }
  }

  #checkRules(plan: Plan, checks: BoundChecks, key: Side, value: Side, record: number, findings: Findings): void {
    if (plan.rules.length === 0) return
    const bindings = this.#bindings
    bindings.startRecord(record)
    if (key.state === 'decoded') bindings.key = key.value
    if (value.state === 'decoded') bindings.value = value.value
    for (const rule of plan.rules) {
      if (rule.readsValue && value.state === 'null') continue
      if (blocked(rule.id, rule.mode, rule.readsKey ? key : unreadSide, rule.readsValue ? value : unreadSide, findings))
        continue
      this.#runRule(rule, checks, findings)
    }
  }

  #runRule(rule: PlannedRule, checks: BoundChecks, findings: Findings): void {
    const bound = checks.rules[rule.index]!
    if (bound.problem !== null) {
      findings.undecide(notApplicable(rule.id, rule.mode, bound.problem))
      return
    }
    const { programs } = bound
    for (const program of programs) {
      const result = program.evaluate(this.#bindings)
      if (result.kind === 'error') {
        findings.undecide(undecidedRule(rule.id, rule.mode, cleanText(result.message)))
        return
      }
      if (result.value === true) continue
      if (result.value !== false) {
        findings.undecide(undecidedRule(rule.id, rule.mode, `gave ${typeName(result.value)}, not true or false`))
      } else if (program === programs.at(-1)) {
        findings.violate(rule.id, rule.mode, rule.path, rule.message, { docs: rule.docs })
      }
      return
    }
  }
}

/**
 * True when a check cannot run on these sides; says so where the verdict may depend on it. What the payload broke in a
 * mode at least as strict as the check's own has decided already.
 */
function blocked(check: string, mode: ActiveMode, one: Side, other: Side, findings: Findings): boolean {
  for (const side of [one, other]) {
    if (side.state === 'pending') {
      findings.undecide(undecidedSchema(check, mode, null, side.pending))
      return true
    }
    if (side.state === 'broken') {
      if (isStricter(mode, side.mode))
        findings.undecide(undecidedRule(check, mode, 'the payload that it reads is broken'))
      return true
    }
  }
  return false
}

function reportFailures(
  check: string,
  mode: Mode,
  side: 'key' | 'value',
  failures: readonly PayloadFailure[],
  findings: Findings
): void {
  if (mode === 'off') return
  for (const failure of failures) {
    const path =
      failure.path === '' ? side : failure.path.startsWith('[') ? `${side}${failure.path}` : `${side}.${failure.path}`
    const at = failure.byteOffset === undefined ? '' : ` (byte ${failure.byteOffset})`
    findings.violate(check, mode, path, `${failure.message}${at}`, failure)
  }
}

/** A text or bytes key may spell the field: an `order_id` of 42 and the key `42`. */
export function keyEquals(key: Value, wanted: Value): boolean {
  if (sameValue(key, wanted)) return true
  if (key === null || wanted === null) return false
  if (key instanceof Uint8Array) {
    const text = textOfScalar(wanted)
    return text !== null && Buffer.compare(key, Buffer.from(text)) === 0
  }
  if (typeof key !== 'string') return false
  if (wanted instanceof Uint8Array) return Buffer.compare(Buffer.from(key), wanted) === 0
  return key === textOfScalar(wanted)
}

function undecidedSchema(
  rule: string,
  mode: ActiveMode,
  side: 'key' | 'value' | null,
  pending: PendingSchema
): Undecided {
  const { schemaId, failingSinceMs, changed } = pending
  const of = side === null ? '' : ` of the ${side}`
  return {
    rule,
    message: cleanText(`schema ${schemaId}${of} is not known yet: ${pending.reason}`),
    mode,
    cause: { kind: 'schema-unavailable', schemaId, failingSinceMs, changed }
  }
}

function undecidedRule(rule: string, mode: ActiveMode, message: string): Undecided {
  return { rule, message, mode, cause: { kind: 'rule-error' } }
}

function notApplicable(rule: string, mode: ActiveMode, problem: string): Undecided {
  return {
    rule,
    message: cleanText(`does not fit the schema of this record: ${problem}`),
    mode,
    cause: { kind: 'rule-not-applicable' }
  }
}

/** For places that are only reached when some check is not off. */
function activeOf(mode: Mode): ActiveMode {
  return mode === 'off' ? 'observe' : mode
}
