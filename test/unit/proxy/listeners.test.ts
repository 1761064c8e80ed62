import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Listener } from '../../../src/proxy/listeners.ts'
import type { ListenerOptions } from '../../../src/proxy/listeners.ts'
import { connectRaw, tryConnect } from '../../support/raw-upstream.ts'
import { freePorts } from '../../support/ports.ts'
import { atEnd, until } from './harness.ts'

interface Accepted {
  readonly socket: Socket
  readonly nodeId: number | null
  readonly listener: Listener
}

function listening(options: Partial<ListenerOptions> = {}): { listener: Listener; accepted: Accepted[] } {
  const accepted: Accepted[] = []
  const listener = new Listener(
    { address: { host: '127.0.0.1', port: 0 }, advertisedHost: 'proxy.test', portOf: () => 0, ...options },
    (socket, nodeId, from) => {
      socket.on('error', () => undefined)
      atEnd(() => socket.destroy())
      accepted.push({ socket, nodeId, listener: from })
    }
  )
  atEnd(() => listener.close())
  return { listener, accepted }
}

async function occupy(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => server.close())
  return server
}

async function free(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}

describe('a listener', () => {
  it('hands over each connection with the broker it is meant for, unread', async () => {
    const { listener, accepted } = listening()
    const bootstrap = await listener.open()
    const own = (await listener.ensure(7))!
    const client = await connectRaw(own.port)
    client.send(Buffer.from('early'))
    atEnd(() => client.socket.destroy())
    await until(() => accepted.length, 1)
    expect(await tryConnect(bootstrap.port)).toBe('connected')
    await until(() => accepted.map(({ nodeId }) => nodeId), [7, null])
    expect(accepted.every((one) => one.listener === listener)).toBe(true)
    expect(accepted[0]!.socket.bytesRead).toBe(0)
    const [bytes] = (await once(accepted[0]!.socket.resume(), 'data')) as [Buffer]
    expect(bytes.toString()).toBe('early')
  })

  it('keeps the other side open when a client has sent its end', async () => {
    const { listener, accepted } = listening()
    const { port } = await listener.open()
    const client = await connectRaw(port)
    atEnd(() => client.socket.destroy())
    client.end()
    await until(() => accepted.length, 1)
    await once(accepted[0]!.socket.resume(), 'end')
    accepted[0]!.socket.write('late')
    await until(() => client.received.toString(), 'late')
  })

  it('gives out the advertised host, with the port it got', async () => {
    const [port] = await freePorts(1)
    const { listener } = listening({ portOf: (nodeId) => (nodeId === 1 ? port! : 0) })
    expect(await listener.ensure(1)).toEqual({ host: 'proxy.test', port })
    expect(listener.advertised(1)).toEqual({ host: 'proxy.test', port })
    expect((await listener.ensure(2))!.port).toBeGreaterThan(0)
    expect(listener.advertised(3)).toBeNull()
  })

  it('opens one port for all who ask for the same broker', async () => {
    const { listener } = listening()
    const [first, second] = await Promise.all([listener.ensure(1), listener.ensure(1)])
    expect(second).toEqual(first)
    expect(await listener.ensure(1)).toEqual(first)
  })

  it('knows which brokers have no port, and that there is nothing to open for them', async () => {
    const { listener } = listening({ portOf: () => null })
    expect(await listener.ensure(1)).toBeNull()
    expect([listener.knows(1), listener.lacks(1), listener.advertised(1)]).toEqual([true, true, null])
  })

  it.each([
    ['taken', null],
    ['impossible', 70_000]
  ])('rejects a port that is %s, and has not opened anything then', async (_, impossible) => {
    const [port] = await freePorts(1)
    if (impossible === null) await occupy(port!)
    const { listener } = listening({ portOf: () => impossible ?? port! })
    await expect(listener.ensure(1)).rejects.toThrow(/EADDRINUSE|port/)
    expect([listener.knows(1), listener.lacks(1)]).toEqual([false, true])
    const bootstrap = listening({ address: { host: '127.0.0.1', port: impossible ?? port! } })
    await expect(bootstrap.listener.open()).rejects.toThrow(/EADDRINUSE|port/)
  })

  it('tries again for those who ask later', async () => {
    const [port] = await freePorts(1)
    const squatter = await occupy(port!)
    const { listener } = listening({ portOf: () => port! })
    await expect(listener.ensure(1)).rejects.toThrow('EADDRINUSE')
    await free(squatter)
    expect(await listener.ensure(1)).toEqual({ host: 'proxy.test', port })
  })
})

