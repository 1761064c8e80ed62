/**
 * Quarantine topics: how they have to be, how they are made, and what is wrong with those that are there.
 *
 * Records in quarantine keep their key, which may be null, and must not disappear before somebody has looked at them: so
 * they are deleted by age and never compacted, and their age counts from when they came (LogAppendTime), whatever
 * timestamp their producer wrote. A record that its topic took must fit, with our headers.
 */
import { errorCodes } from '../../protocol/errors.ts'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { QuarantineTarget } from '../contracts/judgement.ts'
import { KafkaError } from '../kafka/errors.ts'
import { createTopic, lookAtTopics, loweredInsync, mayBeCreatedLater, moreBrokers } from './topic-admin.ts'
import type { LookedAt, TopicClient, TopicState, TopicStates } from './topic-admin.ts'

/** Our headers (24 KiB at most), and a batch of its own for a record that shared one. */
export const roomForHeadersBytes = 64 * 1024

/** Of a topic whose settings may not be described: Kafka's `message.max.bytes`. */
const usualMaxMessageBytes = 1_048_588

/**
 * `ok`: nothing to do. `warning`: it works, and less is promised. `problem`: records cannot be quarantined there, or
 * would be lost.
 */
export type FindingLevel = 'ok' | 'warning' | 'problem'

export interface TopicFinding {
  readonly level: FindingLevel
  /** What is wrong, for programs: `missing`, `cleanup-policy`, ...; `fine` and `created` are `ok`. */
  readonly code: FindingCode
  readonly topic: string
  readonly message: string
  /** What to do; null when there is nothing to do. */
  readonly remedy: string | null
}

export type FindingCode =
  | 'fine'
  | 'created'
  | 'missing'
  | 'not-created'
  | 'not-created-yet'
  | 'no-access'
  | 'no-read'
  | 'no-producers'
  | 'not-described'
  | 'partitions'
  | 'cleanup-policy'
  | 'timestamp-type'
  | 'max-message-bytes'
  | 'retention'
  | 'min-insync-replicas'

/** One quarantine topic and the topics whose bad records go there. */
export interface WantedTopic {
  readonly target: Pick<QuarantineTarget, 'topic' | 'create'>
  readonly origins: readonly string[]
}

export interface ExamineOptions {
  /** Create what is missing and may be created. */
  readonly create: boolean
  readonly clock?: Clock
}

/**
 * At least one finding for each topic that is wanted; none for those of which no origin is there yet. Rejects when
 * nobody could be asked.
 */
export async function examineQuarantineTopics(
  client: TopicClient,
  wanted: readonly WantedTopic[],
  { create, clock = systemClock }: ExamineOptions
): Promise<TopicFinding[]> {
  const states = await lookAtTopics(
    client,
    wanted.flatMap(({ target, origins }) => [target.topic, ...origins])
  )
  const findings: TopicFinding[] = []
  for (const { target, origins } of wanted) {
    const needs = needsOf(states, origins)
    const state = states.get(target.topic)
    if (state === undefined) {
      if (needs !== null) findings.push(...(await missing(client, target, needs, create, clock)))
    } else if (state instanceof KafkaError) {
      findings.push(noAccess(target.topic, state))
    } else {
      findings.push(...examine(state, target, needs))
    }
  }
  return findings
}

/** What the origins ask of their quarantine topic. */
interface Needs {
  readonly partitions: number
  readonly maxMessageBytes: number
  /** Every origin told its settings. */
  readonly isCertain: boolean
}

/** The largest of all; null when none is there. */
function needsOf(states: TopicStates, origins: readonly string[]): Needs | null {
  const there = origins.map((name) => states.get(name)).filter((state) => isState(state))
  if (there.length === 0) return null
  const sizes = there.map((origin) => numberOf(origin, 'max.message.bytes'))
  return {
    partitions: Math.max(...there.map(({ partitions }) => partitions)),
    maxMessageBytes: Math.max(...sizes.map((size) => size ?? usualMaxMessageBytes)) + roomForHeadersBytes,
    isCertain: sizes.every((size) => size !== null)
  }
}

function isState(state: TopicState | KafkaError | undefined): state is TopicState {
  return state !== undefined && !(state instanceof KafkaError)
}

function numberOf({ configs }: TopicState, name: LookedAt): number | null {
  const value = configs?.get(name)
  return value == null || !/^-?\d+$/.test(value) ? null : Number(value)
}

async function missing(
  client: TopicClient,
  target: WantedTopic['target'],
  needs: Needs,
  create: boolean,
  clock: Clock
): Promise<TopicFinding[]> {
  const { topic } = target
  const byHand = createCommand(target, needs)
  if (target.create === null) {
    const message = `the quarantine topic ${topic} is not there, and its policy says not to create it`
    return [{ level: 'problem', code: 'missing', topic, message, remedy: `create it: ${byHand}` }]
  }
  if (!create) {
    const message = `the quarantine topic ${topic} is not there; serve will create it`
    return [{ level: 'ok', code: 'missing', topic, message, remedy: null }]
  }
  try {
    await createTopic(client, topicToCreate(target, target.create, needs), clock)
    return [{ level: 'ok', code: 'created', topic, message: `the quarantine topic ${topic} was created`, remedy: null }]
  } catch (error) {
    if (!(error instanceof KafkaError) || error.retriable) throw error
    const message = `the quarantine topic ${topic} cannot be created: ${error.message}`
    if (mayBeCreatedLater(error)) {
      const remedy = `${moreBrokers} its policy's create.replicationFactor`
      return [{ level: 'problem', code: 'not-created-yet', topic, message, remedy }]
    }
    const remedy = `${isRefusal(error) ? 'our principal needs CREATE on it; or ' : ''}create it by hand: ${byHand}`
    return [{ level: 'problem', code: 'not-created', topic, message, remedy }]
  }
}

