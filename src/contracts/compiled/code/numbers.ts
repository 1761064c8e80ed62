/**
 * Numbers of an expression as code. int and uint are doubles here, which is exact up to 2^53 - 1: a result beyond, or
 * of which it is not certain, is left to the reference, and so is the division by zero.
 */
import type { CallNode, Node } from '../../expressions/tree.ts'
import { slotKind } from '../../payload/compiled.ts'
import { Uint } from '../../value.ts'
import { constantOf, exactNumber } from './constants.ts'
import type { Field } from './fields.ts'
import { writeSize } from './sizes.ts'
import { writeTime } from './times.ts'
import { overloadOf, writeCall as writeOtherCall } from './calls.ts'
import { writeBranches } from './choices.ts'
import { classOf } from './classes.ts'
import { NotCovered, numberCode, unknown } from './writer.ts'
import type { NumberKind, OnError, Writer } from './writer.ts'

const arithmetic: ReadonlySet<string> = new Set(['_+_', '_-_', '_*_', '_/_', '_%_', '-_', 'dyn'])

const largest = '9007199254740991'

/**
 * Writes what computes the number; returns its code, which has no effects and is short.
 *
 * @param kind what it must be; null for any, where only the mathematical value matters
 */
export function writeNumber(writer: Writer, node: Node, kind: NumberKind | null, onError: OnError): string {
  const constant = constantOf(node)
  if (constant !== undefined) {
    if (typeof constant === 'bigint' || typeof constant === 'number' || constant instanceof Uint)
      return numberCode(writer, exactNumber(constant))
    throw new NotCovered('it computes with what is not a number')
  }
  const field = writer.field(node)
  if (field?.shape.kind === 'decimal') throw new NotCovered('it computes with a decimal')
  if (field !== null) return writeField(writer, field, kind, onError)
  if (node.op === 'variable') return writePartition(writer)
  if (node.op === 'call') return writeCall(writer, node, kind, onError)
  if (node.op === 'choice') {
    const chosen = writer.code.fresh()
    writer.line(`let ${chosen}=0`)
    const common = kind ?? kindOfNumber(writer, node)
    writeBranches(writer, node, onError, (branch) => {
      writer.line(`${chosen}=${writeNumber(writer, branch, common, onError)}`)
    })
    return chosen
  }
  throw new NotCovered('it computes with what is not a number')
}

/** Null where only the record tells. */
export function kindOfNumber(writer: Writer, node: Node): NumberKind | null {
  const constant = constantOf(node)
  if (typeof constant === 'bigint') return 'int'
  if (typeof constant === 'number') return 'double'
  if (constant instanceof Uint) return 'uint'
  const shape = writer.field(node)?.shape.kind
  if (shape !== undefined) return shape === 'int' || shape === 'uint' || shape === 'double' ? shape : null
  if (node.op === 'variable') return 'int'
  if (node.op === 'choice') {
    const kind = kindOfNumber(writer, node.yes)
    return kind === kindOfNumber(writer, node.no) ? kind : null
  }
  if (node.op !== 'call') return null
  if (node.name === 'int' || node.name === 'uint' || node.name === 'double') return node.name
  if (node.name === 'size') return 'int'
  if (!arithmetic.has(node.name)) {
    const kind = overloadOf(writer, node, classOf)?.result.kind
    return kind === 'int' || kind === 'uint' || kind === 'double' ? kind : null
  }
  return node.args.map((arg) => kindOfNumber(writer, arg)).find((kind) => kind !== null) ?? null
}

function writeField(writer: Writer, field: Field, kind: NumberKind | null, onError: OnError): string {
  const found = writer.keep(writer.kind(field))
  if (kind === null) {
    // A number of any kind: the three follow each other.
    writer.line(`if(${found}-${slotKind.int}>>>0>${slotKind.double - slotKind.int}){`)
    writer.line(`if(${found}>=${slotKind.other})${unknown}`)
    writer.line(`${onError}}`)
  } else {
    writer.line(`if(${found}!==${slotKind[kind]}){`)
    writer.line(`if(${found}>${slotKind.null})${unknown}`)
    writer.line(`${onError}}`)
  }
  return writer.keep(writer.number(field))
}

function writePartition(writer: Writer): string {
  const partition = writer.keep('r.partition')
  writer.line(`if(!Number.isSafeInteger(${partition}))${unknown}`)
  return partition
}

