/** Why a `LogTail` could not say that it has read so far. */

/**
 * - `timed-out`: it was not reached in the time allowed; the tail goes on reading.
 * - `started-anew`: the log is another one now, or lost what was to be read; it is read again from its start.
 * - `refused`: the broker does not let us read, or what it sends cannot be read; the tail goes on trying.
 * - `closed`: the tail was closed, or its owner failed at a record.
 */
export type LogReadFault = 'timed-out' | 'started-anew' | 'refused' | 'closed'

export class LogReadError extends Error {
  override readonly name = 'LogReadError'
  readonly fault: LogReadFault

  constructor(fault: LogReadFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
  }
}
