/** Frames out of a byte stream, length prefixes included; shares nothing with the product's own. */

export class FrameSplitter {
  #rest = Buffer.alloc(0)

  /** The frames that are whole now. */
  push(chunk: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk])
    const frames: Buffer[] = []
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readInt32BE(0)
      // Behind a length that cannot be there are no frames any more.
      if (end < 12 || end > this.#rest.length) break
      frames.push(this.#rest.subarray(0, end))
      this.#rest = this.#rest.subarray(end)
    }
    return frames
  }
}
