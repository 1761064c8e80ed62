/** What a new owner can tell from the state it inherits and from what the broker has. */
import { ChainState } from './chain-state.ts'
import type { ChainSnapshot, JudgedBatch } from './chain-state.ts'
import { addSequence, sequenceDistance } from './sequence.ts'

/**
 * The batch of which some was quarantined and which the broker nevertheless has whole, because somebody else's copy came
 * before what its owner sent; null when there is none. While that could happen nothing behind the batch was sent, so when
 * the broker has more than was left of it, the copy is what it has.
 *
 * @param nextUp the sequence the broker expects next; null when it knows nothing of this epoch
 */
export function copiedBatch(state: ChainSnapshot, nextUp: number | null): JudgedBatch | null {
  const { contested, acknowledged } = state
  if (contested === null || nextUp === null) return null
  const mapping = new ChainState(state)
  for (const batch of state.batches) {
    if (sequenceDistance(contested, batch.base) < 0) continue
    const up = mapping.up(batch.base)!
    const end = addSequence(up, batch.count - batch.dropped.length)
    // The broker had something from here on when this was written: no copy could come any more.
    const settled = acknowledged !== null && sequenceDistance(up, acknowledged) > 0
    if (settled && sequenceDistance(end, acknowledged) >= 0) continue
    return sequenceDistance(addSequence(up, batch.count), nextUp) < 0 ? null : batch
  }
  return null
}
