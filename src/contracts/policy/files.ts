/** The port through which policies are read: this folder of the program does no I/O of its own. */
import type { DiagnosticCode } from './codes.ts'

export type FileRead =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | {
      readonly ok: false
      readonly code: Extract<DiagnosticCode, 'file-missing' | 'file-outside' | 'file-unreadable' | 'too-large'>
      readonly message: string
    }

export interface PolicyFiles {
  /**
   * The file at a path relative to the policies folder, written with `/`. Links are followed only while they stay
   * inside; a file over `fileLimits.bytes` is refused unread. Never throws.
   */
  read(path: string): FileRead
}

export const fileLimits = {
  /** Bytes of one schema, cases or policy file. */
  bytes: 1024 * 1024,
  /** Files that one schema pulls in by imports and `$ref`s. */
  references: 200
} as const

/** Files held in memory: last good copies, the admin API's checks, tests. */
export function filesInMemory(files: ReadonlyMap<string, Uint8Array>): PolicyFiles {
  return {
    read(path) {
      const bytes = files.get(path)
      return bytes === undefined
        ? { ok: false, code: 'file-missing', message: `there is no file ${path}` }
        : { ok: true, bytes }
    }
  }
}

/**
 * Remembers every file that was read through it, so that a policy can be kept as it was when it loaded, and every path
 * where there was none: a file that appears there may take the place of one that was read.
 */
export function recordReads(files: PolicyFiles): {
  readonly files: PolicyFiles
  readonly read: Map<string, Uint8Array>
  readonly missing: Set<string>
} {
  const read = new Map<string, Uint8Array>()
  const missing = new Set<string>()
  return {
    read,
    missing,
    files: {
      read(path) {
        const result = files.read(path)
        if (result.ok) read.set(path, result.bytes)
        else missing.add(path)
        return result
      }
    }
  }
}
