/**
 * Copies of registry schemas beside the policies, so that cases run in a developer's CI without a registry:
 * `schemas/.registry/lock.json` lists id, subject, version, hash and references of each, next to one file per schema.
 * `kontrakt check --registry --save` writes them, `kontrakt test` reads them.
 */
import { createHash } from 'node:crypto'
import type { Diagnostic } from './diagnostic.ts'
import { loadSchema } from './payload/load.ts'
import type { PolicyFiles } from './policy/files.ts'
import type { AdmittedVersions, RegisteredSchema, SchemaLookup, SchemaQuery, SchemaSource } from './schema-source.ts'

export const copiesFolder = 'schemas/.registry'
const lockPath = `${copiesFolder}/lock.json`
/** Entries of one lock file. */
const maxCopies = 10_000

/** One registered schema to be kept. */
export interface SchemaCopy {
  readonly id: number
  readonly subject: string
  readonly version: number
  /** Registry context (`.eu`), null for the default one. */
  readonly context: string | null
  readonly format: 'avro' | 'protobuf' | 'json'
  readonly source: string
  /** Schemas it refers to, dependencies before those that need them. */
  readonly references: readonly { readonly name: string; readonly source: string }[]
}

interface LockEntry {
  readonly id: number
  readonly subject: string
  readonly version: number
  readonly context: string | null
  readonly format: 'avro' | 'protobuf' | 'json'
  readonly file: string
  readonly sha256: string
  readonly references: readonly { readonly name: string; readonly file: string; readonly sha256: string }[]
}

/** What `RegistryCopies` adds for writing the records of cases. */
export interface RegistryCopies extends SchemaSource {
  /** The copy of that version, or of the newest that the query admits; null when there is none. */
  choose(query: SchemaQuery, version: number | null): RegisteredSchema | null
}

export type CopiesResult =
  | { readonly ok: true; readonly copies: RegistryCopies | null }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

