/**
 * JSON Schema by `ajv`, with its dangers taken out: patterns in RE2, no remote references, a count of the references
 * followed (schemas can make that exponential in the payload), a bounded number of errors.
 */
import { Ajv } from 'ajv'
import type { Options, ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { PayloadFailure } from '../format.ts'
import { limits } from '../limits.ts'
import { asSchemaObject, replaceEqualityKeywords } from './equality.ts'
import type { AnyAjv } from './equality.ts'
import { toFailures } from './failures.ts'
import type { Json } from './parse.ts'
import { ajvPatternEngine, linearFormat } from './pattern.ts'
import { isObject, stepKeyword } from './prepare.ts'
import type { Draft } from './prepare.ts'

/** A schema document that others refer to. */
export interface NamedSchema {
  readonly name: string
  readonly schema: Json
}

/** Thrown inside the validator, where nothing else stops it. */
class TooManySteps extends Error {}

export class JsonSchemaValidator {
  readonly #first: ValidateFunction
  readonly #compileAll: () => ValidateFunction
  readonly #fuel = { steps: 0 }
  #all: ValidateFunction | null = null

  /** Takes prepared documents. Throws an Error that says why the schema cannot be compiled. */
  constructor(draft: Draft, schema: Json, references: readonly NamedSchema[]) {
    this.#first = compile(draft, schema, references, false, this.#fuel)
    this.#compileAll = () => compile(draft, schema, references, true, this.#fuel)
  }

  /** Empty when the value is valid. `byteLength` of the payload sets how far references are followed. */
  check(json: Json, byteLength: number): PayloadFailure[] {
    try {
      this.#fuel.steps = limits.jsonSchemaSteps + byteLength
      if (this.#first(json)) return []
      if (byteLength > limits.allJsonErrorsBytes) return toFailures(this.#first.errors ?? [], json)
      // Compiled on the first bad record only: most topics never see one.
      this.#all ??= this.#compileAll()
      this.#fuel.steps = limits.jsonSchemaSteps + byteLength
      this.#all(json)
      return toFailures(this.#all.errors ?? [], json)
    } catch (error) {
      if (error instanceof TooManySteps || error instanceof RangeError) {
        return [{ path: '', message: 'takes more steps to judge than a payload of its size may' }]
      }
      throw error
    }
  }
}

function compile(
  draft: Draft,
  schema: Json,
  references: readonly NamedSchema[],
  allErrors: boolean,
  fuel: { steps: number }
): ValidateFunction {
  const options: Options = {
    allErrors,
    // Of the author's schema nothing is refused for style; the public test suite uses all of it.
    strict: false,
    verbose: true,
    logger: false,
    // Its optimiser takes quadratic time over large schemas, on the event loop, and gains little.
    code: { regExp: ajvPatternEngine, optimize: false }
  }
  const ajv = newValidator(draft, options)
  replaceEqualityKeywords(ajv)
  addLinearFormats(ajv)
  ajv.addKeyword({
    keyword: stepKeyword,
    // Before the reference is followed, or a schema that refers to itself would not be stopped.
    before: '$ref',
    validate: () => {
      if (--fuel.steps < 0) throw new TooManySteps()
      return true
    }
  })
  const base = isObject(schema) && typeof schema['$id'] === 'string' ? schema['$id'] : ''
  for (const reference of references) {
    if (typeof reference.schema !== 'object' || reference.schema === null) continue
    const id = isObject(reference.schema) ? reference.schema['$id'] : undefined
    // A relative reference resolves against the $id of the document it stands in.
    const names = new Set([
      reference.name,
      URL.canParse(reference.name, base) ? new URL(reference.name, base).href : reference.name
    ])
    for (const name of names) if (name !== id) ajv.addSchema(asSchemaObject(reference.schema), name)
  }
  return ajv.compile(typeof schema === 'boolean' ? schema : asSchemaObject(schema as object))
}

function newValidator(draft: Draft, options: Options): AnyAjv {
  return draft === '2020-12' ? new Ajv2020(options) : new Ajv(options)
}

/** The formats of `ajv-formats` with their regular expressions in RE2; a format nobody knows is an annotation. */
function addLinearFormats(ajv: AnyAjv): void {
  formats.default(ajv)
  for (const [name, format] of Object.entries(ajv.formats)) {
    if (format instanceof RegExp) ajv.addFormat(name, linearFormats.get(format) ?? remembered(format))
  }
}

/** Compiling the longest of them takes milliseconds; one copy serves every schema. */
const linearFormats = new Map<RegExp, (text: string) => boolean>()

function remembered(format: RegExp): (text: string) => boolean {
  const linear = linearFormat(format)
  linearFormats.set(format, linear)
  return linear
}
