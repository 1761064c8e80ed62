/** Slots as validators leave them, made from the value tree: what compiled rules are tested over. */
import { compileExpression } from '../../../../src/contracts/expressions/compile.ts'
import type { Bindings, Evaluation } from '../../../../src/contracts/expressions/compile.ts'
import { compileCondition } from '../../../../src/contracts/compiled/conditions.ts'
import type { Condition, RecordFacts, SlotTable } from '../../../../src/contracts/compiled/conditions.ts'
import { ItemFolds } from '../../../../src/contracts/compiled/item-folds.ts'
import type { Fold } from '../../../../src/contracts/compiled/item-folds.ts'
import { readsOfExpression } from '../../../../src/contracts/compiled/paths.ts'
import type { FieldRead } from '../../../../src/contracts/compiled/paths.ts'
import { nameOfRead } from '../../../../src/contracts/compiled/slot-table.ts'
import { Slots, slotKind } from '../../../../src/contracts/payload/compiled.ts'
import { Decimal, Timestamp, Uint } from '../../../../src/contracts/value.ts'
import type { Shape, Value } from '../../../../src/contracts/value.ts'

/** By the path as `JSON.stringify([side, ...steps])`. */
export type EnumSymbols = ReadonlyMap<string, readonly string[]>

/** By the same name. */
export type Scales = ReadonlyMap<string, number>

const noSymbols: EnumSymbols = new Map()
const noScales: Scales = new Map()

/** Loops of one expression, and constraints of one field. */
const mostFolds = 16

export class TestTable implements SlotTable {
  readonly reads: readonly FieldRead[]
  readonly slots: Slots
  readonly #names: readonly string[]
  readonly #symbols: EnumSymbols
  readonly #scales: Scales
  readonly #folds = new Map<string, { readonly list: FieldRead; readonly folds: ItemFolds }>()
  #foldCount = 0

  constructor(reads: readonly FieldRead[], symbols: EnumSymbols = noSymbols, scales: Scales = noScales) {
    this.reads = reads
    this.slots = new Slots(reads.length + mostFolds)
    this.#names = reads.map(nameOf)
    this.#symbols = symbols
    this.#scales = scales
  }

  scaleOf(slot: number): number | null {
    return this.#scales.get(this.#names[slot]!) ?? null
  }

  addFold(list: FieldRead, fold: Fold): number {
    const name = nameOf(list)
    let known = this.#folds.get(name)
    if (known === undefined) this.#folds.set(name, (known = { list, folds: new ItemFolds() }))
    if (this.#foldCount === mostFolds) throw new Error('more folds than expected')
    const slot = this.reads.length + this.#foldCount++
    known.folds.add(slot, fold)
    return slot
  }

  slotOf(read: FieldRead): number {
    const slot = this.#names.indexOf(nameOf(read))
    if (slot < 0) throw new Error(`not announced: ${nameOf(read)}`)
    return slot
  }

  symbolsOf(slot: number): readonly string[] | null {
    return this.#symbols.get(this.#names[slot]!) ?? null
  }

  /** The buffer the slots point into; null where a validator would have left the record to the reference. */
  fill(key: Value, value: Value): Buffer | null {
    // Something before the texts, so that offsets matter.
    const parts: Buffer[] = [Buffer.from('...')]
    for (const [slot, { side, steps, list }] of this.reads.entries()) {
      if (list !== undefined) continue
      if (!this.#fillSlot(slot, valueAt(side === 'key' ? key : value, steps), parts)) return null
    }
    for (const { list, folds } of this.#folds.values()) {
      folds.start(this.slots)
      const items = valueAt(list.side === 'key' ? key : value, list.steps)
      if (!Array.isArray(items)) continue
      for (const item of items) {
        if (!this.#fillItem(list, item, parts)) return null
        folds.visit(this.slots, Buffer.concat(parts))
      }
    }
    return Buffer.concat(parts)
  }

  #fillItem(list: FieldRead, item: Value, parts: Buffer[]): boolean {
    const ofList = nameOf(list)
    for (const [slot, read] of this.reads.entries()) {
      if (read.list === undefined || nameOf({ side: read.side, steps: read.list }) !== ofList) continue
      if (!this.#fillSlot(slot, valueAt(item, read.steps), parts)) return false
    }
    return true
  }

  #fillSlot(slot: number, value: Value | undefined, parts: Buffer[]): boolean {
    const { kinds, numbers } = this.slots
    // What a slot does not use may hold anything.
    numbers[slot] = 77
    this.slots.starts[slot] = 0
    this.slots.ends[slot] = 1
    kinds[slot] = kindOf(value)
    if (value instanceof Decimal && value.scale === this.scaleOf(slot)) {
      kinds[slot] = slotKind.decimal
      numbers[slot] = Number(value.unscaled)
      return Number.isSafeInteger(numbers[slot])
    }
    if (typeof value === 'string') return this.#fillText(slot, value, parts)
    if (typeof value === 'bigint' || value instanceof Uint || typeof value === 'number') {
      const number = Number(value instanceof Uint ? value.value : value)
      numbers[slot] = number
      return typeof value === 'number' || Number.isSafeInteger(number)
    }
    if (value instanceof Timestamp) numbers[slot] = Number(value.seconds) * 1000 + value.nanos / 1e6
    else if (value instanceof Uint8Array) this.#append(slot, Buffer.from(value), parts)
    else if (Array.isArray(value)) numbers[slot] = value.length
    return true
  }

  #fillText(slot: number, text: string, parts: Buffer[]): boolean {
    const symbol = this.symbolsOf(slot)?.indexOf(text) ?? -1
    if (symbol >= 0) {
      this.slots.kinds[slot] = slotKind.symbol
      this.slots.numbers[slot] = symbol
    } else if (text.includes('\\')) {
      // As JSON has it: a text with an escape has no range that spells it.
      this.slots.kinds[slot] = slotKind.other
    } else this.#append(slot, Buffer.from(text), parts)
    return true
  }

  #append(slot: number, bytes: Buffer, parts: Buffer[]): void {
    const start = parts.reduce((length, part) => length + part.length, 0)
    this.slots.starts[slot] = start
    this.slots.ends[slot] = start + bytes.length
    parts.push(bytes, Buffer.from('|'))
  }
}

