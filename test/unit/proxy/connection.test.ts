import { describe, expect, it } from 'vitest'
import { requestFrame, responseFrame } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { metadataResponse } from '../../../protocol/messages/metadata.ts'
import { produceResponse } from '../../../protocol/messages/produce.ts'
import { ByteBudget } from '../../../src/proxy/byte-budget.ts'
import { tryConnect } from '../../support/raw-upstream.ts'
import { freePorts } from '../../support/ports.ts'
import {
  MiB,
  atEnd,
  openConnection,
  refuses,
  refusesProven,
  shareFetch,
  shareFetchAnswer,
  unproven,
  until,
  watchedProduce
} from './harness.ts'
import type { ConnectionBench } from './harness.ts'
import { departed, heartbeat, heartbeatAnswer, metadataAnswer, produceAnswer, produceFrame } from './session/harness.ts'

/** More than the kernel keeps for a loopback connection whose other side does not read. */
const tooMuch = 24 * MiB

describe('relaying', () => {
  it.each([1, 5, 61, 100_000])('passes both ways byte for byte, in pieces of %i bytes', async (size) => {
    const bench = await openConnection()
    const link = await bench.link()
    const correlationIds = Array.from({ length: 20 }, (_, i) => i)
    const up = Buffer.concat(correlationIds.map(heartbeat))
    const down = Buffer.concat(correlationIds.map(heartbeatAnswer))
    await bench.client.sendInPieces(up, size)
    await until(() => link.receivedBytes, up.length)
    await link.sendInPieces(down, size)
    await until(() => bench.client.receivedBytes, down.length)
    expect(link.received).toEqual(up)
    expect(bench.client.received).toEqual(down)
    expect(bench.connection.info).toMatchObject({
      id: 1,
      nodeId: 1,
      requests: 20,
      bytesFromClient: up.length,
      bytesToClient: down.length,
      pendingAnswers: 0
    })
    expect(bench.events.counts).toEqual({ request: 20, response: 20 })
    if (size > heartbeat(1).length) expect(bench.connection.info.clientId).toBe('c')
  })

  it('passes large frames nobody need read both ways at once, while both sides read slowly', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    const header = { apiKey: apiKeys.offsetCommit, apiVersion: 2, correlationId: 1, clientId: 'c' }
    const up = requestFrame(header, Buffer.alloc(6 * MiB, 3))
    const down = responseFrame(apiKeys.offsetCommit, 2, 1, Buffer.alloc(6 * MiB, 4))
    bench.client.pause()
    link.pause()
    bench.client.send(up)
    await until(() => bench.connection.info.requests, 1)
    link.send(down)
    link.resume()
    bench.client.resume()
    await until(() => [link.receivedBytes, bench.client.receivedBytes], [up.length, down.length])
    expect(link.received.equals(up)).toBe(true)
    expect(bench.client.received.equals(down)).toBe(true)
    expect(bench.requestBudget.reservedBytes + bench.responseBudget.reservedBytes).toBe(0)
  })

  it('keeps the order when requests that are read and requests that are not follow each other in one write', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    const frames = [heartbeat(1), watchedProduce(2, 10), heartbeat(3), watchedProduce(4, 70_000), heartbeat(5)]
    bench.client.send(...frames)
    await until(() => link.frames.length, 5)
    expect(link.received).toEqual(Buffer.concat(frames))
    expect(bench.requestBudget.reservedBytes).toBe(0)
  })
})

