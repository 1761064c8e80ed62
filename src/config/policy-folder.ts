/**
 * The policies in force: loaded from the folder at the start, watched, and swapped file by file. A file that does not
 * load keeps its last good version (at the start, the copy in the state directory) and says so loudly; the others do
 * not notice.
 */
import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { loadPolicy } from '../contracts/compile.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import { contractSet, emptyContractSet } from '../contracts/contract-set.ts'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import type { ContractSet, PolicyReference } from '../contracts/judgement.ts'
import type { DiagnosticCode } from '../contracts/policy/codes.ts'
import { findTies } from '../contracts/policy/ties.ts'
import { checkAgainstRegistry, usesRegistry } from '../contracts/registry-check.ts'
import type { SchemaSource } from '../contracts/schema-source.ts'
import { PolicyCopies } from './policy-copies.ts'
import { messageOf, PolicyFilesOnDisk } from './policy-files.ts'
import type { FolderEntry } from './policy-files.ts'

export interface PolicyFolderOptions {
  readonly folder: string
  /** Where last good copies are kept; null keeps none. */
  readonly stateDir: string | null
  /** Refuse to start with a file that does not load, even where a last good copy exists. */
  readonly strict: boolean
  /** Null when the settings name no registry; policies that need one then do not load. */
  readonly source: SchemaSource | null
  /** Called after every reload that changed something or found a fault, never during `start`. */
  readonly onReload?: (report: FolderReport) => void
  /** Editors write in several steps; changes within this time are one. */
  readonly debounceMs?: number
  /** How often the folder is compared even when no change was notified: network file systems notify of nothing. */
  readonly rescanMs?: number
}

/** How one policy file stands. */
export interface PolicyFileState {
  /** Relative to the folder. */
  readonly path: string
  /** `current`: as the file says. `last-good`: an earlier version is in force. `failed`: none is. */
  readonly status: 'current' | 'last-good' | 'failed'
  /** What is in force. */
  readonly policy: PolicyReference | null
  readonly diagnostics: readonly Diagnostic[]
}

export interface FolderReport {
  readonly contracts: ContractSet
  readonly files: readonly PolicyFileState[]
  /** All faults and warnings, those of files that are no policies included. */
  readonly diagnostics: readonly Diagnostic[]
  /** Policies whose version in force changed: `null` before for a new one, `null` after for one that is gone. */
  readonly changes: readonly { readonly path: string; readonly before: string | null; readonly after: string | null }[]
}

/** The folder cannot be served: a file does not load and there is no copy to fall back on. */
export class PolicyStartError extends Error {
  readonly diagnostics: readonly Diagnostic[]
  constructor(diagnostics: readonly Diagnostic[]) {
    super('the policies do not load')
    this.diagnostics = diagnostics
  }
}

const defaultDebounceMs = 200
const defaultRescanMs = 30_000

interface Attempt {
  readonly policy: CompiledPolicy | null
  readonly diagnostics: readonly Diagnostic[]
}

export class PolicyFolder {
  readonly #options: PolicyFolderOptions
  readonly #files: PolicyFilesOnDisk
  readonly #copies: PolicyCopies | null
  #inForce = new Map<string, CompiledPolicy>()
  #report: FolderReport = { contracts: emptyContractSet, files: [], diagnostics: [], changes: [] }
  #stamp = ''
  #started = false
  #running: Promise<void> | null = null
  #again = false
  #watcher: FSWatcher | null = null
  #debounce: NodeJS.Timeout | null = null
  #rescan: NodeJS.Timeout | null = null

  private constructor(options: PolicyFolderOptions) {
    this.#options = options
    this.#files = new PolicyFilesOnDisk(options.folder)
    this.#copies = options.stateDir === null ? null : new PolicyCopies(options.stateDir)
  }

  /** Loads the folder. Rejects with a `PolicyStartError`. Does not watch yet. */
  static async start(options: PolicyFolderOptions): Promise<PolicyFolder> {
    const folder = new PolicyFolder(options)
    await folder.#load()
    folder.#started = true
    return folder
  }

  /** The contracts in force. */
  get contracts(): ContractSet {
    return this.#report.contracts
  }

  /** How the folder stood after the last load. */
  get report(): FolderReport {
    return this.#report
  }

