/**
 * Copies of schemas under `stateDir`, so that a start without the registry judges as before it. A copy is only read
 * when the registry cannot be asked; a copy that is missing, damaged or of another release is as if it were not there.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { limits } from './limits.ts'
import type { SchemaCopy } from './types.ts'

/** The file system as far as it is needed. */
export interface StoreFiles {
  /** Null when there is no such file. */
  read(path: string): Promise<string | null>
  /** Whole or not at all; folders are made. */
  write(path: string, text: string): Promise<void>
}

/** Ids by version of one subject, as they were last seen. */
export type SubjectIds = ReadonlyMap<number, number>

const form = 1

export class SchemaStore {
  readonly #directory: string
  readonly #files: StoreFiles

  /** `directory` is ours alone: `<stateDir>/schemas`. */
  constructor(directory: string, files: StoreFiles = nodeFiles) {
    this.#directory = directory
    this.#files = files
  }

  async saveSchema(copy: SchemaCopy): Promise<void> {
    await this.#files.write(this.#schemaPath(copy.context, copy.id), JSON.stringify({ form, ...copy }))
  }

  async loadSchema(context: string | null, id: number): Promise<SchemaCopy | null> {
    const read = await this.#read(this.#schemaPath(context, id))
    return isCopy(read) && read.id === id && read.context === context ? read : null
  }

  async saveSubject(subject: string, ids: SubjectIds): Promise<void> {
    await this.#files.write(this.#subjectPath(subject), JSON.stringify({ form, subject, ids: [...ids] }))
  }

  async loadSubject(subject: string): Promise<SubjectIds | null> {
    const read = await this.#read(this.#subjectPath(subject))
    if (read === null || read['subject'] !== subject || !Array.isArray(read['ids'])) return null
    const entries = read['ids'].filter(isNumberPair)
    return entries.length === read['ids'].length ? new Map(entries) : null
  }

  async #read(path: string): Promise<Record<string, unknown> | null> {
    const text = await this.#files.read(path)
    if (text === null || text.length > limits.responseBytes * 2) return null
    try {
      const read: unknown = JSON.parse(text)
      return isRecord(read) && read['form'] === form ? read : null
    } catch {
      return null
    }
  }

  // Subjects and contexts may hold any character, so they are hashed; the name stands inside the file.
  #schemaPath(context: string | null, id: number): string {
    return join(this.#directory, context === null ? 'default' : digest(context), `${id}.json`)
  }

  #subjectPath(subject: string): string {
    return join(this.#directory, 'subjects', `${digest(subject)}.json`)
  }
}

function digest(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function isNumberPair(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => Number.isInteger(part))
}

function isCopy(value: unknown): value is SchemaCopy {
  if (!isRecord(value)) return false
  const { id, context, format, source, references, usages } = value
  if (!Number.isInteger(id) || !(context === null || typeof context === 'string') || typeof source !== 'string')
    return false
  if (!['avro', 'protobuf', 'json'].includes(String(format)) || !Array.isArray(references) || !Array.isArray(usages))
    return false
  return (
    references.every((one) => isRecord(one) && typeof one['name'] === 'string' && typeof one['source'] === 'string') &&
    usages.every((one) => isRecord(one) && typeof one['subject'] === 'string' && Number.isInteger(one['version']))
  )
}

const nodeFiles: StoreFiles = {
  async read(path) {
    try {
      return await readFile(path, 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
      throw error
    }
  },
  async write(path, text) {
    await mkdir(dirname(path), { recursive: true })
    // Several processes share the folder: each writes its own file and moves it over.
    const temporary = `${path}.${randomUUID()}`
    try {
      await writeFile(temporary, text)
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }
}
