/**
 * What the parts of the compiler of conditions share: the code being written, and how fields are read in it.
 *
 * The code of one condition is a function `(s, b, r)` of the slots, the buffer and the facts of the record. Each part
 * of the expression becomes statements that leave its result in a variable: for a condition 1 (true), 0 (false) or 2,
 * which means that the reference gives an error or something that is neither, but does not run out of work: so `&&`
 * and `||` may decide without it, as they do there. Whatever is not known leaves the function at once with `return 2`:
 * nothing may be built upon it.
 */
import type { Node } from '../../expressions/tree.ts'
import { slotKind } from '../../payload/compiled.ts'
import { GeneratedSource } from '../../payload/generated/source.ts'
import type { Shape } from '../../value.ts'
import { fieldOf, holderOf, itemOf } from './fields.ts'
import type { Field } from './fields.ts'
import type { Fold } from '../item-folds.ts'
import type { SlotTable } from '../slot-table.ts'

/** Ends the compilation; the message is the reason, in a user's words. */
export class NotCovered extends Error {}

/** What sort of value a part is, as far as it decides how the part is compiled. */
export type Class =
  'number' | 'decimal' | 'text' | 'time' | 'span' | 'bool' | 'null' | 'bytes' | 'list' | 'record' | 'dyn'

export type NumberKind = 'int' | 'uint' | 'double'

/** Work of the reference that parts of the expression may ask for, in its ticks. */
export interface Work {
  /** For one text that one part of the expression looks at. */
  readonly ticksPerText: number
  /** For the items of one list beside their texts. */
  readonly ticksPerLoop: number
  /** For the texts of the items of one list. */
  readonly textTicksPerLoop: number
}

/** A text: names of the variables that hold a buffer, where the text starts in it and where it ends. */
export interface TextCode {
  readonly bytes: string
  readonly start: string
  readonly end: string
}

/** Arguments for the functions of `text-bytes.ts`. */
export function rangeOf({ bytes, start, end }: TextCode): string {
  return `${bytes},${start},${end}`
}

/** The compilers of the parts, for parts that hold parts of another sort. */
export interface Parts {
  condition(writer: Writer, node: Node): string
  number(writer: Writer, node: Node, kind: NumberKind | null, onError: OnError): string
  kindOfNumber(writer: Writer, node: Node): NumberKind | null
  text(writer: Writer, node: Node, onError: OnError): TextCode
  time(writer: Writer, node: Node, onError: OnError): string
  span(writer: Writer, node: Node, onError: OnError): string
}

/** A statement that is run where the reference certainly gives an error: `break` out of the condition's block. */
export type OnError = string

export const unknown = 'return 2'

export class Writer {
  readonly code = new GeneratedSource()
  readonly variables: ReadonlyMap<string, Shape>
  readonly work: Work
  readonly parts: Parts
  /** What the variable of the loop stands for whose body is written; null outside of loops. */
  readonly item: Field | null
  readonly #table: SlotTable
  #readsFields = false

  constructor(
    variables: ReadonlyMap<string, Shape>,
    table: SlotTable,
    parts: Parts,
    work: Work,
    item: Field | null = null
  ) {
    this.parts = parts
    this.variables = variables
    this.work = work
    this.item = item
    this.#table = table
  }

  /** For the body of a loop over that list, which is a condition of its own. */
  forItems(list: Field, work: Work): Writer {
    return new Writer(this.variables, this.#table, this.parts, work, itemOf(list))
  }

  /**
   * Work the reference may spend on one text, in its ticks, so that all together stay far below what it allows: longer
   * texts are left to it, since only it can tell whether the work suffices.
   */
  get ticksPerText(): number {
    return this.work.ticksPerText
  }

  /** Writes a whole function of `node`; `otherwise` is what it returns for an error. */
  condition(node: Node, otherwise: 2 | 3): void {
    this.code.function('condition', 's,b,r', () => {
      this.line('const K=s.kinds,N=s.numbers,S=s.starts,E=s.ends')
      const decided = this.parts.condition(this, node)
      this.line(`return ${otherwise === 2 ? decided : `${decided}===2?${otherwise}:${decided}`}`)
    })
  }

  line(code: string): void {
    this.code.line(code)
  }

  /** Whether anything written so far depends on the payload, or the item. */
  get readsFields(): boolean {
    return this.#readsFields
  }

  /** Declares a constant of the code with that value; returns its name. */
  keep(expression: string): string {
    const name = this.code.fresh()
    this.line(`const ${name}=${expression}`)
    return name
  }

  field(node: Node): Field | null {
    return fieldOf(node, this.variables, this.item)
  }

  slotOf(field: Field): number {
    this.#readsFields = true
    return this.#table.slotOf(field.read)
  }

  kind(field: Field): string {
    return `K[${this.slotOf(field)}]`
  }

  number(field: Field): string {
    return `N[${this.slotOf(field)}]`
  }

  /** The scale of the decimals in that field; null for none, and before the payload was compiled. */
  scaleOf(field: Field): number | null {
    return this.#table.scaleOf(this.slotOf(field))
  }

  /** The slot that tells what came of it. */
  addFold(list: Field, fold: Fold): number {
    return this.#table.addFold(list.read, fold)
  }

  /** The symbols of the enum in that field; null when there are none, or one that UTF-8 cannot spell. */
  symbolsOf(field: Field): readonly string[] | null {
    const symbols = this.#table.symbolsOf(this.slotOf(field))
    return symbols?.every((symbol) => symbol.isWellFormed()) === true ? symbols : null
  }

  /**
   * The kind of a field for uses that tell null from an error: afterwards the variable holds `null` for a field that
   * its record does not have, and what is an error went there.
   */
  settledKind(field: Field, onError: OnError): string {
    const kind = this.code.fresh()
    this.line(`let ${kind}=${this.kind(field)}`)
    this.line(`if(${kind}===${slotKind.absent}){`)
    this.#settleAbsent(field, kind, onError)
    this.line('}')
    return kind
  }

  #settleAbsent(field: Field, kind: string, onError: OnError): void {
    const { read, throughRecords, mayBeAbsent } = field
    // A payload is there when its rules run, but an item may be null.
    const inPayload = read.list === undefined && read.steps.length === 1 && throughRecords
    if (read.steps.length > 0 && !inPayload) {
      if (!mayBeAbsent) {
        this.line(unknown)
        return
      }
      const holder = `K[${this.#table.slotOf(holderOf(read))}]`
      this.line(`if(${holder}<=${slotKind.null})${onError}`)
      if (!throughRecords) {
        this.line(unknown)
        return
      }
    }
    this.line(`${kind}=${slotKind.null}`)
  }
}

/** Small integers are written as they are, other numbers are constants: a constant cannot tell 0 from -0. */
export function numberCode(writer: Writer, value: number): string {
  if (Object.is(value, -0)) return '(-0)'
  return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? `(${value})` : writer.code.constant(value)
}
