/** Whole frames out of a stream, for the two ends that need every frame whole: our own client and the embedded broker. */
import { ChunkQueue } from './chunk-queue.ts'

const lengthBytes = 4

/** The announced length is negative or above the limit; the stream cannot be read on. */
export class FrameLengthError extends Error {
  override readonly name = 'FrameLengthError'
}

export class FrameReader {
  readonly #maxFrameBytes: number
  readonly #queue = new ChunkQueue()

  /** `maxFrameBytes` bounds one frame, its length prefix not counted. */
  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Bytes that arrived and were not handed out yet. */
  get bufferedBytes(): number {
    return this.#queue.length
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk)
  }

  /**
   * The next frame without its length prefix, in a buffer of its own; null while it is incomplete. Nothing is allocated
   * on the word of a length: the buffer is made when all its bytes are there. Throws FrameLengthError.
   */
  next(): Buffer | null {
    const prefix = this.#queue.peek(lengthBytes)
    if (prefix === null) return null
    const size = prefix.readInt32BE(0)
    if (size < 0 || size > this.#maxFrameBytes) {
      throw new FrameLengthError(`a frame of ${size} bytes was announced, at most ${this.#maxFrameBytes} are accepted`)
    }
    if (this.#queue.length < lengthBytes + size) return null
    this.#queue.moveInto(Buffer.allocUnsafe(lengthBytes), 0)
    const frame = Buffer.allocUnsafe(size)
    this.#queue.moveInto(frame, 0)
    return frame
  }
}
