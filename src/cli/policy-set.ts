/** The policies that paths on the command line mean: whole folders, or single files of a folder. */
import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { otherFaults } from '../config/policy-folder.ts'
import { PolicyFilesOnDisk } from '../config/policy-files.ts'
import type { FolderEntry } from '../config/policy-files.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import { loadPolicy } from '../contracts/compile.ts'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import { findTies } from '../contracts/policy/ties.ts'
import { CliError } from './io.ts'

/** A policies folder, and which of its files are meant. */
export interface PolicySet {
  readonly files: PolicyFilesOnDisk
  /** Null: all. Paths relative to the folder. */
  readonly only: readonly string[] | null
}

export interface LoadedSet {
  readonly policies: readonly CompiledPolicy[]
  readonly diagnostics: readonly Diagnostic[]
  /** Policy files looked at. */
  readonly fileCount: number
}

/** @throws {CliError} when a path is not there */
export function policySets(paths: readonly string[], cwd: string): readonly PolicySet[] {
  const folders = new Map<string, string[] | null>()
  for (const path of paths) {
    const absolute = resolve(cwd, path)
    if (!existsSync(absolute)) throw new CliError(`there is no ${path}`, 'name a policies folder, or files in one')
    if (statSync(absolute).isDirectory()) {
      folders.set(path, null)
      continue
    }
    const folder = folderOf(absolute, path, cwd)
    const only = folders.get(folder)
    if (only === null) continue
    folders.set(folder, [...(only ?? []), relative(resolve(cwd, folder), absolute).replaceAll('\\', '/')])
  }
  return [...folders].map(([folder, only]) => ({ files: new FilesFrom(folder, cwd), only }))
}

/**
 * The policies folder a single file belongs to: names in messages, paths of schemas and ties depend on it. The nearest
 * folder above it that is called `policies`, else its own.
 */
function folderOf(absolute: string, path: string, cwd: string): string {
  for (let folder = dirname(absolute); folder !== dirname(folder); folder = dirname(folder)) {
    if (basename(folder) === 'policies') return relative(cwd, folder) || '.'
  }
  return dirname(path)
}

/** Reads below the working directory the user is in, and names files as the user would. */
class FilesFrom extends PolicyFilesOnDisk {
  constructor(folder: string, cwd: string) {
    super(resolve(cwd, folder))
    this.display = (path) => join(folder, path)
  }
}

/** The entries of one kind that are meant. @throws {CliError} when the folder cannot be read */
export function entriesOf(set: PolicySet, kind: FolderEntry['kind']): readonly string[] {
  const listing = set.files.list()
  if (!listing.ok) throw new CliError(listing.message)
  return listing.entries.filter((entry) => entry.kind === kind && isMeant(set, entry.path)).map((entry) => entry.path)
}

function isMeant(set: PolicySet, path: string): boolean {
  return set.only === null || set.only.includes(path)
}

/** Loads every policy of the set, and looks for ties with the other policies of its folder. */
export function loadSet(set: PolicySet): LoadedSet {
  const { files } = set
  const listing = files.list()
  if (!listing.ok) throw new CliError(listing.message)
  const diagnostics: Diagnostic[] = otherFaults(
    listing.entries.filter((entry) => isMeant(set, entry.path)),
    files.display
  )
  const policies: CompiledPolicy[] = []
  const neighbours: CompiledPolicy[] = []
  let fileCount = 0
  for (const { path, kind } of listing.entries) {
    if (kind !== 'policy') continue
    const loaded = loadPolicy(files, path, files.display)
    if (isMeant(set, path)) {
      fileCount += 1
      if (loaded.ok) policies.push(loaded.policy)
      else diagnostics.push(...loaded.diagnostics)
    } else if (loaded.ok) {
      neighbours.push(loaded.policy)
    }
  }
  const meant = new Set(policies.map(({ model }) => model))
  const ties = findTies([...policies, ...neighbours].map(({ model }) => model))
  diagnostics.push(...ties.filter((tie) => meant.has(tie.earlier) || meant.has(tie.later)).map((tie) => tie.diagnostic))
  return { policies, diagnostics, fileCount }
}
