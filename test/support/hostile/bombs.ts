/**
 * Batches of a few kilobytes that claim, or truly hold, what no process can hold. Each has a right checksum and says it
 * has one record.
 */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { deflate } from '../../../protocol/records/batch.ts'
import { xxhash32 } from '../../../protocol/compression/xxhash32.ts'
import { rawBatch, varint } from '../../unit/protocol/records/raw-batch.ts'
import { unsignedVarint } from './requests.ts'

const MiB = 1024 * 1024
const codec = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
const times = (count: number, part: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => part))

/** One record with a value of zeros, without the value. */
function headOfRecord(valueBytes: number): Buffer {
  const inside = Buffer.concat([Buffer.alloc(3), varint(-1), varint(valueBytes)])
  return Buffer.concat([varint(inside.length + valueBytes + 1), inside])
}

/** Run-length blocks of 128 KiB, four bytes each. */
function zstdBlocks(frameHeader: string, count: number): Buffer {
  const blocks = Buffer.alloc(4 * count)
  for (let i = 0; i < count; i++) blocks.writeUIntLE((128 * 1024 * 8) | 0b010 | (i === count - 1 ? 1 : 0), 4 * i, 3)
  return Buffer.concat([Buffer.from(frameHeader, 'hex'), blocks])
}

/** A preamble, one literal, and copies of 64 bytes in three: as dense as snappy gets. */
function snappyBlock(claimedBytes: number, copies: number): Buffer {
  const literal = Buffer.from([0x0c, 0, 0, 0, 0])
  return Buffer.concat([unsignedVarint(claimedBytes), literal, times(copies, Buffer.from([0xfe, 4, 0]))])
}

/** The same block of 4 MiB of zeros again and again, in the frame that our own encoder begins. */
function lz4Blocks(count: number): Buffer {
  const one = deflate('lz4', Buffer.alloc(64 * 1024))
  const blockBytes = one.readUInt32LE(7)
  return Buffer.concat([one.subarray(0, 7), times(count, one.subarray(7, 11 + blockBytes)), Buffer.alloc(4)])
}

function lz4Header(contentBytes: bigint): Buffer {
  const bytes = Buffer.from('04224d1868700000000000000000', 'hex')
  bytes.writeBigUInt64LE(contentBytes, 6)
  const checksum = (xxhash32(bytes, 4, 14) >>> 8) & 0xff
  return Buffer.concat([bytes, Buffer.from([checksum]), Buffer.from('ffffffff', 'hex')])
}

const xerial = Buffer.from('82534e41505059000000000100000001', 'hex')
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** A frame whose header states a content size of 2^60; its own checksum is right. */
const lz4Claim = lz4Header(2n ** 60n)

/** `realBytes`: about how much those come to that truly inflate. */
export function bombs(realBytes: number): readonly { readonly name: string; readonly records: Buffer }[] {
  const zeros = Buffer.concat([headOfRecord(realBytes), Buffer.alloc(realBytes + 1)])
  const copies = Math.floor(realBytes / 64)
  const block = snappyBlock(4 + 64 * 500, 500)
  const snappy = times(Math.ceil(realBytes / 32_000), Buffer.concat([int32(block.length), block]))
  const endlessChunk = Buffer.concat([xerial, int32(2_147_483_647)])
  const blocks = Math.ceil(realBytes / 131_072)
  const sections = [
    { name: 'gzip, zeros without end', codec: codec.gzip, section: gzipSync(zeros) },
    { name: 'gzip, a thousand members', codec: codec.gzip, section: times(1_000, gzipSync(Buffer.alloc(MiB))) },
    { name: 'snappy, a preamble that claims 2 GiB', codec: codec.snappy, section: snappyBlock(2_147_483_647, 10) },
    { name: 'snappy, a preamble that claims 4 GiB', codec: codec.snappy, section: snappyBlock(4_294_967_295, 10) },
    { name: 'snappy, copies', codec: codec.snappy, section: snappyBlock(4 + 64 * copies, copies) },
    { name: 'snappy, a thousand chunks', codec: codec.snappy, section: Buffer.concat([xerial, snappy]) },
    { name: 'snappy, a chunk that claims 2 GiB', codec: codec.snappy, section: endlessChunk },
    { name: 'lz4, blocks without end', codec: codec.lz4, section: lz4Blocks(Math.ceil(realBytes / 65_536)) },
    { name: 'lz4, a content size of 2^60', codec: codec.lz4, section: lz4Claim },
    { name: 'zstd, zeros', codec: codec.zstd, section: zstdCompressSync(zeros) },
    { name: 'zstd, blocks without a stated size', codec: codec.zstd, section: zstdBlocks('28b52ffd0058', blocks) },
    { name: 'zstd, a stated size of 2 GiB', codec: codec.zstd, section: zstdBlocks('28b52ffda000000080', 10) },
    { name: 'zstd, a window of 3.75 TiB', codec: codec.zstd, section: zstdBlocks('28b52ffd00ff', 10) }
  ]
  return sections.map(({ name, codec: attributes, section }) => ({
    name,
    records: rawBatch(section, { attributes, recordCount: 1 })
  }))
}

/**
 * As many of the smallest records as fit: seven bytes and more each, with a value of null. Compressed it is a small
 * part of what it becomes, and whoever makes an object per record makes millions.
 */
export function crowd(count: number): Buffer {
  const records = Buffer.alloc(count * 11)
  let end = 0
  for (let i = 0; i < count; i++) {
    const delta = varint(i)
    end = records.writeUInt8((5 + delta.length) * 2, end)
    end += 2
    end += delta.copy(records, end)
    records[end++] = 1
    records[end++] = 1
    records[end++] = 0
  }
  return rawBatch(zstdCompressSync(records.subarray(0, end)), { attributes: codec.zstd, recordCount: count })
}
