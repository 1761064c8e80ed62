import { describe, expect, it } from 'vitest'
import { requestFrame, responseFrame } from '../../../../protocol/frames/header.ts'
import { apiKeys } from '../../../../protocol/messages/api-table.ts'
import { apiVersionsResponse } from '../../../../protocol/messages/api-versions.ts'
import { metadataRequest, metadataResponse } from '../../../../protocol/messages/metadata.ts'
import { produceResponse } from '../../../../protocol/messages/produce.ts'
import { partitionAnswer } from '../../../../src/proxy/produce-answers.ts'
import {
  Bench,
  departed,
  framesOf,
  heartbeat,
  heartbeatAnswer,
  metadataAnswer,
  produceAnswer,
  produceFrame
} from './harness.ts'
import type { Departed } from './harness.ts'

const metadata = (correlationId: number, apiVersion = 9): Buffer =>
  requestFrame({ apiKey: apiKeys.metadata, apiVersion, correlationId, clientId: 'c' }, Buffer.from([0, 0, 0, 0]))

const rejecting = (topic: string, index: number, forward: Departed['forward']) => (): Departed =>
  departed({ forward, answers: new Map([[topic, new Map([[index, partitionAnswer(index, 87, 'bad', [])]])]]) })

describe('relaying', () => {
  it('passes requests and answers nobody needs to read byte for byte, however they are cut', () => {
    for (const size of [1, 3, 7, 1_000]) {
      const bench = new Bench()
      const up = Buffer.concat([heartbeat(1), heartbeat(2), heartbeat(3)])
      const down = Buffer.concat([heartbeatAnswer(1), heartbeatAnswer(2), heartbeatAnswer(3)])
      for (let at = 0; at < up.length; at += size) bench.client(up.subarray(at, at + size))
      for (let at = 0; at < down.length; at += size) bench.upstream(down.subarray(at, at + size))
      expect(bench.sentUp).toEqual(up)
      expect(bench.sentDown).toEqual(down)
    }
  })

  it('sends many small frames of one chunk on as one write', () => {
    const bench = new Bench()
    bench.client(heartbeat(1), heartbeat(2), heartbeat(3))
    expect(bench.effects.filter((effect) => effect.type === 'to-upstream')).toHaveLength(1)
  })

  it('never holds a frame of an API it need not read', () => {
    const bench = new Bench()
    const frame = requestFrame(
      { apiKey: apiKeys.offsetCommit, apiVersion: 2, correlationId: 1, clientId: 'c' },
      Buffer.alloc(50_000, 7)
    )
    bench.client(frame.subarray(0, 20_000))
    expect(bench.sentUp.length).toBe(20_000)
    expect(bench.effects.some((effect) => effect.type === 'reserve')).toBe(false)
  })

  it('passes a Produce of a topic nobody watches unread, but opens one with two topics', () => {
    const bench = new Bench()
    bench.path.watched.add('watched')
    const plain = produceFrame(1, { free: [0, 1] })
    bench.client(plain)
    expect(bench.path.calls).toHaveLength(0)
    expect(bench.sentUp).toEqual(plain)
    bench.client(produceFrame(2, { free: [0], other: [0] }))
    expect(bench.path.calls).toHaveLength(1)
  })

  it('owes no answer for acks=0', () => {
    const bench = new Bench()
    bench.client(produceFrame(1, { free: [0] }, { acks: 0 }), heartbeat(2))
    bench.upstream(heartbeatAnswer(2))
    expect(bench.sentDown).toEqual(heartbeatAnswer(2))
  })
})

