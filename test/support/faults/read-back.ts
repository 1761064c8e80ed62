/** Reads topics whole, past the proxy, and recognises the numbered records in them. */
import { randomBytes } from 'node:crypto'
import { fromQuarantineRecord, type QuarantineEntry } from '../../../src/quarantine/record.ts'
import type { ClientDriver, InRecord } from '../clients/driver.ts'
import type { TestCluster } from '../cluster/types.ts'
import { carriesBad, isIntact, numberOf, partitionOf, partitions } from './numbered.ts'
import type { QuarantinedNumber, StoredNumber } from './tally.ts'

/** Of one read, so that no answer of the reader becomes too large. */
const readAtOnce = 5_000
const readTimeoutMs = 30_000

/** Every record of a topic, in each partition in the order of offsets. */
export async function readAll(driver: ClientDriver, cluster: TestCluster, topic: string): Promise<InRecord[]> {
  const admin = await driver.admin(cluster.bootstrap)
  const offsets = await admin.listOffsets(topic)
  await admin.close()
  const count = offsets.reduce((sum, { earliest, latest }) => sum + latest - earliest, 0)
  if (count === 0) return []
  const consumer = await driver.consumer(cluster.bootstrap, {
    groupId: `reader-${randomBytes(5).toString('hex')}`,
    partitions: offsets.map(({ partition }) => ({ topic, partition })),
    committedOnly: true
  })
  const records: InRecord[] = []
  while (records.length < count) {
    const part = await consumer.read(Math.min(readAtOnce, count - records.length), readTimeoutMs)
    if (part.length === 0) throw new Error(`${topic} holds ${count} records and only ${records.length} can be read`)
    for (const record of part) records.push(record)
  }
  await consumer.close()
  return records
}

/**
 * @param isBad what counts as leaked when it is in the topic and its bytes say that it is bad
 * @param count partitions of the topic
 */
export function storedNumber(isBad: (n: number) => boolean, count = partitions): (record: InRecord) => StoredNumber {
  return (record) => {
    const n = numberOf(record.value)
    return {
      partition: record.partition,
      n: n !== null && partitionOf(n, count) === record.partition ? n : null,
      bad: carriesBad(record.value) && (n === null || isBad(n)),
      intact: n !== null && isIntact(record, n)
    }
  }
}

/** A record of a quarantine topic, its own headers taken off again. */
export function entryOf(record: InRecord): QuarantineEntry {
  const headers = record.headers.map(([name, value]) => ({ name, value }))
  return fromQuarantineRecord({ key: record.key, value: record.value, headers })
}

/** @param count partitions of the topic that it was sent to */
export function quarantinedNumber(count = partitions): (record: InRecord) => QuarantinedNumber {
  return (record) => {
    const entry = entryOf(record)
    const n = numberOf(entry.value)
    const headers = entry.headers.map(({ name, value }): [string, Buffer | null] => [name, value])
    const intact = n !== null && partitionOf(n, count) === entry.partition && isIntact({ ...entry, headers }, n)
    return { n, id: entry.id, intact }
  }
}
