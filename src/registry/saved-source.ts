/**
 * Schemas from copies in files, for checking and testing policies without a registry: the same answers, nothing asked.
 */
import { loadSchema } from '../contracts/payload/load.ts'
import type { LoadedSchema } from '../contracts/payload/load.ts'
import type { RegisteredSchema, SchemaLookup, SchemaQuery, SchemaSource } from '../contracts/schema-source.ts'
import { decide } from './decision.ts'
import type { SchemaCopy } from './types.ts'

export class SavedSchemaSource implements SchemaSource {
  readonly #copies: readonly SchemaCopy[]
  readonly #loaded = new Map<SchemaCopy, LoadedSchema | string>()

  constructor(copies: readonly SchemaCopy[]) {
    this.#copies = copies
  }

  lookup(query: SchemaQuery, schemaId: number): SchemaLookup {
    const copy = this.#copies.find(({ id, context }) => id === schemaId && context === query.context)
    if (copy === undefined) return { state: 'refused', reason: `there is no copy of schema ${schemaId}` }
    const loaded = this.#load(copy)
    if (typeof loaded === 'string') return { state: 'refused', reason: loaded }
    const decision = decide(query, copy, loaded, (subject) => this.#versionsOf(subject))
    return decision.kind === 'admitted'
      ? { state: 'ready', schema: decision.schema }
      : { state: 'refused', reason: decision.reason }
  }

  /** Rejects with an Error when a copy cannot be used. */
  admitted(query: SchemaQuery): Promise<readonly RegisteredSchema[]> {
    const found: RegisteredSchema[] = []
    for (const copy of this.#copies) {
      if (copy.context !== query.context || copy.format !== query.format) continue
      const loaded = this.#load(copy)
      if (typeof loaded === 'string') return Promise.reject(new Error(loaded))
      const decision = decide(query, copy, loaded, (subject) => this.#versionsOf(subject))
      if (decision.kind === 'admitted') found.push(decision.schema)
    }
    return Promise.resolve(found)
  }

  #versionsOf(subject: string): readonly number[] {
    const versions = this.#copies.flatMap(({ usages }) => usages.filter((usage) => usage.subject === subject))
    return [...new Set(versions.map(({ version }) => version))].toSorted((a, b) => a - b)
  }

  #load(copy: SchemaCopy): LoadedSchema | string {
    let loaded = this.#loaded.get(copy)
    if (loaded === undefined) {
      const { format, source, references, id } = copy
      const result = loadSchema({ format, source, references, file: `schema ${id}` })
      loaded = 'problem' in result ? `schema ${id} cannot be used: ${result.problem}` : result
      this.#loaded.set(copy, loaded)
    }
    return loaded
  }
}
