/**
 * The Confluent API, as far as judging needs it: Confluent, Karapace, Redpanda, Apicurio's `ccompat`.
 *
 * `@kafkajs/confluent-schema-registry` answers which id a version has. The other calls are ours: the library has none
 * for the versions of a subject or of an id, and its `getSchema` compiles the document with its own copies of `avsc`,
 * `ajv` and `protobufjs`, keeps the result for good and does not hand out the text.
 *
 * Every answer is checked for form before it is believed. What is no answer of a registry (5xx, HTML, a redirect to
 * another host, a lie) is `RegistryUnavailable`, which says nothing about a schema.
 */
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import type { SchemaFormat } from '../contracts/payload/load.ts'
import { limits } from './limits.ts'
import { qualifiedSubject } from './subjects.ts'
import { Transport } from './transport.ts'
import type { TransportOptions } from './transport.ts'
import { RegistryUnavailable } from './types.ts'
import type { RegistryEvents, SchemaDocument, SchemaReference, SubjectVersion } from './types.ts'

/**
 * 40401 no subject, 40402 no version, 40403 no schema. A bare 404 is a wrong base path and says nothing about schemas.
 */
const absentCodes = new Set([40401, 40402, 40403])

const formats: Readonly<Record<string, SchemaFormat>> = { AVRO: 'avro', PROTOBUF: 'protobuf', JSON: 'json' }

type LibraryMiddleware = NonNullable<ConstructorParameters<typeof SchemaRegistry>[0]['middlewares']>[number]

/** Null means that the registry says there is none. All methods reject with `RegistryUnavailable`. */
export class RegistryClient {
  readonly #transport: Transport
  readonly #library: SchemaRegistry
  readonly #events: RegistryEvents
  readonly #nowMs: () => number
  #failingSinceMs: number | null = null

