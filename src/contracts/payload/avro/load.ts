/**
 * An Avro schema, loaded. `avsc` decides whether it is a schema and writes the records of test cases; our walker reads.
 */
import avro from 'avsc'
import type { Compilable, CompiledPayload, ListVisit, NotCompiled, SlotPath } from '../compiled.ts'
import type { Encoded, Encoding } from '../encode.ts'
import type { Decoded, PayloadFormat, Sensitive } from '../format.ts'
import { InvalidValue } from '../plain.ts'
import { schemaProblem, syntaxProblem } from '../source.ts'
import type { SchemaProblem, SchemaSourceText } from '../source.ts'
import { limits } from '../limits.ts'
import { parseJson } from '../json/parse.ts'
import type { Shape } from '../../value.ts'
import { compileAvro } from './compiled/compile.ts'
import { decodeAvro } from './decode.ts'
import { toAvsc } from './encode.ts'
import type { AvroNode } from './node.ts'
import { AvroSchemaError, AvroSchemaReader } from './schema.ts'
import { avroShape } from './shape.ts'
import { leastSizes, recordsOf } from './size.ts'
import type { LeastSizes } from './size.ts'

export interface LoadedAvroSchema {
  readonly format: PayloadFormat
  /** Full name of the record, enum or fixed at the root, which Confluent's record name strategies use; else null. */
  readonly recordName: string | null
}

export function loadAvroSchema(text: SchemaSourceText): LoadedAvroSchema | SchemaProblem {
  const reader = new AvroSchemaReader()
  const registry = Object.create(null) as Record<string, avro.Type>
  try {
    for (const { name, source } of text.references) {
      const problem = checkJson(source)
      if (problem !== null) return schemaProblem(`in the reference ${name}: ${problem.problem}`)
      parseAvsc(source, registry)
      reader.read(JSON.parse(source))
    }
    const problem = checkJson(text.source)
    if (problem !== null) return problem
    const type = parseAvsc(text.source, registry)
    const node = reader.read(JSON.parse(text.source))
    const leastSize = leastSizes(node)
    const endless =
      leastSize(node) === Infinity ? node : recordsOf(node).find((record) => leastSize(record) === Infinity)
    if (endless !== undefined) {
      const name = 'name' in endless ? endless.name : endless.kind
      return schemaProblem(
        `${name} contains itself with no way to end; make a field a union with null, an array or a map`
      )
    }
    return { format: new AvroFormat(node, leastSize, type), recordName: 'name' in node ? node.name : null }
  } catch (error) {
    if (error instanceof AvroSchemaError) return schemaProblem(error.message)
    if (error instanceof RangeError) return schemaProblem('is nested too deep')
    return schemaProblem(`is not an Avro schema: ${error instanceof Error ? error.message : String(error)}`)
  }
}

class AvroFormat implements PayloadFormat, Encoding, Compilable {
  readonly name = 'avro'
  readonly shape: Shape
  readonly sensitive: Sensitive
  readonly #node: AvroNode
  readonly #leastSize: LeastSizes
  readonly #type: avro.Type

  constructor(node: AvroNode, leastSize: LeastSizes, type: avro.Type) {
    this.#node = node
    this.#leastSize = leastSize
    this.#type = type
    this.shape = avroShape(node)
    const isTagged = recordsOf(node).some((record) => record.fields.some((field) => field.sensitive))
    this.sensitive = isTagged ? 'everything' : 'nothing'
  }

  decode(bytes: Buffer, start: number, end: number): Decoded {
    return decodeAvro(this.#node, this.#leastSize, bytes, start, end)
  }

  compile(
    paths: readonly SlotPath[],
    firstSlot: number,
    visits: readonly ListVisit[] = []
  ): CompiledPayload | NotCompiled {
    return compileAvro(this.#node, this.#leastSize, paths, firstSlot, visits)
  }

  encode(plain: unknown): Encoded {
    try {
      return this.#type.toBuffer(toAvsc(this.#node, plain, []))
    } catch (error) {
      if (error instanceof InvalidValue || error instanceof RangeError) return { problem: error.message }
      return { problem: `cannot be encoded: ${error instanceof Error ? error.message : String(error)}` }
    }
  }
}

/** Bounds the nesting before the parsers, which recurse, and names the line of a syntax error. */
function checkJson(source: string): SchemaProblem | null {
  const bytes = Buffer.from(source)
  try {
    parseJson(bytes, 0, bytes.length, { nesting: limits.schemaNesting, duplicateKeys: 'last' })
    return null
  } catch (error) {
    return syntaxProblem(error, bytes)
  }
}

function parseAvsc(source: string, registry: Record<string, avro.Type>): avro.Type {
  return avro.Type.forSchema(JSON.parse(source) as avro.Schema, {
    registry,
    wrapUnions: true,
    omitRecordMethods: true,
    typeHook: (schema) => (isLong(schema) ? bigLong : undefined)
  })
}

function isLong(schema: unknown): boolean {
  if (schema === 'long') return true
  return schema !== null && typeof schema === 'object' && 'type' in schema && schema.type === 'long'
}

/** Longs as bigints: beyond 2^53 `avsc` refuses them otherwise. */
const bigLong: avro.Type = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: (value: number) => BigInt(value),
  toJSON: (value: bigint) => Number(value),
  isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1)
})
