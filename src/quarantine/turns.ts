/**
 * Turns of the event loop for everything else in the process: what is read of quarantine is read where producers are
 * served, and none of them may wait until it is done.
 */
import { setImmediate } from 'node:timers/promises'

const most = {
  /** Records, or work of that size, in one turn. */
  records: 500,
  /** Milliseconds in one turn; one batch takes as long as it takes. */
  ms: 4
} as const

export class Turns {
  #records = 0
  #sinceMs = performance.now()

  /** Counts one record. True: `give` is to be awaited before the next. */
  isOver(): boolean {
    this.#records += 1
    return this.#records >= most.records || performance.now() - this.#sinceMs >= most.ms
  }

  async give(): Promise<void> {
    await setImmediate()
    this.#records = 0
    this.#sinceMs = performance.now()
  }
}
