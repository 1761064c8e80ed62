/** Time as a parameter: what waits or stamps takes a `Clock`, so that a test can own the hands. */

/** Undoes a timer. Harmless after it has fired. */
export type Cancel = () => void

export interface Clock {
  /** Wall clock, epoch milliseconds. */
  nowMs(): number
  /** Runs `run` once after `delayMs`. */
  after(delayMs: number, run: () => void): Cancel
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  }
}

/** Resolves after `delayMs`, or as soon as `signal` aborts; never rejects. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve()
      return
    }
    const done = (): void => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(delayMs, done)
    signal?.addEventListener('abort', done)
  })
}
