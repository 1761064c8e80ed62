/** Timestamps and durations of an expression as code: whole milliseconds, within the ranges that CEL gives them. */
import type { CallNode, Node } from '../../expressions/tree.ts'
import { slotKind } from '../../payload/compiled.ts'
import { Duration, Timestamp } from '../../value.ts'
import { overloadOf, writeCall } from './calls.ts'
import { classOf } from './classes.ts'
import { constantOf, wholeMilliseconds } from './constants.ts'
import { writeText } from './texts.ts'
import { timestampOfBytes } from '../timestamp-text.ts'
import { NotCovered, numberCode, rangeOf, unknown } from './writer.ts'
import type { OnError, Writer } from './writer.ts'

/** The years 1 to 9999. */
const firstMs = '-62135596800000'
const lastMs = '253402300799999'
/** 2^63 nanoseconds, cut to the millisecond. */
const longestMs = '9223372036854'

/** Milliseconds since the epoch. */
export function writeTime(writer: Writer, node: Node, onError: OnError): string {
  const constant = constantOf(node)
  if (constant instanceof Timestamp) return numberCode(writer, wholeMilliseconds(constant))
  const field = writer.field(node)
  if (field !== null) {
    const kind = writer.keep(writer.kind(field))
    writer.line(`if(${kind}!==${slotKind.timestampMs}){`)
    writer.line(`if(${kind}>=${slotKind.other})${unknown}`)
    writer.line(`${onError}}`)
    return writer.keep(writer.number(field))
  }
  if (node.op === 'variable' && node.name === 'timestamp') {
    // A producer can write any 64 bits here; beyond the years of CEL the parts of a second are not certain.
    return within(writer, 'r.timestampMs()', firstMs, lastMs)
  }
  if (node.op !== 'call') throw new NotCovered('it uses a time that is neither a field nor a constant')
  if (node.name === 'dyn') return writeTime(writer, node.args[0]!, onError)
  if (node.name === 'timestamp') return writeParsed(writer, node, node.args[0]!)
  return writeMoved(writer, node.name, node.args, onError)
}

/** Of a text; what it cannot read may be an error or finer than a millisecond. */
function writeParsed(writer: Writer, call: CallNode, node: Node): string {
  const sort = classOf(writer, node)
  if (sort === 'time') return writeTime(writer, node, unknown)
  if (sort !== 'text' && sort !== 'dyn') return writeOther(writer, call)
  const text = writeText(writer, node, unknown)
  const ms = writer.keep(`${writer.code.constant(timestampOfBytes)}(${rangeOf(text)})`)
  writer.line(`if(!(${ms}>=${firstMs}))${unknown}`)
  return ms
}

/** A time and a span; the span may come first when they are added. */
function writeMoved(writer: Writer, operator: string, args: readonly Node[], onError: OnError): string {
  const [left, right] = args
  if (left === undefined || right === undefined) throw new NotCovered('it changes the sign of a time')
  const spanFirst = operator === '_+_' && classOf(writer, left) === 'span'
  const [time, span] = spanFirst ? [right, left] : [left, right]
  const ms = writeTime(writer, time, onError)
  const by = writeSpan(writer, span, onError)
  return within(writer, `${ms}${operator === '_+_' ? '+' : '-'}${by}`, firstMs, lastMs)
}

function writeOther(writer: Writer, node: Node): string {
  const overload = node.op === 'call' ? overloadOf(writer, node, classOf) : null
  if (overload === null) throw new NotCovered('it computes a time or a duration in a way that is not compiled')
  return writeCall(writer, node as CallNode, overload)
}

/** Milliseconds. */
export function writeSpan(writer: Writer, node: Node, onError: OnError): string {
  const constant = constantOf(node)
  if (constant instanceof Duration) return numberCode(writer, wholeMilliseconds(constant))
  if (node.op !== 'call' || (node.name !== '_+_' && node.name !== '_-_') || node.args.length !== 2)
    return writeOther(writer, node)
  const [left, right] = node.args
  const write = node.name === '_-_' && classOf(writer, left!) === 'time' ? writeTime : writeSpan
  const a = write(writer, left!, onError)
  const b = write(writer, right!, onError)
  return within(writer, `${a}${node.name === '_+_' ? '+' : '-'}${b}`, `-${longestMs}`, longestMs)
}

function within(writer: Writer, code: string, least: string, most: string): string {
  const ms = writer.keep(code)
  writer.line(`if(!(${ms}>=${least}&&${ms}<=${most}))${unknown}`)
  return ms
}
