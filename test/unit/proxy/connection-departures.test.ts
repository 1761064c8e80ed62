/** Requests that wait for their departure, on real sockets: their order, their memory and their end. */
import { describe, expect, it } from 'vitest'
import { ByteBudget } from '../../../src/proxy/byte-budget.ts'
import { tryConnect } from '../../support/raw-upstream.ts'
import { MiB, openConnection, refuses, until, watchedProduce } from './harness.ts'
import { departed, heartbeat, produceAnswer } from './session/harness.ts'

describe('requests that wait for their departure', () => {
  it('leave in order, each with its memory, while others are judged behind them', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.path.admission = bench.path.waits
    const frames = [1, 2, 3].map((id) => watchedProduce(id, id * 100_000))
    const bytes = frames.map((frame) => frame.length)
    bench.client.send(...frames)
    await until(() => bench.path.waiting.length, 3)
    expect([bench.requestBudget.reservedBytes, link.receivedBytes]).toEqual([bytes[0]! + bytes[1]! + bytes[2]!, 0])
    bench.path.waiting[2]!()
    bench.path.waiting[0]!()
    await until(() => link.frames.length, 1)
    await until(() => bench.requestBudget.reservedBytes, bytes[1]! + bytes[2]!)
    bench.path.waiting[1]!()
    await until(() => link.frames.length, 3)
    expect(link.received.equals(Buffer.concat(frames))).toBe(true)
    await until(() => bench.requestBudget.reservedBytes, 0)
  })

  it('are counted until what they wait for has come, though the connection is gone', async () => {
    const bench = await openConnection()
    bench.path.admission = bench.path.waits
    const frames = [watchedProduce(1, 300_000), watchedProduce(2, 1_000), watchedProduce(3, 200_000)]
    bench.client.send(...frames)
    await until(() => bench.path.waiting.length, 3)
    bench.path.waiting[1]!()
    bench.client.reset()
    await bench.connection.closed
    await until(() => bench.requestBudget.reservedBytes, frames[0]!.length + frames[2]!.length)
    bench.path.waiting[0]!()
    await until(() => bench.requestBudget.reservedBytes, frames[2]!.length)
    bench.path.waiting[2]!()
    await bench.expectClosed('client-closed')
  })

  it('are let go when the broker is lost: none of them departs, and their memory comes back', async () => {
    const lost = Promise.withResolvers<undefined>()
    const bench = await openConnection({ upstreamLost: () => lost.promise.then(() => undefined) })
    const link = await bench.link()
    let departures = 0
    bench.path.admission = bench.path.waits
    bench.path.departure = () => {
      departures += 1
      return departed()
    }
    bench.client.send(watchedProduce(1, 1_000), watchedProduce(2, 1_000))
    await until(() => bench.path.waiting.length, 2)
    link.reset()
    await until(() => link.closed, true)
    bench.client.send(watchedProduce(3, 1_000))
    await tryConnect(bench.upstream.port)
    for (const depart of bench.path.waiting) depart()
    await until(() => bench.requestBudget.reservedBytes, 0)
    expect(bench.events.closings).toHaveLength(0)
    lost.resolve(undefined)
    await bench.expectClosed('upstream-closed')
    expect([departures, bench.path.calls.length]).toEqual([0, 2])
  })

  it('are carried out after the end of their client, and answered', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.path.admission = bench.path.waits
    bench.path.departure = (judged) => (judged.call.header.correlationId === 2 ? refuses(judged) : departed())
    bench.client.send(watchedProduce(1, 1_000), watchedProduce(2, 1_000))
    bench.client.end()
    await until(() => bench.path.waiting.length, 2)
    await until(() => bench.client.socket.writableFinished, true)
    for (const depart of bench.path.waiting) depart()
    await until(() => link.ended, true)
    expect(link.received).toEqual(watchedProduce(1, 1_000))
    link.send(produceAnswer(1, { responses: [] }))
    link.end()
    await until(() => bench.client.over, true)
    expect(bench.client.frames.map((frame) => frame.readInt32BE(4))).toEqual([1, 2])
    await bench.expectClosed('client-closed')
  })

  it('are told from a client that dawdles: it owes nothing while they keep its next frame', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.path.admission = bench.path.waits
    bench.client.send(watchedProduce(1, 1_000), heartbeat(2))
    await until(() => bench.path.waiting.length, 1)
    for (let i = 0; i < 3; i += 1) {
      bench.connection.checkRate(16_384, 10_000)
      bench.clock.nowMs += 10_000
    }
    bench.path.waiting[0]!()
    await until(() => link.frames.length, 2)
    expect(bench.events.closings).toHaveLength(0)
  })

  it.each(['too-many-gates', 'chain-moved'] as const)(
    'and are not safe close the connection (%s), and what is behind them gives its memory back',
    async (reason) => {
      const bench = await openConnection()
      bench.path.admission = bench.path.waits
      bench.path.departure = () => ({ kind: 'unsafe', reason })
      bench.client.send(watchedProduce(1, 1_000), watchedProduce(2, 300_000))
      await until(() => bench.path.waiting.length, 2)
      bench.path.waiting[0]!()
      await until(() => bench.client.over, true)
      bench.path.waiting[1]!()
      await bench.expectClosed(reason)
      expect(bench.client.receivedBytes).toBe(0)
    }
  )

  it('do not keep a full memory from being given back: another connection gets its turn', async () => {
    const requestBudget = new ByteBudget(8 * MiB)
    const first = await openConnection({ requestBudget })
    const second = await openConnection({ requestBudget })
    first.path.admission = first.path.waits
    const frame = watchedProduce(1, 3 * MiB)
    first.client.send(frame, frame, frame)
    await until(() => [first.path.waiting.length, requestBudget.waiting], [2, 1])
    second.client.send(frame)
    await until(() => requestBudget.waiting, 2)
    const links = await Promise.all([first.link(), second.link()])
    first.path.waiting[0]!()
    first.path.waiting[1]!()
    await until(() => first.path.waiting.length, 3)
    await until(() => links[1].receivedBytes, frame.length)
    first.path.waiting[2]!()
    await until(() => links[0].receivedBytes, 3 * frame.length)
    await until(() => [requestBudget.reservedBytes, requestBudget.waiting], [0, 0])
  })
})
