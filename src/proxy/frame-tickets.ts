/**
 * The memory of the request frames that one connection holds: the one that is read or judged, and those that wait for
 * their departure before it. They leave in the order in which they came, so the oldest is always the next to go.
 *
 * A frame that somebody else still looks at (a judgement under way, an append that has not been acknowledged) stays in
 * memory whatever becomes of the connection. Its reservation does, too, until that is over.
 */
import type { Ticket } from './byte-budget.ts'

export class FrameTickets {
  #frames: FrameTicket[] = []

  /** Frames held, one that still waits for its memory included. */
  get size(): number {
    return this.#frames.length
  }

  add(ticket: Ticket): void {
    this.#frames.push(new FrameTicket(ticket))
  }

  /** The youngest frame stays in memory at least until then. */
  lend(until: Promise<unknown>): void {
    this.#frames.at(-1)?.lend(until)
  }

  /**
   * The youngest frame that is here takes more memory than was reserved for it. It has it already; others wait for it. One
   * behind it that waits for its own memory could not count it.
   */
  grow(bytes: number): void {
    this.#frames.findLast((frame) => frame.granted)?.grow(bytes)
  }

  /** The oldest frame goes; whoever takes its ticket releases it. */
  shift(): FrameTicket | undefined {
    return this.#frames.shift()
  }

  releaseAll(): void {
    const frames = this.#frames
    this.#frames = []
    for (const frame of frames) frame.release()
  }
}

/**
 * The ticket of a frame that nobody looks at any more when it has left: its memory does not wait for the collector then.
 * Views of it that somebody kept all the same have length 0 from then on.
 */
export function withItsMemory(ticket: Pick<Ticket, 'release'>, frame: Buffer): Pick<Ticket, 'release'> {
  return {
    release: () => {
      ticket.release()
      const memory = frame.buffer
      if (memory instanceof ArrayBuffer && memory.byteLength === frame.length) memory.transfer(0)
    }
  }
}

export class FrameTicket {
  readonly #ticket: Ticket
  #borrowers = 0
  #released = false

  constructor(ticket: Ticket) {
    this.#ticket = ticket
  }

  /** As reserved. */
  get bytes(): number {
    return this.#ticket.bytes
  }

  get granted(): boolean {
    return this.#ticket.granted
  }

  grow(bytes: number): void {
    this.#ticket.grow(bytes)
  }

  lend(until: Promise<unknown>): void {
    this.#borrowers += 1
    const giveBack = (): void => {
      this.#borrowers -= 1
      if (this.#released && this.#borrowers === 0) this.#ticket.release()
    }
    void until.then(giveBack, giveBack)
  }

  /** Idempotent. Takes effect when nobody looks at the frame any more. */
  release(): void {
    this.#released = true
    if (this.#borrowers === 0) this.#ticket.release()
  }
}
