/** Conditions of an expression as code: the parts that are true or false, and how they are joined. */
import type { Node, SelectNode } from '../../expressions/tree.ts'
import { slotKind } from '../../payload/compiled.ts'
import { classOf } from './classes.ts'
import { constantOf, isConstant } from './constants.ts'
import { writeEqual } from './equality.ts'
import { within } from './fields.ts'
import { writeComparable } from './decimals.ts'
import { writeLoop } from './loops.ts'
import { writeIn } from './membership.ts'
import { writeNumber } from './numbers.ts'
import { compareBytes } from '../text-bytes.ts'
import { writeLimit, writeText, writeTextTest } from './texts.ts'
import { writeSpan, writeTime } from './times.ts'
import { NotCovered, rangeOf, unknown } from './writer.ts'
import type { Class, OnError, Writer } from './writer.ts'

/** Writes what decides the node; returns the variable that holds 1, 0, or 2 for neither (see `Writer`). */
export function writeCondition(writer: Writer, node: Node): string {
  switch (node.op) {
    case 'and':
      return writeJoined(writer, node.left, node.right, 0)
    case 'or':
      return writeJoined(writer, node.left, node.right, 1)
    case 'not':
      return writeNot(writer, writeCondition(writer, node.operand))
    case 'choice':
      return writeChoice(writer, node)
    case 'equal':
      return node.negated ? writeNot(writer, writeEquality(writer, node)) : writeEquality(writer, node)
    case 'order':
      return writeTest(writer, [node.left, node.right], (result, onError) => {
        writeOrder(writer, node, result, onError)
      })
    case 'in':
      return writeTest(writer, [node.item], (result, onError) => {
        writeIn(writer, node.item, node.container, result, onError)
      })
    case 'loop':
      return writeLoop(writer, node)
    default:
      return writeSimple(writer, node)
  }
}

function writeSimple(writer: Writer, node: Node): string {
  const constant = constantOf(node)
  if (constant !== undefined) return writer.keep(constant === true ? '1' : constant === false ? '0' : '2')
  if (node.op === 'select' && node.test) return writeHas(writer, node)
  const field = writer.field(node)
  if (field !== null) {
    const kind = writer.keep(writer.kind(field))
    return writer.keep(`${kind}===${slotKind.true}?1:${kind}===${slotKind.false}?0:2`)
  }
  if (node.op === 'call') {
    if (node.name === 'dyn' && node.args.length === 1) return writeCondition(writer, node.args[0]!)
    if (classOf(writer, node) === 'bool') {
      return writeTest(writer, node.args, (result, onError) => {
        const test = writeTextTest(writer, node, onError)
        writer.line(`${result}=${test}?1:0`)
      })
    }
  }
  throw new NotCovered(`it needs true or false of ${nameOf(classOf(writer, node))}`)
}

function nameOf(sort: Class): string {
  return sort === 'dyn' ? 'a value whose type the schema does not say' : `a ${sort}`
}

/** `deciding`: the value of one side that decides whatever the other is; where it is an error as well. */
function writeJoined(writer: Writer, left: Node, right: Node, deciding: 0 | 1): string {
  const result = writer.code.fresh()
  writer.line(`let ${result}=${writeCondition(writer, left)}`)
  writer.line(`if(${result}!==${deciding}){`)
  const second = writeCondition(writer, right)
  writer.line(`if(${second}!==${1 - deciding})${result}=${second}`)
  writer.line('}')
  return result
}

function writeNot(writer: Writer, condition: string): string {
  return writer.keep(`${condition}===2?2:1-${condition}`)
}

function writeChoice(writer: Writer, node: Extract<Node, { op: 'choice' }>): string {
  const decided = writeCondition(writer, node.condition)
  const result = writer.code.fresh()
  writer.line(`let ${result}=2`)
  for (const [value, branch] of [
    [1, node.yes],
    [0, node.no]
  ] as const) {
    writer.line(`if(${decided}===${value}){`)
    writer.line(`${result}=${writeCondition(writer, branch)}`)
    writer.line('}')
  }
  return result
}

/** A block that leaves early where the reference gives an error. */
function writeTest(
  writer: Writer,
  operands: readonly Node[],
  write: (result: string, onError: OnError) => void
): string {
  const result = writer.code.fresh()
  const block = writer.code.fresh('w')
  writer.line(`let ${result}=2`)
  writer.line(`${block}:{`)
  // Beside an error the reference may run out of work in another operand, and then it is more than an error.
  write(result, forks(operands) ? unknown : `break ${block}`)
  writer.line('}')
  return result
}

