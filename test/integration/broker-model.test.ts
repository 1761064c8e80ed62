/**
 * The simulation is worth as much as its model of the broker: the same batches are sent to both, and both must say the
 * same. Producers that go on, repeat, skip, rewind and bump their epochs, sequences that wrap, batches that are broken.
 */
import { crc32c } from '@node-rs/crc32'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildBatch } from '../../protocol/records/batch.ts'
import { KafkaClient } from '../../src/kafka/client.ts'
import { KafkaError } from '../../src/kafka/errors.ts'
import { PartitionModel } from '../simulation/broker.ts'
import type { Appended } from '../simulation/broker.ts'
import { Random } from '../simulation/random.ts'
import { addSequence } from '../simulation/sequences.ts'
import { describeKafka } from '../support/kafka.ts'

const stepsPerSeed = 250
const seeds = [1, 2]
const maxMessageBytes = 4_000
const highestSequence = 2 ** 31 - 1

interface ProducerPlace {
  readonly producerId: bigint
  epoch: number
  /** What would come next. */
  sequence: number
  /** The last ones, to be sent again. */
  readonly sent: { readonly epoch: number; readonly sequence: number; readonly count: number }[]
}

/** Field offsets of a batch, `DefaultRecordBatch`. */
const at = { baseOffset: 0, crc: 17, attributes: 21, lastOffsetDelta: 23, sequence: 53, recordCount: 57 }

function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(at.attributes)), at.crc)
  return batch
}

/** What goes wrong with a batch before it is sent, by name. */
const damages: Readonly<Record<string, (batch: Buffer) => Buffer>> = {
  'a wrong checksum': (batch) => {
    batch[at.crc]! ^= 1
    return batch
  },
  'a base offset': (batch) => {
    batch.writeBigInt64BE(7n, at.baseOffset)
    return batch
  },
  'more records than its offsets': (batch) => {
    batch.writeInt32BE(batch.readInt32BE(at.recordCount) + 1, at.recordCount)
    return sealed(batch)
  },
  'no records by its own account': (batch) => {
    batch.writeInt32BE(0, at.recordCount)
    batch.writeInt32BE(-1, at.lastOffsetDelta)
    return sealed(batch)
  },
  'a producer without a sequence': (batch) => {
    batch.writeInt32BE(-1, at.sequence)
    return sealed(batch)
  },
  'a control bit': (batch) => {
    batch.writeUInt16BE(batch.readUInt16BE(at.attributes) | 0b10_0000, at.attributes)
    return sealed(batch)
  }
}

for (const version of ['4.3.1', '3.9.2'] as const) {
  describeKafka('the model of the broker', { version, nodes: 1 }, (cluster) => {
    let client: KafkaClient
    beforeAll(() => {
      client = new KafkaClient({ bootstrapServers: cluster().bootstrap, clientId: 'model' })
    })
    afterAll(() => client.close())

    it.each(seeds)(
      'says what a broker says, seed %i',
      async (seed) => {
        const random = new Random(seed)
        const topic = `model-${version}-${seed}-${process.pid}-${Date.now()}`
        const configs = { 'max.message.bytes': String(maxMessageBytes) }
        const [created] = await client.createTopics([{ name: topic, partitions: 1, configs }])
        expect(created?.error).toBeNull()
        const model = new PartitionModel({ maxMessageBytes })
        const producers = await Promise.all(
          [0, 5, highestSequence - 20].map(async (sequence): Promise<ProducerPlace> => {
            const { producerId } = await client.initProducerId()
            return { producerId, epoch: 0, sequence, sent: [] }
          })
        )
        for (let step = 0; step < stepsPerSeed; step += 1) {
          const { what, batch } = nextBatch(random, producers)
          const expected = model.append(Buffer.from(batch), step)
          const found = await produced(client, topic, batch)
          expect({ step, what, ...found }).toEqual({ step, what, ...expected })
          if (step % 25 === 0) await compareProducers(client, topic, model, producers)
        }
        await compareProducers(client, topic, model, producers)
      },
      60_000
    )
  })
}

function nextBatch(random: Random, producers: readonly ProducerPlace[]): { what: string; batch: Buffer } {
  const producer = random.pick(producers)
  const count = random.whole(1, 4)
  const { producerId } = producer
  if (random.chance(0.05)) return { what: 'no producer id', batch: batchOf(count, -1n, -1, -1) }
  if (random.chance(0.03))
    return { what: 'too large', batch: batchOf(1, producerId, producer.epoch, producer.sequence, 5_000) }
  if (random.chance(0.12)) {
    const [what, damage] = random.pick(Object.entries(damages))
    return { what, batch: damage(batchOf(count, producerId, producer.epoch, producer.sequence)) }
  }
  if (producer.sent.length > 0 && random.chance(0.3)) {
    const { epoch, sequence, count: same } = random.pick(producer.sent)
    const again = random.chance(0.8) ? same : random.whole(1, 4)
    return { what: 'again', batch: batchOf(again, producerId, epoch, sequence) }
  }
  if (random.chance(0.08)) {
    const sequence = addSequence(producer.sequence, random.whole(1, 3))
    return { what: 'a gap', batch: batchOf(count, producerId, producer.epoch, sequence) }
  }
  if (random.chance(0.05)) {
    const sequence = random.pick([0, 0, 3])
    producer.epoch += 1
    producer.sequence = sequence
    if (sequence !== 0)
      return { what: 'a new epoch in the middle', batch: batchOf(count, producerId, producer.epoch, 3) }
  }
  const { epoch, sequence } = producer
  producer.sent.push({ epoch, sequence, count })
  if (producer.sent.length > 8) producer.sent.shift()
  producer.sequence = addSequence(sequence, count)
  return { what: 'next', batch: batchOf(count, producerId, epoch, sequence) }
}

function batchOf(count: number, producerId: bigint, producerEpoch: number, baseSequence: number, bytes = 3): Buffer {
  const value = Buffer.alloc(bytes, 'x')
  const records = Array.from({ length: count }, () => ({ key: null, value, timestamp: Date.now() }))
  return buildBatch({ records, producerId, producerEpoch, baseSequence })
}

async function produced(client: KafkaClient, topic: string, batch: Buffer): Promise<Appended> {
  try {
    const answer = await client.produce({ topic, partition: 0, batch })
    return { errorCode: 0, baseOffset: answer!.baseOffset }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return { errorCode: error.code, baseOffset: -1n }
  }
}

async function compareProducers(
  client: KafkaClient,
  topic: string,
  model: PartitionModel,
  producers: readonly ProducerPlace[]
): Promise<void> {
  const [described] = await client.describeProducers([{ topic, partition: 0 }])
  const told = new Map(described!.producers.map((each) => [each.producerId, each]))
  for (const { producerId } of producers) {
    const found = told.get(producerId)
    const epochs = Array.from({ length: 60 }, (_, epoch) => epoch)
    const known = epochs.flatMap((epoch) => {
      const last = model.lastSequence(producerId, epoch)
      return last === null ? [] : [{ epoch, last }]
    })
    expect(found === undefined ? [] : [{ epoch: found.producerEpoch, last: found.lastSequence }]).toEqual(known)
  }
}
