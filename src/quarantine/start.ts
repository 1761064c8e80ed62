/**
 * Before an instance that may quarantine serves: every topic it will write to is there and as it has to be, or the start
 * is refused. `doctor` looks at the same without creating anything.
 */
import { systemClock } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { TopicSettings } from '../config/settings.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import { expandTemplate } from '../contracts/policy/quarantine.ts'
import { TopicOwners } from '../contracts/policy/topic-owners.ts'
import { canQuarantine } from '../contracts/producer-modes.ts'
import { KafkaError } from '../kafka/errors.ts'
import { retrying } from '../kafka/retrying.ts'
import { StartError } from '../supervisor/start-error.ts'
import { examineOrigins } from './origins.ts'
import type { ProducersClient } from './origins.ts'
import { examineLedgerTopic, examineOwnTopics } from './own-topics.ts'
import { lookAtTopics } from './topic-admin.ts'
import type { TopicClient } from './topic-admin.ts'
import { examineQuarantineTopics } from './topics.ts'
import type { ExamineOptions, TopicFinding, WantedTopic } from './topics.ts'

/**
 * Quarantine topics of globs that are looked at and created at a start. A glob can match a hundred thousand topics; the
 * others are created when their first record is quarantined.
 */
const mostFromGlobs = 1000

/** How long a cluster that elects leaders, or a controller, may hold up the start. */
const patienceMs = 30_000

/** The part of `KafkaClient` that is used here. */
export type StartClient = TopicClient & ProducersClient

export interface PreparedTopics {
  /** Whether there is a ledger to read: some policy can quarantine, or one could and its chains may go on. */
  readonly hasLedger: boolean
  /** `ok` and `warning` only. */
  readonly findings: readonly TopicFinding[]
}

/**
 * Creates what is missing. With no policy that can quarantine, and no ledger from before, nothing is asked of the
 * cluster that needs a right.
 *
 * @param signal ends the patience
 * @throws {StartError} which names each topic that stands in the way, and the remedy
 */
export async function prepareTopics(
  client: StartClient,
  policies: readonly CompiledPolicy[],
  settings: TopicSettings,
  { clock = systemClock, signal }: { readonly clock?: Clock; readonly signal?: AbortSignal } = {}
): Promise<PreparedTopics> {
  let findings: readonly TopicFinding[] | null
  try {
    findings = await retrying({ clock, withinMs: patienceMs, ...(signal === undefined ? {} : { signal }) }, () =>
      examineTopics(client, policies, settings, { create: true, clock })
    )
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new StartError(`the topics for quarantine could not be looked at: ${why}`, [], { cause: error })
  }
  if (findings === null) return { hasLedger: false, findings: [] }
  const problems = findings.filter(({ level }) => level === 'problem')
  if (problems.length > 0) {
    const lines = problems.map(({ message, remedy }) => (remedy === null ? message : `${message}; ${remedy}`))
    throw new StartError(`records could not be quarantined: ${lines.join('. ')}; see \`kontrakt doctor\``)
  }
  return { hasLedger: true, findings }
}

/** Null when no policy can quarantine and there is no ledger from before. Rejects when nobody could be asked. */
export async function examineTopics(
  client: StartClient,
  policies: readonly CompiledPolicy[],
  settings: TopicSettings,
  options: ExamineOptions
): Promise<readonly TopicFinding[] | null> {
  const own = await examineOurs(client, policies, settings, options)
  return own === null ? null : [...own, ...(await examineTheirs(client, policies, options))]
}

/**
 * Of our own topics those that are needed: of the states nobody asks while nothing can be quarantined. As `examineTopics`,
 * for which it is the first part.
 */
export async function examineOurs(
  client: TopicClient,
  policies: readonly CompiledPolicy[],
  settings: TopicSettings,
  options: ExamineOptions
): Promise<readonly TopicFinding[] | null> {
  if (policies.some(({ model }) => canQuarantine(model))) return examineOwnTopics(client, settings, options)
  const ledger = (await lookAtTopics(client, [settings.ledger])).get(settings.ledger)
  if (ledger === undefined || ledger instanceof KafkaError) return null
  return examineLedgerTopic(client, settings, { ...options, create: false })
}

/** Of the quarantine topics and their origins; nothing while no policy can quarantine. The other part of `examineTopics`. */
export async function examineTheirs(
  client: StartClient,
  policies: readonly CompiledPolicy[],
  options: ExamineOptions
): Promise<readonly TopicFinding[]> {
  if (!policies.some(({ model }) => canQuarantine(model))) return []
  const { wanted, fromGlobs, notLookedAt } = await wantedTopics(client, policies)
  const found = await examineQuarantineTopics(client, wanted, options)
  // A topic that merely matches a glob must not keep everything else from being served.
  const findings = found.map((finding) =>
    finding.level === 'problem' && fromGlobs.has(finding.topic) ? { ...finding, level: 'warning' as const } : finding
  )
  if (notLookedAt > 0) {
    const message = `${notLookedAt} more quarantine topics are created when their first record comes`
    findings.push({ level: 'ok', code: 'missing', topic: '*', message, remedy: null })
  }
  return [...findings, ...(await examineOrigins(client, policies))]
}

export interface QuarantineTopicsWanted {
  readonly wanted: readonly WantedTopic[]
  /** Of these, the ones that no policy asks for by the name of a topic. */
  readonly fromGlobs: ReadonlySet<string>
  /** How many more there are. */
  readonly notLookedAt: number
}

/** The quarantine topics of all topics that are there now, each with its origins. */
export async function wantedTopics(
  client: TopicClient,
  policies: readonly CompiledPolicy[]
): Promise<QuarantineTopicsWanted> {
  const owners = new TopicOwners(policies)
  const { topics } = await client.metadata(null)
  const literal = new Map<string, WantedTopic & { readonly origins: string[] }>()
  const globs = new Map<string, WantedTopic & { readonly origins: string[] }>()
  for (const { name, isInternal } of topics) {
    const owner = isInternal ? null : owners.ownerOf(name)
    if (owner === null || !canQuarantine(owner.model)) continue
    const { topic: template, create } = owner.model.quarantine
    const topic = expandTemplate(template, name)
    const isNamed = owner.model.topics.some((pattern) => pattern.literal && pattern.source === name)
    const group = isNamed ? literal : globs
    const known = group.get(topic)
    if (known === undefined) group.set(topic, { target: { topic, create }, origins: [name] })
    else known.origins.push(name)
  }
  const more = [...globs].filter(([topic]) => !literal.has(topic))
  // A topic shared by names and globs has the origins of both.
  for (const [topic, { origins }] of globs) literal.get(topic)?.origins.push(...origins)
  const chosen = more.slice(0, mostFromGlobs)
  return {
    wanted: [...literal.values(), ...chosen.map(([, wanted]) => wanted)],
    fromGlobs: new Set(chosen.map(([topic]) => topic)),
    notLookedAt: more.length - chosen.length
  }
}
