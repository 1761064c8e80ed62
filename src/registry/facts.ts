/**
 * What the registry knows of one id: its document with everything that refers to, and where it is registered. Documents
 * never change under an id, so they are kept; where an id is registered can change, so it is asked for each time.
 */
import { LRUCache } from 'lru-cache'
import { clip } from '../contracts/clip.ts'
import { loadSchema } from '../contracts/payload/load.ts'
import type { LoadedSchema } from '../contracts/payload/load.ts'
import type { NamedSource } from '../contracts/payload/source.ts'
import type { RegistryClient } from './client.ts'
import { limits } from './limits.ts'
import { qualifiedSubject } from './subjects.ts'
import { RegistryUnavailable } from './types.ts'
import type { SchemaCopy, SchemaDocument } from './types.ts'

/** A document with its references, compiled. */
export interface KnownSchema {
  readonly copy: SchemaCopy
  /** Or why it cannot be used here: one sentence. */
  readonly loaded: LoadedSchema | string
}

type Compiled = Omit<KnownSchema, 'copy'> & { readonly copy: Omit<SchemaCopy, 'usages'> }

export class SchemaFacts {
  readonly #client: RegistryClient
  readonly #compiled = new LRUCache<string, Compiled>({
    max: limits.schemas,
    maxSize: limits.schemaBytes,
    sizeCalculation: ({ copy }) =>
      copy.references.reduce((sum, { source }) => sum + source.length, copy.source.length) + 1
  })
  readonly #underWay = new Map<string, Promise<unknown>>()

  constructor(client: RegistryClient) {
    this.#client = client
  }

  get cachedSchemas(): number {
    return this.#compiled.size
  }

  /** Whether the document of an id is at hand: asking for it again is not a stranger's question. */
  has(context: string | null, id: number): boolean {
    return this.#compiled.has(keyOf(context, id))
  }

  /**
   * Null when the registry has no such id. `subject` (may be empty) only names the context. Rejects with
   * `RegistryUnavailable`.
   */
  known(context: string | null, id: number, subject: string): Promise<KnownSchema | null> {
    return this.#once(`known ${context ?? ''}/${id}/${subject}`, async () => {
      const compiled = await this.#compiledSchema(context, id, subject)
      if (compiled === null) return null
      const usages = await this.#client.versionsOfId(id, context, subject)
      return { copy: { ...compiled.copy, usages }, loaded: compiled.loaded }
    })
  }

  /** The versions of a qualified subject, ascending; empty when there is none. Rejects with `RegistryUnavailable`. */
  versionsOf(subject: string): Promise<readonly number[]> {
    return this.#once(`versions ${subject}`, async () => (await this.#client.versionsOf(subject)) ?? [])
  }

  /** Compiles a copy from elsewhere, or returns the one at hand. */
  compile(copy: SchemaCopy): KnownSchema {
    const { id, context, format, source, references } = copy
    const key = keyOf(context, id)
    const compiled = this.#compiled.get(key) ?? compileDocument({ id, context, format, source, references })
    this.#compiled.set(key, compiled)
    return { copy: { ...compiled.copy, usages: copy.usages }, loaded: compiled.loaded }
  }

  async #compiledSchema(context: string | null, id: number, subject: string): Promise<Compiled | null> {
    const key = keyOf(context, id)
    const cached = this.#compiled.get(key)
    if (cached !== undefined) return cached
    const document = await this.#client.schemaById(id, context, subject)
    if (document === null) return null
    const references = await this.#references(document, context)
    const compiled = compileDocument({ id, context, format: document.format, source: document.source, references })
    this.#compiled.set(key, compiled)
    return compiled
  }

  /** All documents that `root` refers to, dependencies first, each once. */
  async #references(root: SchemaDocument, context: string | null): Promise<readonly NamedSource[]> {
    const found = new Map<string, NamedSource>()
    const collect = async (document: SchemaDocument, depth: number): Promise<void> => {
      for (const { name, subject, version } of document.references) {
        const key = `${name}\n${subject}\n${version}`
        if (found.has(key)) continue
        const qualified = subject.startsWith(':') ? subject : qualifiedSubject(context, subject)
        const where = `${this.#client.url}/subjects/${encodeURIComponent(qualified)}/versions/${version}`
        if (depth >= limits.referenceDepth || found.size >= limits.references) {
          throw new RegistryUnavailable(where, 'is a reference too many: they are nested too deep or in a circle')
        }
        const referenced = await this.#client.documentAt(qualified, version)
        if (referenced === null) throw new RegistryUnavailable(where, 'is referred to and not there')
        await collect(referenced, depth + 1)
        found.set(key, { name, source: referenced.source })
      }
    }
    await collect(root, 0)
    return [...found.values()]
  }

  /** Joins a question that is under way already. */
  #once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const running = this.#underWay.get(key)
    if (running !== undefined) return running as Promise<T>
    const started = ask().finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, started)
    return started
  }
}

function compileDocument(copy: Omit<SchemaCopy, 'usages'>): Compiled {
  const { id, format, source, references } = copy
  const loaded = loadSchema({ format, source, references, file: `schema ${id}` })
  if (!('problem' in loaded)) return { copy, loaded }
  const line = loaded.line === undefined ? '' : ` (line ${loaded.line})`
  return { copy, loaded: `schema ${id} cannot be used: ${clip(loaded.problem)}${line}` }
}

function keyOf(context: string | null, id: number): string {
  return `${context ?? ''}/${id}`
}
