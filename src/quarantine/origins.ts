/**
 * Whether the brokers tell who writes to the topics whose records may be quarantined. Without that no batch of an
 * idempotent producer that has a bad record can be answered, and nobody sees why before the first one comes.
 */
import { errorCodes } from '../../protocol/errors.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import { TopicOwners } from '../contracts/policy/topic-owners.ts'
import { canQuarantine } from '../contracts/producer-modes.ts'
import type { KafkaClient } from '../kafka/client.ts'
import { KafkaError, NoCommonVersionError } from '../kafka/errors.ts'
import { aclCommand, ourPrincipal } from './acls.ts'
import type { TopicFinding } from './topics.ts'

export type ProducersClient = Pick<KafkaClient, 'describeProducers'>

/** Each is a request. Rights are seldom given topic by topic, so some stand for all; `doctor` prints those of all. */
const mostAsked = 20

/** Nothing for what is well, for topics that are not there, and for brokers that do not answer now. Never rejects. */
export async function examineOrigins(
  client: ProducersClient,
  policies: readonly CompiledPolicy[]
): Promise<TopicFinding[]> {
  const names = namedOrigins(policies).slice(0, mostAsked)
  const errors = await Promise.all(names.map(async (topic) => ({ topic, error: await errorAt(client, topic) })))
  const findings = errors.flatMap(({ topic, error }) => (isRefusal(error) ? [noRead(topic, error)] : []))
  const old = errors.find(({ error }) => error instanceof NoCommonVersionError)
  return old === undefined ? findings : [...findings, noProducers(old.topic, old.error as NoCommonVersionError)]
}

/** Those that a policy asks for by their name; they need not be there. */
function namedOrigins(policies: readonly CompiledPolicy[]): string[] {
  const owners = new TopicOwners(policies)
  return policies.flatMap((policy) => {
    if (!canQuarantine(policy.model)) return []
    const names = policy.model.topics.filter(({ literal }) => literal).map(({ source }) => source)
    return names.filter((name) => owners.ownerOf(name) === policy)
  })
}

async function errorAt(client: ProducersClient, topic: string): Promise<unknown> {
  try {
    const [found] = await client.describeProducers([{ topic, partition: 0 }])
    return found?.error ?? null
  } catch (error) {
    return error
  }
}

function isRefusal(error: unknown): error is KafkaError {
  return error instanceof KafkaError && error.code === errorCodes.TOPIC_AUTHORIZATION_FAILED
}

function noRead(topic: string, error: KafkaError): TopicFinding {
  const message = `nobody tells us how far the producers of ${topic} have come, so idempotent ones would be refused: ${error.message}`
  const right = { resource: 'topic', names: [topic], isPrefix: false, operations: ['READ'], why: '' } as const
  const remedy = `our principal needs READ on it: ${aclCommand(right, ourPrincipal)}`
  return { level: 'problem', code: 'no-read', topic, message, remedy }
}

function noProducers(topic: string, error: NoCommonVersionError): TopicFinding {
  const message = `idempotent producers are refused when a record of theirs has to be quarantined: ${error.message}`
  const remedy = 'brokers from Kafka 2.8 on tell what is needed for it'
  return { level: 'warning', code: 'no-producers', topic, message, remedy }
}
