import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  requestFrame,
  responseFrame
} from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { metadataResponse } from '../../../protocol/messages/metadata.ts'
import type { MetadataResponse, MetadataResponseInput } from '../../../protocol/messages/metadata.ts'
import { produceResponse } from '../../../protocol/messages/produce.ts'
import { connectRaw, tryConnect } from '../../support/raw-upstream.ts'
import type { RawPeer, RawUpstream } from '../../support/raw-upstream.ts'
import { freePorts } from '../../support/ports.ts'
import {
  MiB,
  atEnd,
  brokerAt,
  proxyBench,
  refuses,
  shareFetch,
  shareFetchAnswer,
  startProxy,
  startUpstream,
  until,
  watchedProduce
} from './harness.ts'
import { heartbeat, heartbeatAnswer, produceAnswer } from './session/harness.ts'

const metadata = (correlationId: number): Buffer =>
  requestFrame({ apiKey: apiKeys.metadata, apiVersion: 9, correlationId, clientId: 'c' }, Buffer.alloc(4))

/** Lets a broker answer Metadata with what `of` says at that moment, and nothing else. */
function answersMetadata(upstream: RawUpstream, of: () => MetadataResponseInput): void {
  upstream.answer = (frame) => {
    const { apiKey, apiVersion, correlationId } = decodeRequestHeader(frame.subarray(4))
    if (apiKey !== apiKeys.metadata) return null
    return responseFrame(apiKey, apiVersion, correlationId, metadataResponse.encode(of(), apiVersion))
  }
}

/** The answer to one more Metadata request on this connection. */
async function askMetadata(client: RawPeer): Promise<MetadataResponse> {
  const before = client.frames.length
  client.send(metadata(before))
  await until(() => client.frames.length, before + 1)
  const frame = client.frames[before]!.subarray(4)
  const { correlationId, headerLength } = decodeResponseHeader(frame, apiKeys.metadata, 9)
  expect(correlationId).toBe(before)
  return metadataResponse.decode(frame.subarray(headerLength), 9, { maxElements: frame.length })
}

const portsIn = ({ brokers }: MetadataResponse): Record<number, number> =>
  Object.fromEntries(brokers.map(({ nodeId, port }) => [nodeId, port]))

async function occupy(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => server.close())
  return server
}

