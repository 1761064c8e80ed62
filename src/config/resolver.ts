/**
 * Picks each setting's value from the layers (flag, then environment, then file, then default), parses it, and keeps
 * what `kontrakt settings` shows. One resolver serves one load.
 */
import { dirname, resolve } from 'node:path'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import type { SettingDeclaration } from './declarations.ts'
import { declarationOf } from './declarations.ts'
import type { Kind, KindValues } from './kinds.ts'
import { parseKind } from './kinds.ts'
import type { RawSetting } from './layers.ts'
import type { Origin } from './origin.ts'
import { diagnosticAt } from './origin.ts'
import { readSecret } from './secrets.ts'
import { variableOf } from './tree.ts'

/** One line of `kontrakt settings`. */
export interface EffectiveSetting {
  readonly path: string
  /** As a user would write it; secrets are `***`; null when not set. */
  readonly value: string | null
  readonly origin: Origin
  readonly secret: boolean
}

export const maskedSecret = '***'

export interface ResolverContext {
  /** Strongest first. */
  readonly layers: readonly ReadonlyMap<string, RawSetting>[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Absolute: the folder of the settings file, for its paths and for defaults. */
  readonly fileFolder: string
  /** Absolute: the working directory, for paths of flags and variables. */
  readonly workingFolder: string
}

export class Resolver {
  readonly diagnostics: Diagnostic[] = []
  readonly effective: EffectiveSetting[] = []
  readonly #context: ResolverContext

  constructor(context: ResolverContext) {
    this.#context = context
  }

  /** How many entries the layers name under a list. Reports the first gap. */
  count(list: string): number {
    const indexes = new Map<number, Origin>()
    for (const layer of this.#context.layers) {
      for (const { path, origin } of layer.values()) {
        const match = path.startsWith(`${list}.`) ? /^\d+/.exec(path.slice(list.length + 1)) : null
        if (match !== null) indexes.set(Number(match[0]), origin)
      }
    }
    const sorted = [...indexes].sort(([a], [b]) => a - b)
    for (const [position, [index, origin]] of sorted.entries()) {
      if (index === position) continue
      this.report(
        origin,
        'missing',
        `${list}[${index}] is set, but ${list}[${position}] is not`,
        'count from 0 without gaps'
      )
      return position
    }
    return sorted.length
  }

  /** Where a setting was written, whether or not it can be read; `default` when nowhere. */
  originOf(path: string): Origin {
    return this.#find(path)?.origin ?? { kind: 'default' }
  }

  isSet(path: string): boolean {
    return this.#find(path) !== null
  }

  /**
   * The value of a setting, or null when it is not set and has no default, or cannot be read (which is reported).
   * @param path with indexes: `listeners.0.address`
   * @param whenAbsent shown and recorded as the default, where it follows from something else
   */
  take<K extends Kind>(path: string, kind: K): KindValues[K] | null {
    const declaration = declarationOf(path.replace(/\.\d+(?=\.|$)/, '[]'))
    if (declaration.kind !== kind) throw new Error(`${path} is declared as ${declaration.kind}`)
    const found = this.#find(path)
    if (found === null) return this.#takeDefault(declaration, path, kind)
    const parsed = parseKind(kind, found.raw, found.form, declaration)
    this.#show(path, declaration, found.raw, found.origin)
    if (!parsed.ok) {
      this.report(found.origin, 'bad-value', `'${path}': ${parsed.problem}`, remedyFor(declaration))
      return null
    }
    return this.#refuseNotYet(declaration, path, found, parsed.value) ? null : parsed.value
  }

