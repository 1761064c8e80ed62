/**
 * Our own topics: the ledger, and the states of quarantined records. Both are compacted, because what counts is the last
 * word on each key; both have one partition, because their order decides (of the ledger: who owns a chain).
 */
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { TopicSettings } from '../config/settings.ts'
import { KafkaError } from '../kafka/errors.ts'
import { createTopic, lookAtTopics, mayBeCreatedLater, moreBrokers } from './topic-admin.ts'
import type { TopicClient, TopicState } from './topic-admin.ts'
import { examineInsync } from './topics.ts'
import type { ExamineOptions, FindingCode, FindingLevel, TopicFinding } from './topics.ts'

/** The least a batch may have: what is written together comes to half of it. */
const leastMaxMessageBytes = 1024 * 1024

const configs = {
  'cleanup.policy': 'compact',
  'message.timestamp.type': 'LogAppendTime',
  'max.message.bytes': String(2 * 1024 * 1024),
  // Everything is read at each start, so the tail that is not compacted yet stays short: segments are closed soon,
  // small, and compacted though little of them is obsolete, within the hour.
  'segment.ms': String(10 * 60_000),
  'segment.bytes': String(16 * 1024 * 1024),
  'min.cleanable.dirty.ratio': '0.1',
  // A new owner of a chain copies what it inherits under its own key. Until it has, the record it inherits must not be
  // compacted away in favour of one that the old owner wrote too late.
  'min.compaction.lag.ms': String(10 * 60_000),
  'max.compaction.lag.ms': String(60 * 60_000)
} as const

const minInsyncReplicas = 2

interface OwnTopic {
  readonly name: string
  /** What it is, in words. */
  readonly what: string
  readonly setting: string
}

function ownTopics({ ledger, quarantineState }: TopicSettings): readonly OwnTopic[] {
  return [
    { name: ledger, what: 'ledger', setting: 'topics.ledger' },
    { name: quarantineState, what: 'topic of the states of quarantined records', setting: 'topics.quarantineState' }
  ]
}

/** At least one finding per topic. Rejects when nobody could be asked. */
export function examineOwnTopics(
  client: TopicClient,
  settings: TopicSettings,
  options: ExamineOptions
): Promise<TopicFinding[]> {
  return examineTopics(client, settings, ownTopics(settings), options)
}

/** The same for the states alone, for those who send records home and have nothing to do with the ledger. */
export function examineStateTopic(
  client: TopicClient,
  settings: TopicSettings,
  options: ExamineOptions
): Promise<TopicFinding[]> {
  return examineOne(settings.quarantineState, client, settings, options)
}

/** The same for the ledger alone, for those who only renumber what was quarantined before. */
export function examineLedgerTopic(
  client: TopicClient,
  settings: TopicSettings,
  options: ExamineOptions
): Promise<TopicFinding[]> {
  return examineOne(settings.ledger, client, settings, options)
}

function examineOne(
  topic: string,
  client: TopicClient,
  settings: TopicSettings,
  options: ExamineOptions
): Promise<TopicFinding[]> {
  const topics = ownTopics(settings).filter(({ name }) => name === topic)
  return examineTopics(client, settings, topics, options)
}

async function examineTopics(
  client: TopicClient,
  settings: TopicSettings,
  topics: readonly OwnTopic[],
  { create, clock = systemClock }: ExamineOptions
): Promise<TopicFinding[]> {
  const states = await lookAtTopics(
    client,
    topics.map(({ name }) => name)
  )
  const findings: TopicFinding[] = []
  for (const topic of topics) {
    const state = states.get(topic.name)
    if (state === undefined)
      findings.push(await missing(client, topic, settings.replicationFactor ?? -1, create, clock))
    else if (state instanceof KafkaError) findings.push(noAccess(topic, state))
    else findings.push(...examine(topic, state))
  }
  return findings
}

async function missing(
  client: TopicClient,
  { name: topic, what, setting }: OwnTopic,
  replicationFactor: number,
  create: boolean,
  clock: Clock
): Promise<TopicFinding> {
  if (!create) {
    const message = `the ${what}, ${topic}, is not there; serve will create it`
    return { level: 'ok', code: 'missing', topic, message, remedy: null }
  }
  try {
    await createTopic(client, { name: topic, partitions: 1, replicationFactor, minInsyncReplicas, configs }, clock)
    return { level: 'ok', code: 'created', topic, message: `the ${what}, ${topic}, was created`, remedy: null }
  } catch (error) {
    if (!(error instanceof KafkaError) || error.retriable) throw error
    const message = `the ${what}, ${topic}, cannot be created: ${error.message}`
    if (mayBeCreatedLater(error)) {
      const remedy = `${moreBrokers} topics.replicationFactor`
      return { level: 'problem', code: 'not-created-yet', topic, message, remedy }
    }
    const settingsText = Object.entries(configs).map(([key, value]) => `--config ${key}=${value}`)
    const byHand = `kafka-topics.sh --create --topic ${topic} --partitions 1 ${settingsText.join(' ')}`
    const remedy = `allow our principal CREATE, create it by hand (${byHand}), or name another with ${setting}`
    return { level: 'problem', code: 'not-created', topic, message, remedy }
  }
}

function noAccess({ name: topic, what }: OwnTopic, error: KafkaError): TopicFinding {
  const message = `the ${what}, ${topic}, cannot be looked at: ${error.message}`
  return { level: 'problem', code: 'no-access', topic, message, remedy: 'our principal needs READ and WRITE on it' }
}

function examine({ name: topic, what, setting }: OwnTopic, state: TopicState): TopicFinding[] {
  const findings: TopicFinding[] = []
  const found = (level: FindingLevel, code: FindingCode, wrong: string, remedy: string): void => {
    findings.push({ level, code, topic, message: `the ${what}, ${topic}, ${wrong}`, remedy })
  }
  const alter = (config: string): string =>
    `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${config}`
  if (state.partitions !== 1) {
    const remedy = `delete it if it is not in use, or name another topic with ${setting}`
    found('problem', 'partitions', `has ${state.partitions} partitions, and must have one: its order decides`, remedy)
  }
  if (state.configs === null) {
    const wrong = 'does not show its settings, so nobody has checked them'
    found('warning', 'not-described', wrong, 'our principal needs DESCRIBE_CONFIGS on it')
    return findings
  }
  const cleanup = state.configs.get('cleanup.policy')
  if (cleanup !== 'compact') {
    const wrong = `has cleanup.policy ${cleanup ?? 'unknown'}: what was written once would be forgotten while it still counts`
    found('problem', 'cleanup-policy', wrong, alter('cleanup.policy=compact'))
  }
  const timestampType = state.configs.get('message.timestamp.type')
  if (timestampType !== 'LogAppendTime') {
    const wrong = `has message.timestamp.type ${timestampType ?? 'unknown'}: the clocks of several instances would be compared`
    found('problem', 'timestamp-type', wrong, alter('message.timestamp.type=LogAppendTime'))
  }
  const maxMessageBytes = Number(state.configs.get('max.message.bytes') ?? leastMaxMessageBytes)
  if (maxMessageBytes < leastMaxMessageBytes) {
    const wrong = `takes batches of ${maxMessageBytes} bytes, and must take ${leastMaxMessageBytes}`
    found('problem', 'max-message-bytes', wrong, alter(`max.message.bytes=${configs['max.message.bytes']}`))
  }
  findings.push(...examineInsync(state, minInsyncReplicas))
  if (findings.length > 0) return findings
  return [{ level: 'ok', code: 'fine', topic, message: `the ${what}, ${topic}, is as it should be`, remedy: null }]
}
