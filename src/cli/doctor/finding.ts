/** One thing that `doctor` looked at. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'problem'
  /** What was looked at: `upstream`, `ports`, `policies`. */
  readonly subject: string
  readonly message: string
  /** What to do; null when there is nothing to do. */
  readonly remedy: string | null
}

export function fine(subject: string, message: string): Finding {
  return { level: 'ok', subject, message, remedy: null }
}

export function warning(subject: string, message: string, remedy: string): Finding {
  return { level: 'warning', subject, message, remedy }
}

export function problem(subject: string, message: string, remedy: string): Finding {
  return { level: 'problem', subject, message, remedy }
}
