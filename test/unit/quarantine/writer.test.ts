import { randomBytes } from 'node:crypto'
import { setImmediate as nextRound } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { errorCodes } from '../../../protocol/errors.ts'
import { readBatches, readRecords } from '../../../protocol/records/batch.ts'
import { startEmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { EmbeddedBroker, EmbeddedBrokerOptions } from '../../../src/broker/embedded-broker.ts'
import type { QuarantineTarget } from '../../../src/contracts/judgement.ts'
import type { QuarantinedBatch, QuarantineOutcome } from '../../../src/enforcement/quarantine-port.ts'
import { KafkaClient } from '../../../src/kafka/client.ts'
import type { ProduceOptions } from '../../../src/kafka/client.ts'
import { ConnectionError, KafkaError } from '../../../src/kafka/errors.ts'
import { fromQuarantineRecord } from '../../../src/quarantine/record.ts'
import { NoQuarantineTopicError, TopicLookup } from '../../../src/quarantine/topic-lookup.ts'
import { QuarantineWriter } from '../../../src/quarantine/writer.ts'
import type { QuarantineWriterOptions } from '../../../src/quarantine/writer.ts'
import { Connection } from '../../../src/kafka/connection.ts'
import { apis } from '../broker/harness.ts'
import { FakeClock } from '../kafka/fake-clock.ts'

const target: QuarantineTarget = {
  topic: 'orders.quarantine',
  values: 'keep',
  transactions: 'reject',
  create: { partitions: 'same', replicationFactor: -1, retentionMs: 86_400_000, minInsyncReplicas: 2 }
}

function batchOf(values: readonly (string | Buffer | null)[], more: Partial<QuarantinedBatch> = {}): QuarantinedBatch {
  return {
    topic: 'orders',
    partition: 0,
    target,
    policy: { name: 'orders', version: '3f2a91c04b7e', file: 'orders.yaml' },
    producer: { clientId: 'c', principal: null },
    chain: null,
    digest: randomBytes(32).toString('hex'),
    records: values.map((value, index) => ({
      index,
      key: null,
      value: value === null ? null : Buffer.from(value),
      headers: [],
      timestampMs: 1,
      violations: [{ rule: 'r', path: 'value', message: 'is wrong' }]
    })),
    ...more
  }
}

const stored: QuarantineOutcome = { kind: 'stored' }

/** Until what was given to the writer is under way: it collects what comes in one round of the event loop. */
async function turn(): Promise<void> {
  await nextRound()
  await nextRound()
}

interface Sent {
  readonly topic: string
  readonly partition: number
  readonly values: readonly string[]
  readonly bytes: number
  readonly codec: string
}

type Answer = KafkaError | ConnectionError | null

/** A producer whose answers the test gives, one at a time. */
class Brokers {
  readonly sent: Sent[] = []
  readonly #answers: ((answer: Answer) => void)[] = []
  /** Answers at once where it is set. */
  rule: ((sent: Sent) => Answer) | null = null

  produce = ({ topic, partition, batch }: ProduceOptions): Promise<null> => {
    const values = readRecords(batch).map(({ value }) => String(value))
    const [read] = [...readBatches(batch)]
    const sent = { topic, partition, values, bytes: batch.length, codec: read!.header.codec }
    this.sent.push(sent)
    return new Promise((resolve, reject) => {
      const answer = (given: Answer): void => (given === null ? resolve(null) : reject(given))
      if (this.rule === null) this.#answers.push(answer)
      else answer(this.rule(sent))
    })
  }

  async answer(given: Answer = null): Promise<void> {
    this.#answers.shift()!(given)
    await turn()
  }

  get values(): string[] {
    return this.sent.map(({ values }) => values.join(''))
  }
}

function refusal(code: number): KafkaError {
  return new KafkaError(code, { api: 'Produce', address: 'broker:9092' })
}

const lost = new ConnectionError('timeout', 'broker:9092', 'no answer')

interface Setting {
  readonly brokers: Brokers
  readonly clock: FakeClock
  readonly writer: QuarantineWriter
  readonly forgotten: string[]
}

function setUp(partitions = 3, options: Partial<QuarantineWriterOptions> = {}): Setting {
  const brokers = new Brokers()
  const clock = new FakeClock()
  const forgotten: string[] = []
  const topics = {
    partitionsOf: () => Promise.resolve(partitions),
    forget: (topic: string) => forgotten.push(topic)
  } as unknown as TopicLookup
  return {
    brokers,
    clock,
    forgotten,
    writer: new QuarantineWriter({ client: brokers, topics, clock, gapMs: 0, ...options })
  }
}

describe('the quarantine writer', () => {
  it('stores the records of a batch together, with their headers', async () => {
    const { brokers, writer } = setUp()
    const outcome = writer.store(batchOf(['a', 'b', null], { partition: 7 }))
    await turn()
    expect(brokers.sent).toMatchObject([
      { topic: 'orders.quarantine', partition: 1, values: ['a', 'b', 'null'], codec: 'none' }
    ])
    await brokers.answer()
    expect(await outcome).toEqual(stored)
    expect(writer.waitingBytes).toBe(0)
  })

  it('has nothing to do for no records', async () => {
    const { brokers, writer } = setUp()
    expect(await writer.store(batchOf([]))).toEqual(stored)
    expect(brokers.sent).toEqual([])
  })

  it('sends what comes in one round of the event loop together, in order', async () => {
    const { brokers, writer } = setUp()
    const outcomes = [writer.store(batchOf(['a']))]
    for (let microtask = 0; microtask < 100; microtask++) await Promise.resolve()
    outcomes.push(writer.store(batchOf(['b', 'c'])))
    await turn()
    expect(brokers.values).toEqual(['abc'])
    await brokers.answer()
    expect(await Promise.all(outcomes)).toEqual([stored, stored])
  })

  it('sends what comes while a batch is under way in the next, one at a time, in order', async () => {
    const { brokers, writer } = setUp()
    const outcomes = [writer.store(batchOf(['a']))]
    await turn()
    for (const value of ['b', 'c', 'd']) outcomes.push(writer.store(batchOf([value])))
    await turn()
    expect(brokers.values).toEqual(['a'])
    await brokers.answer()
    expect(await outcomes[0]).toEqual(stored)
    expect(brokers.values).toEqual(['a', 'bcd'])
    await brokers.answer()
    expect(await Promise.all(outcomes)).toEqual([stored, stored, stored, stored])
  })

  it('writes to partitions side by side', async () => {
    const { brokers, writer } = setUp()
    void writer.store(batchOf(['a'], { partition: 0 }))
    void writer.store(batchOf(['b'], { partition: 1 }))
    await turn()
    expect(brokers.sent.map(({ partition }) => partition)).toEqual([0, 1])
  })

  it('cuts at 512 KiB, and a record above that goes alone', async () => {
    const { brokers, writer } = setUp()
    brokers.rule = () => null
    const sizes = [200, 200, 200, 700, 100, 100].map((kib) => 'x'.repeat(kib * 1024))
    expect(await writer.store(batchOf(sizes))).toEqual(stored)
    expect(brokers.sent.map(({ values }) => values.map((value) => value.length / 1024))).toEqual([
      [200, 200],
      [200],
      [700],
      [100, 100]
    ])
  })
})

describe('compression', () => {
  it('is for batches that are worth it', async () => {
    const { brokers, writer } = setUp()
    brokers.rule = () => null
    await writer.store(batchOf(['x'.repeat(1_000)]))
    await writer.store(batchOf(['x'.repeat(10_000)]))
    expect(brokers.sent.map(({ codec }) => codec)).toEqual(['none', 'zstd'])
    expect(brokers.sent[1]!.bytes).toBeLessThan(2_000)
  })
})

describe('lanes', () => {
  it('begin together, so that their batches share a request', async () => {
    const { brokers, writer } = setUp(3, { gapMs: 5 })
    const rounds: number[] = []
    let ofRound = 0
    brokers.rule = () => {
      if (ofRound++ === 0) setImmediate(() => rounds.push(ofRound) && (ofRound = 0))
      return null
    }
    await writer.store(batchOf(['a'], { partition: 0 }))
    await Promise.all([0, 1, 2].map((partition) => writer.store(batchOf(['b'], { partition }))))
    await turn()
    expect(rounds).toEqual([1, 3])
  })
})

describe('a batch that is refused', () => {
  const code = errorCodes.INVALID_RECORD

  it('is tried again for each contributor, so that only the one concerned fails', async () => {
    const { brokers, writer } = setUp()
    brokers.rule = ({ values }) => (values.includes('bad') ? refusal(code) : null)
    const outcomes = ['a', 'bad', 'c'].map((value) => writer.store(batchOf([value, value])))
    expect((await Promise.all(outcomes)).map(({ kind }) => kind)).toEqual(['stored', 'failed', 'stored'])
    expect(await outcomes[1]).toMatchObject({
      lasting: true,
      message: expect.stringContaining('INVALID_RECORD') as string
    })
    expect(brokers.values).toEqual(['aabadbadcc', 'aa', 'badbad', 'cc'])
  })

  it('for its size is compressed, though it is small, and so is what comes behind', async () => {
    const { brokers, writer } = setUp()
    brokers.rule = ({ bytes }) => (bytes > 1_000 ? refusal(errorCodes.MESSAGE_TOO_LARGE) : null)
    const small = 'x'.repeat(2_000)
    expect(await writer.store(batchOf([small]))).toEqual(stored)
    expect(brokers.sent.map(({ codec }) => codec)).toEqual(['none', 'zstd'])
  })

  it('for its size is tried in parts, down to the record that does not fit', async () => {
    const { brokers, writer } = setUp()
    brokers.rule = ({ values }) => (values.join('').length > 100 * 1024 ? refusal(errorCodes.MESSAGE_TOO_LARGE) : null)
    const fits = 'x'.repeat(90 * 1024)
    expect(await writer.store(batchOf([fits, fits, fits, fits, fits]))).toEqual(stored)
    const outcomes = [writer.store(batchOf([fits, 'x'.repeat(101 * 1024)])), writer.store(batchOf([fits]))]
    expect((await Promise.all(outcomes)).map(({ kind }) => kind)).toEqual(['failed', 'stored'])
    expect(await outcomes[0]).toMatchObject({ lasting: true })
  })

  it.each(['TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', 'INVALID_TOPIC_EXCEPTION'] as const)(
    'with %s is refused for everybody who waits there, without another try',
    async (name) => {
      const { brokers, writer } = setUp()
      const outcomes = [writer.store(batchOf(['a'])), writer.store(batchOf(['b']))]
      await turn()
      outcomes.push(writer.store(batchOf(['c'])))
      await turn()
      await brokers.answer(refusal(errorCodes[name]))
      for (const outcome of await Promise.all(outcomes))
        expect(outcome).toMatchObject({ kind: 'failed', lasting: true })
      expect(brokers.values).toEqual(['ab'])
    }
  )
})

describe('a batch whose outcome is not known', () => {
  it.each<[string, Answer]>([
    ['the connection was lost', lost],
    ['replicas were missing', refusal(errorCodes.NOT_ENOUGH_REPLICAS)],
    ['the leader moved', refusal(errorCodes.NOT_LEADER_OR_FOLLOWER)],
    ['the broker has a fault', refusal(errorCodes.UNKNOWN_SERVER_ERROR)]
  ])('because %s is sent again as it was', async (_, answer) => {
    const { brokers, clock, writer } = setUp()
    const outcome = writer.store(batchOf(['a', 'b']))
    await turn()
    await brokers.answer(answer)
    expect(brokers.sent).toHaveLength(1)
    clock.advance(100)
    await turn()
    expect(brokers.values).toEqual(['ab', 'ab'])
    await brokers.answer()
    expect(await outcome).toEqual(stored)
  })

  it('fails when it takes too long, and may be tried again later', async () => {
    const { brokers, clock, writer } = setUp()
    const outcome = writer.store(batchOf(['a']))
    await turn()
    await brokers.answer(refusal(errorCodes.NOT_ENOUGH_REPLICAS))
    clock.advance(100)
    await turn()
    clock.advance(3_400)
    expect(await outcome).toMatchObject({ kind: 'failed', lasting: false })
    expect(await outcome).toMatchObject({
      message: expect.stringMatching(/within 3500 ms.*NOT_ENOUGH_REPLICAS/) as string
    })
    expect(writer.waitingBytes).toBe(0)
    // Its late answer, whatever it is, disturbs nobody.
    void writer.store(batchOf(['b']))
    await turn()
    await brokers.answer(lost)
    clock.advance(1_000)
    await turn()
    expect(brokers.values).toEqual(['a', 'a', 'b'])
  })

  it('does not hold up other partitions', async () => {
    const { brokers, writer } = setUp()
    void writer.store(batchOf(['a'], { partition: 0 }))
    brokers.rule = ({ partition }) => (partition === 0 ? lost : null)
    expect(await writer.store(batchOf(['b'], { partition: 1 }))).toEqual(stored)
  })
})

describe('a partition that is not there', () => {
  it('is looked for again', async () => {
    const { brokers, clock, forgotten, writer } = setUp()
    const outcomes = [writer.store(batchOf(['a'])), writer.store(batchOf(['b']))]
    await turn()
    await brokers.answer(refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION))
    expect(forgotten).toEqual(['orders.quarantine'])
    clock.advance(100)
    await turn()
    await brokers.answer()
    expect(await Promise.all(outcomes)).toEqual([stored, stored])
    expect(brokers.values).toEqual(['ab', 'ab'])
  })

  it('for good fails in the end, and asks at a bounded rate', async () => {
    const { brokers, clock, writer } = setUp()
    brokers.rule = () => refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    const outcome = writer.store(batchOf(['a']))
    for (let i = 0; i < 40; i++) {
      await turn()
      clock.advance(100)
    }
    expect(await outcome).toMatchObject({ kind: 'failed', lasting: false })
    expect(brokers.sent.length).toBeLessThan(10)
  })
})

