import { afterEach, describe, expect, it } from 'vitest'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import {
  ClusterWatch,
  type Broker,
  type ClusterChange,
  type ClusterWatchOptions
} from '../../../src/kafka/cluster-watch.ts'
import { FakeClock } from './fake-clock.ts'

interface Named {
  readonly id: number
  readonly port: number
  readonly host?: string
  readonly rack?: string
}

const brokers: EmbeddedBroker[] = []
const watches: ClusterWatch[] = []

/** A broker that names the brokers the test wants. */
async function startCluster(
  named: Named[] = []
): Promise<{ broker: EmbeddedBroker; named: Named[]; rounds: () => number }> {
  const broker = await startEmbeddedBroker()
  brokers.push(broker)
  const state = { named, rounds: 0 }
  broker.intercept('metadata', async (call) => {
    state.rounds++
    const answer = await call.proceed()
    if (typeof answer === 'string') return answer
    return {
      ...answer,
      brokers: state.named.map((b) => ({ nodeId: b.id, host: b.host ?? 'b', port: b.port, rack: b.rack ?? null }))
    }
  })
  return { broker, named, rounds: () => state.rounds }
}

function newWatch(addresses: readonly string[], options: Partial<ClusterWatchOptions> = {}) {
  const clock = new FakeClock()
  const watch = new ClusterWatch({
    bootstrapServers: addresses,
    clientId: 'test',
    metadataRefreshMs: 60_000,
    clock,
    ...options
  })
  const changes: ClusterChange[] = []
  watch.onChange((change) => changes.push(change))
  watches.push(watch)
  return { watch, clock, changes }
}

