/**
 * One side (key or value) of the records of one topic: from bytes to a decoded payload, by the schema of a file or by
 * the schema that the framing names and the registry knows.
 */
import type { CompiledPolicy, SideSchema } from './compile.ts'
import { findingLimits } from './findings.ts'
import type { PayloadFailure } from './payload/format.ts'
import { readConfluentFraming } from './payload/framing.ts'
import { bytesFormat } from './payload/text.ts'
import type { RegisteredSchema, SchemaLookup, SchemaQuery, SchemaSource } from './schema-source.ts'
import type { Value } from './value.ts'

export type PendingSchema = Extract<SchemaLookup, { state: 'pending' }> & { readonly schemaId: number }

export type SidePayload =
  | { readonly state: 'decoded'; readonly schema: SideSchema; readonly value: Value }
  /** The schema is known, the bytes are none of its payloads: `schema` or `key`. */
  | { readonly state: 'undecodable'; readonly schema: SideSchema; readonly failures: readonly PayloadFailure[] }
  /** The framing names no schema that is admitted here: `schema-id`. */
  | { readonly state: 'unidentified'; readonly failures: readonly PayloadFailure[] }
  | { readonly state: 'pending'; readonly pending: PendingSchema }

/** Reads one side of the records of one topic. */
export interface SideReader {
  /** For the records of one batch: what was pending in the last one may be known now. */
  openBatch(): BatchSide
  /** The schema that a payload claims to be written with, if it is known now, and where it begins behind its framing. */
  schemaOf(payload: Buffer): { readonly schema: SideSchema; readonly payloadStart: number } | null
}

/** Reads one side of the records of one batch, in as many turns as it takes. */
export interface BatchSide extends CompiledSide {
  read(bytes: Buffer, start: number, end: number): SidePayload
}

/** What compiled checks have to know of one side of a record before they look at its payload. */
export interface CompiledSide {
  /** False: only `read` can tell. True: `schema` and `payloadStart` are those of these bytes, until the next call. */
  open(bytes: Buffer, start: number, end: number): boolean
  readonly schema: SideSchema
  /** Behind the framing; in the buffer. */
  readonly payloadStart: number
}

export function sideReader(
  policy: CompiledPolicy,
  side: 'key' | 'value',
  topic: string,
  source: SchemaSource | null
): SideReader {
  const fixed = policy.fixed[side]
  if (fixed === null) return new RegistrySide(policy, side, topic, source)
  return { openBatch: () => new FixedBatch(fixed), schemaOf: () => ({ schema: fixed, payloadStart: 0 }) }
}

class FixedBatch implements BatchSide {
  readonly schema: SideSchema
  payloadStart = 0

  constructor(schema: SideSchema) {
    this.schema = schema
  }

  open(_bytes: Buffer, start: number): boolean {
    this.payloadStart = start
    return true
  }

  read(bytes: Buffer, start: number, end: number): SidePayload {
    return decode(this.schema, bytes, start, end)
  }
}

function decode(schema: SideSchema, bytes: Buffer, start: number, end: number): SidePayload {
  const decoded = schema.format.decode(bytes, start, end)
  return decoded.ok
    ? { state: 'decoded', schema, value: decoded.value }
    : { state: 'undecodable', schema, failures: decoded.failures }
}

type Lookup = Exclude<SchemaLookup, { state: 'pending' }> | PendingSchema

class RegistrySide implements SideReader {
  readonly #query: SchemaQuery
  readonly #source: SchemaSource
  readonly #schemas: CompiledPolicy['registered']['key']
  #last: { readonly schemaId: number; readonly index: number; readonly schema: SideSchema } | null = null

  constructor(policy: CompiledPolicy, side: 'key' | 'value', topic: string, source: SchemaSource | null) {
    const place = policy.model[side].schema
    if (place.kind !== 'registry') throw new Error('only a side with a registry schema is read through one')
    const { format, subject, context, versions } = place
    this.#query = { topic, side, format, subject, context, versions }
    this.#source = source ?? noSource
    this.#schemas = policy.registered[side]
  }

