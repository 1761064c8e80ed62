/**
 * Bytes that have arrived and have not been used yet, in the chunks they came in.
 *
 * A frame that is only relayed is handed on as slices of those chunks; a frame that must be read is a view of the chunk
 * that holds all of it, or copied once, into a buffer of its own size. Nothing is ever concatenated chunk by chunk.
 *
 * A chunk may lie in memory that its owner uses again: what is left of it is then copied (`own`) before that happens.
 */

/** Chunks below this are copied together, so that a frame that trickles in does not become a list of single bytes. */
const smallChunkBytes = 2_048

export class ChunkQueue {
  #chunks: Buffer[] = []
  /** Offset of the first unused byte in the first chunk. */
  #offset = 0
  #length = 0
  /** From which chunk on they lie in memory of others. */
  #owned = 0

  get length(): number {
    return this.#length
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#length += chunk.length
    const last = this.#chunks.at(-1)
    const joins = last !== undefined && this.#chunks.length > 1 && last.length + chunk.length <= smallChunkBytes
    if (joins) this.#chunks[this.#chunks.length - 1] = Buffer.concat([last, chunk])
    else this.#chunks.push(chunk)
  }

  /** From now on nothing here lies in the memory of a chunk that was pushed. */
  own(): void {
    for (let i = this.#owned; i < this.#chunks.length; i += 1) {
      const chunk = this.#chunks[i]!
      this.#chunks[i] = Buffer.from(i === 0 && this.#offset > 0 ? chunk.subarray(this.#offset) : chunk)
      if (i === 0) this.#offset = 0
    }
    this.#owned = this.#chunks.length
  }

  /** The first `size` bytes as one buffer (a view where one chunk holds them), or null when fewer have arrived. */
  peek(size: number): Buffer | null {
    if (this.#length < size) return null
    if (size === 0) return Buffer.alloc(0)
    const first = this.#chunks[0]!
    if (first.length - this.#offset >= size) return first.subarray(this.#offset, this.#offset + size)
    const joined = Buffer.allocUnsafe(size)
    this.#copy(joined, 0, size)
    return joined
  }

  /** Takes the first `size` bytes as a view of one chunk. Null, and nothing taken, when no single chunk holds them. */
  takeWhole(size: number): Buffer | null {
    const first = this.#chunks[0]
    return first === undefined || first.length - this.#offset < size ? null : this.takeSlice(size)
  }

  /** Takes at most `limit` bytes from the front, as a view of one chunk. Null when there is nothing. */
  takeSlice(limit: number): Buffer | null {
    const first = this.#chunks[0]
    if (first === undefined || limit === 0) return null
    const size = Math.min(limit, first.length - this.#offset)
    const slice = first.subarray(this.#offset, this.#offset + size)
    this.#drop(size)
    return slice
  }

  /** Moves at most `target.length - start` bytes into `target` from `start` on; answers how many. */
  moveInto(target: Buffer, start: number): number {
    const size = Math.min(target.length - start, this.#length)
    this.#copy(target, start, size)
    this.#drop(size)
    return size
  }

  clear(): void {
    this.#chunks = []
    this.#offset = 0
    this.#length = 0
    this.#owned = 0
  }

  #copy(target: Buffer, start: number, size: number): void {
    let copied = 0
    let offset = this.#offset
    for (const chunk of this.#chunks) {
      if (copied === size) break
      copied += chunk.copy(target, start + copied, offset, Math.min(chunk.length, offset + size - copied))
      offset = 0
    }
  }

  #drop(size: number): void {
    this.#length -= size
    let left = size
    while (left > 0) {
      const available = this.#chunks[0]!.length - this.#offset
      if (left < available) {
        this.#offset += left
        return
      }
      left -= available
      this.#chunks.shift()
      this.#offset = 0
      if (this.#owned > 0) this.#owned -= 1
    }
  }
}
