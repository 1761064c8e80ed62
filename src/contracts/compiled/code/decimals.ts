/** Comparisons with decimals as code: integers of one scale, made of the other side's before the record is there. */
import type { Node } from '../../expressions/tree.ts'
import { toDecimal } from '../../expressions/numbers.ts'
import { slotKind } from '../../payload/compiled.ts'
import { Decimal, Uint } from '../../value.ts'
import { inUnits } from '../decimals.ts'
import { constantOf } from './constants.ts'
import type { Field } from './fields.ts'
import { NotCovered, numberCode, unknown } from './writer.ts'
import type { OnError, Writer } from './writer.ts'

/** Sides of a comparison in the same unit, as code. */
export interface Comparable {
  readonly left: string
  readonly right: string
}

interface Scaled {
  readonly code: string
  readonly scale: number
}

/** At least one side is a decimal, the other one a number. Both are there, or the code went to `onError`. */
export function writeComparable(writer: Writer, left: Node, right: Node, onError: OnError): Comparable {
  const [a, b] = [constantOf(left), constantOf(right)]
  if (a === undefined && b === undefined) {
    return align(writer, writeScaled(writer, left, onError), writeScaled(writer, right, onError))
  }
  const field = writeScaled(writer, a === undefined ? left : right, onError)
  const constant = numberCode(writer, constantInUnits(a ?? b, field.scale))
  return a === undefined ? { left: field.code, right: constant } : { left: constant, right: field.code }
}

function constantInUnits(constant: unknown, scale: number): number {
  const number = constant instanceof Uint ? constant.value : constant
  // An infinity, or NaN, is compared as it is.
  if (typeof number === 'number' && !Number.isFinite(number)) return number
  if (typeof number !== 'number' && typeof number !== 'bigint' && !(number instanceof Decimal))
    throw new NotCovered('it compares a decimal with what is not a number')
  const units = inUnits(toDecimal(number), scale)
  if (units === null) throw new NotCovered('it compares with a number of more than 53 bits')
  return units
}

function writeScaled(writer: Writer, node: Node, onError: OnError): Scaled {
  const field = writer.field(node)
  if (field?.shape.kind === 'decimal') return writeDecimal(writer, field, onError)
  const kind = writer.parts.kindOfNumber(writer, node)
  const code = writer.parts.number(writer, node, kind, onError)
  // What a double with a fraction is as a decimal only its spelling tells; NaN is on no side of anything.
  if (kind !== 'int' && kind !== 'uint') writer.line(`if(!Number.isSafeInteger(${code})&&${code}===${code})${unknown}`)
  return { code, scale: 0 }
}

function writeDecimal(writer: Writer, field: Field, onError: OnError): Scaled {
  const scale = writer.scaleOf(field)
  const kind = writer.keep(writer.kind(field))
  writer.line(`if(${kind}!==${slotKind.decimal}){`)
  writer.line(`if(${kind}>${slotKind.null})${unknown}`)
  writer.line(`${onError}}`)
  // Decimals of several scales in one field.
  if (scale === null) writer.line(unknown)
  return { code: writer.keep(writer.number(field)), scale: scale ?? 0 }
}

function align(writer: Writer, left: Scaled, right: Scaled): Comparable {
  const scale = Math.max(left.scale, right.scale)
  return { left: rescaled(writer, left, scale), right: rescaled(writer, right, scale) }
}

/** 10^15 is the largest power of ten that is exact together with any factor other than 0 below 2^53. */
const largestShift = 15

function rescaled(writer: Writer, { code, scale }: Scaled, wanted: number): string {
  if (scale === wanted) return code
  if (wanted - scale > largestShift) throw new NotCovered('it compares decimals of very different scales')
  const result = writer.keep(`${code}*${numberCode(writer, 10 ** (wanted - scale))}`)
  // A product that was rounded is beyond.
  writer.line(`if(${result}>9007199254740991||${result}<-9007199254740991)${unknown}`)
  return result
}
