/** Writes what validators do with values that hold no others. `AvroCode` says what a snippet may count on and leaves. */
import { durationFields } from '../logical.ts'
import type { AvroNode, DecimalLogical, EnumNode, FixedNode } from '../node.ts'
import type { AvroCode, Frame } from './code.ts'
import {
  decimalBounds,
  isDecimalWithin,
  isUuidAt,
  microsKind,
  putDecimal,
  putDouble,
  putFloat,
  uint32At
} from './primitives.ts'
import type { Reads } from './reads.ts'

/** Where a node stands in the function being written. */
export interface ScalarPlace {
  readonly frame: Frame
  /** Least bytes of what follows in the same function. */
  readonly need: number
  readonly reads: Reads
}

export type ScalarNode = Exclude<AvroNode, { readonly kind: 'union' | 'array' | 'map' | 'record' }>

export function emitScalar(code: AvroCode, node: ScalarNode, place: ScalarPlace): void {
  const { slots } = place.reads
  switch (node.kind) {
    case 'null':
      code.note(slots, 'null')
      code.noteAbsent(place.reads)
      break
    case 'boolean':
      emitBoolean(code, place)
      break
    case 'int':
      if (slots.length === 0) code.skipInt(place.frame, place.need)
      else code.noteNumber(slots, 'int', code.readInt(place.frame, place.need))
      break
    case 'long':
      emitLong(code, node.logical, place)
      break
    case 'float':
      if (slots.length > 0) code.putNumber(putFloat, slots, 'double')
      code.skip(place.frame, 4)
      break
    case 'double':
      if (slots.length > 0) code.putNumber(putDouble, slots, 'double')
      code.skip(place.frame, 8)
      break
    case 'bytes':
      emitBytes(code, node.logical, place)
      break
    case 'string':
      emitString(code, node.logical === 'uuid', place)
      break
    case 'fixed':
      emitFixed(code, node, place)
      break
    case 'enum':
      emitEnum(code, node, place)
      break
  }
}

function emitBoolean({ source }: AvroCode, { frame, reads }: ScalarPlace): void {
  const value = source.fresh()
  source.line(`const ${value}=b[p++]`)
  source.line(`if(${value}>1)${frame.fail}`)
  // `slotKind.true` follows `slotKind.false`.
  for (const slot of reads.slots) source.line(`K[${slot}]=2+${value}`)
}

function emitLong(code: AvroCode, logical: string | null, { frame, need, reads: { slots } }: ScalarPlace): void {
  if (slots.length > 0 && (logical === null || logical === 'timestamp-millis')) {
    code.putLong(frame, need, slots, logical === null ? 'int' : 'timestampMs')
  } else if (slots.length > 0 && logical === 'timestamp-micros') {
    const { source } = code
    const start = source.fresh()
    const kind = source.fresh()
    source.line(`const ${start}=p`)
    code.skipLong(frame, need)
    source.line(`const ${kind}=${source.constant(microsKind)}(b,${start},p,N,${slots[0]!})`)
    for (const slot of slots) source.line(`K[${slot}]=${kind}`)
    code.copyNumber(slots)
  } else {
    code.note(slots, 'other')
    code.skipLong(frame, need)
  }
}

function emitBytes(code: AvroCode, logical: DecimalLogical | null, { frame, need, reads }: ScalarPlace): void {
  const { source } = code
  const length = code.readLength(frame, need)
  if (logical === null) {
    code.noteRange(reads.slots, 'bytes', 'p', `p+${length}`)
  } else {
    const bounds = decimalBounds(logical.precision)
    source.line(`if(${length}===0)${frame.fail}`)
    source.line(`if(${length}>${bounds.safeBytes}&&`)
    source.line(`!${source.constant(isDecimalWithin)}(b,p,p+${length},${source.constant(bounds)}))`)
    source.line(frame.fail)
    noteDecimal(code, `p+${length}`, frame, reads)
  }
  source.line(`p+=${length}`)
}

/** Of one that is within its bounds. Where a union has decimals of several scales, they are not told apart. */
function noteDecimal(code: AvroCode, end: string, frame: Frame, { slots, scale }: Reads): void {
  if (slots.length === 0 || scale === null) {
    code.note(slots, 'other')
    return
  }
  code.source.line(`if(!${code.source.constant(putDecimal)}(b,p,${end},N,${slots[0]!}))${frame.fail}`)
  code.note(slots, 'decimal')
  code.copyNumber(slots)
}

function emitString(code: AvroCode, isUuid: boolean, { frame, need, reads: { slots } }: ScalarPlace): void {
  const { source } = code
  const length = code.readLength(frame, need)
  code.noteRange(slots, 'text', 'p', `p+${length}`)
  if (isUuid) {
    source.line(`if(${length}!==36||!${source.constant(isUuidAt)}(b,p))${frame.fail}`)
    source.line('p+=36')
    return
  }
  code.checkText(frame, length)
}

function emitFixed(code: AvroCode, node: FixedNode, { frame, reads }: ScalarPlace): void {
  const { source } = code
  const { logical, size } = node
  if (logical === null) {
    code.noteRange(reads.slots, 'bytes', 'p', `p+${size}`)
  } else if (logical === 'duration') {
    code.note(reads.slots, 'other')
    for (const [index, name] of durationFields.entries()) {
      const slots = reads.fields.get(name)?.slots ?? []
      code.noteNumber(slots, 'int', `${source.constant(uint32At)}(b,p+${4 * index})`)
    }
    code.noteMissing(reads, durationFields)
  } else if (logical === 'uuid') {
    code.note(reads.slots, 'other')
  } else if (size === 0) {
    source.line(frame.fail)
  } else {
    const bounds = decimalBounds(logical.precision)
    if (size > bounds.safeBytes) {
      const check = source.constant(isDecimalWithin)
      source.line(`if(!${check}(b,p,p+${size},${source.constant(bounds)}))${frame.fail}`)
    }
    noteDecimal(code, `p+${size}`, frame, reads)
  }
  code.skip(frame, size)
}

function emitEnum(code: AvroCode, { symbols }: EnumNode, { frame, need, reads }: ScalarPlace): void {
  const index = code.readDoubledIndex(frame, symbols.length)
  code.source.line(`if(${index}&1||${index}>=${2 * symbols.length})${frame.fail}`)
  if (symbols.length > 64) code.ensure(frame, need)
  // Where a union has several enums, the symbols are not told apart.
  if (reads.symbols === symbols) code.noteNumber(reads.slots, 'symbol', `${index}>>1`)
  else code.note(reads.slots, 'other')
}
