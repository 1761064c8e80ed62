/**
 * YAML with positions: a file becomes plain data, and every place in it can be named by line and column afterwards.
 *
 * Stricter than YAML: keys are text and stand once, one document per file, no tags, no merge keys. Aliases are
 * followed, but the nodes that come out are counted, because a few hundred bytes of aliases can mean gigabytes.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Alias, Document, Node, Pair } from 'yaml'
import { clip } from '../clip.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { DiagnosticCode } from './codes.ts'

/** What a file may weigh. Generous for people, small enough to parse in well under a second. */
export const yamlLimits = {
  /** Bytes of one file: a policy is a page or two, cases hold payloads. */
  policyBytes: 256 * 1024,
  casesBytes: 1024 * 1024,
  /** Maps, lists and scalars after aliases are expanded. */
  nodes: 200_000,
  /** Each is searched for from the start of the file. */
  aliases: 100,
  /** Maps and lists inside each other. */
  depth: 64,
  /** A file with more faults than this is faulty for one reason; the rest only hides it. */
  diagnostics: 50
} as const

/** Data of a YAML file. Objects have no prototype, so that a key named `__proto__` is a key like any other. */
export type Plain = null | boolean | number | bigint | string | Plain[] | { [key: string]: Plain }

export type PathStep = string | number

export interface YamlFile {
  readonly file: string
  readonly root: Plain
  /** 1-based line and column of the value at a path, or of its key; of the nearest place above if it is not there. */
  position(path: readonly PathStep[], what?: 'key' | 'value'): { line: number; column: number }
  /** The place of a character inside the text at a path, for faults in expressions; the text's start if in doubt. */
  positionInText(path: readonly PathStep[], offset: number): { line: number; column: number }
  diagnostic(
    path: readonly PathStep[],
    code: DiagnosticCode,
    message: string,
    remedy?: string,
    what?: 'key' | 'value'
  ): Diagnostic
}

export type YamlResult =
  { readonly ok: true; readonly yaml: YamlFile } | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

export interface YamlOptions {
  /** Values of records: integers beyond 2^53 become `bigint`, infinities and NaN stay, and the file may be larger. */
  readonly bigIntegers?: boolean
}

export function readYaml(bytes: Uint8Array, file: string, options: YamlOptions = {}): YamlResult {
  const fault = (code: DiagnosticCode, message: string, remedy?: string, line = 1, column = 1): YamlResult => ({
    ok: false,
    diagnostics: [make(file, line, column, code, message, remedy)]
  })
  const limit = options.bigIntegers === true ? yamlLimits.casesBytes : yamlLimits.policyBytes
  if (bytes.length > limit) {
    const message = `the file has ${bytes.length} bytes, the limit is ${limit / 1024} KiB`
    return fault('too-large', message, 'split it: one file per topic')
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return fault('yaml-syntax', 'the file is not UTF-8', 'save it as UTF-8')
  }
  const directive = lineOfDirective(text)
  if (directive !== null) {
    const message = 'a policy has no YAML directives: with %YAML 1.1, NO would mean false'
    return fault('yaml-syntax', message, 'remove the line that starts with %', directive)
  }
  const lines = new LineCounter()
  let document: Document.Parsed
  try {
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      // The library compares every pair of keys; a set, below, does it in linear time.
      uniqueKeys: false,
      intAsBigInt: true,
      version: '1.2',
      merge: false
    })
  } catch {
    // Nesting so deep that the parser ran out of stack.
    return fault('too-large', 'the file is nested too deeply', `the limit is ${yamlLimits.depth} levels`)
  }
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    return {
      ok: false,
      diagnostics: faults.slice(0, yamlLimits.diagnostics).map((error) => {
        const at = lines.linePos(error.pos[0])
        return explainSyntax(file, at.line, at.col, error)
      })
    }
  }
  const place = (offset: number): { line: number; column: number } => {
    const at = lines.linePos(offset)
    return { line: Math.max(at.line, 1), column: Math.max(at.col, 1) }
  }
  const reader = new Reader(document, file, place, options.bigIntegers === true)
  const root = reader.read(document.contents, 0)
  if (reader.diagnostics.length > 0) return { ok: false, diagnostics: reader.diagnostics }
  const position = (path: readonly PathStep[], what: 'key' | 'value' = 'value'): { line: number; column: number } =>
    place(offsetOf(document, path, what))
  return {
    ok: true,
    yaml: {
      file,
      root,
      position,
      positionInText: (path, offset) => place(offsetInText(document, text, path, offset)),
      diagnostic: (path, code, message, remedy, what) => {
        const at = position(path, what)
        return make(file, at.line, at.column, code, message, remedy)
      }
    }
  }
}

