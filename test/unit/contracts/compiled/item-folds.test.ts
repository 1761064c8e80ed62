import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { folded, ItemFolds } from '../../../../src/contracts/compiled/item-folds.ts'
import type { FoldKind } from '../../../../src/contracts/compiled/item-folds.ts'
import { Slots } from '../../../../src/contracts/payload/compiled.ts'

type Verdict = 0 | 1 | 2 | 3

const none = Buffer.alloc(0)

function fold(kind: FoldKind, verdicts: readonly Verdict[]): { readonly came: number; readonly items: number } {
  const slots = new Slots(3)
  const folds = new ItemFolds()
  let item = 0
  folds.add(1, { kind, judge: () => verdicts[item]! })
  folds.start(slots)
  for (; item < verdicts.length; item++) folds.visit(slots, none)
  expect([slots.kinds[0], slots.kinds[2]]).toEqual([0, 0])
  return { came: slots.kinds[1]!, items: slots.numbers[1]! }
}

/** What the reference does with the items; an unknown one may be anything, also the end of the evaluation. */
function expected(kind: FoldKind, verdicts: readonly Verdict[]): number {
  let trues = 0
  let error = false
  for (const verdict of verdicts) {
    if (verdict === folded.unknown) return folded.unknown
    if (kind === 'all' && verdict === folded.false) return folded.false
    if (kind === 'exists' && verdict === folded.true) return folded.true
    if (kind === 'exists_one' && verdict === folded.error) return folded.error
    if (verdict === folded.error) error = true
    if (verdict === folded.true) trues++
  }
  if (error) return folded.error
  if (kind === 'all') return folded.true
  if (kind === 'exists') return folded.false
  return trues === 0 ? folded.false : trues === 1 ? folded.true : folded.several
}

describe('verdicts about items', () => {
  it('become that about the list', () => {
    const verdicts = fc.array(fc.constantFrom<Verdict>(0, 1, 2, 3, 0, 1), { maxLength: 6 })
    fc.assert(
      fc.property(fc.constantFrom<FoldKind>('all', 'exists', 'exists_one'), verdicts, (kind, given) => {
        expect(fold(kind, given)).toEqual({ came: expected(kind, given), items: given.length })
      }),
      { numRuns: 2000 }
    )
  })

  it('start anew with each record, and are kept apart', () => {
    const slots = new Slots(2)
    const folds = new ItemFolds()
    folds.add(0, { kind: 'all', judge: () => 0 })
    folds.add(1, { kind: 'exists', judge: () => 1 })
    for (let record = 0; record < 2; record++) {
      folds.start(slots)
      expect([...slots.kinds, ...slots.numbers]).toEqual([folded.true, folded.false, 0, 0])
      folds.visit(slots, none)
      folds.visit(slots, none)
      expect([...slots.kinds, ...slots.numbers]).toEqual([folded.false, folded.true, 2, 2])
    }
  })
})
