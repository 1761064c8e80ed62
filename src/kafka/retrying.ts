/** Asking again, with Kafka's growing pauses, where asking again is safe. */
import { pause, type Clock } from '../clock.ts'
import { isRetriable } from './errors.ts'
import * as limits from './limits.ts'

export interface RetryOptions {
  readonly clock: Clock
  /** No try begins later than this after the first; 0 for a single one. */
  readonly withinMs: number
  /** Ends the pauses; the last error is thrown. */
  readonly signal?: AbortSignal
  /** Default: what Kafka's own client tries again, and lost connections. */
  readonly isRetriable?: (error: unknown) => boolean
}

/** The n-th pause, n from 0 on. */
export function backoffMs(attempt: number): number {
  return Math.min(limits.retryBackoffMaxMs, limits.retryBackoffMs * 2 ** Math.min(attempt, 30))
}

/** Resolves with the first success, rejects with the last error. */
export async function retrying<T>(options: RetryOptions, run: () => Promise<T>): Promise<T> {
  const { clock, withinMs, signal } = options
  const mayPass = options.isRetriable ?? isRetriable
  const untilMs = clock.nowMs() + withinMs
  for (let attempt = 0; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      const pauseMs = backoffMs(attempt)
      if (!mayPass(error) || isOver(signal) || clock.nowMs() + pauseMs > untilMs) throw error
      await pause(clock, pauseMs, signal)
      if (isOver(signal)) throw error
    }
  }
}

/** A function, because the answer changes while we wait. */
function isOver(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
