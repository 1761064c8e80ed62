/**
 * The vocabulary in which messages are declared: `int32('1+')`, `string('3+', { nullable: '3+', default: null })`,
 * `array({ ... })`. A declaration is data; the TypeScript types of the message are inferred from it, and `plan.ts`
 * turns it into code once per version.
 *
 * Without versions a field is in all versions. Without a default it has Kafka's implicit one: 0, false, '', no bytes,
 * an empty array, a zero uuid, a struct of defaults, and null for records.
 */
import { parseVersions, type VersionRange, type Versions } from './versions.ts'

/** What each primitive type of Kafka is in TypeScript. */
export interface Primitives {
  bool: boolean
  int8: number
  int16: number
  int32: number
  int64: bigint
  /** 32 lower-case hexadecimal digits. */
  uuid: string
  /** At most 32,767 bytes of UTF-8. */
  string: string
  /** A view of the decoded frame, not a copy. */
  bytes: Buffer
  /** Record batches, a view like `bytes`. */
  records: Buffer
}

export type PrimitiveName = keyof Primitives

export type FieldType =
  | { readonly kind: 'primitive'; readonly name: PrimitiveName }
  | { readonly kind: 'struct'; readonly fields: Fields }
  | { readonly kind: 'array'; readonly of: FieldType }

/**
 * One field of a message. `Decoded` is what decoding gives, `Input` what encoding takes; both exist only as types, in a
 * property that no field has.
 */
export interface Field<out Decoded = unknown, out Input = unknown> {
  readonly type: FieldType
  readonly versions: VersionRange
  /** Versions in which null is allowed; null for none. */
  readonly nullable: VersionRange | null
  /** Number of a tagged field (KIP-482), null for an ordinary one. */
  readonly tag: number | null
  /** Undefined stands for the implicit default of the type. */
  readonly default: unknown
  /** In versions without the field a value other than the default is dropped; otherwise it is an error to encode it. */
  readonly ignorable: boolean
  readonly inferred?: { readonly decoded: Decoded; readonly input: Input }
}

export type Fields = Readonly<Record<string, Field>>

/** A tagged field this code does not know; kept so that it can be written again as it came. */
export interface UnknownTag {
  readonly tag: number
  /** A view of the decoded frame. */
  readonly data: Buffer
}

export interface UnknownTags {
  /** In ascending order of tag. Absent when there are none. */
  unknownTags?: UnknownTag[]
}

export type DecodedFields<F extends Fields> = UnknownTags & {
  -readonly [K in keyof F]: F[K] extends Field<infer Decoded> ? Decoded : never
}

export interface UnknownTagsInput {
  readonly unknownTags?: readonly UnknownTag[]
}

/** Every field may be left out, since every field has a default. */
export type InputFields<F extends Fields> = UnknownTagsInput & {
  readonly [K in keyof F]?: (F[K] extends Field<unknown, infer Input> ? Input : never) | undefined
}

export interface FieldOptions<T> {
  /** Versions in which the field may be null. */
  readonly nullable?: Versions
  readonly default?: T | null
  readonly ignorable?: true
  /** Makes it a tagged field in all versions that have it. */
  readonly tag?: number
}

type MaybeNull<O, T> = O extends { readonly nullable: Versions } ? T | null : T

type Declare<T> = <const O extends FieldOptions<T>>(
  versions?: Versions,
  options?: O
) => Field<MaybeNull<O, T>, MaybeNull<O, T>>

function field(type: FieldType, versions: Versions, options: FieldOptions<unknown>): Field {
  return {
    type,
    versions: parseVersions(versions),
    nullable: options.nullable === undefined ? null : parseVersions(options.nullable),
    tag: options.tag ?? null,
    default: options.default,
    ignorable: options.ignorable ?? false
  }
}

function primitive<N extends PrimitiveName>(name: N): Declare<Primitives[N]> {
  // The types of a field exist at compile time only; nothing at run time could disagree with them.
  return ((versions: Versions = '0+', options: FieldOptions<Primitives[N]> = {}) =>
    field({ kind: 'primitive', name }, versions, options)) as Declare<Primitives[N]>
}

export const bool = primitive('bool')
export const int8 = primitive('int8')
export const int16 = primitive('int16')
export const int32 = primitive('int32')
export const int64 = primitive('int64')
export const uuid = primitive('uuid')
export const string = primitive('string')
export const bytes = primitive('bytes')
export const records = primitive('records')

/** A struct inside a message. Only its own default (every field its default) and null exist. */
export function struct<F extends Fields, const O extends FieldOptions<never>>(
  fields: F,
  versions: Versions = '0+',
  options?: O
): Field<MaybeNull<O, DecodedFields<F>>, MaybeNull<O, InputFields<F>>> {
  // As in `primitive`.
  return field({ kind: 'struct', fields }, versions, options ?? {}) as Field<
    MaybeNull<O, DecodedFields<F>>,
    MaybeNull<O, InputFields<F>>
  >
}

type Element = PrimitiveName | Fields
type DecodedElement<E extends Element> = E extends PrimitiveName
  ? Primitives[E]
  : E extends Fields
    ? DecodedFields<E>
    : never
type InputElement<E extends Element> = E extends PrimitiveName
  ? Primitives[E]
  : E extends Fields
    ? InputFields<E>
    : never

/** An array of primitives, `array('int32')`, or of structs, `array({ ... })`. */
export function array<E extends Element, const O extends FieldOptions<never>>(
  element: E,
  versions: Versions = '0+',
  options?: O
): Field<MaybeNull<O, DecodedElement<E>[]>, MaybeNull<O, readonly InputElement<E>[]>> {
  const of: FieldType =
    typeof element === 'string' ? { kind: 'primitive', name: element } : { kind: 'struct', fields: element }
  // As in `primitive`.
  return field({ kind: 'array', of }, versions, options ?? {}) as Field<
    MaybeNull<O, DecodedElement<E>[]>,
    MaybeNull<O, readonly InputElement<E>[]>
  >
}
