/**
 * Group commit for those who write: requests may be many small ones or few that carry more, and each costs a write, a
 * read and the broker's work, whatever is in it. Who comes after a pause goes at once; who comes soon after others waits
 * some milliseconds, and leaves together with all who came meanwhile.
 *
 * By the process's own timers and not by a `Clock`: it is about the rounds of the event loop, as `setImmediate` is.
 */
export class Pace {
  readonly #gapMs: number
  #lastMs = -Infinity
  #next: Promise<void> | null = null

  /** `gapMs`: the least time between two departures, which is what a caller can be held up at the most. */
  constructor(gapMs: number) {
    this.#gapMs = gapMs
  }

  /** Resolves with the next departure, never in this round of the event loop: what is asked for in one goes together. */
  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      const leave = (): void => {
        this.#next = null
        this.#lastMs = performance.now()
        resolve()
      }
      const waitMs = this.#lastMs + this.#gapMs - performance.now()
      if (waitMs > 0) setTimeout(leave, waitMs)
      else setImmediate(leave)
    })
    return this.#next
  }
}
