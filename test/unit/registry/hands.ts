/** A clock whose hands the test moves. */
import type { Clock } from '../../../src/registry/types.ts'

export class Hands implements Clock {
  #nowMs = 1_000_000
  #timers: { atMs: number; run: () => void }[] = []

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  get waiting(): number {
    return this.#timers.length
  }

  advance(byMs: number): void {
    this.#nowMs += byMs
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs)
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs)
    for (const { run } of due) run()
  }

  /** Resolves when something waits for the clock; real time passes meanwhile, for sockets. */
  async untilWaiting(): Promise<void> {
    for (let turns = 0; this.#timers.length === 0 && turns < 2_000; turns++) {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}