/** Turns nodes into plain data and refuses what YAML would let pass. */
class Reader {
  readonly diagnostics: Diagnostic[] = []
  private nodes = 0
  private aliases = 0
  private readonly document: Document.Parsed
  private readonly file: string
  private readonly place: (offset: number) => { line: number; column: number }
  private readonly bigIntegers: boolean

  constructor(
    document: Document.Parsed,
    file: string,
    place: (offset: number) => { line: number; column: number },
    bigIntegers: boolean
  ) {
    this.document = document
    this.file = file
    this.place = place
    this.bigIntegers = bigIntegers
  }

  read(node: Node | null, depth: number): Plain {
    if (node === null) return null
    if (++this.nodes > yamlLimits.nodes || depth > yamlLimits.depth) {
      const what = depth > yamlLimits.depth ? 'nested too deeply' : 'too large once its aliases are expanded'
      this.fault(node, 'too-large', `the file is ${what}`)
      return null
    }
    if (isAlias(node)) return this.readAlias(node, depth)
    if (isMap<Node, Node | null>(node)) return this.readMap(node.items, depth)
    if (isSeq<Node>(node)) {
      const items: Plain[] = []
      for (const item of node.items) {
        if (this.full()) break
        items.push(this.read(item, depth + 1))
      }
      return items
    }
    return isScalar(node) ? this.readScalar(node) : null
  }

  private readAlias(node: Alias, depth: number): Plain {
    if (++this.aliases > yamlLimits.aliases) {
      this.fault(node, 'too-large', `the file uses more than ${yamlLimits.aliases} aliases`)
      return null
    }
    const target = node.resolve(this.document)
    if (target === undefined) {
      this.fault(node, 'yaml-syntax', `there is no anchor &${node.source} before this`)
      return null
    }
    return this.read(target, depth + 1)
  }

  private readMap(pairs: readonly Pair<Node, Node | null>[], depth: number): Plain {
    const map = Object.create(null) as { [key: string]: Plain }
    for (const pair of pairs) {
      if (this.full()) break
      const key = isScalar(pair.key) ? String(pair.key.value) : ''
      if (key in map) {
        this.fault(pair.key, 'duplicate-key', `the key ${key} stands twice in this map`, 'remove one of them')
        continue
      }
      map[key] = this.read(pair.value, depth + 1)
    }
    return map
  }

  private readScalar(node: Node & { value: unknown }): Plain {
    const value = node.value
    if (typeof value === 'bigint') {
      if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
      if (this.bigIntegers) return value
      this.fault(
        node,
        'wrong-value',
        'this integer is beyond 2^53 and would be rounded',
        'compare it in a rule instead'
      )
      return null
    }
    if (typeof value === 'number' && !Number.isFinite(value) && !this.bigIntegers) {
      this.fault(node, 'wrong-value', 'this is no finite number', 'write a number, or leave the limit out')
      return null
    }
    if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') {
      return value
    }
    this.fault(node, 'yaml-syntax', 'this is not text, a number, true, false or null')
    return null
  }

  private full(): boolean {
    // After "too large" nothing more is read, or a bomb would still be walked.
    return (
      this.nodes > yamlLimits.nodes ||
      this.aliases > yamlLimits.aliases ||
      this.diagnostics.length >= yamlLimits.diagnostics
    )
  }

  private fault(node: Node, code: DiagnosticCode, message: string, remedy?: string): void {
    if (this.full() && code !== 'too-large') return
    if (code === 'too-large' && this.diagnostics.some((diagnostic) => diagnostic.code === code)) return
    const at = this.place(node.range?.[0] ?? 0)
    this.diagnostics.push(make(this.file, at.line, at.column, code, message, remedy))
  }
}

