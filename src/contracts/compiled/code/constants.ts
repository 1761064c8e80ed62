/** The parts of an expression that are the same for every record, computed when it is compiled. */
import type { Cel } from '../../expressions/cel.ts'
import { emit } from '../../expressions/emit.ts'
import type { Node } from '../../expressions/tree.ts'
import { Uint } from '../../value.ts'
import type { Duration, Timestamp } from '../../value.ts'
import { NotCovered } from './writer.ts'

const noRecord = {
  slotOf: (): number => -1,
  read: (): Cel => null,
  loopSlot: (): number => -1
}

/** Every part of the compiler asks, and a constant may be dear to compute. */
const computed = new WeakMap<Node, Cel>()

/** Undefined for what depends on the record. */
export function constantOf(node: Node): Cel | undefined {
  if (node.op === 'constant') return node.value
  if (!isConstant(node)) return undefined
  const known = computed.get(node)
  if (known !== undefined) return known
  const { constant } = emit(node, noRecord)
  if (constant === undefined) throw new NotCovered('a part of it is an error on every record')
  computed.set(node, constant)
  return constant
}

export function isConstant(node: Node): boolean {
  switch (node.op) {
    case 'constant':
      return true
    case 'call':
      return node.name !== 'headerValues' && node.args.every(isConstant)
    case 'list':
      return node.items.every(isConstant)
    default:
      return false
  }
}

/** The number as a double; refused where the double is another number. */
export function exactNumber(value: bigint | number | Uint): number {
  const number = typeof value === 'number' ? value : Number(value instanceof Uint ? value.value : value)
  const exact = typeof value === 'number' || BigInt(number) === (value instanceof Uint ? value.value : value)
  if (!exact) throw new NotCovered('it compares with a number of more than 53 bits')
  return number
}

/** UTF-8 of a text of the policy. */
export function constantText(text: string): Buffer {
  // Half a surrogate pair has no UTF-8, and no text of a payload holds one.
  if (!text.isWellFormed()) throw new NotCovered('a text in it is not well-formed Unicode')
  return Buffer.from(text)
}

/** Of a timestamp or a duration. */
export function wholeMilliseconds(value: Timestamp | Duration): number {
  const ms = Number(value.seconds) * 1000 + value.nanos / 1_000_000
  if (!Number.isSafeInteger(ms)) throw new NotCovered('a time in it is not a whole number of milliseconds')
  return ms
}
