/**
 * Walks a Protobuf payload by its message and builds the value tree.
 *
 * Where the language leaves readers a choice the strict side is taken: a known field with another wire type, a value
 * that a closed enum does not have and text that is not UTF-8 are failures, though libraries keep quiet about them and
 * lose the field. Unknown fields are legal evolution and only have to be well-formed.
 */
import { Uint } from '../../value.ts'
import type { Value } from '../../value.ts'
import type { Decoded } from '../format.ts'
import { limits, valueAllowance } from '../limits.ts'
import { decodeSafely } from '../refusal.ts'
import { typeName } from './plan.ts'
import type { EnumPlan, FieldPlan, FieldType, MessagePlan } from './plan.ts'
import { nestedTooDeep, ProtobufReader, wire, wireName } from './reader.ts'
import type { Tag } from './reader.ts'
import { convertWellKnown } from './well-known.ts'
import { wireTypeOf } from './wire-types.ts'

export function decodeProtobuf(plan: MessagePlan, bytes: Buffer, start: number, end: number): Decoded {
  return decodeSafely(() => {
    const walker = new ProtobufWalker(new ProtobufReader(bytes, start), valueAllowance('protobuf', end - start))
    return { ok: true, value: walker.readRoot(plan, end) }
  })
}

/** A message as far as it was read: a field can come again, and messages that come again are merged. */
interface OpenMessage {
  readonly plan: MessagePlan
  /** Undefined for a member that another one of its oneof has replaced. */
  readonly values: Map<FieldPlan, Value | undefined>
  readonly messages: Map<FieldPlan, OpenMessage | undefined>
  /** The member each oneof has now. */
  readonly members: Map<object, FieldPlan>
}

function openMessage(plan: MessagePlan): OpenMessage {
  return { plan, values: new Map(), messages: new Map(), members: new Map() }
}

class ProtobufWalker {
  readonly #reader: ProtobufReader
  #allowance: number

  constructor(reader: ProtobufReader, allowance: number) {
    this.#reader = reader
    this.#allowance = allowance
  }

  readRoot(plan: MessagePlan, end: number): Value {
    const message = openMessage(plan)
    this.#readFields(message, end, 0, null)
    return this.#finish(message)
  }

