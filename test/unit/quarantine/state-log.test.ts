import { beforeEach, describe, expect, it } from 'vitest'
import { readStates } from '../../../src/quarantine/state-log.ts'
import { stateKey, stateValue } from '../../../src/quarantine/state.ts'
import type { Handled } from '../../../src/quarantine/state.ts'
import { FakeCluster } from './fake-cluster.ts'

const stateTopic = 'kontrakt.quarantine-state'
const id = (n: number): string => n.toString(16).padStart(32, '0')
const discarded: Handled = { kind: 'discarded', atMs: 1, by: 'a', reason: 'x' }

let cluster: FakeCluster
beforeEach(() => {
  cluster = new FakeCluster().create(stateTopic)
})

const record = (n: number, topic = 'q', value: Buffer | null = stateValue(discarded)) => ({
  key: stateKey(topic, id(n)),
  value,
  timestamp: 1
})

async function states(topic = 'q'): Promise<string[]> {
  const all = await readStates(cluster.client, stateTopic, [topic])
  return [...all.get(topic)!.entries()].map(([key, { kind }]) => `${Number(`0x${key}`)} ${kind}`)
}

describe('the states', () => {
  it('are none without the topic', async () => {
    cluster.delete(stateTopic)
    expect(await states()).toEqual([])
  })

  it('are the last word on each record, and a tombstone takes it back', async () => {
    cluster.append(stateTopic, 0, { records: [record(1), record(2), record(2, 'q', null), record(3, 'other')] })
    expect(await states()).toEqual(['1 discarded'])
    expect(await states('other')).toEqual(['3 discarded'])
  })

  it('count once their transaction is committed, and only then', async () => {
    const writer = cluster.writer('t')
    await writer.begin()
    await writer.send(stateTopic, 0, [record(1)])
    expect(await states()).toEqual([])
    await writer.commit()
    await writer.begin()
    await writer.send(stateTopic, 0, [record(2)])
    await writer.abort()
    expect(await states()).toEqual(['1 discarded'])
  })

  it('are not kept waiting by a transaction that somebody else has left open', async () => {
    const other = cluster.writer('other')
    await other.begin()
    await other.send(stateTopic, 0, [record(9, 'other')])
    const writer = cluster.writer('t')
    await writer.begin()
    await writer.send(stateTopic, 0, [record(1)])
    await writer.commit()
    expect(await states()).toEqual(['1 discarded'])
    expect(await states('other')).toEqual([])
  })

  it('of what was left open are aborted for who takes over', async () => {
    const first = cluster.writer('t')
    await first.begin()
    await first.send(stateTopic, 0, [record(1)])
    await cluster.writer('t').open()
    expect(await states()).toEqual([])
    await expect(first.commit()).rejects.toMatchObject({ fault: 'fenced' })
  })

  it('are read over as many pieces as it takes, whatever else lies there', async () => {
    cluster.fetchBytes = 1
    cluster.append(stateTopic, 0, { records: [{ key: null, value: null, timestamp: 1 }] })
    for (let n = 0; n < 20; n++) cluster.append(stateTopic, 0, { records: [record(n)] })
    cluster.append(stateTopic, 0, { records: [{ key: Buffer.from('nobody/knows'), value: null, timestamp: 1 }] })
    expect(await states()).toHaveLength(20)
    expect(cluster.fetches).toBe(22)
  })
})
