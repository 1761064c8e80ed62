/**
 * What of a payload its schema tags as sensitive, and a payload without it. The tags are Confluent's: `confluent:tags`
 * in Avro and JSON Schema, `(confluent.field_meta).tags` in Protobuf; whatever they say, a field with any is sensitive.
 */
import type { Sensitive } from './format.ts'
import { schemaMaps } from './json/prepare.ts'

/** Keywords of JSON Schema with data of the author, in which nothing is schema. */
const data: readonly string[] = ['const', 'default', 'enum', 'examples']

/**
 * Everything, when a tag stands at something other than a property, such as the items of a list.
 *
 * @param sources JSON documents that were parsed before: the schema and what it refers to
 */
export function sensitiveInJsonSchema(sources: readonly string[]): Sensitive {
  const names = new Set<string>()
  const open: [schema: unknown, property: string | null][] = sources.map((source) => [JSON.parse(source), null])
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [schema, property] = next
    if (Array.isArray(schema)) for (const item of schema) open.push([item, null])
    if (!isObject(schema)) continue
    if (hasTags(schema)) {
      if (property === null) return 'everything'
      names.add(property)
    }
    for (const [keyword, child] of Object.entries(schema)) {
      if (data.includes(keyword)) continue
      if (!schemaMaps.includes(keyword) || !isObject(child)) open.push([child, null])
      else for (const [name, one] of Object.entries(child)) open.push([one, keyword === 'properties' ? name : null])
    }
  }
  return names.size === 0 ? 'nothing' : names
}

/** A non-empty list under `confluent:tags`. */
export function hasTags(schema: Readonly<Record<string, unknown>>): boolean {
  const tags = schema['confluent:tags']
  return Array.isArray(tags) && tags.length > 0
}

/**
 * The text without these properties; null when it is not JSON. Numbers keep their digits. Of a repeated key the last
 * one is kept, because that is what nearly every reader sees.
 */
export function withoutProperties(text: Buffer, names: ReadonlySet<string>): Buffer | null {
  try {
    const kept: unknown = JSON.parse(text.toString(), function (this: unknown, key, value: unknown, context?: Source) {
      if (names.has(key) && !Array.isArray(this)) return undefined
      return typeof value === 'number' && context?.source !== undefined ? rawJson(context.source) : value
    })
    return Buffer.from(JSON.stringify(kept))
  } catch {
    return null
  }
}

/** Parts of V8 since 11.4 that are not in the declarations of ES2024. */
interface Source {
  readonly source?: string
}
const { rawJSON: rawJson } = JSON as unknown as { rawJSON: (text: string) => unknown }

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
