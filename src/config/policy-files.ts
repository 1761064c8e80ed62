/**
 * The policies folder on disk: which files it has and what each is, and reading them without ever leaving the folder.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs'
import type { Dirent, Stats } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import { fileLimits } from '../contracts/policy/files.ts'
import type { FileRead, PolicyFiles } from '../contracts/policy/files.ts'

export const folderLimits = {
  /** Entries of the whole tree. A folder that is larger is not a policies folder: `/` given by mistake. */
  entries: 20_000,
  /** Folders inside each other. */
  depth: 16
} as const

export interface FolderEntry {
  /** Relative to the folder, with `/`. */
  readonly path: string
  /** `outside`: a link to a folder out of this one. `dead-link`: a link to nothing, which may have been a folder. */
  readonly kind: 'policy' | 'cases' | 'odcs' | 'misnamed' | 'outside' | 'dead-link' | 'other'
  /** Changes when the file does: size, time and identity. */
  readonly stamp: string
}

export type Listing =
  { readonly ok: true; readonly entries: readonly FolderEntry[] } | { readonly ok: false; readonly message: string }

export class PolicyFilesOnDisk implements PolicyFiles {
  readonly folder: string

  /** @param folder as the user wrote it; it may be a link itself */
  constructor(folder: string) {
    this.folder = folder
  }

  /** How a user would type the path of a file in it. */
  display = (path: string): string => join(this.folder, path)

  read(path: string): FileRead {
    let real: string
    try {
      const root = realpathSync(this.folder)
      real = realpathSync(join(root, path))
      if (!isInside(root, real)) {
        return { ok: false, code: 'file-outside', message: `${path} leads out of the policies folder` }
      }
    } catch (error) {
      return unreadable(path, error)
    }
    try {
      return readRegularFile(path, real)
    } catch (error) {
      return unreadable(path, error)
    }
  }

  /** Changes when the file does, or when there is another file, or none, at the path. */
  stamp(path: string): string {
    return stampOf(statOf(join(this.folder, path)))
  }

  /**
   * Every file of the tree in order of path, hidden ones left out. Folders behind links are part of it while they lie
   * inside, each folder once: under its own name, if it has one that is not hidden. Never throws.
   */
  list(): Listing {
    const entries: FolderEntry[] = []
    const links: { path: string; real: string; depth: number }[] = []
    const visited = new Set<string>()
    let root = ''
    let count = 0
    const walk = (folder: string, real: string, depth: number): string | null => {
      visited.add(real)
      for (const entry of readdirSync(join(this.folder, folder), { withFileTypes: true }).sort(byName)) {
        // Kubernetes mounts a ConfigMap as links into `..data`; what is in there is listed through the links.
        if (entry.name.startsWith('.')) continue
        if (++count > folderLimits.entries) return `the folder has more than ${folderLimits.entries} files`
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`
        const stats = statOf(join(this.folder, path))
        const isFolder = stats?.isDirectory() === true
        if (isFolder && depth === folderLimits.depth) return `${path} is nested too deeply`
        if (!isFolder) {
          const isDead = stats === null && entry.isSymbolicLink()
          const kind = kindOf(path)
          entries.push({ path, kind: isDead && kind === 'other' ? 'dead-link' : kind, stamp: stampOf(stats) })
        } else if (entry.isSymbolicLink()) {
          const target = realpathSync(join(this.folder, path))
          if (target === root || isInside(root, target)) links.push({ path, real: target, depth: depth + 1 })
          else entries.push({ path, kind: 'outside', stamp: target })
        } else {
          const problem = walk(path, join(real, entry.name), depth + 1)
          if (problem !== null) return problem
        }
      }
      return null
    }
    try {
      root = realpathSync(this.folder)
      let problem = walk('', root, 0)
      for (let link = links.shift(); problem === null && link !== undefined; link = links.shift()) {
        if (!visited.has(link.real)) problem = walk(link.path, link.real, link.depth)
      }
      entries.sort(byPath)
      return problem === null ? { ok: true, entries } : { ok: false, message: problem }
    } catch (error) {
      return { ok: false, message: `the folder cannot be read: ${messageOf(error)}` }
    }
  }
}

/** What a file of the folder is, by its name and place. */
export function kindOf(path: string): FolderEntry['kind'] {
  const inSchemas = path.split('/').slice(0, -1).includes('schemas')
  if (inSchemas) return 'other'
  if (/\.cases\.yaml$/i.test(path)) return 'cases'
  if (/\.odcs\.yaml$/i.test(path)) return 'odcs'
  if (/\.yaml$/i.test(path)) return 'policy'
  return /\.yml$/i.test(path) ? 'misnamed' : 'other'
}

function isInside(root: string, path: string): boolean {
  const steps = relative(root, path)
  return steps !== '' && steps !== '..' && !steps.startsWith(`..${sep}`) && !isAbsolute(steps)
}

function readRegularFile(path: string, real: string): FileRead {
  // Opening a pipe that nobody writes to would wait for ever.
  const descriptor = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) return { ok: false, code: 'file-unreadable', message: `${path} is not a file` }
    if (stats.size > fileLimits.bytes)
      return { ok: false, code: 'too-large', message: `${path} has ${stats.size} bytes, the limit is 1 MiB` }
    // One byte more than it said it has: a file that grows meanwhile is read again when its change is noticed.
    const bytes = Buffer.alloc(stats.size + 1)
    let length = 0
    while (length < bytes.length) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null)
      if (read === 0) break
      length += read
    }
    return { ok: true, bytes: bytes.subarray(0, Math.min(length, stats.size)) }
  } finally {
    closeSync(descriptor)
  }
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null
  }
}

function stampOf(stats: Stats | null): string {
  return stats === null ? 'unreadable' : `${stats.size} ${stats.mtimeMs} ${stats.ino}`
}

function unreadable(path: string, error: unknown): FileRead {
  const missing = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
  return missing
    ? { ok: false, code: 'file-missing', message: `there is no file ${path}` }
    : { ok: false, code: 'file-unreadable', message: `${path} cannot be read: ${messageOf(error)}` }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

function byPath(a: FolderEntry, b: FolderEntry): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0
}
