/** Which quarantined records are meant. */
import type { QuarantineEntry } from './record.ts'
import type { RecordState } from './state.ts'

/** A record of a quarantine topic, with what became of it. */
export interface FoundRecord {
  readonly quarantineTopic: string
  readonly quarantinePartition: number
  readonly offset: bigint
  /** When it was quarantined, epoch milliseconds, the broker's. */
  readonly atMs: number
  readonly entry: QuarantineEntry
  readonly state: RecordState
}

/** All that are given must hold. */
export interface RecordFilter {
  /** Where it was sent to. */
  readonly topic?: string
  /** A rule or built-in check that it broke when it was quarantined. */
  readonly rule?: string
  readonly clientId?: string
  readonly principal?: string
  /** Name of the policy that quarantined it, or name and version: `orders`, `orders@3f2a91c04b7e`. */
  readonly policy?: string
  /** Quarantined at or after, epoch milliseconds. */
  readonly sinceMs?: number
  /** Quarantined before, epoch milliseconds. */
  readonly untilMs?: number
  /** Default `open`. */
  readonly state?: 'open' | 'redriven' | 'discarded' | 'all'
  /** Ids, or how they begin. */
  readonly ids?: readonly string[]
}

/** Shorter ones would mean hundreds of records. */
export const shortestId = 4
export const idLength = 32

export function matches(filter: RecordFilter, record: FoundRecord): boolean {
  const { entry, state, atMs } = record
  if (filter.topic !== undefined && entry.topic !== filter.topic) return false
  if (filter.clientId !== undefined && entry.clientId !== filter.clientId) return false
  if (filter.principal !== undefined && entry.principal !== filter.principal) return false
  if (filter.rule !== undefined && entry.violations.every(({ rule }) => rule !== filter.rule)) return false
  if (filter.policy !== undefined && !isPolicy(entry.policy, filter.policy)) return false
  if (filter.sinceMs !== undefined && atMs < filter.sinceMs) return false
  if (filter.untilMs !== undefined && atMs >= filter.untilMs) return false
  if (filter.ids !== undefined && filter.ids.every((id) => !entry.id.startsWith(id))) return false
  return isInState(state, filter.state ?? 'open')
}

function isPolicy(written: string, wanted: string): boolean {
  return written === wanted || written.startsWith(`${wanted}@`)
}

function isInState(state: RecordState, wanted: NonNullable<RecordFilter['state']>): boolean {
  return wanted === 'all' || state.kind === wanted
}
