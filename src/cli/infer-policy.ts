/**
 * The policy that some records suggest: their format, the fields they have in common, what their keys look like. In
 * mode observe, because a sample is no promise. No value of a record ends up in the files, only names and types.
 */
import { isUtf8 } from 'node:buffer'
import type { InferredShape } from './infer-schema.ts'
import { inferShape, jsonSchemaOf } from './infer-schema.ts'
import { plural } from './style.ts'

export interface SampleRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly { readonly name: string }[]
}

/** What the registry has for the topic under Confluent's topic-name strategy; null where it has nothing. */
export interface TopicSubjects {
  readonly key: 'avro' | 'protobuf' | 'json' | null
  readonly value: 'avro' | 'protobuf' | 'json' | null
}

export interface InferredPolicy {
  /** By path in the instance's folder. */
  readonly files: ReadonlyMap<string, string>
  /** For the user to read. */
  readonly notes: readonly string[]
}

interface Side {
  readonly lines: readonly string[]
  readonly note: string
  /** A schema file to write beside the policy. */
  readonly shape: InferredShape | null
}

export function inferPolicy(
  topic: string,
  records: readonly SampleRecord[],
  subjects: TopicSubjects | null
): InferredPolicy {
  // Topic names have no characters that a file name could not have.
  const name = topic
  const keys = records.flatMap(({ key }) => (key === null ? [] : [key]))
  const values = records.flatMap(({ value }) => (value === null ? [] : [value]))
  const value = inferSide(values, subjects?.value ?? null, `schemas/${name}.schema.json`)
  const key = inferSide(keys, subjects?.key ?? null, `schemas/${name}-key.schema.json`)
  const tombstones = records.length - values.length
  const lines = [
    '# Inferred by `kontrakt init --from-topic`: read it, correct it, then write mode: quarantine or reject.',
    `# ${plural(records.length, 'record')} were looked at.`,
    'apiVersion: kontrakt/v1',
    `topics: ${topic}`,
    'mode: observe',
    '',
    'key:',
    ...key.lines,
    `  required: ${records.length > 0 && keys.length === records.length}`,
    '',
    'value:',
    ...value.lines,
    `  nulls: ${tombstones > 0 ? 'allow' : 'refuse'}`,
    ...headerLines(records),
    ''
  ]
  const files = new Map([[`policies/${name}.yaml`, lines.join('\n')]])
  if (value.shape !== null) files.set(`policies/schemas/${name}.schema.json`, jsonSchemaOf(value.shape, topic))
  if (key.shape !== null) files.set(`policies/schemas/${name}-key.schema.json`, jsonSchemaOf(key.shape, `${topic} key`))
  const notes = [`value: ${value.note}`, `key: ${key.note}`]
  if (tombstones > 0) notes.push(`${plural(tombstones, 'tombstone')}: nulls are allowed`)
  if (records.length === 0) notes.push('the topic holds no records: the policy says only what the registry knows')
  return { files, notes }
}

function inferSide(payloads: readonly Buffer[], registered: TopicSubjects['value'], schemaFile: string): Side {
  const framed = payloads.filter((payload) => payload.length >= 5 && payload[0] === 0).length
  if (registered !== null && framed === payloads.length) {
    const lines = [
      `  format: ${registered}`,
      '  framing: confluent',
      '  schema:',
      '    registry: { subject: { strategy: topic-name }, versions: any }'
    ]
    return { lines, note: `${registered} with the schema of the registry`, shape: null }
  }
  const fallback = payloads.length > 0 && payloads.every((payload) => isUtf8(payload)) ? 'string' : 'bytes'
  const parsed = payloads.map(parseJson)
  if (payloads.length > 0 && parsed.every((one) => one !== null && typeof one.json === 'object' && one.json !== null)) {
    const lines = ['  format: json', '  schema:', `    file: ${schemaFile}`]
    return {
      lines,
      note: 'JSON, with a schema of what the records have in common',
      shape: inferShape(parsed.map((one) => one?.json))
    }
  }
  const why =
    framed === payloads.length && payloads.length > 0
      ? 'bytes that look framed by a registry (give --registry)'
      : fallback
  return { lines: [`  format: ${fallback}`], note: why, shape: null }
}

function parseJson(payload: Buffer): { readonly json: unknown } | null {
  try {
    return isUtf8(payload) ? { json: JSON.parse(payload.toString()) as unknown } : null
  } catch {
    return null
  }
}

/** Headers that every record has; not more than a page of them. */
function headerLines(records: readonly SampleRecord[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const { headers } of records) {
    for (const name of new Set(headers.map((header) => header.name))) {
      if (counts.size < 1000 || counts.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  const common = [...counts].filter(([name, count]) => count >= records.length && /^[\w.-]{1,100}$/.test(name))
  if (common.length === 0) return []
  return ['', 'headers:', ...common.slice(0, 50).map(([name]) => `  ${JSON.stringify(name)}: { required: true }`)]
}