/** The files to write for these schemas: the lock file and one file per distinct text, by content. */
export function renderCopies(copies: readonly SchemaCopy[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  const keep = (source: string, format: SchemaCopy['format']): { file: string; sha256: string } => {
    const sha256 = sha256Of(Buffer.from(source))
    const extension = { avro: 'avsc', protobuf: 'proto', json: 'json' }[format]
    const file = `${sha256.slice(0, 16)}.${extension}`
    files.set(`${copiesFolder}/${file}`, source)
    return { file, sha256 }
  }
  const schemas = [...copies]
    .sort(
      (a, b) =>
        compareText(a.subject, b.subject) || a.version - b.version || compareText(a.context ?? '', b.context ?? '')
    )
    .map((copy): LockEntry => ({
      id: copy.id,
      subject: copy.subject,
      version: copy.version,
      context: copy.context,
      format: copy.format,
      ...keep(copy.source, copy.format),
      references: copy.references.map(({ name, source }) => ({ name, ...keep(source, copy.format) }))
    }))
  files.set(lockPath, `${JSON.stringify({ lockVersion: 1, schemas }, null, 2)}\n`)
  return files
}

/** Reads the copies; `copies` is null when none were ever saved. A copy that was edited is a fault. */
export function readCopies(files: PolicyFiles, display: (path: string) => string): CopiesResult {
  const lock = files.read(lockPath)
  if (!lock.ok && lock.code === 'file-missing') return { ok: true, copies: null }
  const fault = (path: string, code: string, message: string): CopiesResult => ({
    ok: false,
    diagnostics: [
      {
        file: display(path),
        line: 1,
        column: 1,
        severity: 'error',
        code,
        message,
        remedy: 'run: kontrakt check --registry --save'
      }
    ]
  })
  if (!lock.ok) return fault(lockPath, lock.code, lock.message)
  const entries = parseLock(lock.bytes)
  if (entries === null) return fault(lockPath, 'bad-schema', 'this is not a lock file that this version wrote')
  const copies: Copy[] = []
  for (const entry of entries) {
    const texts: string[] = []
    for (const { file, sha256 } of [entry, ...entry.references]) {
      const path = `${copiesFolder}/${file}`
      const read = files.read(path)
      if (!read.ok) return fault(path, read.code, read.message)
      if (sha256Of(read.bytes) !== sha256) return fault(path, 'bad-schema', 'the copy is not what the lock file says')
      texts.push(Buffer.from(read.bytes).toString('utf8'))
    }
    const references = entry.references.map(({ name }, index) => ({ name, source: texts[index + 1]! }))
    const file = display(`${copiesFolder}/${entry.file}`)
    const loaded = loadSchema({ format: entry.format, source: texts[0]!, references, file })
    if ('problem' in loaded) return fault(`${copiesFolder}/${entry.file}`, 'bad-schema', loaded.problem)
    const { id, subject, version, context } = entry
    copies.push({
      context,
      recordNames: loaded.recordNames,
      schema: { id, subject, version, formatFor: (indexes) => loaded.formatFor(indexes) }
    })
  }
  return { ok: true, copies: sourceOf(copies) }
}

interface Copy {
  readonly context: string | null
  readonly recordNames: readonly string[]
  readonly schema: RegisteredSchema & { readonly version: number }
}

function sourceOf(copies: readonly Copy[]): RegistryCopies {
  const admittedBy = (query: SchemaQuery): Copy['schema'][] => {
    const matching = copies.filter((copy) => isOfSubject(copy, query)).map((copy) => copy.schema)
    return matching
      .filter((schema) => isAdmitted(query.versions, schema, matching))
      .sort((a, b) => a.version - b.version)
  }
  return {
    lookup(query, schemaId): SchemaLookup {
      const schema = admittedBy(query).find((candidate) => candidate.id === schemaId)
      if (schema !== undefined) return { state: 'ready', schema }
      return { state: 'refused', reason: `schema ${schemaId} is not among the saved copies that this policy admits` }
    },
    admitted: (query) => Promise.resolve(admittedBy(query)),
    choose(query, version) {
      const schemas = admittedBy(query)
      if (version === null) return schemas.at(-1) ?? null
      // A case may send a version that is not admitted, to see it refused.
      const all = copies.filter((copy) => isOfSubject(copy, query)).map((copy) => copy.schema)
      return all.find((schema) => schema.version === version) ?? null
    }
  }
}

function isOfSubject({ schema, context, recordNames }: Copy, query: SchemaQuery): boolean {
  if (context !== query.context) return false
  const { subject } = query
  if ('name' in subject) return schema.subject === subject.name
  switch (subject.strategy) {
    case 'topic-name':
      return schema.subject === `${query.topic}-${query.side}`
    case 'record-name':
      return recordNames.includes(schema.subject)
    case 'topic-record-name':
      return recordNames.some((name) => schema.subject === `${query.topic}-${name}`)
  }
}

function isAdmitted(versions: AdmittedVersions, schema: Copy['schema'], all: readonly Copy['schema'][]): boolean {
  const later = all.filter((other) => other.subject === schema.subject && other.version > schema.version).length
  switch (versions.kind) {
    case 'any':
      return true
    case 'latest':
      return later === 0
    case 'last':
      return later < versions.count
    case 'from':
      return schema.version >= versions.version
    case 'listed':
      return versions.versions.includes(schema.version)
  }
}

function parseLock(bytes: Uint8Array): readonly LockEntry[] | null {
  let root: unknown
  try {
    root = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return null
  }
  if (!isObject(root) || root['lockVersion'] !== 1 || !Array.isArray(root['schemas'])) return null
  const entries: unknown[] = root['schemas']
  return entries.length <= maxCopies && entries.every(isLockEntry) ? entries : null
}

function isLockEntry(entry: unknown): entry is LockEntry {
  return (
    isObject(entry) &&
    Number.isSafeInteger(entry['id']) &&
    typeof entry['subject'] === 'string' &&
    Number.isSafeInteger(entry['version']) &&
    (entry['context'] === null || typeof entry['context'] === 'string') &&
    ['avro', 'protobuf', 'json'].includes(String(entry['format'])) &&
    isFileEntry(entry) &&
    Array.isArray(entry['references']) &&
    entry['references'].every((reference) => isFileEntry(reference) && typeof reference['name'] === 'string')
  )
}

/** File names are the ones `renderCopies` makes: a lock file cannot point elsewhere. */
function isFileEntry(entry: unknown): entry is Record<string, unknown> & { file: string; sha256: string } {
  return (
    isObject(entry) &&
    /^[0-9a-f]{16}\.(avsc|proto|json)$/.test(String(entry['file'])) &&
    typeof entry['sha256'] === 'string'
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