describe('a client that sends its end', () => {
  it('has its acks=0 records delivered before the broker learns of the end', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    const unread = produceFrame(1, { free: [0] }, { acks: 0 })
    const opened = watchedProduce(2, 500_000, { acks: 0 })
    bench.client.send(unread, opened)
    bench.client.end()
    await until(() => link.ended, true)
    expect(link.received).toEqual(Buffer.concat([unread, opened]))
    expect(bench.client.over).toBe(false)
    link.end()
    await until(() => bench.client.over, true)
    await bench.expectClosed('client-closed')
  })

  it('while a request is held: the request still goes on, then the end, and the answer comes back', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.path.holds = true
    bench.client.send(watchedProduce(1, 100))
    bench.client.end()
    await until(() => bench.path.held.length, 1)
    await until(() => bench.client.socket.writableFinished, true)
    expect(link.receivedBytes).toBe(0)
    expect(bench.path.held[0]!.gone.aborted).toBe(false)
    bench.path.held[0]!.release()
    await until(() => link.ended, true)
    expect(link.received).toEqual(watchedProduce(1, 100))
    const answer = produceAnswer(1, { responses: [] })
    link.send(answer)
    link.end()
    await until(() => bench.client.over, true)
    expect(bench.client.received).toEqual(answer)
    await bench.expectClosed('client-closed')
  })

  it('before its request has been refused here gets that answer', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.path.departure = refuses
    bench.path.holds = true
    bench.client.send(watchedProduce(1, 100))
    bench.client.end()
    await until(() => bench.path.held.length, 1)
    bench.path.held[0]!.release()
    await until(() => link.ended, true)
    link.end()
    await until(() => bench.client.over, true)
    const answer = produceResponse.decode(bench.client.frames[0]!.subarray(9), 9)
    expect(answer.responses[0]!.partitionResponses[0]!.errorCode).toBe(87)
    expect(link.receivedBytes).toBe(0)
    await bench.expectClosed('client-closed')
  })

  it('in the middle of a frame loses that half, and its reservation is given back', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    const frame = watchedProduce(2, 500_000)
    bench.client.send(heartbeat(1), frame.subarray(0, 300_000))
    await until(() => bench.requestBudget.reservedBytes, frame.length)
    bench.client.end()
    await until(() => link.ended, true)
    expect(link.received).toEqual(heartbeat(1))
    expect(bench.requestBudget.reservedBytes).toBe(0)
    link.end()
    await bench.expectClosed('client-closed')
  })

  it('while its frame waits for memory is served when its turn has come', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    const others = bench.requestBudget.reserve(56 * MiB, () => undefined)
    const frame = watchedProduce(1, 500_000)
    bench.client.send(frame)
    bench.client.end()
    await until(() => bench.requestBudget.waiting, 1)
    others.release()
    await until(() => link.ended, true)
    expect(link.received).toEqual(frame)
    link.end()
    await bench.expectClosed('client-closed')
  })
})

/** Brings a connection into a state; answers what has to be undone before nothing may be reserved. */
type Arrange = (bench: ConnectionBench) => Promise<() => void>

const none = (): void => undefined