function isRefusal({ code }: KafkaError): boolean {
  return code === errorCodes.TOPIC_AUTHORIZATION_FAILED || code === errorCodes.CLUSTER_AUTHORIZATION_FAILED
}

function topicToCreate(
  { topic }: WantedTopic['target'],
  create: NonNullable<QuarantineTarget['create']>,
  needs: Needs
): Parameters<typeof createTopic>[1] {
  const { partitions, replicationFactor, minInsyncReplicas, retentionMs } = create
  return {
    name: topic,
    partitions: partitions === 'same' ? needs.partitions : partitions,
    replicationFactor,
    minInsyncReplicas,
    configs: {
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'LogAppendTime',
      'max.message.bytes': String(needs.maxMessageBytes),
      'retention.ms': String(retentionMs)
    }
  }
}

/** As it is typed on a machine with Kafka's tools; replicas and in-sync replicas are the operator's to choose. */
function createCommand({ topic, create }: WantedTopic['target'], { partitions, maxMessageBytes }: Needs): string {
  const count = create === null || create.partitions === 'same' ? partitions : create.partitions
  const configs = [
    'cleanup.policy=delete',
    'message.timestamp.type=LogAppendTime',
    `max.message.bytes=${maxMessageBytes}`
  ]
  if (create !== null) configs.push(`retention.ms=${create.retentionMs}`)
  const settings = configs.map((config) => `--config ${config}`).join(' ')
  return `kafka-topics.sh --create --topic ${topic} --partitions ${count} ${settings}`
}

function noAccess(topic: string, error: KafkaError): TopicFinding {
  const message = `the quarantine topic ${topic} cannot be looked at: ${error.message}`
  return { level: 'problem', code: 'no-access', topic, message, remedy: 'our principal needs READ and WRITE on it' }
}

/** Why nothing may be written there, in words; null when it is not compacted, or nobody may know. */
export function compactionOf({ configs }: TopicState): string | null {
  const cleanup = configs?.get('cleanup.policy') ?? ''
  if (!cleanup.includes('compact')) return null
  return `has cleanup.policy ${cleanup}: compaction removes records that nobody has looked at, and refuses null keys`
}

/** What is wrong with a quarantine topic that is there. */
function examine(state: TopicState, { topic, create }: WantedTopic['target'], needs: Needs | null): TopicFinding[] {
  const findings: TopicFinding[] = []
  const found = (level: FindingLevel, code: FindingCode, what: string, config: string | null): void => {
    const remedy =
      config === null
        ? 'our principal needs DESCRIBE_CONFIGS on it'
        : `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${config}`
    findings.push({ level, code, topic, message: `the quarantine topic ${topic} ${what}`, remedy })
  }
  if (state.configs === null) {
    found('warning', 'not-described', 'does not show its settings, so nobody has checked them', null)
    return findings
  }
  const compaction = compactionOf(state)
  if (compaction !== null) found('problem', 'cleanup-policy', compaction, 'cleanup.policy=delete')
  const timestampType = state.configs.get('message.timestamp.type')
  if (timestampType !== 'LogAppendTime') {
    const what = `has message.timestamp.type ${timestampType ?? 'unknown'}: its records expire by the clock of whoever writes them`
    found('warning', 'timestamp-type', what, 'message.timestamp.type=LogAppendTime')
  }
  const maxMessageBytes = numberOf(state, 'max.message.bytes')
  if (needs?.isCertain === true && maxMessageBytes !== null && maxMessageBytes < needs.maxMessageBytes) {
    const what = `takes batches of ${maxMessageBytes} bytes; a record that its topic takes may need ${needs.maxMessageBytes} here, and is refused if it does not fit`
    found('warning', 'max-message-bytes', what, `max.message.bytes=${needs.maxMessageBytes}`)
  }
  const retentionMs = numberOf(state, 'retention.ms')
  if (create !== null && retentionMs !== null && retentionMs >= 0 && retentionMs < create.retentionMs) {
    const what = `keeps its records for ${retentionMs} ms, the policy says ${create.retentionMs}`
    found('warning', 'retention', what, `retention.ms=${create.retentionMs}`)
  }
  const retentionBytes = numberOf(state, 'retention.bytes')
  if (retentionBytes !== null && retentionBytes >= 0) {
    const what = `keeps no more than ${retentionBytes} bytes of each partition, however young they are`
    found('warning', 'retention', what, 'retention.bytes=-1')
  }
  findings.push(...examineInsync(state, create?.minInsyncReplicas ?? 2))
  if (findings.length > 0) return findings
  return [
    { level: 'ok', code: 'fine', topic, message: `the quarantine topic ${topic} is as it should be`, remedy: null }
  ]
}

/** For quarantine topics and our own alike: an acknowledged record must survive one broker, and one must be able to be down. */
export function examineInsync(state: TopicState, wanted: number): TopicFinding[] {
  const { name: topic, replicationFactor } = state
  const minInsync = numberOf(state, 'min.insync.replicas')
  if (minInsync === null) return []
  const better = loweredInsync(wanted, replicationFactor)
  const remedy = `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config min.insync.replicas=${better}`
  const code = 'min-insync-replicas'
  if (minInsync > replicationFactor) {
    const message = `the topic ${topic} has ${replicationFactor} replicas and demands ${minInsync} in sync: nothing can be written`
    return [{ level: 'problem', code, topic, message, remedy }]
  }
  if (minInsync >= better) return []
  const message = `the topic ${topic} demands ${minInsync} in-sync replicas: a record can be lost with one broker`
  return [{ level: 'warning', code, topic, message, remedy }]
}