describe('addresses', () => {
  it('lead to one broker each, and the bootstrap address to any', async () => {
    const upstreams = [await startUpstream(), await startUpstream()]
    const bench = await startProxy({ upstreams })
    for (const [i, upstream] of upstreams.entries()) {
      const client = await bench.connect(i + 1)
      client.send(heartbeat(1))
      await until(() => upstream.links[0]?.received, heartbeat(1))
      expect(bench.proxy.connections()[i]).toMatchObject({
        nodeId: i + 1,
        remoteAddress: `127.0.0.1:${client.socket.localPort!}`
      })
    }
    await bench.connect()
    await bench.connect()
    await until(() => upstreams.map(({ links }) => links.length), [2, 2])
    await until(
      () =>
        bench.proxy
          .connections()
          .map(({ nodeId }) => nodeId)
          .sort(),
      [1, 1, 2, 2]
    )
    expect(new Set([bench.port(), bench.port(1), bench.port(2)]).size).toBe(3)
    expect(bench.proxy.brokersWithoutPort).toEqual([])
  })

  it('take turns among the bootstrap servers, and go past one that is down to brokers the cluster names', async () => {
    const [down] = await freePorts(1)
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream], bootstrapServers: [{ host: '127.0.0.1', port: down! }] })
    const client = await bench.connect()
    client.send(heartbeat(1))
    await until(() => upstream.links[0]?.received, heartbeat(1))
    expect(bench.events.unreachable).toEqual([{ host: '127.0.0.1', port: down }])
    expect(bench.proxy.connections()[0]!.nodeId).toBe(1)
  })

  it('of several listeners are each given to those who came by that listener', async () => {
    const upstream = await startUpstream()
    const hosts = ['inside.test', 'outside.test', '::1']
    const bench = await startProxy({
      upstreams: [upstream],
      listeners: hosts.map((advertisedHost) => ({ advertisedHost }))
    })
    answersMetadata(upstream, () => ({ brokers: [{ nodeId: 1, host: 'broker.internal', port: upstream.port }] }))
    for (const [i, { bootstrap, brokers }] of bench.proxy.addresses.entries()) {
      const own = brokers.get(1)!
      for (const port of [bootstrap.port, own.port]) {
        const client = await connectRaw(port)
        atEnd(() => client.socket.destroy())
        expect((await askMetadata(client)).brokers).toMatchObject([{ nodeId: 1, host: hosts[i], port: own.port }])
      }
    }
    const ports = bench.proxy.addresses.flatMap(({ bootstrap, brokers }) => [bootstrap.port, brokers.get(1)!.port])
    expect(new Set(ports).size).toBe(6)
  })

  it('are opened all or not at all', async () => {
    const upstream = await startUpstream()
    const [taken, bootstrap] = await freePorts(2)
    await occupy(taken!)
    const bench = proxyBench({
      upstreams: [upstream],
      listeners: [{ address: { host: '127.0.0.1', port: bootstrap! }, portOf: () => taken! }]
    })
    await expect(bench.proxy.listen()).rejects.toThrow('EADDRINUSE')
    await until(() => bench.cluster.watchers, 0)
    expect(await tryConnect(bootstrap!)).toBe('ECONNREFUSED')
  })

  it('of a broker that has none are left out of answers, and that is told once', async () => {
    const upstreams = [await startUpstream(), await startUpstream()]
    const bench = await startProxy({
      upstreams,
      listeners: [{ portOf: (nodeId) => (nodeId === 2 ? null : 0) }]
    })
    answersMetadata(upstreams[0]!, () => ({
      brokers: [1, 2, 7].map((nodeId) => ({ nodeId, host: 'broker.internal', port: 9_092 }))
    }))
    const client = await bench.connect(1)
    for (let i = 0; i < 3; i += 1) expect(Object.keys(portsIn(await askMetadata(client)))).toEqual(['1', '7'])
    bench.cluster.become([...bench.cluster.brokers().values(), brokerAt(9, upstreams[0]!)])
    await until(() => bench.proxy.addresses[0]!.brokers.has(9), true)
    expect(bench.proxy.brokersWithoutPort).toEqual([2])
    expect(bench.events.withoutPort).toEqual([2])
    expect(bench.events.cannotListenOn).toEqual([])
  })

  it('of a broker that an answer names for the first time are open before the answer arrives', async () => {
    const upstreams = [await startUpstream(), await startUpstream()]
    const bench = await startProxy({ upstreams: upstreams.slice(0, 1) })
    answersMetadata(upstreams[0]!, () => ({
      brokers: [
        { nodeId: 1, ...upstreams[0]!.address },
        { nodeId: 2, ...upstreams[1]!.address }
      ]
    }))
    const answer = await askMetadata(await bench.connect())
    expect(answer.brokers.map(({ host }) => host)).toEqual(['proxy.test', 'proxy.test'])
    expect(portsIn(answer)).toEqual({ 1: bench.port(1), 2: bench.port(2) })
    const client = await bench.connect(2)
    client.send(heartbeat(1))
    await until(() => upstreams[1]!.links[0]?.received, heartbeat(1))
  })

  it('that are opened for a new broker are told once', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream] })
    answersMetadata(upstream, () => ({ brokers: [{ nodeId: 2, ...upstream.address }] }))
    const client = await bench.connect(1)
    await askMetadata(client)
    await askMetadata(client)
    expect(bench.events.listeningOn.map(({ nodeId }) => nodeId)).toEqual([2])
  })

  it('that cannot be cost the broker they belong to, not the process and not the other brokers', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({
      upstreams: [upstream],
      listeners: [{ portOf: (nodeId) => (nodeId === 5 ? 70_000 : 0) }]
    })
    bench.cluster.become([
      brokerAt(1, upstream),
      brokerAt(4, { port: 99_999 }),
      brokerAt(5, upstream),
      brokerAt(6, { port: -1 }),
      brokerAt(7, upstream)
    ])
    await until(() => [...bench.proxy.addresses[0]!.brokers.keys()], [1, 4, 6, 7])
    expect(bench.events.cannotListenOn).toContain(5)
    for (const nodeId of [4, 6]) {
      const client = await bench.connect(nodeId)
      await until(() => client.over, true)
    }
    await bench.expectAllClosed()
    const client = await bench.connect(7)
    client.send(heartbeat(1))
    await until(() => upstream.links[0]?.received, heartbeat(1))
  })
})