const states: Readonly<Record<string, Arrange>> = {
  'before it has sent anything': async (bench) => {
    await bench.link()
    return none
  },
  'in the middle of a frame that is relayed': async (bench) => {
    const link = await bench.link()
    bench.client.send(heartbeat(1).subarray(0, 15))
    await until(() => link.receivedBytes, 15)
    return none
  },
  'in the middle of a frame that is collected': async (bench) => {
    const frame = watchedProduce(1, 300_000)
    bench.client.send(frame.subarray(0, 200_000))
    await until(() => bench.requestBudget.reservedBytes, frame.length)
    return none
  },
  'while its frame waits for memory': async (bench) => {
    const others = bench.requestBudget.reserve(56 * MiB, none)
    bench.client.send(watchedProduce(1, 300_000).subarray(0, 65_536))
    await until(() => [bench.requestBudget.waiting, bench.events.waits], [1, ['request']])
    return () => others.release()
  },
  'while its request is judged': async (bench) => {
    bench.path.holds = true
    bench.client.send(watchedProduce(1, 300_000))
    await until(() => bench.path.held.length, 1)
    return none
  },
  'while its request waits for its departure': async (bench) => {
    bench.path.admission = bench.path.waits
    bench.client.send(watchedProduce(1, 300_000))
    await until(() => bench.path.waiting.length, 1)
    expect(bench.requestBudget.reservedBytes).toBeGreaterThan(300_000)
    return () => bench.path.waiting[0]!()
  },
  'while one is judged behind those that wait': async (bench) => {
    bench.path.admission = bench.path.waits
    bench.client.send(watchedProduce(1, 300_000), watchedProduce(2, 1_000))
    await until(() => bench.path.waiting.length, 2)
    bench.path.holds = true
    bench.client.send(watchedProduce(3, 300_000))
    await until(() => bench.path.held.length, 1)
    expect(bench.requestBudget.reservedBytes).toBeGreaterThan(600_000)
    return () => bench.path.waiting.forEach((depart) => depart())
  },
  'while one is collected behind one that waits': async (bench) => {
    bench.path.admission = bench.path.waits
    bench.client.send(watchedProduce(1, 1_000), watchedProduce(2, 300_000).subarray(0, 200_000))
    await until(() => [bench.path.waiting.length, bench.requestBudget.reservedBytes > 300_000], [1, true])
    return () => bench.path.waiting[0]!()
  },
  'while one waits for memory behind one that waits for its departure': async (bench) => {
    const others = bench.requestBudget.reserve(56 * MiB, none)
    bench.path.admission = bench.path.waits
    bench.client.send(watchedProduce(1, 1_000), watchedProduce(2, 300_000).subarray(0, 65_536))
    await until(() => [bench.path.waiting.length, bench.requestBudget.waiting], [1, 1])
    return () => {
      others.release()
      bench.path.waiting[0]!()
    }
  },
  'while a frame stands in line behind one that waits': async (bench) => {
    bench.path.admission = bench.path.waits
    bench.client.send(watchedProduce(1, 1_000), heartbeat(2))
    await until(() => bench.path.waiting.length, 1)
    return () => bench.path.waiting[0]!()
  },
  'while the broker is asked before its request is admitted': async (bench) => {
    const link = await bench.link()
    bench.path.admission = (judged, proofs) => unproven(judged, proofs) ?? { kind: 'admitted', ready: null }
    bench.client.send(watchedProduce(1, 300_000))
    await until(() => link.frames.length, 1)
    expect(bench.requestBudget.reservedBytes).toBeGreaterThan(300_000)
    return none
  },
  'while the broker is asked whether it may write': async (bench) => {
    const link = await bench.link()
    bench.path.departure = refusesProven
    bench.client.send(watchedProduce(1, 300_000))
    await until(() => link.frames.length, 1)
    expect(bench.requestBudget.reservedBytes).toBeGreaterThan(300_000)
    return none
  },
  'while half of an opened answer is with the broker': async (bench) => {
    const link = await bench.link()
    const answer = shareFetchAnswer(1, 300_000)
    bench.client.send(shareFetch(1))
    await until(() => link.frames.length, 1)
    link.send(answer.subarray(0, 100_000))
    await until(() => bench.responseBudget.reservedBytes, answer.length)
    return none
  },
  'while its answer waits for memory': async (bench) => {
    const link = await bench.link()
    const others = bench.responseBudget.reserve(56 * MiB, none)
    bench.client.send(shareFetch(1))
    await until(() => link.frames.length, 1)
    link.send(shareFetchAnswer(1, 300_000))
    await until(() => bench.responseBudget.waiting, 1)
    return () => others.release()
  },
  'while half of its answer is written': async (bench) => {
    const link = await bench.link()
    bench.client.pause()
    bench.client.send(shareFetch(1))
    await until(() => link.frames.length, 1)
    link.send(shareFetchAnswer(1, tooMuch))
    await until(() => bench.connection.info.bytesToClient > 0, true)
    expect(bench.responseBudget.reservedBytes).toBeGreaterThan(tooMuch)
    return none
  },
  'while half of its request is written to the broker': async (bench) => {
    const link = await bench.link()
    link.pause()
    bench.client.send(watchedProduce(1, tooMuch))
    await until(() => [bench.path.calls.length, bench.connection.info.pendingAnswers], [1, 1])
    expect(bench.requestBudget.reservedBytes).toBeGreaterThan(tooMuch)
    return none
  }
}