describe('what a broker would refuse too', () => {
  it.each([
    ['negative', -1],
    ['zero', 0],
    ['shorter than a header', 7],
    ['over the limit', 100_001],
    ['the start of a TLS hello', 0x16030100],
    ['the start of an HTTP request', 0x47455420]
  ])('closes on a frame length that is %s', (_, length) => {
    const bench = new Bench()
    const prefix = Buffer.alloc(4)
    prefix.writeInt32BE(length)
    bench.client(prefix)
    expect(bench.closed?.reason).toBe('frame-length')
    expect(bench.sentUp.length).toBe(0)
  })

  it('closes on a frame over 64 KiB of an API that is used before authentication', () => {
    for (const apiKey of [apiKeys.apiVersions, apiKeys.saslHandshake, apiKeys.saslAuthenticate]) {
      const bench = new Bench()
      const header = { apiKey, apiVersion: 1, correlationId: 1, clientId: 'c' }
      bench.client(requestFrame(header, Buffer.alloc(70_000)).subarray(0, 100))
      expect(bench.closed?.reason).toBe('frame-length')
    }
  })

  it('closes on an API or a version it does not know', () => {
    const unknown = Buffer.from('0000000a03e7000000000001ffff', 'hex')
    const bench = new Bench()
    bench.client(unknown)
    expect(bench.closed?.reason).toBe('unsupported-api')
    const newer = new Bench()
    newer.client(Buffer.from('0000000a0000000d00000001ffff', 'hex'))
    expect(newer.closed).toMatchObject({ reason: 'unsupported-api', detail: 'API key 0 version 13' })
  })

  it('closes on an answer nobody asked for, or for another request', () => {
    const unasked = new Bench()
    unasked.upstream(heartbeatAnswer(1))
    expect(unasked.closed?.reason).toBe('unexpected-response')
    const other = new Bench()
    other.client(heartbeat(1))
    other.upstream(heartbeatAnswer(2))
    expect(other.closed?.reason).toBe('unexpected-response')
  })

  it('closes on a Produce that names a partition twice', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    bench.client(produceFrame(1, { t: [0, 0] }))
    expect(bench.closed).toMatchObject({ reason: 'malformed-request' })
  })
})

describe('ApiVersions', () => {
  it('answers a version newer than ours itself, in the v0 form of KIP-511', () => {
    const bench = new Bench()
    const body = Buffer.from('whatever is in a version nobody knows')
    const newer = requestFrame({ apiKey: apiKeys.apiVersions, apiVersion: 3, correlationId: 5, clientId: 'c' }, body)
    newer.writeInt16BE(9, 6)
    bench.client(newer, heartbeat(6))
    expect(bench.sentDown.toString('hex')).toBe('0000001000000005' + '0023' + '00000001' + '001200000004')
    expect(bench.sentUp).toEqual(heartbeat(6))
  })

  it('narrows the maxima of the broker and leaves the minima', () => {
    const bench = new Bench()
    bench.client(
      requestFrame({ apiKey: 18, apiVersion: 3, correlationId: 1, clientId: 'c' }, Buffer.from('0201610261', 'hex'))
    )
    const apis = [
      { apiKey: apiKeys.produce, minVersion: 0, maxVersion: 13 },
      { apiKey: apiKeys.fetch, minVersion: 4, maxVersion: 18 },
      { apiKey: apiKeys.heartbeat, minVersion: 0, maxVersion: 2 },
      { apiKey: 999, minVersion: 0, maxVersion: 1 }
    ]
    bench.upstream(responseFrame(18, 3, 1, apiVersionsResponse.encode({ apiKeys: apis }, 3)))
    const answer = apiVersionsResponse.decode(bench.sentDown.subarray(8), 3)
    expect(answer.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, maxVersion])).toEqual([
      [0, 0, 12],
      [1, 4, 15],
      [12, 0, 2]
    ])
  })
})

