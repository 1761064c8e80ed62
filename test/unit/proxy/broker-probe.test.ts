import { describe, expect, it } from 'vitest'
import type { Address } from '../../../src/address.ts'
import { BrokerProbe } from '../../../src/proxy/broker-probe.ts'
import { freePorts } from '../../support/ports.ts'
import { atEnd, startUpstream, until } from './harness.ts'

function probing(addresses: Map<number, Address>): { probe: BrokerProbe; told: string[] } {
  const told: string[] = []
  const probe = new BrokerProbe({
    addressOf: (nodeId) => addresses.get(nodeId) ?? null,
    onDown: (nodeId) => told.push(`down ${nodeId}`),
    onUp: (nodeId) => told.push(`up ${nodeId}`)
  })
  atEnd(() => probe.close())
  return { probe, told }
}

describe('a broker that takes connections', () => {
  it('is found up by one connection that is closed at once, and then left alone', async () => {
    const upstream = await startUpstream()
    const { probe, told } = probing(new Map([[1, upstream.address]]))
    await probe.suspect(1)
    await until(() => upstream.links.map((link) => link.over), [true])
    expect(upstream.links[0]!.receivedBytes).toBe(0)
    expect(told).toEqual([])
  })

  it('is probed once for all who suspect it at the same time, and again for those who do later', async () => {
    const upstream = await startUpstream()
    const { probe } = probing(new Map([[1, upstream.address]]))
    await Promise.all([probe.suspect(1), probe.suspect(1), probe.suspect(1)])
    await until(() => upstream.links.length, 1)
    await probe.suspect(1)
    await until(() => upstream.links.length, 2)
  })
})

describe('a broker that refuses connections', () => {
  it('is told down before the suspicion is settled, once, and up as soon as it is back, once', async () => {
    const [port] = await freePorts(1)
    const { probe, told } = probing(new Map([[1, { host: '127.0.0.1', port: port! }]]))
    await probe.suspect(1)
    expect(told).toEqual(['down 1'])
    await Promise.all([probe.suspect(1), probe.suspect(1)])
    expect(told).toEqual(['down 1'])
    const upstream = await startUpstream(port)
    await until(() => told, ['down 1', 'up 1'])
    await probe.suspect(1)
    expect(told).toEqual(['down 1', 'up 1'])
    expect(upstream.links.length).toBeGreaterThan(0)
    upstream.close()
    await probe.suspect(1)
    expect(told).toEqual(['down 1', 'up 1', 'down 1'])
  })

  it('does not speak for the others', async () => {
    const upstream = await startUpstream()
    const [port] = await freePorts(1)
    const { probe, told } = probing(
      new Map([
        [1, { host: '127.0.0.1', port: port! }],
        [2, upstream.address]
      ])
    )
    await Promise.all([probe.suspect(1), probe.suspect(2)])
    expect(told).toEqual(['down 1'])
  })

  it('and moves is found where it is then', async () => {
    const upstream = await startUpstream()
    const [port] = await freePorts(1)
    const addresses = new Map([[1, { host: '127.0.0.1', port: port! }]])
    const { probe, told } = probing(addresses)
    await probe.suspect(1)
    addresses.set(1, upstream.address)
    await until(() => told, ['down 1', 'up 1'])
  })
})

describe('a broker without a usable address', () => {
  it('is not taken for down', async () => {
    const { probe, told } = probing(new Map())
    await probe.suspect(1)
    expect(told).toEqual([])
  })

  it('that leaves the cluster while it is down is not probed any more', async () => {
    const [port] = await freePorts(1)
    const addresses = new Map([[1, { host: '127.0.0.1', port: port! }]])
    const { probe, told } = probing(addresses)
    await probe.suspect(1)
    addresses.clear()
    await until(() => told, ['down 1', 'up 1'])
  })

  it('never makes the probe reject', async () => {
    const { probe } = probing(new Map([[1, { host: '127.0.0.1', port: 70_000 }]]))
    await expect(probe.suspect(1)).resolves.toBeUndefined()
  })
})

describe('a probe that is closed', () => {
  it('tells nothing any more, not even of what it was about to find out', async () => {
    const [port] = await freePorts(1)
    const { probe, told } = probing(new Map([[1, { host: '127.0.0.1', port: port! }]]))
    const suspected = probe.suspect(1)
    probe.close()
    await suspected
    await probe.suspect(1)
    expect(told).toEqual([])
  })

  it('asks no more whether a broker is back', async () => {
    const [port, control] = await freePorts(2)
    const { probe, told } = probing(new Map([[1, { host: '127.0.0.1', port: port! }]]))
    await probe.suspect(1)
    probe.close()
    // One that goes on tells when that time has passed.
    const other = probing(new Map([[1, { host: '127.0.0.1', port: control! }]]))
    await other.probe.suspect(1)
    const [upstream] = [await startUpstream(port), await startUpstream(control)]
    await until(() => other.told, ['down 1', 'up 1'])
    expect(upstream.links).toHaveLength(0)
    expect(told).toEqual(['down 1'])
  })
})
