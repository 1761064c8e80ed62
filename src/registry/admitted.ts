/** All schemas a policy admits now, from the registry, or from the copies on disk when it cannot be asked. */
import type { RegisteredSchema, SchemaQuery } from '../contracts/schema-source.ts'
import type { RegistryClient } from './client.ts'
import { decide } from './decision.ts'
import type { Decision } from './decision.ts'
import type { KnownSchema, SchemaFacts } from './facts.ts'
import { limits } from './limits.ts'
import type { SchemaStore, SubjectIds } from './schema-store.ts'
import { admittedOf, allowedSubjects, fixedSubject, qualifiedSubject } from './subjects.ts'
import { RegistryUnavailable } from './types.ts'
import type { RegistryEvents, SchemaCopy } from './types.ts'

export interface AdmittedSchema {
  readonly copy: SchemaCopy
  readonly schema: RegisteredSchema
}

export class AdmittedSchemas {
  readonly #client: RegistryClient
  readonly #facts: SchemaFacts
  readonly #store: SchemaStore | null
  readonly #events: RegistryEvents

  constructor(client: RegistryClient, facts: SchemaFacts, store: SchemaStore | null, events: RegistryEvents) {
    this.#client = client
    this.#facts = facts
    this.#store = store
    this.#events = events
  }

  /**
   * Empty for the strategy `record-name`, whose subjects cannot be listed. Rejects with an Error that names the URL and
   * the reason when the registry cannot be asked and there are no copies, or when an admitted schema cannot be used.
   */
  async of(query: SchemaQuery): Promise<readonly AdmittedSchema[]> {
    const found: AdmittedSchema[] = []
    for (const subject of await this.#subjects(query)) {
      for (const [version, known] of await this.#schemasOf(query, subject)) {
        if (typeof known.loaded === 'string') {
          throw new Error(`${this.#client.url}: ${subject} version ${version}: ${known.loaded}`)
        }
        if (!allowedSubjects(query, known.loaded.recordNames).includes(subject)) continue
        const { copy, loaded } = known
        if (copy.format !== query.format) {
          throw new Error(
            `${this.#client.url}: ${subject} version ${version} is ${copy.format}; the policy says ${query.format}`
          )
        }
        const formatFor = loaded.formatFor.bind(loaded)
        found.push({ copy, schema: { id: copy.id, subject, version, formatFor } })
      }
    }
    return found
  }

  /** Null when there is no copy, or none that can be used. Never rejects. */
  async decideFromCopy(query: SchemaQuery, id: number): Promise<Decision | null> {
    if (this.#store === null) return null
    try {
      const copy = await this.#store.loadSchema(query.context, id)
      if (copy === null) return null
      const { loaded } = this.#facts.compile(copy)
      if (typeof loaded === 'string') return null
      const versions = new Map<string, readonly number[]>()
      for (const { subject, version } of copy.usages) {
        const ids = (await this.#store.loadSubject(subject)) ?? new Map<number, number>()
        versions.set(
          subject,
          [...new Set([...ids.keys(), version])].toSorted((a, b) => a - b)
        )
      }
      return decide(query, copy, loaded, (subject) => versions.get(subject) ?? [])
    } catch (error) {
      this.#events.storeFailed(error instanceof Error ? error.message : String(error))
      return null
    }
  }

  async #subjects(query: SchemaQuery): Promise<readonly string[]> {
    const fixed = fixedSubject(query)
    if (fixed !== null) return [qualifiedSubject(query.context, fixed)]
    if (!('strategy' in query.subject) || query.subject.strategy !== 'topic-record-name') return []
    const prefix = qualifiedSubject(query.context, `${query.topic}-`)
    const subjects = await this.#client.subjectsWith(prefix)
    if (subjects.length > limits.admittedSubjects) {
      throw new Error(`${this.#client.url}: more than ${limits.admittedSubjects} subjects begin with ${prefix}`)
    }
    return subjects
  }

  async #schemasOf(query: SchemaQuery, subject: string): Promise<readonly (readonly [number, KnownSchema])[]> {
    try {
      return await this.#ask(query, subject)
    } catch (error) {
      if (!(error instanceof RegistryUnavailable)) throw error
      const copies = await this.#fromStore(query, subject)
      if (copies.length === 0) throw error
      return copies
    }
  }

  async #ask(query: SchemaQuery, subject: string): Promise<readonly (readonly [number, KnownSchema])[]> {
    const admitted = admittedOf(query.versions, await this.#facts.versionsOf(subject))
    if (admitted.length > limits.admittedVersions) {
      throw new Error(`${this.#client.url}: ${subject} has more than ${limits.admittedVersions} admitted versions`)
    }
    const found: [number, KnownSchema][] = []
    for (const version of admitted) {
      // Deleted between the two questions.
      const id = await this.#client.idOf(subject, version)
      const known = id === null ? null : await this.#facts.known(query.context, id, subject)
      if (known !== null) found.push([version, known])
    }
    await this.#save(subject, found)
    return found
  }

  async #save(subject: string, found: readonly (readonly [number, KnownSchema])[]): Promise<void> {
    if (this.#store === null || found.length === 0) return
    try {
      for (const [, { copy }] of found) await this.#store.saveSchema(copy)
      await this.#store.saveSubject(subject, new Map(found.map(([version, { copy }]) => [version, copy.id])))
    } catch (error) {
      this.#events.storeFailed(error instanceof Error ? error.message : String(error))
    }
  }

  async #fromStore(query: SchemaQuery, subject: string): Promise<readonly (readonly [number, KnownSchema])[]> {
    if (this.#store === null) return []
    try {
      const ids: SubjectIds = (await this.#store.loadSubject(subject)) ?? new Map<number, number>()
      const found: [number, KnownSchema][] = []
      for (const version of admittedOf(
        query.versions,
        [...ids.keys()].toSorted((a, b) => a - b)
      )) {
        const copy = await this.#store.loadSchema(query.context, ids.get(version)!)
        if (copy !== null) found.push([version, this.#facts.compile(copy)])
      }
      return found
    } catch (error) {
      this.#events.storeFailed(error instanceof Error ? error.message : String(error))
      return []
    }
  }
}
