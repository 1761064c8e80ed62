/**
 * The policies in force: loaded from the folder at the start, watched, and swapped file by file. A file that does not
 * load keeps its last good version (at the start, the copy in the state directory) and says so loudly; the others do
 * not notice.
 */
import { loadPolicy } from '../contracts/compile.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import { contractSet, emptyContractSet } from '../contracts/contract-set.ts'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import type { ContractSet, PolicyReference } from '../contracts/judgement.ts'
import type { DiagnosticCode } from '../contracts/policy/codes.ts'
import type { PolicyFiles } from '../contracts/policy/files.ts'
import { findTies } from '../contracts/policy/ties.ts'
import { usesRegistry } from '../contracts/registry-check.ts'
import type { SchemaSource } from '../contracts/schema-source.ts'
import { FolderWatch } from './folder-watch.ts'
import { PolicyCopies } from './policy-copies.ts'
import { messageOf, PolicyFilesOnDisk } from './policy-files.ts'
import type { FolderEntry } from './policy-files.ts'
import { isUnreachable, RegistryChecks } from './registry-checks.ts'

export interface PolicyFolderOptions {
  readonly folder: string
  /** Where last good copies are kept; null keeps none. */
  readonly stateDir: string | null
  /** Refuse to start with a file that does not load, even where a last good copy exists. */
  readonly strict: boolean
  /** Null when the settings name no registry; policies that need one then do not load. */
  readonly source: SchemaSource | null
  /** How long a start waits in all for the registry to say whether the rules fit; then it goes on without. */
  readonly registryTimeoutMs?: number
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
const defaultRegistryTimeoutMs = 5_000
/** How long a reload waits for it: a registry that is well has answered. Then the change takes effect unchecked. */
const reloadPatienceMs = 500

interface Attempt {
  readonly policy: CompiledPolicy | null
  readonly diagnostics: readonly Diagnostic[]
  /** Its rules are yet to be tried against the registry. */
  readonly isUnchecked?: boolean
  /** The registry answered, and the rules fit none of its schemas. */
  readonly isRefused?: boolean
}

export class PolicyFolder {
  readonly #options: PolicyFolderOptions
  readonly #files: PolicyFilesOnDisk
  readonly #copies: PolicyCopies | null
  #inForce = new Map<string, CompiledPolicy>()
  #report: FolderReport = { contracts: emptyContractSet, files: [], diagnostics: [], changes: [] }
  #stamp = ''
  /** What stood at every path that was tried when the policies were loaded, hidden and missing files included. */
  #consulted = new Map<string, string>()
  /** The last version of each policy that the registry was asked about and took. */
  readonly #checked = new Map<string, CompiledPolicy>()
  readonly #checks: RegistryChecks | null
  #started = false
  #running: Promise<void> | null = null
  #again = false
  #watch: FolderWatch | null = null
  #debounce: NodeJS.Timeout | null = null
  #rescan: NodeJS.Timeout | null = null

  private constructor(options: PolicyFolderOptions) {
    this.#options = options
    this.#files = new PolicyFilesOnDisk(options.folder)
    this.#copies = options.stateDir === null ? null : new PolicyCopies(options.stateDir)
    const onLate = (): void => void this.reload()
    this.#checks = options.source === null ? null : new RegistryChecks(options.source, onLate)
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
    this.#watch = new FolderWatch(this.#options.folder, () => this.#soon())
    this.#watch.refresh()
    this.#rescan = setInterval(() => void this.reload(), this.#options.rescanMs ?? defaultRescanMs)
    this.#rescan.unref()
  }

