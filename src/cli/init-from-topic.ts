/** The latest records of a live topic, read with our own client, and the policy that they suggest. */
import { formatAddress } from '../address.ts'
import { readRecords } from '../../protocol/records/batch.ts'
import type { Settings } from '../config/settings.ts'
import { KafkaClient } from '../kafka/client.ts'
import { inferPolicy } from './infer-policy.ts'
import type { InferredPolicy, SampleRecord } from './infer-policy.ts'
import { CliError } from './io.ts'
import { registeredSubjects } from './registry-access.ts'

type Connection = Pick<Settings, 'upstream' | 'registry' | 'timings'>

/** Partitions that are looked at; more of them tell no more. */
const maxPartitions = 50

/** Rounds of fetching; each brings up to some MiB per broker. */
const maxRounds = 20

export async function inferFromTopic(topic: string, records: number, connection: Connection): Promise<InferredPolicy> {
  const client = new KafkaClient({
    bootstrapServers: connection.upstream.bootstrapServers.map(formatAddress),
    clientId: 'kontrakt-init',
    connectTimeoutMs: connection.timings.connectTimeoutMs
  })
  try {
    const samples = await readLatest(client, topic, Math.max(1, Math.min(records, 100_000)))
    const subjects =
      connection.registry === null
        ? null
        : await registeredSubjects(connection.registry, topic, connection.timings.registryTimeoutMs)
    return inferPolicy(topic, samples, subjects)
  } catch (error) {
    if (error instanceof CliError) throw error
    throw new CliError(
      `the topic ${topic} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      'see `kontrakt doctor`'
    )
  } finally {
    client.close()
  }
}

async function readLatest(client: KafkaClient, topic: string, records: number): Promise<readonly SampleRecord[]> {
  const { topics } = await client.metadata([topic])
  const found = topics.find(({ name }) => name === topic)
  if (found === undefined || found.error !== null || found.partitions.length === 0) {
    throw new CliError(`the cluster has no topic ${topic}`, found?.error?.message ?? null)
  }
  const partitions = found.partitions.slice(0, maxPartitions).map(({ partition }) => ({ topic, partition }))
  const earliest = await client.listOffsets(partitions.map((p) => ({ ...p, time: 'earliest' as const })))
  const latest = await client.listOffsets(partitions.map((p) => ({ ...p, time: 'latest' as const })))
  const share = BigInt(Math.ceil(records / partitions.length))
  const ranges = partitions.map(({ partition }) => {
    const first = offsetOf(earliest, partition)
    const end = offsetOf(latest, partition)
    return { partition, next: end - share > first ? end - share : first, end }
  })
  return readRanges(client, topic, ranges)
}

function offsetOf(
  answers: readonly { readonly partition: number; readonly offset: bigint; readonly error: Error | null }[],
  partition: number
): bigint {
  const answer = answers.find((candidate) => candidate.partition === partition)
  if (answer === undefined || answer.error !== null)
    throw answer?.error ?? new Error(`no offset for partition ${partition}`)
  return answer.offset
}

interface Range {
  readonly partition: number
  next: bigint
  readonly end: bigint
}

async function readRanges(
  client: KafkaClient,
  topic: string,
  ranges: readonly Range[]
): Promise<readonly SampleRecord[]> {
  const samples: SampleRecord[] = []
  for (let round = 0; round < maxRounds; round++) {
    const open = ranges.filter(({ next, end }) => next < end)
    if (open.length === 0) break
    const fetched = await client.fetch({
      partitions: open.map(({ partition, next }) => ({ topic, partition, offset: next }))
    })
    for (const { partition, records, error } of fetched) {
      if (error !== null) throw error
      const range = ranges.find((candidate) => candidate.partition === partition)!
      const before = range.next
      for (const record of readRecords(records)) {
        if (record.offset < range.next || record.offset >= range.end) continue
        samples.push(record)
        range.next = record.offset + 1n
      }
      // Nothing but control batches, or offsets that compaction removed: the rest cannot be told from here.
      if (range.next === before) range.next = range.end
    }
  }
  return samples
}
