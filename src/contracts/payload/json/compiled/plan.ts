/**
 * What a prepared JSON Schema asks of a value, keyword by keyword, in a form that code is generated from. One plan per
 * subschema; plans refer to each other as the subschemas do, so that they can form cycles.
 */
import type { NumberCheck, TextCheck } from './formats.ts'

/** The types of JSON, as bits. */
export const jsonType = { null: 1, boolean: 2, number: 4, string: 8, array: 16, object: 32 } as const
export const everyType = 63

/** The scalars that `enum` and `const` allow. Objects and arrays among them are left to the reference. */
export interface AllowedValues {
  readonly null: boolean
  readonly true: boolean
  readonly false: boolean
  readonly numbers: readonly number[]
  readonly strings: readonly string[]
}

export interface NumberBounds {
  readonly minimum: number | null
  readonly maximum: number | null
  readonly exclusiveMinimum: number | null
  readonly exclusiveMaximum: number | null
  readonly multipleOf: number | null
  readonly format: NumberCheck | null
}

export interface StringBounds {
  /** Code points. */
  readonly minLength: number
  readonly maxLength: number
  readonly checks: readonly TextCheck[]
}

export interface ArrayBounds {
  readonly prefix: readonly Plan[]
  /** Of the items behind the prefix. */
  readonly rest: Plan
  readonly minItems: number
  readonly maxItems: number
  readonly unique: boolean
}

export interface ObjectBounds {
  /** In the order of the schema, by the names that payloads have. */
  readonly properties: ReadonlyMap<string, Plan>
  readonly required: ReadonlySet<string>
  readonly additional: Plan
  readonly minProperties: number
  readonly maxProperties: number
}

export class Plan {
  /** What `type` lets through, and what else has to be something of it, such as an `enum`. */
  types: number = everyType
  /** What `type` alone lets through. */
  declaredTypes: number = everyType
  /** Of the numbers. */
  integersOnly = false
  values: AllowedValues | null = null
  /** Null where every value of the type is right. */
  numbers: NumberBounds | null = null
  strings: StringBounds | null = null
  arrays: ArrayBounds | null = null
  objects: ObjectBounds | null = null
  /** Plans of the same value that have to hold besides. */
  readonly all: Plan[] = []
  /** Lists of plans of the same value; of each at least one has to hold. */
  readonly any: (readonly Plan[])[] = []
  /** References followed at this place. */
  references = 0

  /** Nothing of its own, apart from what `all` and `any` have. */
  get isBare(): boolean {
    return this.types === everyType && this.hasTypesOnly
  }

  /** The first byte of a value tells whether it keeps what this plan has of its own. */
  get hasTypesOnly(): boolean {
    const bounds = this.numbers ?? this.strings ?? this.arrays ?? this.objects
    return bounds === null && this.values === null && !this.integersOnly
  }

  get isJoined(): boolean {
    return this.all.length > 0 || this.any.length > 0
  }

  /** Takes every value. */
  get isAnything(): boolean {
    return this.isBare && !this.isJoined
  }
}

/** `true` as a schema. */
export const anything = new Plan()

/** `false` as a schema. */
export const nothing = new Plan()
nothing.types = 0
nothing.declaredTypes = 0
