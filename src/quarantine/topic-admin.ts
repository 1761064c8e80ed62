/** Looking at topics and making them: what quarantine topics and our own topics have in common. */
import { errorCodes } from '../../protocol/errors.ts'
import type { Clock } from '../clock.ts'
import { pause } from '../clock.ts'
import type { KafkaClient, NewTopic } from '../kafka/client.ts'
import { KafkaError } from '../kafka/errors.ts'
import { backoffMs } from '../kafka/retrying.ts'

/** The part of `KafkaClient` that is used here. */
export type TopicClient = Pick<KafkaClient, 'metadata' | 'describeConfigs' | 'createTopics'>

/** Topics asked about in one request: an answer of some hundred kilobytes. */
const topicsPerRequest = 500

/** How long a topic that was just created may take to have leaders. A controller that is well takes some milliseconds. */
const leaderWaitMs = 10_000

/** What is looked at of a topic's settings. */
const lookedAt = [
  'cleanup.policy',
  'max.message.bytes',
  'message.timestamp.type',
  'min.insync.replicas',
  'retention.bytes',
  'retention.ms'
] as const

export type LookedAt = (typeof lookedAt)[number]

export interface TopicState {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  /** Null when it may not be described. */
  readonly configs: ReadonlyMap<string, string | null> | null
}

/** By name; absent when there is no such topic, a KafkaError when we may not see it. */
export type TopicStates = ReadonlyMap<string, TopicState | KafkaError>

/**
 * Rejects with what makes the whole question fail: ConnectionError, NoCommonVersionError, or a retriable KafkaError such
 * as that of a topic without a leader.
 */
export async function lookAtTopics(client: TopicClient, names: readonly string[]): Promise<TopicStates> {
  const states = new Map<string, TopicState | KafkaError>()
  const all = [...new Set(names)]
  for (let at = 0; at < all.length; at += topicsPerRequest) {
    for (const [name, state] of await lookAtSome(client, all.slice(at, at + topicsPerRequest))) states.set(name, state)
  }
  return states
}

async function lookAtSome(client: TopicClient, names: readonly string[]): Promise<TopicStates> {
  const states = new Map<string, TopicState | KafkaError>()
  const { topics } = await client.metadata(names)
  const there = topics.filter(({ name, error }) => {
    if (error === null) return true
    if (error.code !== errorCodes.UNKNOWN_TOPIC_OR_PARTITION) {
      if (error.retriable) throw error
      states.set(name, error)
    }
    return false
  })
  const configs = await describe(
    client,
    there.map(({ name }) => name)
  )
  for (const { name, partitions } of there) {
    const replicationFactor = Math.max(1, ...partitions.map(({ replicas }) => replicas.length))
    states.set(name, { name, partitions: partitions.length, replicationFactor, configs: configs.get(name) ?? null })
  }
  return states
}

async function describe(
  client: TopicClient,
  names: readonly string[]
): Promise<ReadonlyMap<string, ReadonlyMap<string, string | null>>> {
  if (names.length === 0) return new Map()
  try {
    const described = await client.describeConfigs(
      names.map((name) => ({ type: 'topic' as const, name, keys: lookedAt }))
    )
    return new Map(
      described.filter(({ error }) => error === null).map(({ resource, values }) => [resource.name, values])
    )
  } catch (error) {
    // Refused as a whole by services that do not offer it.
    if (error instanceof KafkaError && !error.retriable) return new Map()
    throw error
  }
}

export interface TopicToCreate {
  readonly name: string
  readonly partitions: number
  /** -1: the brokers' default. */
  readonly replicationFactor: number
  /** Lowered to max(1, replicas - 1), so that one broker may be down. */
  readonly minInsyncReplicas: number
  readonly configs: Readonly<Record<string, string>>
}

/**
 * Resolves when every partition has a leader, also when somebody else was faster. Rejects with the KafkaError of the
 * refusal, or as every question does.
 */
export async function createTopic(client: TopicClient, topic: TopicToCreate, clock: Clock): Promise<void> {
  const { name, replicationFactor } = topic
  const withInsync = (insync: number): NewTopic => {
    const configs = { ...topic.configs, 'min.insync.replicas': String(insync) }
    return { name, partitions: topic.partitions, replicationFactor, configs }
  }
  // How many replicas the default means is only told by the answer: asked for first, because it decides what is created.
  const planned = await createOnce(client, withInsync(1), true)
  if (planned !== null) {
    const replicas = planned.replicationFactor > 0 ? planned.replicationFactor : replicationFactor
    await createOnce(client, withInsync(loweredInsync(topic.minInsyncReplicas, replicas)), false)
  }
  await awaitLeaders(client, name, clock)
}

/**
 * A refusal to create a topic that has to do with how the cluster is at this moment: too few of its brokers are up, or its
 * controller has a fault.
 */
export function mayBeCreatedLater({ code }: KafkaError): boolean {
  return code === errorCodes.INVALID_REPLICATION_FACTOR || code === errorCodes.UNKNOWN_SERVER_ERROR
}

/** What to do about it, up to the name of the setting. */
export const moreBrokers = 'it is created as soon as enough brokers are up; or lower'

/** With as many required as there are replicas, one broker that is down stops all writing. */
export function loweredInsync(wanted: number, replicationFactor: number): number {
  return Math.min(wanted, Math.max(1, replicationFactor - 1))
}

/** Null when the topic is there already. */
async function createOnce(
  client: TopicClient,
  topic: NewTopic,
  validateOnly: boolean
): Promise<{ readonly replicationFactor: number } | null> {
  const [created] = await client.createTopics([topic], { validateOnly })
  if (created === undefined) throw new Error(`nobody answered whether ${topic.name} was created`)
  if (created.error?.code === errorCodes.TOPIC_ALREADY_EXISTS) return null
  if (created.error !== null) throw created.error
  return created
}

async function awaitLeaders(client: TopicClient, name: string, clock: Clock): Promise<void> {
  const untilMs = clock.nowMs() + leaderWaitMs
  for (let attempt = 0; ; attempt++) {
    const [topic] = (await client.metadata([name])).topics
    const isReady = topic?.error === null && topic.partitions.every(({ leaderId }) => leaderId >= 0)
    if (isReady && topic.partitions.length > 0) return
    if (clock.nowMs() > untilMs) throw topic?.error ?? new Error(`${name} was created and has no leader`)
    await pause(clock, backoffMs(attempt))
  }
}
