/**
 * The port between the rules and the decoders: one loaded schema, able to judge bytes.
 *
 * Today's implementations decode with libraries and are the reference; compiled validators replace them behind this
 * interface, and are tested against them.
 */
import type { Shape, Value } from '../value.ts'

/** Why bytes are not a payload of the schema. Never contains the value itself, only types and names. */
export interface PayloadFailure {
  /** Path of the field relative to the payload: `items[2].sku`, empty for the payload as a whole. */
  readonly path: string
  /** One sentence: what is wrong. */
  readonly message: string
  /** What the schema asks for, in its own words (`int`, `string matching ^[A-Z]{2}$`); absent if the message says it all. */
  readonly expected?: string
  /** The type that was found, never its value (`string`, `null`, `5 bytes left`). */
  readonly found?: string
  /** Offset of the offending byte in the payload, for binary formats. */
  readonly byteOffset?: number
}

export type Decoded =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly failures: readonly PayloadFailure[] }

export interface PayloadFormat {
  /** `avro`, `protobuf`, `json`, `string`, `bytes`. */
  readonly name: FormatName
  readonly shape: Shape
  /** What the schema tags as sensitive; nothing without a schema. */
  readonly sensitive: Sensitive
  /**
   * Judges `bytes[start, end)`, which must be consumed to the last byte. Never throws on any input, never allocates in
   * proportion to a length that the input merely claims, and never recurses deeper than `limits.payloadNesting`.
   */
  decode(bytes: Buffer, start: number, end: number): Decoded
}

/**
 * Names of JSON properties, wherever they stand; or all of the payload, where what is sensitive cannot be told from the
 * rest.
 */
export type Sensitive = 'nothing' | 'everything' | ReadonlySet<string>

export type FormatName = 'avro' | 'protobuf' | 'json' | 'string' | 'bytes'
