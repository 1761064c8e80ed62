/** Which quarantine topics are meant, and what they hold. */
import type { ContractSet } from '../contracts/judgement.ts'
import type { KafkaClient } from '../kafka/client.ts'
import type { LogClient, LogRange } from './log-range.ts'
import { rangesOf } from './log-range.ts'
import { QuarantineError } from './quarantine-error.ts'

export type PlacesClient = LogClient & Pick<KafkaClient, 'metadata'>

/** At most one of them. */
export interface PlaceQuery {
  /** The quarantine topic itself. */
  readonly quarantineTopic?: string
  /** The topic that the records were sent to: its quarantine topic by today's policy. */
  readonly topic?: string
}

/**
 * Names of quarantine topics that exist. Without a query those of all topics of the cluster that a policy names today.
 *
 * @throws {QuarantineError} `no-policy`, `no-topic`
 */
export async function quarantineTopics(
  client: PlacesClient,
  contracts: ContractSet,
  { quarantineTopic, topic }: PlaceQuery
): Promise<readonly string[]> {
  const { topics } = await client.metadata(null)
  const there = new Set(topics.filter(({ error }) => error === null).map(({ name }) => name))
  if (quarantineTopic !== undefined) {
    if (there.has(quarantineTopic)) return [quarantineTopic]
    throw new QuarantineError(
      'no-topic',
      `the cluster has no topic ${quarantineTopic}, or does not show it to us`,
      'it takes DESCRIBE and READ on it'
    )
  }
  if (topic === undefined) {
    const names = [...there].map((name) => contracts.forTopic(name)?.quarantineOf(name).topic)
    return [...new Set(names)].filter((name) => name !== undefined && there.has(name)).toSorted() as string[]
  }
  const contract = contracts.forTopic(topic)
  if (contract === null) {
    const remedy = 'name the quarantine topic itself: --quarantine-topic'
    throw new QuarantineError('no-policy', `no policy names the topic ${topic} today`, remedy)
  }
  const name = contract.quarantineOf(topic).topic
  return there.has(name) ? [name] : []
}

/** @throws {QuarantineError} `no-topic` */
export async function quarantineRanges(
  client: PlacesClient,
  quarantineTopic: string,
  sinceMs: number | null = null
): Promise<LogRange[]> {
  const { topics } = await client.metadata([quarantineTopic])
  const found = topics.find(({ name }) => name === quarantineTopic)
  if (found === undefined || found.error !== null || found.partitions.length === 0) {
    const why = found?.error?.message ?? 'it has no partitions'
    throw new QuarantineError('no-topic', `the quarantine topic ${quarantineTopic} cannot be read: ${why}`)
  }
  const partitions = found.partitions.map(({ partition }) => partition).toSorted((a, b) => a - b)
  return rangesOf(client, quarantineTopic, partitions, sinceMs)
}
