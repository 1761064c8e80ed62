/** Random JSON Schemas, and what of their values is to be noted. */
import type { SlotPath } from '../../src/contracts/payload/compiled.ts'
import type { SeededRandom } from './compiled-payload.ts'
import type { ListItems } from './compiled-visits.ts'
import { names, numbers, texts } from './random-json.ts'
import type { Plain } from './random-json.ts'

type Schema = boolean | { [keyword: string]: unknown }

const patterns = [
  '^[A-Z]{3}$',
  '^a+b',
  '[0-9]',
  '^\\d{2,4}(-x)?$',
  '^[\\w.-]{1,5}$',
  '^.?$',
  '^[^a]*$',
  '^ORD-[0-9]{3}$'
]
const formats = ['date', 'date-time', 'time', 'uuid', 'email', 'ipv4', 'int32', 'int64', 'hostname', 'unknown', 'byte']
export class RandomJsonSchema {
  readonly #random: SeededRandom
  readonly #hasManyLists: boolean
  #depth = 0

  constructor(random: SeededRandom, hasManyLists = false) {
    this.#random = random
    this.#hasManyLists = hasManyLists
  }

  /** With definitions, one of which refers to itself. */
  document(): { [keyword: string]: unknown } {
    const random = this.#random
    const $schema = random.chance(0.3)
      ? 'http://json-schema.org/draft-07/schema#'
      : 'https://json-schema.org/draft/2020-12/schema'
    const node = {
      type: 'object',
      properties: { v: this.schema(2), next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/node' }] } }
    }
    if (this.#hasManyLists) return { $schema, ...this.#records(), $defs: { node, leaf: this.schema(2) } }
    const root = random.chance(0.8) ? this.object() : this.schema()
    const own = typeof root === 'boolean' ? (root ? {} : { not: {} }) : root
    return { $schema, ...own, $defs: { node, leaf: this.schema(2) } }
  }

  schema(deeper = 0): Schema {
    this.#depth += deeper
    const made = this.#schema()
    this.#depth -= deeper
    return made
  }

  #schema(): Schema {
    const random = this.#random
    const kinds = ['string', 'integer', 'number', 'boolean', 'null', 'types', 'enum', 'const', 'true', 'ref']
    if (this.#depth < 3)
      kinds.push('object', 'object', 'object', 'array', 'array', 'nullable', 'oneOf', 'tagged', 'allOf', 'anyOf')
    return this.#schemaOf(random.pick(kinds))
  }

  /** Lists in three places, and little else that a value could break. */
  #records(): { [keyword: string]: unknown } {
    const type = this.#random.chance(0.5) ? 'object' : ['object', 'null']
    const one = (): Schema => ({ type, properties: { rows: this.#list(), id: this.schema(2) } })
    const record = this.#random.chance(0.3) ? { anyOf: [one(), one()] } : one()
    return { type: 'object', properties: { lines: this.#list(), record, id: this.schema(2), last: this.#list() } }
  }

  #list(): Schema {
    return this.#schemaOf(this.#random.pick(['array', 'records', 'records', 'null or array', 'arrays']))
  }

  #schemaOf(kind: string): Schema {
    const random = this.#random
    switch (kind) {
      case 'records':
        return {
          type: 'array',
          items: random.chance(0.3) ? { anyOf: [{ type: 'null' }, this.object()] } : this.object()
        }
      case 'null or array':
        return { type: ['null', 'array'], items: this.schema(1) }
      case 'arrays':
        return { anyOf: [this.schema(1), this.schema(1)].map((items) => ({ type: 'array', items })) }
      case 'string':
        return this.#some({ type: 'string' }, [
          ['minLength', () => random.below(4)],
          ['maxLength', () => random.below(6)],
          ['pattern', () => random.pick(patterns)],
          ['format', () => random.pick(formats)]
        ])
      case 'integer':
      case 'number':
        return this.#some({ type: random.chance(0.5) ? 'integer' : 'number' }, [
          ['minimum', () => random.pick([-3, 0, 0.5, 1])],
          ['maximum', () => random.pick([2, 10, 1e22])],
          ['exclusiveMinimum', () => random.pick([-2, 0])],
          ['exclusiveMaximum', () => random.pick([3, 2 ** 53])],
          ['multipleOf', () => random.pick([1, 2, 0.5, 0.1])],
          ['format', () => random.pick(formats)]
        ])
      case 'boolean':
        return { type: 'boolean', title: 'a flag' }
      case 'null':
        return { type: 'null' }
      case 'types': {
        const all = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object']
        const type = all.filter(() => random.chance(0.35))
        return this.#some({ type: type.length === 0 ? 'string' : type }, [
          ['minLength', () => 1],
          ['minimum', () => 1]
        ])
      }
      case 'enum':
        return { enum: Array.from({ length: 1 + random.below(4) }, () => this.#constant()) }
      case 'const':
        return { const: this.#constant() }
      case 'true':
        return random.chance(0.9) ? true : {}
      case 'ref':
        return { $ref: random.chance(0.5) ? '#/$defs/node' : '#/$defs/leaf' }
      case 'array': {
        const items = this.schema(1)
        return this.#some({ type: 'array', items }, [
          ['minItems', () => random.below(2)],
          ['maxItems', () => random.below(4)],
          ['uniqueItems', () => true],
          ['prefixItems', () => [this.schema(1), this.schema(1)]]
        ])
      }
      case 'nullable':
        return { anyOf: [{ type: 'null' }, this.schema(1)] }
      case 'oneOf':
        return { oneOf: [{ type: 'string' }, { type: 'number' }, this.object()] }
      case 'tagged':
        return {
          oneOf: ['one', 'two'].map((tag) => ({
            type: 'object',
            properties: { tag: { const: tag }, v: this.schema(1) },
            required: ['tag']
          }))
        }
      case 'allOf':
        return { allOf: [this.object(), this.object()] }
      case 'anyOf':
        return { anyOf: [this.schema(1), this.schema(1)] }
      default:
        return this.object()
    }
  }

  object(): { [keyword: string]: unknown } {
    const random = this.#random
    this.#depth++
    const properties: { [name: string]: Schema } = {}
    for (let count = random.below(6); count > 0; count--) {
      const name = random.pick(names)
      Object.defineProperty(properties, name, {
        value: this.#schema(),
        enumerable: true,
        configurable: true,
        writable: true
      })
    }
    const made = this.#some({ type: 'object', properties }, [
      [
        'required',
        () => [...new Set([...Object.keys(properties).filter(() => random.chance(0.5)), random.pick(names)])]
      ],
      ['additionalProperties', () => random.pick([false, false, true, this.schema(1)])],
      ['minProperties', () => random.below(2)],
      ['maxProperties', () => 2 + random.below(4)]
    ])
    this.#depth--
    return made
  }

  #constant(): Plain {
    const random = this.#random
    return random.pick<Plain>([
      null,
      true,
      false,
      random.pick(numbers),
      random.pick(texts),
      random.pick(texts),
      [1],
      {}
    ])
  }

  #some(base: { [keyword: string]: unknown }, more: [string, () => unknown][]): { [keyword: string]: unknown } {
    for (const [keyword, value] of more)
      if (this.#random.chance(this.#hasManyLists ? 0.08 : 0.25)) base[keyword] = value()
    return base
  }
}

