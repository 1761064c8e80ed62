/**
 * The port through which a contract learns schemas that are not in a file. The registry client implements it; a fake
 * implements it in tests; the contract never waits on it.
 */
import type { PayloadFormat } from './payload/format.ts'

/** Which registered schemas of a subject a record may be written with. */
export type AdmittedVersions =
  | { readonly kind: 'any' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'last'; readonly count: number }
  | { readonly kind: 'from'; readonly version: number }
  | { readonly kind: 'listed'; readonly versions: readonly number[] }

/** How the subject is named (Confluent subject name strategies), or its literal name. */
export type SubjectRule =
  { readonly strategy: 'topic-name' | 'record-name' | 'topic-record-name' } | { readonly name: string }

/** What a policy asks of the registry for one side (key or value) of one topic. */
export interface SchemaQuery {
  readonly topic: string
  readonly side: 'key' | 'value'
  readonly format: 'avro' | 'protobuf' | 'json'
  readonly subject: SubjectRule
  /** Registry context (`.eu`), or null for the default one. */
  readonly context: string | null
  readonly versions: AdmittedVersions
}

export interface RegisteredSchema {
  readonly id: number
  readonly subject: string
  /** Version under the subject; null when the registry did not say. */
  readonly version: number | null
  /**
   * Protobuf only needs it: the indexes of the message inside the file, from the framing; `[0]` is the first message.
   * Returns null when the schema has no such message. For other formats the argument is ignored.
   */
  formatFor(messageIndexes: readonly number[]): PayloadFormat | null
}

export type SchemaLookup =
  | { readonly state: 'ready'; readonly schema: RegisteredSchema }
  /** The registry answered, twice: there is no such id, or it is not admitted under the subject. A violation `schema-id`. */
  | { readonly state: 'refused'; readonly reason: string }
  /** Not known now. Asking has started (or joined) a fetch beside the path. */
  | {
      readonly state: 'pending'
      /** When this instance first failed on this id (epoch ms), null while the first ask is still under way. */
      readonly failingSinceMs: number | null
      readonly reason: string
      /** Settles (never rejects) when asking again may give another answer. */
      readonly changed: Promise<void>
    }

export interface SchemaSource {
  /** Never blocks and never throws. */
  lookup(query: SchemaQuery, schemaId: number): SchemaLookup
  /**
   * All schemas of the query that are admitted now, for checking rules when a file is loaded. Rejects with an Error
   * that names the URL and the reason if the registry cannot be asked.
   */
  admitted(query: SchemaQuery): Promise<readonly RegisteredSchema[]>
}
