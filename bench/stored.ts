/** What a way left behind: whether every record that was sent is where it belongs, by the offsets of the topics. */
import type { KafkaClient } from '../src/kafka/client.ts'
import type { LoadResult } from './load.ts'
import { topicsOf, type Way } from './ways.ts'

/** Records ever written to the way's topics. */
export interface Stored {
  readonly topics: bigint
  readonly quarantine: bigint
}

export async function storedBy(way: Way, client: KafkaClient): Promise<Stored> {
  return {
    topics: await recordsEver(topicsOf(way), client),
    quarantine: way.quarantineTopic === null ? 0n : await recordsEver([way.quarantineTopic], client)
  }
}

/** Throws when there are more or fewer than were sent, or when bad ones are where they must not be. */
export function checkStored(way: Way, before: Stored, after: Stored, { records, badRecords }: LoadResult): void {
  const quarantined = way.quarantineTopic === null ? 0 : badRecords
  expect(`${way.topic} (${way.name})`, after.topics - before.topics, records - quarantined)
  if (way.quarantineTopic !== null) expect(way.quarantineTopic, after.quarantine - before.quarantine, quarantined)
}

function expect(topic: string, came: bigint, wanted: number): void {
  if (came !== BigInt(wanted)) throw new Error(`${topic} got ${came} records instead of ${wanted}`)
}

/** Ends of the partitions: what retention has removed meanwhile still counts. */
async function recordsEver(names: readonly string[], client: KafkaClient): Promise<bigint> {
  const { topics } = await client.metadata([...names])
  const partitions = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partition }) => ({ topic: name, partition, time: 'latest' as const }))
  )
  const ends = await client.listOffsets(partitions)
  return ends.reduce((sum, { offset, error }) => {
    if (error !== null) throw error
    return sum + offset
  }, 0n)
}
