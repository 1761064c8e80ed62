/** Where what the registry client reports goes: metrics and now and then a log line. */
import type { LogLimiter } from '../observability/log-limiter.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { RegistryEvents } from '../registry/types.ts'

export interface RegistryReportParts {
  readonly metrics: Metrics
  readonly logger: Logger
  readonly limiter: LogLimiter
  readonly url: string
}

/** A stale schema that is not used any more is no concern: how long a use counts for the gauge. */
const usedWithinMs = 60_000

export function registryEvents({ metrics, logger, limiter, url }: RegistryReportParts): RegistryEvents {
  let oldestStaleSinceMs: number | null = null
  let staleUsedAtMs = 0
  metrics.schemaStalenessFrom(() => {
    const now = Date.now()
    if (oldestStaleSinceMs === null || now - staleUsedAtMs > usedWithinMs) {
      oldestStaleSinceMs = null
      return 0
    }
    return (now - oldestStaleSinceMs) / 1_000
  })
  return {
    asked(outcome) {
      metrics.registryLookup(outcome === 'found' ? 'fetched' : outcome === 'absent' ? 'not-found' : 'failed')
      if (outcome !== 'unavailable') return
      const suppressed = limiter.admit('registry', Date.now())
      if (suppressed !== null) logger.warn('the schema registry cannot be asked', { url, suppressed })
    },
    lookedUp(outcome) {
      if (outcome === 'ready') metrics.registryLookup('hit')
      else if (outcome === 'limited') metrics.registryLookup('limited')
    },
    servedStale(sinceMs) {
      staleUsedAtMs = Date.now()
      oldestStaleSinceMs = oldestStaleSinceMs === null ? sinceMs : Math.min(oldestStaleSinceMs, sinceMs)
    },
    storeFailed(message) {
      if (limiter.admit('schema-store', Date.now()) !== null) {
        logger.warn('the copy of a schema cannot be kept', { error: message })
      }
    }
  }
}
