/**
 * A rate limit with a burst: look-ups of ids nobody has seen yet are the one thing a producer can make us ask at will.
 */
import type { Clock } from './types.ts'

export class TokenBucket {
  readonly #clock: Clock
  readonly #burst: number
  readonly #perSecond: number
  #tokens: number
  #filledMs: number

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock
    this.#burst = burst
    this.#perSecond = perSecond
    this.#tokens = burst
    this.#filledMs = clock.nowMs()
  }

  take(): boolean {
    if (!this.canTake()) return false
    this.#tokens -= 1
    return true
  }

  /** Whether `take` would succeed now. */
  canTake(): boolean {
    const nowMs = this.#clock.nowMs()
    // A clock that is set back must not take tokens away.
    const gained = (Math.max(0, nowMs - this.#filledMs) / 1000) * this.#perSecond
    this.#tokens = Math.min(this.#burst, this.#tokens + gained)
    this.#filledMs = nowMs
    return this.#tokens >= 1
  }
}
