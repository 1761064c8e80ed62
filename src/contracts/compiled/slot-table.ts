/** Where compiled rules find what they read: slots of the payloads, and facts of the record around them. */
import type { Fold } from './item-folds.ts'

/** One field of a payload, or of the items of a list in it. */
export interface FieldRead {
  readonly side: 'key' | 'value'
  /** Names from the payload's root, as in `SlotPath`; with `list`, from the item. */
  readonly steps: readonly string[]
  /** The list, by names from the root, whose items are read one after the other. */
  readonly list?: readonly string[]
}

/** Different for different reads. */
export function nameOfRead({ side, steps, list }: FieldRead): string {
  return JSON.stringify(list === undefined ? [side, ...steps] : [side, list, ...steps])
}

/** Which slot a field was given. */
export interface SlotTable {
  /** Throws for a field that `readsOfExpression` did not announce: a fault of ours. */
  slotOf(read: FieldRead): number
  /** The symbols of the enum in that slot; null when it holds none. */
  symbolsOf(slot: number): readonly string[] | null
  /** The scale of the decimals in that slot; null when it holds none. */
  scaleOf(slot: number): number | null
  /**
   * Has the items of a list judged while they are in their slots. The slot it returns then tells in `kinds` what came
   * of it (`folded`), and in `numbers` of how many items: of all of them, or it means nothing.
   */
  addFold(list: FieldRead, fold: Fold): number
}

export interface RecordFacts {
  readonly topic: string
  readonly partition: number
  timestampMs(): number
}
