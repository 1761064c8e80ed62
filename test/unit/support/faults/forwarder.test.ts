/** The cut that direct producers get: sudden, complete, and over after a while. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startForwarder, type Forwarder } from '../../../support/faults/forwarder.ts'

let forwarder: Forwarder
let broker: Server
let seen: Socket[]

const portOf = (address: string): number => Number(address.split(':')[1])

async function dial(): Promise<Socket> {
  const socket = connect(portOf(forwarder.detours[0]!.advertised), '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

beforeEach(async () => {
  seen = []
  forwarder = await startForwarder(1)
  broker = createServer((socket) => {
    seen.push(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  }).listen(portOf(forwarder.detours[0]!.listen), '127.0.0.1')
  await once(broker, 'listening')
})

afterEach(async () => {
  await forwarder.close()
  for (const socket of seen) socket.destroy()
  broker.close()
})

describe('the forwarder', () => {
  it('leads to the broker and back', async () => {
    const socket = await dial()
    socket.write('hello')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toBe('hello')
    socket.destroy()
  })

  it('resets a connection to a broker that is not there', async () => {
    broker.close()
    const socket = await dial()
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
  })

  it('resets both ends, refuses for a while, and then leads there again', async () => {
    const socket = await dial()
    socket.write('x')
    await once(socket, 'data')
    const told = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>
    const ended = new Promise((resolve) => seen[0]!.once('close', resolve))
    const cut = forwarder.cut(50)
    expect((await told)[0].code).toBe('ECONNRESET')
    await ended
    await expect(dial()).rejects.toThrow('ECONNREFUSED')
    await cut
    const again = await dial()
    again.write('y')
    await once(again, 'data')
    again.destroy()
  })
})
