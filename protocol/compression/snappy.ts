/**
 * Snappy in the two framings Kafka knows: raw blocks (librdkafka, franz-go) and the xerial framing of snappy-java
 * (Java, sarama, kafka-python, kafka-go), told apart by the xerial magic as the broker does.
 *
 * Decoding is our own: it writes into memory whose size was checked first. The WebAssembly decoder of the library traps
 * on corrupt input without freeing what it had allocated. Encoding is the library's, in blocks of a fixed size.
 */
import { snappyCompress } from '@platformatic/wasm-utils'
import type { MalformedBatchError } from '../records/malformed-batch-error.ts'
import { tooLarge, trailing, undecodable } from './faults.ts'
import { copyWide, viewOf, wideCopyBytes } from './wide-copy.ts'

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
/** The magic and two version numbers, at which snappy-java does not look. */
const xerialHeaderBytes = 16
/** The first four bytes of the magic, read as the length of a chunk: a second stream follows the first. */
const xerialMagicAsLength = 0x82534e41 | 0
const xerialVersion = 1

/** What snappy-java writes by default, and small enough to keep the encoder's memory small. */
const blockBytes = 32 * 1024

/** The densest element writes 64 bytes from 3; a preamble that promises more is untrue. */
const maxRatio = 22

export function inflateSnappy(deflated: Buffer, ceilingBytes: number): Buffer {
  return startsWithXerialMagic(deflated, 0) ? inflateXerial(deflated, ceilingBytes) : inflateRaw(deflated, ceilingBytes)
}

/** Writes the xerial framing: every client and broker reads it. */
export function deflateSnappy(bytes: Buffer): Buffer {
  const header = Buffer.alloc(xerialHeaderBytes)
  xerialMagic.copy(header)
  header.writeInt32BE(xerialVersion, 8)
  header.writeInt32BE(xerialVersion, 12)
  const parts: Buffer[] = [header]
  for (let start = 0; start < bytes.length; start += blockBytes) {
    const block = snappyCompress(bytes.subarray(start, start + blockBytes))
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

function inflateRaw(deflated: Buffer, ceilingBytes: number): Buffer {
  const { inflatedBytes, start } = readPreamble(deflated, 0, deflated.length)
  if (inflatedBytes > ceilingBytes) throw tooLarge(ceilingBytes)
  const inflated = Buffer.allocUnsafe(inflatedBytes)
  decodeBlock(deflated, viewOf(deflated), start, deflated.length, inflated, viewOf(inflated), 0, inflatedBytes)
  return inflated
}

function inflateXerial(deflated: Buffer, ceilingBytes: number): Buffer {
  let inflatedBytes = 0
  forEachXerialBlock(deflated, (start, end) => {
    inflatedBytes += readPreamble(deflated, start, end).inflatedBytes
    if (inflatedBytes > ceilingBytes) throw tooLarge(ceilingBytes)
  })
  const inflated = Buffer.allocUnsafe(inflatedBytes)
  const source = viewOf(deflated)
  const target = viewOf(inflated)
  let written = 0
  forEachXerialBlock(deflated, (start, end) => {
    const preamble = readPreamble(deflated, start, end)
    const limit = written + preamble.inflatedBytes
    decodeBlock(deflated, source, preamble.start, end, inflated, target, written, limit)
    written = limit
  })
  return inflated
}

function forEachXerialBlock(bytes: Buffer, visit: (start: number, end: number) => void): void {
  let position = readXerialHeader(bytes, 0)
  while (position < bytes.length) {
    const leftBytes = bytes.length - position
    if (leftBytes < 4) throw trailing(leftBytes, 'the last snappy block')
    const length = bytes.readInt32BE(position)
    if (length === xerialMagicAsLength) {
      position = readXerialHeader(bytes, position)
      continue
    }
    position += 4
    if (length <= 0 || length > bytes.length - position) throw undecodable('the length of a snappy block is wrong')
    visit(position, position + length)
    position += length
  }
}

function readXerialHeader(bytes: Buffer, position: number): number {
  if (!startsWithXerialMagic(bytes, position) || bytes.length - position < xerialHeaderBytes) {
    throw undecodable('the header of the snappy stream is damaged')
  }
  return position + xerialHeaderBytes
}

function startsWithXerialMagic(bytes: Buffer, position: number): boolean {
  return (
    bytes.length - position >= xerialMagic.length &&
    xerialMagic.compare(bytes, position, position + xerialMagic.length) === 0
  )
}

/** The uncompressed length, an unsigned varint of at most 32 bits, checked against what the block could hold. */
function readPreamble(bytes: Buffer, start: number, end: number): { inflatedBytes: number; start: number } {
  let inflatedBytes = 0
  let position = start
  for (let scale = 1; ; scale *= 128) {
    if (position >= end || scale > 2 ** 28) throw undecodable('the length of the snappy data is damaged')
    const byte = bytes[position++]!
    inflatedBytes += (byte & 127) * scale
    if (byte < 128) break
  }
  if (inflatedBytes > 0xffffffff) throw undecodable('the length of the snappy data is damaged')
  if (inflatedBytes > (end - position) * maxRatio) {
    throw undecodable('the snappy data claims to hold more than its bytes can')
  }
  return { inflatedBytes, start: position }
}

/**
 * Decodes the elements in `bytes[start, end)` into `out[first, limit)`, which they must fill exactly. Copies may only
 * reach back to `first`.
 */
function decodeBlock(
  bytes: Uint8Array,
  source: DataView,
  start: number,
  end: number,
  out: Uint8Array,
  target: DataView,
  first: number,
  limit: number
): void {
  let read = start
  let write = first
  while (read < end) {
    const tag = bytes[read++]!
    const type = tag & 3
    if (type === 0) {
      let length = (tag >>> 2) + 1
      if (length > 60) {
        const lengthBytes = length - 60
        if (lengthBytes > end - read) throw cutShort()
        length = 1
        for (let i = 0; i < lengthBytes; i++) length += bytes[read + i]! * 2 ** (8 * i)
        read += lengthBytes
      }
      if (length > end - read || length > limit - write) throw cutShort()
      if (length <= end - read - wideCopyBytes && length <= limit - write - wideCopyBytes) {
        copyWide(source, read, target, write, write + length)
      } else {
        out.set(bytes.subarray(read, read + length), write)
      }
      read += length
      write += length
      continue
    }
    let length: number
    let distance: number
    if (type === 1) {
      if (read >= end) throw cutShort()
      length = ((tag >>> 2) & 7) + 4
      distance = ((tag >>> 5) << 8) | bytes[read++]!
    } else if (type === 2) {
      if (end - read < 2) throw cutShort()
      length = (tag >>> 2) + 1
      distance = bytes[read]! | (bytes[read + 1]! << 8)
      read += 2
    } else {
      if (end - read < 4) throw cutShort()
      length = (tag >>> 2) + 1
      distance = source.getUint32(read, true)
      read += 4
    }
    if (distance === 0 || distance > write - first || length > limit - write) {
      throw undecodable('a snappy copy reaches outside the data')
    }
    const stop = write + length
    if (distance >= wideCopyBytes && length <= limit - write - wideCopyBytes) {
      copyWide(target, write - distance, target, write, stop)
      write = stop
    } else {
      for (let from = write - distance; write < stop;) out[write++] = out[from++]!
    }
  }
  if (write !== limit) throw undecodable('the snappy data is shorter than it claims')
}

function cutShort(): MalformedBatchError {
  return undecodable('the snappy data is cut short or longer than it claims')
}
