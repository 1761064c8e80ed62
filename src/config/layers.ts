/**
 * The three places a setting can be written, each read into the same shape: concrete path (`listeners.0.address`) to
 * raw value and origin. What is wrong with the place itself is reported here; what is wrong with a value, in
 * `load.ts`.
 */
import { Alias, LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Document, Node, Pair } from 'yaml'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import { didYouMean, nearest } from '../contracts/suggest.ts'
import type { SettingDeclaration } from './declarations.ts'
import { declarations } from './declarations.ts'
import type { RawForm } from './kinds.ts'
import { settingsFileLimits } from './limits.ts'
import type { Origin } from './origin.ts'
import { diagnosticAt, formatOrigin } from './origin.ts'
import type { SettingNode } from './tree.ts'
import { settingTree, upperSnake, variableOf } from './tree.ts'

export interface RawSetting {
  readonly declaration: SettingDeclaration
  /** Path with indexes: `listeners.0.address`. */
  readonly path: string
  readonly raw: unknown
  readonly form: RawForm
  readonly origin: Origin
}

export interface Layer {
  readonly settings: ReadonlyMap<string, RawSetting>
  readonly diagnostics: readonly Diagnostic[]
}

interface Walk {
  readonly document: Document
  readonly file: string
  readonly lines: LineCounter
  readonly settings: Map<string, RawSetting>
  readonly diagnostics: Diagnostic[]
}

/** Reads the text of a settings file. Never throws. */
export function fileLayer(file: string, text: string): Layer {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const walk: Walk = { document, file, lines, settings: new Map(), diagnostics: [] }
  for (const fault of document.errors) {
    const code = fault.code === 'DUPLICATE_KEY' ? 'duplicate-key' : 'yaml'
    walk.diagnostics.push(diagnosticAt(originAt(walk, fault.pos[0]), 'error', code, fault.message))
  }
  if (document.errors.length > 0) return walk
  if (document.contents === null) {
    const message = 'the file is empty'
    walk.diagnostics.push(
      diagnosticAt(originAt(walk, 0), 'error', 'empty-file', message, '`kontrakt init` writes one to start from')
    )
  } else {
    walkMap(walk, document.contents, settingTree, '', '')
  }
  return walk
}

function originAt(walk: Walk, offset: number): Origin {
  const { line, col } = walk.lines.linePos(offset)
  return { kind: 'file', file: walk.file, line: Math.max(1, line), column: Math.max(1, col) }
}

function originOf(walk: Walk, node: unknown): Origin {
  const range = (node as Node | null)?.range
  return originAt(walk, range?.[0] ?? 0)
}

function resolve(walk: Walk, node: unknown): unknown {
  return node instanceof Alias ? (node.resolve(walk.document) ?? null) : node
}

function walkMap(
  walk: Walk,
  unresolved: unknown,
  children: ReadonlyMap<string, SettingNode>,
  path: string,
  pattern: string
): void {
  const node = resolve(walk, unresolved)
  // A section whose lines are all commented out is an empty section.
  if (node === null || (isScalar(node) && node.value === null)) return
  if (!isMap(node)) {
    const what = path === '' ? 'the settings file' : `'${path}'`
    const message = `${what} must be a mapping of keys to values`
    walk.diagnostics.push(diagnosticAt(originOf(walk, unresolved), 'error', 'wrong-type', message))
    return
  }
  for (const pair of node.items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : '?'
    const child = children.get(key)
    const at = path === '' ? key : `${path}.${key}`
    if (child === undefined) walk.diagnostics.push(unknownKey(originOf(walk, pair.key), key, path, children))
    else walkChild(walk, child, pair, at, pattern === '' ? key : `${pattern}.${key}`)
  }
}

function unknownKey(origin: Origin, key: string, path: string, children: ReadonlyMap<string, SettingNode>): Diagnostic {
  const where = path === '' ? 'a top-level key of the settings' : `a key of '${path}'`
  const remedy = didYouMean(key, [...children.keys()])
  return diagnosticAt(origin, 'error', 'unknown-key', `'${key.slice(0, 80)}' is not ${where}`, remedy)
}

function walkChild(walk: Walk, child: SettingNode, pair: Pair, path: string, pattern: string): void {
  switch (child.kind) {
    case 'object':
      walkMap(walk, pair.value, child.children, path, pattern)
      return
    case 'objects':
      walkList(walk, pair.value, child.children, path, pattern)
      return
    case 'not-yet':
      walk.diagnostics.push(
        diagnosticAt(
          originOf(walk, pair.key),
          'error',
          'not-yet',
          `'${path}' is not built yet in this version`,
          child.instead
        )
      )
      return
    case 'leaf': {
      const origin = originOf(walk, pair.value ?? pair.key)
      let raw: unknown
      try {
        raw = (resolve(walk, pair.value) as Node | null)?.toJS(walk.document, { maxAliasCount: 100 })
      } catch {
        walk.diagnostics.push(diagnosticAt(origin, 'error', 'yaml', 'the aliases of this value cannot be expanded'))
        return
      }
      walk.settings.set(path, { declaration: child.declaration, path, raw, form: 'yaml', origin })
    }
  }
}

function walkList(
  walk: Walk,
  unresolved: unknown,
  children: ReadonlyMap<string, SettingNode>,
  path: string,
  pattern: string
): void {
  const node = resolve(walk, unresolved)
  if (node === null || (isScalar(node) && node.value === null)) return
  const origin = originOf(walk, unresolved)
  if (!isSeq(node)) {
    walk.diagnostics.push(
      diagnosticAt(origin, 'error', 'wrong-type', `'${path}' must be a list`, 'begin each entry with "- "')
    )
  } else if (node.items.length > settingsFileLimits.listItems) {
    const message = `'${path}' has more than ${settingsFileLimits.listItems} entries`
    walk.diagnostics.push(diagnosticAt(origin, 'error', 'out-of-range', message))
  } else {
    for (const [index, item] of node.items.entries()) {
      walkMap(walk, item, children, `${path}.${index}`, `${pattern}[]`)
    }
  }
}

