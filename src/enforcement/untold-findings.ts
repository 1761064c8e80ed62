/** What was found in batches of chains that have not been settled yet: a retry is not judged again, but told once. */
import type { PartitionDecision } from './decision.ts'
import type { JudgedBatch } from './ledger/chain-state.ts'

export class UntoldFindings {
  readonly #byBatch = new WeakMap<JudgedBatch, PartitionDecision>()

  note(batch: JudgedBatch, decision: PartitionDecision): void {
    if (decision.contract !== null) this.#byBatch.set(batch, withoutBytes(decision))
  }

  /** Null when it was told before, or nothing was noted. */
  take(batch: JudgedBatch): PartitionDecision | null {
    const found = this.#byBatch.get(batch) ?? null
    this.#byBatch.delete(batch)
    return found
  }
}

/** What can be told of a batch, without the batch. */
export function withoutBytes(decision: PartitionDecision): PartitionDecision {
  const { quarantined } = decision
  return {
    ...decision,
    fate: { kind: 'forward' },
    link: null,
    quarantined: quarantined === null ? null : { ...quarantined, records: [] }
  }
}
