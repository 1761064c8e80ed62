/**
 * The parsed expression as the check and the compiler walk it: names resolved to variables of the record or of a loop,
 * macros as what they are rather than as their expansion. Offsets are UTF-16 units in the source.
 */
import type { Cel } from './cel.ts'

export type Macro = 'all' | 'exists' | 'exists_one' | 'map' | 'filter'

export type Node =
  | { readonly op: 'constant'; readonly at: number; readonly value: Cel }
  /** A variable of the record. */
  | { readonly op: 'variable'; readonly at: number; readonly name: string }
  /** A variable of an enclosing loop; `level` 0 is the outermost. */
  | { readonly op: 'local'; readonly at: number; readonly name: string; readonly level: number }
  /** A name that is none of those. */
  | { readonly op: 'unknown'; readonly at: number; readonly name: string }
  | SelectNode
  | { readonly op: 'index'; readonly at: number; readonly operand: Node; readonly index: Node }
  | { readonly op: 'and' | 'or'; readonly at: number; readonly left: Node; readonly right: Node }
  | { readonly op: 'not'; readonly at: number; readonly operand: Node }
  | { readonly op: 'choice'; readonly at: number; readonly condition: Node; readonly yes: Node; readonly no: Node }
  | { readonly op: 'equal'; readonly at: number; readonly left: Node; readonly right: Node; readonly negated: boolean }
  | { readonly op: 'order'; readonly at: number; readonly left: Node; readonly right: Node; readonly sign: Sign }
  | { readonly op: 'in'; readonly at: number; readonly item: Node; readonly container: Node }
  | { readonly op: 'list'; readonly at: number; readonly items: readonly Node[] }
  | { readonly op: 'map'; readonly at: number; readonly entries: readonly (readonly [Node, Node])[] }
  | LoopNode
  | CallNode

export type Sign = '<' | '<=' | '>' | '>='

/** `operand.field`; with `test`, `has(operand.field)`. */
export interface SelectNode {
  readonly op: 'select'
  readonly at: number
  readonly operand: Node
  readonly field: string
  readonly test: boolean
}

export interface LoopNode {
  readonly op: 'loop'
  readonly at: number
  readonly macro: Macro
  readonly range: Node
  readonly variable: string
  readonly level: number
  /** Condition of `filter` and of `map` with three arguments, else null. */
  readonly filter: Node | null
  /** Null for `filter`. */
  readonly body: Node | null
  /** Nodes evaluated for each item. */
  readonly weight: number
}

export interface CallNode {
  readonly op: 'call'
  readonly at: number
  readonly form: 'global' | 'member' | 'operator'
  readonly name: string
  /** The receiver first when the form is `member`. */
  readonly args: readonly Node[]
}

/** `value.items[0].sku`, or null for what is not simply a path. */
export function pathOf(node: Node): string | null {
  switch (node.op) {
    case 'variable':
    case 'local':
      return node.name
    case 'select': {
      const operand = node.test ? null : pathOf(node.operand)
      return operand === null ? null : `${operand}.${node.field}`
    }
    case 'index': {
      const operand = pathOf(node.operand)
      if (operand === null || node.index.op !== 'constant') return null
      const { value } = node.index
      if (typeof value === 'bigint') return `${operand}[${String(value)}]`
      return typeof value === 'string' ? `${operand}[${JSON.stringify(value)}]` : null
    }
    default:
      return null
  }
}

/** `_+_` as the user wrote it. */
export function spelled(operator: string): string {
  return operator.replaceAll('_', '')
}

/** For messages about operators: `+`, or the name of a function with its brackets. */
export function callText(call: CallNode): string {
  return call.form === 'operator' ? `"${spelled(call.name)}"` : `${call.name}()`
}
