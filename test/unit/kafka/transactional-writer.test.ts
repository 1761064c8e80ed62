import { afterEach, describe, expect, it } from 'vitest'
import { readProducedBatch, readRecords, type NewRecord } from '../../../protocol/records/batch.ts'
import { ConnectionError, KafkaError } from '../../../src/kafka/errors.ts'
import {
  TransactionalWriter,
  TransactionError,
  type TransactionClient
} from '../../../src/kafka/transactional-writer.ts'
import { FakeClock } from './fake-clock.ts'

const transactionalId = 'tx'

type Fault = number | 'lost'
type Api = keyof TransactionClient

/** Plays the brokers: says what a test tells it to say, and otherwise that all is well. */
class FakeBrokers implements TransactionClient {
  /** What was asked, in order: `produce a-0 seq 0 +2`. */
  readonly asked: string[] = []
  readonly faults: Partial<Record<Api, Fault[]>> = {}
  /** Holds the next Produce back until it is resolved. */
  hold: Promise<void> | null = null
  #epoch = -1
  readonly #ends = new Map<string, bigint>()

  async initProducerId(options: Parameters<TransactionClient['initProducerId']>[0] = {}) {
    const { current } = options
    this.#say('initProducerId', current === undefined ? 'init' : `init from epoch ${current.producerEpoch}`)
    this.#epoch++
    return Promise.resolve({ producerId: 7n, producerEpoch: this.#epoch })
  }

  async addPartitionsToTxn(...[, partitions]: Parameters<TransactionClient['addPartitionsToTxn']>) {
    this.#say('addPartitionsToTxn', `add ${partitions.map((p) => `${p.topic}-${p.partition}`).join()}`)
    return Promise.resolve()
  }

  async endTxn(...[, outcome]: Parameters<TransactionClient['endTxn']>) {
    this.#say('endTxn', outcome)
    return Promise.resolve()
  }

  async produce({ topic, partition, batch, ...rest }: Parameters<TransactionClient['produce']>[0]) {
    const header = readProducedBatch(batch)
    const name = `${topic}-${partition}`
    expect(rest.transactionalId).toBe(transactionalId)
    expect(header).toMatchObject({ transactional: true, producerId: 7n, producerEpoch: this.#epoch })
    const { hold } = this
    this.hold = null
    await hold
    this.#say('produce', `produce ${name} seq ${header.baseSequence} +${readRecords(batch).length}`)
    const baseOffset = this.#ends.get(name) ?? 0n
    this.#ends.set(name, baseOffset + BigInt(header.recordCount))
    return { baseOffset, logAppendTimeMs: -1n, logStartOffset: 0n }
  }

  #say(api: Api, what: string): void {
    const fault = this.faults[api]?.shift()
    this.asked.push(fault === undefined ? what : `${what} ✗`)
    if (fault === 'lost') throw new ConnectionError('closed', 'kafka:9092', 'the broker closed the connection')
    if (fault !== undefined) throw new KafkaError(fault, { api, address: 'kafka:9092' })
  }
}

const clock = new FakeClock()
let isOver = false
/** Pauses are as short as a turn. */
async function runClock(): Promise<void> {
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(clock.nextDelayMs ?? 0)
  }
}

function setUp(faults: FakeBrokers['faults'] = {}) {
  const brokers = new FakeBrokers()
  Object.assign(brokers.faults, faults)
  const writer = new TransactionalWriter({ client: brokers, transactionalId, clock, giveUpAfterMs: 2_000 })
  isOver = false
  void runClock()
  return { brokers, writer }
}

afterEach(() => {
  isOver = true
})

function records(...values: string[]): NewRecord[] {
  return values.map((value) => ({ key: Buffer.from('k'), value: Buffer.from(value), timestamp: 1 }))
}

async function faultOf(outcome: Promise<unknown>): Promise<string> {
  const error: unknown = await outcome.then(
    () => 'none',
    (e: unknown) => e
  )
  return error instanceof TransactionError ? error.fault : String(error)
}

describe('TransactionalWriter', () => {
  it('sends what belongs together, and keeps its sequences from one transaction to the next', async () => {
    const { brokers, writer } = setUp()
    await writer.begin()
    expect(await writer.send('a', 0, records('1', '2'))).toMatchObject({ baseOffset: 0n })
    expect(await writer.send('b', 1, records('3'))).toMatchObject({ baseOffset: 0n })
    expect(await writer.send('a', 0, records('4'))).toMatchObject({ baseOffset: 2n })
    await writer.commit()
    await writer.begin()
    await writer.send('a', 0, records('5'))
    await writer.abort()
    await writer.begin()
    await writer.send('a', 0, records('6'))
    await writer.commit()
    expect(brokers.asked).toEqual([
      'init',
      'add a-0',
      'produce a-0 seq 0 +2',
      'add b-1',
      'produce b-1 seq 0 +1',
      'produce a-0 seq 2 +1',
      'commit',
      'add a-0',
      'produce a-0 seq 3 +1',
      'abort',
      'add a-0',
      'produce a-0 seq 4 +1',
      'commit'
    ])
  })

  it('takes over the id before anything else, once', async () => {
    const { brokers, writer } = setUp()
    await writer.open()
    await writer.open()
    await writer.begin()
    expect(brokers.asked).toEqual(['init'])
  })

  it('asks the coordinator for nothing when nothing was sent', async () => {
    const { brokers, writer } = setUp()
    await writer.begin()
    await writer.commit()
    await writer.begin()
    await writer.abort()
    await writer.abort()
    expect(brokers.asked).toEqual(['init'])
  })

  it('sends to one partition in order and to others at once', async () => {
    const { brokers, writer } = setUp()
    await writer.begin()
    let release = (): void => undefined
    brokers.hold = new Promise((resolve) => (release = resolve))
    const sent = [
      writer.send('a', 0, records('1')),
      writer.send('a', 0, records('2')),
      writer.send('b', 0, records('3'))
    ]
    await sent[2]
    release()
    await writer.commit()
    expect(brokers.asked).toEqual([
      'init',
      'add a-0,b-0',
      'produce b-0 seq 0 +1',
      'produce a-0 seq 0 +1',
      'produce a-0 seq 1 +1',
      'commit'
    ])
  })

  it.each([29, 3])('learns which partition is refused when several are added at once: %i', async (code) => {
    const { brokers, writer } = setUp()
    await writer.begin()
    const add = brokers.addPartitionsToTxn.bind(brokers)
    brokers.addPartitionsToTxn = async (transaction, partitions) => {
      await add(transaction, partitions)
      if (partitions.some(({ topic }) => topic === 'b'))
        throw new KafkaError(code, { api: 'AddPartitionsToTxn', address: 'kafka:9092' })
    }
    const failed: string[] = []
    await Promise.all(
      ['a', 'b', 'c'].map((topic) => writer.send(topic, 0, records('1')).catch(() => failed.push(topic)))
    )
    expect(failed[0]).toBe('b')
    const added = new Set(brokers.asked.filter((one) => one.startsWith('add')))
    expect([...added]).toEqual(['add a-0,b-0,c-0', 'add a-0', 'add b-0', 'add c-0'])
    await writer.abort()
  })

  it('begins no send in the second half of its timeout: that is left to end it', async () => {
    const { writer } = setUp()
    await writer.begin()
    await writer.send('a', 0, records('1'))
    clock.advance(30_001)
    expect(await faultOf(writer.send('a', 0, records('2')))).toBe('abortable')
    await writer.abort()
    await writer.begin()
    await writer.send('a', 0, records('2'))
    await writer.commit()
  })

  it('tries again what may pass, the same batch under the same sequence', async () => {
    const { brokers, writer } = setUp({
      initProducerId: [51, 14, 'lost'],
      addPartitionsToTxn: [51, 16],
      produce: ['lost', 6],
      endTxn: ['lost', 51]
    })
    await writer.begin()
    expect(await writer.send('a', 0, records('1'))).toMatchObject({ baseOffset: 0n })
    await writer.commit()
    expect(brokers.asked).toEqual([
      'init ✗',
      'init ✗',
      'init ✗',
      'init',
      'add a-0 ✗',
      'add a-0 ✗',
      'add a-0',
      'produce a-0 seq 0 +1 ✗',
      'produce a-0 seq 0 +1 ✗',
      'produce a-0 seq 0 +1',
      'commit ✗',
      'commit ✗',
      'commit'
    ])
  })

  it('does not commit what is incomplete, and goes on under the next epoch after the abort', async () => {
    const { brokers, writer } = setUp({ produce: [10] })
    await writer.begin()
    const refused = writer.send('a', 0, records('1'))
    const behind = writer.send('a', 0, records('2'))
    expect(await faultOf(refused)).toBe('abortable')
    await expect(refused).rejects.toMatchObject({ code: 10 })
    expect(await faultOf(behind)).toBe('abortable')
    expect(await faultOf(writer.commit())).toBe('abortable')
    expect(await faultOf(writer.send('b', 0, records('3')))).toBe('abortable')
    await writer.abort()
    await writer.begin()
    await writer.send('a', 0, records('4'))
    await writer.commit()
    expect(brokers.asked).toEqual([
      'init',
      'add a-0',
      'produce a-0 seq 0 +1 ✗',
      'abort',
      'init from epoch 0',
      'add a-0',
      'produce a-0 seq 0 +1',
      'commit'
    ])
  })

  it('is abortable when a partition cannot be added, and an abort of what is not open is no fault', async () => {
    const { brokers, writer } = setUp({ addPartitionsToTxn: [29], endTxn: [48] })
    await writer.begin()
    await expect(writer.send('a', 0, records('1'))).rejects.toMatchObject({ fault: 'abortable', code: 29 })
    await writer.abort()
    await writer.begin()
    await writer.send('a', 0, records('2'))
    await writer.commit()
    expect(brokers.asked).toContain('abort ✗')
  })

  it.each([
    ['send', { produce: [47] }, 'fenced'],
    ['send', { produce: [90] }, 'fenced'],
    ['send', { addPartitionsToTxn: [90] }, 'fenced'],
    ['send', { addPartitionsToTxn: [49] }, 'fenced'],
    ['send', { produce: [53] }, 'refused'],
    ['commit', { endTxn: [90] }, 'fenced'],
    ['commit', { endTxn: [53] }, 'refused'],
    ['commit', { endTxn: ['lost', 90] }, 'outcome-unknown'],
    ['commit', { endTxn: Array.from({ length: 99 }, () => 'lost' as const) }, 'outcome-unknown'],
    ['commit', { endTxn: Array.from({ length: 99 }, () => 51) }, 'outcome-unknown'],
    ['abort', { endTxn: [47] }, 'fenced']
  ] as const)('is over when %s meets %j', async (step, faults, fault) => {
    const { brokers, writer } = setUp(structuredClone(faults) as unknown as FakeBrokers['faults'])
    await writer.begin()
    const sent = writer.send('a', 0, records('1'))
    if (step === 'send') expect(await faultOf(sent)).toBe(fault)
    else {
      await sent
      expect(await faultOf(writer[step]())).toBe(fault)
    }
    const asked = brokers.asked.length
    expect(await faultOf(writer.begin())).toBe(fault)
    expect(await faultOf(writer.open())).toBe(fault)
    expect(await faultOf(writer.send('a', 0, records('1')))).toBe(fault)
    expect(await faultOf(writer.commit())).toBe(fault)
    await writer.abort()
    expect(brokers.asked).toHaveLength(asked)
  })

  it('knows that nothing was committed when no commit reached the coordinator', async () => {
    const { brokers, writer } = setUp({ endTxn: Array.from({ length: 99 }, () => 15) })
    await writer.begin()
    await writer.send('a', 0, records('1'))
    expect(await faultOf(writer.commit())).toBe('abortable')
    brokers.faults.endTxn = []
    await writer.abort()
    await writer.begin()
  })

  it.each([
    [53, 'refused'],
    [50, 'refused'],
    [90, 'fenced']
  ])('is over when it may not have the id (%i)', async (code, fault) => {
    const { writer } = setUp({ initProducerId: [code] })
    expect(await faultOf(writer.open())).toBe(fault)
    expect(await faultOf(writer.begin())).toBe(fault)
  })

  it('may be opened again after nobody could be asked', async () => {
    const { writer } = setUp({ initProducerId: Array.from({ length: 7 }, () => 15) })
    await expect(writer.begin()).rejects.toBeInstanceOf(KafkaError)
    await writer.begin()
  })

  it('never commits after an abort that did not come through, and aborts when asked again', async () => {
    const { brokers, writer } = setUp({ endTxn: Array.from({ length: 99 }, () => 'lost' as const) })
    await writer.begin()
    await writer.send('a', 0, records('1'))
    await expect(writer.abort()).rejects.toBeInstanceOf(ConnectionError)
    expect(await faultOf(writer.commit())).toBe('abortable')
    brokers.faults.endTxn = []
    await writer.abort()
    expect(brokers.asked.slice(-2)).toEqual(['abort', 'init from epoch 0'])
    await writer.begin()
  })

  it('is fenced by the abort when the coordinator has ended the transaction and given the id away', async () => {
    const { brokers, writer } = setUp({ produce: [48], endTxn: [48] })
    await writer.begin()
    expect(await faultOf(writer.send('a', 0, records('1')))).toBe('abortable')
    brokers.faults.initProducerId = [90]
    expect(await faultOf(writer.abort())).toBe('fenced')
  })

  it('refuses what its owner does in the wrong order', async () => {
    const { writer } = setUp()
    await expect(writer.send('a', 0, records('1'))).rejects.toThrow('no transaction of tx is open')
    await expect(writer.commit()).rejects.toThrow('no transaction of tx is open')
    await writer.begin()
    await expect(writer.begin()).rejects.toThrow('open already')
  })

  it('gives up when it is closed', async () => {
    const { brokers, writer } = setUp({ produce: Array.from({ length: 99 }, () => 'lost' as const) })
    await writer.begin()
    const sent = faultOf(writer.send('a', 0, records('1')))
    writer.close()
    expect(await sent).toBe('closed')
    expect(await faultOf(writer.begin())).toBe('closed')
    expect(brokers.asked).not.toContain('abort')
  })
})
