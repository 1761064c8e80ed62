/**
 * Which connections have shown that they may write to which partitions, as far as the ledger wants to know: before a
 * chain is claimed in a producer's name. Later batches of the chain come on the same connection and need not show it
 * again.
 */
import { placeOf } from './decision.ts'

/** As long as a shown right counts elsewhere, `ConnectionWriteProofs`. */
const shownMs = 60_000
/** Partitions per connection; beyond it the oldest has to be shown again. */
const maxPartitions = 10_000

export class ShownRights {
  readonly #byLane = new WeakMap<AbortSignal, Map<string, number>>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  has(lane: AbortSignal, topic: string, partition: number): boolean {
    const untilMs = this.#byLane.get(lane)?.get(placeOf({ topic, partition }))
    return untilMs !== undefined && untilMs > this.#nowMs()
  }

  add(lane: AbortSignal, topic: string, partition: number): void {
    const places = this.#byLane.get(lane) ?? new Map<string, number>()
    this.#byLane.set(lane, places)
    const place = placeOf({ topic, partition })
    places.delete(place)
    places.set(place, this.#nowMs() + shownMs)
    const oldest = places.keys().next()
    if (places.size > maxPartitions && oldest.done !== true) places.delete(oldest.value)
  }
}
