/**
 * A policy file as text becomes a `PolicyModel`, or the list of what is wrong with it. Nothing is read but the bytes
 * handed in; schemas are loaded and expressions compiled by `compile.ts`.
 */
import { posix } from 'node:path'
import { compileConstraints } from '../checks/constraints.ts'
import type { Constraints } from '../checks/constraints.ts'
import { parseFieldPath } from '../checks/field-path.ts'
import type { FieldPath } from '../checks/field-path.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { parseGlob } from '../glob.ts'
import type { Glob } from '../glob.ts'
import type { Mode } from '../mode.ts'
import { canQuarantine } from '../producer-modes.ts'
import { didYouMean } from '../suggest.ts'
import { builtInCheckIds, checkIdsOf, checksNotYet } from './check-ids.ts'
import type { FieldModel, HeaderModel, PolicyModel, ProducerEntry, RuleModel, SideModel } from './model.ts'
import { checkNamedTopics, parseQuarantine } from './quarantine.ts'
import { asPolicyDocument, policySchema } from './schema.ts'
import type { ConstraintDocument, PolicyDocument } from './schema.ts'
import { parseSide } from './side.ts'
import { parseTopicPattern } from './topics.ts'
import { makeValidator } from './validate.ts'
import { readYaml } from './yaml.ts'
import type { PathStep, YamlFile } from './yaml.ts'

export const policyLimits = {
  /** Each rule, field and header is run on every record; more of them is another tool's work. */
  checks: 1000,
  /** Patterns of one policy, compared with all others when a folder loads. */
  topics: 1000,
  /** Entries of `producers`, tried in order for each new client id. */
  producers: 1000
} as const

export type ParsedPolicy =
  | { readonly ok: true; readonly model: PolicyModel }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

const validate = makeValidator(policySchema)

/**
 * @param path of the file relative to the policies folder, with `/`: names the policy and resolves schema paths
 * @param file the path as the user would type it, for messages
 */
export function parsePolicy(bytes: Uint8Array, path: string, file: string): ParsedPolicy {
  const read = readYaml(bytes, file)
  if (!read.ok) return read
  const faults = validate(read.yaml)
  if (faults.length > 0) return { ok: false, diagnostics: faults }
  return new PolicyReader(read.yaml, path).read()
}

class PolicyReader {
  private readonly diagnostics: Diagnostic[] = []
  private readonly yaml: YamlFile
  private readonly path: string
  private readonly document: PolicyDocument

  constructor(yaml: YamlFile, path: string) {
    this.yaml = yaml
    this.path = path
    this.document = asPolicyDocument(yaml.root)
  }

  read(): ParsedPolicy {
    const { document } = this
    const mode = document.mode ?? 'observe'
    const folder = posix.dirname(this.path)
    const report = (diagnostic: Diagnostic): void => void this.diagnostics.push(diagnostic)
    const value = parseSide(this.yaml, 'value', document.value, folder, report)
    const parts = {
      topics: this.readTopics(),
      owner: document.owner ?? null,
      mode,
      onUndecidable: document.onUndecidable ?? undecidableOf(mode),
      key: { ...parseSide(this.yaml, 'key', document.key, folder, report), ...this.readKey() },
      value: {
        ...value,
        nulls: document.value?.nulls ?? 'refuse'
      },
      headers: this.readHeaders(),
      fields: this.readFields(),
      rules: this.readRules(),
      producers: this.readProducers(),
      quarantine: parseQuarantine(document.quarantine, value, this.fault.bind(this))
    } as const
    const model: PolicyModel = {
      name: this.path.replace(/\.ya?ml$/i, ''),
      yaml: this.yaml,
      ...parts,
      checkModes: this.readCheckModes(checkIdsOf(parts), parts.key, parts.value)
    }
    const fills = model.quarantine.isWritten || canQuarantine(model)
    if (fills && this.diagnostics.length === 0) checkNamedTopics(model, this.fault.bind(this))
    const checks = model.headers.length + model.fields.length + model.rules.length
    if (checks > policyLimits.checks) {
      this.fault(
        [],
        'too-large',
        `the policy has ${checks} headers, fields and rules, the limit is ${policyLimits.checks}`
      )
    }
    return this.diagnostics.length === 0 ? { ok: true, model } : { ok: false, diagnostics: this.diagnostics }
  }

  private readTopics(): Glob[] {
    const written = this.document.topics
    const list = typeof written === 'string' ? [written] : written
    if (list.length > policyLimits.topics) {
      this.fault(['topics'], 'too-large', `the limit is ${policyLimits.topics} topics in one policy`, 'use a glob')
      return []
    }
    const globs: Glob[] = []
    for (const [index, text] of list.entries()) {
      const place = typeof written === 'string' ? ['topics'] : ['topics', index]
      const parsed = parseTopicPattern(text)
      if (parsed.ok) globs.push(parsed.glob)
      else this.fault(place, 'bad-topic', parsed.message)
    }
    return globs
  }