/** Paths of some properties, and of one that is none. */
export function pathsIn(schema: unknown, random: SeededRandom): SlotPath[] {
  const paths: SlotPath[] = []
  const visit = (at: unknown, path: SlotPath): void => {
    if (random.chance(0.4)) paths.push(path)
    const properties = typeof at === 'object' && at !== null ? (at as { properties?: object }).properties : undefined
    for (const [name, property] of Object.entries(properties ?? {}))
      if (random.chance(0.6)) visit(property, [...path, name])
    if (random.chance(0.1)) paths.push([...path, random.pick(names)])
  }
  visit(schema, [])
  return paths
}

/** Some lists that properties lead to, and of each what is to be noted of its items: some of their properties. */
export function listsIn(document: { [keyword: string]: unknown }, random: SeededRandom): ListItems[] {
  const definitions = document['$defs'] as { [name: string]: unknown }
  /** The schemas of one value: behind references and among alternatives. */
  const schemasAt = (schema: unknown, depth: number): { [keyword: string]: unknown }[] => {
    if (typeof schema !== 'object' || schema === null || depth > 3) return []
    const at = schema as { [keyword: string]: unknown }
    const reference = typeof at['$ref'] === 'string' ? [definitions[at['$ref'].split('/').at(-1)!]] : []
    const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => (at[keyword] ?? []) as unknown[])
    return [at, ...[...reference, ...parts].flatMap((part) => schemasAt(part, depth + 1))]
  }
  const fieldsOf = (schema: unknown): SlotPath[] => {
    const schemas = schemasAt(schema, 0)
    const hasFields = schemas.some((at) => Object.keys(at['properties'] ?? {}).length > 0)
    const paths = schemas.flatMap((at) => pathsIn(at, random))
    return hasFields ? paths : paths.filter((path) => path.length === 0)
  }
  const lists: ListItems[] = []
  const visit = (schema: unknown, path: SlotPath): void => {
    for (const at of schemasAt(schema, 0)) {
      if ('items' in at && random.chance(0.8)) lists.push({ list: path, items: fieldsOf(at['items']).slice(0, 12) })
      if (path.length > 3) continue
      for (const [name, property] of Object.entries(at['properties'] ?? {})) visit(property, [...path, name])
    }
    if (random.chance(0.03)) lists.push({ list: [...path, random.pick(names)], items: [[]] })
  }
  visit(document, [])
  return lists
}