describe('a client that resets', () => {
  it.each(Object.entries(states))('%s leaves nothing behind', async (_, arrange) => {
    const bench = await openConnection()
    const undo = await arrange(bench)
    bench.client.reset()
    await until(() => bench.events.closings.length, 1)
    undo()
    await bench.expectClosed('client-closed')
    await until(() => bench.upstream.links.map((link) => link.over || link.socket.isPaused()), [true])
  })

  it('tells the produce path that nobody waits, and is counted until the path has let go', async () => {
    const bench = await openConnection()
    bench.path.holds = true
    bench.path.letsGo = false
    const frame = watchedProduce(1, 300_000)
    bench.client.send(frame)
    await until(() => bench.path.held.length, 1)
    bench.client.reset()
    await bench.connection.closed
    expect(bench.path.held[0]!.gone.aborted).toBe(true)
    expect(bench.requestBudget.reservedBytes).toBe(frame.length)
    bench.path.held[0]!.release()
    await bench.expectClosed('client-closed')
  })
})

describe('a broker that ends the connection', () => {
  // An end behind an answer that waits is not seen before the answer has been read.
  const seen = Object.entries(states).filter(([name]) => name !== 'while its answer waits for memory')

  it.each(seen)('%s: the client is closed and nothing is left behind', async (name, arrange) => {
    const bench = await openConnection()
    const undo = await arrange(bench)
    const link = await bench.link()
    if (name.startsWith('while half of its')) link.reset()
    else link.end()
    await until(() => bench.events.closings.length, 1)
    undo()
    await bench.expectClosed('upstream-closed')
    bench.client.resume()
    await until(() => bench.client.over, true)
  })

  it('is found out about before the client learns of it', async () => {
    const known = Promise.withResolvers<undefined>()
    let lost = 0
    const bench = await openConnection({
      upstreamLost: () => {
        lost += 1
        return known.promise.then(() => undefined)
      }
    })
    const link = await bench.link()
    link.reset()
    await until(() => lost > 0, true)
    expect(bench.client.over).toBe(false)
    known.resolve(undefined)
    await until(() => bench.client.over, true)
    await bench.expectClosed('upstream-closed')
  })

  it('still has its last answers delivered', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.client.send(heartbeat(1), shareFetch(2))
    await until(() => link.frames.length, 2)
    const answers = Buffer.concat([heartbeatAnswer(1), shareFetchAnswer(2, 1 * MiB)])
    link.send(answers)
    link.end()
    await until(() => bench.client.over, true)
    expect(bench.client.received.equals(answers)).toBe(true)
    await bench.expectClosed('upstream-closed')
  })

  it('has a large answer that had to wait for memory delivered', async () => {
    const bench = await openConnection()
    const undo = await states['while its answer waits for memory']!(bench)
    const link = await bench.link()
    link.end()
    undo()
    await until(() => bench.client.over, true)
    expect(bench.client.received.equals(shareFetchAnswer(1, 300_000))).toBe(true)
    await bench.expectClosed('upstream-closed')
  })

  it.each(['memory', 'its listener'])('has a small answer that had to wait for %s delivered', async (what) => {
    const listening = Promise.withResolvers<undefined>()
    const bench = await openConnection({
      responseBudget: new ByteBudget(400_000),
      reconcile: () => listening.promise.then(() => undefined),
      ...(what === 'memory' ? {} : { reconciled: () => false })
    })
    const link = await bench.link()
    const others = bench.responseBudget.reserve(what === 'memory' ? 49_000 : 0, none)
    bench.client.send(
      requestFrame({ apiKey: apiKeys.metadata, apiVersion: 9, correlationId: 1, clientId: 'c' }, Buffer.alloc(4))
    )
    await until(() => link.frames.length, 1)
    link.send(metadataAnswer(1, 9, [{ nodeId: 5, host: 'b'.repeat(2_000), port: 9_092 }]))
    link.end()
    // By the time another connection has come and gone, the end has long arrived.
    await tryConnect(bench.upstream.port)
    await until(() => bench.upstream.links[1]?.over, true)
    await until(() => link.socket.writableFinished, true)
    expect(bench.client.receivedBytes).toBe(0)
    others.release()
    listening.resolve(undefined)
    await until(() => bench.client.over, true)
    expect(bench.client.frames).toHaveLength(1)
    await bench.expectClosed('upstream-closed')
  })
})

