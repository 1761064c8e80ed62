/**
 * `const`, `enum` and `uniqueItems` for objects without a prototype. The ones `ajv` ships compare constructors, and
 * take quadratic time over the items of an array.
 */
import type { Ajv, SchemaObject } from 'ajv'
import type { Ajv2020 } from 'ajv/dist/2020.js'
import { protoKey } from './parse.ts'
import type { Json } from './parse.ts'

/** The validators of the two drafts; they differ in their constructor only. */
export type AnyAjv = Ajv | Ajv2020

/** Equal texts mean equal values: keys are sorted, and JSON Schema's 1 and 1.0 are one double. */
export function canonical(json: Json): string {
  // A property name that reached `propertyNames` under its stand-in.
  if (json === protoKey) return '"__proto__"'
  if (json === null || typeof json !== 'object') return JSON.stringify(json === 0 ? 0 : json)
  if (Array.isArray(json)) return `[${json.map(canonical).join(',')}]`
  const members = Object.keys(json)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(json[key]!)}`)
  return `{${members.join(',')}}`
}

/** Replaces the three keywords in this instance. */
export function replaceEqualityKeywords(ajv: AnyAjv): void {
  for (const keyword of ['const', 'enum', 'uniqueItems']) ajv.removeKeyword(keyword)
  ajv.addKeyword({
    keyword: 'const',
    compile(wanted: Json) {
      const text = canonical(wanted)
      return (data: Json) => canonical(data) === text
    }
  })
  ajv.addKeyword({
    keyword: 'enum',
    schemaType: 'array',
    compile(wanted: Json[]) {
      const texts = new Set(wanted.map(canonical))
      return (data: Json) => texts.has(canonical(data))
    }
  })
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    compile(wanted: boolean) {
      return (data: Json[]) => !wanted || data.length < 2 || new Set(data.map(canonical)).size === data.length
    }
  })
}

/** Makes schema documents that are plain JSON; only the type of `ajv` is looser. */
export function asSchemaObject(json: object): SchemaObject {
  return json
}
