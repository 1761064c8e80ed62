/**
 * Zstandard (RFC 8878) over node:zlib, which decodes the first frame only and says nothing of those that follow
 * (nodejs/node#64741). The broker decodes them all, so records could pass unjudged. The frames are therefore walked
 * here: each one's end is found from its block headers and it is inflated by itself.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { MalformedBatchError } from '../records/malformed-batch-error.ts'
import { tooLarge, trailing, undecodable } from './faults.ts'
import { callZlib } from './zlib-call.ts'

const magic = 0xfd2fb528
const skippableMagic = 0x184d2a50
const skippableMask = 0xfffffff0

/**
 * Every frame costs a decoder of its own, some 10 µs whatever its size, so a large batch of empty frames would stall
 * the process for seconds. Known producers write one frame per batch.
 */
const maxFrames = 256

/** Blocks hold at most 128 KiB of output. */
const maxBlockBytes = 128 * 1024

/**
 * The decoder takes as much memory as a frame's window states, up to 128 MiB, before it reads a block, and V8 collects
 * garbage for it: twelve bytes of input would cost most of a millisecond. A window larger than what the compression
 * levels up to 19 write is therefore lowered to what the frame's blocks can hold at all.
 */
const trustedWindowLog = 23
/** The largest window that libzstd, and with it the broker, decodes by default: exponent for 128 MiB, no mantissa. */
const maxWindowDescriptor = (27 - 10) << 3
/** The window descriptor's exponent 0 stands for 2^10 bytes. */
const minWindowLog = 10

interface Frame {
  readonly end: number
  /** Where the window descriptor stands; null in a single-segment frame, whose window is its stated size. */
  readonly windowAt: number | null
  /** Contents as the header states them, null when it does not. */
  readonly statedBytes: number | null
  /** The most the blocks can hold. */
  readonly boundBytes: number
}

export function inflateZstd(deflated: Buffer, ceilingBytes: number): Buffer {
  if (deflated.length === 0) throw undecodable('there are no compressed bytes')
  const parts: Buffer[] = []
  let position = 0
  let totalBytes = 0
  while (position < deflated.length) {
    const skipped = skippableFrameEnd(deflated, position)
    if (skipped !== null) {
      position = skipped
      continue
    }
    if (parts.length === maxFrames) throw undecodable(`there are more than ${maxFrames} zstd frames`)
    const frame = walkFrame(deflated, position)
    const leftBytes = ceilingBytes - totalBytes
    if (frame.statedBytes !== null) {
      if (frame.statedBytes > leftBytes) throw tooLarge(ceilingBytes)
      if (frame.statedBytes > frame.boundBytes) throw undecodable('a zstd frame states more than its blocks can hold')
    }
    const bytes = withSensibleWindow(deflated, position, frame, leftBytes)
    // Without a stated size (streaming writers, so the Java client): text compresses to a quarter, or a bit less.
    const likely = frame.statedBytes ?? Math.min(frame.boundBytes, 4 * bytes.length)
    const { inflated, consumedBytes } = callZlib(zstdDecompressSync, bytes, leftBytes, likely)
    if (consumedBytes !== bytes.length) throw undecodable('a zstd frame ends before its last block')
    parts.push(inflated)
    totalBytes += inflated.length
    position = frame.end
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, totalBytes)
}

export function deflateZstd(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes)
}

/** The bytes of the frame at `start`; a copy when the window in its header had to be lowered. */
function withSensibleWindow(deflated: Buffer, start: number, frame: Frame, leftBytes: number): Buffer {
  const bytes = deflated.subarray(start, frame.end)
  if (frame.windowAt === null) return bytes
  const windowLog = minWindowLog + (deflated[frame.windowAt]! >>> 3)
  if (windowLog <= trustedWindowLog) return bytes
  if (deflated[frame.windowAt]! > maxWindowDescriptor) throw undecodable('a zstd frame needs a window above 128 MiB')
  // Nothing can be referred to from further away than the frame is long, or than is let through.
  const neededBytes = Math.max(Math.min(frame.boundBytes, leftBytes), maxBlockBytes)
  const neededLog = Math.ceil(Math.log2(neededBytes))
  if (windowLog <= neededLog) return bytes
  const lowered = Buffer.from(bytes)
  lowered[frame.windowAt - start] = (neededLog - minWindowLog) << 3
  return lowered
}

/** Where the skippable frame at `position` ends, or null when there is none. */
function skippableFrameEnd(bytes: Buffer, position: number): number | null {
  if (bytes.length - position < 4) return null
  if ((bytes.readUInt32LE(position) & skippableMask) >>> 0 !== skippableMagic) return null
  if (bytes.length - position < 8) throw undecodable('a skippable zstd frame is cut short')
  const end = position + 8 + bytes.readUInt32LE(position + 4)
  if (end > bytes.length) throw undecodable('a skippable zstd frame is cut short')
  return end
}

/** Reads the header of the frame and the headers of its blocks, nothing of their contents. */
function walkFrame(bytes: Buffer, start: number): Frame {
  if (bytes.length - start < 4 || bytes.readUInt32LE(start) !== magic) {
    throw start === 0
      ? undecodable('the records are not a zstd frame')
      : trailing(bytes.length - start, 'the last zstd frame')
  }
  const cut = (): MalformedBatchError => undecodable('a zstd frame is cut short')
  let position = start + 4
  if (position >= bytes.length) throw cut()
  const descriptor = bytes[position++]!
  if ((descriptor & 0b1000) !== 0) throw undecodable('a zstd frame uses a reserved flag')
  const singleSegment = (descriptor & 0b10_0000) !== 0
  const hasChecksum = (descriptor & 0b100) !== 0
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3]!
  const sizeFlag = descriptor >>> 6
  const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag

  const windowAt = singleSegment ? null : position
  position += (singleSegment ? 0 : 1) + dictionaryIdBytes
  if (bytes.length - position < sizeBytes) throw cut()
  const statedBytes = statedSize(bytes, position, sizeBytes)
  position += sizeBytes

  let boundBytes = 0
  let last = false
  while (!last) {
    if (bytes.length - position < 3) throw cut()
    const header = bytes.readUIntLE(position, 3)
    position += 3
    last = (header & 1) === 1
    const type = (header >>> 1) & 3
    const size = header >>> 3
    if (type === 3) throw undecodable('a zstd block has the reserved type')
    position += type === 1 ? 1 : size
    if (position > bytes.length) throw cut()
    boundBytes += type === 2 ? maxBlockBytes : size
  }
  if (hasChecksum) position += 4
  if (position > bytes.length) throw cut()
  return { end: position, windowAt, statedBytes, boundBytes }
}

/** A stated size beyond 2^53 loses its last digits, and is beyond every ceiling. */
function statedSize(bytes: Buffer, position: number, sizeBytes: number): number | null {
  switch (sizeBytes) {
    case 0:
      return null
    case 1:
      return bytes[position]!
    case 2:
      return bytes.readUInt16LE(position) + 256
    case 4:
      return bytes.readUInt32LE(position)
    default:
      return bytes.readUInt32LE(position) + bytes.readUInt32LE(position + 4) * 2 ** 32
  }
}
