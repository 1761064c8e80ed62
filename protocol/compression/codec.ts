/**
 * The four compression codecs of a record batch behind one port. Inflating never produces or allocates more than the
 * ceiling allows, and consumes its input to the last byte: what a codec would leave unread, nobody would have judged.
 */
import { tooLarge } from './faults.ts'
import { gunzip, gzip } from './gzip.ts'
import { deflateLz4, inflateLz4 } from './lz4.ts'
import { deflateSnappy, inflateSnappy } from './snappy.ts'
import { deflateZstd, inflateZstd } from './zstd.ts'

/** In the order of their ids in the batch attributes (Kafka's CompressionType). */
export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type Codec = (typeof codecs)[number]

/**
 * Decompresses the records section of a batch. `none` returns the bytes themselves.
 *
 * @param ceilingBytes most bytes that may come out
 * @throws MalformedBatchError `inflated-too-large`, `undecodable-compression` or `trailing-bytes`, and nothing else
 */
export function inflate(codec: Codec, deflated: Buffer, ceilingBytes: number): Buffer {
  switch (codec) {
    case 'none':
      if (deflated.length > ceilingBytes) throw tooLarge(ceilingBytes)
      return deflated
    case 'gzip':
      return gunzip(deflated, ceilingBytes)
    case 'snappy':
      return inflateSnappy(deflated, ceilingBytes)
    case 'lz4':
      return inflateLz4(deflated, ceilingBytes)
    case 'zstd':
      return inflateZstd(deflated, ceilingBytes)
  }
}

/** Compresses a records section at the codec's default level, in a framing that every broker and client reads. */
export function deflate(codec: Codec, bytes: Buffer): Buffer {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return gzip(bytes)
    case 'snappy':
      return deflateSnappy(bytes)
    case 'lz4':
      return deflateLz4(bytes)
    case 'zstd':
      return deflateZstd(bytes)
  }
}