  get policies(): readonly CompiledPolicy[] {
    return [...this.#inForce.values()]
  }

  watch(): void {
    try {
      this.#watcher = watch(this.#options.folder, { recursive: true, persistent: false }, () => this.#soon())
      // A folder that vanishes ends its watch; the rescan finds it when it is back.
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {
      this.#watcher = null
    }
    this.#rescan = setInterval(() => void this.reload(), this.#options.rescanMs ?? defaultRescanMs)
    this.#rescan.unref()
  }

  /** Stops watching; a reload under way ends by itself. */
  stop(): void {
    this.#watcher?.close()
    if (this.#debounce !== null) clearTimeout(this.#debounce)
    if (this.#rescan !== null) clearInterval(this.#rescan)
    this.#watcher = null
  }

  /** Loads what changed on disk; one at a time, and once more if asked meanwhile. Never rejects. */
  reload(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true
      return this.#running
    }
    this.#running = this.#reloadUntilQuiet().finally(() => (this.#running = null))
    return this.#running
  }

  async #reloadUntilQuiet(): Promise<void> {
    do {
      this.#again = false
      try {
        await this.#load()
      } catch (error) {
        this.#tell(
          {
            ...this.#report,
            changes: [],
            diagnostics: [fault(this.#options.folder, 'file-unreadable', messageOf(error))]
          },
          false
        )
      }
    } while (this.#wantsAgain())
  }

  /** Set by `reload` while a load is under way. */
  #wantsAgain(): boolean {
    return this.#again
  }

  #soon(): void {
    if (this.#debounce !== null) clearTimeout(this.#debounce)
    this.#debounce = setTimeout(() => void this.reload(), this.#options.debounceMs ?? defaultDebounceMs)
    this.#debounce.unref()
  }

  async #load(): Promise<void> {
    const listing = this.#files.list()
    if (!listing.ok) {
      const diagnostics = [fault(this.#options.folder, 'file-unreadable', listing.message)]
      if (!this.#started) throw new PolicyStartError(diagnostics)
      // A folder that is gone for a moment must not switch enforcement off.
      this.#stamp = ''
      this.#tell({ ...this.#report, diagnostics, changes: [] }, false)
      return
    }
    const stamp = listing.entries.map((entry) => `${entry.path}\n${entry.stamp}`).join('\n')
    if (this.#started && stamp === this.#stamp && !this.#report.files.some(isUnchecked)) return

    const attempts = new Map<string, Attempt>()
    for (const { path, kind } of listing.entries) {
      if (kind === 'policy') attempts.set(path, await this.#attempt(path))
    }
    const settled = settle(attempts, (path) => this.#fallback(path))
    const others = otherFaults(listing.entries, this.#files.display)
    const files = [...settled].map(([path, entry]) => stateOf(path, entry))
    const diagnostics = [...others, ...files.flatMap((file) => file.diagnostics)]
    if (!this.#started) {
      const failed = files.filter(
        (file) => file.status === 'failed' || (this.#options.strict && file.status === 'last-good')
      )
      const fatal = others.some((diagnostic) => diagnostic.severity === 'error')
      if (failed.length > 0 || fatal) throw new PolicyStartError(diagnostics)
    }
    const changedOnDisk = stamp !== this.#stamp
    this.#stamp = stamp
    this.#swap(settled, files, diagnostics, changedOnDisk)
  }

  /** The file as it is on disk now; the compiled policy in force when its bytes did not change. */
  async #attempt(path: string): Promise<Attempt> {
    const before = this.#inForce.get(path)
    if (before !== undefined && this.#isUnchanged(before)) {
      const known = this.#report.files.find((file) => file.path === path)
      if (known?.status === 'current' && !isUnchecked(known)) return { policy: before, diagnostics: known.diagnostics }
    }
    const loaded = loadPolicy(this.#files, path, this.#files.display)
    if (!loaded.ok) return { policy: null, diagnostics: loaded.diagnostics }
    const { policy } = loaded
    if (!usesRegistry(policy)) return { policy, diagnostics: [] }
    const { source } = this.#options
    if (source === null) {
      const message = 'the policy takes its schema from a registry and the settings name none'
      return {
        policy: null,
        diagnostics: [
          fault(policy.reference.file, 'no-registry', message, 'set registry.url, or take the schema from a file')
        ]
      }
    }
    const diagnostics = await checkAgainstRegistry(policy, source)
    const failed = diagnostics.some((diagnostic) => diagnostic.severity === 'error')
    return { policy: failed ? null : policy, diagnostics }
  }

  #isUnchanged(policy: CompiledPolicy): boolean {
    for (const [path, bytes] of policy.files) {
      const read = this.#files.read(path)
      if (!read.ok || Buffer.compare(read.bytes, bytes) !== 0) return false
    }
    return true
  }

  #fallback(path: string): CompiledPolicy | null {
    return this.#started ? (this.#inForce.get(path) ?? null) : (this.#copies?.load(path, this.#files.display) ?? null)
  }

  #swap(
    settled: ReadonlyMap<string, Settled>,
    files: readonly PolicyFileState[],
    diagnostics: readonly Diagnostic[],
    changedOnDisk: boolean
  ): void {
    const before = this.#inForce
    const after = new Map<string, CompiledPolicy>()
    for (const [path, { policy }] of settled) {
      if (policy !== null) after.set(path, policy)
    }
    const changes = [...new Set([...before.keys(), ...after.keys()])]
      .map((path) => ({
        path,
        before: before.get(path)?.reference.version ?? null,
        after: after.get(path)?.reference.version ?? null
      }))
      .filter((change) => change.before !== change.after)
    const kept = this.#keepCopies(settled)
    this.#inForce = after
    const isSame = changes.length === 0 && this.#started
    const contracts = isSame ? this.#report.contracts : contractSet([...after.values()], this.#options.source)
    this.#tell({ contracts, files, diagnostics: [...diagnostics, ...kept], changes }, changedOnDisk)
  }

  #keepCopies(settled: ReadonlyMap<string, Settled>): Diagnostic[] {
    const copies = this.#copies
    if (copies === null) return []
    const failures: Diagnostic[] = []
    for (const [path, { policy, status }] of settled) {
      if (policy === null || status !== 'current' || this.#inForce.get(path) === policy) continue
      const failure = copies.keep(path, policy)
      if (failure !== null)
        failures.push({
          ...fault(policy.reference.file, 'file-unreadable', `its last good copy cannot be kept: ${failure}`),
          severity: 'warning'
        })
    }
    copies.retain(new Set(settled.keys()))
    return failures.slice(0, 1)
  }

  #tell(report: FolderReport, changedOnDisk: boolean): void {
    const before = this.#report
    this.#report = report
    if (!this.#started) return
    // A fault is told again when the disk changed and it is still there, not at every rescan.
    const isNews = JSON.stringify(report.diagnostics) !== JSON.stringify(before.diagnostics)
    const isStillWrong = report.diagnostics.length > 0 && changedOnDisk
    if (report.changes.length > 0 || isNews || isStillWrong) this.#options.onReload?.(report)
  }
}

/** Its rules could not be tried against the registry: that is done as soon as it answers. */
function isUnchecked(file: PolicyFileState): boolean {
  return file.diagnostics.some((diagnostic) => diagnostic.code === 'registry-unreachable')
}

interface Settled {
  readonly policy: CompiledPolicy | null
  readonly status: PolicyFileState['status']
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Decides for each file whether its new version holds, or its last good one. In a tie the file that changed gives way,
 * of two that changed the later; giving way can cause another tie, so it goes on until there is none. Each file gives
 * way at most twice: to its last good version, then altogether.
 */
function settle(
  attempts: ReadonlyMap<string, Attempt>,
  load: (path: string) => CompiledPolicy | null
): Map<string, Settled> {
  const settled = new Map<string, Settled>()
  const loaded = new Map<string, CompiledPolicy | null>()
  const fallback = (path: string): CompiledPolicy | null => {
    if (!loaded.has(path)) loaded.set(path, load(path))
    return loaded.get(path) ?? null
  }
  const giveWay = (path: string, diagnostics: readonly Diagnostic[]): void => {
    const now = settled.get(path)
    const earlier = now?.status === 'last-good' ? null : fallback(path)
    const isOther = earlier !== null && earlier.reference.version !== now?.policy?.reference.version
    settled.set(path, {
      policy: isOther ? earlier : null,
      status: isOther ? 'last-good' : 'failed',
      diagnostics: [...(now?.diagnostics ?? []), ...diagnostics]
    })
  }
  for (const [path, attempt] of attempts) {
    if (attempt.policy === null) giveWay(path, attempt.diagnostics)
    else settled.set(path, { policy: attempt.policy, status: 'current', diagnostics: attempt.diagnostics })
  }
  for (;;) {
    const inForce = [...settled].flatMap(([path, { policy }]) => (policy === null ? [] : [{ path, policy }]))
    const paths = new Map(inForce.map(({ path, policy }) => [policy.model, path]))
    const [tie] = findTies([...paths.keys()])
    if (tie === undefined) return settled
    const [earlier, later] = [paths.get(tie.earlier)!, paths.get(tie.later)!]
    const isChanged = (path: string): boolean =>
      settled.get(path)?.policy?.reference.version !== fallback(path)?.reference.version
    giveWay(isChanged(later) || !isChanged(earlier) ? later : earlier, [tie.diagnostic])
  }
}

function stateOf(path: string, { policy, status, diagnostics }: Settled): PolicyFileState {
  return { path, status, policy: policy?.reference ?? null, diagnostics }
}

/** Files that are neither policies, cases nor schemas, where a user may have meant one. */
export function otherFaults(entries: readonly FolderEntry[], display: (path: string) => string): Diagnostic[] {
  return entries.flatMap(({ path, kind }) => {
    if (kind === 'odcs')
      return [
        fault(
          display(path),
          'not-yet',
          'ODCS contracts are not implemented in this version',
          'write the rules in a policy file'
        )
      ]
    if (kind !== 'misnamed') return []
    return [
      {
        ...fault(display(path), 'file-name', 'this file is not read: policies end in .yaml', 'rename it'),
        severity: 'warning' as const
      }
    ]
  })
}

function fault(file: string, code: DiagnosticCode, message: string, remedy?: string): Diagnostic {
  return { file, line: 1, column: 1, severity: 'error', code, message, ...(remedy === undefined ? {} : { remedy }) }
}
