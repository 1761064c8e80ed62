/**
 * Turns declared fields into code, once per message version: which fields that version has, in which encoding, in which
 * order, is decided here and not while a message is read.
 */
import { MalformedMessageError } from '../bytes/malformed.ts'
import type { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { primitiveCodec, type Codec } from './codec.ts'
import { defaultOf, isDefault } from './defaults.ts'
import { UnsupportedFieldError } from './errors.ts'
import type { Field, Fields, FieldType, UnknownTag } from './fields.ts'
import { includes } from './versions.ts'

/** Structs are handled by field name; the declaration vouches for their types at the border, in `message.ts`. */
export type Struct = Record<string, unknown>

type ReadStep = (reader: Reader, target: Struct) => void
type WriteStep = (writer: Writer, source: Struct) => void

/** A tagged field of this version. */
interface TaggedField {
  readonly tag: number
  readonly name: string
  readonly field: Field
  readonly codec: Codec
}

/** What is to be written into a tag section, known fields and unknown ones alike. */
interface TagToWrite {
  readonly tag: number
  readonly data: Buffer
}

/** Reads and writes the struct of `fields` as it is in `version`; flexible versions end with a tag section. */
export function planStruct(fields: Fields, version: number, flexible: boolean, path: string): Codec<Struct> {
  const template: Struct = {}
  const reads: ReadStep[] = []
  const writes: WriteStep[] = []
  const tagged: TaggedField[] = []
  let minBytes = flexible ? 1 : 0

  for (const [name, field] of Object.entries(fields)) {
    const fieldPath = `${path}.${name}`
    // All objects of a plan get the same properties in the same order, which keeps them cheap.
    template[name] = defaultOf(field)
    if (!includes(field.versions, version)) {
      if (needsOwnDefault(field)) reads.push((_, target) => (target[name] = defaultOf(field)))
      if (!field.ignorable) writes.push(refuseUnlessDefault(name, field, fieldPath, version))
      continue
    }
    const codec = planField(field, version, flexible, fieldPath)
    if (field.tag !== null) {
      if (!flexible) throw new TypeError(`${fieldPath} is tagged, but version ${version} is not flexible`)
      if (needsOwnDefault(field)) reads.push((_, target) => (target[name] = defaultOf(field)))
      tagged.push({ tag: field.tag, name, field, codec })
      continue
    }
    minBytes += codec.minBytes
    reads.push((reader, target) => (target[name] = codec.read(reader)))
    writes.push((writer, source) => {
      const value = source[name]
      codec.write(writer, value === undefined ? defaultOf(field) : value)
    })
  }

  tagged.sort((a, b) => a.tag - b.tag)
  if (flexible) {
    const taggedByTag = new Map(tagged.map((entry) => [entry.tag, entry]))
    reads.push((reader, target) => readTags(reader, target, taggedByTag))
    writes.push((writer, source) => writeTags(writer, source, tagged, path))
  } else {
    writes.push((_, source) => refuseUnknownTags(source, path, version))
  }

  return {
    read(reader) {
      const target = { ...template }
      for (const read of reads) read(reader, target)
      return target
    },
    write(writer, source) {
      for (const write of writes) write(writer, source)
    },
    minBytes
  }
}

function planField(field: Field, version: number, flexible: boolean, path: string): Codec {
  const nullable = includes(field.nullable, version)
  const codec = planType(field.type, version, flexible, nullable, path)
  if (nullable) return codec
  return {
    ...codec,
    write(writer, value) {
      if (value === null) throw new UnsupportedFieldError(`${path} cannot be null in version ${version}`)
      codec.write(writer, value)
    }
  }
}

function planType(type: FieldType, version: number, flexible: boolean, nullable: boolean, path: string): Codec {
  switch (type.kind) {
    case 'primitive':
      return primitiveCodec(type.name, flexible, nullable)
    case 'array':
      return planArray(planType(type.of, version, flexible, false, path), flexible, nullable)
    case 'struct': {
      const plan = planStruct(type.fields, version, flexible, path)
      return nullable ? nullableStruct(plan) : plan
    }
  }
}

function planArray(element: Codec, flexible: boolean, nullable: boolean): Codec<readonly unknown[] | null> {
  const { minBytes } = element
  return {
    read(reader) {
      const count = flexible ? reader.compactArrayLength(minBytes) : reader.arrayLength(minBytes)
      if (count < 0) {
        if (nullable) return null
        throw new MalformedMessageError(`null where an array must be, before ${reader.position}`)
      }
      const values: unknown[] = []
      for (let index = 0; index < count; index++) values.push(element.read(reader))
      return values
    },
    write(writer, values) {
      const count = values === null ? -1 : values.length
      if (flexible) writer.compactArrayLength(count)
      else writer.arrayLength(count)
      if (values !== null) for (const value of values) element.write(writer, value)
    },
    minBytes: flexible ? 1 : 4
  }
}

/** A byte says whether the struct is there: negative for null, 1 for present (KIP-893). */
function nullableStruct(plan: Codec<Struct>): Codec<Struct | null> {
  return {
    read: (reader) => (reader.int8() < 0 ? null : plan.read(reader)),
    write(writer, value) {
      writer.int8(value === null ? -1 : 1)
      if (value !== null) plan.write(writer, value)
    },
    minBytes: 1
  }
}

function readTags(reader: Reader, target: Struct, tagged: ReadonlyMap<number, TaggedField>): void {
  const count = reader.tagCount()
  if (count === 0) return
  const unknown: UnknownTag[] = []
  let previous = -1
  for (let index = 0; index < count; index++) {
    const tag = reader.unsignedVarint()
    // Kafka writes ascending tags and refuses to write others; a repeated tag would let two readers see two values.
    if (tag <= previous) throw new MalformedMessageError(`tag ${tag} out of order before ${reader.position}`)
    previous = tag
    const size = reader.unsignedVarint()
    const known = tagged.get(tag)
    if (known === undefined) {
      unknown.push({ tag, data: reader.raw(size) })
      continue
    }
    const start = reader.position
    target[known.name] = known.codec.read(reader)
    if (reader.position - start !== size) {
      throw new MalformedMessageError(`tagged field ${tag} of ${size} bytes ends at ${reader.position}`)
    }
  }
  if (unknown.length > 0) target['unknownTags'] = unknown
}

function writeTags(writer: Writer, source: Struct, tagged: readonly TaggedField[], path: string): void {
  const unknown = unknownTagsOf(source)
  if (tagged.length === 0 && unknown.length === 0) {
    writer.unsignedVarint(0)
    return
  }
  const section: TagToWrite[] = []
  for (const { tag, name, field, codec } of tagged) {
    const value = source[name]
    if (value === undefined || isDefault(field, value)) continue
    const data = new Writer()
    codec.write(data, value)
    section.push({ tag, data: data.finish() })
  }
  if (unknown.length > 0) {
    section.push(...unknown)
    section.sort((a, b) => a.tag - b.tag)
  }
  writer.unsignedVarint(section.length)
  let previous = -1
  for (const { tag, data } of section) {
    if (tag <= previous) throw new RangeError(`${path}: tag ${tag} twice`)
    previous = tag
    writer.unsignedVarint(tag)
    writer.unsignedVarint(data.length)
    writer.raw(data)
  }
}

const noTags: readonly UnknownTag[] = []

function unknownTagsOf(source: Struct): readonly UnknownTag[] {
  return (source['unknownTags'] as readonly UnknownTag[] | undefined) ?? noTags
}

function refuseUnknownTags(source: Struct, path: string, version: number): void {
  if (unknownTagsOf(source).length > 0) {
    throw new UnsupportedFieldError(`${path}: version ${version} has no tagged fields`)
  }
}

function refuseUnlessDefault(name: string, field: Field, path: string, version: number): WriteStep {
  return (_, source) => {
    const value = source[name]
    if (value !== undefined && !isDefault(field, value)) {
      throw new UnsupportedFieldError(`${path} is not in version ${version}`)
    }
  }
}

/** Arrays and structs are mutable, so each decoded message needs its own. */
function needsOwnDefault(field: Field): boolean {
  return typeof field.default === 'undefined' && field.type.kind !== 'primitive'
}
