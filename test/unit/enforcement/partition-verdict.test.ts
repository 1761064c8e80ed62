import { describe, expect, it } from 'vitest'
import type {
  BatchJudgement,
  RecordJudgement,
  TopicContract,
  Undecided,
  Violation
} from '../../../src/contracts/judgement.ts'
import type { Mode } from '../../../src/contracts/mode.ts'
import { countVerdicts, partitionVerdict } from '../../../src/enforcement/partition-verdict.ts'
import type { PartitionVerdict, RecordVerdict } from '../../../src/enforcement/partition-verdict.ts'

type Checked = Exclude<Mode, 'off'>

const violation = (mode: Checked, rule = `${mode}-rule`): Violation => ({
  rule,
  path: 'value.x',
  message: 'is bad',
  mode
})

const ruleError = (mode: Checked): Undecided => ({
  rule: 'r',
  message: 'cannot run',
  mode,
  cause: { kind: 'rule-error' }
})

const changed = Promise.resolve()
const missing = (mode: Checked, failingSinceMs: number | null = null): Undecided => ({
  rule: 'schema-id',
  message: 'schema 7 cannot be had',
  mode,
  cause: { kind: 'schema-unavailable', schemaId: 7, failingSinceMs, changed }
})

const nothingFound: BatchJudgement = { recordCount: 0, records: [], unlisted: 0, judgedToEnd: true, examined: 0 }

const contract = (onUndecidable: TopicContract['onUndecidable'] = 'reject'): TopicContract => ({
  policy: { name: 'orders', version: '0123456789ab', file: 'policies/orders.yaml' },
  onUndecidable,
  strongestMode: () => 'reject',
  modeOf: () => 'reject',
  quarantines: () => true,
  quarantineOf: (topic) => ({ topic: `${topic}.quarantine`, values: 'keep', transactions: 'reject', create: null }),
  open: () => ({ advance: () => true, result: () => nothingFound }),
  judge: () => nothingFound
})

const record = (
  index: number,
  violations: readonly Violation[],
  undecided: readonly Undecided[] = []
): RecordJudgement => ({ index, violations, undecided })

const now = { nowMs: 100_000, undecidableAfterMs: 30_000, deadlinePassed: false, unanswered: false }
const late = { ...now, deadlinePassed: true }

interface Given {
  readonly onUndecidable?: TopicContract['onUndecidable']
  readonly moment?: typeof now
  readonly recordCount?: number
  readonly unlisted?: number
  readonly canQuarantine?: boolean
}

const verdict = (
  records: readonly RecordJudgement[],
  { onUndecidable = 'reject', moment = now, recordCount = 10, unlisted = 0, canQuarantine = false }: Given = {}
): PartitionVerdict =>
  partitionVerdict(
    contract(onUndecidable),
    { recordCount, records, unlisted, judgedToEnd: true, examined: 0 },
    moment,
    canQuarantine
  )

const outcomes = (given: PartitionVerdict): [number, string][] =>
  given.kind === 'wait' ? [] : given.records.map(({ index, outcome }) => [index, outcome])

describe('a batch', () => {
  it('that is clean passes without marks', () => {
    expect(verdict([])).toEqual({ kind: 'pass', records: [], marks: new Map(), quarantined: new Map() })
  })

  it('that is only watched passes without marks, and its records are told', () => {
    const given = verdict([record(3, [violation('observe')]), record(5, [violation('observe'), violation('observe')])])
    expect(given).toMatchObject({ kind: 'pass', marks: new Map() })
    expect(outcomes(given)).toEqual([
      [3, 'observe'],
      [5, 'observe']
    ])
  })

  it('that is marked passes with the reasons of the records concerned', () => {
    const given = verdict([
      record(1, [violation('observe')]),
      record(4, [violation('observe'), violation('mark', 'a'), violation('mark', 'b')])
    ])
    expect(outcomes(given)).toEqual([
      [1, 'observe'],
      [4, 'mark']
    ])
    expect(given.kind === 'pass' && [...given.marks]).toEqual([[4, [violation('mark', 'a'), violation('mark', 'b')]]])
  })

  it('is refused for one bad record, with the reasons for which it is bad and no others', () => {
    const given = verdict([
      record(2, [violation('mark')]),
      record(7, [violation('observe'), violation('reject', 'no')])
    ])
    expect(given).toMatchObject({
      kind: 'refuse',
      message: '1 of 10 records breaks orders@0123456789ab; record 7: no at value.x: is bad',
      recordErrors: [{ index: 7, message: 'no at value.x: is bad' }]
    })
    expect(outcomes(given)).toEqual([
      [2, 'mark'],
      [7, 'reject']
    ])
  })

  it('is refused for what would be quarantined, too, as long as single records cannot be', () => {
    const given = verdict([record(0, [violation('quarantine')])])
    expect(given).toMatchObject({ kind: 'refuse', recordErrors: [{ index: 0 }] })
  })

  it('names only checks that count as reasons', () => {
    const given = verdict([record(0, [violation('reject', 'bad')], [ruleError('observe')])])
    expect(given.kind === 'refuse' && given.recordErrors).toEqual([{ index: 0, message: 'bad at value.x: is bad' }])
  })

  it('lists its bad records in ascending order, a thousand at most, and counts all of them', () => {
    const records = Array.from({ length: 1_500 }, (_, index) => record(index * 2, [violation('reject', 'no')]))
    const given = verdict(records, { recordCount: 3_000 })
    if (given.kind !== 'refuse') throw new Error(given.kind)
    expect(given.recordErrors.map(({ index }) => index)).toEqual(records.slice(0, 1_000).map(({ index }) => index))
    expect(given.message).toMatch(/^1500 of 3000 records break orders@/)
    expect(given.records).toHaveLength(1_500)
  })

  it('has bounded messages, whatever a policy says', () => {
    const long = { ...violation('reject'), message: 'x'.repeat(10_000), docs: 'y'.repeat(10_000) }
    const given = verdict([record(0, [long, long, long, long])])
    if (given.kind !== 'refuse') throw new Error(given.kind)
    expect(given.message.length).toBeLessThanOrEqual(1_000)
    expect(given.recordErrors[0]!.message.length).toBeLessThanOrEqual(1_000)
  })
})

