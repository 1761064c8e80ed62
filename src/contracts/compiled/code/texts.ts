/** Texts of an expression as code: a buffer, where the text starts in it and where it ends. */
import type { CallNode, Node } from '../../expressions/tree.ts'
import { compilePattern } from '../../expressions/pattern.ts'
import type { Pattern } from '../../expressions/pattern.ts'
import { slotKind } from '../../payload/compiled.ts'
import { constantOf, constantText } from './constants.ts'
import type { Field } from './fields.ts'
import { endsWithBytes, fewTexts, includesBytes, sameBytes, startsWithBytes, TextSet } from '../text-bytes.ts'
import { textMatcher } from '../text-pattern.ts'
import { classOf } from './classes.ts'
import { overloadOf, writeCall } from './calls.ts'
import { writeBranches } from './choices.ts'
import type { ChoiceNode } from './choices.ts'
import { NotCovered, rangeOf, unknown } from './writer.ts'
import type { OnError, TextCode, Writer } from './writer.ts'

export function writeText(writer: Writer, node: Node, onError: OnError): TextCode {
  const constant = constantOf(node)
  if (typeof constant === 'string') return constantRange(writer, constantText(constant))
  if (constant !== undefined) throw new NotCovered('it treats as text what is none')
  const field = writer.field(node)
  if (field !== null) {
    const kind = writer.keep(writer.kind(field))
    return writeTextOf(writer, field, kind, () => {
      writer.line(`if(${kind}>=${slotKind.other})${unknown}`)
      writer.line(onError)
    })
  }
  if (node.op === 'variable' && node.name === 'topic') return writeTopic(writer)
  if (node.op === 'choice') return writeChosen(writer, node, onError)
  if (node.op !== 'call') throw new NotCovered('it computes a text')
  if (node.name === 'dyn') return writeText(writer, node.args[0]!, onError)
  const overload = overloadOf(writer, node, classOf)
  if (overload === null) throw new NotCovered('it computes a text')
  const bytes = writeCall(writer, node, overload)
  return { bytes, start: '0', end: `${bytes}.length` }
}

function writeChosen(writer: Writer, node: ChoiceNode, onError: OnError): TextCode {
  const text = { bytes: writer.code.fresh(), start: writer.code.fresh(), end: writer.code.fresh() }
  writer.line(`let ${text.bytes}=b,${text.start}=0,${text.end}=0`)
  writeBranches(writer, node, onError, (branch) => {
    const { bytes, start, end } = writeText(writer, branch, onError)
    writer.line(`${text.bytes}=${bytes},${text.start}=${start},${text.end}=${end}`)
  })
  return text
}

function constantRange(writer: Writer, text: Buffer): TextCode {
  return { bytes: writer.code.constant(text), start: '0', end: String(text.length) }
}

/** @param otherwise writes what is done with a field that is no text; the code must not go on after it */
export function writeTextOf(writer: Writer, field: Field, kind: string, otherwise: () => void): TextCode {
  const slot = writer.slotOf(field)
  const symbols = writer.symbolsOf(field)
  const text = { bytes: writer.code.fresh(), start: writer.code.fresh(), end: writer.code.fresh() }
  writer.line(`let ${text.bytes}=b,${text.start}=S[${slot}],${text.end}=E[${slot}]`)
  writer.line(`if(${kind}!==${slotKind.text}){`)
  writer.line(`if(${kind}===${slotKind.symbol}){`)
  if (symbols === null) writer.line(unknown)
  else {
    const table = writer.code.constant(symbols.map((symbol) => Buffer.from(symbol)))
    writer.line(`${text.bytes}=${table}[N[${slot}]]`)
    writer.line(`if(${text.bytes}===undefined)${unknown}`)
    writer.line(`${text.start}=0,${text.end}=${text.bytes}.length`)
  }
  writer.line('}else{')
  otherwise()
  writer.line('}}')
  return text
}

/** The topic seldom changes between records, so its bytes are kept. */
function topicReader(): (topic: string) => Buffer | null {
  let last = ''
  let bytes: Buffer | null = Buffer.alloc(0)
  return (topic) => {
    if (topic !== last) {
      last = topic
      bytes = topic.isWellFormed() ? Buffer.from(topic) : null
    }
    return bytes
  }
}

function writeTopic(writer: Writer): TextCode {
  const bytes = writer.keep(`${writer.code.constant(topicReader())}(r.topic)`)
  writer.line(`if(${bytes}===null)${unknown}`)
  return { bytes, start: '0', end: `${bytes}.length` }
}

/** Leaves texts alone that are longer than what `ticksPerByte` makes of the work allowed. */
export function writeLimit(writer: Writer, { start, end }: TextCode, ticksPerByte: number): void {
  writer.line(`if(${end}-${start}>${Math.floor(writer.ticksPerText / ticksPerByte)})${unknown}`)
}

const functions: Readonly<Record<string, typeof startsWithBytes>> = {
  startsWith: startsWithBytes,
  endsWith: endsWithBytes,
  contains: includesBytes
}

/** `startsWith`, `endsWith`, `contains` and `matches`: code that is true or false. */
export function writeTextTest(writer: Writer, node: CallNode, onError: OnError): string {
  const [subject, argument] = node.args
  if (subject === undefined || argument === undefined || node.args.length !== 2)
    throw new NotCovered(`it uses ${node.name}() in a way that is not known`)
  const pattern = node.name === 'matches' ? patternOf(argument) : null
  const text = writeText(writer, subject, onError)
  if (pattern !== null) {
    writeLimit(writer, text, pattern.ticksPerUnit)
    return `${writer.code.constant(textMatcher(pattern, pattern.source))}(${rangeOf(text)})`
  }
  const part = writeText(writer, argument, onError)
  writeLimit(writer, part, 1 / 64)
  if (node.name === 'contains') {
    // The reference pays for the product of both lengths.
    const ticks = `(${text.end}-${text.start})*(64+${part.end}-${part.start})`
    writer.line(`if(${ticks}>${Math.floor(writer.ticksPerText * 4096)})${unknown}`)
  }
  return `${writer.code.constant(functions[node.name])}(${rangeOf(text)},${rangeOf(part)})`
}

function patternOf(node: Node): Pattern & { readonly source: string } {
  const source = constantOf(node)
  if (typeof source !== 'string') throw new NotCovered('it takes a pattern out of a field')
  const pattern = compilePattern(source)
  if (!pattern.ok) throw new NotCovered('its pattern does not compile')
  return { ...pattern, source }
}

/** Code that tells whether the text is one of these. */
export function membership(writer: Writer, text: TextCode, members: readonly Buffer[]): string {
  if (members.length === 0) return 'false'
  if (members.length > fewTexts) return `${writer.code.constant(new TextSet(members))}.has(${rangeOf(text)})`
  const same = writer.code.constant(sameBytes)
  return members.map((member) => `${same}(${rangeOf(text)},${rangeOf(constantRange(writer, member))})`).join('||')
}