describe('connecting to the broker', () => {
  it('tries the addresses in their order, tells of each that fails and of the one it became', async () => {
    const [closed] = await freePorts(1)
    const reached: number[] = []
    const target = await openConnection({ start: false })
    const bench = await openConnection({
      upstreams: [{ host: '127.0.0.1', port: closed! }, target.upstream.address],
      onConnected: ({ port }) => reached.push(port)
    })
    expect(bench.events.unreachable).toEqual([{ host: '127.0.0.1', port: closed }])
    expect(reached).toEqual([target.upstream.port])
    bench.client.send(heartbeat(1))
    await until(() => target.upstream.links[0]?.received, heartbeat(1))
  })

  it('ends the client when no address can be reached, after what follows from that is done', async () => {
    const [closed] = await freePorts(1)
    const steps: string[] = []
    const bench = await openConnection({
      upstreams: [{ host: '127.0.0.1', port: closed! }],
      upstreamLost: () => Promise.resolve().then(() => void steps.push('lost'))
    })
    await until(() => bench.client.over, true)
    await bench.expectClosed('upstream-unreachable')
    expect(steps).toEqual(['lost'])
  })

  it('ends the client when there is no address', async () => {
    const bench = await openConnection({ upstreams: [] })
    await bench.expectClosed('upstream-unreachable')
  })

  it('ends one client, and nothing else, on an address that cannot be', async () => {
    const bench = await openConnection({ upstreams: [{ host: '127.0.0.1', port: 70_000 }] })
    await bench.expectClosed('internal-error')
    expect(bench.events.errors).toHaveLength(1)
  })

  it('reads nothing from the client before it is connected', async () => {
    const bench = await openConnection({ start: false })
    bench.client.send(heartbeat(1))
    expect(bench.connection.info.bytesFromClient).toBe(0)
    await bench.connection.start()
    const link = await bench.link()
    await until(() => link.received, heartbeat(1))
  })

  it('gives the broker connection up when the client was cut meanwhile', async () => {
    const bench = await openConnection({ start: false })
    const started = bench.connection.start()
    bench.connection.cut('connection-limit')
    await started
    await bench.expectClosed('connection-limit')
    await until(() => bench.upstream.links.every((link) => link.over), true)
  })
})

describe('a fault of our own', () => {
  it('in a held judgement closes the connection and gives its memory back', async () => {
    const bench = await openConnection()
    bench.path.holds = true
    bench.client.send(watchedProduce(1, 300_000))
    await until(() => bench.path.held.length, 1)
    bench.path.held[0]!.fail(new Error('fault'))
    await bench.expectClosed('internal-error')
    expect(bench.events.errors).toEqual([new Error('fault')])
  })

  it.each([
    ['admission', false],
    ['admission', true],
    ['departure', false],
    ['departure', true]
  ] as const)('in its %s closes the connection and gives its memory back (held: %s)', async (step, holds) => {
    const bench = await openConnection()
    bench.path.holds = holds
    bench.path[step] = () => {
      throw new Error('fault')
    }
    bench.client.send(watchedProduce(1, 300_000))
    await until(() => bench.path.calls.length, 1)
    bench.path.held[0]?.release()
    await bench.expectClosed('internal-error')
    expect(bench.events.errors).toEqual([new Error('fault')])
  })

  it('in what a request waits for closes the connection and gives its memory back', async () => {
    const bench = await openConnection()
    bench.path.admission = () => ({ kind: 'admitted', ready: Promise.reject(new Error('fault')) })
    bench.client.send(watchedProduce(1, 300_000))
    await bench.expectClosed('internal-error')
    expect(bench.events.errors).toEqual([new Error('fault')])
  })

  it('in confirming or answering closes the connection and gives its memory back', async () => {
    const fault = (): never => {
      throw new Error('fault')
    }
    for (const departure of [
      { ...departed({ confirm: fault }) },
      { ...departed(), answers: fault },
      { ...departed({ forward: null }), answers: fault }
    ]) {
      const bench = await openConnection()
      const link = await bench.link()
      bench.path.departure = () => departure
      bench.client.send(watchedProduce(1, 300_000))
      if (departure.forward !== null) {
        await until(() => link.frames.length, 1)
        link.send(produceAnswer(1, { responses: [] }))
      }
      await bench.expectClosed('internal-error')
      expect(bench.events.errors).toEqual([new Error('fault')])
    }
  })
})

