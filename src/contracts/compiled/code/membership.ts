/** `x in [...]` over a list of constants, as code. */
import { isList } from '../../expressions/cel.ts'
import type { Cel } from '../../expressions/cel.ts'
import type { Node } from '../../expressions/tree.ts'
import { slotKind } from '../../payload/compiled.ts'
import { Uint } from '../../value.ts'
import { classOf } from './classes.ts'
import { constantOf, constantText, exactNumber } from './constants.ts'
import type { Field } from './fields.ts'
import { writeNumber } from './numbers.ts'
import { membership, writeLimit, writeText, writeTextOf } from './texts.ts'
import { NotCovered, numberCode, unknown } from './writer.ts'
import type { OnError, Writer } from './writer.ts'

interface Members {
  readonly texts: readonly string[]
  readonly numbers: readonly number[]
  readonly bools: readonly boolean[]
  readonly hasNull: boolean
}

/** Leaves 1 or 0 in `result`. */
export function writeIn(writer: Writer, item: Node, container: Node, result: string, onError: OnError): void {
  const list = constantOf(container)
  if (list === undefined) throw new NotCovered(reasonFor(container))
  if (!isList(list)) throw new NotCovered('it looks into a map')
  const members = sorted(list)
  const field = writer.field(item)
  if (field?.shape.kind === 'decimal') throw new NotCovered('it looks for a decimal in a list')
  if (field !== null) {
    writeField(writer, field, members, result, onError)
    return
  }
  const kind = classOf(writer, item)
  if (kind === 'number') {
    const number = writeNumber(writer, item, null, onError)
    writer.line(`${result}=${oneOf(writer, number, members.numbers)}?1:0`)
  } else if (kind === 'text') {
    const text = writeText(writer, item, onError)
    writeLimit(writer, text, 1 / 64)
    writer.line(`${result}=${membership(writer, text, members.texts.map(constantText))}?1:0`)
  } else throw new NotCovered('it looks for a computed value in a list')
}

function reasonFor(container: Node): string {
  return container.op === 'list' ? 'it makes a list out of fields' : 'it looks into a list or a map of the record'
}

function sorted(list: readonly Cel[]): Members {
  const texts: string[] = []
  const numbers: number[] = []
  const bools: boolean[] = []
  let hasNull = false
  for (const member of list) {
    if (typeof member === 'string') texts.push(member)
    else if (typeof member === 'bigint' || typeof member === 'number' || member instanceof Uint)
      numbers.push(exactNumber(member))
    else if (typeof member === 'boolean') bools.push(member)
    else if (member === null) hasNull = true
    else throw new NotCovered('it looks into a list of something else than texts, numbers and bools')
  }
  // NaN is equal to nothing, but a `Set` would find it.
  return { texts, numbers: numbers.filter((number) => !Number.isNaN(number)), bools, hasNull }
}

function writeField(writer: Writer, field: Field, members: Members, result: string, onError: OnError): void {
  const kind = writer.settledKind(field, onError)
  writer.line(`if(${kind}===${slotKind.text}||${kind}===${slotKind.symbol}){`)
  writeTextField(writer, field, kind, members.texts, result)
  writer.line(`}else if(${kind}>=${slotKind.other}){${unknown}}`)
  const number = writer.number(field)
  writer.line(`else if(${kind}-${slotKind.int}>>>0<=${slotKind.double - slotKind.int})`)
  writer.line(`${result}=${oneOf(writer, number, members.numbers)}?1:0`)
  const others = [
    ...members.bools.map((bool) => (bool ? slotKind.true : slotKind.false)),
    ...(members.hasNull ? [slotKind.null] : [])
  ]
  writer.line(`else ${result}=${others.map((other) => `${kind}===${other}`).join('||') || 'false'}?1:0`)
}

function writeTextField(writer: Writer, field: Field, kind: string, texts: readonly string[], result: string): void {
  const symbols = writer.symbolsOf(field)
  if (symbols !== null) {
    const wanted = new Set(texts)
    const table = writer.code.constant(Uint8Array.from(symbols, (symbol) => (wanted.has(symbol) ? 1 : 0)))
    writer.line(`if(${kind}===${slotKind.symbol}){`)
    writer.line(`${result}=${table}[${writer.number(field)}]`)
    writer.line(`if(${result}===undefined)${unknown}`)
    writer.line('}else{')
  }
  const text = writeTextOf(writer, field, kind, () => writer.line(unknown))
  writeLimit(writer, text, 1 / 64)
  writer.line(`${result}=${membership(writer, text, texts.map(constantText))}?1:0`)
  if (symbols !== null) writer.line('}')
}

const fewNumbers = 8

function oneOf(writer: Writer, number: string, members: readonly number[]): string {
  if (members.length === 0) return 'false'
  if (members.length > fewNumbers) return `${writer.code.constant(new Set(members))}.has(${number})`
  return `(${members.map((member) => `${number}===${numberCode(writer, member)}`).join('||')})`
}
