/** A clock whose hands the test moves. Timers that are due at the same time fire in the order in which they were set. */
import type { Cancel, Clock } from '../../../src/clock.ts'

export class FakeClock implements Clock {
  #nowMs: number
  #timers: { readonly dueMs: number; readonly run: () => void }[] = []

  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): Cancel {
    const timer = { dueMs: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((t) => t !== timer)
    }
  }

  get pendingTimers(): number {
    return this.#timers.length
  }

  /** How long until the next timer; null when there is none. */
  get nextDelayMs(): number | null {
    const due = this.#timers.map((t) => t.dueMs)
    return due.length === 0 ? null : Math.min(...due) - this.#nowMs
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs
    for (;;) {
      const next = this.#timers.filter((t) => t.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((t) => t !== next)
      this.#nowMs = next.dueMs
      next.run()
    }
    this.#nowMs = untilMs
  }
}
