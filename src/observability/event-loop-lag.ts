/** How late timers run, between one scrape and the next. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** The timer whose lateness is measured; finer ones cost more than they tell. */
const resolutionMs = 10

export class EventLoopLag {
  readonly #histogram: ReturnType<typeof monitorEventLoopDelay>

  constructor() {
    this.#histogram = monitorEventLoopDelay({ resolution: resolutionMs })
    this.#histogram.enable()
  }

  /**
   * Quantile to seconds since the last call. What the histogram holds includes the timer's own period, which is no
   * lag.
   */
  take(): readonly (readonly [quantile: string, seconds: number])[] {
    const lag = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000)
    const isEmpty = this.#histogram.count === 0
    const read = (percentile: number): number => (isEmpty ? 0 : lag(this.#histogram.percentile(percentile)))
    const values = [
      ['0.5', read(50)],
      ['0.99', read(99)],
      ['1', isEmpty ? 0 : lag(this.#histogram.max)]
    ] as const
    this.#histogram.reset()
    return values
  }

  close(): void {
    this.#histogram.disable()
  }
}
