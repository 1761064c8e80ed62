/**
 * How much memory the frames that are held may take together, in one process.
 *
 * The size of a frame is reserved before its body is read, so a client that announces much and sends little is refused
 * nothing but also costs nothing but numbers; and a frame whose size was granted is read to its end whatever the others
 * do, so reserving cannot deadlock. Small requests have a share of their own: large ones that wait never starve them.
 *
 * Waiters are served in order. A frame larger than the whole share is granted when the share is empty, so that a limit
 * set too low slows one client down instead of stopping it for good.
 */
export class ByteBudget {
  readonly #small: Share
  readonly #large: Share

  /** `totalBytes` for both shares together; an eighth of it is kept for frames up to `smallFrameBytes`. */
  constructor(totalBytes: number) {
    const small = Math.floor(totalBytes / 8)
    this.#small = new Share(small)
    this.#large = new Share(totalBytes - small)
  }

  /** Bytes reserved now. */
  get reservedBytes(): number {
    return this.#small.reserved + this.#large.reserved
  }

  get waiting(): number {
    return this.#small.waiters.length + this.#large.waiters.length
  }

  /**
   * Reserves `bytes` now, or later: then `granted` is called when they are reserved. The ticket tells which, releases
   * the bytes, or gives up the place in the queue.
   */
  reserve(bytes: number, granted: () => void): Ticket {
    const share = bytes <= smallFrameBytes ? this.#small : this.#large
    return share.reserve(bytes, granted)
  }
}

/** A frame up to this size is small: what a heartbeat, a commit or a single record takes, with room to spare. */
export const smallFrameBytes = 64 * 1024

export interface Ticket {
  /** As reserved. */
  readonly bytes: number
  readonly granted: boolean
  /** What is held turned out larger (a rebuilt batch): counted without waiting, because it is there already. */
  grow(bytes: number): void
  /** Idempotent. */
  release(): void
}

interface Waiter {
  readonly bytes: number
  readonly grant: () => void
}

class Share {
  readonly #capacity: number
  reserved = 0
  waiters: Waiter[] = []
  #serving = false

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  reserve(bytes: number, granted: () => void): Ticket {
    let state: 'waiting' | 'granted' | 'released' = 'waiting'
    let held = bytes
    const waiter: Waiter = {
      bytes,
      grant: () => {
        state = 'granted'
        granted()
      }
    }
    if (this.waiters.length === 0 && this.#fits(bytes)) {
      this.reserved += bytes
      state = 'granted'
    } else {
      this.waiters.push(waiter)
    }
    return {
      bytes,
      get granted() {
        return state === 'granted'
      },
      grow: (more) => {
        if (state !== 'granted') return
        held += more
        this.reserved += more
      },
      release: () => {
        if (state === 'granted') this.reserved -= held
        else if (state === 'waiting') this.waiters = this.waiters.filter((other) => other !== waiter)
        else return
        state = 'released'
        this.#serve()
      }
    }
  }

  #fits(bytes: number): boolean {
    return this.reserved === 0 || this.reserved + bytes <= this.#capacity
  }

  #serve(): void {
    // What is granted may release something at once: the loop that is running takes care of it, not a nested one.
    if (this.#serving) return
    this.#serving = true
    try {
      this.#grantWaiters()
    } finally {
      this.#serving = false
    }
  }

  #grantWaiters(): void {
    while (this.waiters.length > 0 && this.#fits(this.waiters[0]!.bytes)) {
      const next = this.waiters.shift()!
      this.reserved += next.bytes
      next.grant()
    }
  }
}