  #count(): void {
    if (--this.#allowance < 0) {
      throw this.#reader.refuse('holds more values than a payload of its size may', this.#reader.at)
    }
  }

  /** Up to `end`, or for a group up to its end tag. */
  #readFields(message: OpenMessage, end: number, depth: number, group: number | null): void {
    const reader = this.#reader
    if (depth > limits.payloadNesting.protobuf) throw reader.refuse(nestedTooDeep, reader.at)
    while (reader.at < end) {
      const tagAt = reader.at
      const tag = reader.readTag(end)
      if (tag.wireType === wire.groupEnd) {
        if (tag.number === group) return
        throw reader.refuse('ends a group that was not begun', tagAt)
      }
      const field = message.plan.byNumber.get(tag.number)
      if (field === undefined) {
        reader.skip(tag, end, depth)
        continue
      }
      reader.path.push(field.name)
      this.#readField(message, field, tag, end, depth, tagAt)
      reader.path.pop()
    }
    if (group !== null) throw reader.refuse('is cut short', reader.at, 'the end of a group', 'the end')
  }

  #readField(message: OpenMessage, field: FieldPlan, tag: Tag, end: number, depth: number, tagAt: number): void {
    const wanted = field.cardinality === 'map' ? wire.bytes : wireTypeOf(field.type)
    const packable = field.cardinality === 'repeated' && wanted !== wire.bytes && wanted !== wire.groupStart
    if (packable && tag.wireType === wire.bytes) {
      this.#readPacked(listOf(message, field), field.type, end)
      return
    }
    if (tag.wireType !== wanted) {
      const expected = `${typeName(field.type)} (${wireName(wanted)})`
      throw this.#reader.refuse('has another wire type than its field', tagAt, expected, wireName(tag.wireType))
    }
    if (field.cardinality === 'map') this.#readEntry(message, field, end, depth)
    else if (field.cardinality === 'repeated') this.#readElement(listOf(message, field), field, end, depth)
    else this.#readSingular(message, field, end, depth)
  }

  #readSingular(message: OpenMessage, field: FieldPlan, end: number, depth: number): void {
    if (field.oneof !== null) dropOther(message, field, field.oneof)
    if (field.type.kind !== 'message') {
      message.values.set(field, this.#readScalar(field.type, end))
      return
    }
    let inner = message.messages.get(field)
    if (inner === undefined) message.messages.set(field, (inner = openMessage(field.type.plan)))
    this.#readMessage(inner, field, end, depth)
  }

  #readMessage(inner: OpenMessage, field: FieldPlan, end: number, depth: number): void {
    this.#count()
    if (field.type.kind === 'message' && field.type.delimited) {
      this.#readFields(inner, end, depth + 1, field.number)
    } else {
      const stop = this.#reader.readEnd(end, inner.plan.name)
      this.#readFields(inner, stop, depth + 1, null)
    }
  }

  #readElement(list: Value[], field: FieldPlan, end: number, depth: number): void {
    this.#reader.path.push(list.length)
    if (field.type.kind === 'message') {
      const inner = openMessage(field.type.plan)
      this.#readMessage(inner, field, end, depth)
      list.push(this.#finish(inner))
    } else {
      list.push(this.#readScalar(field.type, end))
    }
    this.#reader.path.pop()
  }

  #readPacked(list: Value[], type: FieldType, end: number): void {
    const stop = this.#reader.readEnd(end, typeName(type))
    while (this.#reader.at < stop) {
      this.#reader.path.push(list.length)
      list.push(this.#readScalar(type, stop))
      this.#reader.path.pop()
    }
  }

  /** An entry is a message of key (1) and value (2); either may be missing and is its default then. */
  #readEntry(message: OpenMessage, field: FieldPlan, end: number, depth: number): void {
    const reader = this.#reader
    const stop = reader.readEnd(end, 'map entry')
    const keyType: FieldType = { kind: 'scalar', scalar: field.keyType! }
    let key: Value = defaultOf(keyType)
    let value: Value | undefined
    let inner: OpenMessage | null = null
    while (reader.at < stop) {
      const tagAt = reader.at
      const tag = reader.readTag(stop)
      const type = tag.number === 1 ? keyType : tag.number === 2 ? field.type : null
      if (type === null) {
        reader.skip(tag, stop, depth + 1)
        continue
      }
      if (tag.wireType !== wireTypeOf(type)) {
        throw reader.refuse('has another wire type than its field', tagAt, typeName(type), wireName(tag.wireType))
      }
      if (tag.number === 1) key = this.#readScalar(keyType, stop)
      else if (type.kind === 'message') this.#readMessage((inner ??= openMessage(type.plan)), field, stop, depth + 1)
      else value = this.#readScalar(type, stop)
    }
    const name = keyText(key)
    reader.path.push(null)
    if (field.type.kind === 'message') value = this.#finish(inner ?? openMessage(field.type.plan))
    mapOf(message, field).set(name, value ?? defaultOf(field.type))
    reader.path.pop()
  }

  #readScalar(type: FieldType, end: number): Value {
    this.#count()
    if (type.kind === 'enum') return this.#readEnum(type.plan, end)
    if (type.kind === 'message') throw this.#reader.refuse('cannot be decoded', this.#reader.at)
    const reader = this.#reader
    switch (type.scalar) {
      case 'double':
        return reader.bytes.readDoubleLE(reader.take(8, end, 'double'))
      case 'float':
        return reader.bytes.readFloatLE(reader.take(4, end, 'float'))
      case 'int32':
        return BigInt.asIntN(32, reader.readVarint(end, 'int32'))
      case 'int64':
        return BigInt.asIntN(64, reader.readVarint(end, 'int64'))
      case 'sint32':
        return zigZag(BigInt.asUintN(32, reader.readVarint(end, 'sint32')))
      case 'sint64':
        return zigZag(reader.readVarint(end, 'sint64'))
      case 'uint32':
        return new Uint(BigInt.asUintN(32, reader.readVarint(end, 'uint32')))
      case 'uint64':
        return new Uint(reader.readVarint(end, 'uint64'))
      case 'fixed32':
        return new Uint(BigInt(reader.bytes.readUInt32LE(reader.take(4, end, 'fixed32'))))
      case 'fixed64':
        return new Uint(reader.bytes.readBigUInt64LE(reader.take(8, end, 'fixed64')))
      case 'sfixed32':
        return BigInt(reader.bytes.readInt32LE(reader.take(4, end, 'sfixed32')))
      case 'sfixed64':
        return reader.bytes.readBigInt64LE(reader.take(8, end, 'sfixed64'))
      case 'bool':
        return reader.readVarint(end, 'bool') !== 0n
      case 'string':
        return reader.readString(end)
      case 'bytes': {
        const stop = reader.readEnd(end, 'bytes')
        const bytes = reader.bytes.subarray(reader.at, stop)
        reader.at = stop
        return bytes
      }
    }
  }

  #readEnum(plan: EnumPlan, end: number): Value {
    const at = this.#reader.at
    const number = BigInt.asIntN(32, this.#reader.readVarint(end, `enum ${plan.name}`))
    if (plan.closed && !plan.numbers.has(Number(number))) {
      throw this.#reader.refuse(
        'is a number that the closed enum does not have',
        at,
        `enum ${plan.name}`,
        'another number'
      )
    }
    return number
  }

  /** Absent fields without presence get their default, so that reading them in a rule is never an error. */
  #finish(message: OpenMessage): Value {
    const isEmpty = message.values.size === 0 && message.messages.size === 0
    if (isEmpty && message.plan.wellKnown === null && !message.plan.hasRequired) return emptyMessage(message.plan)
    const fields = new Map<string, Value>()
    for (const field of message.plan.fields) {
      const inner = message.messages.get(field)
      const path = this.#reader.path
      path.push(field.name)
      const value = inner === undefined ? message.values.get(field) : this.#finish(inner)
      if (value !== undefined) {
        fields.set(field.name, value)
      } else if (field.required) {
        throw this.#reader.refuse('is missing', this.#reader.at, typeName(field.type), 'nothing')
      } else if (!field.presence) {
        this.#count()
        fields.set(field.name, emptyOf(field))
      }
      path.pop()
    }
    if (message.plan.wellKnown === null) return fields
    const converted = convertWellKnown(message.plan.wellKnown, fields)
    if (converted === null) throw this.#reader.refuse('is out of range', this.#reader.at, message.plan.name)
    return converted.value
  }
}

