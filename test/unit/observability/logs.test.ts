import { describe, expect, it } from 'vitest'
import { Activity } from '../../../src/observability/activity.ts'
import { logFields } from '../../../src/observability/log-fields.ts'
import { LogLimiter } from '../../../src/observability/log-limiter.ts'
import type { LoggerOptions } from '../../../src/observability/logger.ts'
import { createLogger, errorFields } from '../../../src/observability/logger.ts'

function captured(options: Omit<LoggerOptions, 'destination'>): {
  logger: ReturnType<typeof createLogger>
  lines: string[]
} {
  const lines: string[] = []
  const logger = createLogger({ ...options, destination: { write: (line: string) => lines.push(line) } })
  return { logger, lines }
}

describe('a JSON log line', () => {
  it('has the level by name, the time in ISO 8601, the fields and the sentence', () => {
    const { logger, lines } = captured({ level: 'info', format: 'json' })
    logger
      .child({ role: 'proxy' })
      .warn('broker unreachable', { upstream: 'kafka-1:9092', attempt: 2, error: undefined })
    const line = JSON.parse(lines[0]!) as Record<string, unknown>
    expect(line).toMatchObject({
      level: 'warn',
      role: 'proxy',
      upstream: 'kafka-1:9092',
      attempt: 2,
      msg: 'broker unreachable'
    })
    expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(Object.keys(line).filter((key) => !['level', 'time', 'msg'].includes(key) && !(key in logFields))).toEqual(
      []
    )
    expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1)
  })

  it('is left out below the level', () => {
    const { logger, lines } = captured({ level: 'error', format: 'json' })
    logger.warn('no')
    logger.info('no')
    logger.error('yes')
    logger.fatal('yes')
    expect(lines).toHaveLength(2)
    const silent = captured({ level: 'silent', format: 'json' })
    silent.logger.fatal('no')
    expect(silent.lines).toEqual([])
  })

  it('cannot be forged by what a client sends', () => {
    const { logger, lines } = captured({ level: 'info', format: 'json' })
    logger.info('hello', { clientId: 'x"}\n{"level":"fatal"' })
    expect(lines).toHaveLength(1)
    expect((JSON.parse(lines[0]!) as { clientId: string }).clientId).toContain('fatal')
  })
})

describe('errors in logs', () => {
  it('have message and stack; anything else that was thrown, its text', () => {
    expect(errorFields(new Error('boom'))).toMatchObject({
      error: 'boom',
      stack: expect.stringContaining('logs.test') as string
    })
    expect(errorFields('text')).toEqual({ error: 'text' })
  })
})

describe('LogLimiter', () => {
  it('admits a few lines per key and interval, then says how many it left out', () => {
    const limiter = new LogLimiter({ lines: 2, intervalMs: 1000, keys: 10 })
    expect([0, 1, 2, 999].map((nowMs) => limiter.admit('a', nowMs))).toEqual([0, 0, null, null])
    expect(limiter.admit('b', 5)).toBe(0)
    expect(limiter.admit('a', 1000)).toBe(2)
    expect(limiter.admit('a', 2000)).toBe(0)
  })

  it('forgets keys at its bound', () => {
    const limiter = new LogLimiter({ lines: 1, intervalMs: 1000, keys: 2 })
    for (const key of ['a', 'b', 'c']) limiter.admit(key, 0)
    expect(limiter.admit('a', 1)).toBe(0)
    expect(limiter.admit('c', 1)).toBeNull()
  })
})

describe('Activity', () => {
  it('counts per topic and per producer, those with violations first', () => {
    const activity = new Activity({ topics: 10, producers: 10 })
    activity.recordsJudged('t', { clientId: 'good', principal: null }, 'accept', 5, 200)
    activity.recordsJudged('t', { clientId: 'bad', principal: 'User:b' }, 'accept', 1, 100)
    activity.recordsJudged('t', { clientId: 'bad', principal: 'User:b' }, 'reject', 2, 150)
    activity.recordsJudged('t', { clientId: 'none', principal: null }, 'reject', 0, 300)
    expect(activity.topics()).toEqual([
      {
        topic: 't',
        records: { accept: 6, observe: 0, mark: 0, quarantine: 0, reject: 2, 'refused-with-batch': 0 },
        lastSeenMs: 150,
        lastViolationMs: 150
      }
    ])
    expect(
      activity
        .producers()
        .map(({ clientId, principal, records }) => [clientId, principal, records.accept, records.reject])
    ).toEqual([
      ['bad', 'User:b', 1, 2],
      ['good', null, 5, 0]
    ])
  })

  it('forgets the least recently seen at its bounds, and tells no id from an empty one', () => {
    const activity = new Activity({ topics: 2, producers: 3 })
    for (let index = 0; index < 50; index++)
      activity.recordsJudged(`t${index}`, { clientId: `c${index}`, principal: null }, 'accept', 1, index)
    expect(activity.topics().map(({ topic }) => topic)).toEqual(['t48', 't49'])
    expect(activity.producers()).toHaveLength(3)
    const both = new Activity({ topics: 2, producers: 3 })
    for (const clientId of [null, '']) both.recordsJudged('t', { clientId, principal: null }, 'accept', 1, 1)
    expect(both.producers()).toHaveLength(2)
  })
})
