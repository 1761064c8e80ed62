/**
 * Functions that are called as the reference calls them: with values made of what the slots hold, and with no more
 * work to do than is a part's share. That makes objects, but leaves the rest of the record where it lies.
 */
import { Fault } from '../../expressions/cel.ts'
import type { Cel, Result } from '../../expressions/cel.ts'
import { overloadsOf } from '../../expressions/functions/index.ts'
import type { Overload } from '../../expressions/functions/index.ts'
import type { CallNode, Node } from '../../expressions/tree.ts'
import type { Param } from '../../expressions/types.ts'
import { Duration, Timestamp, Uint } from '../../value.ts'
import { constantOf } from './constants.ts'
import { NotCovered, rangeOf, unknown } from './writer.ts'
import type { Class, Writer } from './writer.ts'

/** A parameter that can be made of a slot, and what its arguments are. */
const classes: Readonly<Partial<Record<Param, Class>>> = {
  string: 'text',
  int: 'number',
  uint: 'number',
  double: 'number',
  timestamp: 'time',
  duration: 'span'
}

/** What the call results in; null where it is not certain which function is meant, or it is none for slots. */
export function overloadOf(
  writer: Writer,
  node: CallNode,
  sortOf: (writer: Writer, node: Node) => Class
): Overload | null {
  const sorts = node.args.map((arg) => sortOf(writer, arg))
  const fitting = overloadsOf(node.form, node.name).filter(({ params }) => {
    return params.length === sorts.length && params.every((param, i) => fits(param, sorts[i]!, node.args[i]!, writer))
  })
  const [only] = fitting
  return fitting.length === 1 && classes[only!.result.kind as Param] !== undefined ? only! : null
}

function fits(param: Param, sort: Class, arg: Node, writer: Writer): boolean {
  const wanted = classes[param]
  if (wanted === undefined || (sort !== wanted && sort !== 'dyn')) return false
  if (wanted !== 'number') return true
  const kind = writer.parts.kindOfNumber(writer, arg)
  return kind === null || kind === param
}

/** The class of the result of such a call. */
export function classOfResult(overload: Overload): Class {
  return classes[overload.result.kind as Param]!
}

/** Writes the call; returns the variable that holds a buffer of text, a number, or milliseconds. */
export function writeCall(writer: Writer, node: CallNode, overload: Overload): string {
  const args = node.args.map((arg, i) => argumentCode(writer, arg, overload.params[i]!))
  const call = caller(overload, writer.ticksPerText)
  const result = writer.keep(`${writer.code.constant(call)}(${args.join(',')})`)
  writer.line(`if(${result}===undefined)${unknown}`)
  return result
}

function argumentCode(writer: Writer, arg: Node, param: Param): string {
  const constant = constantOf(arg)
  if (constant !== undefined) return writer.code.constant(constant)
  switch (param) {
    case 'string':
      return `${writer.code.constant(textOf)}(${rangeOf(writer.parts.text(writer, arg, unknown))})`
    case 'int':
      return `BigInt(${writer.parts.number(writer, arg, 'int', unknown)})`
    case 'uint':
      return `${writer.code.constant(uintOf)}(${writer.parts.number(writer, arg, 'uint', unknown)})`
    case 'double':
      return writer.parts.number(writer, arg, 'double', unknown)
    case 'timestamp':
      return `${writer.code.constant(timestampOf)}(${writer.parts.time(writer, arg, unknown)})`
    case 'duration':
      return `${writer.code.constant(durationOf)}(${writer.parts.span(writer, arg, unknown)})`
    default:
      throw new NotCovered('it calls a function with what no slot holds')
  }
}

function textOf(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, end)
}

function uintOf(value: number): Uint {
  return new Uint(BigInt(value))
}

function timestampOf(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000)
  return new Timestamp(BigInt(seconds), (ms - seconds * 1000) * 1_000_000)
}

function durationOf(ms: number): Duration {
  const seconds = Math.trunc(ms / 1000)
  return new Duration(BigInt(seconds), (ms - seconds * 1000) * 1_000_000)
}

type Called = (...args: readonly Cel[]) => Buffer | number | undefined

/** Undefined for what the reference has to see itself: an error, too much work, or a result that no slot could hold. */
function caller(overload: Overload, ticks: number): Called {
  return (...args) => {
    try {
      return slotValue(overload.run(args, { bindings: undefined, slots: [], ticks }))
    } catch {
      return undefined
    }
  }
}

function slotValue(result: Result): Buffer | number | undefined {
  if (typeof result === 'string') return result.isWellFormed() ? Buffer.from(result) : undefined
  if (typeof result === 'number') return result
  if (result instanceof Fault) return undefined
  if (typeof result === 'bigint') return safe(Number(result))
  if (result instanceof Uint) return safe(Number(result.value))
  if (result instanceof Timestamp || result instanceof Duration)
    return safe(Number(result.seconds) * 1000 + result.nanos / 1_000_000)
  return undefined
}

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined
}
