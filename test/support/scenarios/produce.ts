/**
 * Producing: every codec with every kind of acknowledgement, and what every shape of record looks like when read back.
 */
import { createHash } from 'node:crypto'
import { codecs, type OutRecord, type ProducerOptions } from '../clients/driver.ts'
import { offsetsOf, readBack, type Scenario } from './scenario.ts'

type Kind = Pick<ProducerOptions, 'acks' | 'idempotence'>

const kinds: Kind[] = [
  { acks: 0, idempotence: false },
  { acks: 1, idempotence: false },
  { acks: 'all', idempotence: false },
  { acks: 'all', idempotence: true }
]

/** Far enough back for any clock, and fixed: a transcript holds timestamps. */
export const epochMs = 1_767_225_600_000

/** One record of every shape that all clients can write. */
export function shapes(topic: string, partition: number, nullHeaders: boolean): OutRecord[] {
  const bytes = (text: string): Buffer => Buffer.from(text)
  const record = (index: number, rest: Partial<OutRecord>): OutRecord => ({
    topic,
    partition,
    key: bytes(`key-${index}`),
    value: bytes(`value-${index}`),
    timestamp: epochMs + index,
    ...rest
  })
  return [
    record(0, {}),
    record(1, { key: null }),
    record(2, { value: null }),
    record(3, { key: Buffer.alloc(0), value: Buffer.alloc(0) }),
    record(4, { value: Buffer.from('0011fffe00807f', 'hex') }),
    record(5, { value: Buffer.alloc(20_000, 'compressible ') }),
    record(6, {
      headers: [
        ['source', bytes('web')],
        ['trace', Buffer.from([0, 1, 255])],
        ['empty', bytes('')]
      ]
    }),
    record(7, {
      headers: [
        ['twice', bytes('first')],
        ['twice', bytes('second')]
      ]
    }),
    ...(nullHeaders
      ? [
          record(8, {
            headers: [
              ['none', null],
              ['some', bytes('x')],
              ['none', bytes('y')]
            ]
          })
        ]
      : [])
  ]
}

export const produceEveryWay: Scenario = {
  name: 'every codec with every kind of acknowledgement',
  async run(scene) {
    const ways = codecs.flatMap((codec) => kinds.map((kind) => ({ codec, ...kind })))
    const topic = await scene.topic('ways', ways.length)
    let expected = 0
    for (const [partition, way] of ways.entries()) {
      const producer = await scene.producer(way)
      const records = shapes(topic, partition, scene.driver.can.nullHeaders)
      const results = await producer.send(records)
      scene.note(`${way.codec} acks=${way.acks} idempotence=${way.idempotence}`, offsetsOf(results))
      await scene.closeNow(producer)
      expected += records.length
    }
    await scene.untilWritten(topic, expected)
    scene.note('read back', readBack(await scene.readAll(topic, ways.length, expected)))
    scene.note('offsets', byPartition(await scene.admin.listOffsets(topic)))
  }
}

export const produceMany: Scenario = {
  name: 'thousands of records in flight',
  async run(scene) {
    const partitions = 3
    const count = 3_000
    const topic = await scene.topic('many', partitions)
    for (const idempotence of [false, true]) {
      // kafkajs keeps an order only with one.
      const inflight = idempotence && scene.driver.name !== 'kafkajs' ? 5 : 1
      const batches = { batchRecords: 50, batchBytes: 2_000, lingerMs: 1 }
      const producer = await scene.producer({ ...batches, idempotence, inflight, codec: 'lz4' })
      const records = Array.from({ length: count }, (_, index): OutRecord => ({
        topic,
        partition: index % partitions,
        key: Buffer.from(String(index)),
        value: Buffer.from(`${idempotence} ${index}`),
        timestamp: epochMs + index
      }))
      scene.note(`idempotence=${idempotence}`, summary(offsetsOf(await producer.send(records))))
      await scene.closeNow(producer)
    }
    const { order, records } = readBack(await scene.readAll(topic, partitions, 2 * count))
    const contents = records.map(({ offset, value }) => `${offset} ${value?.toString() ?? ''}`)
    scene.note('read back', { order, contents: summary(contents) })
    scene.note('offsets', byPartition(await scene.admin.listOffsets(topic)))
  }
}

export const produceLarge: Scenario = {
  name: 'records close to the largest allowed',
  async run(scene) {
    const topic = await scene.topic('large', 1)
    // Not compressible, so that its size on the wire is its size.
    const hash = (index: number): Buffer => createHash('sha256').update(String(index)).digest()
    const noise = Buffer.concat(Array.from({ length: 28_000 }, (_, index) => hash(index)))
    for (const codec of codecs) {
      const producer = await scene.producer({ codec, maxRequestBytes: 1_040_000, batchRecords: 1, inflight: 1 })
      const results = await producer.send(
        [0, 1, 2].map((index) => ({
          topic,
          partition: 0,
          key: null,
          value: noise.subarray(index),
          timestamp: epochMs
        }))
      )
      scene.note(codec, offsetsOf(results))
      await scene.closeNow(producer)
    }
    scene.note('read back', readBack(await scene.readAll(topic, 1, 3 * codecs.length)))
  }
}

/** A long list in two words: how long, and whether it is the same. */
function summary(list: readonly unknown[]): { count: number; digest: string } {
  return { count: list.length, digest: createHash('sha256').update(JSON.stringify(list)).digest('hex').slice(0, 16) }
}

export function byPartition<T extends { partition: number }>(list: readonly T[]): T[] {
  return [...list].sort((left, right) => left.partition - right.partition)
}