/** True when two operands of the same operator compute something, here or further inside. */
function forks(operands: readonly Node[]): boolean {
  const computing = operands.filter(({ op }) => op === 'call' || op === 'choice').filter((node) => !isConstant(node))
  return computing.length > 1 || computing.some((node) => node.op !== 'call' || forks(node.args))
}

/** `has` is false below what is absent or null, and an error below what is neither that nor a record. */
function writeHas(writer: Writer, node: SelectNode): string {
  const field = onlySelects(node.operand) ? within(writer.field(node.operand), node.field) : null
  if (field === null) throw new NotCovered('it uses has() on something that is not simply a field')
  const kind = writer.keep(writer.kind(field))
  if (!field.throughRecords) writer.line(`if(${kind}===${slotKind.absent})${unknown}`)
  return writer.keep(`${kind}>${slotKind.null}?1:0`)
}

function onlySelects(node: Node): boolean {
  return (
    node.op === 'variable' || node.op === 'local' || (node.op === 'select' && !node.test && onlySelects(node.operand))
  )
}

function writeEquality(writer: Writer, node: Extract<Node, { op: 'equal' }>): string {
  const { left, right } = node
  const [one, other] = [left, right].map((side) => isCondition(writer, side))
  if (one !== true && other !== true) {
    return writeTest(writer, [left, right], (result, onError) => {
      writeEqual(writer, left, right, result, onError)
    })
  }
  for (const side of [left, right]) {
    // A condition that can be something else than true, false or an error would have to be compared as that.
    const bool = isCondition(writer, side) ? isStrict(side) : typeof constantOf(side) === 'boolean'
    if (!bool) throw new NotCovered('it compares a condition with a value')
  }
  const [a, b] = [writeCondition(writer, left), writeCondition(writer, right)]
  return writer.keep(`${a}===2||${b}===2?2:${a}===${b}?1:0`)
}

/** Neither a constant nor a field. */
function isCondition(writer: Writer, node: Node): boolean {
  return !isConstant(node) && writer.field(node) === null && classOf(writer, node) === 'bool'
}

function isStrict(node: Node): boolean {
  switch (node.op) {
    case 'and':
    case 'or':
    case 'not':
    case 'equal':
    case 'order':
    case 'in':
    case 'loop':
      return true
    case 'select':
      return node.test
    case 'call':
      return node.name !== 'dyn'
    default:
      return false
  }
}

type Order = Extract<Node, { op: 'order' }>

function writeOrder(writer: Writer, node: Order, result: string, onError: OnError): void {
  const { left, right, sign } = node
  const sort = commonClass(classOf(writer, left), classOf(writer, right))
  switch (sort) {
    case 'decimal': {
      const { left: a, right: b } = writeComparable(writer, left, right, onError)
      writer.line(`${result}=${a}${sign}${b}?1:0`)
      return
    }
    case 'number': {
      const a = writeNumber(writer, left, null, onError)
      const b = writeNumber(writer, right, null, onError)
      writer.line(`${result}=${a}${sign}${b}?1:0`)
      return
    }
    case 'time':
    case 'span': {
      const write = sort === 'time' ? writeTime : writeSpan
      const a = write(writer, left, onError)
      const b = write(writer, right, onError)
      writer.line(`${result}=${a}${sign}${b}?1:0`)
      return
    }
    case 'text': {
      const a = writeText(writer, left, onError)
      const b = writeText(writer, right, onError)
      // The reference pays for the shorter of the two, and a constant is short.
      const [first, second] = [isConstant(left), isConstant(right)]
      if (!first && !second) writeLimit(writer, a, 1 / 8)
      writer.line(`${result}=${writer.code.constant(compareBytes)}(${rangeOf(a)},${rangeOf(b)})${sign}0?1:0`)
      return
    }
    default:
      throw new NotCovered(`it orders ${namesOf[sort]}`)
  }
}

const namesOf: Readonly<Record<Exclude<Class, 'number' | 'decimal' | 'time' | 'span' | 'text'>, string>> = {
  bool: 'conditions',
  null: 'nulls',
  bytes: 'bytes',
  list: 'lists',
  record: 'records',
  dyn: 'values whose types the schema does not say'
}

function commonClass(one: Class, other: Class): Class {
  if (one === other || other === 'dyn') return one
  if (one === 'dyn') return other
  if ((one === 'decimal' && other === 'number') || (one === 'number' && other === 'decimal')) return 'decimal'
  throw new NotCovered('it orders values of different types')
}