function listOf(message: OpenMessage, field: FieldPlan): Value[] {
  const list = message.values.get(field)
  if (Array.isArray(list)) return list
  const created: Value[] = []
  message.values.set(field, created)
  return created
}

function mapOf(message: OpenMessage, field: FieldPlan): Map<string, Value> {
  const map = message.values.get(field)
  if (map instanceof Map) return map
  const created = new Map<string, Value>()
  message.values.set(field, created)
  return created
}

/** Of the members of a oneof the last one on the wire counts. */
function dropOther(message: OpenMessage, kept: FieldPlan, oneof: object): void {
  const before = message.members.get(oneof)
  if (before === kept) return
  message.members.set(oneof, kept)
  if (before === undefined) return
  // Not deleted: a map that loses and gains keys all the time is rebuilt all the time.
  if (before.type.kind === 'message') message.messages.set(before, undefined)
  else message.values.set(before, undefined)
}

/** One for all messages of the plan that have no field on the wire: values are read only. */
const emptyMessages = new WeakMap<MessagePlan, Value>()

function emptyMessage(plan: MessagePlan): Value {
  let message = emptyMessages.get(plan)
  if (message === undefined) {
    const absent = plan.fields.filter((field) => !field.presence)
    message = new Map(absent.map((field) => [field.name, emptyOf(field)]))
    emptyMessages.set(plan, message)
  }
  return message
}

const emptyList: Value = Object.freeze<Value[]>([]) as Value[]
const emptyMap: Value = new Map<string, Value>()
const emptyBytes: Value = new Uint8Array(0)
const zero: Value = new Uint(0n)

function emptyOf(field: FieldPlan): Value {
  if (field.cardinality === 'repeated') return emptyList
  return field.cardinality === 'map' ? emptyMap : defaultOf(field.type)
}

function defaultOf(type: FieldType): Value {
  if (type.kind === 'enum') return 0n
  if (type.kind === 'message') return null
  switch (type.scalar) {
    case 'double':
    case 'float':
      return 0
    case 'bool':
      return false
    case 'string':
      return ''
    case 'bytes':
      return emptyBytes
    case 'uint32':
    case 'uint64':
    case 'fixed32':
    case 'fixed64':
      return zero
    default:
      return 0n
  }
}

/** Keys of maps are names in the value tree: integers in decimal, booleans as words. */
function keyText(key: Value): string {
  if (key instanceof Uint) return key.value.toString()
  return typeof key === 'bigint' || typeof key === 'boolean' ? key.toString() : (key as string)
}

function zigZag(raw: bigint): bigint {
  return (raw >> 1n) ^ -(raw & 1n)
}
