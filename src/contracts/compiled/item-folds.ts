/**
 * Verdicts about the items of a list, made into one while the validator shows them one after the other: what a loop of
 * an expression, or a constraint behind `[]`, says of the list.
 */
import type { Slots } from '../payload/compiled.ts'

/** What came of a list so far, or says its next item. */
export const folded = {
  false: 0,
  true: 1,
  /** Look closer: nothing may be built upon it. */
  unknown: 2,
  /** Certainly an error, but not for want of work: see `Writer`. */
  error: 3,
  /** True more often than `exists_one` wants it. Never of an item. */
  several: 4
} as const

export type Folded = (typeof folded)[keyof typeof folded]

export type FoldKind = 'all' | 'exists' | 'exists_one'

export interface Fold {
  readonly kind: FoldKind
  /** Of the item that is in the slots. Does not throw. */
  readonly judge: (slots: Slots, bytes: Buffer) => 0 | 1 | 2 | 3
}

interface Rules {
  readonly first: Folded
  /** What comes next: by what came of it so far, then by what the item says. */
  readonly next: Uint8Array
}

const verdicts = 4

/** A state that is not listed stays as it is: there the reference has stopped. */
function rules(first: Folded, steps: Readonly<Partial<Record<Folded, readonly Folded[]>>>): Rules {
  const next = new Uint8Array(5 * verdicts)
  for (let state = 0; state < 5; state++) {
    const known = steps[state as Folded]
    for (let verdict = 0; verdict < verdicts; verdict++) next[state * verdicts + verdict] = known?.[verdict] ?? state
  }
  return { first, next }
}

/** As `emit-loop.ts` has them: an error counts where nothing decides, except for `exists_one`, where it ends it. */
const rulesOf: Readonly<Record<FoldKind, Rules>> = {
  all: rules(folded.true, {
    [folded.true]: [folded.false, folded.true, folded.unknown, folded.error],
    [folded.error]: [folded.false, folded.error, folded.unknown, folded.error]
  }),
  exists: rules(folded.false, {
    [folded.false]: [folded.false, folded.true, folded.unknown, folded.error],
    [folded.error]: [folded.error, folded.true, folded.unknown, folded.error]
  }),
  exists_one: rules(folded.false, {
    [folded.false]: [folded.false, folded.true, folded.unknown, folded.error],
    [folded.true]: [folded.true, folded.several, folded.unknown, folded.error],
    [folded.several]: [folded.several, folded.several, folded.unknown, folded.error]
  })
}

/** The folds over one list. */
export class ItemFolds {
  readonly #folds: { readonly slot: number; readonly judge: Fold['judge']; readonly rules: Rules }[] = []

  /** For `ListVisit`; folds may still be added after it was handed out. */
  readonly visit = (slots: Slots, bytes: Buffer): void => {
    for (const { slot, judge, rules } of this.#folds) {
      slots.numbers[slot]! += 1
      slots.kinds[slot] = rules.next[slots.kinds[slot]! * verdicts + judge(slots, bytes)]!
    }
  }

  /** @param slot is this fold's alone */
  add(slot: number, { kind, judge }: Fold): void {
    this.#folds.push({ slot, judge, rules: rulesOf[kind] })
  }

  /** Before each payload. */
  start(slots: Slots): void {
    for (const { slot, rules } of this.#folds) {
      slots.numbers[slot] = 0
      slots.kinds[slot] = rules.first
    }
  }
}
