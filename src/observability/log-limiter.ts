/**
 * At most a few log lines of a kind per interval, and afterwards how many were left out: a client that is refused a
 * thousand times a second must not fill the disk. The journal and the metrics hold what the log leaves out.
 */
import { LRUCache } from 'lru-cache'

export interface LogLimiterOptions {
  /** Lines of one key per interval. */
  readonly lines: number
  readonly intervalMs: number
  /** Keys remembered; a forgotten key starts anew. */
  readonly keys: number
}

interface Window {
  readonly startMs: number
  written: number
  suppressed: number
}

export class LogLimiter {
  readonly #options: LogLimiterOptions
  readonly #windows: LRUCache<string, Window>

  constructor(options: LogLimiterOptions) {
    this.#options = options
    this.#windows = new LRUCache({ max: options.keys })
  }

  /** Null: leave the line out. Else how many were left out since the last line of this key. */
  admit(key: string, nowMs: number): number | null {
    const window = this.#windows.get(key)
    if (window === undefined || nowMs - window.startMs >= this.#options.intervalMs) {
      this.#windows.set(key, { startMs: nowMs, written: 1, suppressed: 0 })
      return window?.suppressed ?? 0
    }
    if (window.written >= this.#options.lines) {
      window.suppressed += 1
      return null
    }
    window.written += 1
    return 0
  }
}
