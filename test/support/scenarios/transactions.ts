/**
 * Transactions: what is committed is seen, what is aborted is not, a group's positions move with it, and a second
 * producer of the same id fences the first.
 */
import type { OutRecord } from '../clients/driver.ts'
import { byPartition, epochMs } from './produce.ts'
import { offsetsOf, readBack, type Scenario } from './scenario.ts'

const records = (topic: string, words: string[]): OutRecord[] =>
  words.map((word, index) => ({
    topic,
    partition: index % 2,
    key: Buffer.from(word),
    value: Buffer.from(word),
    timestamp: epochMs + index
  }))

export const commitAndAbort: Scenario = {
  name: 'transactions that commit and that abort',
  async run(scene) {
    const topic = await scene.topic('transactions', 2)
    const producer = await scene.producer({ idempotence: true, transactionalId: scene.named('writer'), codec: 'gzip' })
    const ends = { first: 'commit', second: 'abort', third: 'commit', fourth: 'abort' } as const
    for (const [word, end] of Object.entries(ends)) {
      const batch = records(topic, [`${word}-a`, `${word}-b`, `${word}-c`])
      await scene.try(`${word}: begin`, () => producer.begin())
      await scene.try(`${word}: send`, async () => offsetsOf(await producer.send(batch)))
      await scene.try(`${word}: ${end}`, () => producer[end]())
    }
    scene.note('committed', readBack(await scene.readAll(topic, 2, 6, true)))
    scene.note('all', readBack(await scene.readAll(topic, 2, 12)))
    // Twelve records and a marker of each transaction in both partitions.
    await scene.untilWritten(topic, 20)
    scene.note('offsets', byPartition(await scene.admin.listOffsets(topic)))
  }
}

export const offsetsInTransaction: Scenario = {
  name: "a group's positions inside a transaction",
  async run(scene) {
    const input = await scene.topic('input')
    const output = await scene.topic('output', 2)
    const groupId = scene.named('copiers')
    const feed = await scene.producer()
    await feed.send(
      ['a', 'b', 'c', 'd'].map((word, index) => ({
        topic: input,
        partition: 0,
        key: null,
        value: Buffer.from(word),
        timestamp: epochMs + index
      }))
    )
    const consumer = await scene.consumer({ groupId, topics: [input], committedOnly: true })
    const producer = await scene.producer({ idempotence: true, transactionalId: scene.named('copier') })
    for (const end of ['commit', 'abort'] as const) {
      const read = await consumer.read(2)
      await producer.begin()
      const copies = read.map(({ value }) => value?.toString() ?? '')
      await scene.try(`${end}: send`, async () => offsetsOf(await producer.send(records(output, copies))))
      await scene.try(`${end}: positions`, () => producer.sendOffsets(consumer))
      await scene.try(end, () => producer[end]())
      // Positions are there with the marker; those of the aborted one must not come.
      await scene.settled(async () => (await scene.admin.groupOffsets(groupId, input)).length > 0)
      scene.note(`${end}: committed positions`, await scene.admin.groupOffsets(groupId, input))
    }
    scene.note('copied', readBack(await scene.readAll(output, 2, 2, true)))
  }
}

export const fencing: Scenario = {
  name: 'a second producer of a transactional id',
  async run(scene) {
    const topic = await scene.topic('fenced', 2)
    const transactionalId = scene.named('only-one')
    const first = await scene.producer({ idempotence: true, transactionalId })
    await first.begin()
    await scene.try('first: send', async () => offsetsOf(await first.send(records(topic, ['old-a', 'old-b']))))
    const second = await scene.producer({ idempotence: true, transactionalId })
    // kafkajs asks for its producer id only when it begins.
    await second.begin()
    await scene.try('first: commit', () => first.commit())
    await scene.try('second: send', async () => offsetsOf(await second.send(records(topic, ['new-a', 'new-b']))))
    await scene.try('second: commit', () => second.commit())
    scene.note('committed', readBack(await scene.readAll(topic, 2, 2, true)))
  }
}
