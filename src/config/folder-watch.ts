/**
 * Tells when something in a folder changes: one plain watch per directory. A recursive one on Linux follows files by
 * inode and goes blind once a file is replaced by renaming another over it, as editors and `sed -i` do.
 */
import { readdirSync, realpathSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { join } from 'node:path'

/** Directories watched; a policies folder has a handful. Beyond them the rescan finds what changed. */
const maxDirectories = 200

export class FolderWatch {
  readonly #folder: string
  readonly #onChange: () => void
  readonly #watchers = new Map<string, FSWatcher>()

  constructor(folder: string, onChange: () => void) {
    this.#folder = folder
    this.#onChange = onChange
  }

  /** Watches the directories that are there now, links followed. To be called again after every change. Never throws. */
  refresh(): void {
    const directories = directoriesOf(this.#folder)
    for (const [path, watcher] of this.#watchers) {
      if (directories.has(path)) continue
      watcher.close()
      this.#watchers.delete(path)
    }
    for (const path of directories) {
      if (!this.#watchers.has(path)) this.#watch(path)
    }
  }

  stop(): void {
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #watch(path: string): void {
    try {
      const watcher = watch(path, { persistent: false }, this.#onChange)
      // A directory that vanishes ends its watch; the next refresh finds it when it is back.
      watcher.on('error', () => {
        watcher.close()
        this.#watchers.delete(path)
      })
      this.#watchers.set(path, watcher)
    } catch {
      // Gone again, or out of watches: the rescan finds what changes there.
    }
  }
}

/** Real paths of the folder and of the directories in it, hidden ones included: Kubernetes swaps the link `..data`. */
function directoriesOf(folder: string): ReadonlySet<string> {
  const found = new Set<string>()
  const waiting = [folder]
  for (let next = waiting.shift(); next !== undefined && found.size < maxDirectories; next = waiting.shift()) {
    try {
      const real = realpathSync(next)
      if (found.has(real)) continue
      const entries = readdirSync(real, { withFileTypes: true })
      found.add(real)
      for (const entry of entries) {
        if (entry.isDirectory() || entry.isSymbolicLink()) waiting.push(join(real, entry.name))
      }
    } catch {
      // A file behind a link, or gone meanwhile.
    }
  }
  return found
}
