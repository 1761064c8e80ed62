/**
 * What was decided about the sequences of one chain, and what follows from it for the sequences the broker sees.
 *
 * Records that went to quarantine leave no hole behind: every later sequence moves down by as many,
 * `up(s) = s - |quarantined sequences below s|`, so the broker sees an unbroken chain. The mapping depends on nothing but
 * the decisions, so a retry is mapped as the first try was, and the broker recognises it.
 *
 * Kept one by one are the last batches, because only those can be retried: a broker knows the last five of a producer
 * (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`) and an idempotent client has at most five in flight. Of what is older
 * only the number of quarantined records counts.
 */
import type { ChainId } from './ports.ts'
import { addSequence, sequenceDistance } from './sequence.ts'

/** One batch of the producer, with what was decided about it. */
export interface JudgedBatch {
  /** First sequence of the producer's batch. */
  readonly base: number
  /** Records in the producer's batch. */
  readonly count: number
  /** Of the records, see `batchDigest`. */
  readonly digest: string
  /** Indices of the records that went to quarantine, ascending. */
  readonly dropped: readonly number[]
}

export function isSameDecision(a: JudgedBatch, b: JudgedBatch): boolean {
  return a.count === b.count && a.digest === b.digest && a.dropped.length === b.dropped.length
}

/** As it stands in the ledger. */
export interface ChainSnapshot {
  /** From this sequence on `batches` tell what was quarantined. */
  readonly floor: number
  /** How many were quarantined below `floor`; negative where the producer has used sequences again (`goOnFrom`). */
  readonly droppedBelow: number
  /** Only those with quarantined records, in order. */
  readonly batches: readonly JudgedBatch[]
  /** The sequence that the broker is to see next, as far as it had acknowledged; null when it never had. */
  readonly acknowledged: number | null
  /**
   * From the batch with this base on, other owners' copies of batches could still have reached the broker when this was
   * written; null when none could.
   */
  readonly contested: number | null
}

/** Batches kept that reach the broker: a few more than it knows itself, for clients with more than five in flight. */
const keptForwarded = 8
/** Batches kept in all. Those that were quarantined whole reach no broker and are not counted by it. */
const keptBatches = 24

export class ChainState {
  #floor: number
  #droppedBelow: number
  #batches: JudgedBatch[]

  /** `from`: the first sequence that is seen of the chain, when nothing is known of it. */
  constructor(from: number | Pick<ChainSnapshot, 'floor' | 'droppedBelow' | 'batches'>) {
    if (typeof from === 'number') {
      this.#floor = from
      this.#droppedBelow = 0
      this.#batches = []
    } else {
      this.#floor = from.floor
      this.#droppedBelow = from.droppedBelow
      this.#batches = [...from.batches]
    }
  }

  get batches(): readonly JudgedBatch[] {
    return this.#batches
  }

  /** True when the broker sees other sequences than the producer's. */
  get renumbers(): boolean {
    return this.#droppedBelow !== 0 || this.#batches.some((batch) => batch.dropped.length > 0)
  }

  at(base: number): JudgedBatch | undefined {
    return this.#batches.find((batch) => batch.base === base)
  }

  /** The sequence the broker sees instead; null below the floor, where what was quarantined is no longer known. */
  up(sequence: number): number | null {
    if (this.#droppedBelow !== 0 && sequenceDistance(this.#floor, sequence) < 0) return null
    let dropped = this.#droppedBelow
    for (const batch of this.#batches) {
      const inside = sequenceDistance(batch.base, sequence)
      if (inside <= 0) break
      if (inside >= batch.count) dropped += batch.dropped.length
      else dropped += batch.dropped.filter((index) => index < inside).length
    }
    return addSequence(sequence, -dropped)
  }

  /**
   * Notes what was decided. What was known from its base on is replaced, unless it fits in between without changing the
   * sequences of what follows: an earlier owner had judged it clean and did not need to write that down.
   *
   * @returns true when quarantined records were replaced
   */
  add(batch: JudgedBatch): boolean {
    const next = this.#batches.findIndex((other) => sequenceDistance(batch.base, other.base) >= batch.count)
    const before = this.#batches[next - 1]
    const fits = before === undefined || sequenceDistance(addSequence(before.base, before.count), batch.base) >= 0
    if (next >= 0 && fits && batch.dropped.length === 0) {
      this.#batches.splice(next, 0, batch)
      return false
    }
    const replaced = this.cutFrom(batch.base)
    if (this.#batches.length === 0 && this.#droppedBelow === 0) this.#floor = batch.base
    this.#batches.push(batch)
    this.#trim()
    return replaced
  }

  /**
   * Forgets what was decided from this sequence on.
   *
   * @returns true when quarantined records were among it
   */
  cutFrom(base: number): boolean {
    const first = this.#batches.findIndex((batch) => sequenceDistance(base, addSequence(batch.base, batch.count)) > 0)
    if (first < 0) return false
    return this.#batches.splice(first).some((batch) => batch.dropped.length > 0)
  }

  /** From `base` on the broker is to see `up` and what follows; nothing is known any more of what came before. */
  goOnFrom(base: number, up: number): void {
    this.#batches = []
    this.#floor = base
    this.#droppedBelow = sequenceDistance(up, base)
  }

  /** `until`: this batch, and what comes behind it, is left out. */
  snapshot(acknowledged: number | null, contested: number | null, until?: JudgedBatch): ChainSnapshot {
    const end = until === undefined ? this.#batches.length : this.#batches.indexOf(until)
    return {
      floor: this.#floor,
      droppedBelow: this.#droppedBelow,
      batches: this.#batches.slice(0, end).filter((batch) => batch.dropped.length > 0),
      acknowledged,
      contested
    }
  }

  #trim(): void {
    let forwarded = this.#batches.filter((batch) => batch.dropped.length < batch.count).length
    while (forwarded > keptForwarded || this.#batches.length > keptBatches) {
      const oldest = this.#batches.shift()!
      if (oldest.dropped.length < oldest.count) forwarded -= 1
      this.#floor = addSequence(oldest.base, oldest.count)
      this.#droppedBelow += oldest.dropped.length
    }
  }
}

/** With what an instance begins to own a chain. */
export interface ChainStart {
  readonly id: ChainId
  readonly claim: string
  readonly claimOffset: bigint
  readonly state: ChainState
  /** The sequence the broker expects next; null when it knows nothing of this epoch. */
  readonly nextUp: number | null
  /** Nobody else's copies can be on their way. */
  readonly quiet: boolean
  /** What an earlier owner has quarantined of this chain is part of `state`. */
  readonly inherited: Pick<ChainSnapshot, 'contested'> | null
  readonly nowMs: number
}