describe('what one partition has for quarantine', () => {
  it('is written in order, also when its topic could not be looked up for the first of it', async () => {
    const { brokers, clock, forgotten } = setUp()
    const answers: (number | KafkaError | ConnectionError)[] = [lost, 1]
    const topics = {
      partitionsOf: () => {
        const answer = answers.shift() ?? 1
        return typeof answer === 'number' ? Promise.resolve(answer) : Promise.reject(answer)
      },
      forget: (topic: string) => forgotten.push(topic)
    } as unknown as TopicLookup
    const writer = new QuarantineWriter({ client: brokers, topics, clock, gapMs: 0 })
    brokers.rule = () => null
    const outcomes = [writer.store(batchOf(['a']))]
    await turn()
    for (const value of ['b', 'c']) outcomes.push(writer.store(batchOf([value])))
    // Another partition's records are not held up.
    expect(await writer.store(batchOf(['x'], { partition: 1 }))).toEqual(stored)
    expect(brokers.values).toEqual(['x'])
    clock.advance(100)
    expect(await Promise.all(outcomes)).toEqual([stored, stored, stored])
    expect(brokers.values).toEqual(['x', 'abc'])
  })

  it('is written in order, also when the partition was gone for the first of it', async () => {
    const { brokers, clock, writer } = setUp()
    const outcomes = [writer.store(batchOf(['a']))]
    await turn()
    outcomes.push(writer.store(batchOf(['b'])))
    await turn()
    await brokers.answer(refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION))
    outcomes.push(writer.store(batchOf(['c'])))
    await turn()
    expect(brokers.values).toEqual(['a'])
    brokers.rule = () => null
    clock.advance(100)
    expect(await Promise.all(outcomes)).toEqual([stored, stored, stored])
    expect(brokers.values).toEqual(['a', 'abc'])
  })

  it('is written in order, also when its partition is gone while the next is being looked up', async () => {
    const { brokers, clock, forgotten } = setUp()
    const held = Promise.withResolvers<number>()
    const answers: (number | Promise<number>)[] = [1, held.promise]
    const topics = {
      partitionsOf: () => Promise.resolve(answers.shift() ?? 1),
      forget: (topic: string) => forgotten.push(topic)
    } as unknown as TopicLookup
    const writer = new QuarantineWriter({ client: brokers, topics, clock, gapMs: 0 })
    const outcomes = [writer.store(batchOf(['a']))]
    await turn()
    outcomes.push(writer.store(batchOf(['b'])))
    await turn()
    await brokers.answer(refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION))
    held.resolve(1)
    await turn()
    expect(brokers.values).toEqual(['a'])
    brokers.rule = () => null
    clock.advance(100)
    expect(await Promise.all(outcomes)).toEqual([stored, stored])
    expect(brokers.values).toEqual(['a', 'ab'])
  })

  it('goes on behind a batch that was refused, or was given up while it waited', async () => {
    const { brokers, clock, forgotten } = setUp()
    let isAway = true
    const topics = {
      partitionsOf: ({ create }: Pick<QuarantineTarget, 'create'>) => {
        if (create === null) return Promise.reject(new NoQuarantineTopicError('is not there'))
        return isAway ? Promise.reject(lost) : Promise.resolve(1)
      },
      forget: (topic: string) => forgotten.push(topic)
    } as unknown as TopicLookup
    const writer = new QuarantineWriter({ client: brokers, topics, clock, gapMs: 0 })
    brokers.rule = () => null
    const refused = writer.store(batchOf(['a'], { target: { ...target, create: null } }))
    const given = writer.store(batchOf(['b']))
    await turn()
    clock.advance(2_000)
    const later = writer.store(batchOf(['c']))
    for (let i = 0; i < 16; i++) {
      await turn()
      clock.advance(100)
    }
    expect(await refused).toMatchObject({ kind: 'failed', lasting: true })
    expect(await given).toMatchObject({ kind: 'failed', lasting: false })
    isAway = false
    await turn()
    clock.advance(1_000)
    expect(await later).toEqual(stored)
    expect(brokers.values).toEqual(['c'])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('the queue', () => {
  it('is bounded in bytes, but takes a batch of any size when nothing waits', async () => {
    const { brokers, writer } = setUp(1, { maxWaitingBytes: 10_000 })
    void writer.store(batchOf(['x'.repeat(20_000)]))
    expect(await writer.store(batchOf(['b']))).toMatchObject({ kind: 'failed', lasting: false })
    await turn()
    await brokers.answer()
    const next = writer.store(batchOf(['c']))
    await turn()
    await brokers.answer()
    expect(await next).toEqual(stored)
  })

  it('is bounded in records', async () => {
    const { writer } = setUp(1, { maxWaitingRecords: 3 })
    void writer.store(batchOf(['a', 'b']))
    void writer.store(batchOf(['c']))
    expect(await writer.store(batchOf(['d']))).toMatchObject({ kind: 'failed', lasting: false })
  })

  it('is empty once the writer is closed, and takes nothing more', async () => {
    const { brokers, clock, writer } = setUp()
    const outcomes = [writer.store(batchOf(['a']))]
    await turn()
    outcomes.push(writer.store(batchOf(['b'])))
    await turn()
    writer.close()
    for (const outcome of await Promise.all(outcomes)) expect(outcome).toMatchObject({ kind: 'failed', lasting: false })
    expect(await writer.store(batchOf(['c']))).toMatchObject({ kind: 'failed' })
    await brokers.answer()
    expect(brokers.values).toEqual(['a'])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('values that are not kept', () => {
  it('are replaced, and the record says so', async () => {
    const { brokers, writer } = setUp()
    brokers.rule = () => null
    const keptOf = (value: Buffer): Buffer | null =>
      value.toString() === 'secret' ? null : value.toString() === 'part' ? Buffer.from('pa') : value
    const batch = batchOf(['secret', 'part', 'open', null], { target: { ...target, values: 'drop-tagged', keptOf } })
    expect(await writer.store(batch)).toEqual(stored)
    expect(brokers.values).toEqual(['nullpaopennull'])
  })

  it('are dropped whole where nobody says what may be kept', async () => {
    const { brokers, writer } = setUp()
    brokers.rule = () => null
    await writer.store(batchOf(['a'], { target: { ...target, values: 'drop-tagged' } }))
    expect(brokers.values).toEqual(['null'])
  })
})

describe('whatever the brokers answer', () => {
  it('each contribution ends once, in the partition all of what was stored stands in order, and no memory is kept', async () => {
    const answers: Answer[] = [
      null,
      lost,
      refusal(errorCodes.NOT_ENOUGH_REPLICAS),
      refusal(errorCodes.MESSAGE_TOO_LARGE),
      refusal(errorCodes.INVALID_RECORD),
      refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 1 })), {
          minLength: 1,
          maxLength: 8
        }),
        fc.array(fc.integer({ min: 0, max: answers.length - 1 }), { maxLength: 30 }),
        async (contributions, script) => {
          const { brokers, clock, writer } = setUp(2)
          const logs: string[][] = [[], []]
          let step = 0
          brokers.rule = ({ partition, values }) => {
            const answer = answers[script[step++] ?? 0] ?? null
            if (answer === null || answer instanceof ConnectionError) logs[partition]!.push(...values)
            return answer
          }
          const outcomes = contributions.map(([count, partition], number) => {
            const values = Array.from({ length: count }, (_, index) => `${number}.${index}`)
            return writer.store(batchOf(values, { partition })).then((outcome) => ({ outcome, values, partition }))
          })
          for (let i = 0; i < 60; i++) {
            await turn()
            clock.advance(100)
          }
          for (const { outcome, values, partition } of await Promise.all(outcomes)) {
            if (outcome.kind !== 'stored') continue
            const places = values.map((value) => logs[partition]!.lastIndexOf(value))
            expect(places.every((place) => place >= 0)).toBe(true)
            expect(places).toEqual(places.toSorted((a, b) => a - b))
          }
          expect(writer.waitingBytes).toBe(0)
          expect(clock.pendingTimers).toBe(0)
        }
      ),
      { numRuns: 40 }
    )
  })
})

describe('on a broker', () => {
  const closers: (() => unknown)[] = []

  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close()
  })

  async function onBroker(
    options: EmbeddedBrokerOptions = {}
  ): Promise<{ broker: EmbeddedBroker; writer: QuarantineWriter; created: string[] }> {
    const broker = await startEmbeddedBroker({ topics: [{ name: 'orders', partitions: 3 }], ...options })
    const client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test', requestTimeoutMs: 2_000 })
    const created: string[] = []
    const topics = new TopicLookup({ client, onCreated: (topic) => created.push(topic) })
    const writer = new QuarantineWriter({ client, topics })
    closers.push(
      () => broker.close(),
      () => client.close(),
      () => writer.close()
    )
    return { broker, writer, created }
  }

  it('creates a missing topic once, and stores there what can be read back', async () => {
    const { broker, writer, created } = await onBroker()
    const batches = [0, 1, 2, 3].map((partition) => batchOf([`v${partition}`], { partition }))
    expect(await Promise.all(batches.map((batch) => writer.store(batch)))).toEqual(batches.map(() => stored))
    expect(created).toEqual(['orders.quarantine'])
    const read = [0, 1, 2].map((p) => broker.topics.records('orders.quarantine', p).map(fromQuarantineRecord))
    expect(read.map((entries) => entries.map(({ value }) => String(value)))).toEqual([['v0', 'v3'], ['v1'], ['v2']])
    expect(read[0]![1]).toMatchObject({ topic: 'orders', partition: 3, policy: 'orders@3f2a91c04b7e' })
  })

  it('refuses for good what has no topic and may not have one', async () => {
    const { writer } = await onBroker()
    const none = { ...target, create: null }
    const outcome = await writer.store(batchOf(['a'], { target: none }))
    expect(outcome).toMatchObject({ kind: 'failed', lasting: true })
    expect(outcome).toMatchObject({ message: expect.stringContaining('orders.quarantine is not there') as string })
  })

  it('refuses for good a record that is too large for its topic, and no other', async () => {
    const configs = { 'max.message.bytes': '50000' }
    const { broker, writer } = await onBroker({
      topics: [{ name: 'orders' }, { name: 'orders.quarantine', configs }]
    })
    const outcomes = [randomBytes(100_000), 'small'].map((value) => writer.store(batchOf([value])))
    expect((await Promise.all(outcomes)).map(({ kind }) => kind)).toEqual(['failed', 'stored'])
    expect(broker.topics.records('orders.quarantine').map(({ value }) => String(value))).toEqual(['small'])
  })

  it('sends again what was stored and not acknowledged: twice there, with one id', async () => {
    const { broker, writer } = await onBroker()
    const undo = broker.intercept('produce', async (call) => {
      await call.proceed()
      undo()
      return 'drop-connection' as const
    })
    expect(await writer.store(batchOf(['a']))).toEqual(stored)
    const ids = broker.topics.records('orders.quarantine').map((record) => fromQuarantineRecord(record).id)
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
  })

  it('creates a topic anew that was deleted', async () => {
    const { broker, writer, created } = await onBroker()
    await writer.store(batchOf(['a']))
    const connection = await Connection.open(broker, { clientId: 'admin' })
    await connection.call(apis.deleteTopics, { topics: [{ name: 'orders.quarantine' }], timeoutMs: 1_000 })
    connection.close()
    expect(await writer.store(batchOf(['b']))).toEqual(stored)
    expect(created).toEqual(['orders.quarantine', 'orders.quarantine'])
    expect(broker.topics.records('orders.quarantine').map(({ value }) => String(value))).toEqual(['b'])
  })
})
