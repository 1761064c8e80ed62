/**
 * What a decoded payload looks like to rules, and what a schema says it will look like.
 *
 * One value tree serves Avro, Protobuf and JSON, so that an expression means the same over all three. Numbers keep the
 * type the schema gave them: an integer is a `bigint`, a double is a `number`, and nothing is converted on the way.
 */

/** An unsigned integer (Protobuf `uint32`, `uint64`, `fixed32`, `fixed64`); CEL keeps it apart from int. */
export class Uint {
  readonly value: bigint
  constructor(value: bigint) {
    this.value = value
  }
}

/** A decimal of any precision: `unscaled` × 10^-`scale`. */
export class Decimal {
  readonly unscaled: bigint
  readonly scale: number
  constructor(unscaled: bigint, scale: number) {
    this.unscaled = unscaled
    this.scale = scale
  }
}

/** An instant: whole seconds since the epoch (may be negative) and 0..999,999,999 nanoseconds after them. */
export class Timestamp {
  readonly seconds: bigint
  readonly nanos: number
  constructor(seconds: bigint, nanos: number) {
    this.seconds = seconds
    this.nanos = nanos
  }
}

/** A span of time; both parts have the same sign. */
export class Duration {
  readonly seconds: bigint
  readonly nanos: number
  constructor(seconds: bigint, nanos: number) {
    this.seconds = seconds
    this.nanos = nanos
  }
}

/**
 * A decoded value. `null` stands for JSON null, the Avro null branch and a null message; a field that is absent is not
 * in the map at all. Maps rather than objects, so that a field named `__proto__` is a field like any other.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Decimal
  | Timestamp
  | Duration
  | Value[]
  | Map<string, Value>

/** What a schema promises about a value, for the type check of rules and for the decoder of the field paths. */
export type Shape =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'list'; readonly items: Shape }
  | { readonly kind: 'map'; readonly values: Shape }
  | RecordShape

export type ScalarKind =
  | 'null'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'decimal'
  /** Anything: JSON without a schema, unions of several types, `oneOf`. */
  | 'dyn'

export interface RecordShape {
  readonly kind: 'record'
  /** For messages to people: the Avro full name, the Protobuf full name, or `object`. */
  readonly name: string
  /**
   * Fields by name. A getter may build it on first use: schemas can be recursive.
   */
  readonly fields: ReadonlyMap<string, FieldShape>
  /** True where fields that are not listed may still appear (JSON Schema without `additionalProperties: false`). */
  readonly open: boolean
}

export interface FieldShape {
  readonly shape: Shape
  /** May be absent or null, so that only `has` and `== null` are always safe. */
  readonly optional: boolean
  /** True where the schema tags the field as sensitive (Confluent `confluent:tags`), so its value is never shown. */
  readonly sensitive?: boolean
}
