/**
 * A JSON Schema document made ready for `ajv`: references counted, `__proto__` given its stand-in name, and what the
 * drafts say that `ajv` does not do. The document is walked by keyword, so that a property named `$ref` or the data of
 * an `enum` is not taken for schema.
 */
import { limits } from '../limits.ts'
import { canonical } from './equality.ts'
import { protoKey } from './parse.ts'
import type { Json, JsonObject } from './parse.ts'

export type Draft = 'draft-07' | '2020-12'

/** Keyword whose evaluation counts one step; see `JsonSchemaValidator`. */
export const stepKeyword = 'kontrakt:step'
/** Keyword that stands beside every `type` that takes integers and no other numbers. */
export const integerKeyword = 'kontrakt:integer'
/**
 * Keywords of every schema in the pass that collects all failures: the first where alternatives begin, the second at
 * the end of the schema.
 */
export const branchKeyword = 'kontrakt:branch'
export const enoughKeyword = 'kontrakt:enough'

const alternatives = ['anyOf', 'contains', 'if', 'not', 'oneOf']

const schemaValued = [
  'additionalItems',
  'additionalProperties',
  'contains',
  'contentSchema',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties'
]
const schemaLists = ['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems']
/**
 * No draft has these, and `ajv` has its own meaning for them: with OpenAPI's `nullable` it would let null through, and
 * with `$async` it would answer with a promise, which is no verdict.
 */
const withOtherMeaning = ['nullable', '$async']
/** Keywords whose values are schemas by names of the author. */
export const schemaMaps = [
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties'
]

/** Reads `$schema`; a problem when it names a draft that is not judged here. Without one it is 2020-12. */
export function draftOf(schema: Json): Draft | { readonly problem: string } {
  const uri = isObject(schema) ? schema['$schema'] : undefined
  if (uri === undefined) return '2020-12'
  const name = typeof uri === 'string' ? uri.replace(/^https?:\/\//, '').replace(/#$/, '') : ''
  if (name === 'json-schema.org/draft/2020-12/schema') return '2020-12'
  if (name === 'json-schema.org/draft-07/schema') return 'draft-07'
  return {
    problem:
      `$schema is ${JSON.stringify(uri).slice(0, 100)}; judged are https://json-schema.org/draft/2020-12/schema ` +
      'and http://json-schema.org/draft-07/schema#'
  }
}

export function isObject(json: Json | undefined): json is JsonObject {
  return json !== null && typeof json === 'object' && !Array.isArray(json)
}

/**
 * Adds the property names the document speaks of to `names`. Throws an Error when it has more subschemas than a payload
 * format may have.
 */
export function prepareSchema(schema: Json, draft: Draft, names: Set<string>): Json {
  let nodes = 0
  const document = prepare(schema)
  // Known already, and written in more ways than `ajv` knows (`https`, with and without `#`).
  if (isObject(document)) delete document['$schema']
  return document

  function prepare(node: Json): Json {
    if (!isObject(node)) return node
    if (++nodes > limits.jsonSubschemas) throw new Error(`has more than ${limits.jsonSubschemas} subschemas`)
    if ('$dynamicRef' in node) {
      // `ajv` resolves it wrongly in ways that accept bad data (see the known failures of the test suite).
      throw new Error(
        'uses $dynamicRef, which is not judged here; $ref does the same where nothing overrides the anchor'
      )
    }
    const prepared: JsonObject = {}
    const source = draft === 'draft-07' && typeof node['$ref'] === 'string' ? onlyReference(node) : node
    for (const keyword of Object.keys(source)) {
      if (!withOtherMeaning.includes(keyword)) prepared[keyword] = prepareKeyword(keyword, source[keyword]!)
    }
    if ('$ref' in prepared) prepared[stepKeyword] = true
    if (takesIntegersOnly(prepared['type'])) prepared[integerKeyword] = true
    if (Object.keys(prepared).length > 0) {
      const branches = alternatives.some((keyword) => keyword in prepared)
      if (branches) prepared[branchKeyword] = true
      prepared[enoughKeyword] = branches
    }
    return prepared
  }

  function prepareKeyword(keyword: string, value: Json): Json {
    // `ajv` refuses an empty list and repeated values, which 2020-12 only advises against and registries accept.
    if (keyword === 'enum' && Array.isArray(value)) return uniqueValues(value)
    if (keyword === 'required') return propertyNames(value, names)
    if (keyword === 'properties' && isObject(value)) for (const name of Object.keys(value)) names.add(unescaped(name))
    if ((schemaMaps.includes(keyword) || keyword === 'dependentRequired') && isObject(value)) {
      const map: JsonObject = {}
      for (const name of Object.keys(value)) {
        const member = value[name]!
        map[name] = Array.isArray(member) ? propertyNames(member, names) : prepare(member)
      }
      return map
    }
    if (schemaLists.includes(keyword) && Array.isArray(value)) return value.map(prepare)
    if (schemaValued.includes(keyword)) return prepare(value)
    return value
  }
}

/** Of the numbers; `["integer", "string"]` takes strings besides. */
function takesIntegersOnly(type: Json | undefined): boolean {
  return type === 'integer' || (Array.isArray(type) && type.includes('integer') && !type.includes('number'))
}

/** Draft-07: what stands beside `$ref` is ignored; definitions stay, because pointers lead into them. */
function onlyReference(node: JsonObject): JsonObject {
  const kept: JsonObject = { $ref: node['$ref']! }
  for (const keyword of ['definitions', '$defs']) {
    if (node[keyword] !== undefined) kept[keyword] = node[keyword]
  }
  return kept
}

/** A list of property names, as they are called in parsed data; added to `known` as the author calls them. */
function propertyNames(listed: Json, known: Set<string>): Json {
  if (!Array.isArray(listed)) return listed
  for (const name of listed) if (typeof name === 'string') known.add(name)
  return listed.map((name) => (name === '__proto__' ? protoKey : name))
}

function unescaped(name: string): string {
  return name === protoKey ? '__proto__' : name
}

function uniqueValues(values: readonly Json[]): Json[] {
  const byText = new Map(values.map((value) => [canonical(value), value]))
  return [...byText.values()]
}
