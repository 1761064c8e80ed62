/**
 * Notes that records are not to go home. They stay where they are until retention takes them; nobody redrives them any
 * more, and they hold up no other record of their key.
 */
import type { Clock } from '../clock.ts'
import { explained } from './explained.ts'
import { Leftovers } from './leftovers.ts'
import type { PlacesClient } from './places.ts'
import { quarantineRanges } from './places.ts'
import type { RedriveWriter } from './redrive-writer.ts'
import type { RecordFilter } from './selection.ts'
import { matches } from './selection.ts'
import { readStates } from './state-log.ts'
import { statesPerBatch, writeStates } from './state-writes.ts'
import type { WalkProgress } from './walk.ts'
import { walk } from './walk.ts'

export interface DiscardParts {
  readonly client: PlacesClient
  readonly stateTopic: string
  /** Null: nothing is written, only counted. */
  readonly writer: RedriveWriter | null
  readonly clock: Clock
}

export interface DiscardOptions {
  /** Only what is open, or what cannot be read of its state. */
  readonly filter: RecordFilter
  readonly by: string
  readonly reason: string
  readonly limit: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: WalkProgress & { readonly quarantineTopic: string }) => void
}

export interface DiscardReport {
  readonly quarantineTopic: string
  /** Discarded, or would be. */
  readonly discarded: number
  readonly end: 'done' | 'limit' | 'interrupted'
}

/** @throws {QuarantineError}, and errors of Kafka as they are */
export async function discard(
  { client, stateTopic, writer, clock }: DiscardParts,
  quarantineTopic: string,
  { filter, by, reason, limit, signal, onProgress }: DiscardOptions
): Promise<DiscardReport> {
  await writer?.open().catch((error: unknown) => {
    throw explained(error)
  })
  const states = (await readStates(client, stateTopic, [quarantineTopic], signal)).get(quarantineTopic)!
  const leftovers = new Leftovers(states, clock.nowMs())
  const nowMs = (): number => clock.nowMs()
  let discarded = 0
  const leftOut = { batches: 0 }
  let ids: string[] = []
  const flush = async (): Promise<void> => {
    const state = { kind: 'discarded' as const, atMs: clock.nowMs(), by, reason }
    const writes = ids.map((id) => ({ id, of: { quarantineTopic }, state }))
    ids = []
    if (writer !== null && writes.length > 0) {
      await inTransaction(writer, () => writeStates(writer, stateTopic, writes, nowMs))
    }
    discarded += writes.length
  }
  const pages = walk(client, await quarantineRanges(client, quarantineTopic), {
    states,
    ...(signal === undefined ? {} : { signal }),
    onProgress: (at) => onProgress?.({ quarantineTopic, ...at }),
    onUnreadable: ({ what }) => void (leftOut.batches += what === 'batch' ? 1 : 0)
  })
  const isOver = (): boolean => signal?.aborted === true || discarded + ids.length >= limit
  for await (const { records } of pages) {
    for (const record of records) {
      leftovers.seen(record.entry.id)
      const isOpen = record.state.kind === 'open' || record.state.kind === 'unreadable'
      if (!isOpen || isOver() || !matches({ ...filter, state: 'all' }, record)) continue
      ids.push(record.entry.id)
      if (ids.length >= statesPerBatch) await flush()
    }
    if (isOver()) break
  }
  const end = signal?.aborted === true ? 'interrupted' : discarded + ids.length >= limit ? 'limit' : 'done'
  if (end === 'interrupted') ids = []
  await flush()
  // What lies in a batch that cannot be read today was not seen.
  if (writer !== null && end === 'done' && leftOut.batches === 0)
    await leftovers.forget(writer, stateTopic, quarantineTopic, nowMs)
  return { quarantineTopic, discarded, end }
}

async function inTransaction(writer: RedriveWriter, write: () => Promise<void>): Promise<void> {
  try {
    await writer.begin()
    await write()
    await writer.commit()
  } catch (error) {
    await writer.abort().catch(() => undefined)
    throw explained(error)
  }
}