  private readKey(): { required: boolean; equals: FieldPath | null } {
    const key = this.document.key
    const equals = key?.equals === undefined ? null : this.readPath(key.equals, ['key', 'equals'])
    if (equals !== null && equals.side !== 'value') {
      this.fault(
        ['key', 'equals'],
        'bad-path',
        'the key is compared with a field of the value',
        'write value.order_id, for instance'
      )
    }
    if (equals?.steps.some((step) => step.kind === 'each') === true) {
      this.fault(['key', 'equals'], 'bad-path', 'the key can equal one field, not each item of a list')
    }
    return { required: key?.required === true, equals }
  }

  private readPath(text: string, at: readonly PathStep[], what: 'key' | 'value' = 'value'): FieldPath | null {
    const parsed = parseFieldPath(text)
    if (parsed.ok) return parsed.path
    this.fault(at, 'bad-path', parsed.message, 'for instance value.customer.country or value.items[].sku', what)
    return null
  }

  private readHeaders(): HeaderModel[] {
    return Object.entries(this.document.headers ?? {}).map(([name, document]) => ({
      id: `header:${name}`,
      name,
      constraints: this.readConstraints(document, ['headers', name])
    }))
  }

  private readFields(): FieldModel[] {
    const fields: FieldModel[] = []
    const seen = new Map<string, string>()
    for (const [text, document] of Object.entries(this.document.fields ?? {})) {
      const at = ['fields', text]
      const path = this.readPath(text, at, 'key')
      if (path === null) continue
      const same = JSON.stringify([path.side, path.steps])
      const other = seen.get(same)
      if (other !== undefined)
        this.fault(at, 'duplicate-id', `this is the same field as ${other}`, 'write the two as one', 'key')
      seen.set(same, text)
      fields.push({ id: `field:${text}`, path, constraints: this.readConstraints(document, at), at })
    }
    return fields
  }

  private readConstraints(document: ConstraintDocument, at: readonly PathStep[]): Constraints {
    const { constraints, problems } = compileConstraints(document)
    for (const problem of problems) this.fault([...at, problem.key], problem.code, problem.message)
    return constraints
  }

  private readRules(): RuleModel[] {
    const seen = new Set<string>()
    return (this.document.rules ?? []).map((rule, index) => {
      const at = ['rules', index]
      if ((builtInCheckIds as readonly string[]).includes(rule.id)) {
        this.fault(
          [...at, 'id'],
          'duplicate-id',
          `${rule.id} is the id of a built-in check`,
          'give the rule another id'
        )
      } else if (seen.has(rule.id)) {
        this.fault([...at, 'id'], 'duplicate-id', `another rule has the id ${rule.id}`, 'give the rule another id')
      }
      seen.add(rule.id)
      return {
        id: rule.id,
        expr: rule.expr,
        when: rule.when ?? null,
        message: rule.message ?? null,
        docs: rule.docs ?? null,
        mode: rule.mode ?? null,
        at
      }
    })
  }

  private readCheckModes(ids: ReadonlySet<string>, key: SideModel, value: SideModel): Map<string, Mode> {
    const modes = new Map<string, Mode>()
    const rules = new Set((this.document.rules ?? []).map((rule) => rule.id))
    for (const [id, entry] of Object.entries(this.document.checks ?? {})) {
      const at = ['checks', id]
      if (checksNotYet.includes(id)) {
        this.fault(at, 'not-yet', `the check ${id} is not implemented in this version`, 'remove it', 'key')
      } else if (rules.has(id)) {
        this.fault(
          at,
          'unknown-check',
          `${id} is a rule, not a built-in check`,
          'write the mode at the rule itself',
          'key'
        )
      } else if (!ids.has(id)) {
        const builtIn = [...ids].filter((known) => !rules.has(known))
        const why = whyAbsent(id, key, value)
        this.fault(at, 'unknown-check', `this policy has no check ${id}${why}`, didYouMean(id, builtIn), 'key')
      }
      modes.set(id, entry.mode)
    }
    return modes
  }

  private readProducers(): ProducerEntry[] {
    const entries = this.document.producers ?? []
    if (entries.length > policyLimits.producers) {
      this.fault(['producers'], 'too-large', `the limit is ${policyLimits.producers} entries`, 'use globs')
      return []
    }
    return entries.map((entry) => {
      const written = entry.match.clientId
      const globs = written === undefined ? null : typeof written === 'string' ? [written] : written
      return { clientIds: globs?.map(parseGlob) ?? null, mode: entry.mode, override: entry.override === true }
    })
  }

  private fault(
    at: readonly PathStep[],
    code: Parameters<YamlFile['diagnostic']>[1],
    message: string,
    remedy?: string,
    what?: 'key' | 'value'
  ): void {
    this.diagnostics.push(this.yaml.diagnostic(at, code, message, remedy, what))
  }
}

/** Design: `onUndecidable` defaults to the file's mode. */
function undecidableOf(mode: Mode): PolicyModel['onUndecidable'] {
  return mode === 'off' || mode === 'observe' ? 'accept' : mode
}

function whyAbsent(id: string, key: SideModel, value: SideModel): string {
  if (id === 'schema' && value.format === 'bytes') return ': value has no format'
  if (id === 'schema-id' && key.schema.kind !== 'registry' && value.schema.kind !== 'registry')
    return ': no schema comes from a registry'
  return ''
}
