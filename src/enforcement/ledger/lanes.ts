/** Which chains have batches under way on which connection, so that they learn when it is gone. */
import type { Chain } from './chain.ts'

export class Lanes {
  readonly #chains = new WeakMap<AbortSignal, Set<Chain>>()

  /** Batches of the chain come on this connection from here on. */
  bind(chain: Chain, lane: AbortSignal): void {
    this.unbind(chain)
    if (lane.aborted) {
      chain.lane = null
      return
    }
    chain.lane = lane
    const chains = this.#chains.get(lane) ?? listening(lane)
    this.#chains.set(lane, chains)
    chains.add(chain)
  }

  unbind(chain: Chain): void {
    if (chain.lane !== null) this.#chains.get(chain.lane)?.delete(chain)
  }
}

function listening(lane: AbortSignal): Set<Chain> {
  const chains = new Set<Chain>()
  lane.addEventListener('abort', () => {
    for (const each of chains) each.laneGone(lane)
    chains.clear()
  })
  return chains
}
