import { describe, expect, it } from 'vitest'
import { readRecords } from '../../../protocol/records/batch.ts'
import { apis, batchOf, fetchFrom, fetchOf, produceTo, startHarness, type Harness } from './harness.ts'

const topic = 'orders'

async function withRecords(...batches: string[][]): Promise<Harness> {
  const harness = await startHarness({ topics: [{ name: topic, partitions: 2 }] })
  for (const values of batches) await produceTo(harness.connection, topic, batchOf(values))
  return harness
}

function valuesOf(records: Buffer | null): string[] {
  return readRecords(records!).map((r) => String(r.value))
}

describe('Fetch', () => {
  it('gives whole batches from the one that holds the offset, with the ends of the log', async () => {
    const { connection } = await withRecords(['a', 'b'], ['c'])
    const answer = await fetchFrom(connection, topic, 1n)
    expect(valuesOf(answer.records)).toEqual(['a', 'b', 'c'])
    expect(answer).toMatchObject({ errorCode: 0, highWatermark: 3n, lastStableOffset: 3n, logStartOffset: 0n })
  })

  it.each([4, 7, 11, 12])('v%i never opens a session', async (version) => {
    const { connection } = await withRecords(['a'])
    const answer = await connection.call(
      apis.fetch,
      { ...fetchOf(topic, 0n), sessionEpoch: version >= 7 ? 0 : -1 },
      { version }
    )
    expect(answer).toMatchObject({ sessionId: 0, errorCode: 0 })
  })

  it('does not know the session of anyone', async () => {
    const { connection } = await withRecords(['a'])
    const answer = await connection.call(
      apis.fetch,
      { ...fetchOf(topic, 0n), sessionId: 5, sessionEpoch: 1 },
      { version: 12 }
    )
    expect(answer).toMatchObject({ errorCode: 70, responses: [] })
  })

  it.each([-1n, 4n])('says that offset %i is outside the log', async (offset) => {
    const { connection } = await withRecords(['a', 'b', 'c'])
    expect(await fetchFrom(connection, topic, offset, { maxWaitMs: 10_000 })).toMatchObject({
      errorCode: 1,
      highWatermark: 3n
    })
  })

  it('answers an error at once, whatever the others wait for', async () => {
    const { connection } = await withRecords()
    const answer = await connection.call(
      apis.fetch,
      {
        ...fetchOf(topic, 0n, { maxWaitMs: 10_000 }),
        topics: [
          { topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 100 }] },
          { topic: 'missing', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 100 }] }
        ]
      },
      { version: 12 }
    )
    expect(answer.responses.map((t) => t.partitions[0]!.errorCode)).toEqual([0, 3])
  })

  it('finds topics by id from version 13 on', async () => {
    const { connection } = await withRecords(['a'])
    const { topics } = await connection.call(apis.metadata, { topics: [{ name: topic }] })
    const { topicId } = topics[0]!
    const ask = (id: string) =>
      connection.call(
        apis.fetch,
        {
          ...fetchOf(topic, 0n),
          topics: [{ topicId: id, partitions: fetchOf(topic, 0n).topics[0]!.partitions }]
        },
        { version: 15 }
      )
    const [found] = (await ask(topicId)).responses
    expect([found!.topicId, valuesOf(found!.partitions[0]!.records)]).toEqual([topicId, ['a']])
    expect((await ask('f'.repeat(32))).responses[0]!.partitions[0]!.errorCode).toBe(100)
  })

  it('keeps to both byte limits, but always gives something', async () => {
    const { broker, connection } = await withRecords(['a'], ['b'], ['c'])
    const size = broker.topics.batches(topic)[0]!.length
    const read = async (limits: Parameters<typeof fetchOf>[2]) =>
      valuesOf((await fetchFrom(connection, topic, 0n, limits)).records)
    expect(await read({ partitionMaxBytes: size * 2 })).toEqual(['a', 'b'])
    expect(await read({ maxBytes: size * 2 + 1 })).toEqual(['a', 'b'])
    expect(await read({ maxBytes: 1, partitionMaxBytes: 1 })).toEqual(['a'])
  })

  it('spends the limit of the request over the partitions in order', async () => {
    const { connection } = await withRecords(['a'])
    await produceTo(connection, topic, batchOf(['b']), { partition: 1 })
    const partitions = [0, 1].map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1000 }))
    const answer = await connection.call(
      apis.fetch,
      { ...fetchOf(topic, 0n, { maxBytes: 1 }), topics: [{ topic, partitions }] },
      {
        version: 12
      }
    )
    expect(answer.responses[0]!.partitions.map((p) => valuesOf(p.records))).toEqual([['a'], []])
  })

  it('waits for its time and then gives nothing', async () => {
    const { clock, connection, connect } = await withRecords()
    const other = await connect()
    let isAnswered = false
    const answer = fetchFrom(connection, topic, 0n, { maxWaitMs: 500 }).finally(() => (isAnswered = true))
    while (clock.pendingTimers === 0) await other.call(apis.describeCluster, {})
    clock.advance(499)
    await other.call(apis.describeCluster, {})
    expect(isAnswered).toBe(false)
    clock.advance(1)
    expect(await answer).toMatchObject({ errorCode: 0, records: Buffer.alloc(0) })
  })

  it('wakes up at an append, and goes on waiting while that is too little', async () => {
    const { clock, connection, connect } = await withRecords()
    const other = await connect()
    const size = batchOf(['a']).length
    const answer = fetchFrom(connection, topic, 0n, { maxWaitMs: 10_000, minBytes: size + 1 })
    while (clock.pendingTimers === 0) await other.call(apis.describeCluster, {})
    await produceTo(other, topic, batchOf(['a']))
    await produceTo(other, topic, batchOf(['b']))
    expect(valuesOf((await answer).records)).toEqual(['a', 'b'])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('ListOffsets', () => {
  const list = async ({ connection }: Harness, timestamp: bigint, version = 9) => {
    const body = { replicaId: -1, topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }] }
    const { topics } = await connection.call(apis.listOffsets, body, { version })
    const { errorCode, offset, timestamp: found, leaderEpoch } = topics[0]!.partitions[0]!
    return { errorCode, offset, found, leaderEpoch }
  }

  async function withTimes(): Promise<Harness> {
    const harness = await startHarness({ topics: [{ name: topic }], retentionBytesPerPartition: 1_000 })
    for (const timestamp of [100, 300, 200]) {
      await produceTo(harness.connection, topic, batchOf(['a', 'b'], { timestamp, codec: 'zstd' }))
    }
    return harness
  }

  it.each([
    ['the end', -1n, 6n, -1n],
    ['the start', -2n, 0n, -1n],
    ['the largest timestamp', -3n, 2n, 300n],
    ['the start of the local log', -4n, 0n, -1n],
    ['remote storage', -5n, -1n, -1n],
    ['a time before all', 0n, 0n, 100n],
    ['a time between', 101n, 2n, 300n],
    ['a time after all', 301n, -1n, -1n]
  ])('finds %s', async (_, timestamp, offset, found) => {
    expect(await list(await withTimes(), timestamp)).toEqual({
      errorCode: 0,
      offset,
      found,
      leaderEpoch: offset < 0n ? -1 : 0
    })
  })

  it('has no largest timestamp in an empty log', async () => {
    const harness = await startHarness({ topics: [{ name: topic }] })
    expect(await list(harness, -3n)).toMatchObject({ offset: -1n, found: -1n })
  })

  it('knows only what is there', async () => {
    expect(await list(await startHarness(), -1n)).toMatchObject({ errorCode: 3, offset: -1n })
  })
})
