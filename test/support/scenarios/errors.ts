/**
 * Refusals of records: what each client reports, and that it goes on working afterwards.
 */
import type { OutRecord, ProducerOptions, TestProducer } from '../clients/driver.ts'
import { byPartition, epochMs } from './produce.ts'
import { offsetsOf, readBack, type Scenario, type Scene } from './scenario.ts'

const good = (topic: string, word: string): OutRecord => ({
  topic,
  partition: 0,
  key: Buffer.from(word),
  value: Buffer.from(word),
  timestamp: epochMs
})

/** Short: some of these are errors only after the client has waited for them. */
const waits: Partial<ProducerOptions> = { deliveryTimeoutMs: 2_000, requestTimeoutMs: 1_500 }

async function send(scene: Scene, step: string, producer: TestProducer, records: OutRecord[]): Promise<void> {
  scene.note(step, offsetsOf(await producer.send(records)))
}

/** What the broker refuses goes between two records that it takes. */
async function between(scene: Scene, topic: string, bad: OutRecord): Promise<void> {
  for (const idempotence of [false, true]) {
    const producer = await scene.producer({ ...waits, idempotence })
    await send(scene, `idempotence=${idempotence}: before`, producer, [good(topic, 'before')])
    await send(scene, `idempotence=${idempotence}: refused`, producer, [bad])
    await send(scene, `idempotence=${idempotence}: after`, producer, [good(topic, 'after')])
    await scene.closeNow(producer)
  }
  scene.note('read back', readBack(await scene.readAll(topic, 1, 4)))
}

export const unknownTopic: Scenario = {
  name: 'a topic and a partition that do not exist',
  async run(scene) {
    const topic = await scene.topic('there')
    const producer = await scene.producer(waits)
    await send(scene, 'before', producer, [good(topic, 'before')])
    await send(scene, 'unknown topic', producer, [good(scene.named('not-there'), 'lost')])
    await send(scene, 'unknown partition', producer, [{ ...good(topic, 'lost'), partition: 7 }])
    await send(scene, 'after', producer, [good(topic, 'after')])
    scene.note('offsets', await scene.admin.listOffsets(topic))
  }
}

export const tooLarge: Scenario = {
  name: "a record over the topic's limit",
  async run(scene) {
    const topic = await scene.topic('small', 1, { 'max.message.bytes': '2000' })
    await between(scene, topic, { ...good(topic, 'big'), value: Buffer.alloc(5_000, 'x') })
  }
}

export const invalidTimestamp: Scenario = {
  name: "a timestamp outside the topic's bounds",
  async run(scene) {
    // A year of 365 days: the fixed past of the good ones is inside for a long time, 2001 is not.
    const topic = await scene.topic('timely', 1, { 'message.timestamp.before.max.ms': String(100 * 365 * 86_400_000) })
    await scene.closeNow(await scene.producer())
    const future = { ...good(topic, 'future'), timestamp: 4_102_444_800_000 }
    await between(scene, topic, future)
  }
}

export const compactedWithoutKey: Scenario = {
  name: 'a record without key for a compacted topic',
  async run(scene) {
    const topic = await scene.topic('compacted', 1, { 'cleanup.policy': 'compact' })
    const bad = { ...good(topic, 'keyless'), key: null }
    await between(scene, topic, bad)
    // One bad record among good ones of the same batch.
    const producer = await scene.producer({ ...waits, lingerMs: 50 })
    await send(scene, 'in one batch', producer, [good(topic, 'a'), bad, good(topic, 'b')])
    scene.note('offsets', byPartition(await scene.admin.listOffsets(topic)))
  }
}

export const refusedInTransaction: Scenario = {
  name: 'a refused record in a transaction',
  async run(scene) {
    const topic = await scene.topic('compacted', 1, { 'cleanup.policy': 'compact' })
    const producer = await scene.producer({ ...waits, idempotence: true, transactionalId: scene.named('careless') })
    await scene.try('begin', () => producer.begin())
    await send(scene, 'refused', producer, [{ ...good(topic, 'keyless'), key: null }])
    await scene.try('abort', () => producer.abort())
    await scene.try('begin again', () => producer.begin())
    // librdkafka's next transaction fails here, on Kafka itself: it goes on after the refused record's sequence number.
    await send(scene, 'next', producer, [good(topic, 'keyed')])
    const committed = await scene.try('commit', () => producer.commit())
    scene.note('committed', readBack(await scene.readAll(topic, 1, committed ? 1 : 0, true)))
  }
}
