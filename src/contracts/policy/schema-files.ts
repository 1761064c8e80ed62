/**
 * Schemas from files beside the policy: the file itself and what it pulls in, Protobuf by `import`, JSON Schema by
 * `$ref` to another file. Avro schemas stand in one file.
 */
import { posix } from 'node:path'
import { clip } from '../clip.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { PayloadFormat } from '../payload/format.ts'
import { schemaMaps } from '../payload/json/prepare.ts'
import { loadPayloadFormat } from '../payload/load.ts'
import { isBuiltIn, mayBeMissing } from '../payload/protobuf/parse.ts'
import { protobufImports } from '../payload/protobuf/tokens.ts'
import type { DiagnosticCode } from './codes.ts'
import type { FileRead, PolicyFiles } from './files.ts'
import { fileLimits } from './files.ts'
import type { SchemaPlace } from './model.ts'
import { insideFolder } from './side.ts'

type FilePlace = Extract<SchemaPlace, { kind: 'file' }>
type SchemaFormat = 'avro' | 'protobuf' | 'json'

export interface Reference {
  readonly name: string
  readonly source: string
}

export type SchemaFileResult =
  | { readonly ok: true; readonly format: PayloadFormat }
  | {
      readonly ok: false
      readonly code: DiagnosticCode
      readonly message: string
      /** Where in the schema file; null when the fault is that it cannot be read, and the policy is the place. */
      readonly at: { readonly path: string; readonly line: number } | null
    }

export function loadSchemaFile(files: PolicyFiles, place: FilePlace, format: SchemaFormat): SchemaFileResult {
  const main = readText(files, place.path)
  if (!main.ok) return { ok: false, code: main.code, message: main.message, at: null }
  const references = collectReferences(files, place.path, main.text, format)
  if (!references.ok) return references
  const loaded = loadPayloadFormat({
    format,
    source: main.text,
    references: references.references,
    ...(place.message === null ? {} : { message: place.message }),
    file: place.path
  })
  if ('problem' in loaded) {
    return { ok: false, code: 'bad-schema', message: loaded.problem, at: { path: place.path, line: loaded.line ?? 1 } }
  }
  return { ok: true, format: loaded.format }
}

type References =
  { readonly ok: true; readonly references: readonly Reference[] } | Extract<SchemaFileResult, { ok: false }>

/** Everything the schema pulls in, dependencies before those that need them. */
function collectReferences(files: PolicyFiles, path: string, source: string, format: SchemaFormat): References {
  const seen = new Set<string>()
  const references: Reference[] = []
  const visit = (current: string, text: string): Extract<SchemaFileResult, { ok: false }> | null => {
    for (const written of referencesIn(text, format)) {
      // A `$ref` is relative to the document it stands in, an import to a root that all files share.
      const name = format === 'json' ? besides(current, written, path) : written
      if (seen.has(name)) continue
      seen.add(name)
      if (seen.size > fileLimits.references) {
        return {
          ok: false,
          code: 'too-large',
          message: `the schema pulls in more than ${fileLimits.references} files`,
          at: { path, line: 1 }
        }
      }
      const beside = posix.dirname(format === 'json' ? path : current)
      const found = findReference(files, name, beside, posix.dirname(path))
      if (!found.ok) {
        if (format === 'protobuf' && found.code === 'file-missing' && mayBeMissing(name)) continue
        return {
          ok: false,
          code: found.code,
          message: `${name}: ${found.message}`,
          at: { path: current, line: lineOf(text, written) }
        }
      }
      // A schema may refer to itself by its file name.
      if (found.path === path) continue
      const fault = visit(found.path, found.text)
      if (fault !== null) return fault
      references.push({ name, source: found.text })
    }
    return null
  }
  return visit(path, source) ?? { ok: true, references }
}

/** The name of a JSON document as the main one would write it. */
function besides(current: string, reference: string, main: string): string {
  return posix.relative(posix.dirname(main), posix.join(posix.dirname(current), reference))
}

/** Beside the file that names it, then from the folder of the main file, then from the policies folder. */
function findReference(files: PolicyFiles, name: string, beside: string, root: string): TextRead & { path: string } {
  let first: (TextRead & { path: string }) | null = null
  for (const folder of new Set([beside, root, '.'])) {
    const path = insideFolder(folder, name)
    const read: TextRead =
      path === null
        ? { ok: false, code: 'file-outside', message: 'the path leads out of the policies folder' }
        : readText(files, path)
    const result = { ...read, path: path ?? name }
    if (read.ok || read.code !== 'file-missing') return result
    first ??= result
  }
  return first ?? { ok: false, code: 'file-missing', message: 'there is no such file', path: name }
}

type TextRead = { readonly ok: true; readonly text: string } | Extract<FileRead, { ok: false }>

function readText(files: PolicyFiles, path: string): TextRead {
  const read = files.read(path)
  if (!read.ok) return read
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(read.bytes) }
  } catch {
    return { ok: false, code: 'file-unreadable', message: `${path} is not UTF-8` }
  }
}

/** Names of other files, in the order in which they stand. What cannot be parsed has none: the loader will say why. */
function referencesIn(source: string, format: SchemaFormat): string[] {
  switch (format) {
    case 'avro':
      return []
    case 'protobuf':
      return protobufImports(source).filter((name) => !isBuiltIn(name))
    case 'json':
      return referencesInJson(source)
  }
}

function referencesInJson(source: string): string[] {
  let root: unknown
  try {
    root = JSON.parse(source)
  } catch {
    return []
  }
  const names = new Set<string>()
  const identities = new Set<string>()
  const open: unknown[] = [root]
  while (open.length > 0) {
    const node = open.pop()
    if (node === null || typeof node !== 'object') continue
    for (const [key, child] of Object.entries(node as Record<string, unknown>)) {
      // Data of the author, in which nothing is a reference.
      if (['const', 'default', 'enum', 'examples'].includes(key)) continue
      if (key === '$ref' && typeof child === 'string') {
        const name = child.split('#', 1)[0]!
        // `#/...` is inside the document; a URL is the identity of a schema and is never fetched.
        if (name !== '' && !/^[a-z][a-z0-9+.-]*:/i.test(name)) names.add(name)
      } else {
        if (key === '$id' && typeof child === 'string') identities.add(child)
        // Names of properties are no keywords.
        if (schemaMaps.includes(key) && child !== null && typeof child === 'object')
          open.push(...Object.values(child as Record<string, unknown>))
        else open.push(child)
      }
    }
  }
  // A bundled document carries what it refers to.
  return [...names].filter((name) => !identities.has(name))
}

function lineOf(source: string, text: string): number {
  const at = source.indexOf(text)
  return at === -1 ? 1 : source.slice(0, at).split('\n').length
}

/** The diagnostic for a schema that did not load: at the schema's own line, or at the policy's when it was not read. */
export function schemaFault(
  result: Extract<SchemaFileResult, { ok: false }>,
  atPolicy: (code: DiagnosticCode, message: string) => Diagnostic,
  display: (path: string) => string
): Diagnostic {
  if (result.at === null) return atPolicy(result.code, result.message)
  return {
    file: display(result.at.path),
    line: result.at.line,
    column: 1,
    severity: 'error',
    code: result.code,
    message: clip(result.message)
  }
}
