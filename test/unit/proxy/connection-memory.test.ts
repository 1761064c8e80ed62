/**
 * Memory that is used again, on real sockets: released memory is overwritten at once, so whoever still needed it shows.
 */
import { describe, expect, it } from 'vitest'
import { buildBatch } from '../../../protocol/records/batch.ts'
import { requestFrame } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { produceRequest } from '../../../protocol/messages/produce.ts'
import { ReadBuffers, readBufferDefaults } from '../../../src/proxy/read-buffers.ts'
import { MiB, openConnection, refuses, until } from './harness.ts'
import { departed, heartbeat, heartbeatAnswer, metadataAnswer, produceAnswer } from './session/harness.ts'

const poison = 0xdb

const poisoned = (): ReadBuffers => new ReadBuffers({ ...readBufferDefaults, released: (bytes) => bytes.fill(poison) })

/** A Produce whose value is all the same byte, another one for each. */
function produce(id: number, bytes: number, topic: string): Buffer {
  const records = buildBatch({ records: [{ key: null, value: Buffer.alloc(bytes, id % 200), timestamp: 1 }] })
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
  const body = produceRequest.encode({ acks: -1, timeoutMs: 30_000, topicData }, 9)
  return requestFrame({ apiKey: apiKeys.produce, apiVersion: 9, correlationId: id, clientId: 'c' }, body)
}

const metadataRequest = (correlationId: number): Buffer =>
  requestFrame({ apiKey: apiKeys.metadata, apiVersion: 8, correlationId, clientId: 'c' }, Buffer.alloc(8))

/** The same sequence for the same seed (mulberry32). */
function sizes(seed: number, count: number, most: number): number[] {
  let state = seed
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % most
  })
}

const recordsOf = (call: {
  request: { topicData: readonly { partitionData: readonly { records: Buffer | null }[] }[] }
}) => call.request.topicData[0]!.partitionData[0]!.records!

describe.each([true, false])('through a connection (onread: %s)', (onread) => {
  it.each([1, 2, 3])('every byte arrives as it was sent, however both sides dawdle (seed %d)', async (seed) => {
    const buffers = poisoned()
    const bench = await openConnection({ onread, buffers })
    const link = await bench.link()
    bench.path.admission = (judged) =>
      judged.call.header.correlationId % 5 === 0 ? bench.path.waits() : { kind: 'admitted', ready: null }
    const frames = sizes(seed, 60, 150_000).map((bytes, i) => produce(i, bytes, i % 3 === 0 ? 'watched' : 'other'))
    const dawdle = setInterval(() => {
      if (Math.trunc(link.receivedBytes / 100_000) % 2 === 0) link.pause()
      else link.resume()
      bench.path.waiting.shift()?.()
    }, 3)
    const hurry = setInterval(() => link.resume(), 10)
    bench.client.send(...frames)
    await until(() => link.receivedBytes, Buffer.concat(frames).length)
    clearInterval(dawdle)
    clearInterval(hurry)
    expect(link.received.equals(Buffer.concat(frames))).toBe(true)
    link.resume()
    link.send(...frames.map((_, i) => produceAnswer(i, { responses: [] })))
    await until(() => bench.client.frames.length, frames.length)
    expect(bench.client.frames.map((frame) => frame.readInt32BE(4))).toEqual(frames.map((_, i) => i))
    await until(() => bench.requestBudget.reservedBytes, 0)
    expect(buffers.held).toBe(0)
  })

  it('large answers arrive as they were sent while the client dawdles', async () => {
    const buffers = poisoned()
    const bench = await openConnection({ onread, buffers })
    const link = await bench.link()
    const frames = sizes(7, 20, 900_000).map((bytes, i) => {
      const answer = heartbeatAnswer(i)
      const frame = Buffer.concat([answer, Buffer.alloc(bytes, i)])
      frame.writeInt32BE(frame.length - 4)
      return frame
    })
    const heartbeats = frames.map((_, i) =>
      requestFrame({ apiKey: apiKeys.heartbeat, apiVersion: 0, correlationId: i, clientId: 'c' }, Buffer.from('body'))
    )
    bench.client.send(...heartbeats)
    await until(() => link.frames.length, frames.length)
    const dawdle = setInterval(() => {
      bench.client.pause()
      setTimeout(() => bench.client.resume(), 2)
    }, 6)
    link.send(...frames)
    const all = Buffer.concat(frames)
    await until(() => bench.client.receivedBytes, all.length)
    clearInterval(dawdle)
    expect(bench.client.received.equals(all)).toBe(true)
    expect(buffers.held).toBe(0)
  })
})

