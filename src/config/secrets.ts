/** Reads what a secret refers to. The value appears in no message. */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Parsed, SecretReference } from './kinds.ts'
import { settingsFileLimits } from './limits.ts'

/**
 * @param folder relative paths are relative to it
 */
export function readSecret(
  reference: SecretReference,
  folder: string,
  env: Readonly<Record<string, string | undefined>>
): Parsed<string> {
  switch (reference.kind) {
    case 'plain':
      return { ok: true, value: reference.value }
    case 'env': {
      const value = env[reference.name]
      if (value === undefined) return { ok: false, problem: `the environment variable ${reference.name} is not set` }
      return value === ''
        ? { ok: false, problem: `the environment variable ${reference.name} is empty` }
        : { ok: true, value }
    }
    case 'file':
      return readSecretFile(resolve(folder, reference.path))
  }
}

function readSecretFile(path: string): Parsed<string> {
  try {
    const { size } = statSync(path)
    if (size > settingsFileLimits.secretBytes) {
      return { ok: false, problem: `${path} is larger than ${settingsFileLimits.secretBytes} bytes: not a secret` }
    }
    // Editors and `echo` end files with a newline that is no part of the secret.
    const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    return value === '' ? { ok: false, problem: `${path} is empty` } : { ok: true, value }
  } catch (error) {
    return { ok: false, problem: `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}` }
  }
}
