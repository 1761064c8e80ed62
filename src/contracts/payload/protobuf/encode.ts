/** Plain values of a test case, written with protobufjs' writer by the plan of the message. */
import protobuf from 'protobufjs'
import { hexBytes } from '../encode.ts'
import type { PathSegment } from '../path.ts'
import { decodeBase64, InvalidValue, parseTimestamp, wholeNumber } from '../plain.ts'
import { typeName } from './plan.ts'
import type { FieldPlan, FieldType, MessagePlan, ScalarType, WellKnown } from './plan.ts'

type Plain = Record<string, unknown>

/** Throws `InvalidValue` where the value does not fit. */
export function encodeMessage(plan: MessagePlan, plain: unknown): Buffer {
  const writer = protobuf.Writer.create()
  writeMessage(writer, plan, plain, [])
  return Buffer.from(writer.finish())
}

function writeMessage(writer: protobuf.Writer, plan: MessagePlan, written: unknown, path: PathSegment[]): void {
  const plain = plan.wellKnown === null ? objectOf(written) : unwrapped(plan.wellKnown, written)
  if (plain === null) throw new InvalidValue(path, plan.name)
  for (const [name, value] of Object.entries(plain)) {
    const field = plan.fields.find((candidate) => candidate.name === name)
    path.push(name)
    if (field === undefined) throw new InvalidValue(path, `no such field in ${plan.name}`)
    // A null in a file means that the field is not there; only `google.protobuf.Value` holds a null.
    if (value !== null && value !== undefined) writeField(writer, field, value, path)
    else if (holdsNull(field)) writeField(writer, field, null, path)
    path.pop()
  }
}

function holdsNull(field: FieldPlan): boolean {
  return field.cardinality === 'singular' && field.type.kind === 'message' && field.type.plan.wellKnown === 'value'
}

function writeField(writer: protobuf.Writer, field: FieldPlan, plain: unknown, path: PathSegment[]): void {
  if (field.cardinality === 'map') {
    for (const [key, value] of Object.entries(objectOf(plain) ?? raise(new InvalidValue(path, 'map')))) {
      path.push(key)
      writer.uint32(tagOf(field.number, 2)).fork()
      writeTyped(
        writer,
        1,
        { kind: 'scalar', scalar: field.keyType! },
        field.keyType === 'bool' ? key === 'true' : key,
        path
      )
      writeTyped(writer, 2, field.type, value, path)
      writer.ldelim()
      path.pop()
    }
  } else if (field.cardinality === 'repeated') {
    if (!Array.isArray(plain)) throw new InvalidValue(path, `list of ${typeName(field.type)}`)
    plain.forEach((item: unknown, index) => {
      path.push(index)
      writeTyped(writer, field.number, field.type, item, path)
      path.pop()
    })
  } else {
    writeTyped(writer, field.number, field.type, plain, path)
  }
}

function tagOf(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0
}

function writeTyped(
  writer: protobuf.Writer,
  number: number,
  type: FieldType,
  plain: unknown,
  path: PathSegment[]
): void {
  if (type.kind === 'scalar') {
    if (!writeScalar(writer, number, type.scalar, plain)) throw new InvalidValue(path, type.scalar)
  } else if (type.kind === 'enum') {
    const value = typeof plain === 'string' ? type.plan.byName.get(plain) : plain
    if (typeof value !== 'number' || (value | 0) !== value) throw new InvalidValue(path, typeName(type))
    writer.uint32(tagOf(number, 0)).int32(value)
  } else if (type.delimited) {
    writer.uint32(tagOf(number, 3))
    writeMessage(writer, type.plan, plain, path)
    writer.uint32(tagOf(number, 4))
  } else {
    writer.uint32(tagOf(number, 2)).fork()
    writeMessage(writer, type.plan, plain, path)
    writer.ldelim()
  }
}

/** False when the value does not fit. */
function writeScalar(writer: protobuf.Writer, number: number, scalar: ScalarType, plain: unknown): boolean {
  switch (scalar) {
    case 'double':
    case 'float':
      if (typeof plain !== 'number') return false
      if (scalar === 'double') writer.uint32(tagOf(number, 1)).double(plain)
      else writer.uint32(tagOf(number, 5)).float(plain)
      return true
    case 'bool':
      if (typeof plain !== 'boolean') return false
      writer.uint32(tagOf(number, 0)).bool(plain)
      return true
    case 'string':
      if (typeof plain !== 'string') return false
      writer.uint32(tagOf(number, 2)).string(plain)
      return true
    case 'bytes': {
      const bytes =
        plain instanceof Uint8Array
          ? plain
          : (hexBytes(plain) ?? (typeof plain === 'string' ? decodeBase64(plain) : null))
      if (bytes === null) return false
      writer.uint32(tagOf(number, 2)).bytes(bytes)
      return true
    }
    default:
      return writeInteger(writer, number, scalar, wholeNumber(plain))
  }
}

type IntegerType = Exclude<ScalarType, 'double' | 'float' | 'bool' | 'string' | 'bytes'>

function writeInteger(writer: protobuf.Writer, number: number, scalar: IntegerType, value: bigint | null): boolean {
  if (value === null) return false
  const bits = scalar.endsWith('32') ? 32 : 64
  const unsigned = scalar.startsWith('u') || scalar.startsWith('fixed')
  if ((unsigned ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value)) !== value) return false
  const wireType = scalar.includes('fixed') ? (bits === 32 ? 5 : 1) : 0
  writer.uint32(tagOf(number, wireType))
  if (bits === 32) writer[scalar as 'int32'](Number(value))
  else writer[scalar as 'int64'](value.toString())
  return true
}

/**
 * The fields of a well-known message from the short form a file writes; null when it is neither that nor the fields.
 */
function unwrapped(kind: WellKnown, plain: unknown): Plain | null {
  switch (kind) {
    case 'timestamp': {
      const timestamp = typeof plain === 'string' ? parseTimestamp(plain) : null
      return timestamp === null ? objectOf(plain) : { seconds: timestamp.seconds, nanos: timestamp.nanos }
    }
    case 'duration':
      return typeof plain === 'string' ? durationFields(plain) : objectOf(plain)
    case 'wrapper':
      return { value: plain }
    case 'struct':
      return { fields: plain }
    case 'list':
      return { values: plain }
    case 'value':
      return valueFields(plain)
  }
}

function durationFields(text: string): Plain | null {
  const parts = /^(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s$/.exec(text)
  if (parts === null) return null
  const sign = parts[1] === '-' ? -1 : 1
  return { seconds: sign * Number(parts[2]), nanos: sign * Number((parts[3] ?? '').padEnd(9, '0')) }
}

function valueFields(plain: unknown): Plain | null {
  if (plain === null || plain === undefined) return { null_value: 0 }
  if (typeof plain === 'number') return { number_value: plain }
  if (typeof plain === 'string') return { string_value: plain }
  if (typeof plain === 'boolean') return { bool_value: plain }
  if (Array.isArray(plain)) return { list_value: plain }
  return typeof plain === 'object' ? { struct_value: plain } : null
}

function objectOf(plain: unknown): Plain | null {
  return plain !== null && typeof plain === 'object' && !Array.isArray(plain) ? (plain as Plain) : null
}

function raise(error: Error): never {
  throw error
}
