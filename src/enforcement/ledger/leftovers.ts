/** What is owned, or in the ledger, and not needed any more. */
import type { Chain } from './chain.ts'
import { chainKey, encodeLedgerKey, encodeMarkKey } from './ledger-format.ts'
import type { ChainEntry, LedgerView } from './ledger-view.ts'
import type { MarkedTopics } from './marked-topics.ts'

/** `producer.id.expiration.ms` is a day by default; twice that, so that nothing a broker remembers is removed. */
export const expiryMs = 48 * 60 * 60_000
/** Chains with quarantined records removed in one sweep: each costs a claim and a question. */
const sweepLimit = 1_000

export interface Leftovers {
  /** To be removed as they are. */
  readonly keys: readonly Buffer[]
  /** To be removed when the brokers have forgotten their producers. */
  readonly states: readonly ChainEntry[]
}

/**
 * @param isOwned by the instance that asks, by `chainKey`
 * @param round how often it was asked before: those whose producers are remembered must not keep the others out for ever
 */
export function leftovers(
  view: LedgerView,
  marked: MarkedTopics,
  isOwned: (key: string) => boolean,
  nowMs: number,
  round: number
): Leftovers {
  const oldMs = nowMs - expiryMs
  const old = [...view.entries()].filter(({ writtenMs }) => writtenMs < oldMs)
  // Of claims without a state nothing is lost: whoever made them claims again when the producer comes back.
  const claims = old.filter(({ state, chain }) => state === null && !isOwned(chainKey(chain)))
  const marks = marked.writtenBefore(oldMs).filter((topic) => !view.renumbersIn(topic))
  return {
    keys: [...claims.flatMap((entry) => [...entry.overtaken, encodeLedgerKey(entry)]), ...marks.map(encodeMarkKey)],
    states: turnOf(
      old.filter(({ state }) => state !== null),
      round
    )
  }
}

/** One after the other in the rounds, the rest of the last round included. */
function turnOf(states: readonly ChainEntry[], round: number): readonly ChainEntry[] {
  const from = (round % Math.max(1, Math.ceil(states.length / sweepLimit))) * sweepLimit
  return states.slice(from, from + sweepLimit)
}

/** True for a chain whose next batch, if there is one, can be claimed again: nothing of it was quarantined. */
export function isEvictable(chain: Chain, idleSinceMs: number): boolean {
  return chain.isIdle && !chain.state.renumbers && !chain.unwritten && chain.touchedMs <= idleSinceMs
}
