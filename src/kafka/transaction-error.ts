/** What can go wrong with a transaction, by what its writer can do about it. */

/**
 * - `abortable`: the transaction cannot be committed any more. Call `abort`, then the writer goes on.
 * - `fenced`: another writer has taken over the transactional id, or the transaction lasted longer than its timeout;
 *   what was sent is aborted. The writer is over.
 * - `refused`: the broker will not have it, now or later (no permission, no such version). The writer is over; what it
 *   left open is aborted by the broker or by the next writer that opens the id.
 * - `outcome-unknown`: nobody could be asked whether a commit took effect. The writer is over; once another has opened
 *   the id it is settled, and a reader of committed records sees which way.
 * - `closed`: its owner closed the writer; as after `refused`.
 */
export type TransactionFault = 'abortable' | 'fenced' | 'refused' | 'outcome-unknown' | 'closed'

export class TransactionError extends Error {
  override readonly name = 'TransactionError'
  readonly fault: TransactionFault
  /** Kafka's code; null when it was not a broker that said so. */
  readonly code: number | null

  constructor(fault: TransactionFault, message: string, code: number | null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
    this.code = code
  }
}
