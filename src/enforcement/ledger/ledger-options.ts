/** What a `Ledger` is made with. */
import type { LedgerLog, ProducerStates } from './ports.ts'

export interface LedgerClock {
  /** Epoch milliseconds. */
  nowMs(): number
  /** Resolves after `ms`, or as soon as `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface LedgerEvents {
  /** A record of the ledger topic that is not ours or of a newer version; it was passed over. */
  unreadable(offset: bigint, reason: string): void
  /** Another instance has claimed a chain that was ours. */
  chainMoved(topic: string): void
  /** The ledger or the broker could not be asked; what waits for it is tried again. */
  unavailable(error: unknown): void
}

export interface LedgerOptions {
  readonly log: LedgerLog
  readonly states: ProducerStates
  /** Unlike any other, also unlike this instance before a restart: a letter or digit sequence without dots. */
  readonly instanceId: string
  readonly clock: LedgerClock
  readonly events?: LedgerEvents
  readonly limits?: Partial<LedgerLimits>
}

export interface LedgerLimits {
  /** Chains owned at a time, about 1 KiB each. One with quarantined records is never given up. */
  readonly chains: number
}