describe('a batch with something undecided', () => {
  it('waits for all it may wait for', () => {
    const given = verdict([
      record(0, [], [missing('reject')]),
      record(1, [], [missing('quarantine'), ruleError('mark')])
    ])
    expect(given).toEqual({ kind: 'wait', changed: [changed, changed] })
  })

  it('is refused at once when another record is bad for certain', () => {
    const given = verdict([record(0, [], [missing('reject')]), record(1, [violation('reject')])])
    expect(given).toMatchObject({ kind: 'refuse', recordErrors: [{ index: 1 }] })
    expect(outcomes(given)).toEqual([
      [0, 'observe'],
      [1, 'reject']
    ])
  })

  it('is sent back once it was held long enough, with the first reason', () => {
    const given = verdict([record(4, [], [missing('reject')]), record(6, [violation('mark')])], { moment: late })
    expect(given).toMatchObject({ kind: 'retry-later', message: 'cannot judge now, try again: schema 7 cannot be had' })
    expect(outcomes(given)).toEqual([
      [4, 'observe'],
      [6, 'mark']
    ])
  })

  it('never waits for what only watches', () => {
    const given = verdict([record(0, [], [missing('observe')]), record(1, [], [missing('mark')])])
    expect(given.kind).toBe('pass')
    expect(outcomes(given)).toEqual([
      [0, 'observe'],
      [1, 'mark']
    ])
  })

  it.each([
    ['accept', 'pass', 'observe'],
    ['mark', 'pass', 'mark'],
    ['quarantine', 'refuse', 'reject'],
    ['reject', 'refuse', 'reject']
  ] as const)('does what onUndecidable: %s says once the outage is old', (onUndecidable, kind, outcome) => {
    const given = verdict([record(0, [], [missing('reject', 0)])], { onUndecidable })
    expect(given.kind).toBe(kind)
    expect(outcomes(given)).toEqual([[0, outcome]])
    const reasons = { rule: 'schema-id', path: '', message: 'schema 7 cannot be had' }
    if (given.kind === 'pass') expect([...given.marks]).toEqual(outcome === 'mark' ? [[0, [reasons]]] : [])
    if (given.kind === 'refuse') expect(given.recordErrors[0]!.message).toBe('schema-id: schema 7 cannot be had')
  })

  it('takes the strongest of what is known and what is not', () => {
    const given = verdict([record(0, [violation('mark')], [ruleError('reject')])])
    expect(outcomes(given)).toEqual([[0, 'reject']])
    const weaker = verdict([record(0, [violation('mark')], [ruleError('observe')])])
    expect(outcomes(weaker)).toEqual([[0, 'mark']])
  })
})

describe('counting', () => {
  const of = (index: number, outcome: RecordVerdict['outcome']): RecordVerdict => ({
    index,
    outcome,
    violations: [],
    undecided: []
  })
  const records = [of(0, 'observe'), of(1, 'mark'), of(2, 'reject'), of(3, 'reject')]

  it('tells what passed by what was found', () => {
    expect(countVerdicts(10, records.slice(0, 2), 0, false)).toEqual({
      accept: 8,
      observe: 1,
      mark: 1,
      quarantine: 0,
      reject: 0,
      refusedWithBatch: 0
    })
  })

  it('tells the records that were bad from those that stood beside them', () => {
    const counts = { accept: 0, observe: 0, mark: 0, quarantine: 0, reject: 2, refusedWithBatch: 8 }
    expect(countVerdicts(10, records, 0, true)).toEqual(counts)
  })

  it('takes those that are not listed for watched, or for refused with their batch', () => {
    const passed = { accept: 5, observe: 4, mark: 1, quarantine: 0, reject: 0, refusedWithBatch: 0 }
    expect(countVerdicts(10, records.slice(0, 2), 3, false)).toEqual(passed)
    const refused = { accept: 0, observe: 0, mark: 0, quarantine: 0, reject: 2, refusedWithBatch: 8 }
    expect(countVerdicts(10, records, 3, true)).toEqual(refused)
  })

  it('counts every record exactly once', () => {
    for (const refused of [true, false]) {
      for (let known = 0; known <= records.length; known += 1) {
        for (let unlisted = 0; unlisted <= 10 - known; unlisted += 1) {
          const counts = countVerdicts(10, records.slice(0, known), unlisted, refused)
          const { accept, observe, mark, reject, refusedWithBatch } = counts
          expect(accept + observe + mark + reject + refusedWithBatch).toBe(10)
        }
      }
    }
  })

  it.each([0, -5])('never counts below zero when the header claims %i records', (claimed) => {
    const counts = countVerdicts(claimed, [of(0, 'reject')], 0, true)
    expect(counts).toEqual({ accept: 0, observe: 0, mark: 0, quarantine: 0, reject: 1, refusedWithBatch: 0 })
    expect(countVerdicts(claimed, [], 0, false).accept).toBe(0)
  })
})
