/** Defaults: what a field holds in a version that does not have it, and what need not be written in a tag section. */
import type { Field, Fields, FieldType, PrimitiveName, Primitives } from './fields.ts'

const empty = Buffer.alloc(0)

const implicit: Readonly<Record<PrimitiveName, Primitives[PrimitiveName] | null>> = {
  bool: false,
  int8: 0,
  int16: 0,
  int32: 0,
  int64: 0n,
  uuid: '0'.repeat(32),
  string: '',
  bytes: empty,
  records: null
}

/** Arrays and structs are new on every call. */
export function defaultOf(field: Field): unknown {
  return field.default === undefined ? implicitDefault(field.type) : field.default
}

function implicitDefault(type: FieldType): unknown {
  switch (type.kind) {
    case 'primitive':
      return implicit[type.name]
    case 'array':
      return []
    case 'struct':
      return defaultStruct(type.fields)
  }
}

function defaultStruct(fields: Fields): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) value[name] = defaultOf(field)
  return value
}

/** A struct with a tag we do not know is never a default: it would be lost. */
export function isDefault(field: Field, value: unknown): boolean {
  if (value === null || field.default !== undefined) return value === defaultOf(field)
  switch (field.type.kind) {
    case 'primitive':
      return Buffer.isBuffer(value) ? value.length === 0 : value === implicit[field.type.name]
    case 'array':
      return Array.isArray(value) && value.length === 0
    case 'struct':
      return isDefaultStruct(field.type.fields, value as Record<string, unknown>)
  }
}

function isDefaultStruct(fields: Fields, value: Record<string, unknown>): boolean {
  if (Array.isArray(value['unknownTags']) && value['unknownTags'].length > 0) return false
  return Object.entries(fields).every(([name, field]) => value[name] === undefined || isDefault(field, value[name]))
}
