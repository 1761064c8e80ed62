/**
 * From the JSON of an Avro schema to nodes. `avsc` has accepted the schema before this runs, so what is read here is
 * the meaning: names by the specification's rules, logical types, Confluent's tags; and what a schema must not be,
 * whoever wrote it: endless, or huge.
 */
import { limits } from '../limits.ts'
import { hasTags } from '../sensitive.ts'
import type { AvroField, AvroNode, DecimalLogical, FixedNode, RecordNode } from './node.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type JsonObject = Record<string, Json>

/** Why a schema that Avro allows is not used. */
export class AvroSchemaError extends Error {
  override readonly name = 'AvroSchemaError'
}

const primitives = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])

export class AvroSchemaReader {
  readonly #named = new Map<string, AvroNode>()
  #nodes = 0

  /** Names of a document stay known for the documents read after it. */
  read(document: unknown): AvroNode {
    return this.#read(document as Json, '')
  }

  #read(schema: Json, namespace: string): AvroNode {
    if (++this.#nodes > limits.schemaNodes)
      throw new AvroSchemaError(`has more than ${limits.schemaNodes} types and fields`)
    if (typeof schema === 'string') return this.#readName(schema, namespace)
    if (Array.isArray(schema)) {
      return { kind: 'union', branches: schema.map((branch) => this.#read(branch, namespace)) }
    }
    if (schema === null || typeof schema !== 'object') throw new AvroSchemaError('has a type that is not a schema')
    const type = schema['type']
    if (typeof type !== 'string') return this.#read(type ?? null, namespace)
    switch (type) {
      case 'record':
      case 'error':
        return this.#readRecord(schema, namespace)
      case 'enum':
        return this.#readEnum(schema, namespace)
      case 'fixed':
        return this.#readFixed(schema, namespace)
      case 'array':
        return { kind: 'array', items: this.#read(schema['items'] ?? null, namespace) }
      case 'map':
        return { kind: 'map', values: this.#read(schema['values'] ?? null, namespace) }
      default:
        return primitives.has(type) ? primitive(type, schema) : this.#readName(type, namespace)
    }
  }

  #readName(name: string, namespace: string): AvroNode {
    if (primitives.has(name)) return primitive(name, {})
    const node = this.#named.get(qualified(name, namespace)) ?? this.#named.get(name)
    if (node === undefined) throw new AvroSchemaError(`refers to ${name}, which is not defined before it`)
    return node
  }

  #define<N extends AvroNode & { readonly name: string }>(node: N): N {
    if (this.#named.has(node.name)) throw new AvroSchemaError(`defines ${node.name} twice`)
    this.#named.set(node.name, node)
    return node
  }

  #readRecord(schema: JsonObject, outer: string): RecordNode {
    const name = fullName(schema, outer)
    const namespace = name.slice(0, Math.max(0, name.lastIndexOf('.')))
    const node = this.#define<RecordNode>({ kind: 'record', name, fields: [] })
    node.fields = (schema['fields'] as JsonObject[]).map((field): AvroField => {
      const type = field['type'] ?? null
      return {
        name: field['name'] as string,
        node: this.#read(type, namespace),
        sensitive: hasTags(field)
      }
    })
    return node
  }

  #readEnum(schema: JsonObject, namespace: string): AvroNode {
    const symbols = schema['symbols'] as string[]
    if (symbols.length > limits.enumSymbols) {
      throw new AvroSchemaError(`has an enum of more than ${limits.enumSymbols} symbols`)
    }
    return this.#define({ kind: 'enum', name: fullName(schema, namespace), symbols })
  }

  #readFixed(schema: JsonObject, namespace: string): AvroNode {
    const size = schema['size'] as number
    if (!Number.isSafeInteger(size) || size < 0) throw new AvroSchemaError('has a fixed without a size')
    const name = fullName(schema, namespace)
    return this.#define<FixedNode>({ kind: 'fixed', name, size, logical: fixedLogical(schema, size) })
  }
}

function primitive(type: string, schema: JsonObject): AvroNode {
  const logical = schema['logicalType']
  switch (type) {
    case 'int':
      return { kind: 'int', logical: null }
    case 'long':
      return {
        kind: 'long',
        logical:
          logical === 'timestamp-millis' || logical === 'timestamp-micros' || logical === 'timestamp-nanos'
            ? logical
            : null
      }
    case 'bytes':
      return { kind: 'bytes', logical: logical === 'decimal' ? decimalOf(schema, Infinity) : null }
    case 'string':
      return { kind: 'string', logical: logical === 'uuid' ? 'uuid' : null }
    default:
      return { kind: type as 'null' | 'boolean' | 'float' | 'double' }
  }
}

function fixedLogical(schema: JsonObject, size: number): FixedNode['logical'] {
  switch (schema['logicalType']) {
    case 'decimal':
      return decimalOf(schema, Math.floor(Math.log10(2) * (8 * size - 1)))
    case 'uuid':
      return size === 16 ? 'uuid' : null
    case 'duration':
      return size === 12 ? 'duration' : null
    default:
      return null
  }
}

/** Null when the attributes are not valid: the specification has readers use the underlying type then. */
function decimalOf(schema: JsonObject, mostDigits: number): DecimalLogical | null {
  const precision = schema['precision']
  const scale = schema['scale'] ?? 0
  if (typeof precision !== 'number' || !Number.isInteger(precision) || precision < 1 || precision > mostDigits)
    return null
  if (typeof scale !== 'number' || !Number.isInteger(scale) || scale < 0 || scale > precision) return null
  if (precision > limits.decimalPrecision) {
    throw new AvroSchemaError(`has a decimal of more than ${limits.decimalPrecision} digits`)
  }
  return { precision, scale }
}

function fullName(schema: JsonObject, outer: string): string {
  const name = schema['name']
  if (typeof name !== 'string') throw new AvroSchemaError('has a named type without a name')
  const namespace = typeof schema['namespace'] === 'string' ? schema['namespace'] : outer
  return qualified(name, namespace)
}

/** A name with a dot is full already. */
function qualified(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}
