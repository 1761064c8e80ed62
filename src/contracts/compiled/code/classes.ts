/** What sort of value a part of an expression is, as far as it decides how the part is compiled. */
import { isList } from '../../expressions/cel.ts'
import type { Cel } from '../../expressions/cel.ts'
import type { CallNode, Node } from '../../expressions/tree.ts'
import { Decimal, Duration, Timestamp, Uint } from '../../value.ts'
import type { Shape } from '../../value.ts'
import { classOfResult, overloadOf } from './calls.ts'
import { constantOf } from './constants.ts'
import { foldKindOf } from './loops.ts'
import { NotCovered } from './writer.ts'
import type { Class, Writer } from './writer.ts'

export function classOf(writer: Writer, node: Node): Class {
  const constant = constantOf(node)
  if (constant !== undefined) return classOfConstant(constant)
  const field = writer.field(node)
  if (field !== null) return classOfShape(field.shape)
  switch (node.op) {
    case 'variable':
      return classOfVariable(node.name)
    case 'and':
    case 'or':
    case 'not':
    case 'equal':
    case 'order':
    case 'in':
      return 'bool'
    case 'choice':
      return classOfChoice(classOf(writer, node.yes), classOf(writer, node.no))
    case 'select':
      return classOfSelect(node)
    case 'call':
      return classOfCall(writer, node)
    case 'index':
      throw new NotCovered(namesHeaders(node.operand) ? 'it reads headers' : 'it takes an item of a list')
    case 'loop':
      foldKindOf(node)
      return 'bool'
    case 'list':
      throw new NotCovered('it makes a list out of fields')
    case 'map':
      throw new NotCovered('it makes a map')
    default:
      throw new NotCovered('it has a part that is not understood')
  }
}

function classOfConstant(value: Cel): Class {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'text'
  if (typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint) return 'number'
  if (value instanceof Timestamp) return 'time'
  if (value instanceof Duration) return 'span'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Decimal) return 'decimal'
  if (isList(value)) return 'list'
  throw new NotCovered('it compares with a map or a type')
}

function classOfShape({ kind }: Shape): Class {
  switch (kind) {
    case 'int':
    case 'uint':
    case 'double':
      return 'number'
    case 'string':
      return 'text'
    case 'timestamp':
      return 'time'
    case 'map':
      return 'record'
    case 'duration':
      throw new NotCovered('it reads a duration')
    case 'null':
      return 'dyn'
    default:
      return kind
  }
}

function classOfVariable(name: string): Class {
  switch (name) {
    case 'timestamp':
      return 'time'
    case 'topic':
      return 'text'
    case 'partition':
      return 'number'
    default:
      throw new NotCovered(`it reads ${name}`)
  }
}

function namesHeaders(node: Node): boolean {
  return node.op === 'variable' && node.name === 'headers'
}

function classOfSelect(node: Extract<Node, { op: 'select' }>): Class {
  if (namesHeaders(node.operand)) throw new NotCovered('it reads headers')
  if (node.test) return 'bool'
  throw new NotCovered('it reads a field of something that is not simply a field')
}

function classOfChoice(yes: Class, no: Class): Class {
  if (yes === no && (yes === 'bool' || yes === 'number' || yes === 'text')) return yes
  throw new NotCovered('it chooses between values of different types, or of a type that is not compiled')
}

const conditions: ReadonlySet<string> = new Set(['contains', 'startsWith', 'endsWith', 'matches'])
const numbers: ReadonlySet<string> = new Set(['size', 'int', 'uint', 'double', '_*_', '_/_', '_%_', '-_'])

function classOfCall(writer: Writer, node: CallNode): Class {
  if (conditions.has(node.name)) return 'bool'
  if (numbers.has(node.name)) return 'number'
  if (node.name === 'timestamp') return 'time'
  if (node.name === 'dyn') return classOf(writer, node.args[0]!)
  if (node.name === '_+_' || node.name === '_-_') return classOfSum(writer, node)
  const overload = overloadOf(writer, node, classOf)
  if (overload !== null) return classOfResult(overload)
  throw new NotCovered(node.name === 'headerValues' ? 'it reads headers' : `it uses ${plainName(node)}`)
}

function classOfSum(writer: Writer, node: CallNode): Class {
  const [left, right] = node.args.map((arg) => classOf(writer, arg))
  if (left === 'time' && right === 'time') {
    if (node.name === '_-_') return 'span'
    throw new NotCovered('it adds up times')
  }
  if (left === 'time' || right === 'time') return 'time'
  if (left === 'span' && right === 'span') return 'span'
  if (left === 'number' || right === 'number') return 'number'
  const overload = overloadOf(writer, node, classOf)
  if (overload !== null) return classOfResult(overload)
  throw new NotCovered('it adds up what is not a number')
}

/** Names of functions are ours, but members of what does not exist are the user's. */
function plainName(node: CallNode): string {
  return /^[\w.]{1,40}$/.test(node.name) ? `${node.name}()` : 'a function'
}
