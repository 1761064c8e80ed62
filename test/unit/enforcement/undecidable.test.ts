import { describe, expect, it } from 'vitest'
import type { Undecided } from '../../../src/contracts/judgement.ts'
import { actionForUndecided } from '../../../src/enforcement/undecidable.ts'

const changed = Promise.resolve()
const moment = { nowMs: 100_000, undecidableAfterMs: 30_000, deadlinePassed: false, unanswered: false }
const schema = (mode: Undecided['mode'], failingSinceMs: number | null): Undecided => ({
  rule: 'schema-id',
  message: 'schema 7 cannot be had',
  mode,
  cause: { kind: 'schema-unavailable', schemaId: 7, failingSinceMs, changed }
})
const rule = (mode: Undecided['mode']): Undecided => ({ rule: 'r', message: 'm', mode, cause: { kind: 'rule-error' } })

describe('actionForUndecided', () => {
  it('holds an enforced record for a schema that may still come', () => {
    expect(actionForUndecided(schema('reject', null), 'reject', moment)).toEqual({ kind: 'wait', changed })
    expect(actionForUndecided(schema('reject', 80_000), 'accept', moment)).toEqual({ kind: 'wait', changed })
  })

  it('asks the producer to try again once the request has been held long enough', () => {
    const late = { ...moment, deadlinePassed: true }
    expect(actionForUndecided(schema('reject', 80_000), 'reject', late)).toEqual({ kind: 'retry-later' })
  })

  it('follows onUndecidable when the outage is old', () => {
    expect(actionForUndecided(schema('reject', 70_000), 'reject', moment)).toEqual({ kind: 'reject' })
    expect(actionForUndecided(schema('reject', 70_000), 'accept', moment)).toEqual({ kind: 'accept' })
    expect(actionForUndecided(schema('reject', 70_000), 'mark', moment)).toEqual({ kind: 'mark' })
  })

  it('follows onUndecidable after the hold when nobody can be told to try again (acks=0)', () => {
    const late = { ...moment, deadlinePassed: true, unanswered: true }
    expect(actionForUndecided(schema('reject', null), 'reject', late)).toEqual({ kind: 'reject' })
  })

  it('never holds, delays or refuses what is only watched', () => {
    expect(actionForUndecided(schema('observe', null), 'reject', moment)).toEqual({ kind: 'accept' })
    expect(actionForUndecided(schema('mark', 0), 'reject', moment)).toEqual({ kind: 'mark' })
    expect(actionForUndecided(rule('observe'), 'reject', moment)).toEqual({ kind: 'accept' })
  })

  it('decides a rule that failed at once, weakened by the mode of the rule', () => {
    expect(actionForUndecided(rule('reject'), 'reject', moment)).toEqual({ kind: 'reject' })
    expect(actionForUndecided(rule('mark'), 'reject', moment)).toEqual({ kind: 'mark' })
    expect(actionForUndecided(rule('reject'), 'accept', moment)).toEqual({ kind: 'accept' })
  })
})