function writeCall(writer: Writer, node: CallNode, wanted: NumberKind | null, onError: OnError): string {
  const [first, second] = node.args
  switch (node.name) {
    case 'dyn':
      return writeNumber(writer, first!, wanted, onError)
    case 'size':
      if (writer.field(first!) !== null) return writeSize(writer, first!, onError)
      break
    case 'int':
      if (isTextOrSpan(writer, first!)) break
      return writeToInt(writer, first!)
    case 'uint':
      if (isTextOrSpan(writer, first!)) break
      return writeToUint(writer, first!)
    case 'double':
      if (isTextOrSpan(writer, first!)) break
      // A field may hold a text at run time, which is converted too: nothing but a number is certain here.
      return writer.keep(`${writeNumber(writer, first!, null, unknown)}+0`)
    case '-_':
      return writeNegative(writer, first!, wanted, onError)
  }
  if (second !== undefined && arithmetic.has(node.name))
    return writeArithmetic(writer, node.name, first!, second, wanted, onError)
  const overload = overloadOf(writer, node, classOf)
  if (overload === null || (wanted !== null && wanted !== overload.result.kind))
    throw new NotCovered('it computes with what is not a number')
  return writeOtherCall(writer, node, overload)
}

function isTextOrSpan(writer: Writer, node: Node): boolean {
  const sort = classOf(writer, node)
  return sort === 'text' || sort === 'span'
}

function writeNegative(writer: Writer, operand: Node, wanted: NumberKind | null, onError: OnError): string {
  const kind = kindOfNumber(writer, operand) ?? wanted
  if (kind === null || kind === 'uint')
    throw new NotCovered('it computes with numbers of a type the schema does not say')
  const code = writeNumber(writer, operand, kind, onError)
  // -0 is a double, and no int.
  return writer.keep(kind === 'int' ? `0-${code}` : `-${code}`)
}

function writeArithmetic(
  writer: Writer,
  operator: string,
  left: Node,
  right: Node,
  wanted: NumberKind | null,
  onError: OnError
): string {
  const kinds = [kindOfNumber(writer, left), kindOfNumber(writer, right)].filter((kind) => kind !== null)
  const kind = kinds[0] ?? wanted
  if (kind === null) throw new NotCovered('it computes with numbers of a type the schema does not say')
  if (kinds.some((other) => other !== kind)) throw new NotCovered('it computes with numbers of different types')
  const a = writeNumber(writer, left, kind, onError)
  const b = writeNumber(writer, right, kind, onError)
  if (kind === 'double') {
    if (operator === '_%_') throw new NotCovered('it takes the remainder of a double')
    return writer.keep(`${a}${sign(operator)}${b}`)
  }
  return writeExact(writer, operator, a, b, kind)
}

function sign(operator: string): string {
  const found = { '_+_': '+', '_-_': '-', '_*_': '*', '_/_': '/', '_%_': '%' }[operator]
  if (found === undefined) throw new NotCovered('it computes with what is not a number')
  return found
}

/** Of doubles that hold integers, which `%` of JavaScript divides as CEL does; `+0` because -0 is no integer. */
function writeExact(writer: Writer, operator: string, a: string, b: string, kind: 'int' | 'uint'): string {
  if (operator === '_/_' || operator === '_%_') {
    writer.line(`if(${b}===0)${unknown}`)
    // The dividend less the remainder is a multiple: the quotient is not rounded.
    return writer.keep(operator === '_%_' ? `${a}%${b}+0` : `(${a}-${a}%${b})/${b}+0`)
  }
  const result = writer.keep(`${a}${sign(operator)}${b}+0`)
  const least = kind === 'int' ? `-${largest}` : '0'
  writer.line(`if(!(${result}>=${least}&&${result}<=${largest}))${unknown}`)
  return result
}

function writeToInt(writer: Writer, operand: Node): string {
  if (classOf(writer, operand) === 'time') {
    const ms = writeTime(writer, operand, unknown)
    // Down to the whole second, also before 1970.
    return writer.keep(`(${ms}-(${ms}%1000+1000)%1000)/1000+0`)
  }
  const code = writeNumber(writer, operand, null, unknown)
  writer.line(`if(!(${code}>=-${largest}&&${code}<=${largest}))${unknown}`)
  return writer.keep(`Math.trunc(${code})+0`)
}

function writeToUint(writer: Writer, operand: Node): string {
  const code = writeNumber(writer, operand, null, unknown)
  writer.line(`if(!(${code}>=0&&${code}<=${largest}))${unknown}`)
  return writer.keep(`Math.trunc(${code})+0`)
}
