/** The live registry, for the commands that ask it: `check --registry`, `init --from-topic`. */
import type { RegistrySettings, Settings } from '../config/settings.ts'
import { parseKind } from '../config/kinds.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import { exampleTopic } from '../contracts/policy/topics.ts'
import { schemaQuery } from '../contracts/registry-check.ts'
import type { SchemaCopy } from '../contracts/registry-copies.ts'
import type { SchemaSource } from '../contracts/schema-source.ts'
import { RegistryClient } from '../registry/client.ts'
import { RegistrySchemaSource } from '../registry/source.ts'
import type { Clock } from '../registry/types.ts'
import { noEvents } from '../registry/types.ts'
import type { TopicSubjects } from './infer-policy.ts'
import { CliError } from './io.ts'

export interface RegistryAccess {
  readonly source: SchemaSource
  /** Every schema that the policies admit, with its documents. @throws {Error} when the registry cannot be asked */
  copiesFor(policies: readonly CompiledPolicy[]): Promise<readonly SchemaCopy[]>
}

const clock: Clock = {
  nowMs: Date.now,
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  }
}

const defaultTimeoutMs = 5_000

/**
 * @param url instead of the settings' registry; its credentials are then not sent
 * @throws {CliError} when neither names a registry, or it cannot be asked
 */
export async function withRegistry(
  url: string | null,
  settings: Settings | null,
  run: (access: RegistryAccess) => Promise<void>
): Promise<void> {
  const registry = url === null ? (settings?.registry ?? null) : { url: validUrl(url), auth: null }
  if (registry === null)
    throw new CliError('there is no registry to check against', 'give --registry URL, or set registry.url')
  const timeoutMs = settings?.timings.registryTimeoutMs ?? defaultTimeoutMs
  const source = new RegistrySchemaSource({ ...registry, timeoutMs, clock, store: null })
  try {
    await run({ source, copiesFor: (policies) => copiesFor(policies, source) })
  } finally {
    source.close()
  }
}

function validUrl(text: string): string {
  const parsed = parseKind('url', text, 'text', {})
  if (!parsed.ok) throw new CliError(`--registry: ${parsed.problem}`, null, 2)
  return parsed.value
}

async function copiesFor(
  policies: readonly CompiledPolicy[],
  source: RegistrySchemaSource
): Promise<readonly SchemaCopy[]> {
  const copies = new Map<string, SchemaCopy>()
  for (const policy of policies) {
    for (const side of ['key', 'value'] as const) {
      for (const pattern of policy.model.topics) {
        // A glob's cases are run for a topic of its kind, and that is the subject they need.
        const query = schemaQuery(policy, side, exampleTopic(pattern))
        if (query === null) continue
        for (const { copy, schema } of await admittedCopies(source, query)) {
          const subject = schema.subject.replace(/^:\.[^:]*:/, '')
          const { id, context, format, references } = copy
          const version = schema.version ?? 1
          copies.set(`${context ?? ''} ${subject} ${version}`, {
            id,
            subject,
            version,
            context,
            format,
            source: copy.source,
            references
          })
        }
      }
    }
  }
  return [...copies.values()]
}

async function admittedCopies(
  source: RegistrySchemaSource,
  query: Parameters<RegistrySchemaSource['admittedCopies']>[0]
): ReturnType<RegistrySchemaSource['admittedCopies']> {
  try {
    return await source.admittedCopies(query)
  } catch (error) {
    throw new CliError(`the schemas cannot be saved: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** What the registry has for a topic under the topic-name strategy. @throws {CliError} when it cannot be asked */
export async function registeredSubjects(
  registry: RegistrySettings,
  topic: string,
  timeoutMs: number
): Promise<TopicSubjects> {
  const client = new RegistryClient({ ...registry, timeoutMs }, noEvents, Date.now)
  const formatOf = async (subject: string): Promise<TopicSubjects['key']> => {
    const latest = (await client.versionsOf(subject))?.at(-1)
    return latest === undefined ? null : ((await client.documentAt(subject, latest))?.format ?? null)
  }
  try {
    return { key: await formatOf(`${topic}-key`), value: await formatOf(`${topic}-value`) }
  } catch (error) {
    throw new CliError(
      `the registry cannot be asked: ${error instanceof Error ? error.message : String(error)}`,
      'see `kontrakt doctor`'
    )
  } finally {
    client.close()
  }
}
