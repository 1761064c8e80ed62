/**
 * Our own writers and readers on real Kafka: the log of one partition that the ledger is kept in, transactions, and
 * what brokers tell of producers.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { apiKeys } from '../../protocol/messages/api-table.ts'
import { buildBatch, type NewRecord } from '../../protocol/records/batch.ts'
import { KafkaClient, type Isolation, type NewTopic } from '../../src/kafka/client.ts'
import { readFetched } from '../../src/kafka/fetched-records.ts'
import { LogTail, type LogTailOptions } from '../../src/kafka/log-tail.ts'
import { LogWriter } from '../../src/kafka/log-writer.ts'
import { TransactionalWriter, type TransactionalWriterOptions } from '../../src/kafka/transactional-writer.ts'
import { KafkaLedgerLog } from '../../src/quarantine/ledger-log.ts'
import { KafkaProducerStates } from '../../src/quarantine/producer-states.ts'
import { deleteTopic } from '../support/delete-topic.ts'
import { describeKafka } from '../support/kafka.ts'
import { startKafkaRelay } from '../support/kafka-relay.ts'

const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function newClient(bootstrapServers: readonly string[]): KafkaClient {
  const client = new KafkaClient({ bootstrapServers, clientId: 'test', requestTimeoutMs: 10_000 })
  closers.push(() => client.close())
  return client
}

let topics = 0
async function newTopic(client: KafkaClient, options: Omit<NewTopic, 'name'> = {}): Promise<string> {
  const name = `client-${process.pid}-${Date.now()}-${topics++}`
  const [created] = await client.createTopics([{ name, partitions: 1, ...options }])
  expect(created!.error).toBeNull()
  const partitions = Array.from({ length: options.partitions ?? 1 }, (_, partition) => partition)
  const areLed = () =>
    client.listOffsets(partitions.map((partition) => ({ topic: name, partition, time: 'latest' as const }))).then(
      (found) => found.every((p) => p.error === null),
      () => false
    )
  await expect.poll(areLed, { timeout: 20_000 }).toBe(true)
  return name
}

interface Seen {
  readonly offset: number
  readonly key: string
  readonly value: string | null
}

async function newTail(
  bootstrapServers: readonly string[],
  topic: string,
  options: Partial<LogTailOptions> = {}
): Promise<{ tail: LogTail; seen: Seen[]; resets: () => number }> {
  const seen: Seen[] = []
  let resets = 0
  const tail = new LogTail({
    client: newClient(bootstrapServers),
    topic,
    onRecord: ({ offset, key, value }) =>
      seen.push({ offset: Number(offset), key: String(key), value: value === null ? null : String(value) }),
    onReset: () => {
      resets++
      seen.length = 0
    },
    giveUpAfterMs: 30_000,
    ...options
  })
  closers.push(() => tail.close())
  await tail.start()
  return { tail, seen, resets: () => resets }
}

async function valuesIn(client: KafkaClient, topic: string, isolation: Isolation, partition = 0): Promise<string[]> {
  const values: string[] = []
  for (let offset = 0n; ;) {
    const [fetched] = await client.fetch({ partitions: [{ topic, partition, offset }], isolation, maxWaitMs: 10 })
    expect(fetched!.error).toBeNull()
    const { records, nextOffset } = readFetched(fetched!, offset, isolation)
    if (nextOffset === offset) return values
    values.push(...records.map(({ value }) => String(value)))
    offset = nextOffset
  }
}

function records(...values: string[]): NewRecord[] {
  return values.map((value) => ({ key: Buffer.from(value), value: Buffer.from(value), timestamp: Date.now() }))
}

const oneNode = {
  version: '4.3.1',
  nodes: 1,
  config: {
    'log.cleaner.backoff.ms': '100',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '200'
  }
} as const

describeKafka('our client', oneNode, (cluster) => {
  describe('LogWriter', () => {
    it('writes each record once and in order while requests and answers are lost', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client)
      const relay = await startKafkaRelay(cluster().nodes[0]!)
      closers.push(() => relay.close())
      let produced = 0
      relay.lose = (apiKey) => {
        if (apiKey !== apiKeys.produce) return null
        produced++
        return produced % 4 === 2 ? 'answer' : produced % 7 === 3 ? 'request' : null
      }
      const writer = new LogWriter({ client: newClient([relay.address]), topic, giveUpAfterMs: 60_000 })
      closers.push(() => writer.close())
      const told: [number, Seen][] = []
      const append = async (n: number): Promise<void> => {
        const [key, value] = [`k${n % 5}`, String(n)]
        const offset = await writer.append(Buffer.from(key), Buffer.from(value))
        told.push([n, { offset: Number(offset), key, value }])
      }
      // The first of a round leaves alone; the others gather while it is under way.
      for (let n = 0; n < 100; n += 5) await Promise.all([n, n + 1, n + 2, n + 3, n + 4].map(append))
      const { seen } = await newTail(cluster().bootstrap, topic)
      expect(produced).toBeGreaterThan(15)
      const numbers = seen.map(({ value }) => Number(value))
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
      expect(seen.map(({ offset }) => offset)).toEqual(seen.map((_, index) => index))
      // Where a value was overtaken on the way, its caller is told the place of the newer one of its key.
      for (const [n, { offset, key }] of told) {
        expect(seen[offset]!.key).toBe(key)
        expect(Number(seen[offset]!.value)).toBeGreaterThanOrEqual(n)
      }
      const [described] = await client.describeProducers([{ topic, partition: 0 }])
      // One producer, one epoch: no repeat was taken for something new.
      expect(described!.producers).toMatchObject([{ producerEpoch: 0, lastSequence: seen.length - 1 }])
    })

    it('goes on after the broker was killed and started again', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client)
      const writer = new LogWriter({ client, topic, giveUpAfterMs: 60_000 })
      closers.push(() => writer.close())
      const { tail, seen } = await newTail(cluster().bootstrap, topic)
      await writer.append(Buffer.from('k'), Buffer.from('0'))
      await cluster().nodes[0]!.kill()
      const during = writer.append(Buffer.from('k'), Buffer.from('1'))
      await cluster().nodes[0]!.start()
      expect(await during).toBe(1n)
      expect(await writer.append(Buffer.from('k'), Buffer.from('2'))).toBe(2n)
      await tail.sync()
      expect(seen.map(({ value }) => value)).toEqual(['0', '1', '2'])
    })

    it('is told at once that a record is too large, and goes on', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client, { configs: { 'max.message.bytes': '2000' } })
      const writer = new LogWriter({ client, topic })
      closers.push(() => writer.close())
      await writer.append(Buffer.from('k'), Buffer.from('0'))
      const tooLarge = writer.append(Buffer.from('k'), Buffer.alloc(3_000))
      await expect(tooLarge).rejects.toMatchObject({ fault: 'refused', lasting: true, code: 10 })
      expect(await writer.append(Buffer.from('k'), Buffer.from('1'))).toBe(1n)
    })
  })

  describe('LogTail', () => {
    it('reads what compaction has left, and reaches the end', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client, {
        configs: {
          'cleanup.policy': 'compact',
          'segment.ms': '100',
          'min.cleanable.dirty.ratio': '0.01',
          'message.timestamp.type': 'LogAppendTime'
        }
      })
      const writer = new LogWriter({ client, topic })
      closers.push(() => writer.close())
      for (let n = 0; n < 30; n++) {
        await writer.append(Buffer.from(`k${n % 3}`), Buffer.from(String(n)))
        if (n % 10 === 9) await sleep(150)
      }
      await writer.append(Buffer.from('last'), null)
      await expect
        .poll(async () => (await valuesIn(client, topic, 'uncommitted')).length, { timeout: 20_000, interval: 200 })
        .toBeLessThan(10)
      const { tail, seen } = await newTail(cluster().bootstrap, topic)
      expect(tail.position).toBe(31n)
      expect(new Map(seen.map(({ key, value }) => [key, value]))).toEqual(
        new Map([
          ['k0', '27'],
          ['k1', '28'],
          ['k2', '29'],
          ['last', null]
        ])
      )
      expect(seen.map(({ offset }) => offset)).toEqual(seen.map(({ offset }) => offset).sort((a, b) => a - b))
    })

    it('begins again when the topic is deleted and created anew, however fast it grows', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client)
      const first = new LogWriter({ client, topic })
      await first.append(Buffer.from('k'), Buffer.from('old'))
      first.close()
      const { tail, seen, resets } = await newTail(cluster().bootstrap, topic)
      await deleteTopic(cluster().bootstrap[0]!, topic)
      await expect
        .poll(async () => (await client.createTopics([{ name: topic, partitions: 1 }]))[0]!.error, { timeout: 10_000 })
        .toBeNull()
      const writer = new LogWriter({ client, topic, giveUpAfterMs: 20_000 })
      closers.push(() => writer.close())
      await Promise.all(['a', 'b', 'c'].map((v) => writer.append(Buffer.from(v), Buffer.from(v))))
      await expect.poll(resets, { timeout: 20_000 }).toBe(1)
      await tail.sync()
      expect(seen.map(({ value }) => value)).toEqual(['a', 'b', 'c'])
    })
  })

  describe('TransactionalWriter', () => {
    function newWriter(options: Partial<TransactionalWriterOptions> & { readonly transactionalId: string }) {
      const writer = new TransactionalWriter({ client: newClient(cluster().bootstrap), ...options })
      closers.push(() => writer.close())
      return writer
    }

    it('commits all or nothing, over several partitions and transactions', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client, { partitions: 2 })
      const writer = newWriter({ transactionalId: topic })
      for (const [round, outcome] of (['commit', 'abort', 'commit', 'abort', 'commit'] as const).entries()) {
        await writer.begin()
        await Promise.all([0, 1].map((p) => writer.send(topic, p, records(`${round}a`, `${round}b`))))
        const { baseOffset } = await writer.send(topic, 0, records(`${round}c`))
        // Three records and a marker a round.
        expect(baseOffset).toBe(BigInt(round * 4 + 2))
        await writer[outcome]()
      }
      const committed = (...suffixes: string[]) => [0, 2, 4].flatMap((round) => suffixes.map((s) => `${round}${s}`))
      expect(await valuesIn(client, topic, 'committed', 0)).toEqual(committed('a', 'b', 'c'))
      expect(await valuesIn(client, topic, 'committed', 1)).toEqual(committed('a', 'b'))
      expect(await valuesIn(client, topic, 'uncommitted', 0)).toHaveLength(15)
      // One producer id and epoch throughout: a transactions-v1 producer, whatever the broker offers.
      const [described] = await client.describeProducers([{ topic, partition: 0 }])
      expect(described!.producers).toMatchObject([{ producerEpoch: 0, lastSequence: 14 }])
    })

    it('writes once when answers are lost', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client)
      const relay = await startKafkaRelay(cluster().nodes[0]!)
      closers.push(() => relay.close())
      const counts = new Map<number, number>()
      const losing: readonly number[] = [
        apiKeys.produce,
        apiKeys.endTxn,
        apiKeys.addPartitionsToTxn,
        apiKeys.initProducerId,
        apiKeys.findCoordinator
      ]
      relay.lose = (apiKey) => {
        if (!losing.includes(apiKey)) return null
        const count = (counts.get(apiKey) ?? 0) + 1
        counts.set(apiKey, count)
        return count % 3 === 1 ? 'answer' : count % 5 === 0 ? 'request' : null
      }
      const writer = newWriter({ client: newClient([relay.address]), transactionalId: topic })
      for (let round = 0; round < 8; round++) {
        await writer.begin()
        await writer.send(topic, 0, records(`${round}a`))
        await writer.send(topic, 0, records(`${round}b`))
        await (round % 3 === 2 ? writer.abort() : writer.commit())
      }
      const expected = [0, 1, 3, 4, 6, 7].flatMap((round) => [`${round}a`, `${round}b`])
      await expect.poll(() => valuesIn(client, topic, 'committed')).toEqual(expected)
      expect(Math.min(...losing.map((key) => counts.get(key) ?? 0))).toBeGreaterThan(0)
    })

    it('fences the writer before it, whose open transaction is aborted', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client)
      const first = newWriter({ transactionalId: topic })
      await first.begin()
      await first.send(topic, 0, records('first'))
      const second = newWriter({ transactionalId: topic })
      await second.begin()
      await expect(first.send(topic, 0, records('late'))).rejects.toMatchObject({ fault: 'fenced' })
      await expect(first.commit()).rejects.toMatchObject({ fault: 'fenced' })
      await second.send(topic, 0, records('second'))
      await second.commit()
      expect(await valuesIn(client, topic, 'committed')).toEqual(['second'])
    })

    it('is fenced by the coordinator when its transaction takes too long', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client)
      const writer = newWriter({ transactionalId: topic, transactionTimeoutMs: 500 })
      await writer.begin()
      await writer.send(topic, 0, records('late'))
      const end = async () =>
        (await client.listOffsets([{ topic, partition: 0, time: 'latest' }], { isolation: 'committed' }))[0]!.offset
      await expect.poll(end, { timeout: 20_000 }).toBe(2n)
      await expect(writer.commit()).rejects.toMatchObject({ fault: 'fenced' })
      const next = newWriter({ transactionalId: topic })
      await next.begin()
      await next.send(topic, 0, records('next'))
      await next.commit()
      expect(await valuesIn(client, topic, 'committed')).toEqual(['next'])
    })

    it('goes on after a refusal, and after a partition that is not there', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client, { configs: { 'max.message.bytes': '2000' } })
      const writer = newWriter({ transactionalId: topic, giveUpAfterMs: 1_000 })
      await writer.begin()
      await writer.send(topic, 0, records('a'))
      const tooLarge = writer.send(topic, 0, records('x'.repeat(3_000)))
      await expect(tooLarge).rejects.toMatchObject({ fault: 'abortable', code: 10 })
      await writer.abort()
      await writer.begin()
      await expect(writer.send(topic, 7, records('a'))).rejects.toMatchObject({ fault: 'abortable', code: 3 })
      await writer.abort()
      await writer.begin()
      await writer.send(topic, 0, records('b'))
      await writer.commit()
      expect(await valuesIn(client, topic, 'committed')).toEqual(['b'])
    })

    it('is read by a tail of committed records alone, in order, when it is committed', async () => {
      const client = newClient(cluster().bootstrap)
      const topic = await newTopic(client)
      const { tail, seen } = await newTail(cluster().bootstrap, topic, { isolation: 'committed' })
      const writer = newWriter({ transactionalId: topic })
      await writer.begin()
      await writer.send(topic, 0, records('aborted'))
      await tail.sync()
      await writer.abort()
      await writer.begin()
      await writer.send(topic, 0, records('a', 'b'))
      await tail.sync()
      expect(seen).toEqual([])
      await writer.commit()
      await expect.poll(() => seen.map(({ value }) => value)).toEqual(['a', 'b'])
    })
  })

  it('is told by the brokers how far each producer has come', async () => {
    const client = newClient(cluster().bootstrap)
    const topic = await newTopic(client, { partitions: 3 })
    const states = new KafkaProducerStates({ client })
    const { producerId, producerEpoch } = await client.initProducerId()
    for (const partition of [0, 1]) {
      const batch = buildBatch({ records: records('a', 'b', 'c'), producerId, producerEpoch, baseSequence: 0 })
      await client.produce({ topic, partition, batch })
    }
    const next = buildBatch({ records: records('d'), producerId, producerEpoch: producerEpoch + 1, baseSequence: 0 })
    await client.produce({ topic, partition: 1, batch: next })
    const ask = (partition: number, epoch: number) =>
      states.lastSequence({ topic, partition, producerId, producerEpoch: epoch })
    const asked = [ask(0, producerEpoch), ask(1, producerEpoch), ask(1, producerEpoch + 1), ask(2, producerEpoch)]
    expect(await Promise.all(asked)).toEqual([2, null, 0, null])
    await expect(ask(9, 0)).rejects.toMatchObject({ errorName: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })
})

describeKafka('the ledger log', { version: '4.3.1', nodes: 3 }, (cluster) => {
  it('is written once, and read whole and in order by everyone, while its leaders are killed and frozen', async () => {
    const { bootstrap, nodes } = cluster()
    const client = newClient(bootstrap)
    const topic = await newTopic(client, {
      replicationFactor: 3,
      configs: { 'cleanup.policy': 'compact', 'min.insync.replicas': '2' }
    })
    const logs = [0, 1].map(() => {
      const seen: Seen[] = []
      const log = new KafkaLedgerLog({
        kafka: { bootstrapServers: bootstrap, clientId: 'test' },
        topic,
        onRecord: ({ offset, key, value }) => {
          seen.push({ offset: Number(offset), key: String(key), value: String(value) })
        },
        onReset: () => seen.push({ offset: -1, key: 'reset', value: null })
      })
      closers.push(() => log.close())
      return { log, seen }
    })
    await Promise.all(logs.map(({ log }) => log.start()))
    const acknowledged: Seen[] = []
    let given = 0
    let isOver = false
    const writing = logs.map(async ({ log }, writer) => {
      for (let n = 0; !isOver; n++) {
        const [key, value] = [`${writer}-${n}`, String(n)]
        await log.append(Buffer.from(key), Buffer.from(value)).then(
          (offset) => acknowledged.push({ offset: Number(offset), key, value }),
          () => given++
        )
        await sleep(5)
      }
    })
    const leader = async () => {
      const { topics } = await client.metadata([topic])
      return nodes.find(({ id }) => id === topics[0]!.partitions[0]!.leaderId)!
    }
    const progress = async (): Promise<void> => {
      const before = acknowledged.length
      await expect.poll(() => acknowledged.length, { timeout: 40_000 }).toBeGreaterThan(before + 20)
    }
    await progress()
    const killed = await leader()
    await killed.kill()
    await progress()
    await killed.start()
    await progress()
    const frozen = await leader()
    await frozen.pause()
    await progress()
    await frozen.resume()
    // It still takes itself for the leader, and tells who asks it the end of the log as it was.
    const before = [...acknowledged]
    await Promise.all(logs.map(({ log }) => log.sync()))
    for (const { seen } of logs) expect(seen.length).toBeGreaterThanOrEqual(before.length)
    await progress()
    isOver = true
    await Promise.all(writing)
    await Promise.all(logs.map(({ log }) => log.sync()))

    const [{ seen: one }, { seen: other }] = logs as [(typeof logs)[0], (typeof logs)[0]]
    expect(other).toEqual(one)
    // Only the marks of the four syncs are handed to nobody.
    const offsets = one.map(({ offset }) => offset)
    expect(offsets).toEqual([...new Set(offsets)].sort((x, y) => x - y))
    expect(offsets.at(-1)! + 1 - offsets.length).toBeLessThanOrEqual(4)
    const byOffset = new Map(one.map((record) => [record.offset, record]))
    const keys = one.map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
    for (const record of acknowledged) expect(byOffset.get(record.offset)).toEqual(record)
    for (const writer of [0, 1]) {
      const numbers = one.filter(({ key }) => key.startsWith(`${writer}-`)).map(({ value }) => Number(value))
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    }
    expect(one.length).toBeLessThanOrEqual(acknowledged.length + given)
  })
})
