/** What `kontrakt test` does. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadSettings } from '../config/load.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import { loadPolicy } from '../contracts/compile.ts'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import type { CaseResult } from '../contracts/cases/run.ts'
import { runCases } from '../contracts/cases/run.ts'
import { parseCases } from '../contracts/cases/parse.ts'
import { readCopies } from '../contracts/registry-copies.ts'
import type { RegistryCopies } from '../contracts/registry-copies.ts'
import type { OptionValues } from './command.ts'
import { settingsInputs } from './command.ts'
import type { CliIo } from './io.ts'
import { CliError } from './io.ts'
import type { PolicySet } from './policy-set.ts'
import { entriesOf, policySets } from './policy-set.ts'
import { jsonReport, junitReport, textReport } from './test-report.ts'
import type { TestRun } from './test-report.ts'

export function test(paths: readonly string[], options: OptionValues, io: CliIo): number {
  const startMs = performance.now()
  const results: CaseResult[] = []
  const diagnostics: Diagnostic[] = []
  let files = 0
  for (const set of policySets(paths.length === 0 ? [defaultFolder(options, io)] : paths, io.cwd)) {
    const run = testSet(set)
    results.push(...run.results)
    diagnostics.push(...run.diagnostics)
    files += run.files
  }
  const run: TestRun = { results, diagnostics, files, durationMs: performance.now() - startMs }
  const format = options['json'] === true ? 'json' : options['format']
  io.out(format === 'json' ? jsonReport(run) : format === 'junit' ? junitReport(run) : textReport(run, io.colour))
  const failed = diagnostics.length > 0 || results.some((result) => !result.passed)
  if (results.length === 0 && !failed)
    throw new CliError('there are no cases to run', 'write a *.cases.yaml beside a policy; `kontrakt init` shows one')
  return failed ? 1 : 0
}

/** Policies are tested without settings; where there are some, they say which folder. */
function defaultFolder(options: OptionValues, io: CliIo): string {
  const { settings: named } = options
  const { settings } = loadSettings(settingsInputs(typeof named === 'string' ? { settings: named } : {}, io))
  const folder = settings?.policies.folder ?? resolve(io.cwd, 'policies')
  if (!existsSync(folder)) throw new CliError(`there is no policies folder ${folder}`, '`kontrakt init` writes one')
  return folder.startsWith(`${io.cwd}/`) ? folder.slice(io.cwd.length + 1) : folder
}

/** The cases of a set; naming a policy file means the cases that name it. */
function testSet(set: PolicySet): Pick<TestRun, 'results' | 'diagnostics' | 'files'> {
  const results: CaseResult[] = []
  const diagnostics: Diagnostic[] = []
  const policies = new Map<string, CompiledPolicy | null>()
  const copies = copiesOf(set, diagnostics)
  const { only } = set
  const everywhere: PolicySet = { ...set, only: null }
  let files = 0
  for (const path of entriesOf(everywhere, 'cases')) {
    const read = set.files.read(path)
    const file = set.files.display(path)
    const wholeFile = only === null || only.includes(path)
    if (!read.ok) {
      if (wholeFile)
        diagnostics.push({ file, line: 1, column: 1, severity: 'error', code: read.code, message: read.message })
      continue
    }
    const parsed = parseCases(read.bytes, path, file)
    if (!parsed.ok) {
      if (wholeFile) diagnostics.push(...parsed.diagnostics)
      continue
    }
    if (only !== null && !wholeFile && !only.includes(parsed.cases.policy)) continue
    files += 1
    const policy = policyOf(set, parsed.cases.policy, policies, diagnostics)
    if (policy !== null) results.push(...runCases(policy, parsed.cases, copies))
  }
  return { results, diagnostics, files }
}

function policyOf(
  set: PolicySet,
  path: string,
  known: Map<string, CompiledPolicy | null>,
  diagnostics: Diagnostic[]
): CompiledPolicy | null {
  const found = known.get(path)
  if (found !== undefined) return found
  const loaded = loadPolicy(set.files, path, set.files.display)
  if (!loaded.ok) diagnostics.push(...loaded.diagnostics)
  const policy = loaded.ok ? loaded.policy : null
  known.set(path, policy)
  return policy
}

function copiesOf(set: PolicySet, diagnostics: Diagnostic[]): RegistryCopies | null {
  const read = readCopies(set.files, set.files.display)
  if (read.ok) return read.copies
  diagnostics.push(...read.diagnostics)
  return null
}
