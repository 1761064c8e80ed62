import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { requestFrame, responseFrame } from '../../../protocol/frames/header.ts'
import { apiVersionsResponse } from '../../../protocol/messages/api-versions.ts'
import { apis, batchOf, fetchFrom, fetchOf, produceOf, produceTo, startHarness } from './harness.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

async function received(socket: Socket, size: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer])
    if (bytes.length >= size) break
  }
  return bytes
}

async function endOf(socket: Socket): Promise<void> {
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
}

describe('the connection', () => {
  it('answers an unknown ApiVersions version in the layout of version 0, with its own range (KIP-511)', async () => {
    const { broker } = await startHarness()
    const socket = await rawSocket(broker.port)
    socket.write(
      requestFrame({ apiKey: 18, apiVersion: 99, correlationId: 7, clientId: null }, Buffer.from('anything'))
    )
    const body = apiVersionsResponse.encode(
      {
        errorCode: 35,
        apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }]
      },
      0
    )
    const expected = responseFrame(18, 0, 7, body)
    expect(await received(socket, expected.length)).toEqual(expected)
  })

  it.each<[string, Buffer]>([
    [
      'an API that is not offered',
      requestFrame({ apiKey: 24, apiVersion: 0, correlationId: 1, clientId: null }, Buffer.alloc(20))
    ],
    ['an API that does not exist', Buffer.from([0, 0, 0, 8, 0x7f, 0xff, 0, 0, 0, 0, 0, 1])],
    [
      'a version that is not offered',
      requestFrame({ apiKey: 1, apiVersion: 3, correlationId: 1, clientId: null }, Buffer.alloc(9))
    ],
    [
      'a body that cannot be read',
      requestFrame({ apiKey: 3, apiVersion: 4, correlationId: 1, clientId: null }, Buffer.from([9]))
    ],
    [
      'more bytes than the body has',
      requestFrame({ apiKey: 16, apiVersion: 0, correlationId: 1, clientId: null }, Buffer.from([0]))
    ],
    [
      'an array longer than the frame',
      requestFrame(
        { apiKey: 3, apiVersion: 4, correlationId: 1, clientId: null },
        Buffer.from([0x7f, 0xff, 0xff, 0xff, 1])
      )
    ],
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a frame above 100 MiB', Buffer.from([0x06, 0x40, 0, 1])],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')]
  ])('is closed by %s, and the broker goes on', async (_, bytes) => {
    const { broker, connection } = await startHarness({ topics: [{ name: 't' }] })
    const socket = await rawSocket(broker.port)
    socket.write(bytes)
    await endOf(socket)
    await expect(produceTo(connection, 't', batchOf(['a']))).resolves.toMatchObject({ errorCode: 0 })
  })

  it('answers requests that arrive in one piece in their order, a long poll among them', async () => {
    const { broker, clock, connection, connect } = await startHarness({ topics: [{ name: 't' }] })
    const order: string[] = []
    const poll = connection
      .call(apis.fetch, fetchOf('t', 0n, { maxWaitMs: 10_000 }), { version: 12 })
      .then(() => order.push('fetch'))
    const after = connection.call(apis.describeCluster, {}).then(() => order.push('describeCluster'))
    const other = await connect()
    await produceTo(other, 't', batchOf(['a']))
    await Promise.all([poll, after])
    expect(order).toEqual(['fetch', 'describeCluster'])
    expect(broker.topics.endOffset('t')).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })

  it('leaves no timer behind when a client hangs up in a long poll', async () => {
    const { broker, clock, connection, connect } = await startHarness({ topics: [{ name: 't' }] })
    const other = await connect()
    const poll = fetchFrom(connection, 't', 0n, { maxWaitMs: 10_000 })
    poll.catch(() => undefined)
    while (clock.pendingTimers === 0) await other.call(apis.describeCluster, {})
    connection.close()
    while (broker.connectionCount() > 1) await other.call(apis.describeCluster, {})
    expect(clock.pendingTimers).toBe(0)
  })

  it('can be cut by the test, and new ones are accepted', async () => {
    const { broker, connection, connect } = await startHarness()
    const waiting = fetchFrom(connection, 't', 0n, { maxWaitMs: 10_000 })
    broker.dropConnections()
    await expect(waiting).rejects.toMatchObject({ fault: 'closed' })
    await expect((await connect()).call(apis.describeCluster, {})).resolves.toMatchObject({ controllerId: 1 })
  })
})

describe('an interceptor', () => {
  it('can drop the connection after the append, so that the client does not know', async () => {
    const { broker, connection, connect } = await startHarness({ topics: [{ name: 't' }] })
    const stop = broker.intercept('produce', async (call) => {
      await call.proceed()
      return 'drop-connection' as const
    })
    await expect(produceTo(connection, 't', batchOf(['a']))).rejects.toMatchObject({ fault: 'closed' })
    expect(broker.topics.endOffset('t')).toBe(1)
    stop()
    await expect(produceTo(await connect(), 't', batchOf(['b']))).resolves.toMatchObject({ baseOffset: 1n })
  })

  it('can drop it before, answer by itself, or change the answer', async () => {
    const { broker, connection, connect } = await startHarness({ topics: [{ name: 't' }] })
    const stopDropping = broker.intercept('produce', () => 'drop-connection')
    await expect(produceTo(connection, 't', batchOf(['a']))).rejects.toMatchObject({ fault: 'closed' })
    expect(broker.topics.endOffset('t')).toBe(0)
    stopDropping()
    broker.intercept('produce', async (call) => {
      const answer = await call.proceed()
      if (typeof answer === 'string') return answer
      return { ...answer, throttleTimeMs: 42 }
    })
    const second = await connect('second')
    const changed = await second.call(apis.produce, produceOf('t', batchOf(['a'])))
    expect(changed).toMatchObject({ throttleTimeMs: 42, responses: [{ partitionResponses: [{ errorCode: 0 }] }] })
  })

  it('sees who asks what, and may hold the answer back while others are served', async () => {
    const { broker, connection, connect } = await startHarness({ topics: [{ name: 't' }] })
    const seen: unknown[] = []
    const release = Promise.withResolvers<undefined>()
    broker.intercept('produce', async (call) => {
      seen.push([call.clientId, call.apiVersion, call.request.acks, call.connectionId])
      await release.promise
      return call.proceed()
    })
    const held = produceTo(connection, 't', batchOf(['a']), { version: 9 })
    const other = await connect()
    await other.call(apis.describeCluster, {})
    expect(broker.topics.endOffset('t')).toBe(0)
    release.resolve(undefined)
    await held
    expect(seen).toEqual([['test', 9, -1, 1]])
  })

  it('that was added last is asked first', async () => {
    const { broker, connection } = await startHarness()
    const order: number[] = []
    for (const n of [1, 2]) {
      broker.intercept('describeCluster', (call) => {
        order.push(n)
        return call.proceed()
      })
    }
    await connection.call(apis.describeCluster, {})
    expect(order).toEqual([2, 1])
  })

  it('that throws closes the connection and is told of', async () => {
    const faults: unknown[] = []
    const { broker, connection } = await startHarness({ onFault: (error) => faults.push(error) })
    broker.intercept('describeCluster', () => {
      throw new Error('a mistake in a test')
    })
    await expect(connection.call(apis.describeCluster, {})).rejects.toMatchObject({ fault: 'closed' })
    expect(faults).toEqual([new Error('a mistake in a test')])
  })
})
