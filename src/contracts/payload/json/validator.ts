/**
 * JSON Schema by `ajv`, with its dangers taken out: patterns in RE2, no remote references, a count of the references
 * followed (schemas can make that exponential in the payload), a bounded number of errors.
 */
import { _, Ajv, Name } from 'ajv'
import type { ErrorObject, Options, ValidateFunction } from 'ajv'
import type { SchemaEnv } from 'ajv/dist/compile/index.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { PayloadFailure } from '../format.ts'
import { limits } from '../limits.ts'
import { asSchemaObject, replaceEqualityKeywords } from './equality.ts'
import type { AnyAjv } from './equality.ts'
import { toFailures } from './failures.ts'
import type { InexactIntegers } from './inexact.ts'
import type { Json } from './parse.ts'
import { ajvPatternEngine, linearFormat } from './pattern.ts'
import { branchKeyword, enoughKeyword, integerKeyword, isObject, stepKeyword } from './prepare.ts'
import type { Draft } from './prepare.ts'

/** A schema document that others refer to. */
export interface NamedSchema {
  readonly name: string
  readonly schema: Json
}

/** Thrown inside the validator, where nothing else stops it. */
class TooManySteps extends Error {}

/** The same, when no further failure would be listed; null when those so far may be of alternatives that pass. */
class EnoughErrors extends Error {
  readonly failures: PayloadFailure[] | null
  constructor(failures: PayloadFailure[] | null) {
    super()
    this.failures = failures
  }
}

/** What the compiled schema looks up and counts while it judges one payload. */
class Judging {
  steps = 0
  /** Null when every integer is exact. */
  inexact: InexactIntegers | null = null
  #data: Json = null
  /** Alternatives that are being tried, each inside the one before. */
  #branches = 0
  /** Errors at which they are looked at again. */
  #nextLook = 0
  readonly #names: ReadonlySet<string>

  constructor(names: ReadonlySet<string>) {
    this.#names = names
  }

  start(json: Json, inexact: InexactIntegers | null, steps: number): void {
    this.#data = json
    this.inexact = inexact === null || inexact.isEmpty ? null : inexact
    this.steps = steps
    this.#branches = 0
    this.#nextLook = limits.failures
  }

  end(): void {
    this.#data = null
    this.inexact = null
  }

  takeStep(): void {
    if (--this.steps < 0) throw new TooManySteps()
  }

  beginBranches(): void {
    this.#branches++
  }

  endBranches(): void {
    this.#branches--
  }

