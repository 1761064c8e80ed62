import { afterAll, describe, expect, it } from 'vitest'
import { ledgerEvents } from '../../../src/instance/ledger-report.ts'
import { LogLimiter } from '../../../src/observability/log-limiter.ts'
import { createLogger } from '../../../src/observability/logger.ts'
import { Metrics } from '../../../src/observability/metrics.ts'
import type { TopicFinding } from '../../../src/quarantine/topics.ts'

const metrics = new Metrics({ version: 'test', maxTopics: 10 })
afterAll(() => metrics.close())

interface Line {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

function setUp(): { events: ReturnType<typeof ledgerEvents>; lines: Line[] } {
  const lines: Line[] = []
  const destination = { write: (line: string) => lines.push(JSON.parse(line) as Line) }
  const logger = createLogger({ level: 'info', format: 'json', destination })
  const limiter = new LogLimiter({ lines: 2, intervalMs: 10_000, keys: 100 })
  return { lines, events: ledgerEvents({ metrics, logger, limiter, nowMs: () => 1 }) }
}

const problem: TopicFinding = {
  level: 'problem',
  code: 'no-read',
  topic: 'orders',
  message: 'nobody tells us',
  remedy: 'allow it'
}

describe('what keeps records from being quarantined', () => {
  it('is an error in the log, with what is wrong and the remedy', () => {
    const { events, lines } = setUp()
    events.topic(problem)
    events.unprepared(new Error('no broker answers'))
    expect(lines).toMatchObject([
      {
        level: 'error',
        msg: 'records cannot be quarantined',
        topic: 'orders',
        cause: 'no-read',
        error: 'nobody tells us',
        remedy: 'allow it'
      },
      { level: 'error', msg: 'records cannot be quarantined', error: 'no broker answers' }
    ])
    expect(lines[1]!['remedy']).toContain('kontrakt doctor')
  })

  it('is told so often and no more', () => {
    const { events, lines } = setUp()
    for (let i = 0; i < 100; i++) events.topic(problem)
    for (let i = 0; i < 100; i++) events.unprepared(new Error('no broker answers'))
    expect(lines).toHaveLength(4)
  })

  it('is a warning where it works all the same, and a topic that is fine is not mentioned', () => {
    const { events, lines } = setUp()
    events.topic({ ...problem, level: 'warning' })
    events.topic({ ...problem, level: 'ok', code: 'fine' })
    events.topic({ ...problem, level: 'ok', code: 'created' })
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info'])
  })
})
