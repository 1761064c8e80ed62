/**
 * Avro's primitive encodings, strictly: every read is checked against the bytes that remain. Source: Avro 1.12,
 * "Encodings".
 */
import { isUtf8 } from 'node:buffer'
import type { PathSegment } from '../path.ts'
import { bytesLeft, refusal } from '../refusal.ts'
import { firstInvalidUtf8 } from '../utf8.ts'

const longestVarint = 10

export class AvroReader {
  readonly bytes: Buffer
  readonly path: PathSegment[] = []
  readonly #start: number
  readonly #end: number
  #at: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes
    this.#start = start
    this.#end = end
    this.#at = start
  }

  get remaining(): number {
    return this.#end - this.#at
  }

  /** From the start of the payload. */
  get offset(): number {
    return this.#at - this.#start
  }

  refuse(message: string, expected: string, found: string | null, byteOffset: number): Error {
    return refusal(this.path, { message, expected, ...(found === null ? {} : { found }), byteOffset })
  }

  /** Moves over `length` bytes and returns where they start. */
  take(length: number, what: string): number {
    if (length > this.remaining) {
      throw this.refuse('is cut short', what, `${this.remaining} of ${length} bytes`, this.offset)
    }
    const at = this.#at
    this.#at += length
    return at
  }

  readBoolean(): boolean {
    const offset = this.offset
    const byte = this.bytes[this.take(1, 'boolean')]!
    if (byte > 1) throw this.refuse('is neither true nor false', 'boolean (byte 0 or 1)', 'another byte', offset)
    return byte === 1
  }

  readInt(what: string): bigint {
    const offset = this.offset
    const value = this.readLong(what)
    if (value < -2147483648n || value > 2147483647n) {
      throw this.refuse('does not fit 32 bits', what, 'a 64-bit integer', offset)
    }
    return value
  }

  readLong(what: string): bigint {
    const offset = this.offset
    let small = 0
    let large = 0n
    for (let index = 0; index < longestVarint; index++) {
      if (this.#at >= this.#end) throw this.refuse('is cut short', what, 'the end', offset)
      const byte = this.bytes[this.#at++]!
      // Seven groups of seven bits are exact in a double; only what is longer pays for big integers.
      if (index < 7) small += (byte & 0x7f) * 2 ** (7 * index)
      else large |= BigInt(byte & 0x7f) << BigInt(7 * index)
      if (byte < 0x80) {
        if (index === longestVarint - 1 && byte > 1) break
        if (index < 7) return BigInt(small % 2 === 0 ? small / 2 : -(small + 1) / 2)
        const raw = BigInt(small) | large
        return (raw >> 1n) ^ -(raw & 1n)
      }
    }
    throw this.refuse('is a number of more than 64 bits', what, null, offset)
  }

  /** A length that the remaining bytes hold. */
  readLength(what: string): number {
    const offset = this.offset
    const length = this.readLong(what)
    if (length < 0n) throw this.refuse('has a negative length', what, null, offset)
    if (length > BigInt(this.remaining)) {
      throw this.refuse('is longer than the payload', what, bytesLeft(this.remaining), offset)
    }
    return Number(length)
  }

  readString(what: string): string {
    const length = this.readLength(what)
    const offset = this.offset
    const at = this.take(length, what)
    if (!isUtf8(this.bytes.subarray(at, at + length))) {
      const bad = firstInvalidUtf8(this.bytes, at, at + length) - at
      throw this.refuse('is not valid UTF-8', what, 'bytes', offset + bad)
    }
    return this.bytes.toString('utf8', at, at + length)
  }

  readFloat(): number {
    return this.bytes.readFloatLE(this.take(4, 'float'))
  }

  readDouble(): number {
    return this.bytes.readDoubleLE(this.take(8, 'double'))
  }
}