describe('addresses', () => {
  it('rewrites the brokers of Metadata and leaves out one without a port', () => {
    const bench = new Bench()
    bench.client(metadata(1))
    const brokers = [1, 2].map((nodeId) => ({ nodeId, host: `kafka-${nodeId}`, port: 9092 }))
    bench.upstream(metadataAnswer(1, 9, brokers))
    const answer = metadataResponse.decode(bench.sentDown.subarray(9), 9)
    expect(answer.brokers.map((b) => [b.nodeId, b.host, b.port])).toEqual([
      [1, 'proxy.test', 9201],
      [2, 'proxy.test', 9202]
    ])
  })

  it('holds an answer back until the listener of a new broker is open, and the answers behind it too', () => {
    const bench = new Bench()
    bench.client(metadata(1), heartbeat(2))
    bench.upstream(metadataAnswer(1, 9, [{ nodeId: 9, host: 'kafka-9', port: 9092 }]), heartbeatAnswer(2))
    expect(bench.sentDown.length).toBe(0)
    expect(bench.effects).toContainEqual({ type: 'reconcile', brokers: [{ id: 9, host: 'kafka-9', port: 9092 }] })
    bench.open.add(9)
    bench.handle({ type: 'reconciled' })
    const [first, second] = framesOf(bench.sentDown)
    expect(metadataResponse.decode(first!.subarray(9), 9).brokers[0]).toMatchObject({ host: 'proxy.test', port: 9209 })
    expect(second).toEqual(heartbeatAnswer(2))
  })

  it('rewrites the endpoints of a Produce answer of a topic nobody watches', () => {
    const bench = new Bench()
    bench.client(produceFrame(1, { free: [0] }, { apiVersion: 10 }))
    const nodeEndpoints = [{ nodeId: 2, host: 'kafka-2', port: 9092, rack: null }]
    bench.upstream(produceAnswer(1, { nodeEndpoints }, 10))
    const answer = produceResponse.decode(bench.sentDown.subarray(9), 10)
    expect(answer.nodeEndpoints).toMatchObject([{ nodeId: 2, host: 'proxy.test', port: 9202 }])
  })

  it('closes when an answer it has to open is not what the protocol says', () => {
    const bench = new Bench()
    bench.client(metadata(1))
    bench.upstream(responseFrame(apiKeys.metadata, 9, 1, Buffer.from('ffffffff', 'hex')))
    expect(bench.closed?.reason).toBe('malformed-response')
  })
})