  constructor(options: TransportOptions, events: RegistryEvents, nowMs: () => number) {
    this.#nowMs = nowMs
    this.#transport = new Transport(options)
    this.#events = events
    const { auth } = options
    this.#library = new SchemaRegistry({
      host: options.url,
      agent: this.#transport.agent,
      // Retries are decided by the caller, who knows who is waiting.
      retry: { retries: 0 },
      ...(auth !== null && 'username' in auth ? { auth: { username: auth.username, password: auth.password } } : {}),
      middlewares: auth !== null && 'bearerToken' in auth ? [bearer(auth.bearerToken)] : []
    })
  }

  get url(): string {
    return this.#transport.urlOf('')
  }

  /** Since when no question was answered (epoch ms); null when the last one was. */
  get failingSinceMs(): number | null {
    return this.#failingSinceMs
  }

  close(): void {
    this.#transport.close()
  }

  /** The document of an id. `subject` (may be empty) is only needed to name a context. */
  schemaById(id: number, context: string | null, subject: string): Promise<SchemaDocument | null> {
    return this.#get(`/schemas/ids/${id}${inContext(context, subject)}`, readDocument)
  }

  /** Under which subjects and versions an id is registered and not deleted. */
  async versionsOfId(id: number, context: string | null, subject: string): Promise<readonly SubjectVersion[]> {
    return (await this.#get(`/schemas/ids/${id}/versions${inContext(context, subject)}`, readUsages)) ?? []
  }

  /** Ascending. */
  versionsOf(subject: string): Promise<readonly number[] | null> {
    return this.#get(`/subjects/${encodeURIComponent(subject)}/versions`, readVersions)
  }

  /** The subjects that begin with `prefix`, which the registry may or may not filter by itself. */
  async subjectsWith(prefix: string): Promise<readonly string[]> {
    const subjects = await this.#get(`/subjects?subjectPrefix=${encodeURIComponent(prefix)}`, readNames)
    return (subjects ?? []).filter((subject) => subject.startsWith(prefix))
  }

  /** The document of one version, for references. */
  documentAt(subject: string, version: number): Promise<SchemaDocument | null> {
    return this.#get(`/subjects/${encodeURIComponent(subject)}/versions/${version}`, readDocument)
  }

  async idOf(subject: string, version: number): Promise<number | null> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`
    const url = this.#transport.urlOf(path)
    return this.#measured(async () => {
      let id: unknown
      try {
        id = await withDeadline(this.#library.getRegistryId(subject, version), this.#transport.timeoutMs)
      } catch (error) {
        if (error instanceof Error && 'status' in error && error.status === 404) return null
        throw new RegistryUnavailable(url, error instanceof Error ? error.message : 'does not answer')
      }
      if (!isId(id)) throw new RegistryUnavailable(url, lie)
      return id
    })
  }

  /** `read` returns why it does not believe the body, as a string. */
  async #get<T extends object>(path: string, read: (body: unknown) => T | string): Promise<T | null> {
    return this.#measured(async () => {
      const url = this.#transport.urlOf(path)
      const answer = await this.#transport.get(path)
      const body = /\bjson\b/.test(answer.contentType) ? parse(answer.body) : undefined
      if (answer.status === 404 && isRecord(body) && absentCodes.has(Number(body['error_code']))) return null
      if (answer.status === 401 || answer.status === 403) {
        throw new RegistryUnavailable(url, `refuses the credentials (HTTP ${answer.status})`)
      }
      if (answer.status !== 200) throw new RegistryUnavailable(url, `answers with HTTP ${answer.status}`)
      if (body === undefined) throw new RegistryUnavailable(url, 'answers with something that is not JSON')
      const believed = read(body)
      if (typeof believed === 'string') throw new RegistryUnavailable(url, believed)
      return believed
    })
  }

  async #measured<T>(ask: () => Promise<T | null>): Promise<T | null> {
    const startedMs = performance.now()
    let outcome: 'found' | 'absent' | 'unavailable' = 'unavailable'
    try {
      const answer = await ask()
      outcome = answer === null ? 'absent' : 'found'
      this.#failingSinceMs = null
      return answer
    } catch (error) {
      this.#failingSinceMs ??= this.#nowMs()
      throw error
    } finally {
      this.#events.asked(outcome, performance.now() - startedMs)
    }
  }
}

const lie = 'answers with JSON of another form than the API has'

function readDocument(body: unknown): SchemaDocument | string {
  if (!isRecord(body) || typeof body['schema'] !== 'string') return lie
  // Left out for Avro, which was there first.
  const type = body['schemaType'] ?? 'AVRO'
  const format = typeof type === 'string' && Object.hasOwn(formats, type) ? formats[type]! : null
  if (format === null) return 'names a schema type that is not known here'
  const listed = body['references'] ?? []
  if (!Array.isArray(listed) || !listed.every(isReference)) return lie
  if (listed.length > limits.references) return 'has too many references'
  return {
    format,
    source: body['schema'],
    references: listed.map(({ name, subject, version }) => ({ name, subject, version }))
  }
}

function isReference(entry: unknown): entry is SchemaReference {
  return (
    isRecord(entry) &&
    typeof entry['name'] === 'string' &&
    typeof entry['subject'] === 'string' &&
    isVersion(entry['version'])
  )
}

function readUsages(body: unknown): readonly SubjectVersion[] | string {
  if (!Array.isArray(body) || !body.every(isUsage)) return lie
  return body.map(({ subject, version }) => ({ subject, version }))
}

function isUsage(entry: unknown): entry is SubjectVersion {
  return isRecord(entry) && typeof entry['subject'] === 'string' && isVersion(entry['version'])
}

function readVersions(body: unknown): readonly number[] | string {
  return Array.isArray(body) && body.every(isVersion) ? body.toSorted((a, b) => a - b) : lie
}

function readNames(body: unknown): readonly string[] | string {
  return Array.isArray(body) && body.every((name) => typeof name === 'string') ? body : lie
}

/** The library itself knows basic authentication only. */
function bearer(token: string): LibraryMiddleware {
  return () => ({
    prepareRequest: async (next) => (await next()).enhance({ headers: { authorization: `Bearer ${token}` } })
  })
}

function inContext(context: string | null, subject: string): string {
  return context === null ? '' : `?subject=${encodeURIComponent(qualifiedSubject(context, subject))}`
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function isVersion(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}

/** The library never settles when a socket breaks inside an answer. */
async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('does not answer in time')), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
