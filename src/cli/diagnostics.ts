/** Diagnostics as text for people, JSON for programs, and annotations for GitHub. */
import type { Diagnostic } from '../contracts/diagnostic.ts'
import type { Painter } from './style.ts'
import { plural } from './style.ts'

export type DiagnosticFormat = 'text' | 'json' | 'github'

/** `policies/orders.yaml:12:5: error[unknown-key]: ...`; flags and variables have no line. */
export function diagnosticText(d: Diagnostic, paint: Painter): string {
  const hasPlace = !d.file.startsWith('$') && !d.file.startsWith('--') && d.file !== 'settings'
  const place = hasPlace ? `${d.file}:${d.line}:${d.column}` : d.file
  const kind = paint(d.severity === 'error' ? 'red' : 'yellow', `${d.severity}[${d.code}]`)
  const remedy = d.remedy === undefined ? '' : `    ${d.remedy}\n`
  return `${paint('bold', place)}: ${kind}: ${d.message}\n${remedy}`
}

/** https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
export function githubAnnotation(d: Diagnostic): string {
  const escape = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
  const property = (text: string): string => escape(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
  const message = d.remedy === undefined ? d.message : `${d.message}\n${d.remedy}`
  const place = `file=${property(d.file)},line=${d.line},col=${d.column}`
  return `::${d.severity} ${place},title=${property(d.code)}::${escape(message)}\n`
}

/** `2 errors, 1 warning`. */
export function countText(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter((d) => d.severity === 'error').length
  return `${plural(errors, 'error')}, ${plural(diagnostics.length - errors, 'warning')}`
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error')
}
