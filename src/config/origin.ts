/** Where a setting's value stands, for messages and for `kontrakt settings`. */
import type { Diagnostic } from '../contracts/diagnostic.ts'

export type Origin =
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: 'default' }

/** `--listen`, `$KONTRAKT_ADMIN_ADDRESS`, `kontrakt.yaml:12:3`, `default`. */
export function formatOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'flag':
      return origin.name
    case 'environment':
      return `$${origin.name}`
    case 'file':
      return `${origin.file}:${origin.line}:${origin.column}`
    case 'default':
      return 'default'
  }
}

/** A diagnostic at an origin. For flags and variables the place is their name, line and column are 1. */
export function diagnosticAt(
  origin: Origin,
  severity: Diagnostic['severity'],
  code: string,
  message: string,
  remedy?: string
): Diagnostic {
  const place =
    origin.kind === 'file'
      ? { file: origin.file, line: origin.line, column: origin.column }
      : { file: origin.kind === 'default' ? 'settings' : formatOrigin(origin), line: 1, column: 1 }
  return { ...place, severity, code, message, ...(remedy === undefined ? {} : { remedy }) }
}
