/**
 * One lz4 block: sequences of literals and copies, the last one literals only. Both functions return -1 for a damaged
 * block and never read or write outside the ranges they are given.
 */
import { copyWide, wideCopyBytes } from './wide-copy.ts'

const minMatchBytes = 4

/** How many bytes the block in `bytes[start, end)` holds, found by reading lengths only. */
export function lz4BlockSize(bytes: Uint8Array, start: number, end: number): number {
  let read = start
  let size = 0
  while (read < end) {
    const token = bytes[read++]!
    let literals = token >>> 4
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) {
        if (read >= end) return -1
        more = bytes[read++]!
      }
    }
    read += literals
    size += literals
    if (read === end) return size
    read += 2
    let match = token & 15
    if (match === 15) {
      for (let more = 255; more === 255; match += more) {
        if (read >= end) return -1
        more = bytes[read++]!
      }
    }
    size += match + minMatchBytes
  }
  return -1
}

/**
 * Decodes the block into `out` from `first` on, which must have room for {@link lz4BlockSize} bytes. Returns where its
 * output ends. Copies reach back to `first` and no further: blocks are independent.
 */
export function decodeLz4Block(
  bytes: Uint8Array,
  source: DataView,
  start: number,
  end: number,
  out: Uint8Array,
  target: DataView,
  first: number
): number {
  const limit = out.length
  let read = start
  let write = first
  while (read < end) {
    const token = bytes[read++]!
    let literals = token >>> 4
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) {
        if (read >= end) return -1
        more = bytes[read++]!
      }
    }
    if (literals > end - read || literals > limit - write) return -1
    if (literals <= end - read - wideCopyBytes && literals <= limit - write - wideCopyBytes) {
      copyWide(source, read, target, write, write + literals)
    } else {
      out.set(bytes.subarray(read, read + literals), write)
    }
    read += literals
    write += literals
    if (read === end) return write
    if (end - read < 2) return -1
    const distance = bytes[read]! | (bytes[read + 1]! << 8)
    read += 2
    let match = token & 15
    if (match === 15) {
      for (let more = 255; more === 255; match += more) {
        if (read >= end) return -1
        more = bytes[read++]!
      }
    }
    match += minMatchBytes
    if (distance === 0 || distance > write - first || match > limit - write) return -1
    const stop = write + match
    if (distance >= wideCopyBytes && match <= limit - write - wideCopyBytes) {
      copyWide(target, write - distance, target, write, stop)
      write = stop
    } else {
      for (let from = write - distance; write < stop;) out[write++] = out[from++]!
    }
  }
  return -1
}
