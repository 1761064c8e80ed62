/** Some of the records of a batch, seen as a batch of their own, so that a large one is judged in several turns. */
import type { RecordBytes } from '../contracts/judgement.ts'

export class RecordSlice implements RecordBytes {
  readonly count: number
  readonly #all: RecordBytes
  readonly #from: number

  constructor(all: RecordBytes, from: number, to: number) {
    this.#all = all
    this.#from = from
    this.count = to - from
  }

  get bytes(): Buffer {
    return this.#all.bytes
  }

  keyLength(index: number): number {
    return this.#all.keyLength(index + this.#from)
  }

  keyStart(index: number): number {
    return this.#all.keyStart(index + this.#from)
  }

  valueLength(index: number): number {
    return this.#all.valueLength(index + this.#from)
  }

  valueStart(index: number): number {
    return this.#all.valueStart(index + this.#from)
  }

  headerCount(index: number): number {
    return this.#all.headerCount(index + this.#from)
  }

  forEachHeader(index: number, visit: Parameters<RecordBytes['forEachHeader']>[1]): void {
    this.#all.forEachHeader(index + this.#from, visit)
  }

  timestampMs(index: number): number {
    return this.#all.timestampMs(index + this.#from)
  }
}