describe('closing', () => {
  it('still delivers the answers before the frame it closes on', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.client.send(heartbeat(1))
    await until(() => link.frames.length, 1)
    link.send(heartbeatAnswer(1))
    await until(() => bench.client.frames.length, 1)
    bench.client.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await until(() => bench.client.over, true)
    expect(bench.client.received).toEqual(heartbeatAnswer(1))
    await bench.expectClosed('frame-length')
    expect(bench.events.closings[0]!.detail).toContain('1195725856')
  })

  it('after an acks=0 batch was dropped forwards what is good, answers what is owed, then ends both sides', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.path.departure = () => departed({ forward: null, closeAfter: true })
    bench.client.send(heartbeat(1), watchedProduce(2, 100, { acks: 0 }), heartbeat(3))
    await until(() => link.frames.length, 1)
    expect(bench.client.over).toBe(false)
    link.send(heartbeatAnswer(1))
    await until(() => bench.client.over, true)
    expect(bench.client.received).toEqual(heartbeatAnswer(1))
    expect(link.received).toEqual(heartbeat(1))
    await bench.expectClosed('acks-zero-refused')
  })

  it('happens once, for the first reason, however many follow', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.connection.cut('connection-limit')
    bench.connection.cut('drain-timeout')
    bench.connection.drain()
    link.reset()
    bench.client.reset()
    await bench.expectClosed('connection-limit')
    await bench.connection.closed
    expect(bench.events.closings).toHaveLength(1)
  })
})

