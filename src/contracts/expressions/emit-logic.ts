/** Closures for `&&`, `||`, `!`, comparisons and `in`: what most rules consist of. */
import { Uint } from '../value.ts'
import { CelType, Fault, isList, kindOf, withArticle } from './cel.ts'
import type { Cel, Result } from './cel.ts'
import { contains, equal, order } from './compare.ts'
import type { Emitted } from './emitted.ts'
import { spendScan } from './frame.ts'
import type { Eval, Frame } from './frame.ts'
import { pathOf } from './tree.ts'
import type { Node, Sign } from './tree.ts'

function notBool(operator: string, value: Cel): Fault {
  return new Fault(`"${operator}" needs true or false, not ${withArticle(kindOf(value))}`)
}

/** False on either side decides, even when the other side is an error. */
export function emitAnd(left: Eval, right: Eval): Eval {
  return (frame) => {
    const a = left(frame)
    if (a === false) return false
    const b = right(frame)
    if (b === false) return false
    if (a === true && b === true) return true
    return undecided('&&', a, b)
  }
}

export function emitOr(left: Eval, right: Eval): Eval {
  return (frame) => {
    const a = left(frame)
    if (a === true) return true
    const b = right(frame)
    if (b === true) return true
    if (a === false && b === false) return false
    return undecided('||', a, b)
  }
}

function undecided(operator: string, a: Result, b: Result): Fault {
  const culprit = typeof a === 'boolean' ? b : a
  return culprit instanceof Fault ? culprit : notBool(operator, culprit)
}

export function emitNot(operand: Eval): Eval {
  return (frame) => {
    const value = operand(frame)
    if (typeof value === 'boolean') return !value
    return value instanceof Fault ? value : notBool('!', value)
  }
}

export function emitEqual(left: Emitted, right: Emitted, negated: boolean): Eval {
  const [a, b] = [left.run, right.run]
  return (frame) => {
    const x = a(frame)
    if (x instanceof Fault) return x
    const y = b(frame)
    if (y instanceof Fault) return y
    return equal(x, y, frame) !== negated
  }
}

const holds: Readonly<Record<Sign, (comparison: number) => boolean>> = {
  '<': (comparison) => comparison < 0,
  '<=': (comparison) => comparison <= 0,
  '>': (comparison) => comparison > 0,
  '>=': (comparison) => comparison >= 0
}

const onNumbers: Readonly<Record<Sign, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b
}

const onInts: Readonly<Record<Sign, (a: bigint, b: bigint) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b
}

export function emitOrder(node: Extract<Node, { op: 'order' }>, left: Eval, right: Eval): Eval {
  const test = holds[node.sign]
  const testNumbers = onNumbers[node.sign]
  const testInts = onInts[node.sign]
  return (frame) => {
    const a = left(frame)
    const b = right(frame)
    if (typeof a === 'number' && typeof b === 'number') return testNumbers(a, b)
    if (typeof a === 'bigint' && typeof b === 'bigint') return testInts(a, b)
    if (a instanceof Fault) return a
    if (b instanceof Fault) return b
    const comparison = order(a, b, frame)
    return comparison === undefined ? noOrder(node, a, b) : test(comparison)
  }
}

function noOrder(node: Extract<Node, { op: 'order' }>, a: Cel, b: Cel): Fault {
  if (a === null || b === null) {
    const path = pathOf(a === null ? node.left : node.right)
    return new Fault(`"${node.sign}" cannot compare null${path === null ? '' : `: ${path} is absent or null`}`)
  }
  return new Fault(`"${node.sign}" cannot compare ${withArticle(kindOf(a))} with ${withArticle(kindOf(b))}`)
}

export function emitIn(node: Extract<Node, { op: 'in' }>, item: Eval, container: Emitted): Eval {
  const listed = container.constant === undefined ? null : constantSet(container.constant)
  if (listed !== null) return emitInSet(item, listed, container.constant!)
  return (frame) => {
    const value = item(frame)
    if (value instanceof Fault) return value
    const within = container.run(frame)
    return within instanceof Fault ? within : isContained(node, value, within, frame)
  }
}

function isContained(node: Extract<Node, { op: 'in' }>, value: Cel, within: Cel, frame: Frame): Result {
  const found = contains(within, value, frame)
  if (found !== undefined) return found
  const path = pathOf(node.container)
  if (within === null && path !== null) return new Fault(`"in" needs a list or a map: ${path} is absent or null`)
  return new Fault(`"in" needs a list or a map on its right, not ${withArticle(kindOf(within))}`)
}

/** A list of texts or of ints as a set; null for a list of anything else. */
function constantSet(value: Cel): ReadonlySet<Cel> | null {
  if (!isList(value) || value.length === 0) return null
  const kind = typeof value[0]
  return (kind === 'string' || kind === 'bigint') && value.every((member) => typeof member === kind)
    ? new Set(value)
    : null
}

function emitInSet(item: Eval, listed: ReadonlySet<Cel>, list: Cel): Eval {
  return (frame) => {
    const value = item(frame)
    if (typeof value === 'string') {
      spendScan(frame, value.length)
      return listed.has(value)
    }
    if (typeof value === 'bigint') return listed.has(value)
    if (value instanceof Uint) return listed.has(value.value)
    if (value instanceof Fault) return value
    // Other numbers can equal a listed int, nothing else can.
    return value instanceof CelType || value === null ? false : contains(list, value, frame)!
  }
}
