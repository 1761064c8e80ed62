/**
 * Writing Kafka's primitive types into a buffer that grows. A value that does not fit its type is a fault of ours and
 * throws a RangeError; nothing is cut off silently.
 */
import { maxStringBytes } from './reader.ts'

const initialBytes = 256

/** Room left behind a large value, so that the few small ones after it do not move it again. */
const slackBytes = 1024

/** Most of what `finish` may waste; more is copied away, so that what is held in memory is close to what is counted. */
const tolerableWaste = 4096

export class Writer {
  #buffer: Buffer = Buffer.allocUnsafe(initialBytes)
  #position = 0

  get length(): number {
    return this.#position
  }

  /** Makes room for `length` bytes and says where they begin. */
  #grow(length: number): number {
    const start = this.#position
    const needed = start + length
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed + slackBytes, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, start)
      this.#buffer = larger
    }
    this.#position = needed
    return start
  }

  int8(value: number): void {
    const at = this.#grow(1)
    this.#buffer.writeInt8(value, at)
  }

  bool(value: boolean): void {
    const at = this.#grow(1)
    this.#buffer[at] = value ? 1 : 0
  }

  int16(value: number): void {
    const at = this.#grow(2)
    this.#buffer.writeInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.#grow(4)
    this.#buffer.writeInt32BE(value, at)
  }

  int64(value: bigint): void {
    const at = this.#grow(8)
    this.#buffer.writeBigInt64BE(value, at)
  }

  /** 32 hexadecimal digits. */
  uuid(value: string): void {
    if (value.length !== 32) throw new RangeError('a uuid has 32 hexadecimal digits')
    const at = this.#grow(16)
    if (this.#buffer.write(value, at, 16, 'hex') !== 16) throw new RangeError('a uuid has 32 hexadecimal digits')
  }

  /** 0 to 2^32 - 1. */
  unsignedVarint(value: number): void {
    if (!(value >= 0 && value <= 0xffffffff)) throw new RangeError(`${value} is not an unsigned 32 bit number`)
    let rest = value
    while (rest > 0x7f) {
      const at = this.#grow(1)
      this.#buffer[at] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    const at = this.#grow(1)
    this.#buffer[at] = rest
  }

  /** Zigzag, -2^31 to 2^31 - 1. */
  varint(value: number): void {
    if ((value | 0) !== value) throw new RangeError(`${value} is not a signed 32 bit number`)
    this.unsignedVarint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** Zigzag, -2^63 to 2^63 - 1. */
  varlong(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new RangeError('not a signed 64 bit number')
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    while (rest > 0x7fn) {
      const at = this.#grow(1)
      this.#buffer[at] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    const at = this.#grow(1)
    this.#buffer[at] = Number(rest)
  }

  string(value: string): void {
    const length = stringBytes(value)
    this.int16(length)
    this.#text(value, length)
  }

  nullableString(value: string | null): void {
    if (value === null) this.int16(-1)
    else this.string(value)
  }

  compactString(value: string): void {
    const length = stringBytes(value)
    this.unsignedVarint(length + 1)
    this.#text(value, length)
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.unsignedVarint(0)
    else this.compactString(value)
  }

  bytes(value: Buffer): void {
    this.int32(value.length)
    this.raw(value)
  }

  nullableBytes(value: Buffer | null): void {
    if (value === null) this.int32(-1)
    else this.bytes(value)
  }

  compactBytes(value: Buffer): void {
    this.unsignedVarint(value.length + 1)
    this.raw(value)
  }

  compactNullableBytes(value: Buffer | null): void {
    if (value === null) this.unsignedVarint(0)
    else this.compactBytes(value)
  }

  /** The bytes as they are, without a length. */
  raw(value: Buffer): void {
    const at = this.#grow(value.length)
    value.copy(this.#buffer, at)
  }

  /** -1 is null. */
  arrayLength(count: number): void {
    this.int32(count)
  }

  /** -1 is null. */
  compactArrayLength(count: number): void {
    this.unsignedVarint(count + 1)
  }

  /** What was written. The writer must not be used afterwards. */
  finish(): Buffer {
    const written = this.#buffer.subarray(0, this.#position)
    return this.#buffer.length - this.#position > tolerableWaste ? Buffer.from(written) : written
  }

  #text(value: string, length: number): void {
    const at = this.#grow(length)
    this.#buffer.write(value, at, length, 'utf8')
  }
}

function stringBytes(value: string): number {
  const length = Buffer.byteLength(value)
  if (length > maxStringBytes) throw new RangeError(`string of ${length} bytes, the limit is ${maxStringBytes}`)
  return length
}
