/**
 * Gives kafkajs the codecs that it does not ship. Written apart from the product's own: a client that shared its
 * mistakes would prove nothing.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { lz4Compress, lz4Decompress, snappyCompress, snappyDecompress } from '@platformatic/wasm-utils'
import kafkajs from 'kafkajs'

const { CompressionCodecs, CompressionTypes } = kafkajs

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

function codec(compress: (bytes: Buffer) => Buffer, decompress: (bytes: Buffer) => Buffer): () => Codec {
  return () => ({
    compress: (encoder) => Promise.resolve(compress(encoder.buffer)),
    decompress: (bytes) => Promise.resolve(decompress(bytes))
  })
}

/** Frames of the Java client: magic, two version numbers, then blocks with their length before them. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const xerialHeaderBytes = 16

function snappyInflate(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return snappyDecompress(bytes)
  const blocks: Buffer[] = []
  for (let at = xerialHeaderBytes; at < bytes.length;) {
    const end = at + 4 + bytes.readInt32BE(at)
    blocks.push(snappyDecompress(bytes.subarray(at + 4, end)))
    at = end
  }
  return Buffer.concat(blocks)
}

/** Once per process: kafkajs keeps its codecs in a global table. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = codec(snappyCompress, snappyInflate)
  CompressionCodecs[CompressionTypes.LZ4] = codec(lz4Compress, lz4Decompress)
  CompressionCodecs[CompressionTypes.ZSTD] = codec(zstdCompressSync, zstdDecompressSync)
}
