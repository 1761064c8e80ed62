/** `==` as code. It is never an error by itself: values of different types are simply not equal. */
import { equal } from '../../expressions/compare.ts'
import type { Cel } from '../../expressions/cel.ts'
import { limits } from '../../expressions/limits.ts'
import type { Node } from '../../expressions/tree.ts'
import { slotKind } from '../../payload/compiled.ts'
import { Decimal } from '../../value.ts'
import { classOf } from './classes.ts'
import { constantOf } from './constants.ts'
import { equalSlots } from '../equal-slots.ts'
import { writeComparable } from './decimals.ts'
import type { Field } from './fields.ts'
import { writeNumber } from './numbers.ts'
import { sameBytes } from '../text-bytes.ts'
import { writeLimit, writeText, writeTextOf } from './texts.ts'
import { writeSpan, writeTime } from './times.ts'
import { NotCovered, rangeOf, unknown } from './writer.ts'
import type { Class, OnError, TextCode, Writer } from './writer.ts'

/** Leaves 1 or 0 in `result`. Neither side is a condition. */
export function writeEqual(writer: Writer, left: Node, right: Node, result: string, onError: OnError): void {
  const [a, b] = [constantOf(left), constantOf(right)]
  if (a !== undefined && b !== undefined) {
    writer.line(`${result}=${equalConstants(a, b) ? 1 : 0}`)
    return
  }
  const [one, other] = [writer.field(left), writer.field(right)]
  if (isAboutDecimals(writer, left, right)) writeDecimals(writer, left, right, result, onError)
  else if (one !== null && other !== null) writeFields(writer, one, other, result, onError)
  else if (one !== null) writeFieldAndOther(writer, one, right, result, onError)
  else if (other !== null) writeFieldAndOther(writer, other, left, result, onError)
  else writeOthers(writer, left, right, result, onError)
}

function equalConstants(a: Cel, b: Cel): boolean {
  try {
    return equal(a, b, { bindings: undefined, slots: [], ticks: limits.ticks / 10 })
  } catch {
    throw new NotCovered('a part of it is an error on every record')
  }
}

/** Two numbers by the schema, of which one is a decimal. */
function isAboutDecimals(writer: Writer, left: Node, right: Node): boolean {
  const isDecimal = (node: Node): boolean =>
    writer.field(node)?.shape.kind === 'decimal' || constantOf(node) instanceof Decimal
  if (!isDecimal(left) && !isDecimal(right)) return false
  const sorts = [classOf(writer, left), classOf(writer, right)]
  return sorts.includes('decimal') && sorts.every((sort) => sort === 'decimal' || sort === 'number')
}

/** Null is a value here, and equal to null alone. */
function writeDecimals(writer: Writer, left: Node, right: Node, result: string, onError: OnError): void {
  const kinds: string[] = []
  for (const side of [left, right]) {
    const field = writer.field(side)
    if (field !== null) kinds.push(writer.settledKind(field, onError))
    else if (constantOf(side) === undefined) throw new NotCovered('it compares a decimal with a computed number')
  }
  const [one, other] = kinds
  const isNull = kinds.map((kind) => `${kind}===${slotKind.null}`).join('||')
  writer.line(`if(${isNull})${result}=${other === undefined ? 0 : `${one}===${other}?1:0`}`)
  writer.line('else{')
  const { left: a, right: b } = writeComparable(writer, left, right, onError)
  writer.line(`${result}=${a}===${b}?1:0`)
  writer.line('}')
}

function writeFields(writer: Writer, one: Field, other: Field, result: string, onError: OnError): void {
  for (const field of [one, other]) refuseDeep(field)
  for (const field of [one, other]) writer.settledKind(field, onError)
  const slots = [one, other].map((field) => writer.slotOf(field))
  const symbols = [one, other].map((field) => {
    const known = writer.symbolsOf(field)
    return known === null ? 'null' : writer.code.constant(known.map((symbol) => Buffer.from(symbol)))
  })
  const longest = Math.floor(writer.ticksPerText * 64)
  writer.line(`${result}=${writer.code.constant(equalSlots)}(s,b,${[...slots, ...symbols, longest].join(',')})`)
  writer.line(`if(${result}===2)${unknown}`)
}

function refuseDeep({ shape }: Field): void {
  if (shape.kind === 'record' || shape.kind === 'map') throw new NotCovered('it compares whole records or maps')
  if (shape.kind === 'list') throw new NotCovered('it compares whole lists')
  if (shape.kind === 'duration') throw new NotCovered('it reads a duration')
}

