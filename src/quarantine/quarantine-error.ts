/** What keeps a question about quarantine, or a change to it, from being carried out; told to people as it is. */

/**
 * - `no-policy`, `no-topic`: there is nothing that could be meant.
 * - `no-record`: an id that no record has.
 * - `ambiguous-id`: an id was shortened too much.
 * - `too-many`: more than this program holds in memory at once.
 * - `busy`: one at a time.
 * - `fenced`: another redrive or discard has taken over.
 * - `not-allowed`: the cluster refuses it; the remedy names the permission.
 * - `unknown-outcome`: nobody could say whether the last step took effect; asking again tells.
 * - `not-taken`: the brokers did not take it now.
 */
export type QuarantineFault =
  | 'no-policy'
  | 'no-topic'
  | 'no-record'
  | 'ambiguous-id'
  | 'too-many'
  | 'busy'
  | 'fenced'
  | 'not-allowed'
  | 'unknown-outcome'
  | 'not-taken'

export class QuarantineError extends Error {
  override readonly name = 'QuarantineError'
  readonly fault: QuarantineFault
  /** What to do about it. */
  readonly remedy: string | null

  constructor(fault: QuarantineFault, message: string, remedy: string | null = null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
    this.remedy = remedy
  }
}
