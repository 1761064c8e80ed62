/** What the registry says, and what is kept of it. */
import { clip } from '../contracts/clip.ts'
import type { NamedSource } from '../contracts/payload/source.ts'
import type { SchemaFormat } from '../contracts/payload/load.ts'

/** A reference as a schema names it. */
export interface SchemaReference {
  readonly name: string
  readonly subject: string
  readonly version: number
}

/** A registered document before its references are fetched. */
export interface SchemaDocument {
  readonly format: SchemaFormat
  readonly source: string
  readonly references: readonly SchemaReference[]
}

export interface SubjectVersion {
  /** As the registry writes it: `:.eu:orders-value` outside the default context. */
  readonly subject: string
  readonly version: number
}

/** A schema with everything needed to judge by it, as it is cached and copied to disk. */
export interface SchemaCopy {
  readonly id: number
  /** Registry context (`.eu`), null for the default one. */
  readonly context: string | null
  readonly format: SchemaFormat
  readonly source: string
  /** Dependencies first. */
  readonly references: readonly NamedSource[]
  /** Where the id is registered. */
  readonly usages: readonly SubjectVersion[]
}

/** The registry cannot be asked, or does not answer as one: never a statement about a schema, never cached. */
export class RegistryUnavailable extends Error {
  override readonly name = 'RegistryUnavailable'
  readonly url: string
  readonly reason: string
  constructor(url: string, reason: string) {
    const short = clip(reason)
    super(`${url}: ${short}`)
    this.url = url
    this.reason = short
  }
}

/** Time as a parameter. */
export interface Clock {
  nowMs(): number
  /** Runs `run` once after `delayMs` and returns how to undo it. */
  after(delayMs: number, run: () => void): () => void
}

/** For metrics; the names of the metrics are nobody's business here. */
export interface RegistryEvents {
  /** One question to the registry ended. */
  asked(outcome: 'found' | 'absent' | 'unavailable', durationMs: number): void
  /** One look-up of the produce path; `limited` is a `pending` because of the rate limit. */
  lookedUp(outcome: 'ready' | 'refused' | 'pending' | 'limited'): void
  /** A schema was used although the registry could not confirm it; `sinceMs` (epoch) is the first failure. */
  servedStale(sinceMs: number): void
  /** The copy on disk could not be written or read. */
  storeFailed(message: string): void
}

export const noEvents: RegistryEvents = {
  asked: () => undefined,
  lookedUp: () => undefined,
  servedStale: () => undefined,
  storeFailed: () => undefined
}
