/** What is known of a batch before it is judged, and its place in its chain after that. */
import type { JudgedBatch } from './chain-state.ts'

/** What is known of a batch before it is judged. */
export type Recall =
  | { readonly kind: 'new' }
  /** Decided before; it is a retry. */
  | { readonly kind: 'known'; readonly batch: JudgedBatch }
  /** The broker has these sequences, none of them was quarantined: it is a retry of what passed. */
  | { readonly kind: 'stored' }
  /** It may be a retry of what the broker has: ask the broker first. */
  | { readonly kind: 'look' }
  /** Other records under sequences that are taken. */
  | { readonly kind: 'reused' }

/** One batch on its way. */
export interface PlanIn<Chain> {
  readonly chain: Chain
  readonly batch: JudgedBatch
  /** Its first sequence as the broker is to see it. */
  readonly up: number
  /** Records that go to the topic. */
  readonly kept: number
  /** Resolves when the chain lets it go, or when `fate` is no longer `waiting`. */
  readonly cleared: Promise<void>
  /** `moved`: the chain is no longer ours. */
  fate: 'waiting' | 'cleared' | 'sent' | 'moved'
}
