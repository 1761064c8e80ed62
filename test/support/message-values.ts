/** Random values of any declared message, in the form that decoding gives. */
import fc from 'fast-check'
import { defaultOf } from '../../protocol/schema/defaults.ts'
import type { Field, Fields, FieldType, UnknownTag } from '../../protocol/schema/fields.ts'
import { includes } from '../../protocol/schema/versions.ts'
import type { AnyMessage } from './messages.ts'

type Value = Record<string, unknown>

export function messageValue(message: AnyMessage, version: number): fc.Arbitrary<Value> {
  return structValue(message.fields, version, message.flexible !== null && version >= message.flexible)
}

function structValue(fields: Fields, version: number, flexible: boolean): fc.Arbitrary<Value> {
  const members: Record<string, fc.Arbitrary<unknown>> = {}
  for (const [name, field] of Object.entries(fields)) members[name] = fieldValue(field, version, flexible)
  const value = fc.record(members)
  if (!flexible) return value
  const firstFreeTag = 1 + Math.max(-1, ...Object.values(fields).map((field) => field.tag ?? -1))
  return fc.tuple(value, unknownTags(firstFreeTag)).map(([known, tags]) => {
    return tags.length === 0 ? known : { ...known, unknownTags: tags }
  })
}

function unknownTags(first: number): fc.Arbitrary<UnknownTag[]> {
  const tag = fc.record({ tag: fc.integer({ min: first, max: 0x7fffffff }), data: buffer() })
  const some = fc.uniqueArray(tag, { selector: (entry) => entry.tag, maxLength: 3 }).map(ascending)
  return fc.option(some, { freq: 1 }).map((tags) => tags ?? [])
}

function ascending(tags: UnknownTag[]): UnknownTag[] {
  return tags.toSorted((a, b) => a.tag - b.tag)
}

function fieldValue(field: Field, version: number, flexible: boolean): fc.Arbitrary<unknown> {
  // A fresh default per value: a shared array would make two fields one object.
  if (!includes(field.versions, version)) return fc.constant(null).map(() => defaultOf(field))
  const value = typeValue(field.type, version, flexible)
  return includes(field.nullable, version) ? fc.option(value, { freq: 4 }) : value
}

function typeValue(type: FieldType, version: number, flexible: boolean): fc.Arbitrary<unknown> {
  if (type.kind === 'struct') return structValue(type.fields, version, flexible)
  if (type.kind === 'array') return fc.array(typeValue(type.of, version, flexible), { maxLength: 3 })
  switch (type.name) {
    case 'bool':
      return fc.boolean()
    case 'int8':
      return fc.integer({ min: -0x80, max: 0x7f })
    case 'int16':
      return fc.integer({ min: -0x8000, max: 0x7fff })
    case 'int32':
      return fc.integer({ min: -0x80000000, max: 0x7fffffff })
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'))
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 6 })
    case 'bytes':
    case 'records':
      return buffer()
  }
}

function buffer(): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes))
}
