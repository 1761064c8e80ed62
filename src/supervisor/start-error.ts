/** Why a role cannot start, when it is the operator's to mend: told without a stack. */
import type { Diagnostic } from '../contracts/diagnostic.ts'

export class StartError extends Error {
  /** Faults of files, each with its place; may be empty. */
  readonly diagnostics: readonly Diagnostic[]

  constructor(message: string, diagnostics: readonly Diagnostic[] = [], options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartError'
    this.diagnostics = diagnostics
  }
}
