import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeRequestHeader, responseFrame, type RequestHeader } from '../../../protocol/frames/header.ts'
import { apiVersionsResponse } from '../../../protocol/messages/api-versions.ts'
import { initProducerIdResponse } from '../../../protocol/messages/init-producer-id.ts'
import * as apis from '../../../src/kafka/apis.ts'
import { Connection, type ConnectionOptions } from '../../../src/kafka/connection.ts'
import { ConnectionError, KafkaError, NoCommonVersionError } from '../../../src/kafka/errors.ts'
import { FrameReader } from '../../../protocol/frames/frame-reader.ts'
import { FakeClock } from './fake-clock.ts'

type Answer = (header: RequestHeader, socket: Socket, body: Buffer) => void

/** A server that does what the test says, frame by frame. */
class ScriptedServer {
  readonly requests: RequestHeader[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(answer: Answer) {
    this.#server = createServer((socket) => {
      const frames = new FrameReader(1_000_000)
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        frames.push(chunk)
        for (let frame = frames.next(); frame !== null; frame = frames.next()) {
          const header = decodeRequestHeader(frame)
          this.requests.push(header)
          answer(header, socket, frame.subarray(header.headerLength))
        }
      })
    })
  }

  async listen(): Promise<{ host: string; port: number }> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port }
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

function sayVersions(header: RequestHeader, socket: Socket, keys = [apis.initProducerId.key]): void {
  const body = apiVersionsResponse.encode(
    {
      errorCode: 0,
      apiKeys: keys.map((apiKey) => ({ apiKey, minVersion: 0, maxVersion: 4 }))
    },
    header.apiVersion
  )
  socket.write(responseFrame(header.apiKey, header.apiVersion, header.correlationId, body))
}

function sayProducerId(header: RequestHeader, socket: Socket, producerId: bigint): void {
  const body = initProducerIdResponse.encode({ producerId, producerEpoch: 0 }, header.apiVersion)
  socket.write(responseFrame(header.apiKey, header.apiVersion, header.correlationId, body))
}

const servers: ScriptedServer[] = []
const connections: Connection[] = []

async function serve(answer: Answer): Promise<{ server: ScriptedServer; address: { host: string; port: number } }> {
  const server = new ScriptedServer(answer)
  servers.push(server)
  return { server, address: await server.listen() }
}

async function open(
  address: { host: string; port: number },
  options: Partial<ConnectionOptions> = {}
): Promise<Connection> {
  const connection = await Connection.open(address, { clientId: 'test', ...options })
  connections.push(connection)
  return connection
}

const ask = { transactionalId: null, transactionTimeoutMs: 0 }

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close()
  for (const server of servers.splice(0)) server.close()
})

