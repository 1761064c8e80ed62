/**
 * The inner loop of the lz4 and snappy decoders: short copies, eight bytes at a time. A copy of twenty bytes is cheaper
 * this way than the call into the engine's own memory move, and most copies are that short.
 */

/** How far past its end a copy may write, and the least distance between source and target in one buffer. */
export const wideCopyBytes = 8

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/**
 * Copies from `source` at `from` to `target[at, end)`, and up to seven bytes more: the caller has checked that they lie
 * inside both views and that what they overwrite is still to be written.
 */
export function copyWide(source: DataView, from: number, target: DataView, at: number, end: number): void {
  do {
    target.setInt32(at, source.getInt32(from, true), true)
    target.setInt32(at + 4, source.getInt32(from + 4, true), true)
    from += 8
    at += 8
  } while (at < end)
}
