/**
 * What one turn has to say to one socket, sent as one write: the socket is corked, neighbours in memory go as one piece.
 *
 * Knows when the kernel has taken what: memory that was reserved, or that is used again for reading, is let go then and
 * not before. Mostly that is at once.
 */
import type { Socket } from 'node:net'
import type { Ticket } from './byte-budget.ts'
import type { ReadBuffer } from './read-buffers.ts'

type Reserved = Pick<Ticket, 'release'>

interface Part {
  bytes: Buffer
  readonly reserved: Reserved[]
}

/** Bytes with reserved memory that the socket has not taken yet. */
interface Sending {
  sinceMs: number
  takenBytes: number
}

export class Outlet {
  readonly #socket: Socket
  readonly #nowMs: () => number
  readonly #sending = new Set<Sending>()
  #parts: Part[] = []

  constructor(socket: Socket, nowMs: () => number) {
    this.#socket = socket
    this.#nowMs = nowMs
  }

  /** False when nothing can be sent any more. */
  get open(): boolean {
    return !this.#socket.destroyed && !this.#socket.writableEnded
  }

  /** True while the socket has more than it should buffer; its `drain` follows. */
  get blocked(): boolean {
    return this.#socket.writableNeedDrain && this.#socket.writableLength > 0
  }

  /** To be sent by the next `flush`. `reserved`: released when the kernel has taken the bytes, or the socket is gone. */
  add(bytes: Buffer, reserved: Reserved | null): void {
    const last = this.#parts.at(-1)
    if (last !== undefined && adjacent(last.bytes, bytes)) {
      last.bytes = Buffer.from(last.bytes.buffer, last.bytes.byteOffset, last.bytes.length + bytes.length)
      if (reserved !== null) last.reserved.push(reserved)
    } else {
      this.#parts.push({ bytes, reserved: reserved === null ? [] : [reserved] })
    }
  }

  /** `source`: the buffer of the turn's read, held as long as something of it is under way. */
  flush(source: ReadBuffer | null): void {
    const parts = this.#parts
    if (parts.length === 0) return
    this.#parts = []
    const settlements = parts.map((part) => this.#settlement(part, source))
    if (this.open) {
      if (parts.length > 1) this.#socket.cork()
      parts.forEach(({ bytes }, i) => {
        const settle = settlements[i]
        if (settle === null || settle === undefined) this.#socket.write(bytes)
        else this.#socket.write(bytes, settle)
      })
      if (parts.length > 1) this.#socket.uncork()
      if (this.#socket.writableLength > 0) return
    }
    for (const settle of settlements) settle?.()
  }

  /** True when it takes what is reserved slower than `minBytesPerSecond`; looked at anew after every `windowMs`. */
  stalled(minBytesPerSecond: number, windowMs: number): boolean {
    const nowMs = this.#nowMs()
    for (const sending of this.#sending) {
      const elapsedMs = nowMs - sending.sinceMs
      if (elapsedMs < windowMs) continue
      const taken = this.#takenBytes
      if (taken - sending.takenBytes < (minBytesPerSecond * elapsedMs) / 1_000) return true
      Object.assign(sending, { sinceMs: nowMs, takenBytes: taken })
    }
    return false
  }

  /** What is to be done once the bytes are through; null when nothing waits for that. Idempotent. */
  #settlement({ bytes, reserved }: Part, source: ReadBuffer | null): (() => void) | null {
    const held = source?.contains(bytes) === true ? source : null
    if (held === null && reserved.length === 0) return null
    held?.hold()
    const sending = { sinceMs: this.#nowMs(), takenBytes: this.#takenBytes }
    if (reserved.length > 0) this.#sending.add(sending)
    let settled = false
    return () => {
      if (settled) return
      settled = true
      this.#sending.delete(sending)
      held?.letGo()
      for (const ticket of reserved) ticket.release()
    }
  }

  /** Bytes that the kernel has taken; `bytesWritten` counts what is still buffered here as well. */
  get #takenBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength
  }
}

function adjacent(a: Buffer, b: Buffer): boolean {
  return a.buffer === b.buffer && a.byteOffset + a.length === b.byteOffset
}