describe('Produce of a watched topic', () => {
  it('goes on untouched when everything passes', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    const frame = produceFrame(1, { t: [0] })
    bench.client(frame)
    expect(bench.sentUp).toEqual(frame)
  })

  it('is read only once its memory is reserved, and nothing behind it overtakes it', () => {
    const bench = new Bench()
    bench.grants = false
    bench.path.watched.add('t')
    const frame = produceFrame(1, { t: [0] })
    bench.client(frame, heartbeat(2))
    expect(bench.effects).toContainEqual({ type: 'reserve', direction: 'request', bytes: frame.length })
    expect(bench.sentUp.length).toBe(0)
    expect(bench.session.wantsClientBytes).toBe(false)
    bench.handle({ type: 'reserved', direction: 'request' })
    expect(bench.sentUp).toEqual(Buffer.concat([frame, heartbeat(2)]))
  })

  it('earns its place in the queue for memory: nothing is reserved before 64 KiB of a large one are here', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    const frame = Buffer.concat([produceFrame(1, { t: [0] }), Buffer.alloc(90_000)])
    frame.writeInt32BE(frame.length - 4)
    bench.client(frame.subarray(0, 65_535))
    expect(bench.effects.some((effect) => effect.type === 'reserve')).toBe(false)
    expect(bench.session.awaitsClient).toBe(true)
    bench.client(frame.subarray(65_535, 65_536))
    expect(bench.effects).toContainEqual({ type: 'reserve', direction: 'request', bytes: frame.length })
  })

  it('is answered here in its turn: after the answers before it, before those behind it', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    bench.path.departure = rejecting('t', 0, null)
    bench.client(heartbeat(1), produceFrame(2, { t: [0] }), heartbeat(3))
    expect(bench.sentUp).toEqual(Buffer.concat([heartbeat(1), heartbeat(3)]))
    expect(bench.sentDown.length).toBe(0)
    bench.upstream(heartbeatAnswer(1), heartbeatAnswer(3))
    const frames = framesOf(bench.sentDown)
    expect(frames.map((frame) => frame.readInt32BE(4))).toEqual([1, 2, 3])
    const answer = produceResponse.decode(frames[1]!.subarray(9), 9)
    expect(answer.responses[0]?.partitionResponses[0]).toMatchObject({
      errorCode: 87,
      baseOffset: -1n,
      logAppendTimeMs: -1n,
      logStartOffset: -1n,
      errorMessage: 'bad'
    })
  })

  it("merges our answer with the broker's in the order of the request", () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    const body = Buffer.from('forwarded')
    bench.path.departure = rejecting('t', 1, body)
    const frame = produceFrame(7, { t: [2, 1, 0] })
    bench.client(frame)
    // The original header, then the new body.
    const headerLength = bench.path.calls[0]!.header.headerLength
    expect(bench.sentUp.subarray(4)).toEqual(Buffer.concat([frame.subarray(4, 4 + headerLength), body]))
    const fromBroker = (index: number) => ({ index, errorCode: 0, baseOffset: BigInt(index) })
    bench.upstream(
      produceAnswer(7, {
        throttleTimeMs: 11,
        responses: [{ name: 't', partitionResponses: [fromBroker(0), fromBroker(2)] }]
      })
    )
    const answer = produceResponse.decode(bench.sentDown.subarray(9), 9)
    expect(answer.throttleTimeMs).toBe(11)
    expect(answer.responses[0]?.partitionResponses.map((p) => [p.index, p.errorCode, p.baseOffset])).toEqual([
      [2, 0, 2n],
      [1, 87, -1n],
      [0, 0, 0n]
    ])
  })

  it('asks the broker on the same connection for the right to write before it answers in its place', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    const seen: unknown[] = []
    bench.path.departure = (_, proofs) => {
      const status = proofs.status('t', 0)
      seen.push(status)
      if (status === 'unknown') return { kind: 'needs-proof', topics: ['t'] }
      return rejecting('t', 0, null)()
    }
    bench.client(heartbeat(1), produceFrame(2, { t: [0] }), heartbeat(3))
    const [first, own] = framesOf(bench.sentUp)
    expect(first).toEqual(heartbeat(1))
    expect([own!.readInt16BE(4), own!.readInt16BE(6)]).toEqual([apiKeys.metadata, 8])
    const asked = metadataRequest.decode(own!.subarray(4 + 11), 8)
    expect(asked).toMatchObject({ allowAutoTopicCreation: false, includeTopicAuthorizedOperations: true })
    const topics = [
      {
        name: 't',
        topicAuthorizedOperations: 1 << 4,
        partitions: [{ partitionIndex: 0, leaderId: 1 }]
      }
    ]
    bench.upstream(heartbeatAnswer(1))
    bench.upstream(responseFrame(apiKeys.metadata, 8, -1, metadataResponse.encode({ topics }, 8)), heartbeatAnswer(3))
    expect(seen).toEqual(['unknown', 0])
    // The answer to our own question is not relayed.
    expect(framesOf(bench.sentDown).map((frame) => frame.readInt32BE(4))).toEqual([1, 2, 3])
  })

  it.each([
    ['without WRITE', { topicAuthorizedOperations: 1 << 3, partitions: [{ partitionIndex: 0, leaderId: 1 }] }, 29],
    ['of another leader', { topicAuthorizedOperations: 1 << 4, partitions: [{ partitionIndex: 0, leaderId: 2 }] }, 6],
    ['that does not exist', { errorCode: 3, topicAuthorizedOperations: 0, partitions: [] }, 3],
    ['that is forbidden', { errorCode: 29, topicAuthorizedOperations: 0, partitions: [] }, 29]
  ])('learns what the broker would say of a topic %s', (_, topic, code) => {
    const bench = new Bench()
    bench.path.watched.add('t')
    const seen: unknown[] = []
    bench.path.departure = (_judged, proofs) => {
      const status = proofs.status('t', 0)
      seen.push(status)
      if (status === 'unknown') return { kind: 'needs-proof', topics: ['t'] }
      return rejecting('t', 0, null)()
    }
    bench.client(produceFrame(2, { t: [0] }))
    const response = metadataResponse.encode({ topics: [{ name: 't', ...topic }] }, 8)
    bench.upstream(responseFrame(apiKeys.metadata, 8, -1, response))
    expect(seen).toEqual(['unknown', code])
  })

  it('counts a Produce that succeeded as proof for a minute', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    const seen: unknown[] = []
    bench.path.departure = (_, proofs) => {
      seen.push(proofs.status('t', 0))
      return departed()
    }
    const success = (id: number): Buffer =>
      produceAnswer(id, { responses: [{ name: 't', partitionResponses: [{ index: 0, errorCode: 0 }] }] })
    bench.client(produceFrame(1, { t: [0] }))
    bench.upstream(success(1))
    bench.client(produceFrame(2, { t: [0] }))
    bench.nowMs += 60_001
    bench.client(produceFrame(3, { t: [0] }))
    expect(seen).toEqual(['unknown', 0, 'unknown'])
  })
})

