import { describe, expect, it } from 'vitest'
import { BatchJudging } from '../../../src/contracts/batch-judging.ts'
import { findingLimits } from '../../../src/contracts/findings.ts'
import type { ActiveMode, Findings } from '../../../src/contracts/findings.ts'
import type { BatchJudgement, Undecided } from '../../../src/contracts/judgement.ts'
import { recordsOf } from '../../support/contracts.ts'

const count = findingLimits.listedRecords + 1_000

/** What comes out when every record of a batch is found bad in the same way. */
function judged(find: (index: number, findings: Findings) => void): { judgement: BatchJudgement; looked: number } {
  const records = { ...recordsOf([]), count, keyLength: () => -1, valueLength: () => -1 }
  let looked = 0
  const judge = {
    judge(index: number, findings: Findings) {
      looked++
      find(index, findings)
    }
  }
  const judging = new BatchJudging(records, judge)
  while (!judging.advance(() => true));
  return { judgement: judging.result(), looked }
}

const breaks =
  (mode: ActiveMode) =>
  (_: number, findings: Findings): void =>
    findings.violate('r', mode, '', 'm')

const pending = (schemaId: number, mode: ActiveMode): Undecided => ({
  rule: 'schema',
  message: 'm',
  mode,
  cause: { kind: 'schema-unavailable', schemaId, failingSinceMs: null, changed: Promise.resolve() }
})

describe('a batch with more bad records than are listed', () => {
  it.each(['reject', 'quarantine'] as const)('is not judged to its end where a check in %s is broken', (mode) => {
    const { judgement, looked } = judged(breaks(mode))
    expect(looked).toBe(findingLimits.listedRecords)
    expect(judgement).toMatchObject({ recordCount: count, unlisted: 0 })
    expect(judgement.records).toHaveLength(findingLimits.listedRecords)
  })

  it.each(['observe', 'mark'] as const)(
    'is judged to its end where a check in %s is broken, and the rest counted',
    (mode) => {
      const { judgement, looked } = judged(breaks(mode))
      expect(looked).toBe(count)
      expect(judgement.unlisted).toBe(1_000)
      expect(new Set(judgement.records.map(({ violations }) => violations)).size).toBe(
        findingLimits.detailedRecords + 1
      )
    }
  )

  it('is not judged beyond the record that refuses it, which is listed', () => {
    const { judgement, looked } = judged((index, findings) =>
      breaks(index === count - 10 ? 'reject' : 'observe')(0, findings)
    )
    expect(looked).toBe(count - 9)
    expect(judgement.records.at(-1)).toMatchObject({ index: count - 10, violations: [{ mode: 'reject' }] })
    expect(judgement.unlisted).toBe(990)
  })

  it('lists one record for each schema that is waited for, and none for what is only watched', () => {
    const { judgement } = judged((index, findings) => {
      if (index < findingLimits.listedRecords) breaks('observe')(0, findings)
      else findings.undecide(pending(index % 3, index % 3 === 0 ? 'observe' : 'reject'))
    })
    const { listedRecords } = findingLimits
    expect(judgement.records.slice(listedRecords).map(({ undecided }) => undecided[0]?.cause)).toMatchObject([
      { schemaId: 1 },
      { schemaId: 2 }
    ])
    expect(judgement.unlisted).toBe(998)
  })
})
