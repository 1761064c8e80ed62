import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildBatch } from '../../../protocol/records/batch.ts'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import { KafkaClient } from '../../../src/kafka/client.ts'
import { LogTail, type LogReadError, type LogTailOptions } from '../../../src/kafka/log-tail.ts'
import { deleteTopic } from '../../support/delete-topic.ts'

const topic = 'log'
let broker: EmbeddedBroker
let client: KafkaClient
let events: string[]
const tails: LogTail[] = []

beforeEach(async () => {
  broker = await startEmbeddedBroker({ topics: [{ name: topic }], autoCreateTopics: false })
  client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test' })
  events = []
})

afterEach(async () => {
  for (const tail of tails.splice(0)) tail.close()
  client.close()
  await broker.close()
})

function newTail(options: Partial<LogTailOptions> = {}): LogTail {
  const tail = new LogTail({
    client,
    topic,
    onRecord: ({ offset, key, value }) =>
      events.push(`${offset}:${String(key)}=${value === null ? '' : String(value)}`),
    onReset: () => events.push('reset'),
    giveUpAfterMs: 10_000,
    ...options
  })
  tails.push(tail)
  return tail
}

/** Another client's, so that nothing waits behind the tail's. */
async function write(...records: (readonly [key: string | null, value: string | null])[]): Promise<void> {
  const writer = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'writer' })
  const batch = buildBatch({
    records: records.map(([key, value]) => ({
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestamp: 77
    }))
  })
  await writer.produce({ topic, partition: 0, batch })
  writer.close()
}

function refusedWith(errorCode: number, { topics }: { readonly topics: readonly { readonly topicId: string }[] }) {
  const partitions = [{ partitionIndex: 0, errorCode, highWatermark: -1n }]
  return { responses: [{ topic, topicId: topics[0]!.topicId, partitions }] }
}