describe('back-pressure', () => {
  it('takes no further request while the broker does not read', () => {
    const bench = new Bench()
    bench.handle({ type: 'upstream-blocked', blocked: true })
    bench.client(heartbeat(1))
    expect(bench.sentUp.length).toBe(0)
    expect(bench.session.wantsClientBytes).toBe(false)
    bench.handle({ type: 'upstream-blocked', blocked: false })
    expect(bench.sentUp).toEqual(heartbeat(1))
    expect(bench.session.wantsClientBytes).toBe(true)
  })

  it('reads neither side while the client does not take its answers', () => {
    const bench = new Bench()
    bench.client(heartbeat(1))
    bench.handle({ type: 'client-blocked', blocked: true })
    expect(bench.session.wantsUpstreamBytes).toBe(false)
    expect(bench.session.wantsClientBytes).toBe(false)
    bench.upstream(heartbeatAnswer(1))
    expect(bench.sentDown.length).toBe(0)
    bench.handle({ type: 'client-blocked', blocked: false })
    expect(bench.sentDown).toEqual(heartbeatAnswer(1))
  })

  it('reads no further request while too many answers are owed', () => {
    const bench = new Bench({ limits: { requestBytes: 1_000, responseBytes: 1_000, pendingResponses: 2 } })
    bench.client(heartbeat(1), heartbeat(2), heartbeat(3))
    expect(framesOf(bench.sentUp)).toHaveLength(2)
    expect(bench.session.wantsClientBytes).toBe(false)
    bench.upstream(heartbeatAnswer(1))
    expect(framesOf(bench.sentUp)).toHaveLength(3)
  })

  it('says when the client owes the rest of a frame', () => {
    const bench = new Bench()
    expect(bench.session.awaitsClient).toBe(false)
    bench.client(heartbeat(1).subarray(0, 6))
    expect(bench.session.awaitsClient).toBe(true)
    bench.client(heartbeat(1).subarray(6))
    expect(bench.session.awaitsClient).toBe(false)
  })
})

describe('the end', () => {
  it('carries out what a client sent before its end, then ends the upstream side', () => {
    const bench = new Bench()
    bench.client(produceFrame(1, { free: [0] }, { acks: 0 }))
    bench.handle({ type: 'client-end' })
    expect(bench.effects.map((effect) => effect.type)).toEqual(['client-id', 'count', 'to-upstream', 'finish'])
  })

  it('drops a half frame at the end of a client', () => {
    const bench = new Bench()
    bench.client(heartbeat(1).subarray(0, 5))
    bench.handle({ type: 'client-end' })
    expect(bench.effects).toEqual([{ type: 'finish' }])
  })

  it('drains: waits for Produce answers, not for long polls, and takes nothing new', () => {
    const bench = new Bench()
    bench.client(produceFrame(1, { free: [0] }), heartbeat(2))
    bench.handle({ type: 'drain' })
    expect(bench.closed).toBeUndefined()
    bench.client(heartbeat(3))
    // What is not taken up is not read either, and nobody is blamed for not sending more.
    expect([bench.session.wantsClientBytes, bench.session.awaitsClient]).toEqual([false, false])
    bench.upstream(produceAnswer(1, {}))
    expect(bench.closed?.reason).toBe('drained')
    expect(bench.sentDown).toEqual(produceAnswer(1, {}))
    expect(framesOf(bench.sentUp)).toHaveLength(2)
  })

  it('drains a connection with nothing under way at once', () => {
    const bench = new Bench()
    bench.client(heartbeat(1))
    bench.handle({ type: 'drain' })
    expect(bench.closed?.reason).toBe('drained')
  })
})
