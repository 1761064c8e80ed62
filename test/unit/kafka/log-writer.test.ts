import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { readProducedBatch, readRecords } from '../../../protocol/records/batch.ts'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import { KafkaClient } from '../../../src/kafka/client.ts'
import { LogWriteError, LogWriter, type LogWriterOptions } from '../../../src/kafka/log-writer.ts'
import { FakeClock } from './fake-clock.ts'

const topic = 'log'
let broker: EmbeddedBroker
let client: KafkaClient
const writers: LogWriter[] = []

beforeEach(async () => {
  broker = await startEmbeddedBroker({ topics: [{ name: topic, configs: { 'cleanup.policy': 'compact' } }] })
  client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test' })
})

afterEach(async () => {
  for (const writer of writers.splice(0)) writer.close()
  client.close()
  await broker.close()
})

function newWriter(options: Partial<LogWriterOptions> = {}): LogWriter {
  const writer = new LogWriter({ client, topic, ...options })
  writers.push(writer)
  return writer
}

function append(writer: LogWriter, key: string, value: string | null): Promise<bigint> {
  return writer.append(Buffer.from(key), value === null ? null : Buffer.from(value))
}

function stored(): string[] {
  return broker.topics.records(topic).map(({ key, value }) => `${String(key)}=${value === null ? '' : String(value)}`)
}

/** Answers the next Produce requests so, whether or not they are carried out; `null` is an honest answer. */
function failing(...faults: (number | 'lose-answer' | 'lose-request' | null)[]): { readonly seen: Buffer[] } {
  const seen: Buffer[] = []
  broker.intercept('produce', async (call) => {
    seen.push(call.request.topicData[0]!.partitionData[0]!.records!)
    const fault = faults.shift() ?? null
    if (fault === null) return call.proceed()
    if (fault === 'lose-request') return 'drop-connection'
    if (fault === 'lose-answer') {
      await call.proceed()
      return 'drop-connection'
    }
    return refusedWith(fault)
  })
  return { seen }
}

function refusedWith(errorCode: number) {
  return { responses: [{ name: topic, partitionResponses: [{ index: 0, errorCode, baseOffset: -1n }] }] }
}

/** Moves the clock through pauses, never through patience, until it has come to something. */
async function throughPauses<T>(clock: FakeClock, outcome: Promise<T>): Promise<T> {
  let isOver = false
  const done = (): void => {
    isOver = true
  }
  outcome.then(done, done)
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve))
    if (clock.nextDelayMs !== null && clock.nextDelayMs <= 1_000) clock.advance(clock.nextDelayMs)
  }
  return outcome
}

const identity = (batch: Buffer) => {
  const { producerId, producerEpoch, baseSequence, recordCount } = readProducedBatch(batch)
  return { producerId, producerEpoch, baseSequence, recordCount }
}

