/** Why an append of a `LogWriter` was given up. */

/**
 * - `refused`: the broker will not have the record, and trying again cannot help.
 * - `timed-out`: it could not be written in the time allowed, or nobody knows whether it was; the writer goes on trying.
 * - `queue-full`: too much waits already; nothing of this record is sent.
 * - `closed`: the writer was closed; what was under way may be in the log.
 */
export type LogWriteFault = 'refused' | 'timed-out' | 'queue-full' | 'closed'

export class LogWriteError extends Error {
  override readonly name = 'LogWriteError'
  readonly fault: LogWriteFault
  /** Trying again cannot help. */
  readonly lasting: boolean
  /** Kafka's code, where a broker refused; else null. */
  readonly code: number | null

  constructor(fault: LogWriteFault, message: string, code: number | null = null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
    this.lasting = fault === 'refused'
    this.code = code
  }
}
