/**
 * How bytes of a socket arrive. Reads go into memory that is used again (`ReadBuffers`): while a socket waits into the
 * scratch buffer that all share, while much comes into a buffer of its own, and the rest of a large frame that is
 * collected straight to its place. What was read is dealt with before the next read, or copied by whoever keeps it.
 *
 * That takes the `onread` option of sockets. Where it cannot be had the socket is a stream that hands out chunks.
 */
import type { OnReadOpts, Socket } from 'node:net'
import type { ChunkQueue } from '../../protocol/frames/chunk-queue.ts'
import type { ReadBuffer, ReadBuffers } from './read-buffers.ts'

/** Who takes what arrives. Nothing of it may be kept beyond the call but what was shown by way of `source`. */
export interface Consumer {
  /** What arrived before and could not be used yet; put in front of what arrives so that frames lie in one piece. */
  readonly unused: ChunkQueue
  /** `chunk` ends with the `fresh` bytes. `source`: the buffer it lies in; null: memory of its own. */
  arrived(chunk: Buffer, fresh: number, source: ReadBuffer | null): void
  /** Where the next bytes belong; null when that is not known yet. What is given stays valid. */
  place(): Buffer | null
  /** So many bytes arrived there. */
  placed(bytes: number): void
  /** False while the socket is paused: nothing more is read for a while. */
  reads(): boolean
}

/** Below this a copy of its own is cheaper than a buffer, and keeps less memory when it has to wait. */
const smallBytes = 2_048

export class Inlet {
  /** For `net.connect` or `new Socket`; see `attach`. */
  readonly onread: OnReadOpts
  readonly #buffers: ReadBuffers
  #socket: Socket | null = null
  #consumer: Consumer | null = null
  /** What the socket reads into while it is not the scratch buffer. */
  #own: ReadBuffer | null = null
  #place: Buffer | null = null
  /** Free bytes in front of where `#own` is read into, for what is unused. */
  #room = 0

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers
    this.onread = { buffer: () => this.#next(), callback: (length) => this.#read(length) }
  }

  /** `onread`: the socket was made with that option; otherwise it is read as a stream. */
  attach(socket: Socket, how: 'onread' | 'stream'): void {
    this.#socket = socket
    if (how === 'stream') socket.on('data', (chunk: Buffer) => this.#consumer?.arrived(chunk, chunk.length, null))
  }

  /** What arrives before, and after null, is dropped. */
  feed(consumer: Consumer | null): void {
    this.#consumer = consumer
  }

  /** The socket is gone: nothing is read any more. */
  close(): void {
    this.#consumer = null
    this.#own?.letGo()
    this.#own = null
  }

  /** Where the next read goes. */
  #next(): Uint8Array {
    this.#place = this.#consumer?.place() ?? null
    if (this.#place !== null) {
      this.#setOwn(null)
      return this.#place
    }
    if (this.#own === null) return this.#buffers.scratch
    this.#room = Math.min(this.#consumer?.unused.length ?? 0, this.#own.bytes.length >> 1)
    return this.#own.bytes.subarray(this.#room)
  }

  /** Always goes on reading, unless the socket is paused. */
  #read(length: number): true {
    const consumer = this.#consumer
    if (consumer === null) this.#setOwn(null)
    else if (this.#place !== null) consumer.placed(length)
    else if (this.#own !== null) this.#readOwn(consumer, this.#own, length)
    else this.#readScratch(consumer, length)
    // It was read once more only to learn whether its peer is still there.
    if (consumer?.reads() === false) this.#socket?.pause()
    return true
  }

  #readOwn(consumer: Consumer, own: ReadBuffer, length: number): void {
    const room = this.#room
    const full = room + length === own.bytes.length
    const before = consumer.unused.length
    const start = before <= room ? room - before : room
    if (before <= room) consumer.unused.moveInto(own.bytes.subarray(0, room), start)
    this.#turn(consumer, own, start, room + length, length)
    // Kept only while more seems to wait. When that was all, a socket keeps it until its next read: the kernel knows no
    // other place for that. Half of the buffers at most are kept so.
    if (!full || !consumer.reads()) this.#setOwn(null)
    else if (this.#own === own && !own.reuse()) this.#setOwn(this.#buffers.take(true))
  }

  #readScratch(consumer: Consumer, length: number): void {
    const { scratch } = this.#buffers
    const before = consumer.unused.length
    const buffer = length > smallBytes ? this.#buffers.take(false) : null
    if (buffer === null || before + length > buffer.bytes.length) {
      buffer?.letGo()
      consumer.arrived(Buffer.from(scratch.subarray(0, length)), length, null)
      return
    }
    consumer.unused.moveInto(buffer.bytes, 0)
    scratch.copy(buffer.bytes, before, 0, length)
    this.#turn(consumer, buffer, 0, before + length, length)
    buffer.letGo()
    if (length === scratch.length && consumer.reads()) this.#setOwn(this.#buffers.take(true))
  }

  #turn(consumer: Consumer, buffer: ReadBuffer, start: number, end: number, fresh: number): void {
    buffer.hold()
    consumer.arrived(buffer.bytes.subarray(start, end), fresh, buffer)
    consumer.unused.own()
    buffer.letGo()
  }

  #setOwn(own: ReadBuffer | null): void {
    this.#own?.letGo()
    this.#own = own
  }
}