describe('a broker that is down', () => {
  it('has its port refused while its address is still given out and open connections stay', async () => {
    const { listener, accepted } = listening()
    const own = (await listener.ensure(1))!
    const other = (await listener.ensure(2))!
    const client = await connectRaw(own.port)
    atEnd(() => client.socket.destroy())
    await until(() => accepted.length, 1)
    listener.refuse(1)
    listener.refuse(1)
    listener.refuse(99)
    expect(await tryConnect(own.port)).toBe('ECONNREFUSED')
    expect(await tryConnect(other.port)).toBe('connected')
    expect(listener.advertised(1)).toEqual(own)
    expect(await listener.ensure(1)).toEqual(own)
    expect(await tryConnect(own.port)).toBe('ECONNREFUSED')
    accepted[0]!.socket.write('still here')
    await until(() => client.received.toString(), 'still here')
  })

  it('has the same port taken again when it is back', async () => {
    const { listener } = listening()
    const own = (await listener.ensure(1))!
    listener.refuse(1)
    await listener.admit(1)
    await listener.admit(1)
    expect(await tryConnect(own.port)).toBe('connected')
    expect(listener.advertised(1)).toEqual(own)
  })

  it('and was never there is not admitted', async () => {
    const { listener } = listening()
    await listener.admit(1)
    expect(listener.advertised(1)).toBeNull()
  })

  it('whose port is taken meanwhile is not given out any more until it can be opened', async () => {
    const [port] = await freePorts(1)
    const { listener } = listening({ portOf: () => port! })
    await listener.ensure(1)
    listener.refuse(1)
    const squatter = await occupy(port!)
    await expect(listener.admit(1)).rejects.toThrow('EADDRINUSE')
    expect([listener.advertised(1), listener.knows(1), listener.lacks(1)]).toEqual([null, false, true])
    await expect(listener.ensure(1)).rejects.toThrow('EADDRINUSE')
    await free(squatter)
    expect(await listener.ensure(1)).toEqual({ host: 'proxy.test', port })
    expect(await tryConnect(port!)).toBe('connected')
  })
})

describe('a listener that is closed', () => {
  it('refuses everywhere, opens nothing, and leaves open connections alone', async () => {
    const { listener, accepted } = listening()
    const bootstrap = await listener.open()
    const own = (await listener.ensure(1))!
    const down = (await listener.ensure(2))!
    const client = await connectRaw(own.port)
    atEnd(() => client.socket.destroy())
    await until(() => accepted.length, 1)
    listener.refuse(2)
    listener.close()
    await listener.admit(2)
    expect(await listener.ensure(3)).toBeNull()
    for (const { port } of [bootstrap, own, down]) expect(await tryConnect(port)).toBe('ECONNREFUSED')
    accepted[0]!.socket.write('still here')
    await until(() => client.received.toString(), 'still here')
  })

  it('while a port is being opened has it closed again', async () => {
    const [bootstrap, own] = await freePorts(2)
    const { listener } = listening({ address: { host: '127.0.0.1', port: bootstrap! }, portOf: () => own! })
    const opening = Promise.all([listener.open(), listener.ensure(1)])
    listener.close()
    await opening
    expect(await tryConnect(bootstrap!)).toBe('ECONNREFUSED')
    expect(await tryConnect(own!)).toBe('ECONNREFUSED')
  })
})
