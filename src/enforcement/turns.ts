/**
 * Who may keep the event loop busy, and for how long. Work that is not done when its turn is over waits in line for
 * another: one turn per round of the loop, so that many large requests together stop the small ones no longer than one.
 */
import { setImmediate as nextRound } from 'node:timers/promises'

/** Long enough for nearly every request to need one turn only, short next to the latency of a broker. */
const turnMs = 10

export class Turn {
  readonly #nowMs: () => number
  #startMs: number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#startMs = nowMs()
  }

  /** Asked now and then by what is at work; what has to go on then waits for `Turns.next`. */
  readonly isOver = (): boolean => {
    // A clock that was set back ends the turn as well.
    return Math.abs(this.#nowMs() - this.#startMs) >= turnMs
  }

  restart(): void {
    this.#startMs = this.#nowMs()
  }
}

export class Turns {
  readonly #nowMs: () => number
  /** The end of the line. */
  #last: Promise<void> = Promise.resolve()

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** The first turn of a request, at once. */
  begin(): Turn {
    return new Turn(this.#nowMs)
  }

  /** Resolves when it is this one's turn again, after all that came to wait before. */
  async next(turn: Turn): Promise<void> {
    this.#last = this.#last.then(() => nextRound())
    await this.#last
    turn.restart()
  }
}