  /** Stops watching; a reload under way ends by itself. */
  stop(): void {
    this.#watch?.stop()
    this.#checks?.stop()
    if (this.#debounce !== null) clearTimeout(this.#debounce)
    if (this.#rescan !== null) clearInterval(this.#rescan)
    this.#watch = null
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
    // First the watches, then the look: what changes in between is noticed by one or the other.
    this.#watch?.refresh()
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
    if (this.#started && stamp === this.#stamp && this.#isUndisturbed() && !this.#report.files.some(isUnchecked)) return

    const consulted = new Map<string, string>()
    const files: PolicyFiles = {
      read: (path) => {
        consulted.set(path, this.#files.stamp(path))
        return this.#files.read(path)
      }
    }
    const paths = listing.entries.filter(({ kind }) => kind === 'policy').map(({ path }) => path)
    const attempts = await this.#checkedAttempts(new Map(paths.map((path) => [path, this.#attempt(files, path)])))
    const settled = settle(attempts, (path) => this.#fallback(path, attempts.get(path)))
    const others = otherFaults(listing.entries, this.#files.display)
    const states = [...settled].map(([path, entry]) => stateOf(path, entry))
    const diagnostics = [...others, ...states.flatMap((file) => file.diagnostics)]
    if (!this.#started) {
      const failed = states.filter(
        (file) => file.status === 'failed' || (this.#options.strict && file.status === 'last-good')
      )
      const fatal = others.some((diagnostic) => diagnostic.severity === 'error')
      if (failed.length > 0 || fatal) throw new PolicyStartError(diagnostics)
    }
    const changedOnDisk = stamp !== this.#stamp
    this.#stamp = stamp
    this.#consulted = consulted
    this.#swap(settled, states, diagnostics, changedOnDisk)
  }

  /** Nothing changed at the paths that were read, also where the listing does not lead. */
  #isUndisturbed(): boolean {
    return [...this.#consulted].every(([path, stamp]) => this.#files.stamp(path) === stamp)
  }

  /** With what the registry says about those that need it: all at once, and within one wait. */
  async #checkedAttempts(attempts: ReadonlyMap<string, Attempt>): Promise<ReadonlyMap<string, Attempt>> {
    if (this.#checks === null) return attempts
    const unchecked = new Map<string, CompiledPolicy>()
    for (const [path, { policy, isUnchecked }] of attempts) {
      if (policy !== null && isUnchecked === true) unchecked.set(path, policy)
    }
    const timeoutMs = this.#options.registryTimeoutMs ?? defaultRegistryTimeoutMs
    const patienceMs = this.#started ? Math.min(reloadPatienceMs, timeoutMs) : timeoutMs
    const results = await this.#checks.of(unchecked, patienceMs)
    for (const path of this.#checked.keys()) if (!attempts.has(path)) this.#checked.delete(path)
    return new Map(
      [...attempts].map(([path, attempt]) => {
        const policy = unchecked.get(path)
        if (policy === undefined) return [path, attempt]
        const diagnostics = results.get(path) ?? [notYetChecked(policy)]
        const isRefused = diagnostics.some(({ severity }) => severity === 'error')
        if (isRefused) return [path, { policy: null, diagnostics, isRefused }]
        if (!diagnostics.some(isUnreachable)) this.#checked.set(path, policy)
        return [path, { policy, diagnostics }]
      })
    )
  }

  /** The file as it is on disk now; the compiled policy in force when its bytes did not change. */
  #attempt(files: PolicyFiles, path: string): Attempt {
    const before = this.#inForce.get(path)
    if (before !== undefined && isUnchanged(files, before)) {
      const known = this.#report.files.find((file) => file.path === path)
      if (known?.status === 'current') {
        return { policy: before, diagnostics: known.diagnostics, isUnchecked: isUnchecked(known) }
      }
    }
    const loaded = loadPolicy(files, path, this.#files.display)
    if (!loaded.ok) return { policy: null, diagnostics: loaded.diagnostics }
    const { policy } = loaded
    if (!usesRegistry(policy)) return { policy, diagnostics: [] }
    if (this.#options.source !== null) return { policy, diagnostics: [], isUnchecked: true }
    const message = 'the policy takes its schema from a registry and the settings name none'
    const remedy = 'set registry.url, or take the schema from a file'
    return { policy: null, diagnostics: [fault(policy.reference.file, 'no-registry', message, remedy)] }
  }

  #fallback(path: string, attempt: Attempt | undefined): CompiledPolicy | null {
    if (!this.#started) return this.#copies?.load(path, this.#files.display) ?? null
    const inForce = this.#inForce.get(path) ?? null
    // It took effect before the registry answered; then it did, and refused it.
    return attempt?.isRefused === true ? (this.#checked.get(path) ?? inForce) : inForce
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

function isUnchanged(files: PolicyFiles, policy: CompiledPolicy): boolean {
  for (const [path, bytes] of policy.files) {
    const read = files.read(path)
    if (!read.ok || Buffer.compare(read.bytes, bytes) !== 0) return false
  }
  return [...policy.missing].every((path) => !files.read(path).ok)
}

/** Its rules could not be tried against the registry: that is done as soon as it answers. */
function isUnchecked(file: PolicyFileState): boolean {
  return file.diagnostics.some(isUnreachable)
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
    if (kind === 'outside') {
      const message = 'this link leads to a folder outside of the policies folder, so nothing in it is read'
      return [fault(display(path), 'file-outside', message, 'put the files here, or mount the folder that has both')]
    }
    if (kind === 'dead-link') {
      const message = 'this link leads to nothing'
      return [{ ...fault(display(path), 'file-missing', message, 'mend or remove it'), severity: 'warning' as const }]
    }
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

function notYetChecked({ model }: CompiledPolicy): Diagnostic {
  const message = 'the rules are not checked against the registry: it has not answered in time'
  return { ...model.yaml.diagnostic([], 'registry-unreachable', message), severity: 'warning' }
}

function fault(file: string, code: DiagnosticCode, message: string, remedy?: string): Diagnostic {
  return { file, line: 1, column: 1, severity: 'error', code, message, ...(remedy === undefined ? {} : { remedy }) }
}