describe('a broker that moves', () => {
  it('is asked about when an answer says so, and then reached where it is now, under the same address', async () => {
    const [before, after] = [await startUpstream(), await startUpstream()]
    const bench = await startProxy({ upstreams: [before] })
    const port = bench.port(1)
    let port1 = before.port
    answersMetadata(before, () => ({ brokers: [{ nodeId: 1, host: '127.0.0.1', port: port1 }] }))
    const client = await bench.connect(1)
    expect(portsIn(await askMetadata(client))).toEqual({ 1: port })
    expect(bench.cluster.refreshes).toBe(0)
    port1 = after.port
    bench.cluster.truth = [brokerAt(1, after)]
    expect(portsIn(await askMetadata(client))).toEqual({ 1: port })
    expect(bench.cluster.refreshes).toBe(1)
    expect(client.over).toBe(false)
    const next = await bench.connect(1)
    next.send(heartbeat(1))
    await until(() => after.links[0]?.received, heartbeat(1))
  })

  it('is not believed to have moved because of one answer', async () => {
    const [upstream, elsewhere] = [await startUpstream(), await startUpstream()]
    const bench = await startProxy({ upstreams: [upstream] })
    answersMetadata(upstream, () => ({ brokers: [{ nodeId: 1, ...elsewhere.address }] }))
    await askMetadata(await bench.connect(1))
    await bench.connect(1)
    await until(() => upstream.links.length, 2)
    expect(elsewhere.links).toHaveLength(0)
  })

  it('or leaves for good ends new connections, not old ones', async () => {
    const [first, second] = [await startUpstream(), await startUpstream()]
    const bench = await startProxy({ upstreams: [first, second] })
    const port = bench.port(2)
    const old = await bench.connect(2)
    await until(() => second.links.length, 1)
    bench.cluster.become([brokerAt(1, first)])
    // It is reset: that may come before the client has seen that it was taken.
    expect(['connected', 'ECONNRESET']).toContain(await tryConnect(port))
    await until(() => bench.events.reasons.length, 1)
    expect(['upstream-unreachable', 'client-closed']).toContain(bench.events.reasons[0])
    old.send(heartbeat(1))
    await until(() => second.links[0]!.received, heartbeat(1))
  })
})

