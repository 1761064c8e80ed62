import { describe, expect, it } from 'vitest'
import { codecs } from '../../../protocol/records/batch.ts'
import { apis, batchOf, produceOf, produceTo, startHarness } from './harness.ts'

const topic = 'orders'

describe('Produce', () => {
  it.each(codecs)('stores a %s batch as it came, but for its offset', async (codec) => {
    const { broker, connection } = await startHarness({ topics: [{ name: topic }] })
    await produceTo(connection, topic, batchOf(['first']))
    const batch = batchOf(['a', 'b'], { codec })
    expect(await produceTo(connection, topic, batch)).toMatchObject({
      errorCode: 0,
      baseOffset: 1n,
      logAppendTimeMs: -1n,
      logStartOffset: 0n,
      recordErrors: [],
      errorMessage: null
    })
    const stored = broker.topics.batches(topic)[1]!
    expect(stored.subarray(16)).toEqual(batch.subarray(16))
    expect(stored.readBigInt64BE(0)).toBe(1n)
    expect(broker.topics.records(topic).map((r) => String(r.value))).toEqual(['first', 'a', 'b'])
  })

  it('gives every record the time of the append where the topic says so, whatever the producer wrote', async () => {
    const configs = { 'message.timestamp.type': 'LogAppendTime' }
    const { broker, clock, connection } = await startHarness({ topics: [{ name: topic, configs }] })
    const longAgoAndFarAhead = [1_000, clock.nowMs() + 10 * 86_400_000]
    for (const timestamp of longAgoAndFarAhead) {
      const answer = await produceTo(connection, topic, batchOf(['a', 'b'], { timestamp, codec: 'zstd' }))
      expect(answer).toMatchObject({ errorCode: 0, logAppendTimeMs: BigInt(clock.nowMs()) })
      const stored = broker.topics.records(topic).slice(-2)
      expect(stored.map((r) => r.timestamp)).toEqual([clock.nowMs(), clock.nowMs()])
      expect(stored.map((r) => String(r.value))).toEqual(['a', 'b'])
    }
  })

  it('fails each partition for itself, in the order of the request', async () => {
    const { broker, connection } = await startHarness({ topics: [{ name: topic, partitions: 2 }] })
    const answer = await connection.call(apis.produce, {
      acks: 1,
      timeoutMs: 1000,
      topicData: [
        { name: 'missing', partitionData: [{ index: 0, records: batchOf(['x']) }] },
        {
          name: topic,
          partitionData: [1, 7, 0].map((index) => ({ index, records: index === 0 ? null : batchOf(['x']) }))
        }
      ]
    })
    expect(answer.responses.map((t) => [t.name, t.partitionResponses.map((p) => [p.index, p.errorCode])])).toEqual([
      ['missing', [[0, 3]]],
      [
        topic,
        [
          [1, 0],
          [7, 3],
          [0, 87]
        ]
      ]
    ])
    expect([0, 1].map((p) => broker.topics.endOffset(topic, p))).toEqual([0, 1])
  })

  it('does not create topics', async () => {
    const { broker, connection } = await startHarness()
    expect(await produceTo(connection, 'new', batchOf(['a']))).toMatchObject({
      errorCode: 3,
      baseOffset: -1n,
      logAppendTimeMs: -1n,
      logStartOffset: -1n
    })
    expect(broker.topics.names()).toEqual([])
  })

  it('names the records at fault from version 8 on', async () => {
    const { connection } = await startHarness({ topics: [{ name: topic, configs: { 'cleanup.policy': 'compact' } }] })
    const refused = await produceTo(connection, topic, batchOf(['a', 'b']))
    expect(refused).toMatchObject({ errorCode: 87, errorMessage: '2 records were refused' })
    expect(refused.recordErrors.map((r) => r.batchIndex)).toEqual([0, 1])
    expect(await produceTo(connection, topic, batchOf(['a']), { version: 7 })).toMatchObject({
      errorCode: 87,
      recordErrors: []
    })
  })

  it('answers a repeated batch with its first offset and appends nothing', async () => {
    const { broker, connection } = await startHarness({ topics: [{ name: topic }] })
    const batch = batchOf(['a', 'b'], { producerId: 5n, producerEpoch: 0, baseSequence: 0 })
    await produceTo(connection, topic, batchOf(['x']))
    expect(await produceTo(connection, topic, batch)).toMatchObject({ errorCode: 0, baseOffset: 1n })
    expect(await produceTo(connection, topic, batch)).toMatchObject({ errorCode: 0, baseOffset: 1n })
    expect(broker.topics.endOffset(topic)).toBe(3)
  })

  it('refuses gaps and old epochs, and a refused batch leaves no trace', async () => {
    const { broker, connection } = await startHarness({ topics: [{ name: topic }] })
    const send = (baseSequence: number, producerEpoch = 1, values = ['a']) =>
      produceTo(connection, topic, batchOf(values, { producerId: 5n, producerEpoch, baseSequence }))
    expect((await send(0)).errorCode).toBe(0)
    expect((await send(2)).errorCode).toBe(45)
    expect((await send(1, 0)).errorCode).toBe(47)
    expect((await send(0, 2)).errorCode).toBe(0)
    expect(broker.topics.endOffset(topic)).toBe(2)
    broker.topics.forgetProducer(topic, 0, 5n)
    expect((await send(40)).errorCode).toBe(0)
  })

  it('is silent with acks=0, and closes the connection when a partition fails', async () => {
    const { broker, connection } = await startHarness({ topics: [{ name: topic }] })
    await connection.send(apis.produce, produceOf(topic, batchOf(['a']), { acks: 0 }))
    await connection.call(apis.describeCluster, {})
    expect(broker.topics.endOffset(topic)).toBe(1)
    const closed = new Promise((resolve) => connection.onClose((reason) => resolve(reason.fault)))
    await connection.send(apis.produce, produceOf('missing', batchOf(['a']), { acks: 0 }))
    expect(await closed).toBe('closed')
  })

  it('refuses acks that do not exist, and transactions', async () => {
    const { broker, connection } = await startHarness({ topics: [{ name: topic }] })
    expect(await produceTo(connection, topic, batchOf(['a']), { acks: 2 })).toMatchObject({ errorCode: 21 })
    const transactional = batchOf(['a'], { producerId: 5n, producerEpoch: 0, baseSequence: 0, transactional: true })
    expect(await produceTo(connection, topic, transactional, { transactionalId: 't' })).toMatchObject({ errorCode: 53 })
    expect(await produceTo(connection, topic, transactional)).toMatchObject({ errorCode: 53 })
    expect(broker.topics.endOffset(topic)).toBe(0)
  })

  it('has one replica: acks=all is refused when the topic wants more, acks=1 is not', async () => {
    const { connection } = await startHarness({ topics: [{ name: topic, configs: { 'min.insync.replicas': '2' } }] })
    expect(await produceTo(connection, topic, batchOf(['a']))).toMatchObject({ errorCode: 19 })
    expect(await produceTo(connection, topic, batchOf(['a']), { acks: 1 })).toMatchObject({ errorCode: 0 })
  })

  it('tells where the log starts after retention', async () => {
    const { connection } = await startHarness({ topics: [{ name: topic }], retentionBytesPerPartition: 1 })
    await produceTo(connection, topic, batchOf(['a']))
    expect(await produceTo(connection, topic, batchOf(['b']))).toMatchObject({ baseOffset: 1n, logStartOffset: 1n })
  })
})