function ids(list: Iterable<Broker>): number[] {
  return [...list].map((b) => b.id)
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

afterEach(async () => {
  for (const watch of watches.splice(0)) await watch.close()
  for (const broker of brokers.splice(0)) await broker.close()
})

describe('ClusterWatch', () => {
  it('knows the brokers, their racks and the cluster after its start', async () => {
    const { broker } = await startCluster([
      { id: 1, port: 1, rack: 'r1' },
      { id: 2, port: 2 }
    ])
    const { watch, changes } = newWatch([broker.address])
    await watch.start()
    expect([...watch.brokers().values()]).toEqual([
      { id: 1, host: 'b', port: 1, rack: 'r1' },
      { id: 2, host: 'b', port: 2, rack: null }
    ])
    expect(changes.map((c) => ids(c.joined))).toEqual([[1, 2]])
    expect([watch.unreachableSinceMs(), watch.clusterId()]).toEqual([null, broker.clusterId])
  })

  it('tells who joined, left and moved, and nothing when nothing did', async () => {
    const { broker, named } = await startCluster([
      { id: 1, port: 1 },
      { id: 2, port: 2 }
    ])
    const { watch, clock, changes } = newWatch([broker.address])
    await watch.start()
    const before = watch.brokers()
    named.splice(0, 2, { id: 2, port: 22 }, { id: 3, port: 3 })
    clock.advance(1_000)
    await watch.refresh()
    expect(changes[1]).toMatchObject({
      joined: [{ id: 3 }],
      left: [{ id: 1 }],
      moved: [{ before: { id: 2, port: 2 }, after: { id: 2, port: 22 } }]
    })
    expect([ids(before.values()), ids(watch.brokers().values())]).toEqual([
      [1, 2],
      [2, 3]
    ])
    named.splice(0, 1, { id: 2, port: 22, rack: 'new' })
    clock.advance(1_000)
    await watch.refresh()
    expect([changes.length, watch.brokers().get(2)!.rack]).toEqual([2, 'new'])
  })

  it('asks again by itself when the interval is over', async () => {
    const { broker, named, rounds } = await startCluster([{ id: 1, port: 1 }])
    const { watch, clock } = newWatch([broker.address])
    await watch.start()
    named.push({ id: 2, port: 2 })
    clock.advance(59_999)
    await new Promise((resolve) => setImmediate(resolve))
    expect(rounds()).toBe(1)
    clock.advance(1)
    await until(() => watch.brokers().size === 2)
  })

  it('joins calls into one round and keeps a gap between rounds, however often it is told to ask', async () => {
    const { broker, rounds } = await startCluster([{ id: 1, port: 1 }])
    const { watch, clock } = newWatch([broker.address])
    await Promise.all([watch.start(), watch.refresh(), watch.refresh()])
    expect(rounds()).toBe(1)
    const soon = watch.refresh()
    await new Promise((resolve) => setImmediate(resolve))
    expect(rounds()).toBe(1)
    clock.advance(250)
    await soon
    expect(rounds()).toBe(2)
  })

  it('learns from elsewhere without forgetting anyone', async () => {
    const { broker } = await startCluster([{ id: 1, port: 1 }])
    const { watch, changes } = newWatch([broker.address])
    await watch.start()
    watch.learn([
      { id: 1, host: 'b', port: 11, rack: null },
      { id: 5, host: 'b', port: 5, rack: null },
      { id: -1, host: '', port: -1, rack: null }
    ])
    expect(ids(watch.brokers().values())).toEqual([1, 5])
    expect(changes[1]).toMatchObject({ joined: [{ id: 5 }], left: [], moved: [{ after: { port: 11 } }] })
    watch.learn([{ id: 5, host: 'b', port: 5, rack: null }])
    expect(changes).toHaveLength(2)
  })

  it('starts before its cluster, tells since when nobody answers, and finds it later', async () => {
    const gone = await startEmbeddedBroker()
    await gone.close()
    const errors: unknown[] = []
    const { watch, clock } = newWatch([gone.address], { onUnreachable: (e) => errors.push(e) })
    const startedMs = clock.nowMs()
    await watch.start()
    expect([watch.unreachableSinceMs(), watch.brokers().size, errors.length]).toEqual([startedMs, 0, 1])
    clock.advance(500)
    await until(() => errors.length === 2)
    expect(watch.unreachableSinceMs()).toBe(startedMs)
    brokers.push(await startEmbeddedBroker({ port: gone.port }))
    await until(() => clock.nextDelayMs !== null)
    expect(clock.nextDelayMs).toBe(1_000)
    clock.advance(1_000)
    await until(() => watch.brokers().size === 1)
    expect(watch.unreachableSinceMs()).toBeNull()
  })

  it('keeps the list while nobody answers, and asks brokers it learned of when the bootstrap servers are gone', async () => {
    const first = await startCluster()
    const second = await startCluster()
    const both = [first, second].map(({ broker }, i) => ({ id: i + 1, host: '127.0.0.1', port: broker.port }))
    first.named.push(...both)
    second.named.push(...both)
    const { watch, clock, changes } = newWatch([first.broker.address])
    await watch.start()
    await first.broker.close()
    second.named.shift()
    clock.advance(1_000)
    await watch.refresh()
    expect([ids(watch.brokers().values()), watch.unreachableSinceMs()]).toEqual([[2], null])
    await second.broker.close()
    clock.advance(1_000)
    await watch.refresh()
    expect(ids(watch.brokers().values())).toEqual([2])
    expect(watch.unreachableSinceMs()).toBe(clock.nowMs())
    expect(changes).toHaveLength(2)
  })

  it('passes over a server that connects and does not answer', async () => {
    const silent = await startEmbeddedBroker()
    brokers.push(silent)
    let asked = 0
    silent.intercept('metadata', () => {
      asked++
      return 'no-answer'
    })
    const { broker } = await startCluster([{ id: 1, port: 1 }])
    const { watch, clock } = newWatch([silent.address, broker.address])
    const starting = watch.start()
    await until(() => asked === 1)
    clock.advance(2_000)
    await starting
    expect(watch.brokers().size).toBe(1)
  })

  it('does not forget everyone because a broker that is only starting names nobody', async () => {
    const { broker, named } = await startCluster([{ id: 1, port: 1 }])
    const { watch, clock } = newWatch([broker.address])
    await watch.start()
    named.pop()
    clock.advance(1_000)
    await watch.refresh()
    expect(ids(watch.brokers().values())).toEqual([1])
  })

  it('is quiet once it is closed, whatever was under way', async () => {
    const { broker, rounds } = await startCluster([{ id: 1, port: 1 }])
    const { watch, clock, changes } = newWatch([broker.address])
    await watch.start()
    const soon = watch.refresh()
    await watch.close()
    await soon
    await watch.refresh()
    expect([rounds(), changes.length, clock.pendingTimers]).toEqual([1, 1, 0])
    await until(() => broker.connectionCount() === 0)
  })

  it('can be closed while it connects to nobody', async () => {
    const { watch, clock } = newWatch(['10.255.255.1:9092'])
    const starting = watch.start()
    await watch.close()
    await starting
    expect(clock.pendingTimers).toBe(0)
  })
})