  /** As `take`, made absolute: paths in the file are relative to it, others to the working directory. */
  takePath(path: string): string | null {
    const value = this.take(path, 'path')
    return value === null ? null : resolve(this.#folderOf(this.originOf(path)), value)
  }

  /** As `take`, read from where it refers to. A secret that stands in a file in the clear is warned about. */
  takeSecret(path: string): string | null {
    const reference = this.take(path, 'secret')
    if (reference === null) return null
    const origin = this.originOf(path)
    if (reference.kind === 'plain' && origin.kind === 'file') {
      const remedy = 'write { env: NAME } or { file: PATH } instead'
      this.diagnostics.push(
        diagnosticAt(origin, 'warning', 'plain-secret', `'${path}' stands in the file in the clear`, remedy)
      )
    }
    const read = readSecret(reference, this.#folderOf(origin), this.#context.env)
    if (read.ok) return read.value
    this.report(origin, 'secret-unreadable', `'${path}': ${read.problem}`)
    return null
  }

  report(origin: Origin, code: string, message: string, remedy?: string): void {
    this.diagnostics.push(diagnosticAt(origin, 'error', code, message, remedy))
  }

  /** Reports a required setting that nothing sets. */
  missing(path: string): void {
    const declaration = declarationOf(path.replace(/\.\d+(?=\.|$)/, '[]'))
    const index = /\.(\d+)\./.exec(path)?.[1] ?? '0'
    const flag =
      declaration.flag === undefined ? '' : `${declaration.flag.name} ${declaration.flag.argument ?? ''}, or `
    const inFile = path.replace(/\.(\d+)\./, '[$1].')
    const variable = variableOf(declaration.path).replace('_N_', `_${index}_`)
    const remedy = `${flag}'${inFile}' in the settings file, or ${variable}`
    this.report({ kind: 'default' }, 'missing', `'${inFile}' is not set: ${declaration.help}`, `set it with ${remedy}`)
  }

  /** Records a default that follows from other settings, for `kontrakt settings`. */
  showDefault(path: string, value: string | null): void {
    this.effective.push({ path, value, origin: { kind: 'default' }, secret: false })
  }

  #find(path: string): RawSetting | null {
    for (const layer of this.#context.layers) {
      const found = layer.get(path)
      if (found !== undefined) return found
    }
    return null
  }

  #folderOf(origin: Origin): string {
    const { fileFolder, workingFolder } = this.#context
    if (origin.kind === 'file') return dirname(resolve(workingFolder, origin.file))
    return origin.kind === 'default' ? fileFolder : workingFolder
  }

  #takeDefault<K extends Kind>(declaration: SettingDeclaration, path: string, kind: K): KindValues[K] | null {
    if (declaration.default === undefined) return null
    const parsed = parseKind(kind, declaration.default, 'text', declaration)
    if (!parsed.ok) throw new Error(`the default of ${path} is not a value: ${parsed.problem}`)
    this.#show(path, declaration, declaration.default, { kind: 'default' })
    return parsed.value
  }

  #refuseNotYet(declaration: SettingDeclaration, path: string, found: RawSetting, value: unknown): boolean {
    const chosen = Array.isArray(value) ? (value as unknown[]) : [value]
    const refused = declaration.notYet?.find((word) => chosen.includes(word))
    if (refused === undefined) return false
    const usable = declaration.of?.filter((word) => declaration.notYet?.includes(word) !== true) ?? []
    this.report(
      found.origin,
      'not-yet',
      `'${path}': ${refused} is not built yet in this version`,
      `use ${usable.join(', ')}`
    )
    return true
  }

  #show(path: string, declaration: SettingDeclaration, raw: unknown, origin: Origin): void {
    const secret = declaration.kind === 'secret'
    this.effective.push({ path, value: secret ? maskedSecret : showRaw(raw), origin, secret })
  }
}

function remedyFor(declaration: SettingDeclaration): string | undefined {
  if (declaration.kind === 'url') return 'user name and password go to registry.auth'
  return declaration.default === undefined ? undefined : `the default is ${declaration.default}`
}

/** No setting is deeper than a list or a map; what is (an alias may even hold itself) is not shown. */
function showRaw(raw: unknown, depth = 0): string {
  if (typeof raw === 'object' && raw !== null) {
    if (depth > 1) return '...'
    if (Array.isArray(raw)) return raw.map((item) => showRaw(item, depth + 1)).join(',')
    return Object.entries(raw)
      .map(([key, value]) => `${key}=${showRaw(value, depth + 1)}`)
      .join(',')
  }
  // A URL with credentials is refused, and must not be shown while it is.
  return String(raw).replace(/\/\/[^/@]*@/, `//${maskedSecret}@`)
}