function offsetOf(document: Document.Parsed, path: readonly PathStep[], what: 'key' | 'value'): number {
  let node: Node | null = document.contents
  let offset = node?.range?.[0] ?? 0
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document) ?? null
    let next: Node | null
    if (isMap<Node, Node | null>(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step))
      if (pair === undefined) break
      next = pair.value
      const wantsKey = what === 'key' && depth === path.length - 1
      const place: Node | null = wantsKey || next === null || isEmpty(next) ? pair.key : next
      offset = place.range?.[0] ?? offset
    } else if (isSeq<Node>(node)) {
      const item = node.items[Number(step)]
      if (item === undefined) break
      next = item
      offset = item.range?.[0] ?? offset
    } else {
      break
    }
    node = next
  }
  return offset
}

/** Text that stands in the file as it is, plain, quoted without escapes, or as a literal block, can be pointed into. */
function offsetInText(document: Document.Parsed, text: string, path: readonly PathStep[], offset: number): number {
  const start = offsetOf(document, path, 'value')
  const node = document.getIn(path, true)
  const scalar: unknown = isAlias(node) ? node.resolve(document) : node
  if (!isScalar(scalar) || typeof scalar.value !== 'string') return start
  const value = scalar.value
  for (const quote of [0, 1]) {
    if (text.startsWith(value, start + quote)) return start + quote + offset
  }
  if (scalar.type !== 'BLOCK_LITERAL') return start
  const lines = value.slice(0, offset).split('\n')
  let lineStart = start
  for (let line = 0; line < lines.length; line++) lineStart = text.indexOf('\n', lineStart) + 1
  const indent = /^ */.exec(text.slice(lineStart, lineStart + 256))?.[0].length ?? 0
  return lineStart + indent + lines.at(-1)!.length
}

/** `key:` with nothing after it; the library places the null behind the line's end. */
function isEmpty(node: Node): boolean {
  return (
    isScalar(node) &&
    node.value === null &&
    node.range !== undefined &&
    node.range !== null &&
    node.range[0] === node.range[1]
  )
}

function make(
  file: string,
  line: number,
  column: number,
  code: DiagnosticCode,
  message: string,
  remedy?: string
): Diagnostic {
  const more = remedy === undefined ? {} : { remedy: clip(remedy) }
  return { file, line, column, severity: 'error', code, message: clip(message), ...more }
}

function explainSyntax(
  file: string,
  line: number,
  column: number,
  error: { readonly code: string; readonly message: string }
): Diagnostic {
  switch (error.code) {
    case 'MULTIPLE_DOCS':
      return make(file, line, column, 'yaml-syntax', 'a second document starts here', 'one file per policy: remove ---')
    case 'RESOURCE_EXHAUSTION': {
      const remedy = `the limit is ${yamlLimits.depth} levels`
      return make(file, line, column, 'too-large', 'the file is nested too deeply', remedy)
    }
    default:
      return make(file, line, column, 'yaml-syntax', lowerFirst(error.message))
  }
}

/** 1-based line of a directive before the document; null when there is none. */
function lineOfDirective(text: string): number | null {
  let start = text.startsWith('\uFEFF') ? 1 : 0
  for (let line = 1; start < text.length; line++) {
    if (text[start] === '%') return line
    let end = text.indexOf('\n', start)
    if (end === -1) end = text.length
    const content = text.slice(start, end).trim()
    if (content !== '' && !content.startsWith('#')) return null
    start = end + 1
  }
  return null
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
