/** A policies folder looked at once, for `check` and `test`: everything that is wrong with it, and its cases run. */
import { parseCases } from '../contracts/cases/parse.ts'
import type { CasesFile } from '../contracts/cases/parse.ts'
import { runCases } from '../contracts/cases/run.ts'
import type { CaseResult } from '../contracts/cases/run.ts'
import { loadPolicy } from '../contracts/compile.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import { findTies } from '../contracts/policy/ties.ts'
import { readCopies } from '../contracts/registry-copies.ts'
import type { RegistryCopies } from '../contracts/registry-copies.ts'
import { PolicyFilesOnDisk } from './policy-files.ts'
import { otherFaults } from './policy-folder.ts'

export interface FolderInspection {
  /** Policies that load, by path in the folder. */
  readonly policies: ReadonlyMap<string, CompiledPolicy>
  /** Cases files that can be read. */
  readonly cases: readonly CasesFile[]
  /** Saved registry schemas; null when there are none. */
  readonly copies: RegistryCopies | null
  readonly diagnostics: readonly Diagnostic[]
}

/** Reads the whole folder. Never throws: what is wrong is in `diagnostics`. */
export function inspectPolicies(folder: string): FolderInspection {
  const files = new PolicyFilesOnDisk(folder)
  const policies = new Map<string, CompiledPolicy>()
  const cases: CasesFile[] = []
  const listing = files.list()
  if (!listing.ok) {
    const fault: Diagnostic = {
      file: folder,
      line: 1,
      column: 1,
      severity: 'error',
      code: 'file-unreadable',
      message: listing.message
    }
    return { policies, cases, copies: null, diagnostics: [fault] }
  }
  const diagnostics = otherFaults(listing.entries, files.display)
  for (const { path, kind } of listing.entries) {
    if (kind === 'policy') {
      const loaded = loadPolicy(files, path, files.display)
      if (loaded.ok) policies.set(path, loaded.policy)
      else diagnostics.push(...loaded.diagnostics)
    } else if (kind === 'cases') {
      const read = files.read(path)
      const file = files.display(path)
      if (!read.ok) {
        diagnostics.push({ file, line: 1, column: 1, severity: 'error', code: read.code, message: read.message })
        continue
      }
      const parsed = parseCases(read.bytes, path, file)
      if (parsed.ok) cases.push(parsed.cases)
      else diagnostics.push(...parsed.diagnostics)
    }
  }
  for (const entry of cases) {
    const known = listing.entries.some(({ path, kind }) => path === entry.policy && kind === 'policy')
    if (known) continue
    const message = `there is no policy ${files.display(entry.policy)}`
    diagnostics.push(entry.yaml.diagnostic(['policy'], 'file-missing', message))
  }
  diagnostics.push(...findTies([...policies.values()].map(({ model }) => model)).map(({ diagnostic }) => diagnostic))
  const copies = readCopies(files, files.display)
  if (!copies.ok) diagnostics.push(...copies.diagnostics)
  return { policies, cases, copies: copies.ok ? copies.copies : null, diagnostics }
}

/** Runs the cases of every policy that loads; those of the others are faults in `diagnostics` already. */
export function runInspectedCases(inspection: FolderInspection): CaseResult[] {
  return inspection.cases.flatMap((file) => {
    const policy = inspection.policies.get(file.policy)
    return policy === undefined ? [] : runCases(policy, file, inspection.copies)
  })
}
