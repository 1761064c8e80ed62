/**
 * From a prepared JSON Schema to plans. Keywords without a meaning to the reference are skipped as the reference skips
 * them; of those with one, what is not read here makes the schema one that is not compiled.
 */
import { compiledLimits } from '../../compiled.ts'
import type { SchemaDocuments } from '../documents.ts'
import { canonical } from '../equality.ts'
import { protoKey } from '../parse.ts'
import type { Json, JsonObject } from '../parse.ts'
import { compilePattern } from '../pattern.ts'
import { isObject } from '../prepare.ts'
import type { Draft } from '../prepare.ts'
import { vocabularyOf } from '../validator.ts'
import type { NamedSchema, Vocabulary } from '../validator.ts'
import { areDisjoint } from './disjoint.ts'
import { inPlaceFormats } from './formats.ts'
import type { NumberCheck, TextCheck } from './formats.ts'
import { inPlacePattern } from './pattern.ts'
import { anything, jsonType, nothing, Plan } from './plan.ts'
import type { AllowedValues, ArrayBounds, NumberBounds, ObjectBounds, StringBounds } from './plan.ts'

/** A schema as its validator was made of it. */
export interface PreparedSchema {
  readonly draft: Draft
  readonly schema: Json
  readonly references: readonly NamedSchema[]
  readonly documents: SchemaDocuments
}

/** Thrown where a schema cannot be compiled; the message is the reason, for people. */
export class Uncompiled extends Error {}