describe('the rate of a client', () => {
  const window = 10_000
  const minimum = 16_384

  it('that sends half a frame and no more: the connection is closed when the window has passed', async () => {
    const bench = await openConnection()
    bench.client.send(watchedProduce(1, 300_000).subarray(0, 65_536))
    await until(() => bench.requestBudget.reservedBytes > 0, true)
    bench.connection.checkRate(minimum, window)
    bench.clock.nowMs += window - 1
    bench.connection.checkRate(minimum, window)
    expect(bench.client.over).toBe(false)
    bench.clock.nowMs += 1
    bench.connection.checkRate(minimum, window)
    await until(() => bench.client.over, true)
    await bench.expectClosed('slow-body')
  })

  it.each([
    ['a length', watchedProduce(1, 10).subarray(0, 3)],
    ['a header', watchedProduce(1, 10).subarray(0, 20)],
    ['a frame that is relayed', heartbeat(1).subarray(0, 14)]
  ])('that sends half of %s is held to it, too', async (_, bytes) => {
    const bench = await openConnection()
    bench.client.send(bytes)
    await until(() => bench.connection.info.bytesFromClient, bytes.length)
    bench.connection.checkRate(minimum, window)
    bench.clock.nowMs += window
    bench.connection.checkRate(minimum, window)
    await bench.expectClosed('slow-body')
  })

  it('that is fast enough is never closed, and counts anew in every window', async () => {
    const bench = await openConnection()
    const frame = watchedProduce(1, 1 * MiB)
    const piece = (minimum * window) / 1_000
    let sent = 0
    const send = async (bytes: number): Promise<void> => {
      bench.client.send(frame.subarray(sent, sent + bytes))
      sent += bytes
      await until(() => bench.connection.info.bytesFromClient, sent)
    }
    await send(1_000)
    bench.connection.checkRate(minimum, window)
    for (let i = 0; i < 3; i += 1) {
      await send(piece)
      bench.clock.nowMs += window
      bench.connection.checkRate(minimum, window)
    }
    expect(bench.client.over).toBe(false)
    await send(piece - 1_000)
    bench.clock.nowMs += window
    bench.connection.checkRate(minimum, window)
    await bench.expectClosed('slow-body')
  })

  it('that pipelines is not closed for always being in the middle of some frame', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    const frame = heartbeat(1)
    bench.client.send(frame.subarray(0, 14))
    await until(() => link.receivedBytes, 14)
    for (let i = 1; i <= 5; i += 1) {
      bench.connection.checkRate(minimum, window)
      bench.clock.nowMs += window
      bench.client.send(frame.subarray(14), frame.subarray(0, 14))
      await until(() => link.receivedBytes, 14 + i * frame.length)
      bench.connection.checkRate(minimum, window)
      expect(bench.client.over).toBe(false)
    }
  })

  it('does not matter while it owes nothing, or while it is us who keep its frame', async () => {
    const bench = await openConnection()
    const others = bench.requestBudget.reserve(56 * MiB, () => undefined)
    atEnd(() => others.release())
    for (const bytes of [Buffer.alloc(0), watchedProduce(1, 300_000).subarray(0, 65_536)]) {
      bench.client.send(bytes)
      await until(() => bench.requestBudget.waiting, bytes.length > 0 ? 1 : 0)
      for (let i = 0; i < 3; i += 1) {
        bench.connection.checkRate(minimum, window)
        bench.clock.nowMs += window
      }
    }
    expect(bench.events.closings).toHaveLength(0)
  })
})

describe('a side that does not read', () => {
  const window = 10_000
  const minimum = 16_384

  const stuckResponse = async (): Promise<ConnectionBench> => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.client.pause()
    bench.client.send(shareFetch(1))
    await until(() => link.frames.length, 1)
    link.send(shareFetchAnswer(1, tooMuch))
    await until(() => bench.connection.info.bytesToClient > 0, true)
    return bench
  }

  it('is left alone while nobody else wants the memory', async () => {
    const bench = await stuckResponse()
    for (let i = 0; i < 3; i += 1) {
      bench.clock.nowMs += window
      bench.connection.checkRate(minimum, window)
    }
    expect(bench.events.closings).toHaveLength(0)
    bench.client.resume()
    await until(() => bench.responseBudget.reservedBytes, 0)
    expect(bench.events.closings).toHaveLength(0)
  })

  it('is closed once others wait and the window has passed, and they get their turn', async () => {
    const bench = await stuckResponse()
    let granted = false
    const waiter = bench.responseBudget.reserve(50 * MiB, () => {
      granted = true
    })
    bench.clock.nowMs += window - 1
    bench.connection.checkRate(minimum, window)
    expect(bench.events.closings).toHaveLength(0)
    bench.clock.nowMs += 1
    bench.connection.checkRate(minimum, window)
    await until(() => granted, true)
    waiter.release()
    await bench.expectClosed('stalled')
  })

  it('is not closed while it takes what it owes', async () => {
    const bench = await stuckResponse()
    const waiter = bench.responseBudget.reserve(50 * MiB, () => undefined)
    bench.client.resume()
    await until(() => bench.client.receivedBytes > 8 * MiB, true)
    bench.client.pause()
    bench.clock.nowMs += window
    bench.connection.checkRate(minimum, window)
    expect(bench.events.closings).toHaveLength(0)
    bench.client.resume()
    await until(() => waiter.granted, true)
    waiter.release()
  })

  it('may be the broker: its client is closed so that others may send', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    link.pause()
    bench.client.send(watchedProduce(1, tooMuch))
    await until(() => bench.connection.info.pendingAnswers, 1)
    const waiter = bench.requestBudget.reserve(50 * MiB, () => undefined)
    bench.clock.nowMs += window
    bench.connection.checkRate(minimum, window)
    await until(() => waiter.granted, true)
    waiter.release()
    await bench.expectClosed('stalled')
  })

  it('is found out with a second answer behind the first as well', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    const [first, second] = [shareFetchAnswer(1, 12 * MiB), shareFetchAnswer(2, tooMuch)]
    bench.client.pause()
    bench.client.send(shareFetch(1), shareFetch(2))
    await until(() => link.frames.length, 2)
    link.send(first, second)
    await until(() => bench.connection.info.bytesToClient, first.length + second.length)
    // Takes the first answer and stops: only the second is left.
    bench.client.resume()
    await until(() => bench.client.frames.length, 1)
    bench.client.pause()
    await until(() => bench.responseBudget.reservedBytes, second.length)
    const waiter = bench.responseBudget.reserve(50 * MiB, () => undefined)
    bench.clock.nowMs += window
    bench.connection.checkRate(minimum, window)
    bench.clock.nowMs += window
    bench.connection.checkRate(minimum, window)
    expect(bench.accepted.writableEnded).toBe(true)
    await until(() => waiter.granted, true)
    waiter.release()
    await bench.expectClosed('stalled')
  })
})

