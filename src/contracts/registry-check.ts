/**
 * Rules against a live registry: every schema that a policy admits is fetched and every check is tried against it,
 * so that a rule which will be undecidable for some version is found when the policy loads.
 */
import { bindChecks } from './checks/bind.ts'
import { bindFault } from './compile.ts'
import type { CompiledPolicy } from './compile.ts'
import type { Diagnostic } from './diagnostic.ts'
import { namesTopic } from './policy/topics.ts'
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
 * Checks a policy against every schema it admits now. Faults are errors; a registry that cannot be asked is a warning,
 * because a proxy must start without one. Never rejects.
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
  const seen = new Set<string>()
  for (const topic of topicsToCheck(policy, topics)) {
    const key = await admitted(policy, 'key', topic, source, diagnostics)
    const value = await admitted(policy, 'value', topic, source, diagnostics)
    if (key === null || value === null) return diagnostics
    for (const keySchema of key) {
      for (const valueSchema of value) {
        // Rules rarely read both sides, and then each schema of one side is still tried with one of the other.
        if (keySchema !== key[0] && valueSchema !== value[0]) continue
        const pair = `${keySchema.name}, ${valueSchema.name}`
        if (seen.has(pair)) continue
        seen.add(pair)
        const prefix = [keySchema.name, valueSchema.name].filter((name) => name !== '').join(' and ')
        for (const problem of bindChecks(policy.model, keySchema.shape, valueSchema.shape).problems) {
          if (diagnostics.length === yamlLimits.diagnostics) return diagnostics
          diagnostics.push(bindFault(policy.model.yaml, problem, prefix === '' ? '' : `with ${prefix}: `))
        }
      }
    }
  }
  return diagnostics
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
}

async function admitted(
  policy: CompiledPolicy,
  side: 'key' | 'value',
  topic: string,
  source: SchemaSource,
  diagnostics: Diagnostic[]
): Promise<NamedShape[] | null> {
  const fixed = policy.fixed[side]
  const query = schemaQuery(policy, side, topic)
  if (fixed !== null || query === null) return fixed === null ? null : [{ name: '', shape: fixed.format.shape }]
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
    const what = `the registry has no admitted schema for the ${side} of ${topic}`
    const diagnostic = yaml.diagnostic(
      at,
      'no-schema-version',
      what,
      'register one; until then every record is refused or watched as schema-id'
    )
    diagnostics.push({ ...diagnostic, severity: 'warning' })
    return [{ name: '', shape: { kind: 'dyn' } }]
  }
  return schemas.flatMap((schema) => {
    // Which Protobuf message a record is comes with the record; the first is what serializers write by default.
    const format = schema.formatFor([0])
    const version = schema.version === null ? `id ${schema.id}` : `version ${schema.version}`
    return format === null ? [] : [{ name: `${schema.subject} ${version}`, shape: format.shape }]
  })
}
