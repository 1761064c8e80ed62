import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { accept, onreadWorks, tryTakeOver } from '../../../src/proxy/accepted-sockets.ts'
import { ReadBuffers } from '../../../src/proxy/read-buffers.ts'
import { ChunkQueue } from '../../../protocol/frames/chunk-queue.ts'
import { socketPair, until } from './harness.ts'

describe('an accepted socket', () => {
  it('can be made to read into memory of ours by the Node that is used here', async () => {
    expect(await tryTakeOver()).toBe(true)
    expect(await onreadWorks()).toBe(true)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no handle')
      }
    ],
    ['gives another socket', () => new Socket()],
    ['leaves the socket as it was', (socket: Socket) => socket]
  ])('is read as a stream where taking it over %s', { timeout: 10_000 }, async (_, take) => {
    expect(await tryTakeOver(take)).toBe(false)
  })

  it.each([true, false])('is known by its peer, reads when resumed and tells its end (onread: %s)', async (works) => {
    const { client, socket } = await socketPair()
    const { socket: taken, inlet } = accept(socket, new ReadBuffers(), works)
    expect(taken === socket).toBe(!works)
    expect(taken.remotePort).toBe(client.socket.localPort)
    let arrived = ''
    inlet.feed({
      unused: new ChunkQueue(),
      arrived: (chunk) => (arrived += chunk.toString()),
      place: () => null,
      placed: () => undefined,
      reads: () => true
    })
    let ended = false
    taken.on('end', () => (ended = true))
    client.send(Buffer.from('first'))
    await until(() => client.socket.writableLength, 0)
    expect(arrived).toBe('')
    taken.resume()
    await until(() => arrived, 'first')
    client.end()
    await until(() => ended, true)
    expect(taken.writable).toBe(true)
    taken.end(Buffer.from('last'))
    await until(() => client.receivedBytes, 4)
    await until(() => taken.closed, true)
  })
})