describe.each([true, false])('while nothing can be taken (onread: %s)', (onread) => {
  const much = 30 * MiB
  /** Longer than a paused socket is left alone before it is looked at. */
  const longEnough = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 300))

  it('no more than a read or two is taken from the client, and it goes on later', async () => {
    const bench = await openConnection({ onread })
    const link = await bench.link()
    bench.path.holds = true
    const frames = [produce(1, 1_000, 'watched'), produce(2, much, 'other')]
    bench.client.send(...frames)
    await until(() => bench.path.held.length, 1)
    await longEnough()
    expect(bench.connection.info.bytesFromClient).toBeLessThan(1 * MiB)
    bench.path.held[0]!.release()
    await until(() => link.receivedBytes, Buffer.concat(frames).length)
  })

  it('no more than a read or two is taken from the broker, and it goes on later', async () => {
    const opened = Promise.withResolvers<undefined>()
    const reconcile = (): Promise<void> => opened.promise.then(() => undefined)
    const bench = await openConnection({ onread, reconcile, reconciled: () => open })
    let open = false
    const link = await bench.link()
    bench.client.send(metadataRequest(1), heartbeat(2))
    await until(() => link.frames.length, 2)
    const large = Buffer.concat([heartbeatAnswer(2), Buffer.alloc(much)])
    large.writeInt32BE(large.length - 4)
    link.send(metadataAnswer(1, 8, [{ nodeId: 9, host: 'b', port: 9 }]), large)
    await longEnough()
    expect(link.socket.bytesWritten - link.socket.writableLength).toBeLessThan(much)
    open = true
    opened.resolve(undefined)
    await until(() => bench.client.receivedBytes > much, true)
  })
})

describe('a request that is judged', () => {
  it.each([10_000, 1_000_000])('and leaves at once is no longer to be seen afterwards (%d bytes)', async (bytes) => {
    const bench = await openConnection({ buffers: poisoned() })
    const link = await bench.link()
    bench.client.send(produce(1, bytes, 'watched'))
    await until(() => link.frames.length, 1)
    await until(() => recordsOf(bench.path.calls[0]!).length, 0)
  })

  it.each([
    ['held', 30_000],
    ['held', 1_000_000],
    ['refused', 30_000],
    ['refused', 1_000_000],
    ['rebuilt', 30_000],
    ['rebuilt', 1_000_000]
  ])('and is %s stays what it was, whatever comes after it (%d bytes)', async (how, bytes) => {
    const buffers = poisoned()
    const bench = await openConnection({ buffers })
    const link = await bench.link()
    if (how === 'held') bench.path.admission = bench.path.waits
    if (how === 'refused') bench.path.departure = refuses
    if (how === 'rebuilt') bench.path.departure = () => departed({ forward: Buffer.from('rebuilt') })
    bench.client.send(produce(7, bytes, 'watched'))
    await until(() => bench.path.calls.length, 1)
    if (how === 'held') await until(() => bench.path.waiting.length, 1)
    const other = await openConnection({ buffers })
    const frames = Array.from({ length: 20 }, (_, i) => produce(100 + i, 50_000, 'other'))
    other.client.send(...frames)
    const otherLink = await other.link()
    await until(() => otherLink.receivedBytes, Buffer.concat(frames).length)
    const expected = produceRequest.decode(produce(7, bytes, 'watched').subarray(4 + 12), 9)
    expect(recordsOf(bench.path.calls[0]!).equals(recordsOf({ request: expected }))).toBe(true)
    bench.path.waiting[0]?.()
    if (how === 'held') await until(() => link.received.equals(produce(7, bytes, 'watched')), true)
    expect(buffers.held).toBe(0)
  })

  it('where it lies and has to stay counts with what it lies in, and the next ones take their own size', async () => {
    const bench = await openConnection({ buffers: poisoned() })
    const link = await bench.link()
    bench.path.admission = bench.path.waits
    const frames = [1, 2, 3].map((id) => produce(id, 30_000, 'watched'))
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0)
    for (const [i, frame] of frames.entries()) {
      bench.client.send(frame)
      await until(() => bench.path.waiting.length, i + 1)
    }
    expect(bench.requestBudget.reservedBytes).toBe(bytes + readBufferDefaults.bytes)
    for (const depart of bench.path.waiting) depart()
    await until(() => link.received.equals(Buffer.concat(frames)), true)
    await until(() => bench.requestBudget.reservedBytes, 0)
  })
})
