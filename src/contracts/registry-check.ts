/**
 * Rules against a live registry: every schema that a policy admits is fetched and every check is tried against it,
 * so that a rule which will be undecidable for some version is found when the policy loads.
 */
import { bindChecks } from './checks/bind.ts'
import { bindFault } from './compile.ts'
import type { CompiledPolicy } from './compile.ts'
import type { Diagnostic } from './diagnostic.ts'
import { exampleTopic, namesTopic } from './policy/topics.ts'
import { yamlLimits } from './policy/yaml.ts'
import type { RegisteredSchema, SchemaQuery, SchemaSource } from './schema-source.ts'
import type { Shape } from './value.ts'

/** Topics of one policy that are asked for; a glob may match thousands of live ones. */
const checkedTopics = 50

/** The queries of a policy's sides for one topic; null for a side that takes no schema from a registry. */
export function schemaQuery(policy: CompiledPolicy, side: 'key' | 'value', topic: string): SchemaQuery | null {
  const place = policy.model[side].schema
  if (place.kind !== 'registry') return null
  const { format, subject, context, versions } = place
  return { topic, side, format, subject, context, versions }
}

export function usesRegistry(policy: CompiledPolicy): boolean {
  return policy.fixed.key === null || policy.fixed.value === null
}

/**
 * Checks a policy against every schema it admits now. A check that fits none of them is an error, one that fits some is
 * a warning for each of the others; a registry that cannot be asked is a warning, because a proxy must start without
 * one. Never rejects.
 *
 * A literal subject is asked for whatever the topics are. Subjects that a strategy names from the topic are known for
 * literal topics, those named from the record only when a record comes.
 *
 * @param topics known to exist, for policies that have globs; the literal names of the policy are always checked
 */
export async function checkAgainstRegistry(
  policy: CompiledPolicy,
  source: SchemaSource,
  topics: readonly string[] = []
): Promise<readonly Diagnostic[]> {
  if (!usesRegistry(policy)) return []
  const diagnostics: Diagnostic[] = []
  const fit = new CheckFit(policy)
  const named = topicsToCheck(policy, topics)
  for (const topic of named.length === 0 ? [null] : named) {
    const key = await admitted(policy, 'key', topic, source, diagnostics)
    const value = await admitted(policy, 'value', topic, source, diagnostics)
    if (key === null || value === null) break
    for (const keySchema of key) {
      for (const valueSchema of value) {
        // Rules rarely read both sides, and then each schema of one side is still tried with one of the other.
        if (keySchema === key[0] || valueSchema === value[0]) fit.tryPair(keySchema, valueSchema)
      }
    }
  }
  return [...diagnostics, ...fit.diagnostics()].slice(0, yamlLimits.diagnostics)
}

/** Which checks fit which pairs of schemas. */
class CheckFit {
  readonly #policy: CompiledPolicy
  readonly #tried = new Set<string>()
  /** Pairs of real schemas. */
  #pairs = 0
  /** By the place of the check in the file: the pairs it does not fit, and why. */
  readonly #misfits = new Map<string, { pairs: number; faults: Diagnostic[] }>()

  constructor(policy: CompiledPolicy) {
    this.#policy = policy
  }

  tryPair(key: NamedShape, value: NamedShape): void {
    const pair = `${key.name}, ${value.name}`
    if (this.#tried.has(pair)) return
    this.#tried.add(pair)
    const { model } = this.#policy
    const prefix = [key.name, value.name].filter((name) => name !== '').join(' and ')
    // That a check fits a schema nobody knows says nothing.
    if (key.isKnown && value.isKnown) this.#pairs++
    const here = new Set<string>()
    for (const problem of bindChecks(model, key.shape, value.shape).problems) {
      const place = problem.at.slice(0, 2).join('\n')
      const misfit = this.#misfits.get(place) ?? { pairs: 0, faults: [] }
      this.#misfits.set(place, misfit)
      if (!here.has(place) && key.isKnown && value.isKnown) misfit.pairs++
      here.add(place)
      if (misfit.faults.length === yamlLimits.diagnostics) continue
      misfit.faults.push(bindFault(model.yaml, problem, prefix === '' ? '' : `with ${prefix}: `))
    }
  }

  diagnostics(): Diagnostic[] {
    return [...this.#misfits.values()].flatMap(({ pairs, faults }) =>
      pairs === this.#pairs ? faults : faults.map(asWarning)
    )
  }
}

function asWarning(fault: Diagnostic): Diagnostic {
  return { ...fault, severity: 'warning', code: 'rule-not-applicable' }
}

function topicsToCheck(policy: CompiledPolicy, live: readonly string[]): string[] {
  const patterns = policy.model.topics
  const literal = patterns.filter((pattern) => pattern.literal).map((pattern) => pattern.source)
  const matched = live.filter((topic) => patterns.some((pattern) => namesTopic(pattern, topic)))
  return [...new Set([...literal, ...matched])].slice(0, checkedTopics)
}

interface NamedShape {
  /** `orders-value version 3`; empty for a schema that is not from the registry. */
  readonly name: string
  readonly shape: Shape
  /** False when no schema is known: it could be anything. */
  readonly isKnown: boolean
}

const unknownShape: NamedShape = { name: '', shape: { kind: 'dyn' }, isKnown: false }

async function admitted(
  policy: CompiledPolicy,
  side: 'key' | 'value',
  topic: string | null,
  source: SchemaSource,
  diagnostics: Diagnostic[]
): Promise<NamedShape[] | null> {
  const fixed = policy.fixed[side]
  // For a literal subject any topic will do.
  const query = schemaQuery(policy, side, topic ?? exampleTopic(policy.model.topics[0]!))
  if (fixed !== null || query === null) {
    return fixed === null ? null : [{ name: '', shape: fixed.format.shape, isKnown: true }]
  }
  if ('strategy' in query.subject && (topic === null || query.subject.strategy === 'record-name')) return [unknownShape]
  const at = [side, 'schema', 'registry']
  const { yaml } = policy.model
  let schemas: readonly RegisteredSchema[]
  try {
    schemas = await source.admitted(query)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const diagnostic = yaml.diagnostic(
      at,
      'registry-unreachable',
      `the rules are not checked against the registry: ${reason}`
    )
    diagnostics.push({ ...diagnostic, severity: 'warning' })
    return null
  }
  if (schemas.length === 0) {
    const what = `the registry has no admitted schema for the ${side}${topic === null ? '' : ` of ${topic}`}`
    const diagnostic = yaml.diagnostic(
      at,
      'no-schema-version',
      what,
      'register one; until then every record is refused or watched as schema-id'
    )
    diagnostics.push({ ...diagnostic, severity: 'warning' })
    return [unknownShape]
  }
  return schemas.flatMap((schema) => {
    // Which Protobuf message a record is comes with the record; the first is what serializers write by default.
    const format = schema.formatFor([0])
    const version = schema.version === null ? `id ${schema.id}` : `version ${schema.version}`
    return format === null ? [] : [{ name: `${schema.subject} ${version}`, shape: format.shape, isKnown: true }]
  })
}
