/** The outcome of `kontrakt test` for people, for CI servers (JUnit's XML) and for programs. */
import { formatDiagnostic } from '../contracts/diagnostic.ts'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import type { CaseResult } from '../contracts/cases/run.ts'
import { diagnosticText } from './diagnostics.ts'
import { painter, plural, printable } from './style.ts'

export interface TestRun {
  readonly results: readonly CaseResult[]
  /** Faults of cases files, and of policies that they need. */
  readonly diagnostics: readonly Diagnostic[]
  readonly files: number
  readonly durationMs: number
}

export function textReport({ results, diagnostics, files, durationMs }: TestRun, colour: boolean): string {
  const paint = painter(colour)
  const parts: string[] = diagnostics.map((diagnostic) => diagnosticText(diagnostic, paint))
  for (const result of results) {
    if (result.passed) continue
    parts.push(
      `${paint('bold', `${result.file}:${result.line}`)}: ${paint('red', 'failed')}: ${printable(result.name)}\n`
    )
    for (const difference of reasons(result)) parts.push(`    ${printable(difference)}\n`)
  }
  const failed = results.filter((result) => !result.passed).length
  const passed = paint('green', `${results.length - failed} passed`)
  const failure = failed === 0 ? '' : `, ${paint('red', `${failed} failed`)}`
  const faults = diagnostics.length === 0 ? '' : `, ${paint('red', plural(diagnostics.length, 'fault'))}`
  parts.push(
    `${plural(results.length, 'case')} in ${plural(files, 'file')}: `,
    `${passed}${failure}${faults} (${Math.round(durationMs)} ms)\n`
  )
  return parts.join('')
}

function reasons({ differences, fault }: CaseResult): readonly string[] {
  return fault === null ? differences : [formatDiagnostic(fault)]
}

export function jsonReport({ results, diagnostics, files, durationMs }: TestRun): string {
  const passed = results.filter((result) => result.passed).length
  const ok = passed === results.length && diagnostics.length === 0
  const report = {
    ok,
    passed,
    failed: results.length - passed,
    files,
    durationMs: Math.round(durationMs),
    results,
    diagnostics
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

/**
 * The dialect that CI servers share: a suite per cases file, `failure` for a wrong verdict, `error` for a case that
 * could not run.
 */
export function junitReport({ results, diagnostics, durationMs }: TestRun): string {
  const suites = Map.groupBy(results, (result) => result.file)
  const failures = results.filter((result) => !result.passed && result.fault === null).length
  const errors = results.filter((result) => result.fault !== null).length + diagnostics.length
  const totals = `tests="${results.length + diagnostics.length}" failures="${failures}" errors="${errors}"`
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="kontrakt" ${totals} time="${(durationMs / 1000).toFixed(3)}">`
  ]
  for (const [file, cases] of suites) lines.push(...suiteLines(file, cases))
  if (diagnostics.length > 0) {
    lines.push(`  <testsuite name="faults" tests="${diagnostics.length}" failures="0" errors="${diagnostics.length}">`)
    for (const diagnostic of diagnostics) {
      const message = escapeXml(formatDiagnostic(diagnostic))
      lines.push(`    <testcase classname="${escapeXml(diagnostic.file)}" name="${escapeXml(diagnostic.code)}">`)
      lines.push(`      <error message="${message}"></error>`, '    </testcase>')
    }
    lines.push('  </testsuite>')
  }
  lines.push('</testsuites>')
  return `${lines.join('\n')}\n`
}

function suiteLines(file: string, cases: readonly CaseResult[]): readonly string[] {
  const failures = cases.filter((result) => !result.passed && result.fault === null).length
  const errors = cases.filter((result) => result.fault !== null).length
  const name = escapeXml(file)
  const lines = [`  <testsuite name="${name}" tests="${cases.length}" failures="${failures}" errors="${errors}">`]
  for (const result of cases) {
    const of = `classname="${name}" name="${escapeXml(result.name)}"`
    const head = `    <testcase ${of} file="${name}" line="${result.line}"`
    if (result.passed) {
      lines.push(`${head}/>`)
      continue
    }
    const kind = result.fault === null ? 'failure' : 'error'
    const text = reasons(result).join('\n')
    lines.push(
      `${head}>`,
      `      <${kind} message="${escapeXml(text.split('\n')[0] ?? '')}">${escapeXml(text)}</${kind}>`,
      '    </testcase>'
    )
  }
  lines.push('  </testsuite>')
  return lines
}

const xmlEntities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;'
}

// eslint-disable-next-line no-control-regex -- XML 1.0 cannot hold these, not even escaped
const notInXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

function escapeXml(text: string): string {
  return text.replace(notInXml, '\ufffd').replace(/[&<>"']/g, (character) => xmlEntities[character] ?? character)
}
