/** What a way left behind: whether every record that was sent is where it belongs, by the offsets of the topics. */
import type { KafkaClient } from '../src/kafka/client.ts'
import type { LoadResult } from './load.ts'
import type { Way } from './ways.ts'

/** Records ever written to the way's topics. */
export interface Stored {
  readonly topic: bigint
  readonly quarantine: bigint
}

export async function storedBy({ topic, quarantineTopic }: Way, client: KafkaClient): Promise<Stored> {
  return {
    topic: await recordsEver(topic, client),
    quarantine: quarantineTopic === null ? 0n : await recordsEver(quarantineTopic, client)
  }
}

/** Throws when there are more or fewer than were sent, or when bad ones are where they must not be. */
export function checkStored(way: Way, before: Stored, after: Stored, { records, badRecords }: LoadResult): void {
  const quarantined = way.quarantineTopic === null ? 0 : badRecords
  expect(`${way.topic} (${way.name})`, after.topic - before.topic, records - quarantined)
  if (way.quarantineTopic !== null) expect(way.quarantineTopic, after.quarantine - before.quarantine, quarantined)
}

function expect(topic: string, came: bigint, wanted: number): void {
  if (came !== BigInt(wanted)) throw new Error(`${topic} got ${came} records instead of ${wanted}`)
}

/** Ends of the partitions: what retention has removed meanwhile still counts. */
async function recordsEver(topic: string, client: KafkaClient): Promise<bigint> {
  const { topics } = await client.metadata([topic])
  const partitions = topics[0]!.partitions.map(({ partition }) => ({ topic, partition, time: 'latest' as const }))
  const ends = await client.listOffsets(partitions)
  return ends.reduce((sum, { offset, error }) => {
    if (error !== null) throw error
    return sum + offset
  }, 0n)
}
