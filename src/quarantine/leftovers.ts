/**
 * States of records that retention has taken from the quarantine topic. Nobody will ask for them again, and the state
 * topic would grow for ever if nobody deleted them; whoever has just read all of the quarantine topic knows which they
 * are.
 */
import { explained } from './explained.ts'
import type { RedriveWriter } from './redrive-writer.ts'
import type { RecordStates } from './state-log.ts'
import { statesPerBatch, writeStates } from './state-writes.ts'

/** A copy of a record may still be on its way for some seconds, not for a day. */
const keptMs = 24 * 3_600_000

/** Deleted at once; the next run goes on. */
const mostAtOnce = 100_000

export class Leftovers {
  readonly #ids = new Set<string>()

  constructor(states: RecordStates, nowMs: number) {
    for (const [id, state] of states.entries()) {
      if ('atMs' in state && nowMs - state.atMs > keptMs && this.#ids.size < mostAtOnce) this.#ids.add(id)
    }
  }

  /** Its record is still there. */
  seen(id: string): void {
    this.#ids.delete(id)
  }

  /** To be called only when the whole topic was seen. */
  async forget(writer: RedriveWriter, stateTopic: string, quarantineTopic: string, nowMs: () => number): Promise<void> {
    const writes = [...this.#ids].map((id) => ({ id, of: { quarantineTopic }, state: null }))
    try {
      for (let at = 0; at < writes.length; at += statesPerBatch) {
        await writer.begin()
        await writeStates(writer, stateTopic, writes.slice(at, at + statesPerBatch), nowMs)
        await writer.commit()
      }
    } catch (error) {
      await writer.abort().catch(() => undefined)
      throw explained(error)
    }
  }
}
