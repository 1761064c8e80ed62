/** `size()` as code: code points of text, bytes, items of a list. */
import type { Node } from '../../expressions/tree.ts'
import { slotKind } from '../../payload/compiled.ts'
import type { Field } from './fields.ts'
import { codePointsOfBytes } from '../text-bytes.ts'
import { writeLimit, writeTextOf } from './texts.ts'
import { NotCovered, rangeOf, unknown } from './writer.ts'
import type { OnError, Writer } from './writer.ts'

export function writeSize(writer: Writer, node: Node, onError: OnError): string {
  const field = writer.field(node)
  if (field === null) throw new NotCovered('it takes the size of something that is not simply a field')
  const { kind } = field.shape
  if (kind === 'map' || kind === 'record') throw new NotCovered('it counts the entries of a map')
  const found = writer.keep(writer.kind(field))
  const size = writer.code.fresh()
  writer.line(`let ${size}=0`)
  writer.line(`if(${found}===${slotKind.list})${size}=${writer.number(field)}`)
  const slot = writer.slotOf(field)
  writer.line(`else if(${found}===${slotKind.bytes})${size}=E[${slot}]-S[${slot}]`)
  writer.line('else{')
  writeCodePoints(writer, field, found, size, onError)
  writer.line('}')
  return size
}

function writeCodePoints(writer: Writer, field: Field, kind: string, size: string, onError: OnError): void {
  const text = writeTextOf(writer, field, kind, () => {
    writer.line(`if(${kind}>=${slotKind.other})${unknown}`)
    writer.line(onError)
  })
  writeLimit(writer, text, 1 / 8)
  writer.line(`${size}=${writer.code.constant(codePointsOfBytes)}(${rangeOf(text)})`)
}
