/** Writes what became of records, in whatever the writer has open. */
import type { RedriveWriter } from './redrive-writer.ts'
import type { Handled } from './state.ts'
import { stateKey, stateValue } from './state.ts'

export interface StateWrite {
  readonly id: string
  readonly of: { readonly quarantineTopic: string }
  /** Null: nothing is to be remembered of it any more. */
  readonly state: Handled | null
}

/** Records in one batch: with the longest reasons some 700 KB, below every topic's `max.message.bytes`. */
export const statesPerBatch = 200

export async function writeStates(
  writer: RedriveWriter,
  stateTopic: string,
  states: readonly StateWrite[],
  nowMs: () => number
): Promise<void> {
  const records = states.map(({ id, of, state }) => ({
    key: stateKey(of.quarantineTopic, id),
    value: state === null ? null : stateValue(state),
    timestamp: nowMs()
  }))
  for (let at = 0; at < records.length; at += statesPerBatch) {
    await writer.send(stateTopic, 0, records.slice(at, at + statesPerBatch))
  }
}
