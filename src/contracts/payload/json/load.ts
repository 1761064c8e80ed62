/** A JSON Schema document, loaded: the format that judges payloads by it. */
import type { Compilable, CompiledPayload, ListVisit, NotCompiled, SlotPath } from '../compiled.ts'
import type { Encoding } from '../encode.ts'
import type { Decoded, PayloadFormat, Sensitive } from '../format.ts'
import { encodeJson } from '../json.ts'
import { limits } from '../limits.ts'
import { decodeSafely } from '../refusal.ts'
import { sensitiveInJsonSchema } from '../sensitive.ts'
import { schemaProblem, syntaxProblem } from '../source.ts'
import type { SchemaProblem, SchemaSourceText } from '../source.ts'
import type { Shape } from '../../value.ts'
import { compileJsonSchema } from './compiled/compile.ts'
import { SchemaDocuments } from './documents.ts'
import { InexactIntegers } from './inexact.ts'
import { parseJson } from './parse.ts'
import type { Json } from './parse.ts'
import type { PreparedSchema } from './compiled/read.ts'
import { draftOf, isObject, prepareSchema } from './prepare.ts'
import type { Draft } from './prepare.ts'
import { shapeOf } from './shape.ts'
import { toValue } from './value.ts'
import { JsonSchemaValidator } from './validator.ts'
import type { NamedSchema } from './validator.ts'

export interface LoadedJsonSchema {
  readonly format: PayloadFormat
  /** `title`, which Confluent's record name strategies use; null without one. */
  readonly title: string | null
}

export function loadJsonSchema(text: SchemaSourceText): LoadedJsonSchema | SchemaProblem {
  const root = parseDocument(text.source)
  if ('problem' in root) return root
  const draft = draftOf(root.json)
  if (typeof draft !== 'string') return draft
  try {
    const names = new Set<string>()
    const references: NamedSchema[] = []
    for (const { name, source } of text.references) {
      const parsed = parseDocument(source)
      if ('problem' in parsed) return schemaProblem(`in the reference ${name}: ${parsed.problem}`)
      references.push({ name, schema: prepareSchema(parsed.json, draft, names) })
    }
    const schema = prepareSchema(root.json, draft, names)
    if (!isObject(schema) && typeof schema !== 'boolean')
      return schemaProblem('a JSON Schema is an object, true or false')
    const validator = new JsonSchemaValidator(draft, schema, references, names)
    const documents = new SchemaDocuments(new Map(references.map(({ name, schema }) => [name, schema])))
    const title = isObject(schema) && typeof schema['title'] === 'string' ? schema['title'] : null
    const sensitive = sensitiveInJsonSchema([text.source, ...text.references.map(({ source }) => source)])
    const prepared: PreparedSchema = { draft, schema, references, documents }
    return { format: new JsonFormat(validator, prepared, names, sensitive), title }
  } catch (error) {
    return schemaProblem(explain(error, draft))
  }
}

class JsonFormat implements PayloadFormat, Encoding, Compilable {
  readonly name = 'json'
  readonly shape: Shape
  readonly sensitive: Sensitive
  readonly #validator: JsonSchemaValidator
  readonly #prepared: PreparedSchema
  readonly #names: ReadonlySet<string>

  constructor(
    validator: JsonSchemaValidator,
    prepared: PreparedSchema,
    names: ReadonlySet<string>,
    sensitive: Sensitive
  ) {
    this.#validator = validator
    this.#prepared = prepared
    this.#names = names
    this.shape = shapeOf(prepared.schema, prepared.documents)
    this.sensitive = sensitive
  }

  decode(bytes: Buffer, start: number, end: number): Decoded {
    return decodeSafely(() => {
      const inexact = new InexactIntegers()
      const nesting = limits.payloadNesting.json
      const json = parseJson(bytes, start, end, { nesting, duplicateKeys: 'refuse', names: this.#names, inexact })
      const failures = this.#validator.check(json, end - start, inexact)
      return failures.length > 0 ? { ok: false, failures } : { ok: true, value: toValue(json, this.shape) }
    })
  }

  compile(
    paths: readonly SlotPath[],
    firstSlot: number,
    visits: readonly ListVisit[] = []
  ): CompiledPayload | NotCompiled {
    if (!this.#validator.stopsAtFirst) return { reason: 'the schema is too large' }
    return compileJsonSchema(this.#prepared, this.shape, paths, firstSlot, visits)
  }

  encode(plain: unknown): Buffer | { readonly problem: string } {
    return encodeJson(plain)
  }
}

function parseDocument(source: string): { readonly json: Json } | SchemaProblem {
  const bytes = Buffer.from(source)
  try {
    return { json: parseJson(bytes, 0, bytes.length, { nesting: limits.schemaNesting, duplicateKeys: 'last' }) }
  } catch (error) {
    return syntaxProblem(error, bytes)
  }
}

function explain(error: unknown, draft: Draft): string {
  const message = error instanceof Error ? error.message : String(error)
  const missing = error instanceof Error && 'missingRef' in error ? String(error.missingRef) : null
  if (missing !== null) {
    const target = JSON.stringify(missing)
    return `$ref ${target} leads to no schema here; documents are never fetched from a $ref, give it as a reference`
  }
  if (error instanceof RangeError) return 'is too large or nested too deep to compile'
  return `is not a usable JSON Schema (${draft}): ${message}`
}
