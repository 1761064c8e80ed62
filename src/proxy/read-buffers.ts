/**
 * The memory that sockets read into. It is used again and again: a buffer of its own for every read makes the garbage
 * collector the largest consumer of the whole proxy.
 *
 * A socket that waits holds none: all of them wait on one scratch buffer, which is empty again when a read has been dealt
 * with. What a read brought lies in a `ReadBuffer` for one turn, and longer only while somebody holds it:
 *
 *   free ──take──► held (the reader; writes that are not through) ──last `letGo`──► free
 *                     └── a frame in it was shown to others and did not leave at once ──► forgotten, the collector's
 *
 * Whoever was shown a frame may keep views of it. Those of a buffer that is used again are detached first: they have
 * length 0 from then on, so a stale one can never show the bytes of another client.
 */

/** What a read brings at most while a socket waits; more than this at once, and it gets a buffer of its own. */
export const scratchBytes = 64 * 1024

export interface ReadBufferOptions {
  /** Bytes of one; larger ones need fewer reads, smaller ones stay in the processor's cache. */
  readonly bytes: number
  /** Buffers at a time, free ones included; beyond it reads are copied into memory of their own size. */
  readonly most: number
  /** Called with memory that nobody may look at any more. For tests: whoever does sees what they write there. */
  readonly released?: (bytes: Buffer) => void
}

/** 16 MiB at most: what some dozens of connections under full load take, and little beside `limits.inflightBytes`. */
export const readBufferDefaults: ReadBufferOptions = { bytes: 256 * 1024, most: 64 }

export class ReadBuffers {
  /** Valid within one turn of one reader. */
  readonly scratch = Buffer.alloc(scratchBytes)
  readonly #options: ReadBufferOptions
  readonly #free: ReadBuffer[] = []
  #live = 0

  constructor(options: ReadBufferOptions = readBufferDefaults) {
    this.#options = options
  }

  /** Buffers that somebody holds. */
  get held(): number {
    return this.#live - this.#free.length
  }

  /**
   * A buffer with one holder; null when all are in use. A socket that keeps one while it waits leaves half of them to
   * the others (`keeps`), which give them back at once.
   */
  take(keeps: boolean): ReadBuffer | null {
    if (keeps && this.held >= this.#options.most / 2) return null
    const free = this.#free.pop()
    if (free !== undefined) {
      free.hold()
      return free
    }
    if (this.#live >= this.#options.most) return null
    this.#live += 1
    const made = new ReadBuffer(this.#options, (again) => {
      if (again) this.#free.push(made)
      else this.#live -= 1
    })
    made.hold()
    return made
  }
}

export class ReadBuffer {
  #bytes: Buffer<ArrayBuffer>
  readonly #options: ReadBufferOptions
  readonly #over: (again: boolean) => void
  #holders = 0
  /** Frames in it that were shown to others and have not left. */
  #shown = 0
  #mayBeSeen = false

  /** `over`: nobody holds it any more; `again`: nobody can see it either. */
  constructor(options: ReadBufferOptions, over: (again: boolean) => void) {
    this.#bytes = Buffer.from(new ArrayBuffer(options.bytes))
    this.#options = options
    this.#over = over
  }

  get bytes(): Buffer<ArrayBuffer> {
    return this.#bytes
  }

  contains(view: Buffer): boolean {
    return view.buffer === this.#bytes.buffer
  }

  /** True while somebody besides the socket may look at a frame in it. */
  get shown(): boolean {
    return this.#shown > 0
  }

  hold(): void {
    this.#holders += 1
  }

  letGo(): void {
    this.#holders -= 1
    if (this.#holders > 0) return
    const again = this.#shown === 0
    if (again) this.#clear()
    this.#over(again)
  }

  /** A frame that lies in it is looked at by others. */
  show(): void {
    this.#shown += 1
    this.#mayBeSeen = true
  }

  /** That frame is on its way as it came, and nobody has a reason to look at it any more. */
  leave(): void {
    this.#shown -= 1
  }

  /** Makes room for another read of its only holder; false when somebody else still needs what is in it. */
  reuse(): boolean {
    if (this.#holders > 1 || this.#shown > 0) return false
    this.#clear()
    return true
  }

  #clear(): void {
    if (this.#mayBeSeen) this.#bytes = Buffer.from(this.#bytes.buffer.transfer())
    this.#mayBeSeen = false
    this.#options.released?.(this.#bytes)
  }
}
