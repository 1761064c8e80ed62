/**
 * One synchronous call into node:zlib with its two questions answered: how much of the input was read, and was it the
 * limit or the data that failed.
 */
import { tooLarge, undecodable } from './faults.ts'

/** What a synchronous zlib call returns with `info: true`; the type declarations only know the plain result. */
interface WithInfo {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

/**
 * Output arrives in chunks: with one that holds it all nothing is copied. The size the data claims is only believed
 * between these limits: below, the chunks of an untruthful claim would be many; above, its first one would be large.
 */
const minChunkBytes = 4 * 1024
const maxChunkBytes = 1024 * 1024

export interface ZlibLimits {
  readonly maxOutputLength: number
  readonly chunkSize: number
  readonly info: true
}

/**
 * @param likelyBytes how much will probably come out; wrong guesses cost time, not memory
 * @throws MalformedBatchError `inflated-too-large` or `undecodable-compression`
 */
export function callZlib(
  inflate: (input: Buffer, limits: ZlibLimits) => unknown,
  input: Buffer,
  ceilingBytes: number,
  likelyBytes: number
): { readonly inflated: Buffer; readonly consumedBytes: number } {
  let result: WithInfo
  try {
    result = inflate(input, {
      // Zero is out of range for zlib; the length is compared again below.
      maxOutputLength: Math.max(1, ceilingBytes),
      // One more than expected, or zlib asks for a second chunk to learn that nothing follows.
      chunkSize: Math.min(Math.max(likelyBytes + 1, minChunkBytes), maxChunkBytes),
      info: true
    }) as WithInfo
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(ceilingBytes)
    }
    const detail = error instanceof Error ? error.message : 'unknown fault'
    throw undecodable(`the records cannot be decompressed: ${detail}`, error)
  }
  if (result.buffer.length > ceilingBytes) throw tooLarge(ceilingBytes)
  return { inflated: result.buffer, consumedBytes: result.engine.bytesWritten }
}
