/** What to write instead: the second half of each message of the type check. */
import { nearest } from '../suggest.ts'
import { CelType } from './cel.ts'
import { functionNames, overloadsOf } from './functions/index.ts'
import type { Overload } from './functions/index.ts'
import { pathOf, spelled } from './tree.ts'
import type { CallNode, Node } from './tree.ts'
import { isNumericType } from './types.ts'
import type { Type } from './types.ts'

const quotesOff = 'write it without quotes'

/** The conversion that makes a comparison possible, looked for in both directions. */
export function adviseComparison(leftNode: Node, left: Type, rightNode: Node, right: Type): string | undefined {
  return oneWay(leftNode, left, rightNode, right) ?? oneWay(rightNode, right, leftNode, left)
}

function oneWay(node: Node, type: Type, otherNode: Node, other: Type): string | undefined {
  const name = pathOf(node) ?? 'x'
  if (type.kind === 'null' || other.kind === 'null') return 'null can only be compared with == and !='
  if (type.kind === 'string') {
    const literal = node.op === 'constant' && typeof node.value === 'string' ? node.value : null
    return adviseText(literal, name, otherNode, other)
  }
  if (type.kind === 'timestamp' && isNumericType(other)) return `write timestamp(seconds) or int(${name})`
  if (type.kind === 'duration' && isNumericType(other)) return 'write a duration, such as duration("90s")'
  if (type.kind === 'list' && other.kind !== 'list') return `to look for an item write x in ${name}`
  if (type.kind === 'bool' && isNumericType(other)) return 'compare it with true or false'
  return undefined
}

/** One side is a text, the other is not. */
function adviseText(literal: string | null, name: string, otherNode: Node, other: Type): string | undefined {
  const text = literal === null ? name : JSON.stringify(literal)
  if (other.kind === 'timestamp' || other.kind === 'duration') return `write ${other.kind}(${text})`
  if (other.kind === 'decimal') return `write decimal(${text})`
  if (other.kind === 'bool') return literal === 'true' || literal === 'false' ? quotesOff : `write bool(${text})`
  if (other.kind === 'bytes') return literal === null ? `write bytes(${name})` : `write b${text}`
  if (isNumericType(other)) {
    if (literal !== null) {
      return /^-?\d+(\.\d+)?$/.test(literal) ? quotesOff : `write string(${pathOf(otherNode) ?? 'x'})`
    }
    return otherNode.op === 'constant' ? 'write the number in quotes' : `write ${other.kind}(${name})`
  }
  return undefined
}

/** For `item in container`, where `member` is an item of a literal or the container itself. */
export function adviseMembership(itemNode: Node, item: Type, memberNode: Node, member: Type): string | undefined {
  if (memberNode.op === 'constant') return adviseComparison(itemNode, item, memberNode, member)
  const convertible = isNumericType(member) || member.kind === 'string' || member.kind === 'timestamp'
  return convertible ? `look for ${member.kind}(${pathOf(itemNode) ?? 'x'})` : undefined
}

/** `value.order-id` and `headers.content-type` are subtractions; null for one that may be meant. */
export function adviseDash(node: CallNode): string | null {
  const [left, right] = node.args
  if (node.name !== '_-_' || left?.op !== 'select' || left.test || right === undefined) return null
  const operand = pathOf(left.operand)
  const typeName = right.op === 'constant' && right.value instanceof CelType ? right.value.name : null
  const name = right.op === 'unknown' ? right.name : typeName
  if (operand === null || name === null) return null
  return `a name with a dash is written ${operand}.\`${left.field}-${name}\``
}

/** The later the wider: what the other side is converted to. */
const numericKinds: readonly string[] = ['uint', 'int', 'double', 'decimal']

/** For an operator whose sides are of different kinds. */
export function adviseOperands(node: CallNode, types: readonly Type[]): string | undefined {
  const [leftNode, rightNode] = node.args
  const [left, right] = types
  if (leftNode === undefined || rightNode === undefined || left === undefined || right === undefined) return undefined
  if (node.form !== 'operator') return undefined
  if (isNumericType(left) && isNumericType(right) && left.kind !== right.kind) {
    const wider = numericKinds.indexOf(left.kind) > numericKinds.indexOf(right.kind)
    const converted = wider ? convert(rightNode, left.kind) : convert(leftNode, right.kind)
    return sameKind(leftNode, left, right) ?? sameKind(rightNode, right, left) ?? converted
  }
  if (node.name !== '_+_') return undefined
  if (left.kind === 'string') return convert(rightNode, 'string')
  return right.kind === 'string' ? convert(leftNode, 'string') : undefined
}

