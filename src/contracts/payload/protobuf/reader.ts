/**
 * The Protobuf wire format, strictly: every read is checked against the end of what it stands in. Source: protobuf.dev,
 * "Encoding".
 */
import { isUtf8 } from 'node:buffer'
import { limits } from '../limits.ts'
import type { PathSegment } from '../path.ts'
import { bytesLeft, refusal } from '../refusal.ts'
import { firstInvalidUtf8 } from '../utf8.ts'

export const wire = { varint: 0, fixed64: 1, bytes: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const

const wireNames = [
  'varint',
  '64-bit',
  'length-delimited',
  'group',
  'end of group',
  '32-bit',
  'wire type 6',
  'wire type 7'
]
const longestVarint = 10

export function wireName(type: number): string {
  return wireNames[type] ?? 'unknown wire type'
}

export interface Tag {
  readonly number: number
  readonly wireType: number
}

export class ProtobufReader {
  readonly bytes: Buffer
  readonly path: PathSegment[] = []
  /** Absolute. */
  at: number
  readonly #start: number

  constructor(bytes: Buffer, start: number) {
    this.bytes = bytes
    this.#start = start
    this.at = start
  }

  refuse(message: string, at: number, expected?: string, found?: string): Error {
    return refusal(this.path, {
      message,
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found }),
      byteOffset: at - this.#start
    })
  }

  take(length: number, end: number, what: string): number {
    if (length > end - this.at) {
      throw this.refuse('is cut short', this.at, what, `${end - this.at} of ${length} bytes`)
    }
    const at = this.at
    this.at += length
    return at
  }

  /** The 64 bits of a varint, unsigned. */
  readVarint(end: number, what: string): bigint {
    const from = this.at
    let small = 0
    let large = 0n
    for (let index = 0; index < longestVarint; index++) {
      if (this.at >= end) throw this.refuse('is cut short', from, what, 'the end')
      const byte = this.bytes[this.at++]!
      // Seven groups of seven bits are exact in a double.
      if (index < 7) small += (byte & 0x7f) * 2 ** (7 * index)
      else large |= BigInt(byte & 0x7f) << BigInt(7 * index)
      if (byte < 0x80) return index < 7 ? BigInt(small) : BigInt.asUintN(64, BigInt(small) | large)
    }
    throw this.refuse('is a varint of more than 10 bytes', from, what)
  }

  readTag(end: number): Tag {
    const from = this.at
    const raw = this.readVarint(end, 'a field tag')
    const number = Number(raw >> 3n)
    const wireType = Number(raw & 7n)
    if (raw > 0xffffffffn || number === 0)
      throw this.refuse('has a tag that is no field number', from, 'a field number from 1 to 536870911')
    if (wireType > wire.fixed32)
      throw this.refuse('has a tag with an unknown wire type', from, 'a wire type from 0 to 5')
    return { number, wireType }
  }

  /** Reads a length and returns where the bytes it counts end. */
  readEnd(end: number, what: string): number {
    const from = this.at
    const length = this.readVarint(end, what)
    if (length > BigInt(end - this.at)) {
      throw this.refuse('is longer than what it stands in', from, what, bytesLeft(end - this.at))
    }
    return this.at + Number(length)
  }

  readString(end: number): string {
    const stop = this.readEnd(end, 'string')
    const from = this.at
    this.at = stop
    if (!isUtf8(this.bytes.subarray(from, stop))) {
      throw this.refuse('is not valid UTF-8', firstInvalidUtf8(this.bytes, from, stop), 'string', 'bytes')
    }
    return this.bytes.toString('utf8', from, stop)
  }

  /** A field nobody declared: legal, as long as it is well-formed. */
  skip(tag: Tag, end: number, depth: number): void {
    switch (tag.wireType) {
      case wire.varint:
        this.readVarint(end, 'varint')
        return
      case wire.fixed64:
        this.take(8, end, '8 bytes')
        return
      case wire.fixed32:
        this.take(4, end, '4 bytes')
        return
      case wire.bytes:
        this.at = this.readEnd(end, 'bytes')
        return
      case wire.groupStart:
        this.#skipGroup(tag.number, end, depth + 1)
        return
      default:
        throw this.refuse('ends a group that was not begun', this.at)
    }
  }

  #skipGroup(number: number, end: number, depth: number): void {
    if (depth > limits.payloadNesting.protobuf) throw this.refuse(nestedTooDeep, this.at)
    while (true) {
      if (this.at >= end) throw this.refuse('is cut short', this.at, 'the end of a group', 'the end')
      const tag = this.readTag(end)
      if (tag.wireType !== wire.groupEnd) this.skip(tag, end, depth)
      else if (tag.number === number) return
      else throw this.refuse('ends another group than it began', this.at)
    }
  }
}

export const nestedTooDeep = `is nested deeper than ${limits.payloadNesting.protobuf} levels`
