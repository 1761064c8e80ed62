/**
 * Finds what a `$ref` points to, as far as that can be said without evaluating: within a document, or in a named one.
 */
import type { Json } from './parse.ts'
import { isObject } from './prepare.ts'

export interface Located {
  readonly schema: Json
  /** The document the schema stands in, against which its own references resolve. */
  readonly document: Json
}

export class SchemaDocuments {
  readonly #byName: ReadonlyMap<string, Json>
  readonly #static = new Map<Json, boolean>()

  constructor(byName: ReadonlyMap<string, Json>) {
    this.#byName = byName
  }

  /** Null when the target depends on nested `$id`s or anchors, or is not there. */
  resolve(reference: string, document: Json): Located | null {
    const hash = reference.indexOf('#')
    const name = hash < 0 ? reference : reference.slice(0, hash)
    const fragment = hash < 0 ? '' : reference.slice(hash + 1)
    const target = name === '' ? document : this.#byName.get(name)
    if (target === undefined || !this.#hasOneBase(target)) return null
    if (fragment !== '' && !fragment.startsWith('/')) return null
    let schema: Json | undefined = target
    for (const part of fragment.split('/').slice(1)) {
      const key = decodePointer(part)
      if (key === null || schema === null || typeof schema !== 'object') return null
      schema = Array.isArray(schema) ? schema[Number(key)] : Object.hasOwn(schema, key) ? schema[key] : undefined
      if (schema === undefined) return null
    }
    return { schema, document: target }
  }

  /** A nested `$id` changes what the references under it mean; such documents are not followed. */
  #hasOneBase(document: Json): boolean {
    let known = this.#static.get(document)
    if (known === undefined) {
      known = isObject(document) ? !Object.values(document).some(mentionsId) : true
      this.#static.set(document, known)
    }
    return known
  }
}

function mentionsId(json: Json): boolean {
  if (json === null || typeof json !== 'object') return false
  if (Array.isArray(json)) return json.some(mentionsId)
  return typeof json['$id'] === 'string' || Object.values(json).some(mentionsId)
}

function decodePointer(part: string): string | null {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return null
  }
}
