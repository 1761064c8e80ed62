/**
 * Counts out of vitest's JSON report. A file that fails outside its tests (it cannot be loaded, a hook throws) has no
 * failed test in it, and a suite can fail without any file; both count as one failure, or a red run could print zero.
 */
import { existsSync, readFileSync } from 'node:fs'

export interface SuiteResults {
  passed: number
  failed: number
  skipped: number
  files: number
  /** Files of which every test was skipped. */
  notRun: { file: string; tests: number }[]
}

interface Report {
  testResults: { name: string; status: string; assertionResults: { status: string }[] }[]
}

/** Reads a suite's report; `exitCode` is what vitest ended with. */
export function readResults(path: string, exitCode: number): SuiteResults {
  const report: Report = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Report) : { testResults: [] }
  const results: SuiteResults = { passed: 0, failed: 0, skipped: 0, files: report.testResults.length, notRun: [] }
  for (const { name, status, assertionResults } of report.testResults) {
    const count = (wanted: string): number => assertionResults.filter((test) => test.status === wanted).length
    const passed = count('passed')
    const failed = count('failed')
    const skipped = assertionResults.length - passed - failed
    results.passed += passed
    results.failed += failed === 0 && status === 'failed' ? 1 : failed
    results.skipped += skipped
    if (skipped > 0 && skipped === assertionResults.length) results.notRun.push({ file: name, tests: skipped })
  }
  if (exitCode !== 0 && results.failed === 0) results.failed = 1
  return results
}

export function sum(suites: readonly SuiteResults[]): SuiteResults {
  const total = (of: (suite: SuiteResults) => number): number => suites.reduce((all, suite) => all + of(suite), 0)
  return {
    passed: total(({ passed }) => passed),
    failed: total(({ failed }) => failed),
    skipped: total(({ skipped }) => skipped),
    files: total(({ files }) => files),
    notRun: suites.flatMap(({ notRun }) => notRun)
  }
}