describe('a broker that is down', () => {
  it('has its port refused before its clients learn of it, and taken again when it is back', async () => {
    const [brokerPort] = await freePorts(1)
    const upstream = await startUpstream(brokerPort)
    const bench = await startProxy({ upstreams: [upstream] })
    const port = bench.port(1)
    const clients = [await bench.connect(1), await bench.connect(1)]
    await until(() => upstream.links.length, 2)
    const tried: Promise<string>[] = []
    for (const client of clients) client.socket.once('end', () => tried.push(tryConnect(port)))
    upstream.close()
    await until(() => tried.length, 2)
    expect(await Promise.all(tried)).toEqual(['ECONNREFUSED', 'ECONNREFUSED'])
    for (const client of clients) client.end()
    await bench.expectAllClosed()
    expect(bench.events.reasons).toEqual(['upstream-closed', 'upstream-closed'])
    // Clients are still told of it, as a cluster does for a while.
    expect(bench.proxy.brokersWithoutPort).toEqual([])
    expect(bench.port(1)).toBe(port)

    await upstream.open()
    await expect.poll(() => tryConnect(port), { interval: 20, timeout: 5_000 }).toBe('connected')
    const client = await bench.connect(1)
    client.send(heartbeat(1))
    await until(() => upstream.links.at(-1)!.received, heartbeat(1))
    expect(bench.port(1)).toBe(port)
  })

  it('and refuses the very first connection has its port refused from then on', async () => {
    const [down] = await freePorts(1)
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream] })
    bench.cluster.become([brokerAt(1, upstream), brokerAt(2, { port: down! })])
    await until(() => bench.proxy.addresses[0]!.brokers.has(2), true)
    const ended = bench.connect(2).then(
      ({ socket }) => once(socket, 'error'),
      (error: unknown) => [error]
    )
    const tried = ended.then(() => tryConnect(bench.port(2)))
    expect(await ended).toMatchObject([{ code: 'ECONNRESET' }])
    expect(await tried).toBe('ECONNREFUSED')
    await bench.expectAllClosed()
    expect(bench.events.reasons).toEqual(['upstream-unreachable'])
    expect(await tryConnect(bench.port(1))).toBe('connected')
    expect(await tryConnect(bench.port())).toBe('connected')
  })

  it('that only ended the connection and takes others goes on being reached', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream] })
    const client = await bench.connect(1)
    await until(() => upstream.links.length, 1)
    upstream.links[0]!.reset()
    await until(() => client.over, true)
    expect(await tryConnect(bench.port(1))).toBe('connected')
  })

  it('whose port somebody else took meanwhile is left out until the port is free and an answer names it', async () => {
    const [brokerPort, ownPort] = await freePorts(2)
    const [other, upstream] = [await startUpstream(), await startUpstream(brokerPort)]
    const bench = await startProxy({
      upstreams: [other, upstream],
      bootstrapServers: [other.address],
      listeners: [{ portOf: (nodeId) => (nodeId === 2 ? ownPort! : 0) }]
    })
    answersMetadata(other, () => ({
      brokers: [
        { nodeId: 1, ...other.address },
        { nodeId: 2, ...upstream.address }
      ]
    }))
    const asking = await bench.connect()
    expect(portsIn(await askMetadata(asking))).toMatchObject({ 2: ownPort })

    const client = await bench.connect(2)
    await until(() => upstream.links.length, 1)
    upstream.close()
    await until(() => client.over, true)
    const squatter = await occupy(ownPort!)
    await upstream.open()
    await until(() => bench.events.cannotListenOn.includes(2), true)
    expect(Object.keys(portsIn(await askMetadata(asking)))).toEqual(['1'])
    expect(bench.proxy.brokersWithoutPort).toEqual([2])
    expect(bench.proxy.addresses[0]!.brokers.has(2)).toBe(false)

    squatter.close()
    await once(squatter, 'close')
    expect(portsIn(await askMetadata(asking))).toMatchObject({ 2: ownPort })
    expect(bench.proxy.brokersWithoutPort).toEqual([])
    const healed = await bench.connect(2)
    healed.send(heartbeat(1))
    await until(() => upstream.links.at(-1)!.received, heartbeat(1))
  })
})

