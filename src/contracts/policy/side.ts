/** The `key` and `value` sections: format, framing and schema have to fit each other. */
import { posix } from 'node:path'
import type { Diagnostic } from '../diagnostic.ts'
import type { FormatName } from '../payload/format.ts'
import type { AdmittedVersions, SubjectRule } from '../schema-source.ts'
import type { SchemaPlace, SideModel } from './model.ts'
import type { SideDocument } from './schema.ts'
import type { YamlFile } from './yaml.ts'

type SchemaDocument = NonNullable<SideDocument['schema']>
type RegistryDocument = NonNullable<SchemaDocument['registry']>

/** @param folder of the policy file, relative to the policies folder */
export function parseSide(
  yaml: YamlFile,
  side: 'key' | 'value',
  document: SideDocument | undefined,
  folder: string,
  report: (diagnostic: Diagnostic) => void
): SideModel {
  const format: FormatName = document?.format ?? 'bytes'
  const framing = document?.framing
  const schema = document?.schema
  const none: SchemaPlace = { kind: 'none' }
  if (schema === undefined) {
    if (format === 'avro' || format === 'protobuf') {
      report(
        yaml.diagnostic(
          [side, 'format'],
          'missing-schema',
          `${format} needs a schema`,
          `add schema: { file: ... } or schema: { registry: ... } under ${side}`
        )
      )
    }
    if (framing === 'confluent') {
      report(
        yaml.diagnostic(
          [side, 'framing'],
          'framing',
          'framing: confluent needs a schema from a registry',
          'add schema: { registry: ... }, or remove framing'
        )
      )
    }
    return { side, format, schema: none }
  }
  if (format === 'string' || format === 'bytes') {
    report(
      yaml.diagnostic(
        [side, 'schema'],
        'unused-key',
        `format ${format} has no schema`,
        'set format to avro, protobuf or json',
        'key'
      )
    )
    return { side, format, schema: none }
  }
  if (schema.file !== undefined && schema.registry !== undefined) {
    report(
      yaml.diagnostic(
        [side, 'schema', 'registry'],
        'unused-key',
        'a schema comes from a file or from a registry, not from both',
        'remove one',
        'key'
      )
    )
    return { side, format, schema: none }
  }
  if (schema.message !== undefined && (format !== 'protobuf' || schema.file === undefined)) {
    report(
      yaml.diagnostic(
        [side, 'schema', 'message'],
        'unused-key',
        'message names the message in a Protobuf file',
        'remove it',
        'key'
      )
    )
  }
  if (schema.file !== undefined) {
    if (framing === 'confluent') {
      report(
        yaml.diagnostic(
          [side, 'framing'],
          'framing',
          'a payload with a schema from a file has no framing',
          'write framing: none, or take the schema from a registry'
        )
      )
    }
    return { side, format, schema: fileSchema(yaml, side, schema, folder, report) }
  }
  if (schema.registry === undefined) {
    report(yaml.diagnostic([side, 'schema'], 'missing-key', `${side}.schema needs file or registry`, undefined, 'key'))
    return { side, format, schema: none }
  }
  if (framing !== 'confluent') {
    const place = framing === undefined ? [side, 'schema', 'registry'] : [side, 'framing']
    report(
      yaml.diagnostic(
        place,
        'framing',
        'with a registry, framing says where the schema id stands',
        `write framing: confluent under ${side}`
      )
    )
  }
  return { side, format, schema: registrySchema(yaml, side, format, schema.registry, report) }
}

function fileSchema(
  yaml: YamlFile,
  side: 'key' | 'value',
  schema: SchemaDocument,
  folder: string,
  report: (diagnostic: Diagnostic) => void
): SchemaPlace {
  const path = insideFolder(folder, schema.file ?? '')
  if (path === null) {
    report(
      yaml.diagnostic(
        [side, 'schema', 'file'],
        'file-outside',
        'the path leads out of the policies folder',
        'put the schema under policies/schemas and name it relative to this file'
      )
    )
    return { kind: 'none' }
  }
  return { kind: 'file', path, message: schema.message ?? null }
}

/**
 * `path` seen from `folder`, relative to the policies folder; null when it is absolute or climbs out of it. Links are
 * the file system's business and are checked where files are read.
 */
export function insideFolder(folder: string, path: string): string | null {
  if (path === '' || path.includes('\0') || path.includes('\\') || posix.isAbsolute(path) || /^[A-Za-z]:/.test(path))
    return null
  const joined = posix.normalize(posix.join(folder, path))
  return joined === '.' || joined === '..' || joined.startsWith('../') ? null : joined
}

function registrySchema(
  yaml: YamlFile,
  side: 'key' | 'value',
  format: 'avro' | 'protobuf' | 'json',
  registry: RegistryDocument,
  report: (diagnostic: Diagnostic) => void
): SchemaPlace {
  const { strategy, name, context } = registry.subject
  const at = [side, 'schema', 'registry', 'subject']
  let subject: SubjectRule = { strategy: 'topic-name' }
  if (strategy !== undefined && name !== undefined) {
    report(
      yaml.diagnostic(
        [...at, 'name'],
        'unused-key',
        'a subject has a strategy or a name, not both',
        'remove one',
        'key'
      )
    )
  } else if (strategy !== undefined) {
    subject = { strategy }
  } else if (name !== undefined) {
    subject = { name }
  } else {
    report(
      yaml.diagnostic(
        at,
        'missing-key',
        'the subject needs a strategy or a name',
        'write subject: { strategy: topic-name }',
        'key'
      )
    )
  }
  return { kind: 'registry', format, subject, context: context ?? null, versions: versionsOf(registry.versions) }
}

function versionsOf(written: RegistryDocument['versions']): AdmittedVersions {
  if (written === undefined || written === 'any') return { kind: 'any' }
  if (written === 'latest') return { kind: 'latest' }
  if ('last' in written) return { kind: 'last', count: written.last }
  if ('from' in written) return { kind: 'from', version: written.from }
  return { kind: 'listed', versions: written }
}