  openBatch(): BatchSide {
    const lookups = new BatchLookups(this.#query, this.#source)
    const read = (bytes: Buffer, start: number, end: number): SidePayload => this.#read(lookups, bytes, start, end)
    const schemaOf = (schemaId: number): SideSchema | null => {
      const lookup = lookups.of(schemaId)
      return lookup.state === 'ready' ? this.#schemaFor(lookup.schema, firstMessage) : null
    }
    return new RegistryBatch(this.#query.format, read, schemaOf)
  }

  schemaOf(payload: Buffer): { readonly schema: SideSchema; readonly payloadStart: number } | null {
    const framing = readConfluentFraming(payload, 0, payload.length, this.#query.format)
    if ('failure' in framing) return null
    const lookup = this.#source.lookup(this.#query, framing.schemaId)
    const schema = lookup.state === 'ready' ? this.#schemaFor(lookup.schema, framing.messageIndexes) : null
    return schema === null ? null : { schema, payloadStart: framing.payloadStart }
  }

  #read(lookups: BatchLookups, bytes: Buffer, start: number, end: number): SidePayload {
    const { format } = this.#query
    const framing = readConfluentFraming(bytes, start, end, format)
    if ('failure' in framing) return { state: 'unidentified', failures: [framing.failure] }
    const { schemaId, messageIndexes } = framing
    const lookup = lookups.of(schemaId)
    switch (lookup.state) {
      case 'pending':
        return { state: 'pending', pending: lookup }
      case 'refused':
        return unidentified(lookup.reason)
      case 'ready': {
        const schema = this.#schemaFor(lookup.schema, messageIndexes)
        if (schema === null)
          return unidentified(`schema ${schemaId} has no message at index ${messageIndexes.join('.')}`)
        return decode(schema, bytes, framing.payloadStart, end)
      }
    }
  }

  /** Null when the schema has no message at these indexes. */
  #schemaFor(registered: RegisteredSchema, messageIndexes: readonly number[]): SideSchema | null {
    const last = this.#last
    const single = messageIndexes.length === 1 ? messageIndexes[0]! : -1
    // Nearly every record is written like the one before it.
    if (last !== null && last.schemaId === registered.id && last.index === single && single !== -1) return last.schema
    const id = `${registered.id}:${messageIndexes.join('.')}`
    let schema = this.#schemas.get(id)
    if (schema === undefined) {
      const format = registered.formatFor(messageIndexes)
      if (format === null) return null
      schema = { id, format }
      this.#schemas.set(id, schema)
    }
    this.#last = { schemaId: registered.id, index: single, schema }
    return schema
  }
}

const firstMessage: readonly number[] = [0]
const unknownSchema: SideSchema = { id: '', format: bytesFormat }

class RegistryBatch implements BatchSide {
  schema = unknownSchema
  payloadStart = 0
  readonly read: BatchSide['read']
  /** Length of the framing: with an index path of `[0]`, which is one byte. */
  readonly #headLength: number
  readonly #isProtobuf: boolean
  readonly #schemaOf: (schemaId: number) => SideSchema | null
  #schemaId = -1

  /** @param schemaOf null where the schema is not known, or not admitted */
  constructor(format: SchemaQuery['format'], read: BatchSide['read'], schemaOf: (id: number) => SideSchema | null) {
    this.read = read
    this.#isProtobuf = format === 'protobuf'
    this.#headLength = this.#isProtobuf ? 6 : 5
    this.#schemaOf = schemaOf
  }

  open(bytes: Buffer, start: number, end: number): boolean {
    if (end - start < this.#headLength || bytes[start] !== 0) return false
    // Another path than `[0]` is for the reference to read.
    if (this.#isProtobuf && bytes[start + 5] !== 0) return false
    const schemaId = bytes.readInt32BE(start + 1)
    if (schemaId !== this.#schemaId) {
      if (schemaId < 0) return false
      const schema = this.#schemaOf(schemaId)
      if (schema === null) return false
      this.#schemaId = schemaId
      this.schema = schema
    }
    this.payloadStart = start + this.#headLength
    return true
  }
}

/** Asks once per batch and id, so that all records of a batch see the same answer. */
class BatchLookups {
  readonly #query: SchemaQuery
  readonly #source: SchemaSource
  readonly #known = new Map<number, Lookup>()
  /** Of `#known`, those without a schema. The others cannot be more than the registry admits. */
  #notReady = 0
  #lastPending: PendingSchema | null = null
  #excess: PendingSchema | null = null

  constructor(query: SchemaQuery, source: SchemaSource) {
    this.#query = query
    this.#source = source
  }

  of(schemaId: number): Lookup {
    const known = this.#known.get(schemaId)
    if (known !== undefined) return known
    if (this.#notReady === findingLimits.schemaIdsPerBatch) return this.#notAsked(schemaId)
    const answer = this.#source.lookup(this.#query, schemaId)
    const lookup = answer.state === 'pending' ? { ...answer, schemaId } : answer
    if (lookup.state !== 'ready') this.#notReady++
    if (lookup.state === 'pending') this.#lastPending = lookup
    this.#known.set(schemaId, lookup)
    return lookup
  }

  /**
   * One answer for all ids above the limit: worth asking again when one of the pending has come. Where all were refused
   * no waiting helps, and `onUndecidable` decides at once.
   */
  #notAsked(schemaId: number): PendingSchema {
    const { failingSinceMs, changed } = this.#lastPending ?? { failingSinceMs: 0, changed: Promise.resolve() }
    const reason = `this batch has more than ${findingLimits.schemaIdsPerBatch} schema ids that are unknown or refused`
    this.#excess ??= { state: 'pending', schemaId, failingSinceMs, reason, changed }
    return this.#excess
  }
}

function unidentified(message: string): SidePayload {
  return { state: 'unidentified', failures: [{ path: '', message }] }
}

/** Without a registry in the settings no schema will ever come; `loadPolicies` refuses such a policy before. */
const noSource: SchemaSource = {
  lookup: () => ({
    state: 'pending',
    failingSinceMs: 0,
    reason: 'no registry is configured',
    changed: Promise.resolve()
  }),
  admitted: () => Promise.reject(new Error('no registry is configured'))
}
