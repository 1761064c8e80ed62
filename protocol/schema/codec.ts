/** How one value of one type is read and written in one version: the parts that `plan.ts` assembles. */
import type { Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import type { PrimitiveName, Primitives } from './fields.ts'

/**
 * A plan handles the values of all types alike, as `Codec<unknown>`; that each value meets its own codec follows from
 * the declaration the plan was made of.
 */
export interface Codec<T = unknown> {
  read(reader: Reader): T
  write(writer: Writer, value: T): void
  /** The least a value takes on the wire; bounds what an array length can claim. */
  readonly minBytes: number
}

type Scalar = 'bool' | 'int8' | 'int16' | 'int32' | 'int64' | 'uuid'

type ScalarCodecs = { readonly [N in Scalar]: Codec<Primitives[N]> }

const scalars: ScalarCodecs = {
  bool: { read: (r) => r.bool(), write: (w, v) => w.bool(v), minBytes: 1 },
  int8: { read: (r) => r.int8(), write: (w, v) => w.int8(v), minBytes: 1 },
  int16: { read: (r) => r.int16(), write: (w, v) => w.int16(v), minBytes: 2 },
  int32: { read: (r) => r.int32(), write: (w, v) => w.int32(v), minBytes: 4 },
  int64: { read: (r) => r.int64(), write: (w, v) => w.int64(v), minBytes: 8 },
  uuid: { read: (r) => r.uuid(), write: (w, v) => w.uuid(v), minBytes: 16 }
}

/** Strings and bytes have four forms: classic or compact length (KIP-482), null allowed or not. */
interface Forms<T> {
  readonly classic: Codec<T>
  readonly classicNullable: Codec<T | null>
  readonly compact: Codec<T>
  readonly compactNullable: Codec<T | null>
}

const strings: Forms<string> = {
  classic: { read: (r) => r.string(), write: (w, v) => w.string(v), minBytes: 2 },
  classicNullable: { read: (r) => r.nullableString(), write: (w, v) => w.nullableString(v), minBytes: 2 },
  compact: { read: (r) => r.compactString(), write: (w, v) => w.compactString(v), minBytes: 1 },
  compactNullable: { read: (r) => r.compactNullableString(), write: (w, v) => w.compactNullableString(v), minBytes: 1 }
}

const byteStrings: Forms<Buffer> = {
  classic: { read: (r) => r.bytes(), write: (w, v) => w.bytes(v), minBytes: 4 },
  classicNullable: { read: (r) => r.nullableBytes(), write: (w, v) => w.nullableBytes(v), minBytes: 4 },
  compact: { read: (r) => r.compactBytes(), write: (w, v) => w.compactBytes(v), minBytes: 1 },
  compactNullable: { read: (r) => r.compactNullableBytes(), write: (w, v) => w.compactNullableBytes(v), minBytes: 1 }
}

/** The codec of a primitive; only strings and bytes know null. */
export function primitiveCodec(name: PrimitiveName, flexible: boolean, nullable: boolean): Codec {
  switch (name) {
    case 'string':
      return form(strings, flexible, nullable)
    case 'bytes':
    case 'records':
      return form(byteStrings, flexible, nullable)
    default:
      return scalars[name]
  }
}

function form<T>(forms: Forms<T>, flexible: boolean, nullable: boolean): Codec {
  if (flexible) return nullable ? forms.compactNullable : forms.compact
  return nullable ? forms.classicNullable : forms.classic
}