describe('draining', () => {
  it('waits for a Produce that is held and for one the broker has not answered, and cuts a long poll', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream] })
    const [polling, inFlight, held] = [await bench.connect(1), await bench.connect(1), await bench.connect(1)]
    await until(() => upstream.links.length, 3)
    const fetch = requestFrame(
      { apiKey: apiKeys.fetch, apiVersion: 12, correlationId: 1, clientId: 'c' },
      Buffer.alloc(9)
    )
    polling.send(fetch)
    inFlight.send(watchedProduce(1, 100))
    await until(
      () =>
        bench.proxy
          .connections()
          .map(({ pendingAnswers }) => pendingAnswers)
          .sort(),
      [0, 1, 1]
    )
    bench.path.holds = true
    held.send(watchedProduce(2, 100))
    await until(() => bench.path.held.length, 1)

    const port = bench.port(1)
    let drained = false
    const draining = bench.proxy.drain(60_000).then(() => {
      drained = true
    })
    await until(() => polling.over, true)
    expect(await tryConnect(port)).toBe('ECONNREFUSED')
    expect(await tryConnect(bench.port())).toBe('ECONNREFUSED')
    expect([inFlight.over, held.over, drained]).toEqual([false, false, false])

    const withProduce = upstream.links.filter((link) => link.frames[0]?.equals(watchedProduce(1, 100)))
    expect(withProduce).toHaveLength(1)
    withProduce[0]!.send(produceAnswer(1, { responses: [] }))
    await until(() => inFlight.over, true)
    expect(inFlight.frames).toEqual([produceAnswer(1, { responses: [] })])
    expect([held.over, drained]).toEqual([false, false])

    bench.path.departure = refuses
    bench.path.held[0]!.release()
    await draining
    await until(() => held.over, true)
    const answer = produceResponse.decode(held.frames[0]!.subarray(9), 9)
    expect(answer.responses[0]!.partitionResponses[0]!.errorCode).toBe(87)
    await bench.expectAllClosed()
    expect(bench.events.reasons).toEqual(['drained', 'drained', 'drained'])
  })

  it('cuts what is left when its time is over', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream] })
    const clients = [await bench.connect(1), await bench.connect(1)]
    bench.path.holds = true
    clients[0]!.send(watchedProduce(1, 100_000))
    clients[1]!.send(watchedProduce(1, 100_000).subarray(0, 65_536))
    await until(() => [bench.path.held.length, bench.proxy.inflightBytes > 200_000], [1, true])
    await bench.proxy.drain(20)
    expect(bench.path.held[0]!.gone.aborted).toBe(true)
    await bench.expectAllClosed()
    expect(bench.events.reasons).toEqual(['drain-timeout', 'drain-timeout'])
    await until(() => clients.map((client) => client.over), [true, true])
  })

  it('takes up no request that was not begun', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream] })
    const client = await bench.connect(1)
    bench.path.holds = true
    client.send(watchedProduce(1, 100), watchedProduce(2, 100), heartbeat(3))
    await until(() => bench.path.held.length, 1)
    const draining = bench.proxy.drain(60_000)
    bench.path.held[0]!.release()
    await until(() => upstream.links[0]!.frames.length, 1)
    upstream.links[0]!.send(produceAnswer(1, { responses: [] }))
    await draining
    expect(bench.path.calls).toHaveLength(1)
    expect(upstream.links[0]!.frames).toHaveLength(1)
    await until(() => client.over, true)
    expect(client.frames).toHaveLength(1)
  })

  it('opens no port any more, whatever an answer or the cluster says', async () => {
    const upstream = await startUpstream()
    const [later] = await freePorts(1)
    const bench = await startProxy({
      upstreams: [upstream],
      listeners: [{ portOf: (nodeId) => (nodeId === 1 ? 0 : later!) }]
    })
    const client = await bench.connect(1)
    await until(() => upstream.links.length, 1)
    const link = upstream.links[0]!
    client.send(metadata(1), watchedProduce(2, 100))
    await until(() => link.frames.length, 2)
    const draining = bench.proxy.drain(60_000)
    bench.cluster.become([brokerAt(1, upstream), brokerAt(2, upstream)])
    expect(bench.cluster.watchers).toBe(0)
    const brokers = [1, 2, 3].map((nodeId) => ({ nodeId, host: 'broker.internal', port: 9_092 }))
    const body = metadataResponse.encode({ brokers }, 9)
    link.send(responseFrame(apiKeys.metadata, 9, 1, body), produceAnswer(2, { responses: [] }))
    await draining
    await until(() => client.over, true)
    expect(client.frames).toHaveLength(2)
    expect(metadataResponse.decode(client.frames[0]!.subarray(9), 9).brokers.map(({ nodeId }) => nodeId)).toEqual([1])
    expect(await tryConnect(later!)).toBe('ECONNREFUSED')
    expect(bench.events.listeningOn).toEqual([])
  })

  it('does not take the brokers of a late answer for brokers without a port', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream] })
    const client = await bench.connect(1)
    await until(() => upstream.links.length, 1)
    client.send(metadata(1), watchedProduce(2, 100))
    await until(() => upstream.links[0]!.frames.length, 2)
    const draining = bench.proxy.drain(60_000)
    const body = metadataResponse.encode({ brokers: [{ nodeId: 2, ...upstream.address }] }, 9)
    upstream.links[0]!.send(responseFrame(apiKeys.metadata, 9, 1, body), produceAnswer(2, { responses: [] }))
    await draining
    expect(bench.events.withoutPort).toEqual([])
  })

  it('that comes while a port is being opened closes it again', async () => {
    const upstream = await startUpstream()
    const [later] = await freePorts(1)
    const bench = await startProxy({
      upstreams: [upstream],
      listeners: [{ portOf: (nodeId) => (nodeId === 1 ? 0 : later!) }]
    })
    bench.cluster.become([brokerAt(1, upstream), brokerAt(2, upstream)])
    await bench.proxy.drain(1_000)
    await expect.poll(() => tryConnect(later!), { interval: 4 }).toBe('ECONNREFUSED')
    await new Promise((resolve) => setImmediate(resolve))
    expect(await tryConnect(later!)).toBe('ECONNREFUSED')
  })

  it('of a proxy without connections is over at once, and may be asked for twice', async () => {
    const bench = await startProxy({ upstreams: [await startUpstream()] })
    await Promise.all([bench.proxy.drain(60_000), bench.proxy.drain(60_000)])
    await bench.proxy.close()
    expect(bench.events.openedIds).toEqual([])
  })
})