describe('Connection', () => {
  it('speaks the newest version that both ends have', async () => {
    const { server, address } = await serve((header, socket) => {
      if (header.apiKey === apis.apiVersions.key) sayVersions(header, socket)
      else sayProducerId(header, socket, 7n)
    })
    const connection = await open(address)
    await expect(connection.call(apis.initProducerId, ask)).resolves.toMatchObject({ producerId: 7n })
    expect(server.requests.at(-1)).toMatchObject({ apiKey: 22, apiVersion: 4, clientId: 'test' })
  })

  it('steps down to the ApiVersions version that a refusal in the layout of version 0 names (KIP-511)', async () => {
    const { server, address } = await serve((header, socket) => {
      if (header.apiVersion <= 1) {
        sayVersions(header, socket)
        return
      }
      const body = apiVersionsResponse.encode(
        { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 1 }] },
        0
      )
      socket.write(responseFrame(header.apiKey, 0, header.correlationId, body))
    })
    await open(address)
    expect(server.requests.map((r) => r.apiVersion)).toEqual([3, 1])
  })

  it('falls back to version 0 when the refusal names nothing', async () => {
    const { server, address } = await serve((header, socket) => {
      if (header.apiVersion === 0) sayVersions(header, socket)
      else socket.write(responseFrame(18, 0, header.correlationId, Buffer.from([0, 35, 0, 0, 0, 0])))
    })
    await open(address)
    expect(server.requests.map((r) => r.apiVersion)).toEqual([3, 0])
  })

  it('rejects with the name of the error when the broker refuses ApiVersions for another reason', async () => {
    const { address } = await serve((header, socket) => {
      socket.write(responseFrame(18, 3, header.correlationId, apiVersionsResponse.encode({ errorCode: 58 }, 3)))
    })
    await expect(open(address)).rejects.toThrow(KafkaError)
    await expect(open(address)).rejects.toMatchObject({
      errorName: 'SASL_AUTHENTICATION_FAILED',
      code: 58,
      retriable: false
    })
  })

  it('says what is missing when there is no common version', async () => {
    const { address } = await serve((header, socket) => sayVersions(header, socket, []))
    const connection = await open(address)
    await expect(connection.call(apis.initProducerId, ask)).rejects.toThrow(NoCommonVersionError)
    await expect(connection.call(apis.initProducerId, ask)).rejects.toThrow(
      /InitProducerId: it offers no version, needed is 0 to 4/
    )
  })

  it('matches answers to requests in order, however the bytes arrive', async () => {
    let next = 100n
    const { address } = await serve((header, socket) => {
      if (header.apiKey === apis.apiVersions.key) {
        sayVersions(header, socket)
        return
      }
      const body = initProducerIdResponse.encode({ producerId: next++, producerEpoch: 0 }, header.apiVersion)
      const frame = responseFrame(header.apiKey, header.apiVersion, header.correlationId, body)
      for (const byte of frame) socket.write(Buffer.from([byte]))
    })
    const connection = await open(address)
    const answers = await Promise.all(Array.from({ length: 20 }, () => connection.call(apis.initProducerId, ask)))
    expect(answers.map((a) => a.producerId)).toEqual(Array.from({ length: 20 }, (_, i) => 100n + BigInt(i)))
  })

  it.each<[string, Answer]>([
    ['another correlation id', (header, socket) => sayProducerId({ ...header, correlationId: 99 }, socket, 1n)],
    ['a negative length', (_, socket) => socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]))],
    [
      'bytes behind the answer',
      (header, socket) => {
        const body = initProducerIdResponse.encode({}, header.apiVersion)
        socket.write(
          responseFrame(22, header.apiVersion, header.correlationId, Buffer.concat([body, Buffer.from([1])]))
        )
      }
    ],
    [
      'half an answer',
      (header, socket) => {
        socket.write(responseFrame(22, header.apiVersion, header.correlationId, Buffer.from([0, 0, 0])))
      }
    ]
  ])('ends when it gets %s', async (_, answer) => {
    const { address } = await serve((header, socket, body) => {
      if (header.apiKey === apis.apiVersions.key) sayVersions(header, socket)
      else answer(header, socket, body)
    })
    const connection = await open(address)
    await expect(connection.call(apis.initProducerId, ask)).rejects.toMatchObject({
      name: 'ConnectionError',
      fault: 'protocol'
    })
    expect(connection.isOpen).toBe(false)
  })

  it('ends when more is announced than it may take', async () => {
    const { address } = await serve((header, socket) => sayVersions(header, socket))
    await expect(open(address, { maxResponseBytes: 10 })).rejects.toMatchObject({ fault: 'protocol' })
  })

  it('rejects everything that waits when the broker hangs up, and everything after', async () => {
    const { address } = await serve((header, socket) => {
      if (header.apiKey === apis.apiVersions.key) sayVersions(header, socket)
      else socket.destroy()
    })
    const connection = await open(address)
    const results = await Promise.allSettled([1, 2, 3].map(() => connection.call(apis.initProducerId, ask)))
    for (const result of results)
      expect(result).toMatchObject({ status: 'rejected', reason: { fault: 'closed', retriable: true } })
    await expect(connection.call(apis.initProducerId, ask)).rejects.toThrow(ConnectionError)
    await expect(connection.send(apis.initProducerId, ask)).rejects.toThrow(ConnectionError)
  })

  it('ends when an answer is late, and says of what', async () => {
    const clock = new FakeClock()
    const { address } = await serve((header, socket) => {
      if (header.apiKey === apis.apiVersions.key) sayVersions(header, socket)
    })
    const connection = await open(address, { clock, requestTimeoutMs: 500 })
    const late = connection.call(apis.initProducerId, ask)
    const behind = connection.call(apis.initProducerId, ask, { timeoutMs: 10_000 })
    clock.advance(500)
    await expect(late).rejects.toThrow('InitProducerId was not answered within 500 ms')
    await expect(behind).rejects.toMatchObject({ fault: 'timeout' })
    expect(clock.pendingTimers).toBe(0)
  })

  it('tells whoever listens that it ended, once, also afterwards', async () => {
    const { address } = await serve((header, socket) => sayVersions(header, socket))
    const connection = await open(address)
    const heard: string[] = []
    connection.onClose((reason) => heard.push(reason.fault))
    const stop = connection.onClose(() => heard.push('never'))
    stop()
    connection.close()
    connection.close()
    connection.onClose((reason) => heard.push(reason.fault))
    expect(heard).toEqual(['closed', 'closed'])
  })

  it('rejects with the address when nobody listens', async () => {
    const { server, address } = await serve(() => undefined)
    server.close()
    await expect(open(address)).rejects.toMatchObject({ fault: 'connect', address: `127.0.0.1:${address.port}` })
  })

  it('can be given up while it connects', async () => {
    const { address } = await serve(() => undefined)
    const owner = new AbortController()
    const opening = open(address, { signal: owner.signal })
    owner.abort()
    await expect(opening).rejects.toThrow(ConnectionError)
    await expect(open(address, { signal: owner.signal })).rejects.toThrow(ConnectionError)
  })
})