describe('LogTail', () => {
  it('has handed over all that was there when it has started, and goes on', async () => {
    await write(['a', '1'], ['b', null])
    const tail = newTail()
    await tail.start()
    expect(events).toEqual(['0:a=1', '1:b='])
    await write(['c', '3'])
    await tail.readThrough(2n)
    expect(events).toEqual(['0:a=1', '1:b=', '2:c=3'])
    expect(tail.position).toBe(3n)
  })

  it('tells time and bytes as they are', async () => {
    await write(['a', 'v'])
    const seen: unknown[] = []
    await newTail({ onRecord: (record) => seen.push(record) }).start()
    expect(seen).toEqual([{ offset: 0n, timestampMs: 77, key: Buffer.from('a'), value: Buffer.from('v') }])
  })

  it('passes over records without a key', async () => {
    await write(['a', '1'], [null, 'x'], ['b', '2'])
    const tail = newTail()
    await tail.start()
    expect(events).toEqual(['0:a=1', '2:b=2'])
  })

  it('starts with an empty log, and with one whose beginning is gone', async () => {
    const tail = newTail()
    await tail.start()
    expect(tail.position).toBe(0n)
    const small = await startEmbeddedBroker({ topics: [{ name: topic }], retentionBytesPerPartition: 100 })
    const other = new KafkaClient({ bootstrapServers: [small.address], clientId: 'test' })
    const batch = buildBatch({ records: [{ key: Buffer.from('k'), value: Buffer.alloc(80), timestamp: 1 }] })
    for (let i = 0; i < 5; i++) await other.produce({ topic, partition: 0, batch })
    const offsets: bigint[] = []
    await newTail({ client: other, onRecord: ({ offset }) => offsets.push(offset) }).start()
    expect(offsets).toEqual([4n])
    other.close()
    await small.close()
  })

  it('waits for a topic that is not there yet', async () => {
    const tail = newTail({ topic: 'later' })
    const started = tail.start()
    await new Promise((resolve) => setTimeout(resolve, 30))
    broker.topics.create({ name: 'later' })
    await started
    expect(tail.position).toBe(0n)
  })

  it('sync answers with what was in the log when it was called, not with what was known before', async () => {
    await write(['a', '1'])
    const tail = newTail()
    await tail.start()
    let asked = 0
    broker.intercept('listOffsets', (call) => {
      asked++
      return call.proceed()
    })
    await write(['b', '2'])
    await tail.sync()
    expect(events).toEqual(['0:a=1', '1:b=2'])
    expect(asked).toBe(1)
  })

  it('sync calls that come while one is being answered wait for a question of their own, which they share', async () => {
    const tail = newTail()
    await tail.start()
    const holds: (() => void)[] = []
    broker.intercept('listOffsets', async (call) => {
      const answer = await call.proceed()
      await new Promise<void>((resolve) => holds.push(resolve))
      return answer
    })
    const first = tail.sync()
    await expect.poll(() => holds.length).toBe(1)
    await write(['a', '1'])
    let isEarly = true
    const later = [tail.sync(), tail.sync(), tail.sync()].map((p) => p.then(() => isEarly))
    holds[0]!()
    await first
    await expect.poll(() => holds.length).toBe(2)
    isEarly = false
    holds[1]!()
    expect(await Promise.all(later)).toEqual([false, false, false])
    expect(events).toEqual(['0:a=1'])
    expect(holds).toHaveLength(2)
  })

  it('goes on after lost connections and brokers that say no, without leaving out or repeating anything', async () => {
    await write(['a', '1'])
    const troubles: unknown[] = []
    const tail = newTail({ onTrouble: (error) => troubles.push(error) })
    await tail.start()
    const faults = ['drop-connection', 6, 'drop-connection', 5] as const
    let next = 0
    const stop = broker.intercept('fetch', async (call) => {
      const fault = faults[next++]
      if (fault === undefined) return call.proceed()
      if (typeof fault === 'string') return fault
      return refusedWith(fault, call.request)
    })
    await write(['b', '2'])
    await tail.readThrough(1n)
    stop()
    expect(events).toEqual(['0:a=1', '1:b=2'])
    expect(troubles).toHaveLength(4)
  })

  it('begins again at the start when the log was replaced, also by one that is as long', async () => {
    await write(['a', '1'])
    const tail = newTail()
    await tail.start()
    const waiting = expect(tail.readThrough(7n)).rejects.toMatchObject({ name: 'LogReadError', fault: 'started-anew' })
    await deleteTopic(broker.address, topic)
    broker.topics.create({ name: topic })
    await write(['x', '1'], ['y', '2'])
    await waiting
    await tail.sync()
    expect(events).toEqual(['0:a=1', 'reset', '0:x=1', '1:y=2'])
  })

  it('tells nobody that an offset was read while the log may be another one', async () => {
    await write(['a', '1'], ['b', '2'], ['c', '3'])
    const troubles: unknown[] = []
    const tail = newTail({ onTrouble: (error) => troubles.push(error) })
    await tail.start()
    const release = Promise.withResolvers<undefined>()
    const stop = broker.intercept('metadata', async (call) => {
      await release.promise
      return call.proceed()
    })
    await deleteTopic(broker.address, topic)
    broker.topics.create({ name: topic })
    await expect.poll(() => troubles.length).toBeGreaterThan(0)
    let outcome = 'waits'
    const reading = tail.readThrough(0n).then(
      () => (outcome = 'read'),
      (error: unknown) => (outcome = (error as LogReadError).fault)
    )
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(outcome).toBe('waits')
    stop()
    release.resolve(undefined)
    expect(await reading).toBe('started-anew')
  })

  it('tells nobody anything more when its owner doubts, until the log has proved to be the same', async () => {
    await write(['a', '1'])
    const tail = newTail()
    await tail.start()
    let asked = 0
    const stop = broker.intercept('metadata', (call) => {
      asked++
      return call.proceed()
    })
    tail.doubt()
    await tail.readThrough(0n)
    expect(asked).toBe(1)
    stop()
    expect(events).toEqual(['0:a=1'])
  })

  it('begins again when what comes next is no longer in the log', async () => {
    await write(['a', '1'])
    const tail = newTail()
    await tail.start()
    const stop = broker.intercept('fetch', (call) => refusedWith(1, call.request))
    const stopOffsets = broker.intercept('listOffsets', (call) => {
      const { timestamp } = call.request.topics[0]!.partitions[0]!
      const offset = timestamp === -2n ? 5n : 9n
      return { topics: [{ name: topic, partitions: [{ partitionIndex: 0, errorCode: 0, timestamp: -1n, offset }] }] }
    })
    await expect.poll(() => events).toContain('reset')
    expect(tail.position).toBe(5n)
    stop()
    stopOffsets()
  })

  it('does not take a broker at its word that the offset is out of range when the log says otherwise', async () => {
    await write(['a', '1'])
    const tail = newTail()
    await tail.start()
    let left = 1
    broker.intercept('fetch', (call) => (left-- > 0 ? refusedWith(1, call.request) : call.proceed()))
    await write(['b', '2'])
    await tail.readThrough(1n)
    expect(events).toEqual(['0:a=1', '1:b=2'])
  })

  it('rejects what waits when the broker refuses for good, and goes on trying', async () => {
    const tail = newTail()
    await tail.start()
    const stop = broker.intercept('fetch', (call) => refusedWith(29, call.request))
    await expect(tail.readThrough(0n)).rejects.toMatchObject({ fault: 'refused' })
    stop()
    await write(['a', '1'])
    await tail.readThrough(0n)
    expect(events).toEqual(['0:a=1'])
  })

  it('says so when it may not even ask for the end', async () => {
    const stop = broker.intercept('listOffsets', () => ({
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, errorCode: 29, timestamp: -1n, offset: -1n }] }]
    }))
    const tail = newTail()
    await expect(tail.start()).rejects.toMatchObject({ fault: 'refused' })
    stop()
    await tail.start()
  })

  it('rejects what waits when a batch cannot be read, and does not go past it', async () => {
    const tail = newTail()
    await tail.start()
    const stop = broker.intercept('fetch', async (call) => {
      const answer = await call.proceed()
      if (typeof answer === 'string') return answer
      const records = answer.responses?.[0]?.partitions?.[0]?.records
      if (records != null && records.length > 61) records[records.length - 1]! ^= 1
      return answer
    })
    await write(['a', '1'])
    await expect(tail.readThrough(0n)).rejects.toMatchObject({ fault: 'refused' })
    expect(tail.position).toBe(0n)
    stop()
    await tail.readThrough(0n)
    expect(events).toEqual(['0:a=1'])
  })

  it('gives up waiting after a time, except for the start', async () => {
    const tail = newTail({ giveUpAfterMs: 30 })
    await tail.start()
    await expect(tail.readThrough(0n)).rejects.toMatchObject({ fault: 'timed-out' })
    const stop = broker.intercept('listOffsets', () => 'drop-connection')
    await expect(tail.sync()).rejects.toMatchObject({ fault: 'timed-out' })
    const again = tail.start()
    await new Promise((resolve) => setTimeout(resolve, 100))
    stop()
    await again
  })

  it('ends when its owner fails at a record, and tells everybody', async () => {
    const troubles: unknown[] = []
    const fault = new Error('no room')
    const tail = newTail({
      onRecord: () => {
        throw fault
      },
      onTrouble: (error) => troubles.push(error)
    })
    await write(['a', '1'])
    await expect(tail.start()).rejects.toMatchObject({ fault: 'closed', cause: fault })
    expect(troubles).toEqual([fault])
    await expect(tail.sync()).rejects.toMatchObject({ fault: 'closed' })
  })

  it('rejects what waits when it is closed', async () => {
    const tail = newTail()
    await tail.start()
    const waiting = expect(tail.readThrough(5n)).rejects.toMatchObject({ fault: 'closed' })
    tail.close()
    await waiting
    await expect(tail.sync()).rejects.toMatchObject({ fault: 'closed' })
    await expect(tail.start()).rejects.toMatchObject({ fault: 'closed' })
  })
})