describe('memory', () => {
  it('is shared: a frame waits for that of another connection, and goes on when that has left', async () => {
    const requestBudget = new ByteBudget(8 * MiB)
    const first = await openConnection({ requestBudget })
    const second = await openConnection({ requestBudget })
    first.path.holds = true
    const frame = watchedProduce(1, 5 * MiB)
    first.client.send(frame)
    await until(() => first.path.held.length, 1)
    second.client.send(frame)
    await until(() => requestBudget.waiting, 1)
    expect(requestBudget.reservedBytes).toBe(frame.length)
    expect(second.events.waits).toEqual(['request'])
    first.path.held[0]!.release()
    const link = await second.link()
    await until(() => link.receivedBytes, frame.length)
    await until(() => requestBudget.reservedBytes, 0)
  })

  it('that a rebuilt frame takes beyond the original is counted and given back', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    link.pause()
    bench.path.departure = () => departed({ forward: Buffer.alloc(tooMuch) })
    bench.client.send(watchedProduce(1, 1_000))
    await until(() => bench.requestBudget.reservedBytes > tooMuch, true)
    link.resume()
    await until(() => bench.requestBudget.reservedBytes, 0)
  })
})

describe('a proof of the right to write', () => {
  it('is asked of the broker on the same connection, and the client sees nothing of it', async () => {
    const bench = await openConnection()
    const link = await bench.link()
    bench.path.departure = refusesProven
    bench.client.send(watchedProduce(7, 1_000))
    await until(() => link.frames.length, 1)
    const partitions = [{ partitionIndex: 0, leaderId: 1 }]
    const topics = [{ name: 'watched', topicAuthorizedOperations: 1 << 4, partitions }]
    link.send(responseFrame(apiKeys.metadata, 8, -1, metadataResponse.encode({ topics }, 8)))
    await until(() => bench.client.frames.length, 1)
    expect(bench.client.frames[0]!.readInt32BE(4)).toBe(7)
    expect(bench.client.received.length).toBe(bench.client.frames[0]!.length)
    await until(() => bench.requestBudget.reservedBytes + bench.responseBudget.reservedBytes, 0)
  })
})

it('a client that is gone before it is served is closed like any other', async () => {
  const bench = await openConnection({ start: false })
  bench.client.reset()
  await until(() => bench.client.closed, true)
  await bench.connection.start()
  await bench.expectClosed('client-closed')
})