describe('LogWriter', () => {
  it('appends in the order of the calls and tells each its offset', async () => {
    const writer = newWriter()
    const offsets = await Promise.all([append(writer, 'a', '1'), append(writer, 'b', '2'), append(writer, 'c', null)])
    expect(offsets).toEqual([0n, 1n, 2n])
    expect(await append(writer, 'd', '4')).toBe(3n)
    expect(stored()).toEqual(['a=1', 'b=2', 'c=', 'd=4'])
  })

  it('sends what comes in one round of the event loop as one batch', async () => {
    const { seen } = failing()
    const writer = newWriter()
    const first = append(writer, 'a', '1')
    for (let microtask = 0; microtask < 100; microtask++) await Promise.resolve()
    const second = append(writer, 'b', '1')
    expect(await Promise.all([first, second])).toEqual([0n, 1n])
    expect(seen).toHaveLength(1)
  })

  it('sends what comes while a batch is under way as one batch, of each key only the last value', async () => {
    const writer = newWriter()
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const arrived = new Promise<void>((resolve) => {
      const stop = broker.intercept('produce', async (call) => {
        resolve()
        await held
        stop()
        return call.proceed()
      })
    })
    const first = append(writer, 'a', '1')
    await arrived
    const later = [
      append(writer, 'b', '1'),
      append(writer, 'a', '2'),
      append(writer, 'b', '2'),
      append(writer, 'b', null)
    ]
    release()
    expect(await first).toBe(0n)
    expect(await Promise.all(later)).toEqual([2n, 1n, 2n, 2n])
    expect(stored()).toEqual(['a=1', 'a=2', 'b='])
    expect(broker.topics.batches(topic)).toHaveLength(2)
  })

  it('keeps a batch within its bytes and sends a larger value alone', async () => {
    const writer = newWriter({ maxBatchBytes: 1_000 })
    const sizes = [400, 400, 400, 5_000, 10]
    await Promise.all(sizes.map((size, i) => writer.append(Buffer.from(`k${i}`), Buffer.alloc(size))))
    expect(broker.topics.batches(topic).map((batch) => readRecords(batch).map((r) => r.value!.length))).toEqual([
      [400, 400],
      [400],
      [5_000],
      [10]
    ])
  })

  it.each([
    ['the answer is lost after the append', ['lose-answer', 'lose-answer']],
    ['the request is lost', ['lose-request']],
    ['there are not enough replicas, before or after the append', [19, 20, 7]],
    ['the leader has moved', [6, 5, 6]],
    ['a disk failed', [56]]
  ] as const)('writes once when %s', async (_, faults) => {
    const writer = newWriter({ giveUpAfterMs: 60_000 })
    await append(writer, 'a', '0')
    const { seen } = failing(...faults)
    const clockless = [append(writer, 'a', '1'), append(writer, 'b', '1')]
    expect(await Promise.all(clockless)).toEqual([1n, 2n])
    expect(await append(writer, 'a', '2')).toBe(3n)
    expect(stored()).toEqual(['a=0', 'a=1', 'b=1', 'a=2'])
    const [first, ...repeats] = seen.slice(0, faults.length + 1).map(identity)
    expect(first).toMatchObject({ baseSequence: 1, recordCount: 2 })
    for (const repeat of repeats) expect(repeat).toEqual(first)
  })

  it('tells its callers when it takes too long, and writes it all the same before anything newer', async () => {
    const clock = new FakeClock()
    const writer = newWriter({ clock })
    let isDown = true
    broker.intercept('produce', (call) => (isDown ? refusedWith(19) : call.proceed()))
    const late = append(writer, 'a', '1')
    const refused = expect(late).rejects.toMatchObject({ name: 'LogWriteError', fault: 'timed-out', lasting: false })
    await new Promise((resolve) => setTimeout(resolve, 50))
    clock.advance(4_000)
    await refused
    isDown = false
    const next = append(writer, 'a', '2')
    expect(await throughPauses(clock, next)).toBe(1n)
    expect(stored()).toEqual(['a=1', 'a=2'])
  })

  it('refuses for good what the broker refuses for good, and goes on with the next sequence that is due', async () => {
    const writer = newWriter()
    await append(writer, 'a', '1')
    const { seen } = failing(29, 10, 87, 17)
    for (const code of [29, 10, 87, 17]) {
      const error: unknown = await append(writer, 'b', '1').catch((e: unknown) => e)
      expect(error).toBeInstanceOf(LogWriteError)
      expect(error).toMatchObject({ fault: 'refused', lasting: true, code })
    }
    expect(await append(writer, 'c', '1')).toBe(1n)
    expect(stored()).toEqual(['a=1', 'c=1'])
    expect(seen.map((batch) => identity(batch).baseSequence)).toEqual([1, 1, 1, 1, 1])
  })

  it('takes the next epoch after a refusal of what may be in the log, so that a late copy cannot come behind', async () => {
    const writer = newWriter()
    await append(writer, 'a', '1')
    const { seen } = failing('lose-answer', 29)
    await expect(append(writer, 'b', '1')).rejects.toMatchObject({ lasting: true, code: 29 })
    expect(await append(writer, 'c', '1')).toBe(2n)
    expect(stored()).toEqual(['a=1', 'b=1', 'c=1'])
    const [sent, , next] = seen.map(identity)
    expect(next).toEqual({ ...sent, producerEpoch: sent!.producerEpoch + 1, baseSequence: 0 })
    const copy = client.produce({ topic, partition: 0, batch: seen[0]! })
    await expect(copy).rejects.toMatchObject({ errorName: 'INVALID_PRODUCER_EPOCH' })
  })

  it.each([
    ['the topic is missing', 3],
    ['the broker finds the batch damaged', 2],
    ['the broker fails at it', -1]
  ])('waits a moment when %s, then says that it cannot be done', async (_, code) => {
    const clock = new FakeClock()
    const writer = newWriter({ clock, giveUpAfterMs: 1_000_000 })
    const stop = broker.intercept('produce', () => refusedWith(code))
    const startMs = clock.nowMs()
    const refused = throughPauses(clock, append(writer, 'a', '1'))
    await expect(refused).rejects.toMatchObject({ fault: 'refused', lasting: true, code })
    expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(2_000)
    stop()
    expect(await throughPauses(clock, append(writer, 'a', '2'))).toBe(0n)
  })

  it('says that it cannot be done when there is no such topic', async () => {
    const clock = new FakeClock()
    const writer = newWriter({ clock, topic: 'nothing', giveUpAfterMs: 1_000_000 })
    await expect(throughPauses(clock, append(writer, 'a', '1'))).rejects.toMatchObject({ lasting: true, code: 3 })
  })

  it('sends the same batch under the next epoch when the broker has lost records of it', async () => {
    const writer = newWriter()
    await append(writer, 'a', '1')
    const { seen } = failing(45)
    expect(await append(writer, 'b', '1')).toBe(1n)
    const [before, after] = seen.map(identity)
    expect(after).toEqual({ ...before, producerEpoch: before!.producerEpoch + 1, baseSequence: 0 })
  })

  it.each([47, 49, 59])('takes a new producer id when the broker no longer accepts its own (%i)', async (code) => {
    const writer = newWriter()
    await append(writer, 'a', '1')
    const { seen } = failing(code)
    expect(await append(writer, 'b', '1')).toBe(1n)
    const [before, after] = seen.map(identity)
    expect(after!.producerId).not.toBe(before!.producerId)
    expect(after).toMatchObject({ producerEpoch: 0, baseSequence: 0, recordCount: 1 })
    expect(stored()).toEqual(['a=1', 'b=1'])
  })

  it('goes on when the broker has forgotten the producer', async () => {
    const writer = newWriter()
    const { seen } = failing()
    await append(writer, 'a', '1')
    broker.topics.forgetProducer(topic, 0, identity(seen[0]!).producerId)
    expect(await append(writer, 'b', '1')).toBe(1n)
  })

  it('takes a duplicate for success, and the end of the log for the place that was not told', async () => {
    const writer = newWriter()
    await append(writer, 'a', '1')
    broker.intercept('produce', async (call) => {
      await call.proceed()
      return refusedWith(46)
    })
    expect(await append(writer, 'b', '1')).toBe(1n)
    broker.intercept('produce', async (call) => {
      await call.proceed()
      return refusedWith(0)
    })
    let left = 2
    broker.intercept('listOffsets', (call) => (left-- > 0 ? 'drop-connection' : call.proceed()))
    expect(await Promise.all([append(writer, 'c', '1'), append(writer, 'd', '1')])).toEqual([3n, 3n])
    expect(stored()).toEqual(['a=1', 'b=1', 'c=1', 'd=1'])
  })

  it('tries again for its producer id, and passes on that it may not have one', async () => {
    const writer = newWriter()
    let code = 14
    broker.intercept('initProducerId', (call) => {
      if (code === 0) return call.proceed()
      const errorCode = code
      code = 31
      return { errorCode, producerId: -1n, producerEpoch: -1 }
    })
    await expect(append(writer, 'a', '1')).rejects.toMatchObject({ lasting: true, code: 31 })
    code = 0
    expect(await append(writer, 'a', '1')).toBe(0n)
  })

  it('takes no more than its queue holds', async () => {
    const writer = newWriter({ maxQueuedCalls: 3, giveUpAfterMs: 60_000 })
    const stop = broker.intercept('produce', () => refusedWith(19))
    const waiting = [append(writer, 'a', '1'), append(writer, 'a', '2'), append(writer, 'b', '1')]
    await expect(append(writer, 'c', '1')).rejects.toMatchObject({ fault: 'queue-full', lasting: false })
    stop()
    expect(await Promise.all(waiting)).toEqual([0n, 0n, 1n])
    expect(await append(writer, 'c', '1')).toBe(2n)
  })

  it('rejects what waits when it is closed, and everything after', async () => {
    const writer = newWriter()
    broker.intercept('produce', () => refusedWith(19))
    const waiting = [append(writer, 'a', '1'), append(writer, 'b', '1')].map((p) =>
      expect(p).rejects.toMatchObject({ fault: 'closed' })
    )
    await new Promise((resolve) => setTimeout(resolve, 20))
    writer.close()
    await Promise.all(waiting)
    await expect(append(writer, 'c', '1')).rejects.toMatchObject({ fault: 'closed', lasting: false })
  })

  it('leaves in the log what every prefix of the calls would leave, whatever fails', async () => {
    const call = fc.record({ key: fc.constantFrom('a', 'b', 'c'), value: fc.option(fc.nat(99)), turn: fc.boolean() })
    const fault = fc.constantFrom('lose-answer', 'lose-request', 6, 20, null, null)
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 25 }), fc.array(fault, { maxLength: 4 }), async (calls, faults) => {
        const name = `log-${Math.random()}`
        broker.topics.create({ name })
        const left = [...faults]
        const stop = broker.intercept('produce', async (request) => {
          const next = left.shift() ?? null
          if (next === null) return request.proceed()
          if (next === 'lose-answer') await request.proceed()
          if (typeof next === 'string') return 'drop-connection'
          return { responses: [{ name, partitionResponses: [{ index: 0, errorCode: next, baseOffset: -1n }] }] }
        })
        const writer = newWriter({ topic: name, maxBatchBytes: 100, giveUpAfterMs: 60_000 })
        const appended: Promise<bigint>[] = []
        for (const { key, value, turn } of calls) {
          appended.push(append(writer, key, value === null ? null : String(value)))
          if (turn) await new Promise((resolve) => setImmediate(resolve))
        }
        const offsets = await Promise.all(appended)
        stop()
        const prefixes = new Set([''])
        const state = new Map<string, string>()
        const show = (): string => JSON.stringify([...state].sort())
        prefixes.add(show())
        for (const { key, value } of calls) {
          if (value === null) state.delete(key)
          else state.set(key, String(value))
          prefixes.add(show())
        }
        state.clear()
        for (const batch of broker.topics.batches(name)) {
          for (const { key, value } of readRecords(batch)) {
            if (value === null) state.delete(String(key))
            else state.set(String(key), String(value))
          }
          expect(prefixes).toContain(show())
        }
        const records = broker.topics.records(name)
        for (const [index, { key }] of calls.entries()) {
          expect(String(records[Number(offsets[index])]?.key)).toBe(key)
        }
        expect(records.length).toBeLessThanOrEqual(calls.length)
      }),
      { numRuns: 25 }
    )
  })
})
