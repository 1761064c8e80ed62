/**
 * The fast yes: tells of a record where it lies that the reference (`RecordJudge`) would find nothing wrong with it.
 *
 * Everything it does not say yes to is judged by the reference, which finds the words; so what cannot be compiled, and
 * every doubt, costs time and nothing else. One serves all batches of a topic's producers of one kind, one at a time.
 */
import { checkHeaders } from '../checks/headers.ts'
import type { CompiledPolicy, SideSchema } from '../compile.ts'
import type { Findings } from '../findings.ts'
import type { BatchContext, RecordBytes } from '../judgement.ts'
import type { CompiledSide } from '../payload-side.ts'
import type { Plan } from '../plan.ts'
import { RecordBindings } from '../record-bindings.ts'
import type { BatchRules } from '../record-judge.ts'
import { compiledChecks } from './checks.ts'
import type { CompiledChecks } from './checks.ts'
import type { RecordFacts } from './conditions.ts'

export class RecordAcceptor implements RecordFacts {
  readonly topic: string
  readonly partition: number
  readonly #policy: CompiledPolicy
  readonly #plan: Plan
  readonly #sides: { readonly key: CompiledSide; readonly value: CompiledSide }
  readonly #records: RecordBytes
  readonly #bindings: RecordBindings
  readonly #headers = new AnyFinding()
  /** Some check looks into this payload, so that a null is not simply fine. */
  readonly #looksInside: { readonly key: boolean; readonly value: boolean }
  #index = 0
  /** Nearly every record has the same schemas as the one before. */
  #last: {
    readonly key: SideSchema | null
    readonly value: SideSchema | null
    readonly checks: CompiledChecks | null
  } | null = null

  constructor({ policy, plan, key, value }: BatchRules, records: RecordBytes, context: BatchContext) {
    this.topic = context.topic
    this.partition = context.partition
    this.#policy = policy
    this.#plan = plan
    this.#sides = { key, value }
    this.#records = records
    this.#bindings = new RecordBindings(records, context.topic, context.partition)
    const { fields, rules, keyEquals } = plan
    const inBoth = keyEquals !== 'off'
    this.#looksInside = {
      key: inBoth || fields.some(({ side }) => side === 'key') || rules.some(({ readsKey }) => readsKey),
      value: inBoth || fields.some(({ side }) => side === 'value') || rules.some(({ readsValue }) => readsValue)
    }
  }

  timestampMs(): number {
    return this.#records.timestampMs(this.#index)
  }

  /** True: the reference would find nothing. False: it has to look. Never throws. */
  accepts(index: number): boolean {
    try {
      return this.#accepts(this.#plan, this.#records, index)
    } catch {
      // A fault of ours, or a stack that ran out: the reference has its own way with both.
      return false
    }
  }

  #accepts(plan: Plan, records: RecordBytes, index: number): boolean {
    this.#index = index
    const keyLength = records.keyLength(index)
    const valueLength = records.valueLength(index)
    const keyIsNull = keyLength < 0
    if (keyIsNull && ((plan.keyRequired && plan.key !== 'off') || this.#looksInside.key)) return false
    if (valueLength < 0 && (plan.nulls !== 'off' || this.#looksInside.value)) return false
    if (plan.headers.length > 0) {
      checkHeaders(plan.headers, records, index, this.#headers)
      if (this.#headers.take()) return false
    }
    const { bytes } = records
    const readsKey = plan.readsKey && !keyIsNull
    const readsValue = plan.readsValue && valueLength >= 0
    const { key, value } = this.#sides
    const keyStart = records.keyStart(index)
    const valueStart = records.valueStart(index)
    if (readsKey && !key.open(bytes, keyStart, keyStart + keyLength)) return false
    if (readsValue && !value.open(bytes, valueStart, valueStart + valueLength)) return false
    const checks = this.#checksFor(readsKey ? key.schema : null, readsValue ? value.schema : null)
    if (checks === null) return false
    for (const folds of checks.folds) folds.start(checks.slots)
    if (readsKey && !checks.key!.accepts(bytes, key.payloadStart, keyStart + keyLength, checks.slots)) return false
    if (readsValue && !checks.value!.accepts(bytes, value.payloadStart, valueStart + valueLength, checks.slots))
      return false
    for (const keeps of checks.tests) if (!keeps(checks.slots, bytes, this)) return false
    return checks.programs.length === 0 || this.#runPrograms(checks, index)
  }

  /** Rules that read neither payload run as they are: nothing has to be decoded for them. */
  #runPrograms({ programs }: CompiledChecks, index: number): boolean {
    this.#bindings.startRecord(index)
    for (const { when, expr } of programs) {
      if (when !== null) {
        const applies = when.evaluate(this.#bindings)
        if (applies.kind === 'value' && applies.value === false) continue
        if (applies.kind !== 'value' || applies.value !== true) return false
      }
      const held = expr.evaluate(this.#bindings)
      if (held.kind !== 'value' || held.value !== true) return false
    }
    return true
  }

  #checksFor(key: SideSchema | null, value: SideSchema | null): CompiledChecks | null {
    const last = this.#last
    if (last !== null && last.key === key && last.value === value) return last.checks
    const compiled = compiledChecks(this.#policy, this.#plan, key, value)
    const checks = 'reason' in compiled ? null : compiled
    this.#last = { key, value, checks }
    return checks
  }
}

/** Remembers only that there was something. */
class AnyFinding implements Findings {
  #found = false

  violate(): void {
    this.#found = true
  }

  undecide(): void {
    this.#found = true
  }

  take(): boolean {
    const found = this.#found
    this.#found = false
    return found
  }
}
