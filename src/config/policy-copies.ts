/**
 * Last good copies of policies in the state directory: the policy and every schema it names, as they were when it last
 * loaded. A start with a broken file uses them. One file per policy, replaced whole, so that several processes may
 * write and a crash leaves the old or the new one.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadPolicy } from '../contracts/compile.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import { filesInMemory } from '../contracts/policy/files.ts'
import { messageOf } from './policy-files.ts'

interface StoredPolicy {
  readonly path: string
  readonly version: string
  /** Contents by path, in base64. */
  readonly files: Readonly<Record<string, string>>
}

export class PolicyCopies {
  readonly #folder: string

  /** @param stateDir of the settings; `policies` is made in it on the first write */
  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'policies')
  }

  /** Returns why it could not be kept, or null. */
  keep(path: string, policy: CompiledPolicy): string | null {
    const files: Record<string, string> = {}
    for (const [name, bytes] of policy.files) files[name] = Buffer.from(bytes).toString('base64')
    const stored: StoredPolicy = { path, version: policy.reference.version, files }
    const target = this.#fileOf(path)
    const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`
    try {
      mkdirSync(this.#folder, { recursive: true })
      writeFileSync(temporary, JSON.stringify(stored), { mode: 0o600 })
      renameSync(temporary, target)
      return null
    } catch (error) {
      remove(temporary)
      return messageOf(error)
    }
  }

  /** The copy of a policy; null when there is none or it no longer loads as what it was. */
  load(path: string, display: (path: string) => string): CompiledPolicy | null {
    const stored = this.#read(this.#fileOf(path))
    if (stored?.path !== path) return null
    const files = new Map(Object.entries(stored.files).map(([name, text]) => [name, Buffer.from(text, 'base64')]))
    const loaded = loadPolicy(filesInMemory(files), path, display)
    return loaded.ok && loaded.policy.reference.version === stored.version ? loaded.policy : null
  }

  /** Forgets policies whose file is gone: it was removed on purpose. */
  retain(paths: ReadonlySet<string>): void {
    const wanted = new Set([...paths].map((path) => this.#fileOf(path)))
    let names: string[]
    try {
      names = readdirSync(this.#folder)
    } catch {
      return
    }
    for (const name of names) {
      const file = join(this.#folder, name)
      if (name.endsWith('.json') && !wanted.has(file)) remove(file)
    }
  }

  #fileOf(path: string): string {
    return join(this.#folder, `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.json`)
  }

  #read(file: string): StoredPolicy | null {
    try {
      const stored = JSON.parse(readFileSync(file, 'utf8')) as unknown
      return isStored(stored) ? stored : null
    } catch {
      return null
    }
  }
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // A copy too many does no harm: it is only used for a file that exists and does not load.
  }
}

function isStored(value: unknown): value is StoredPolicy {
  if (value === null || typeof value !== 'object') return false
  const { path, version, files } = value as Partial<Record<keyof StoredPolicy, unknown>>
  const texts = files !== null && typeof files === 'object' ? Object.values(files) : null
  return (
    typeof path === 'string' && typeof version === 'string' && texts?.every((text) => typeof text === 'string') === true
  )
}