  /** `count` and `errors` as the compiled function holds them, which calls it after each schema. */
  look(count: number, errors: readonly ErrorObject[] | null): void {
    if (count < this.#nextLook || errors === null) return
    if (this.#branches > 0) {
      if (count >= limits.jsonErrors) throw new EnoughErrors(null)
      return
    }
    const failures = toFailures(errors, this.#data, this.#names)
    if (failures.length >= limits.failures || count >= limits.jsonErrors) throw new EnoughErrors(failures)
    this.#nextLook = 2 * count
  }
}

export class JsonSchemaValidator {
  /** Stops at the first failure. Null when the schema is too large for it: its code nests once per keyword. */
  readonly #first: ValidateFunction | null
  /** Collects failures; null when the schema is too large for it. One of the two is there. */
  readonly #all: ValidateFunction | null
  readonly #judging: Judging
  readonly #names: ReadonlySet<string>

  /**
   * Takes prepared documents, and the names that failures may show. Throws an Error that says why the schema cannot be
   * compiled.
   */
  constructor(draft: Draft, schema: Json, references: readonly NamedSchema[], names: ReadonlySet<string>) {
    this.#names = names
    this.#judging = new Judging(names)
    const compiled = (allErrors: boolean): ValidateFunction | RangeError => {
      try {
        return compile(draft, schema, references, allErrors, this.#judging)
      } catch (error) {
        if (error instanceof RangeError) return error
        throw error
      }
    }
    const first = compiled(false)
    const all = compiled(true)
    if (first instanceof RangeError && all instanceof RangeError) throw first
    this.#first = first instanceof RangeError ? null : first
    this.#all = all instanceof RangeError ? null : all
  }

  /** False for a schema that is too large for it: a value that is valid may then still be refused for its errors. */
  get stopsAtFirst(): boolean {
    return this.#first !== null
  }

  /**
   * Empty when the value is valid. `byteLength` of the payload sets how far references are followed; `inexact` are the
   * integers of it that a double does not hold.
   */
  check(json: Json, byteLength: number, inexact: InexactIntegers | null = null): PayloadFailure[] {
    const steps = limits.jsonSchemaSteps.floor + limits.jsonSchemaSteps.perByte * byteLength
    try {
      this.#judging.start(json, inexact, steps)
      let first: PayloadFailure[] | null = null
      if (this.#first !== null) {
        if (this.#first(json)) return []
        first = toFailures(this.#first.errors ?? [], json, this.#names)
        if (this.#all === null || byteLength > limits.allJsonErrorsBytes) return first
        this.#judging.start(json, inexact, steps)
      }
      return this.#allFailures(this.#all!, json, first)
    } catch (error) {
      if (error instanceof TooManySteps) {
        return [{ path: '', message: 'takes more steps to judge than a payload of its size may' }]
      }
      if (error instanceof RangeError) return [{ path: '', message: 'is too deep or too large to judge' }]
      throw error
    } finally {
      this.#judging.end()
      // They hold the payload.
      if (this.#first !== null) this.#first.errors = null
      if (this.#all !== null) this.#all.errors = null
    }
  }

  /** `first` instead, where there is one, when it cannot be said how many there are. */
  #allFailures(all: ValidateFunction, json: Json, first: PayloadFailure[] | null): PayloadFailure[] {
    try {
      if (all(json)) return first ?? []
      return toFailures(all.errors ?? [], json, this.#names)
    } catch (error) {
      if (error instanceof EnoughErrors && error.failures !== null) return error.failures
      if (first !== null && (error instanceof EnoughErrors || error instanceof TooManySteps)) return first
      if (first !== null && error instanceof RangeError) return first
      // It may yet be valid, but not within what one payload may cost.
      throw error instanceof EnoughErrors ? new TooManySteps() : error
    }
  }
}

/** Frames of other code that may stand below a validator when it runs, more than there are. */
const framesBelow = 500

/**
 * The engine compiles a function when it is first called, and runs out of stack over one that nests too deep. That has
 * to happen at load, not with every record. Throws RangeError.
 */
function tryOut(compiled: readonly SchemaEnv[], judging: Judging, frames = framesBelow): void {
  if (frames > 0) {
    tryOut(compiled, judging, frames - 1)
    return
  }
  for (const { validate } of compiled) {
    try {
      judging.start(null, null, 1)
      if (validate !== undefined) void validate(null)
    } catch (error) {
      if (error instanceof RangeError) throw error
    } finally {
      judging.end()
    }
  }
}

function compile(
  draft: Draft,
  schema: Json,
  references: readonly NamedSchema[],
  allErrors: boolean,
  judging: Judging
): ValidateFunction {
  const compiled: SchemaEnv[] = []
  const options: Options = {
    allErrors,
    // Of the author's schema nothing is refused for style; the public test suite uses all of it.
    strict: false,
    verbose: true,
    logger: false,
    // Its optimiser takes quadratic time over large schemas, on the event loop, and gains little.
    code: {
      regExp: ajvPatternEngine,
      optimize: false,
      process(code, schemaOfCode) {
        if (schemaOfCode !== undefined) compiled.push(schemaOfCode)
        return code
      }
    }
  }
  const ajv = newValidator(draft, options)
  replaceEqualityKeywords(ajv)
  addLinearFormats(ajv)
  ajv.addKeyword({
    keyword: stepKeyword,
    // Before the reference is followed, or a schema that refers to itself would not be stopped.
    before: '$ref',
    validate: () => {
      judging.takeStep()
      return true
    }
  })
  addIntegerKeyword(ajv, judging)
  if (allErrors) addErrorBounds(ajv, judging)
  const base = isObject(schema) && typeof schema['$id'] === 'string' ? schema['$id'] : ''
  for (const reference of references) {
    if (typeof reference.schema !== 'object' || reference.schema === null) continue
    const id = isObject(reference.schema) ? reference.schema['$id'] : undefined
    // A relative reference resolves against the $id of the document it stands in.
    const names = new Set([
      reference.name,
      URL.canParse(reference.name, base) ? new URL(reference.name, base).href : reference.name
    ])
    const others = [...names].filter((name) => name !== id)
    // Added under any name it is known by its $id as well.
    if (others.length === 0) ajv.addSchema(asSchemaObject(reference.schema))
    for (const name of others) ajv.addSchema(asSchemaObject(reference.schema), name)
  }
  const validate = ajv.compile(typeof schema === 'boolean' ? schema : asSchemaObject(schema as object))
  tryOut(compiled, judging)
  return validate
}

/** In generated code rather than as a function, which would cost the making of a path for every integer. */
function addIntegerKeyword(ajv: AnyAjv, judging: Judging): void {
  ajv.addKeyword({
    keyword: integerKeyword,
    type: 'number',
    schemaType: 'boolean',
    code(context) {
      const { gen, it } = context
      const inexact = _`${gen.scopeValue('obj', { ref: judging })}.inexact`
      const mark = _`${inexact}.at(${it.parentData}, ${it.parentDataProperty})`
      context.setParams({ mark })
      context.fail(_`${inexact} !== null && ${mark} !== undefined`)
    },
    error: { message: 'is not exact', params: ({ params }) => _`{ mark: ${params['mark']} }` }
  })
}

/** Ends the pass that collects all failures when there are more than are listed. */
function addErrorBounds(ajv: AnyAjv, judging: Judging): void {
  ajv.addKeyword({
    keyword: branchKeyword,
    before: '$ref',
    schemaType: 'boolean',
    code: ({ gen }) => void gen.code(_`${gen.scopeValue('obj', { ref: judging })}.beginBranches()`)
  })
  ajv.addKeyword({
    keyword: enoughKeyword,
    post: true,
    schemaType: 'boolean',
    code({ gen, schema }) {
      const state = gen.scopeValue('obj', { ref: judging })
      if (schema === true) gen.code(_`${state}.endBranches()`)
      gen.code(_`${state}.look(${new Name('errors')}, ${new Name('vErrors')})`)
    }
  })
}

function newValidator(draft: Draft, options: Options): AnyAjv {
  return draft === '2020-12' ? new Ajv2020(options) : new Ajv(options)
}

/** What `ajv` has a meaning for, of a draft, as it is set up here. */
export interface Vocabulary {
  readonly keywords: ReadonlySet<string>
  readonly formats: Readonly<Record<string, unknown>>
}

const vocabularies = new Map<Draft, Vocabulary>()

export function vocabularyOf(draft: Draft): Vocabulary {
  let vocabulary = vocabularies.get(draft)
  if (vocabulary === undefined) {
    const ajv = newValidator(draft, { strict: false, logger: false })
    addLinearFormats(ajv)
    vocabulary = { keywords: new Set(Object.keys(ajv.RULES.keywords)), formats: ajv.formats }
    vocabularies.set(draft, vocabulary)
  }
  return vocabulary
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
