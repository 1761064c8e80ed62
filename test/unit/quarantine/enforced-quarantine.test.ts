import { afterEach, describe, expect, it } from 'vitest'
import { startEmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { TopicRequest } from '../../../src/broker/topics.ts'
import { pause, systemClock } from '../../../src/clock.ts'
import type { CompiledPolicy } from '../../../src/contracts/compile.ts'
import { EnforcedQuarantine } from '../../../src/quarantine/enforced-quarantine.ts'
import type { TopicFinding } from '../../../src/quarantine/topics.ts'
import { StartError } from '../../../src/supervisor/start-error.ts'
import { policyOf } from '../../support/contracts.ts'
import { freePorts } from '../../support/ports.ts'

const topics = { ledger: 'kontrakt.ledger', quarantineState: 'kontrakt.quarantine-state', replicationFactor: 1 }
const ofOurs = { 'cleanup.policy': 'compact', 'message.timestamp.type': 'LogAppendTime' }
const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

function quarantining(topic: string, mode = 'quarantine'): CompiledPolicy {
  return policyOf(`apiVersion: kontrakt/v1\ntopics: ${topic}\nmode: ${mode}\n`)
}

async function startBroker(wanted: readonly TopicRequest[], port?: number): Promise<EmbeddedBroker> {
  const broker = await startEmbeddedBroker({
    autoCreateTopics: false,
    topics: wanted,
    ...(port === undefined ? {} : { port })
  })
  closers.push(() => broker.close())
  return broker
}

interface Told {
  readonly problems: TopicFinding[]
  readonly warnings: TopicFinding[]
  readonly failures: unknown[]
  /** How long it was waited before each new try, milliseconds. */
  readonly pauses: number[]
}

/** Its pauses last a few milliseconds, whatever they are said to be. */
function newQuarantine(address: string): { quarantine: EnforcedQuarantine; told: Told } {
  const told: Told = { problems: [], warnings: [], failures: [], pauses: [] }
  const quarantine = new EnforcedQuarantine({
    bootstrapServers: [address],
    connectTimeoutMs: 1_000,
    topics,
    clock: { nowMs: Date.now, sleep: (ms, signal) => pause(systemClock, ms, signal) },
    retryClock: {
      nowMs: Date.now,
      after: (delayMs, run) => {
        told.pauses.push(delayMs)
        return systemClock.after(5, run)
      }
    },
    events: {
      unreadable: () => undefined,
      chainMoved: () => undefined,
      unavailable: () => undefined,
      topic: (finding) => {
        if (finding.level === 'problem') told.problems.push(finding)
        if (finding.level === 'warning') told.warnings.push(finding)
      },
      unprepared: (error) => told.failures.push(error)
    }
  })
  closers.push(() => quarantine.close())
  return { quarantine, told }
}

/** Resolves when the ledger has been read, and takes a chain. */
async function takenIn(quarantine: EnforcedQuarantine, topic: string): Promise<void> {
  const id = { topic, partition: 0, producerId: 7n, producerEpoch: 0 }
  const lane = new AbortController().signal
  const enter = () => quarantine.parts.ledger.enter(id, 0, lane, true, true).kind
  await expect.poll(enter, { timeout: 10_000 }).toBe('chain')
}

describe('a reload that begins to quarantine', () => {
  it('is prepared as soon as the cluster is back, with growing pauses before', async () => {
    const [port] = await freePorts(1)
    const { quarantine, told } = newQuarantine(`127.0.0.1:${port!}`)
    quarantine.reload([quarantining('orders')])
    await expect.poll(() => told.pauses.length, { timeout: 15_000 }).toBeGreaterThanOrEqual(2)
    expect(told.pauses.slice(0, 2)).toEqual([1_000, 2_000])
    expect(told.failures.length).toBeGreaterThan(0)
    const broker = await startBroker([{ name: 'orders' }], port)
    await expect.poll(() => broker.topics.names(), { timeout: 15_000 }).toContain('orders.quarantine')
    await takenIn(quarantine, 'orders')
  })

  it('is told of the topic that stands in the way, which holds up no other, until it is mended', async () => {
    const compacted = { 'cleanup.policy': 'compact' }
    const broker = await startBroker([
      { name: 'orders' },
      { name: 'payments' },
      { name: 'payments.quarantine', configs: compacted }
    ])
    const { quarantine, told } = newQuarantine(broker.address)
    quarantine.reload([quarantining('orders'), quarantining('payments')])
    await expect.poll(() => told.problems.length).toBeGreaterThan(2)
    expect(told.problems[0]).toMatchObject({ code: 'cleanup-policy', topic: 'payments.quarantine' })
    expect(told.problems[0]!.remedy).toContain('cleanup.policy=delete')
    // What is no obstacle is said once.
    const said = told.warnings.map(({ message }) => message)
    expect(said).toEqual([...new Set(said)])
    await takenIn(quarantine, 'orders')
    expect(broker.topics.names()).toContain('orders.quarantine')
    quarantine.reload([quarantining('orders'), quarantining('payments', 'reject')])
    const tries = told.pauses.length
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(told.pauses.length).toBeLessThanOrEqual(tries + 1)
  })

  it('does not use a ledger that is not as it has to be', async () => {
    const broker = await startBroker([
      { name: 'orders' },
      { name: topics.ledger, configs: { ...ofOurs, 'cleanup.policy': 'delete' } }
    ])
    let fetches = 0
    broker.intercept('fetch', (call) => {
      fetches++
      return call.proceed()
    })
    const { quarantine, told } = newQuarantine(broker.address)
    quarantine.reload([quarantining('orders')])
    await expect.poll(() => told.problems.length).toBeGreaterThan(1)
    expect(told.problems[0]).toMatchObject({ topic: topics.ledger, code: 'cleanup-policy' })
    expect(fetches).toBe(0)
  })

  it('is given up when it is closed', async () => {
    const [port] = await freePorts(1)
    const { quarantine, told } = newQuarantine(`127.0.0.1:${port!}`)
    quarantine.reload([quarantining('orders')])
    quarantine.close()
    quarantine.reload([quarantining('orders')])
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(told.failures).toEqual([])
    expect(told.pauses.length).toBeLessThanOrEqual(1)
  })
})

describe('a start', () => {
  it('is refused by a topic that stands in the way, and nothing is tried again', async () => {
    const configs = { 'cleanup.policy': 'compact' }
    const broker = await startBroker([{ name: 'orders' }, { name: 'orders.quarantine', configs }])
    const { quarantine, told } = newQuarantine(broker.address)
    await expect(quarantine.start([quarantining('orders')])).rejects.toThrow(StartError)
    expect(told.pauses).toEqual([])
  })

  it('is cut short when it is closed, also while it waits for brokers', async () => {
    const [port] = await freePorts(1)
    const away = newQuarantine(`127.0.0.1:${port!}`).quarantine
    const starting = expect(away.start([quarantining('orders')])).rejects.toThrow(StartError)
    away.close()
    await starting
    const broker = await startBroker([{ name: topics.ledger, configs: ofOurs }])
    let isReading = false
    broker.intercept('fetch', () => {
      isReading = true
      return new Promise<never>(() => undefined)
    })
    broker.intercept('listOffsets', ({ request }) => {
      const offset = request.topics[0]!.partitions[0]!.timestamp === -2n ? 0n : 7n
      return {
        topics: [{ name: topics.ledger, partitions: [{ partitionIndex: 0, errorCode: 0, timestamp: -1n, offset }] }]
      }
    })
    const silent = newQuarantine(broker.address).quarantine
    const reading = expect(silent.start([])).rejects.toThrow(/ledger kontrakt\.ledger cannot be read/)
    await expect.poll(() => isReading).toBe(true)
    silent.close()
    await reading
  })

  it('asks nothing of the ledger while there is none and no policy can quarantine', async () => {
    const broker = await startBroker([{ name: 'orders' }])
    const { quarantine } = newQuarantine(broker.address)
    await quarantine.start([quarantining('orders', 'reject')])
    expect(broker.topics.names()).toEqual(['orders'])
  })

  it('and reloads leave no connection behind but those that are in use', async () => {
    const broker = await startBroker([{ name: 'orders' }])
    const { quarantine, told } = newQuarantine(broker.address)
    await quarantine.start([quarantining('orders')])
    let asked = 0
    broker.intercept('describeConfigs', (call) => {
      asked++
      return call.proceed()
    })
    await expect.poll(() => broker.connectionCount()).toBeLessThanOrEqual(3)
    for (let i = 0; i < 5; i++) {
      const before = asked
      quarantine.reload([quarantining('orders')])
      await expect.poll(() => asked).toBeGreaterThan(before)
    }
    await expect.poll(() => broker.connectionCount()).toBeLessThanOrEqual(3)
    expect(told.failures).toEqual([])
  })
})

describe('a start without a policy that quarantines', () => {
  it('reads the ledger that another instance makes later', async () => {
    const broker = await startBroker([{ name: 'orders' }])
    const { quarantine: lenient, told } = newQuarantine(broker.address)
    await lenient.start([quarantining('orders', 'observe')])
    await expect.poll(() => told.pauses.length).toBeGreaterThan(1)
    expect([...new Set(told.pauses)]).toEqual([2_000])
    const { quarantine: strict } = newQuarantine(broker.address)
    await strict.start([quarantining('orders')])
    await expect.poll(() => lenient.parts.ledger.coversTopic('orders'), { timeout: 10_000 }).toBe(true)
    // From then on it is read, and looked for no more.
    const looked = told.pauses.length
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(told.pauses.length).toBeLessThanOrEqual(looked + 1)
    expect(told.failures).toEqual([])
  })

  it('looks for one at most every minute while it is not as it has to be, and tells why', async () => {
    const broker = await startBroker([{ name: 'orders' }])
    const { quarantine, told } = newQuarantine(broker.address)
    await quarantine.start([])
    broker.topics.create({ name: topics.ledger, configs: { 'cleanup.policy': 'delete' } })
    await expect.poll(() => told.problems.length).toBeGreaterThan(0)
    expect(told.problems[0]).toMatchObject({ topic: topics.ledger })
    await expect.poll(() => told.pauses.at(-1)).toBe(60_000)
    quarantine.close()
  })
})

it('topics that a policy names are marked before their first producer comes', async () => {
  const broker = await startBroker([{ name: 'orders' }, { name: 'payments' }])
  const { quarantine } = newQuarantine(broker.address)
  await quarantine.start([quarantining('orders'), quarantining('payments', 'observe')])
  await expect.poll(() => quarantine.parts.ledger.coversTopic('orders')).toBe(true)
  quarantine.reload([quarantining('orders', 'observe'), quarantining('payments')])
  await expect.poll(() => quarantine.parts.ledger.coversTopic('payments'), { timeout: 10_000 }).toBe(true)
})
