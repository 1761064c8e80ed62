/**
 * Writing payloads, for the records of `*.cases.yaml`: plain values as YAML and JSON have them, encoded by the schema.
 * The produce path never encodes.
 */
import type { PayloadFormat } from './format.ts'

export type Encoded = Buffer | { readonly problem: string }

/** What a format implements besides `PayloadFormat` when it can write. */
export interface Encoding {
  encode(plain: unknown): Encoded
}

/**
 * Plain values by schema type: Avro and Protobuf bytes are base64 strings, or `{ hex: '00ff' }`; 64-bit integers and
 * decimals may be strings; timestamps ISO 8601 strings; enums names; a union or oneof is its value, the first branch
 * that fits. Never throws: what does not fit the schema is a problem with the path of the field.
 */
export function encodePayload(format: PayloadFormat, plain: unknown): Encoded {
  if (hasEncoding(format)) return format.encode(plain)
  if (format.name === 'string') {
    return typeof plain === 'string' ? Buffer.from(plain) : { problem: `a string is needed, not ${typeof plain}` }
  }
  return plainBytes(plain) ?? { problem: 'bytes are needed: a string (its UTF-8) or { hex: ... }' }
}

function plainBytes(plain: unknown): Buffer | null {
  return typeof plain === 'string' ? Buffer.from(plain) : hexBytes(plain)
}

/** The bytes of `{ hex: '00ff' }`, else null. */
export function hexBytes(plain: unknown): Buffer | null {
  if (plain === null || typeof plain !== 'object' || !('hex' in plain) || typeof plain.hex !== 'string') return null
  return /^(?:[0-9a-fA-F]{2})*$/.test(plain.hex) ? Buffer.from(plain.hex, 'hex') : null
}

function hasEncoding(format: PayloadFormat): format is PayloadFormat & Encoding {
  return 'encode' in format
}