function writeFieldAndOther(writer: Writer, field: Field, other: Node, result: string, onError: OnError): void {
  const sort = classOf(writer, other)
  if (sort !== 'null') refuseDeep(field)
  // First what the field is compared with: its code may end the condition, and the order is not seen from outside.
  switch (sort) {
    case 'null': {
      const kind = writer.settledKind(field, onError)
      writer.line(`${result}=${kind}===${slotKind.null}?1:0`)
      return
    }
    case 'bool': {
      const kind = writer.settledKind(field, onError)
      writeUnlessOther(writer, kind)
      writer.line(`${result}=${kind}===${constantOf(other) === true ? slotKind.true : slotKind.false}?1:0`)
      return
    }
    case 'decimal':
      throw new NotCovered('it compares a decimal with a value whose type the schema does not say')
    case 'number': {
      const number = writeNumber(writer, other, null, onError)
      const kind = writer.settledKind(field, onError)
      writeUnlessOther(writer, kind)
      const isNumber = `${kind}-${slotKind.int}>>>0<=${slotKind.double - slotKind.int}`
      writer.line(`${result}=${isNumber}&&${writer.number(field)}===${number}?1:0`)
      return
    }
    case 'time': {
      const ms = writeTime(writer, other, onError)
      const kind = writer.settledKind(field, onError)
      writeUnlessOther(writer, kind)
      writer.line(`${result}=${kind}===${slotKind.timestampMs}&&${writer.number(field)}===${ms}?1:0`)
      return
    }
    case 'text':
      writeFieldAndText(writer, field, writeText(writer, other, onError), constantOf(other), result, onError)
      return
    default:
      throw new NotCovered(`it compares a field with ${namesOf[sort]}`)
  }
}

const namesOf: Readonly<Record<Exclude<Class, 'null' | 'bool' | 'number' | 'decimal' | 'time' | 'text'>, string>> = {
  span: 'a duration',
  bytes: 'bytes',
  list: 'a list',
  record: 'a record',
  dyn: 'a value whose type the schema does not say'
}

function writeUnlessOther(writer: Writer, kind: string): void {
  writer.line(`if(${kind}>=${slotKind.other})${unknown}`)
}

function writeFieldAndText(
  writer: Writer,
  field: Field,
  wanted: TextCode,
  constant: Cel | undefined,
  result: string,
  onError: OnError
): void {
  const kind = writer.settledKind(field, onError)
  const symbols = writer.symbolsOf(field)
  const same = writer.code.constant(sameBytes)
  if (symbols !== null && constant !== undefined) {
    const table = writer.code.constant(Uint8Array.from(symbols, (symbol) => (symbol === constant ? 1 : 0)))
    writer.line(`if(${kind}===${slotKind.symbol}){`)
    writer.line(`${result}=${table}[${writer.number(field)}]`)
    writer.line(`if(${result}===undefined)${unknown}`)
    writer.line('}else ')
  }
  writer.line(`if(${kind}===${slotKind.text}||${kind}===${slotKind.symbol}){`)
  const text = writeTextOf(writer, field, kind, () => writer.line(unknown))
  writeLimit(writer, wanted, 1 / 64)
  writer.line(`${result}=${same}(${rangeOf(text)},${rangeOf(wanted)})?1:0`)
  writer.line(`}else if(${kind}>=${slotKind.other}){${unknown}}`)
  writer.line(`else ${result}=0`)
}

function writeOthers(writer: Writer, left: Node, right: Node, result: string, onError: OnError): void {
  const [one, other] = [classOf(writer, left), classOf(writer, right)]
  if (one !== other) throw new NotCovered('it compares values of different types')
  if (one === 'number' || one === 'time' || one === 'span') {
    const write = one === 'time' ? writeTime : one === 'span' ? writeSpan : null
    const a = write === null ? writeNumber(writer, left, null, onError) : write(writer, left, onError)
    const b = write === null ? writeNumber(writer, right, null, onError) : write(writer, right, onError)
    writer.line(`${result}=${a}===${b}?1:0`)
    return
  }
  if (one !== 'text') throw new NotCovered('it compares values of a type that is not compiled')
  const a = writeText(writer, left, onError)
  const b = writeText(writer, right, onError)
  writeLimit(writer, a, 1 / 64)
  writer.line(`${result}=${writer.code.constant(sameBytes)}(${rangeOf(a)},${rangeOf(b)})?1:0`)
}
