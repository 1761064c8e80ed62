/** Where what the ledger and its topics tell goes: metrics and now and then a log line. */
import type { EnforcedQuarantineOptions } from '../quarantine/enforced-quarantine.ts'
import type { LogLimiter } from '../observability/log-limiter.ts'
import { errorFields } from '../observability/logger.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'

export interface LedgerReportParts {
  readonly metrics: Metrics
  readonly logger: Logger
  readonly limiter: LogLimiter
  readonly nowMs: () => number
}

export function ledgerEvents({
  metrics,
  logger,
  limiter,
  nowMs
}: LedgerReportParts): EnforcedQuarantineOptions['events'] {
  return {
    unreadable: (offset, reason) => {
      if (limiter.admit('ledger-unreadable', nowMs()) === null) return
      logger.error('a record of the ledger cannot be read and was passed over', { offset: String(offset), reason })
    },
    chainMoved: (topic) => metrics.chainMoved(topic),
    unavailable: (error) => {
      metrics.ledgerFailed()
      if (limiter.admit('ledger', nowMs()) !== null)
        logger.warn('the ledger cannot be asked or written', errorFields(error))
    },
    topic: ({ level, topic, message, remedy, code }) => {
      const fields = { topic, cause: code, remedy: remedy ?? undefined }
      if (level === 'ok') {
        if (code === 'created') logger.info(message, fields)
      } else if (level === 'warning') logger.warn(message, fields)
      else if (limiter.admit(`quarantine-${code}`, nowMs()) !== null) {
        logger.error('records cannot be quarantined', { ...fields, error: message })
      }
    },
    unprepared: (error) => {
      if (limiter.admit('quarantine', nowMs()) === null) return
      logger.error('records cannot be quarantined', {
        ...errorFields(error),
        remedy: 'tried again by itself; see `kontrakt doctor`'
      })
    }
  }
}