export const nameOf = nameOfRead

/** Undefined for what is not there, as a validator that walks a payload sees it. */
export function valueAt(root: Value, steps: readonly string[]): Value | undefined {
  let value: Value | undefined = root
  for (const step of steps) value = value instanceof Map ? value.get(step) : undefined
  return value
}

function kindOf(value: Value | undefined): number {
  if (value === undefined) return slotKind.absent
  if (value === null) return slotKind.null
  if (value === true) return slotKind.true
  if (value === false) return slotKind.false
  if (typeof value === 'bigint') return slotKind.int
  if (typeof value === 'number') return slotKind.double
  if (typeof value === 'string') return slotKind.text
  if (value instanceof Uint) return slotKind.uint
  if (value instanceof Uint8Array) return slotKind.bytes
  if (Array.isArray(value)) return slotKind.list
  if (value instanceof Timestamp && value.nanos % 1_000_000 === 0) return slotKind.timestampMs
  return slotKind.other
}

export const facts: RecordFacts = { topic: 'shop.orders.v1', partition: 4, timestampMs: () => 1_767_225_600_250 }

export function bindingsOf(key: Value, value: Value): Bindings {
  return {
    key,
    value,
    headers: new Map(),
    timestamp: new Timestamp(1_767_225_600n, 250_000_000),
    topic: facts.topic,
    partition: BigInt(facts.partition),
    headerValues: () => []
  }
}

export interface BothWays {
  readonly compiled: Condition
  readonly table: TestTable
  /** 0, 1, 2, or null where the record does not fit into slots. */
  run(key: Value, value: Value): 0 | 1 | 2 | null
  reference(key: Value, value: Value): Evaluation
}

/** A reason where the expression is not compiled. Fails for one that the reference does not take. */
export function bothWays(
  source: string,
  variables: ReadonlyMap<string, Shape>,
  symbols: EnumSymbols = noSymbols,
  scales: Scales = noScales
): BothWays | { readonly reason: string } {
  const reads = readsOfExpression(source, variables)
  if ('reason' in reads) return reads
  const table = new TestTable(reads, symbols, scales)
  const compiled = compileCondition(source, variables, table)
  if (typeof compiled !== 'function') return compiled
  const reference = compileExpression(source, variables)
  if (!reference.ok) throw new Error(`${source}: ${reference.problems[0]!.message}`)
  return {
    compiled,
    table,
    run: (key, value) => {
      const bytes = table.fill(key, value)
      return bytes === null ? null : compiled(table.slots, bytes, facts)
    },
    reference: (key, value) => reference.program.evaluate(bindingsOf(key, value))
  }
}

/** The only answer that the compiled condition may give beside 2. */
export function expected(evaluation: Evaluation): 0 | 1 | 2 {
  if (evaluation.kind !== 'value' || typeof evaluation.value !== 'boolean') return 2
  return evaluation.value ? 1 : 0
}