/** A literal int spelled as the kind of the other side. */
function sameKind(node: Node, type: Type, other: Type): string | undefined {
  if (node.op !== 'constant' || typeof node.value !== 'bigint' || type.kind !== 'int') return undefined
  const digits = String(node.value)
  if (other.kind === 'double') return `write ${digits}.0`
  return other.kind === 'uint' ? `write ${digits}u` : `write decimal("${digits}")`
}

function convert(node: Node, kind: string): string {
  return `write ${kind}(${pathOf(node) ?? 'x'})`
}

/** The name that was probably meant; of one or two letters only if its case is wrong. */
export function closest(written: string, names: readonly string[]): string | null {
  if (written.length > 2) return nearest(written, names)
  return names.find((name) => name.toLowerCase() === written.toLowerCase()) ?? null
}

export function adviseCondition(node: Node, type: Type): string {
  const name = pathOf(node) ?? 'x'
  if (type.kind === 'string') return `compare it, such as ${name} == "..."`
  if (type.kind === 'list' || type.kind === 'map' || type.kind === 'bytes') return `ask size(${name}) > 0`
  if (isNumericType(type)) return `compare it, such as ${name} != ${type.kind === 'double' ? '0.0' : '0'}`
  if (node.op === 'select') return `ask has(${name})`
  return `compare it, such as ${name} != null`
}

/** What people call things elsewhere. */
const otherNames: Readonly<Record<string, string>> = {
  length: 'write size(x)',
  len: 'write size(x)',
  count: 'write size(x)',
  isEmpty: 'write size(x) == 0',
  includes: 'write x.contains("...")',
  match: 'write x.matches("...")',
  regex: 'write x.matches("...")',
  test: 'write x.matches("...")',
  toLowerCase: 'write x.lowerAscii()',
  lower: 'write x.lowerAscii()',
  lowercase: 'write x.lowerAscii()',
  toUpperCase: 'write x.upperAscii()',
  upper: 'write x.upperAscii()',
  uppercase: 'write x.upperAscii()',
  strip: 'write x.trim()',
  every: 'write list.all(item, ...)',
  some: 'write list.exists(item, ...)',
  any: 'write list.exists(item, ...)',
  toString: 'write string(x)',
  str: 'write string(x)',
  float: 'write double(x)',
  number: 'write double(x)',
  parseInt: 'write int(x)',
  date: 'write timestamp("2026-01-31T12:00:00Z")',
  now: 'a rule cannot read the clock; "timestamp" is the time of the record',
  today: 'a rule cannot read the clock; "timestamp" is the time of the record',
  isNull: 'write x == null, or !has(x.field)',
  exists: 'write has(x.field), or list.exists(item, ...)'
}

export function adviseFunction(node: CallNode): string {
  const { name } = node
  const [first] = node.args
  const receiver = first === undefined ? 'x' : (pathOf(first) ?? 'x')
  if (node.form === 'global' && overloadsOf('member', name).length > 0) {
    return `write ${receiver}.${name}(${node.args.length > 1 ? '...' : ''})`
  }
  if (node.form === 'member' && overloadsOf('global', name).length > 0) return `write ${name}(${receiver})`
  if (Object.hasOwn(otherNames, name)) return otherNames[name]!
  const form = node.form === 'member' ? 'member' : 'global'
  const other = form === 'member' ? 'global' : 'member'
  const near = nearest(name, functionNames(form)) ?? nearest(name, functionNames(other))
  return near === null ? 'docs/expressions.md lists the functions' : `did you mean "${near}"?`
}

const mostSignatures = 10

/** `it takes int + int, string + string, ...`. */
export function signatures(overloads: readonly Overload[]): string {
  const shown = [...new Set(overloads.slice(0, mostSignatures).map(signature))]
  return `it takes ${shown.join(', ')}`
}

function signature({ form, name, params }: Overload): string {
  if (form === 'operator') {
    const [left, right] = params
    return right === undefined ? `${spelled(name)}${left!}` : `${left!} ${spelled(name)} ${right}`
  }
  const [receiver, ...rest] = params
  if (form === 'member') return `${receiver!}.${name}(${rest.join(', ')})`
  return `${name}(${params.map((param) => (param === 'dyn' ? 'any value' : param)).join(', ')})`
}