/** Read below, or of no consequence to whether a value is valid. */
const known: ReadonlySet<string> = new Set([
  ...['$anchor', '$comment', '$defs', '$id', '$ref', '$schema', '$vocabulary', 'definitions', 'id'],
  ...['type', 'enum', 'const', 'allOf', 'anyOf', 'oneOf', 'format', 'pattern', 'minLength', 'maxLength'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  ...['items', 'prefixItems', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems'],
  ...['properties', 'required', 'additionalProperties', 'minProperties', 'maxProperties'],
  ...['title', 'description', 'default', 'deprecated', 'examples', 'readOnly', 'writeOnly', 'nullable'],
  ...['contentEncoding', 'contentMediaType', 'contentSchema']
])

const typeBits: ReadonlyMap<Json, number> = new Map<Json, number>([
  ...Object.entries(jsonType),
  ['integer', jsonType.number]
])

/** Throws `Uncompiled`. */
export function readPlan(prepared: PreparedSchema): Plan {
  return new PlanReader(prepared).read()
}

class PlanReader {
  readonly #prepared: PreparedSchema
  readonly #vocabulary: Vocabulary
  readonly #plans = new Map<JsonObject, Plan>()
  /** Plans whose schemas are still to be read: schemas may refer to each other in long chains. */
  readonly #unread: { readonly plan: Plan; readonly schema: JsonObject; readonly document: Json }[] = []
  /** Alternatives that must exclude each other, looked at when all is read. */
  readonly #exclusive: (readonly Plan[])[] = []

  constructor(prepared: PreparedSchema) {
    this.#prepared = prepared
    this.#vocabulary = vocabularyOf(prepared.draft)
  }

  read(): Plan {
    const { schema } = this.#prepared
    const root = this.#planOf(schema, schema)
    for (let next = this.#unread.pop(); next !== undefined; next = this.#unread.pop()) {
      this.#readInto(next.plan, next.schema, next.document)
    }
    for (const branches of this.#exclusive) {
      if (!areDisjoint(branches)) throw new Uncompiled('oneOf has alternatives that are not told apart by their types')
    }
    return root
  }

  #planOf(schema: Json | undefined, document: Json): Plan {
    if (schema === undefined || schema === true) return anything
    if (schema === false) return nothing
    if (!isObject(schema)) throw new Uncompiled('a subschema is no schema')
    let plan = this.#plans.get(schema)
    if (plan === undefined) {
      plan = new Plan()
      this.#plans.set(schema, plan)
      if (this.#plans.size > compiledLimits.nodes) {
        throw new Uncompiled(`the schema has more than ${compiledLimits.nodes} subschemas`)
      }
      this.#unread.push({ plan, schema, document })
    }
    return plan
  }

  #readInto(plan: Plan, schema: JsonObject, document: Json): void {
    for (const keyword of Object.keys(schema)) {
      if (keyword === '$async' || (!known.has(keyword) && this.#vocabulary.keywords.has(keyword))) {
        throw new Uncompiled(`the schema uses ${keyword}`)
      }
    }
    readTypes(plan, schema)
    plan.values = readValues(schema)
    if (plan.values !== null) plan.types &= typesOfValues(plan.values)
    const format = this.#formatOf(schema)
    plan.numbers = readNumberBounds(schema, format.ofNumbers)
    plan.strings = readStringBounds(schema, format.ofStrings)
    plan.arrays = this.#readArrayBounds(schema, document)
    plan.objects = this.#readObjectBounds(schema, document)
    const reference = schema['$ref']
    if (reference !== undefined) {
      plan.references = 1
      plan.all.push(this.#target(reference, document))
    }
    for (const part of listOf(schema, 'allOf')) plan.all.push(this.#planOf(part, document))
    for (const keyword of ['anyOf', 'oneOf']) {
      const branches = listOf(schema, keyword).map((branch) => this.#planOf(branch, document))
      if (branches.length === 0) continue
      plan.any.push(branches)
      if (keyword === 'oneOf') this.#exclusive.push(branches)
    }
  }

  #target(reference: Json, document: Json): Plan {
    if (typeof reference !== 'string') throw new Uncompiled('a $ref is no text')
    const target = this.#prepared.documents.resolve(reference, document)
    if (target === null || (target.document !== document && !this.#isUnmistakable(reference))) {
      throw new Uncompiled('a $ref is resolved by an $id or an anchor')
    }
    return this.#planOf(target.schema, target.document)
  }

  /**
   * The reference resolves names against the document they stand in. That comes to the same for an absolute name that no
   * other document calls itself, and for plain names where no document has another kind of name.
   */
  #isUnmistakable(reference: string): boolean {
    const { schema, references, documents } = this.#prepared
    const name = reference.split('#')[0]!
    const target = documents.resolve(name, schema)?.document
    const all = [schema, ...references.map((other) => other.schema)]
    if (URL.canParse(name)) return all.every((one) => one === target || urlOf(idOf(one)) !== urlOf(name))
    return all.every((one) => idOf(one) === null) && references.every((other) => plainName.test(other.name))
  }

  #formatOf(schema: JsonObject): { readonly ofNumbers: NumberCheck | null; readonly ofStrings: TextCheck | null } {
    const name = schema['format']
    const { formats } = this.#vocabulary
    const none = { ofNumbers: null, ofStrings: null }
    if (name === undefined) return none
    const format = typeof name === 'string' && Object.hasOwn(formats, name) ? formats[name] : undefined
    if (typeof name !== 'string' || (format === undefined && name in formats)) {
      throw new Uncompiled('a format has a name of another kind')
    }
    if (format === undefined || format === true) return none
    const isDefinition = typeof format === 'object' && format !== null && !(format instanceof RegExp)
    const { type, validate, async } = (isDefinition ? format : { validate: format }) as Record<string, unknown>
    if (typeof validate !== 'function' || async === true) throw new Uncompiled(`the schema uses the format ${name}`)
    if (type === 'number') return { ofNumbers: validate as NumberCheck, ofStrings: null }
    const check: TextCheck = { inPlace: inPlaceFormats.get(name) ?? null, test: validate as TextCheck['test'] }
    return { ofNumbers: null, ofStrings: check }
  }

  #readArrayBounds(schema: JsonObject, document: Json): ArrayBounds | null {
    const isTuple = this.#prepared.draft === '2020-12' || Array.isArray(schema['items'])
    const tuple = this.#prepared.draft === '2020-12' ? 'prefixItems' : 'items'
    const further = this.#prepared.draft === '2020-12' ? 'items' : 'additionalItems'
    const prefix = isTuple ? listOf(schema, tuple).map((item) => this.#planOf(item, document)) : []
    const rest = this.#planOf(schema[isTuple ? further : 'items'], document)
    const [minItems, maxItems] = countsOf(schema, 'minItems', 'maxItems')
    const unique = schema['uniqueItems'] === true
    const isFree = prefix.length === 0 && rest === anything && minItems === 0 && maxItems === Infinity && !unique
    return isFree ? null : { prefix, rest, minItems, maxItems, unique }
  }

  #readObjectBounds(schema: JsonObject, document: Json): ObjectBounds | null {
    const listed = schema['properties'] ?? {}
    if (!isObject(listed)) throw new Uncompiled('properties are not listed')
    const properties = new Map<string, Plan>()
    for (const name of Object.keys(listed)) properties.set(inPayload(name), this.#planOf(listed[name], document))
    const required = new Set<string>()
    for (const name of listOf(schema, 'required')) {
      if (typeof name !== 'string') throw new Uncompiled('required names something else than a property')
      required.add(inPayload(name))
    }
    const additional = this.#planOf(schema['additionalProperties'], document)
    const [minProperties, maxProperties] = countsOf(schema, 'minProperties', 'maxProperties')
    const isFree =
      properties.size + required.size + minProperties === 0 && maxProperties === Infinity && additional === anything
    return isFree ? null : { properties, required, additional, minProperties, maxProperties }
  }
}

const plainName = /^\w[\w.-]*$/

function idOf(document: Json): string | null {
  const id = isObject(document) ? document['$id'] : undefined
  return typeof id === 'string' ? id : null
}

function urlOf(name: string | null): string | null {
  return name !== null && URL.canParse(name) ? new URL(name).href.replace(/#$/, '') : null
}

function inPayload(name: string): string {
  return name === protoKey ? '__proto__' : name
}

function listOf(schema: JsonObject, keyword: string): readonly Json[] {
  const list = schema[keyword]
  if (list === undefined) return []
  if (!Array.isArray(list)) throw new Uncompiled(`${keyword} is no list`)
  return list
}

/** Counts that are not limited are 0 and Infinity. */
function countsOf(schema: JsonObject, least: string, most: string): [least: number, most: number] {
  const min = numberOf(schema, least) ?? 0
  const max = numberOf(schema, most) ?? Infinity
  return [min, max]
}

function numberOf(schema: JsonObject, keyword: string): number | null {
  const number = schema[keyword]
  if (number === undefined) return null
  if (typeof number !== 'number') throw new Uncompiled(`${keyword} is no number`)
  return number
}

function readTypes(plan: Plan, schema: JsonObject): void {
  const type = schema['type']
  if (type === undefined) return
  const types = Array.isArray(type) ? type : [type]
  plan.types = 0
  for (const one of types) {
    const bit = typeBits.get(one)
    if (bit === undefined) throw new Uncompiled('a type is none of JSON')
    plan.types |= bit
  }
  plan.declaredTypes = plan.types
  plan.integersOnly = types.includes('integer') && !types.includes('number')
}

/** What both `enum` and `const` allow; null without them. */
function readValues(schema: JsonObject): AllowedValues | null {
  if (schema['enum'] === undefined && schema['const'] === undefined) return null
  let values = schema['enum'] === undefined ? [schema['const']!] : listOf(schema, 'enum')
  if (schema['enum'] !== undefined && schema['const'] !== undefined) {
    const only = canonical(schema['const'])
    values = values.filter((value) => canonical(value) === only)
  }
  return {
    null: values.includes(null),
    true: values.includes(true),
    false: values.includes(false),
    numbers: values.filter((value) => typeof value === 'number'),
    strings: values.filter((value) => typeof value === 'string')
  }
}

function typesOfValues(values: AllowedValues): number {
  return (
    (values.null ? jsonType.null : 0) |
    (values.true || values.false ? jsonType.boolean : 0) |
    (values.numbers.length > 0 ? jsonType.number : 0) |
    (values.strings.length > 0 ? jsonType.string : 0)
  )
}

function readNumberBounds(schema: JsonObject, format: NumberCheck | null): NumberBounds | null {
  const bounds = {
    minimum: numberOf(schema, 'minimum'),
    maximum: numberOf(schema, 'maximum'),
    exclusiveMinimum: numberOf(schema, 'exclusiveMinimum'),
    exclusiveMaximum: numberOf(schema, 'exclusiveMaximum'),
    multipleOf: numberOf(schema, 'multipleOf'),
    format
  }
  return Object.values(bounds).every((bound) => bound === null) ? null : bounds
}

function readStringBounds(schema: JsonObject, format: TextCheck | null): StringBounds | null {
  const [minLength, maxLength] = countsOf(schema, 'minLength', 'maxLength')
  const checks = format === null ? [] : [format]
  const pattern = schema['pattern']
  if (pattern !== undefined) {
    if (typeof pattern !== 'string') throw new Uncompiled('a pattern is no text')
    const compiled = compilePattern(pattern)
    checks.push({ inPlace: inPlacePattern(pattern), test: (text) => compiled.test(text) })
  }
  const isFree = minLength === 0 && maxLength === Infinity && checks.length === 0
  return isFree ? null : { minLength, maxLength, checks }
}