const prefix = 'KONTRAKT_'

/** Variables that are ours without being settings, and those that Kubernetes makes for a Service named kontrakt. */
const otherVariables =
  /^KONTRAKT_(SETTINGS|(.*_)?SERVICE_(HOST|PORT)(_.*)?|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)$/

/** Reads the `KONTRAKT_*` variables; an empty one counts as unset. Never throws. */
export function environmentLayer(
  env: Readonly<Record<string, string | undefined>>,
  referenced: ReadonlySet<string>
): Layer {
  const settings = new Map<string, RawSetting>()
  const diagnostics: Diagnostic[] = []
  const secretParts: [string, SettingDeclaration, string, Origin, string][] = []
  for (const [name, text] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith(prefix) || text === undefined || text === '' || otherVariables.test(name)) continue
    const origin: Origin = { kind: 'environment', name }
    const found = findVariable(name.slice(prefix.length), settingTree, '')
    if (found === null) {
      if (!referenced.has(name)) diagnostics.push(unknownVariable(origin, name))
    } else if (found.kind === 'not-yet') {
      const message = `'${found.path}' is not built yet in this version`
      diagnostics.push(diagnosticAt(origin, 'error', 'not-yet', message, found.instead))
    } else if (found.part !== null) {
      secretParts.push([found.path, found.declaration, found.part, origin, text])
    } else {
      const { declaration, path } = found
      settings.set(path, { declaration, path, raw: text, form: 'text', origin })
    }
  }
  for (const [path, declaration, part, origin, text] of secretParts) {
    const rival = settings.get(path)
    if (rival !== undefined) {
      const message = `the secret is set twice, also by ${formatOrigin(rival.origin)}`
      diagnostics.push(diagnosticAt(origin, 'error', 'conflict', message, 'unset one of them'))
    }
    settings.set(path, { declaration, path, raw: { [part]: text }, form: 'text', origin })
  }
  return { settings, diagnostics }
}

type FoundVariable =
  | {
      readonly kind: 'leaf'
      readonly path: string
      readonly declaration: SettingDeclaration
      readonly part: 'env' | 'file' | null
    }
  | { readonly kind: 'not-yet'; readonly path: string; readonly instead: string }

function findVariable(rest: string, children: ReadonlyMap<string, SettingNode>, path: string): FoundVariable | null {
  for (const [key, node] of children) {
    const name = upperSnake(key)
    if (rest !== name && !rest.startsWith(`${name}_`)) continue
    const after = rest.slice(name.length + 1)
    const at = path === '' ? key : `${path}.${key}`
    const found = findBelow(node, after, at, rest === name)
    if (found !== null) return found
  }
  return null
}

function findBelow(node: SettingNode, after: string, at: string, exact: boolean): FoundVariable | null {
  switch (node.kind) {
    case 'not-yet':
      return { kind: 'not-yet', path: at, instead: node.instead }
    case 'object':
      return exact ? null : findVariable(after, node.children, at)
    case 'objects': {
      const [, index = '', rest = ''] = /^(\d{1,2})_(.+)$/.exec(after) ?? []
      if (index === '' || Number(index) >= settingsFileLimits.listItems) return null
      return findVariable(rest, node.children, `${at}.${Number(index)}`)
    }
    case 'leaf': {
      const { declaration } = node
      if (declaration.fileOnly === true) return null
      if (exact) return { kind: 'leaf', path: at, declaration, part: null }
      if (declaration.kind !== 'secret') return null
      if (after === 'FILE') return { kind: 'leaf', path: at, declaration, part: 'file' }
      return after === 'ENV' ? { kind: 'leaf', path: at, declaration, part: 'env' } : null
    }
  }
}

function unknownVariable(origin: Origin, name: string): Diagnostic {
  // Compared without the prefix, which they all share and which would make any two of them look alike.
  const known = declarations.filter((d) => d.fileOnly !== true).map((d) => variableOf(d.path).slice(prefix.length))
  const guess = nearest(
    name.slice(prefix.length),
    known.map((variable) => variable.replace('_N_', '_0_'))
  )
  const remedy = guess === null ? 'docs/settings.md lists the variables' : `did you mean ${prefix}${guess}?`
  // A warning only: an orchestrator may put anything under our prefix, and a start must not depend on it.
  return diagnosticAt(origin, 'warning', 'unknown-variable', 'no setting has this name; it has no effect', remedy)
}

/** What the command line set: flag (`--listen`) to its text, `true` or `false` for flags without an argument. */
export type FlagValues = ReadonlyMap<string, string | boolean>

/** Flags of lists mean the first entry. A flag that no setting declares is an error of the program and throws. */
export function flagLayer(flags: FlagValues): Layer {
  const settings = new Map<string, RawSetting>()
  for (const [name, raw] of flags) {
    const declaration = declarations.find((candidate) => candidate.flag?.name === name)
    if (declaration === undefined) throw new Error(`no setting has the flag ${name}`)
    const path = declaration.path.replace('[]', '.0')
    const form = typeof raw === 'boolean' ? 'yaml' : 'text'
    settings.set(path, { declaration, path, raw, form, origin: { kind: 'flag', name } })
  }
  return { settings, diagnostics: [] }
}
