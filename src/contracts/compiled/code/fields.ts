/**
 * Fields as expressions name them, and what is known of them before any record is seen.
 *
 * A slot says `absent` both for a field that a record does not have, which reads as null, and for one whose record is
 * not there, which is an error. Where an expression can tell the two apart the slot of the record is read as well.
 */
import type { Node } from '../../expressions/tree.ts'
import type { Shape } from '../../value.ts'
import type { FieldRead } from '../slot-table.ts'

export interface Field {
  readonly read: FieldRead
  /** Where the schema does not say: `dyn`. */
  readonly shape: Shape
  /** What holds the field is a record or a map by the schema, unless it is null or absent; likewise up to the root. */
  readonly throughRecords: boolean
  /** It, or something on the way to it, may be absent or null. */
  readonly mayBeAbsent: boolean
}

const dyn: Shape = { kind: 'dyn' }

/** What a loop's variable stands for, one item after the other. */
export function itemOf({ read, shape }: Field): Field {
  const item = { side: read.side, steps: [], list: read.steps }
  // An item is there, but it may be null: `Writer.settledKind` minds that.
  return { read: item, shape: shape.kind === 'list' ? shape.items : dyn, throughRecords: true, mayBeAbsent: false }
}

/**
 * Null for a node that is not simply a path into `key` or `value`.
 *
 * @param item what the variable of the loop around the node is; null outside of loops
 */
export function fieldOf(node: Node, variables: ReadonlyMap<string, Shape>, item: Field | null): Field | null {
  switch (node.op) {
    case 'local':
      return item
    case 'variable': {
      if (node.name !== 'key' && node.name !== 'value') return null
      const shape = variables.get(node.name) ?? dyn
      return { read: { side: node.name, steps: [] }, shape, throughRecords: true, mayBeAbsent: false }
    }
    case 'select':
      return node.test ? null : within(fieldOf(node.operand, variables, item), node.field)
    case 'index': {
      const name = node.index.op === 'constant' ? node.index.value : null
      return typeof name === 'string' ? within(fieldOf(node.operand, variables, item), name) : null
    }
    case 'call': {
      const [only] = node.args
      return node.name === 'dyn' && node.args.length === 1 ? fieldOf(only!, variables, item) : null
    }
    default:
      return null
  }
}

/** The field of that name in what `holder` leads to. */
export function within(holder: Field | null, name: string): Field | null {
  if (holder === null) return null
  const { shape } = holder
  const read: FieldRead = { ...holder.read, steps: [...holder.read.steps, name] }
  const isHolder = shape.kind === 'record' || shape.kind === 'map'
  const known = shape.kind === 'record' ? shape.fields.get(name) : undefined
  return {
    read,
    shape: known?.shape ?? (shape.kind === 'map' ? shape.values : dyn),
    throughRecords: holder.throughRecords && isHolder,
    mayBeAbsent: holder.mayBeAbsent || (known?.optional ?? true)
  }
}

export function holderOf(read: FieldRead): FieldRead {
  return { ...read, steps: read.steps.slice(0, -1) }
}
