import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildBatch } from '../../../protocol/records/batch.ts'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { ChainId } from '../../../src/enforcement/ledger/ports.ts'
import { KafkaClient, type DescribedProducers, type TopicPartition } from '../../../src/kafka/client.ts'
import { ConnectionError, KafkaError } from '../../../src/kafka/errors.ts'
import { KafkaProducerStates } from '../../../src/quarantine/producer-states.ts'
import { FakeClock } from '../kafka/fake-clock.ts'

const topic = 'orders'

function chain(partition = 0, producerId = 1n, producerEpoch = 0): ChainId {
  return { topic, partition, producerId, producerEpoch }
}

interface Round {
  /** Partition numbers. */
  readonly asked: number[]
  /** Last sequence of producer 1, epoch 0, in all of them; or why not. */
  answer(outcome: number | Error | ((partition: number) => KafkaError | null)): Promise<void>
}

/** Answers when the test says so. */
class HeldClient {
  readonly rounds: Round[] = []

  describeProducers(wanted: readonly TopicPartition[]): Promise<DescribedProducers[]> {
    return new Promise((resolve, reject) => {
      this.rounds.push({
        asked: wanted.map((p) => p.partition),
        answer: async (outcome) => {
          if (outcome instanceof Error) reject(outcome)
          else {
            resolve(
              wanted.map((p) => ({
                ...p,
                error: typeof outcome === 'function' ? outcome(p.partition) : null,
                producers: [
                  {
                    producerId: 1n,
                    producerEpoch: 0,
                    lastSequence: typeof outcome === 'number' ? outcome : 5,
                    lastTimestampMs: 0n
                  }
                ]
              }))
            )
          }
          await turn()
        }
      })
    })
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

const notLeader = new KafkaError(6, { api: 'DescribeProducers', address: 'kafka:9092' })
const lost = new ConnectionError('closed', 'kafka:9092', 'the broker closed the connection')

describe('KafkaProducerStates', () => {
  let client: HeldClient
  let clock: FakeClock
  let states: KafkaProducerStates

  beforeEach(() => {
    client = new HeldClient()
    clock = new FakeClock()
    states = new KafkaProducerStates({ client, clock })
  })

  it('asks once for what is asked at the same time, whatever the partitions and producers', async () => {
    const answers = [chain(0), chain(1), chain(0), chain(0, 2n)].map((c) => states.lastSequence(c))
    await turn()
    expect(client.rounds.map((r) => r.asked)).toEqual([[0, 1]])
    await client.rounds[0]!.answer(41)
    expect(await Promise.all(answers)).toEqual([41, 41, 41, null])
  })

  it('gives nobody an answer that was asked for before', async () => {
    const first = states.lastSequence(chain())
    await turn()
    const later = [states.lastSequence(chain()), states.lastSequence(chain())]
    const elsewhere = states.lastSequence(chain(1))
    await turn()
    expect(client.rounds.map((r) => r.asked)).toEqual([[0], [1]])
    await client.rounds[0]!.answer(1)
    expect(client.rounds.map((r) => r.asked)).toEqual([[0], [1], [0]])
    await client.rounds[2]!.answer(2)
    await client.rounds[1]!.answer(3)
    expect(await first).toBe(1)
    expect(await Promise.all(later)).toEqual([2, 2])
    expect(await elsewhere).toBe(3)
  })

  it('knows nothing of another epoch, or of a producer that has only ended transactions', async () => {
    const answers = [chain(0, 1n, 1), chain(0)].map((c) => states.lastSequence(c))
    await turn()
    await client.rounds[0]!.answer(-1)
    expect(await Promise.all(answers)).toEqual([null, null])
  })

  it('asks again while the leader moves, only about the partitions concerned', async () => {
    const answers = [states.lastSequence(chain(0)), states.lastSequence(chain(1))]
    await turn()
    await client.rounds[0]!.answer((partition) => (partition === 1 ? notLeader : null))
    expect(await answers[0]).toBe(5)
    expect(client.rounds).toHaveLength(1)
    clock.advance(100)
    await turn()
    expect(client.rounds[1]!.asked).toEqual([1])
    await client.rounds[1]!.answer(8)
    expect(await answers[1]).toBe(8)
  })

  it('does not let a leader that is gone stand in the way of the others', async () => {
    const answers = [states.lastSequence(chain(0)), states.lastSequence(chain(1))]
    await turn()
    await client.rounds[0]!.answer(lost)
    expect(client.rounds.map((r) => r.asked)).toEqual([[0, 1], [0], [1]])
    await client.rounds[1]!.answer(lost)
    await client.rounds[2]!.answer(3)
    expect(await answers[1]).toBe(3)
    clock.advance(100)
    await turn()
    await client.rounds[3]!.answer(4)
    expect(await answers[0]).toBe(4)
  })

  it('gives up with the last error when the time is over, also on a broker that says nothing', async () => {
    const failing = states.lastSequence(chain(0))
    const rejected = expect(failing).rejects.toBe(notLeader)
    await turn()
    while (clock.nowMs() < 1_003_000) {
      await client.rounds.at(-1)!.answer(() => notLeader)
      clock.advance(Math.min(clock.nextDelayMs ?? 1, 1_003_000 - clock.nowMs()))
      await turn()
    }
    await rejected
    const silent = expect(states.lastSequence(chain(1))).rejects.toThrow('nobody told the producers of orders-1')
    await turn()
    clock.advance(3_000)
    await silent
    expect(clock.pendingTimers).toBeLessThanOrEqual(1)
  })

  it('passes on at once what will not pass, to those it was said to', async () => {
    const denied = new KafkaError(29, { api: 'DescribeProducers', address: 'kafka:9092' })
    const answers = [chain(0), chain(1)].map((c) => states.lastSequence(c))
    await turn()
    const rejected = expect(answers[0]).rejects.toBe(denied)
    await client.rounds[0]!.answer((partition) => (partition === 0 ? denied : null))
    await rejected
    expect(await answers[1]).toBe(5)
    expect(clock.pendingTimers).toBe(0)
    const again = states.lastSequence(chain(0))
    await turn()
    await client.rounds[1]!.answer(6)
    expect(await again).toBe(6)
  })

  it('takes no more questions than can be waited for', async () => {
    const many = Array.from({ length: 10_000 }, () => states.lastSequence(chain()))
    await expect(states.lastSequence(chain())).rejects.toThrow('10000 questions')
    await turn()
    await client.rounds[0]!.answer(1)
    expect(new Set(await Promise.all(many))).toEqual(new Set([1]))
    const one = states.lastSequence(chain())
    await turn()
    await client.rounds[1]!.answer(2)
    expect(await one).toBe(2)
  })
})

describe('KafkaProducerStates, before a broker', () => {
  let broker: EmbeddedBroker
  let client: KafkaClient

  beforeEach(async () => {
    broker = await startEmbeddedBroker({ topics: [{ name: topic, partitions: 2 }] })
    client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test' })
  })

  afterEach(async () => {
    client.close()
    await broker.close()
  })

  it('tells the sequence of the last record appended, per partition and epoch', async () => {
    const states = new KafkaProducerStates({ client })
    const { producerId } = await client.initProducerId()
    const send = (partition: number, producerEpoch: number, baseSequence: number, count: number) => {
      const records = Array.from({ length: count }, () => ({ key: null, value: null, timestamp: 1 }))
      return client.produce({
        topic,
        partition,
        batch: buildBatch({ records, producerId, producerEpoch, baseSequence })
      })
    }
    await send(0, 0, 0, 3)
    await send(0, 0, 3, 4)
    await send(1, 0, 0, 1)
    await send(1, 1, 0, 2)
    const asked = [chain(0, producerId), chain(1, producerId), chain(1, producerId, 1), chain(0, producerId + 1n)]
    expect(await Promise.all(asked.map((c) => states.lastSequence(c)))).toEqual([6, null, 1, null])
  })
})