describe('limits', () => {
  it('of connections: one too many is closed, the others go on, and room is made again', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream], limits: { connections: 2 } })
    const clients = [await bench.connect(1), await bench.connect(1)]
    await until(() => upstream.links.length, 2)
    const third = await bench.connect(1)
    await until(() => third.over, true)
    expect(bench.events.reasons).toEqual(['connection-limit'])
    expect(bench.events.active).toBe(2)
    expect(upstream.links).toHaveLength(2)
    clients[0]!.reset()
    await until(() => bench.proxy.connections().length, 1)
    const fourth = await bench.connect(1)
    fourth.send(heartbeat(1))
    await until(() => upstream.links[2]?.received, heartbeat(1))
  })

  it('of memory: two clients with large frames take turns, and small frames pass meanwhile', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream], limits: { inflightBytes: 8 * MiB } })
    const [first, second, small] = [await bench.connect(1), await bench.connect(1), await bench.connect(1)]
    const frame = watchedProduce(1, 6 * MiB)
    first.send(frame.subarray(0, frame.length - 1))
    await until(() => bench.proxy.inflightBytes, frame.length)
    second.send(frame)
    await until(() => bench.events.waits, ['request'])
    small.send(watchedProduce(9, 1_000))
    await until(() => bench.path.calls.length, 1)
    first.send(frame.subarray(frame.length - 1))
    await until(() => bench.path.calls.length, 3)
    await until(
      () => upstream.links.map(({ receivedBytes }) => receivedBytes).sort((a, b) => b - a),
      [frame.length, frame.length, watchedProduce(9, 1_000).length]
    )
    await until(() => bench.proxy.inflightBytes, 0)
  })

  it.each([
    ['has sent little', 65_536],
    ['has sent much', 4 * MiB]
  ])('of memory: a client that %s and vanishes while it waits gives its place to the next', async (_, sent) => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream], limits: { inflightBytes: 8 * MiB } })
    const frame = watchedProduce(1, 6 * MiB)
    const [hog, vanishing, next] = [await bench.connect(1), await bench.connect(1), await bench.connect(1)]
    bench.path.holds = true
    hog.send(frame)
    await until(() => bench.path.held.length, 1)
    vanishing.send(frame.subarray(0, sent))
    await until(() => bench.events.waits.length, 1)
    next.send(frame)
    await until(() => bench.events.waits.length, 2)
    vanishing.reset()
    await until(() => vanishing.closed, true)
    bench.path.held[0]!.release()
    await until(() => bench.path.held.length, 2)
    bench.path.held[1]!.release()
    await until(() => bench.proxy.inflightBytes, 0)
    expect(bench.events.reasons).toEqual(['client-closed'])
    await until(
      () => upstream.links.map(({ receivedBytes }) => receivedBytes).sort((a, b) => a - b),
      [0, frame.length, frame.length]
    )
  })

  it('of memory: requests do not keep answers waiting, nor the other way round', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream], limits: { inflightBytes: 8 * MiB } })
    bench.path.holds = true
    const [producing, reading] = [await bench.connect(1), await bench.connect(1)]
    producing.send(watchedProduce(1, 6 * MiB))
    await until(() => bench.path.held.length, 1)
    upstream.answer = (frame) => (frame.equals(shareFetch(1)) ? shareFetchAnswer(1, 6 * MiB) : null)
    reading.send(shareFetch(1))
    await until(() => reading.frames.length, 1)
    expect(bench.events.waits).toEqual([])
  })

  it('let a Metadata answer of 150,000 partitions pass', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream] })
    const topics = Array.from({ length: 1_500 }, (_, t) => ({
      name: `topic-${t}`,
      partitions: Array.from({ length: 100 }, (_, partitionIndex) => ({
        partitionIndex,
        leaderId: 1,
        leaderEpoch: 3,
        replicaNodes: [1, 2, 3],
        isrNodes: [1, 2, 3]
      }))
    }))
    const brokers = [1, 2, 3].map((nodeId) => ({ nodeId, host: 'broker.internal', port: 9_092, rack: `r${nodeId}` }))
    answersMetadata(upstream, () => ({ brokers, topics, clusterId: 'cluster', controllerId: 2 }))
    const answer = await askMetadata(await bench.connect(1))
    expect(answer.topics.reduce((sum, topic) => sum + topic.partitions.length, 0)).toBe(150_000)
    expect(answer.topics[1_499]).toMatchObject({ name: 'topic-1499', partitions: { length: 100 } })
    expect(answer.topics[1_499]!.partitions[99]).toMatchObject({ partitionIndex: 99, leaderId: 1, leaderEpoch: 3 })
    expect(answer.brokers.map(({ nodeId, rack }) => [nodeId, rack])).toEqual([
      [1, 'r1'],
      [2, 'r2'],
      [3, 'r3']
    ])
    expect(portsIn(answer)).toEqual({ 1: bench.port(1), 2: bench.port(2), 3: bench.port(3) })
    expect(answer).toMatchObject({ clusterId: 'cluster', controllerId: 2 })
    await until(() => bench.proxy.inflightBytes, 0)
  })
})

describe('the count of connections', () => {
  it('is right however they end', async () => {
    const upstream = await startUpstream()
    const bench = await startProxy({ upstreams: [upstream], limits: { connections: 20 } })
    const clients: RawPeer[] = []
    for (let i = 0; i < 8; i += 1) clients.push(await bench.connect(i % 2 === 0 ? 1 : undefined))
    await until(() => upstream.links.length, 8)
    expect(bench.events.active).toBe(8)
    expect(bench.proxy.connections().map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    for (const client of clients) client.send(heartbeat(1))
    await until(() => upstream.links.every((link) => link.frames.length === 1), true)
    clients[0]!.reset()
    clients[1]!.socket.destroy()
    clients[2]!.end()
    upstream.links[3]!.end()
    upstream.links[4]!.reset()
    upstream.links[5]!.send(heartbeatAnswer(99))
    await until(() => upstream.links.some((link) => link.ended), true)
    for (const link of upstream.links) link.socket.end()
    await until(() => clients.filter((client) => client.over).length >= 6, true)
    await bench.proxy.close()
    await bench.expectAllClosed()
    expect(bench.events.reasons).toHaveLength(8)
  })
})
