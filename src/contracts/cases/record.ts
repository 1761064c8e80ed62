/** The record of a case as bytes: encoded by the policy's own schemas, framed as a producer would frame it. */
import type { CompiledPolicy } from '../compile.ts'
import type { RecordBytes } from '../judgement.ts'
import { encodePayload } from '../payload/encode.ts'
import type { PayloadFormat } from '../payload/format.ts'
import type { Plain } from '../policy/yaml.ts'
import { schemaQuery } from '../registry-check.ts'
import type { RegistryCopies } from '../registry-copies.ts'
import { singleRecord } from '../single-record.ts'
import type { RecordDocument } from './schema.ts'

/** Timestamp of a case that gives none, so that a case means the same tomorrow: 2026-01-01T00:00:00Z. */
export const defaultTimestampMs = Date.UTC(2026, 0, 1)

export type BuiltRecord =
  | { readonly ok: true; readonly records: RecordBytes }
  | {
      readonly ok: false
      readonly code: 'bad-case' | 'missing-copy'
      readonly key: keyof RecordDocument
      readonly message: string
      readonly remedy?: string
    }

type BuiltSide = { readonly ok: true; readonly bytes: Buffer | null } | Extract<BuiltRecord, { ok: false }>

export function buildRecord(
  policy: CompiledPolicy,
  record: RecordDocument,
  topic: string,
  copies: RegistryCopies | null
): BuiltRecord {
  const key =
    record.keyHex === undefined
      ? buildSide(policy, 'key', record.key ?? null, null, topic, copies)
      : fromHex(record.keyHex)
  if (!key.ok) return key
  const value =
    record.valueHex === undefined
      ? buildSide(policy, 'value', record.value ?? null, record.schemaVersion ?? null, topic, copies)
      : fromHex(record.valueHex)
  if (!value.ok) return value
  const timestampMs =
    typeof record.timestamp === 'string' ? Date.parse(record.timestamp) : (record.timestamp ?? defaultTimestampMs)
  const texts = Array.isArray(record.headers) ? record.headers : Object.entries(record.headers ?? {})
  const headers = (texts as [string, string | null][]).map(([name, text]) => ({
    name,
    value: text === null ? null : Buffer.from(text)
  }))
  return { ok: true, records: singleRecord({ key: key.bytes, value: value.bytes, headers, timestampMs }) }
}

function fromHex(hex: string): BuiltSide {
  return { ok: true, bytes: Buffer.from(hex, 'hex') }
}

function buildSide(
  policy: CompiledPolicy,
  side: 'key' | 'value',
  plain: Plain,
  version: number | null,
  topic: string,
  copies: RegistryCopies | null
): BuiltSide {
  if (plain === null) return { ok: true, bytes: null }
  const fixed = policy.fixed[side]
  if (fixed !== null) {
    if (version !== null) {
      return {
        ok: false,
        code: 'bad-case',
        key: 'schemaVersion',
        message: 'the policy takes its schema from a file, which has no versions'
      }
    }
    return encode(fixed.format, plain, side, Buffer.alloc(0))
  }
  const query = schemaQuery(policy, side, topic)
  const copy = query === null || copies === null ? null : copies.choose(query, version)
  if (copy === null) {
    const which = version === null ? 'an admitted schema' : `version ${version}`
    return {
      ok: false,
      code: 'missing-copy',
      key: side,
      message: `there is no copy of ${which} of the ${side} of ${topic}`,
      remedy: 'run: kontrakt check --registry --save'
    }
  }
  const format = copy.formatFor([0])
  if (format === null) return { ok: false, code: 'bad-case', key: side, message: `schema ${copy.id} has no message` }
  const framing = Buffer.alloc(policy.model[side].format === 'protobuf' ? 6 : 5)
  framing.writeInt32BE(copy.id, 1)
  return encode(format, plain, side, framing)
}

function encode(format: PayloadFormat, plain: Plain, side: 'key' | 'value', framing: Buffer): BuiltSide {
  const encoded = encodePayload(format, format.name === 'json' ? exactJson(plain) : plain)
  if ('problem' in encoded) {
    const remedy = `to send bytes that the schema cannot write, use ${side}Hex`
    return {
      ok: false,
      code: 'bad-case',
      key: side,
      message: `the ${side} cannot be encoded: ${encoded.problem}`,
      remedy
    }
  }
  return { ok: true, bytes: framing.length === 0 ? encoded : Buffer.concat([framing, encoded]) }
}

/** JSON has integers of any size; `JSON.stringify` writes a bigint only as raw text. */
function exactJson(plain: Plain): unknown {
  if (typeof plain === 'bigint') return rawJson(String(plain))
  if (Array.isArray(plain)) return plain.map(exactJson)
  if (plain === null || typeof plain !== 'object') return plain
  const copy = Object.create(null) as Record<string, unknown>
  for (const [key, value] of Object.entries(plain)) copy[key] = exactJson(value)
  return copy
}

/** Part of V8 since 11.4, not of the ES2024 declarations. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON: (text: string) => unknown }
