/**
 * A policy with everything that can be prepared before the first record: schemas from files loaded, expressions
 * compiled against them, modes worked out per producer. Topics share it.
 */
import { LRUCache } from 'lru-cache'
import { bindChecks, mentionsOf } from './checks/bind.ts'
import type { BindProblem, BoundChecks, Mentions } from './checks/bind.ts'
import { pathOfRule } from './checks/rule-path.ts'
import { clip } from './clip.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { PolicyReference } from './judgement.ts'
import type { PayloadFormat } from './payload/format.ts'
import { jsonWithoutSchema } from './payload/json.ts'
import { bytesFormat, stringFormat } from './payload/text.ts'
import type { PolicyFiles } from './policy/files.ts'
import { recordReads } from './policy/files.ts'
import type { PolicyModel, SideModel } from './policy/model.ts'
import { parsePolicy } from './policy/parse.ts'
import { loadSchemaFile, schemaFault } from './policy/schema-files.ts'
import { asPolicyDocument } from './policy/schema.ts'
import { versionOf } from './policy/version.ts'
import type { YamlFile } from './policy/yaml.ts'
import { ProducerModes } from './producer-modes.ts'

export const compileLimits = {
  /** Registered schemas kept per side of a policy, least recently used first out. Each costs a compiled schema. */
  schemas: 200,
  /** Pairs of key and value schema for which the checks are kept compiled. */
  bindings: 400
} as const

/** One schema a side can be written with; the checks are bound per pair of them. */
export interface SideSchema {
  /** `file`, or the schema id and message indexes. */
  readonly id: string
  readonly format: PayloadFormat
}

export interface CompiledPolicy {
  readonly model: PolicyModel
  readonly reference: PolicyReference
  /** Every file the policy consists of, as it was read: itself first, then its schemas. Paths as in the folder. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Paths that were tried and where there was no file: one that appears there can change what the policy means. */
  readonly missing: ReadonlySet<string>
  /** The schema of a side that does not come from a registry; null when it does. */
  readonly fixed: { readonly key: SideSchema | null; readonly value: SideSchema | null }
  readonly modes: ProducerModes
  /** In the order of the rules. */
  readonly mentions: readonly Mentions[]
  readonly rulePaths: readonly string[]
  /** The checks bound to two schemas; null stands for a side that is absent or unknown. Bounded, filled on demand. */
  checksFor(key: SideSchema | null, value: SideSchema | null): BoundChecks
  /** Registered schemas by id and message indexes, filled while judging. */
  readonly registered: { readonly key: LRUCache<string, SideSchema>; readonly value: LRUCache<string, SideSchema> }
}

export type LoadedPolicy =
  | { readonly ok: true; readonly policy: CompiledPolicy }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

/**
 * Loads one policy file with everything it names. Never throws.
 *
 * @param path relative to the policies folder
 * @param display how the user would type a path of the folder, for messages
 */
export function loadPolicy(files: PolicyFiles, path: string, display: (path: string) => string): LoadedPolicy {
  const file = display(path)
  const recorded = recordReads(files)
  const main = recorded.files.read(path)
  if (!main.ok) {
    return {
      ok: false,
      diagnostics: [{ file, line: 1, column: 1, severity: 'error', code: main.code, message: main.message }]
    }
  }
  const parsed = parsePolicy(main.bytes, path, file)
  if (!parsed.ok) return { ok: false, diagnostics: inOrder(parsed.diagnostics) }
  const { model } = parsed
  const diagnostics: Diagnostic[] = []
  const key = fixedSchema(recorded.files, model, model.key, display, diagnostics)
  const value = fixedSchema(recorded.files, model, model.value, display, diagnostics)
  if (diagnostics.length > 0) return { ok: false, diagnostics }

  const checked = bindChecks(model, shapeOf(key), shapeOf(value))
  if (checked.problems.length > 0) {
    return { ok: false, diagnostics: inOrder(checked.problems.map((problem) => bindFault(model.yaml, problem))) }
  }
  const version = versionOf(asPolicyDocument(model.yaml.root), path, recorded.read)
  return { ok: true, policy: compiled(model, { name: model.name, version, file }, recorded, { key, value }) }
}

function compiled(
  model: PolicyModel,
  reference: PolicyReference,
  recorded: Pick<ReturnType<typeof recordReads>, 'read' | 'missing'>,
  fixed: CompiledPolicy['fixed']
): CompiledPolicy {
  const bindings = new LRUCache<string, BoundChecks>({ max: compileLimits.bindings })
  return {
    model,
    reference,
    files: recorded.read,
    missing: recorded.missing,
    fixed,
    modes: new ProducerModes(model),
    mentions: model.rules.map(mentionsOf),
    rulePaths: model.rules.map((rule) => pathOfRule(rule.expr)),
    checksFor(key, value) {
      const pair = `${key?.id ?? ''}|${value?.id ?? ''}`
      let checks = bindings.get(pair)
      if (checks === undefined) {
        checks = bindChecks(model, shapeOf(key), shapeOf(value)).checks
        bindings.set(pair, checks)
      }
      return checks
    },
    registered: {
      key: new LRUCache({ max: compileLimits.schemas }),
      value: new LRUCache({ max: compileLimits.schemas })
    }
  }
}

/** As one reads the file. */
function inOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort((a, b) => a.line - b.line || a.column - b.column)
}

/** A side whose schema is not known yet could be anything; the rules are then checked per schema. */
function shapeOf(schema: SideSchema | null): PayloadFormat['shape'] {
  return schema?.format.shape ?? { kind: 'dyn' }
}

function fixedSchema(
  files: PolicyFiles,
  model: PolicyModel,
  side: SideModel,
  display: (path: string) => string,
  diagnostics: Diagnostic[]
): SideSchema | null {
  const { schema, format } = side
  if (schema.kind === 'registry') return null
  if (schema.kind === 'none') {
    return {
      id: 'file',
      format: format === 'json' ? jsonWithoutSchema : format === 'string' ? stringFormat : bytesFormat
    }
  }
  const loaded = loadSchemaFile(files, schema, format as 'avro' | 'protobuf' | 'json')
  if (loaded.ok) return { id: 'file', format: loaded.format }
  const atPolicy = (code: Parameters<YamlFile['diagnostic']>[1], message: string): Diagnostic =>
    model.yaml.diagnostic([side.side, 'schema', 'file'], code, message)
  diagnostics.push(schemaFault(loaded, atPolicy, display))
  return null
}

/** Where in the file a check does not fit. */
export function bindFault(yaml: YamlFile, problem: BindProblem, prefix = ''): Diagnostic {
  const message = clip(`${prefix}${problem.message}`)
  if (problem.offset === undefined)
    return yaml.diagnostic(problem.at, problem.code, message, problem.remedy, problem.what)
  const { line, column } = yaml.positionInText(problem.at, problem.offset)
  const remedy = problem.remedy === undefined ? {} : { remedy: problem.remedy }
  return { file: yaml.file, line, column, severity: 'error', code: problem.code, message, ...remedy }
}
