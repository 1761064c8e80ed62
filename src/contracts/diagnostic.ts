/** A fault in a file a user wrote: where it is, what is wrong, what would be right. */
export interface Diagnostic {
  readonly file: string
  /** 1-based. 1 when the fault has no better place. */
  readonly line: number
  /** 1-based. */
  readonly column: number
  readonly severity: 'error' | 'warning'
  /** Stable, kebab-case: `unknown-key`, `not-yet`, `rule-type`, ... The docs list them all. */
  readonly code: string
  readonly message: string
  /** What to write instead, or the next step. */
  readonly remedy?: string
}

/** `policies/orders.yaml:12:5: error[unknown-key]: ...` */
export function formatDiagnostic(d: Diagnostic): string {
  const remedy = d.remedy === undefined ? '' : `\n    ${d.remedy}`
  return `${d.file}:${String(d.line)}:${String(d.column)}: ${d.severity}[${d.code}]: ${d.message}${remedy}`
}
