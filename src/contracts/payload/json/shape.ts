/**
 * What a JSON Schema promises about the values it accepts, as far as it can be said in a `Shape`; `dyn` where it
 * cannot. A shape never promises more than the schema: a rule that type-checks must not meet a value of another type.
 */
import type { FieldShape, RecordShape, ScalarKind, Shape } from '../../value.ts'
import { hasTags } from '../sensitive.ts'
import type { SchemaDocuments } from './documents.ts'
import type { Json, JsonObject } from './parse.ts'
import { protoKey } from './parse.ts'
import { isObject } from './prepare.ts'

interface Found {
  readonly shape: Shape
  readonly nullable: boolean
}

const anything: Found = { shape: { kind: 'dyn' }, nullable: true }

/** Levels of references, lists and maps read for one shape, and subschemas read in all; beyond that it is `dyn`. */
const deepest = 32
const mostReads = 50_000

const scalars: Readonly<Record<string, ScalarKind>> = {
  string: 'string',
  boolean: 'bool',
  integer: 'int',
  number: 'double'
}

export function shapeOf(schema: Json, documents: SchemaDocuments): Shape {
  return new ShapeReader(documents).read(schema, schema, 0).shape
}

class ShapeReader {
  readonly #documents: SchemaDocuments
  readonly #records = new Map<JsonObject, RecordShape>()
  #reads = 0

  constructor(documents: SchemaDocuments) {
    this.#documents = documents
  }

  /** `document` is the one `schema` stands in. */
  read(schema: Json | undefined, document: Json, depth: number): Found {
    if (!isObject(schema) || depth > deepest || ++this.#reads > mostReads) return anything
    let found = this.#readOwn(schema, document, depth)
    const reference = schema['$ref']
    if (typeof reference === 'string') {
      const target = this.#documents.resolve(reference, document)
      if (target !== null) found = both(found, this.read(target.schema, target.document, depth + 1))
    }
    if (Array.isArray(schema['allOf'])) {
      for (const part of schema['allOf']) found = both(found, this.read(part, document, depth + 1))
    }
    for (const keyword of ['anyOf', 'oneOf']) {
      const branches = schema[keyword]
      if (Array.isArray(branches)) found = both(found, this.#readBranches(branches, document, depth + 1))
    }
    return found
  }

  #readBranches(branches: readonly Json[], document: Json, depth: number): Found {
    const read = branches.map((branch) => this.read(branch, document, depth))
    const real = read.filter((branch) => branch.shape.kind !== 'null')
    const nullable = real.length < read.length || real.some((branch) => branch.nullable)
    return real.length === 1 ? { shape: real[0]!.shape, nullable } : { shape: { kind: 'dyn' }, nullable }
  }

  #readOwn(schema: JsonObject, document: Json, depth: number): Found {
    const types = typesOf(schema)
    if (types === null) return anything
    const nullable = types.includes('null')
    const real = types.filter((type) => type !== 'null')
    if (real.length === 0) return { shape: { kind: 'null' }, nullable }
    // `["integer", "number"]` is number.
    const numeric = real.every((one) => one === 'integer' || one === 'number')
    if (real.length > 1 && !numeric) return { shape: { kind: 'dyn' }, nullable }
    const type = real.length > 1 ? 'number' : real[0]!
    if (type === 'array') return { shape: this.#listShape(schema, document, depth), nullable }
    if (type === 'object') return { shape: this.#objectShape(schema, document, depth), nullable }
    const kind = scalars[type]
    return { shape: { kind: kind ?? 'dyn' }, nullable }
  }

  #listShape(schema: JsonObject, document: Json, depth: number): Shape {
    const tuple = schema['prefixItems'] !== undefined || Array.isArray(schema['items'])
    return { kind: 'list', items: tuple ? anything.shape : this.read(schema['items'], document, depth + 1).shape }
  }

  #objectShape(schema: JsonObject, document: Json, depth: number): Shape {
    const properties = schema['properties']
    const more = schema['additionalProperties'] ?? schema['unevaluatedProperties']
    const patterned = schema['patternProperties'] !== undefined
    if (!isObject(properties)) {
      const values = isObject(more) && !patterned ? this.read(more, document, depth + 1) : anything
      return { kind: 'map', values: values.shape }
    }
    let record = this.#records.get(schema)
    if (record === undefined) {
      record = this.#recordShape(schema, properties, document, more !== false || patterned)
      this.#records.set(schema, record)
    }
    return record
  }

  #recordShape(schema: JsonObject, properties: JsonObject, document: Json, open: boolean): RecordShape {
    const required = new Set(Array.isArray(schema['required']) ? schema['required'] : [])
    const read = (): Map<string, FieldShape> => {
      const fields = new Map<string, FieldShape>()
      for (const key of Object.keys(properties)) {
        const { shape, nullable } = this.read(properties[key], document, 0)
        const name = key === protoKey ? '__proto__' : key
        const property = properties[key]
        const sensitive = isObject(property) && hasTags(property)
        fields.set(name, { shape, optional: nullable || !required.has(name), ...(sensitive ? { sensitive } : {}) })
      }
      return fields
    }
    return lazyRecord('object', open, read)
  }
}

/** A record whose fields are read when they are first asked for, because schemas refer to themselves. */
export function lazyRecord(name: string, open: boolean, read: () => ReadonlyMap<string, FieldShape>): RecordShape {
  let fields: ReadonlyMap<string, FieldShape> | null = null
  return {
    kind: 'record',
    name,
    open,
    get fields() {
      fields ??= read()
      return fields
    }
  }
}

/** The types a schema lists itself, by `type`, or by the values of `enum` and `const`; null when it lists none. */
function typesOf(schema: JsonObject): string[] | null {
  const type = schema['type']
  if (typeof type === 'string') return [type]
  if (Array.isArray(type)) return type.filter((one) => typeof one === 'string')
  const values = Array.isArray(schema['enum']) ? schema['enum'] : 'const' in schema ? [schema['const']!] : null
  if (values === null || values.length === 0) return null
  return [...new Set(values.map(typeOfValue))]
}

function typeOfValue(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}

/** Both schemas hold. */
function both(a: Found, b: Found): Found {
  const nullable = a.nullable && b.nullable
  if (a.shape.kind === 'dyn') return { shape: b.shape, nullable }
  if (b.shape.kind === 'dyn') return { shape: a.shape, nullable }
  const one = a.shape
  const other = b.shape
  if (one.kind === 'record' && other.kind === 'record') return { shape: bothRecords(one, other), nullable }
  if (one.kind === 'map' && other.kind === 'record') return { shape: other, nullable }
  // An integer is a number too, and the narrower promise holds.
  if (one.kind === 'double' && other.kind === 'int') return { shape: other, nullable }
  return { shape: one, nullable }
}

function bothRecords(a: RecordShape, b: RecordShape): RecordShape {
  return lazyRecord(a.name, a.open && b.open, () => {
    const fields = new Map(a.fields)
    for (const [name, field] of b.fields) {
      const other = fields.get(name)
      if (other === undefined) {
        fields.set(name, field)
        continue
      }
      const merged = both(
        { shape: other.shape, nullable: other.optional },
        { shape: field.shape, nullable: field.optional }
      )
      const sensitive = other.sensitive === true || field.sensitive === true
      fields.set(name, { shape: merged.shape, optional: merged.nullable, ...(sensitive ? { sensitive } : {}) })
    }
    return fields
  })
}
