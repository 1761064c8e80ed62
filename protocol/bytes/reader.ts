/**
 * Reading Kafka's primitive types from a buffer that came from outside. Every read is checked against the bytes that
 * remain before anything is allocated, so a length that lies costs nothing but an error.
 *
 * Strings that are not valid UTF-8 are read as Java reads them, each bad sequence replaced by U+FFFD.
 */
import { MalformedMessageError, TruncatedMessageError } from './malformed.ts'

/** Kafka's own ceiling for a string, in both encodings (`ApiMessage` generated code: 0x7fff). */
export const maxStringBytes = 0x7fff

/** Array elements and tagged fields in one message; a frame of a few MB could otherwise become a heap of a few GB. */
export const defaultMaxElements = 1_000_000

export class Reader {
  readonly #buffer: Buffer
  readonly #end: number
  #position: number
  #elementsLeft: number

  /** Reads `buffer` from `start` (bytes) to its end. */
  constructor(buffer: Buffer, start = 0, maxElements = defaultMaxElements) {
    this.#buffer = buffer
    this.#position = start
    this.#end = buffer.length
    this.#elementsLeft = maxElements
  }

  /** Bytes from the start of the buffer to the next unread byte. */
  get position(): number {
    return this.#position
  }

  get remaining(): number {
    return this.#end - this.#position
  }

  /** Moves over `length` bytes and says where they began. */
  #take(length: number): number {
    const start = this.#position
    if (length > this.#end - start) {
      throw new TruncatedMessageError(`${length} bytes needed at ${start}, ${this.#end - start} left`)
    }
    this.#position = start + length
    return start
  }

  #view(length: number): Buffer {
    const start = this.#take(length)
    return this.#buffer.subarray(start, start + length)
  }

  #text(length: number): string {
    const start = this.#take(length)
    const text = this.#buffer.toString('utf8', start, start + length)
    // A bad byte becomes three: what was read must still fit when it is written again.
    if (length > maxStringBytes / 3 && Buffer.byteLength(text) > maxStringBytes) {
      throw new MalformedMessageError(`string of ${length} bytes at ${start} that is not UTF-8`)
    }
    return text
  }

  int8(): number {
    return this.#buffer.readInt8(this.#take(1))
  }

  /** Any byte but 0 is true, as in Java. */
  bool(): boolean {
    return this.#buffer[this.#take(1)] !== 0
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#take(4))
  }

  int64(): bigint {
    return this.#buffer.readBigInt64BE(this.#take(8))
  }

  /** 32 lower-case hexadecimal digits. */
  uuid(): string {
    const start = this.#take(16)
    return this.#buffer.toString('hex', start, start + 16)
  }

  /** 0 to 2^32 - 1 in one to five bytes. */
  unsignedVarint(): number {
    const first = this.#buffer[this.#take(1)]!
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.#buffer[this.#take(1)]!
      if (shift === 28 && byte > 0x0f) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new MalformedMessageError(`varint longer than 32 bits before ${this.#position}`)
  }

  /** Zigzag, -2^31 to 2^31 - 1. */
  varint(): number {
    const raw = this.unsignedVarint()
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** Zigzag, -2^63 to 2^63 - 1, in one to ten bytes. */
  varlong(): bigint {
    let raw = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#buffer[this.#take(1)]!
      if (shift === 63n && byte > 1) break
      raw |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return (raw >> 1n) ^ -(raw & 1n)
    }
    throw new MalformedMessageError(`varint longer than 64 bits before ${this.#position}`)
  }

  string(): string {
    return this.#text(this.#notNull(this.#length(this.int16()), 'string'))
  }

  nullableString(): string | null {
    const length = this.#length(this.int16())
    return length < 0 ? null : this.#text(length)
  }

  compactString(): string {
    return this.#text(this.#stringLimit(this.#notNull(this.unsignedVarint() - 1, 'string')))
  }

  compactNullableString(): string | null {
    const length = this.unsignedVarint() - 1
    return length < 0 ? null : this.#text(this.#stringLimit(length))
  }

  /** A view: it keeps the whole underlying buffer alive and changes with it. */
  bytes(): Buffer {
    return this.#view(this.#notNull(this.#length(this.int32()), 'bytes'))
  }

  nullableBytes(): Buffer | null {
    const length = this.#length(this.int32())
    return length < 0 ? null : this.#view(length)
  }

  compactBytes(): Buffer {
    return this.#view(this.#notNull(this.unsignedVarint() - 1, 'bytes'))
  }

  compactNullableBytes(): Buffer | null {
    const length = this.unsignedVarint() - 1
    return length < 0 ? null : this.#view(length)
  }

  /** A view of the next `length` bytes. */
  raw(length: number): Buffer {
    return this.#view(length)
  }

  /** Moves over `length` bytes. */
  skip(length: number): void {
    this.#take(length)
  }

  /** Number of elements that follow, or -1 for null; `minBytes` is the least one element takes on the wire. */
  arrayLength(minBytes: number): number {
    return this.#elements(this.#length(this.int32()), minBytes)
  }

  compactArrayLength(minBytes: number): number {
    return this.#elements(this.unsignedVarint() - 1, minBytes)
  }

  /** Number of tagged fields in the section that begins here; each takes two bytes at least. */
  tagCount(): number {
    return this.#elements(this.unsignedVarint(), 2)
  }

  /** The message must end here. */
  expectEnd(): void {
    if (this.remaining !== 0) throw new MalformedMessageError(`${this.remaining} bytes left over at ${this.#position}`)
  }

  #length(length: number): number {
    if (length < -1) throw new MalformedMessageError(`negative length before ${this.#position}`)
    return length
  }

  #notNull(length: number, type: string): number {
    if (length < 0) throw new MalformedMessageError(`null where a ${type} must be, before ${this.#position}`)
    return length
  }

  #stringLimit(length: number): number {
    if (length > maxStringBytes) {
      throw new MalformedMessageError(`string of ${length} bytes before ${this.#position}, limit ${maxStringBytes}`)
    }
    return length
  }

  #elements(count: number, minBytes: number): number {
    if (count <= 0) return count
    if (count * minBytes > this.remaining) {
      throw new TruncatedMessageError(`${count} elements at ${this.#position} do not fit ${this.remaining} bytes`)
    }
    if (count > this.#elementsLeft) {
      throw new MalformedMessageError(`more elements than one message may have, at ${this.#position}`)
    }
    this.#elementsLeft -= count
    return count
  }
}
