/**
 * gzip (RFC 1952) over node:zlib. Several members in a row are one stream, for zlib as for the broker's
 * GZIPInputStream. Java ignores what follows the last member; here it is refused, zero padding included.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import { trailing } from './faults.ts'
import { callZlib } from './zlib-call.ts'

/** Each member ends with the length of its contents modulo 2^32: with one member, the size of the output. */
const sizeFieldBytes = 4

/** deflate cannot expand further than this. */
const maxRatio = 1032

export function gunzip(deflated: Buffer, ceilingBytes: number): Buffer {
  const claimed = deflated.length < sizeFieldBytes ? 0 : deflated.readUInt32LE(deflated.length - sizeFieldBytes)
  const likely = Math.max(Math.min(claimed, deflated.length * maxRatio), 2 * deflated.length)
  const { inflated, consumedBytes } = callZlib(gunzipSync, deflated, ceilingBytes, likely)
  if (consumedBytes !== deflated.length) {
    throw trailing(deflated.length - consumedBytes, 'the gzip stream')
  }
  return inflated
}

export function gzip(bytes: Buffer): Buffer {
  return gzipSync(bytes)
}
