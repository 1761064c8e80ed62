/**
 * `message()` makes a request or response out of its declaration: one declaration for all versions, types inferred,
 * planned on the first use of a version.
 */
import { MalformedMessageError } from '../bytes/malformed.ts'
import { defaultMaxElements, Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import type { Codec } from './codec.ts'
import { UnsupportedVersionError } from './errors.ts'
import type { DecodedFields, Fields, InputFields } from './fields.ts'
import { planStruct, type Struct } from './plan.ts'

export interface Declaration<F extends Fields> {
  /** Kafka's name: `ProduceRequest`. */
  readonly name: string
  readonly type: 'request' | 'response'
  readonly apiKey: number
  /** First and last version declared, both included. */
  readonly versions: readonly [first: number, last: number]
  /** First version with compact lengths and tagged fields (KIP-482), null when there is none. */
  readonly flexible: number | null
  /** In wire order. */
  readonly fields: F
}

export interface DecodeOptions {
  /** Most array elements and tagged fields in the whole message. Default 1,000,000. */
  readonly maxElements?: number
}

export interface Message<F extends Fields> extends Declaration<F> {
  /**
   * Decodes the bytes after the header; all of them must be used. Byte and record fields are views of `body`. Fields
   * that `version` does not have get their default.
   *
   * @throws MalformedMessageError the bytes are not such a message
   * @throws UnsupportedVersionError the version is not declared
   */
  decode(body: Buffer, version: number, options?: DecodeOptions): DecodedFields<F>
  /**
   * Encodes what goes after the header. A field left out is its default.
   *
   * @throws UnsupportedFieldError the value cannot be said in this version
   * @throws UnsupportedVersionError the version is not declared
   * @throws RangeError a value does not fit its type, such as a string above 32,767 bytes
   */
  encode(value: InputFields<F>, version: number): Buffer
}

/** What decoding gives: a plain mutable object, fields named as in Kafka with a lower-case first letter. */
export type Decoded<M extends { readonly fields: Fields }> = DecodedFields<M['fields']>

/** What encoding takes: the same with every field optional and everything read-only. */
export type Input<M extends { readonly fields: Fields }> = InputFields<M['fields']>

export function message<F extends Fields>(declaration: Declaration<F>): Message<F> {
  const { name, versions, flexible, fields } = declaration
  const plans = new Map<number, Codec<Struct>>()

  function planFor(version: number): Codec<Struct> {
    const known = plans.get(version)
    if (known !== undefined) return known
    if (!Number.isInteger(version) || version < versions[0] || version > versions[1]) {
      throw new UnsupportedVersionError(`${name} has versions ${versions[0]} to ${versions[1]}, not ${version}`)
    }
    const plan = planStruct(fields, version, flexible !== null && version >= flexible, name)
    plans.set(version, plan)
    return plan
  }

  return {
    ...declaration,
    decode(body, version, options) {
      const plan = planFor(version)
      try {
        const reader = new Reader(body, 0, options?.maxElements ?? defaultMaxElements)
        const value = plan.read(reader)
        reader.expectEnd()
        // The plan was made of the very fields the type is inferred from.
        return value as DecodedFields<F>
      } catch (error) {
        if (!(error instanceof MalformedMessageError)) throw error
        throw new MalformedMessageError(`${name} version ${version}: ${error.message}`, { cause: error })
      }
    },
    encode(value, version) {
      const plan = planFor(version)
      const writer = new Writer()
      plan.write(writer, value)
      return writer.finish()
    }
  }
}
