/**
 * The lz4 frame format, as strict as the broker (Kafka's Lz4BlockInputStream): version 1, independent blocks, no
 * dictionary, header checksum verified. Linked blocks are refused because the broker refuses them.
 *
 * Stricter in three points: the checksums and sizes that a frame carries are verified, since consumers do that and
 * would be stuck behind the batch. Frames that follow the first are decoded, where the broker overlooks them and some
 * consumer may not. And nothing else may follow.
 *
 * Decoding is our own, in two steps: the frames are walked and the exact size of the output is added up, then one
 * buffer is allocated and filled. The library's decoder reads the first frame only and has no limit.
 */
import { lz4Compress } from '@platformatic/wasm-utils'
import type { MalformedBatchError } from '../records/malformed-batch-error.ts'
import { tooLarge, trailing, undecodable } from './faults.ts'
import { decodeLz4Block, lz4BlockSize } from './lz4-block.ts'
import { viewOf } from './wide-copy.ts'
import { xxhash32 } from './xxhash32.ts'

const magic = 0x184d2204
const storedFlag = 0x80000000
/** Magic, flags, block descriptor, header checksum: a header without the optional content size. */
const minHeaderBytes = 7
/** Version 1, independent blocks, no checksums, no content size; blocks of at most 64 KiB, as Java writes. */
const writtenFlags = 0x60
const writtenDescriptor = 0x40
const writtenBlockBytes = 64 * 1024

interface FrameHeader {
  /** Where the first block starts. */
  readonly end: number
  readonly maxBlockBytes: number
  readonly blockChecksums: boolean
  readonly contentChecksum: boolean
  readonly contentBytes: number | null
}

/** Called for each block with the range of its data; returns how many bytes it holds. */
type VisitBlock = (start: number, end: number, stored: boolean, maxBlockBytes: number) => number
/** Called at the end of each frame whose content has a checksum, with that and the content's size. */
type VisitContentChecksum = (checksum: number, contentBytes: number) => void

export function inflateLz4(deflated: Buffer, ceilingBytes: number): Buffer {
  let inflatedBytes = 0
  walkFrames(
    deflated,
    (start, end, stored, maxBlockBytes) => {
      const size = stored ? end - start : lz4BlockSize(deflated, start, end)
      if (size < 0 || size > maxBlockBytes) throw undecodable('an lz4 block is damaged')
      inflatedBytes += size
      if (inflatedBytes > ceilingBytes) throw tooLarge(ceilingBytes)
      return size
    },
    () => undefined
  )
  const inflated = Buffer.allocUnsafe(inflatedBytes)
  const source = viewOf(deflated)
  const target = viewOf(inflated)
  let written = 0
  walkFrames(
    deflated,
    (start, end, stored) => {
      const first = written
      if (stored) written += deflated.copy(inflated, written, start, end)
      else written = decodeLz4Block(deflated, source, start, end, inflated, target, written)
      if (written < 0) throw undecodable('an lz4 block is damaged')
      return written - first
    },
    (checksum, contentBytes) => {
      if (xxhash32(inflated, written - contentBytes, written) !== checksum) {
        throw undecodable('the content checksum of an lz4 frame does not match')
      }
    }
  )
  return inflated
}

/**
 * Blocks of 64 KiB are compressed one by one and put into one frame: so they are independent, and the WebAssembly
 * memory of the encoder, which never shrinks, stays small.
 */
export function deflateLz4(bytes: Buffer): Buffer {
  const header = Buffer.allocUnsafe(minHeaderBytes)
  header.writeUInt32LE(magic)
  header[4] = writtenFlags
  header[5] = writtenDescriptor
  header[6] = (xxhash32(header, 4, 6) >>> 8) & 255
  const parts: Buffer[] = [header]
  for (let start = 0; start < bytes.length; start += writtenBlockBytes) {
    const frame = lz4Compress(bytes.subarray(start, start + writtenBlockBytes))
    // Its one block, without the frame's header and end mark.
    parts.push(frame.subarray(minHeaderBytes, frame.length - 4))
  }
  parts.push(Buffer.alloc(4))
  return Buffer.concat(parts)
}

function walkFrames(bytes: Buffer, visitBlock: VisitBlock, visitContentChecksum: VisitContentChecksum): void {
  let position = 0
  do {
    const header = readHeader(bytes, position)
    position = header.end
    let contentBytes = 0
    for (;;) {
      const field = readUInt32(bytes, position)
      position += 4
      if (field === 0) break
      const stored = field >= storedFlag
      const size = stored ? field - storedFlag : field
      // An empty stored block: the broker takes it for the end of the frame, liblz4 for a block.
      if (size === 0 || size > header.maxBlockBytes) throw undecodable('the size of an lz4 block is wrong')
      if (size > bytes.length - position) throw cutShort()
      contentBytes += visitBlock(position, position + size, stored, header.maxBlockBytes)
      position += size
      if (header.blockChecksums) {
        if (readUInt32(bytes, position) !== xxhash32(bytes, position - size, position)) {
          throw undecodable('the checksum of an lz4 block does not match')
        }
        position += 4
      }
    }
    if (header.contentBytes !== null && header.contentBytes !== contentBytes) {
      throw undecodable('an lz4 frame does not hold as many bytes as it states')
    }
    if (header.contentChecksum) {
      visitContentChecksum(readUInt32(bytes, position), contentBytes)
      position += 4
    }
  } while (position < bytes.length)
}

function readHeader(bytes: Buffer, start: number): FrameHeader {
  const leftBytes = bytes.length - start
  if (leftBytes < 4 || bytes.readUInt32LE(start) !== magic) {
    throw start === 0 ? undecodable('the records are not an lz4 frame') : trailing(leftBytes, 'the last lz4 frame')
  }
  if (leftBytes < minHeaderBytes) throw cutShort()
  const flags = bytes[start + 4]!
  const descriptor = bytes[start + 5]!
  if (flags >>> 6 !== 1) throw undecodable('the version of an lz4 frame is not 1')
  if ((flags & 0b10_0000) === 0) {
    throw undecodable('the blocks of an lz4 frame depend on one another; brokers refuse that')
  }
  if ((flags & 0b11) !== 0 || (descriptor & 0b1000_1111) !== 0) {
    throw undecodable('an lz4 frame sets bits that must be 0')
  }
  const sizeCode = descriptor >>> 4
  if (sizeCode < 4) throw undecodable('the block size of an lz4 frame is unknown')
  const hasContentSize = (flags & 0b1000) !== 0
  const end = start + minHeaderBytes + (hasContentSize ? 8 : 0)
  if (end > bytes.length) throw cutShort()
  if (bytes[end - 1] !== ((xxhash32(bytes, start + 4, end - 1) >>> 8) & 255)) {
    throw undecodable('the header checksum of an lz4 frame does not match')
  }
  return {
    end,
    maxBlockBytes: 2 ** (8 + 2 * sizeCode),
    blockChecksums: (flags & 0b1_0000) !== 0,
    contentChecksum: (flags & 0b100) !== 0,
    contentBytes: hasContentSize ? bytes.readUInt32LE(start + 6) + bytes.readUInt32LE(start + 10) * 2 ** 32 : null
  }
}

function readUInt32(bytes: Buffer, position: number): number {
  if (bytes.length - position < 4) throw cutShort()
  return bytes.readUInt32LE(position)
}

function cutShort(): MalformedBatchError {
  return undecodable('an lz4 frame is cut short')
}
