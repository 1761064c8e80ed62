/** Reads topics whole, past the proxy, and recognises the numbered records in them. */
import { randomBytes } from 'node:crypto'
import { fromQuarantineRecord, type QuarantineEntry } from '../../../src/quarantine/record.ts'
import { ClientFailure, type ClientDriver, type InRecord } from '../clients/driver.ts'
import type { TestCluster } from '../cluster/types.ts'
import { carriesBad, isIntact, numberOf, partitionOf, partitions } from './numbered.ts'
import type { QuarantinedNumber, StoredNumber } from './tally.ts'

/** Of one read, so that no answer of the reader becomes too large. */
const readAtOnce = 5_000
const readTimeoutMs = 20_000

/**
 * Every record of a topic, in each partition in the order of offsets; none when there is no such topic. For topics
 * without transactions, whose markers take offsets and are never handed out.
 */
export async function readAll(driver: ClientDriver, cluster: TestCluster, topic: string): Promise<InRecord[]> {
  const offsets = await offsetsOf(driver, cluster, topic)
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

const unknownTopic = 3

async function offsetsOf(
  driver: ClientDriver,
  cluster: TestCluster,
  topic: string
): Promise<{ partition: number; earliest: number; latest: number }[]> {
  const admin = await driver.admin(cluster.bootstrap)
  try {
    return await admin.listOffsets(topic)
  } catch (error) {
    if (error instanceof ClientFailure && error.error.code === unknownTopic) return []
    throw error
  } finally {
    await admin.close()
  }
}

/**
 * The committed records of a topic with one partition that is written in transactions. It writes a record of its own
 * to know the end, and so fails when a transaction was left open.
 */
export async function readCommitted(driver: ClientDriver, cluster: TestCluster, topic: string): Promise<InRecord[]> {
  const end = Buffer.from('the end')
  const producer = await driver.producer(cluster.bootstrap, { acks: 'all', idempotence: false, codec: 'none' })
  await producer.send([{ topic, partition: 0, key: null, value: end }])
  await producer.close()
  const consumer = await driver.consumer(cluster.bootstrap, {
    groupId: `reader-${randomBytes(5).toString('hex')}`,
    partitions: [{ topic, partition: 0 }],
    committedOnly: true
  })
  const records: InRecord[] = []
  for (;;) {
    const [record] = await consumer.read(1, readTimeoutMs)
    if (record === undefined) throw new Error(`the end of ${topic} cannot be read: a transaction is open`)
    if (record.value?.equals(end) === true) break
    records.push(record)
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
