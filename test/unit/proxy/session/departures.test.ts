/** Produce requests that wait for their departure, while others are judged behind them. */
import { describe, expect, it } from 'vitest'
import { requestFrame, responseFrame } from '../../../../protocol/frames/header.ts'
import { apiKeys } from '../../../../protocol/messages/api-table.ts'
import { metadataResponse } from '../../../../protocol/messages/metadata.ts'
import { produceResponse } from '../../../../protocol/messages/produce.ts'
import type { ProduceResponse } from '../../../../protocol/messages/produce.ts'
import { partitionAnswer } from '../../../../src/proxy/produce-answers.ts'
import type { Departure, Judged, LocalAnswers, UnsafeReason } from '../../../../src/proxy/produce-path.ts'
import { maxDepartures } from '../../../../src/proxy/session/departures.ts'
import type { SessionContext } from '../../../../src/proxy/session/shared.ts'
import { Bench, departed, framesOf, heartbeat, heartbeatAnswer, produceAnswer, produceFrame } from './harness.ts'
import type { Departed } from './harness.ts'

const never = new Promise<void>(() => undefined)

/** Every Produce to `t` is opened and waits until the test says otherwise. */
function waitingBench(context: Partial<SessionContext> = {}): Bench {
  const bench = new Bench(context)
  bench.path.watched.add('t')
  bench.path.admission = () => ({ kind: 'admitted', ready: never })
  return bench
}

const produce = (correlationId: number, acks = -1): Buffer => produceFrame(correlationId, { t: [0] }, { acks })
/** More than 64 KiB, so that its memory is reserved while some of it is still to come. */
const large = (correlationId: number): Buffer => {
  const frame = Buffer.concat([produce(correlationId), Buffer.alloc(80_000)])
  frame.writeInt32BE(frame.length - 4)
  return frame
}
const idOf = ({ call }: Judged): number => call.header.correlationId
const idsOf = (bytes: Buffer): number[] => framesOf(bytes).map((frame) => frame.readInt32BE(8))
const answeredIds = (bytes: Buffer): number[] => framesOf(bytes).map((frame) => frame.readInt32BE(4))
const ok = (correlationId: number, errorCode = 0): Buffer =>
  produceAnswer(correlationId, { responses: [{ name: 't', partitionResponses: [{ index: 0, errorCode }] }] })
const refusal = (code: number): LocalAnswers => new Map([['t', new Map([[0, partitionAnswer(0, code, 'bad')]])]])
const codeOf = (frame: Buffer): number =>
  produceResponse.decode(frame.subarray(9), 9).responses[0]!.partitionResponses[0]!.errorCode

/** The answer of a broker that leads `t` and lets the client write to it. */
const mayWrite = (topic = 't'): Buffer => {
  const topics = [{ name: topic, topicAuthorizedOperations: 1 << 4, partitions: [{ partitionIndex: 0, leaderId: 1 }] }]
  return responseFrame(apiKeys.metadata, 8, -1, metadataResponse.encode({ topics }, 8))
}

describe('requests behind one that waits', () => {
  it('are judged meanwhile, and leave in the order in which they came', () => {
    const bench = waitingBench()
    bench.client(produce(1), produce(2), produce(3))
    expect(bench.path.calls.map((call) => call.header.correlationId)).toEqual([1, 2, 3])
    expect([bench.sentUp.length, bench.heldFrames]).toEqual([0, 3])
    bench.ready(1)
    expect(bench.sentUp.length).toBe(0)
    bench.ready(0)
    expect(bench.sentUp).toEqual(Buffer.concat([produce(1), produce(2)]))
    bench.ready(2)
    expect(bench.sentUp).toEqual(Buffer.concat([produce(1), produce(2), produce(3)]))
    expect(bench.heldFrames).toBe(0)
  })

  it('wait for their turn though they wait for nothing else, with acks=0 as well', () => {
    for (const acks of [-1, 0]) {
      const bench = waitingBench()
      bench.path.admission = (judged) => ({ kind: 'admitted', ready: idOf(judged) === 1 ? never : null })
      bench.client(produce(1, acks), produce(2, acks))
      expect(bench.path.calls).toHaveLength(2)
      expect(bench.sentUp.length).toBe(0)
      bench.ready(0)
      expect(bench.sentUp).toEqual(Buffer.concat([produce(1, acks), produce(2, acks)]))
      expect(bench.session.pendingAnswers).toBe(acks === 0 ? 0 : 2)
    }
  })

  it('need not be there: a request that waits for nothing departs in the turn in which it was judged', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    bench.judges = false
    bench.client(produce(1))
    const before = bench.effects.length
    bench.handle({ type: 'judged', judged: { call: judgeCall(bench) } })
    expect(bench.effects.slice(before).map(({ type }) => type)).toEqual(['to-upstream'])
  })

  it('are not begun while one is still judged', () => {
    const bench = waitingBench()
    bench.judges = false
    bench.client(produce(1), produce(2))
    expect(bench.effects.filter(({ type }) => type === 'judge')).toHaveLength(1)
    expect([bench.session.wantsClientBytes, bench.session.awaitsClient]).toEqual([false, false])
    bench.handle({ type: 'judged', judged: { call: judgeCall(bench) } })
    expect(bench.effects.filter(({ type }) => type === 'judge')).toHaveLength(2)
  })

  it.each([
    ['an API that is not read', heartbeat(9)],
    ['a Produce of a topic nobody watches', produceFrame(9, { free: [0] })],
    ['an ApiVersions request of a version nobody knows', newerApiVersions(9)]
  ])('wait unread when they are of %s', (_, frame) => {
    const bench = waitingBench()
    bench.client(produce(1), produce(2), frame, produce(3))
    expect(bench.path.calls).toHaveLength(2)
    expect([bench.sentUp.length, bench.sentDown.length]).toEqual([0, 0])
    expect([bench.session.wantsClientBytes, bench.session.awaitsClient]).toEqual([false, false])
    bench.ready(0)
    expect(bench.sentUp).toEqual(produce(1))
    expect(bench.path.calls).toHaveLength(2)
    bench.ready(1)
    const answeredHere = frame.readInt16BE(6) > 100
    const relayed = answeredHere ? [] : [frame]
    expect(bench.sentUp).toEqual(Buffer.concat([produce(1), produce(2), ...relayed]))
    expect(bench.path.calls).toHaveLength(3)
    expect(bench.session.wantsClientBytes).toBe(true)
    bench.upstream(ok(1), ok(2))
    expect(answeredIds(bench.sentDown)).toEqual(answeredHere ? [1, 2, 9] : [1, 2])
  })

  it('are read on in the middle: nothing that has memory is left half', () => {
    const bench = waitingBench()
    bench.client(produce(1), produce(2).subarray(0, 30))
    expect([bench.session.wantsClientBytes, bench.session.awaitsClient]).toEqual([true, true])
    bench.handle({ type: 'upstream-blocked', blocked: true })
    expect([bench.session.wantsClientBytes, bench.session.awaitsClient]).toEqual([false, false])
    bench.handle({ type: 'upstream-blocked', blocked: false })
    for (const byte of produce(2).subarray(30)) bench.client(Buffer.of(byte))
    expect(bench.path.calls).toHaveLength(2)
    expect([bench.session.wantsClientBytes, bench.session.awaitsClient]).toEqual([true, false])
  })

  it('wait for memory like any other, and do not keep the one before them', () => {
    const bench = waitingBench()
    bench.client(produce(1))
    bench.grants = false
    bench.client(produce(2))
    expect([bench.heldFrames, bench.session.wantsClientBytes]).toEqual([2, false])
    bench.ready(0)
    expect(bench.sentUp).toEqual(produce(1))
    bench.handle({ type: 'reserved', direction: 'request' })
    bench.ready(1)
    expect(bench.sentUp).toEqual(Buffer.concat([produce(1), produce(2)]))
    expect(bench.heldFrames).toBe(0)
  })

  it('are not taken up beyond 32', () => {
    const bench = waitingBench()
    const frames = Array.from({ length: maxDepartures + 2 }, (_, i) => produce(i))
    bench.client(...frames)
    expect(maxDepartures).toBe(32)
    expect([bench.path.calls.length, bench.heldFrames]).toEqual([32, 32])
    expect([bench.session.wantsClientBytes, bench.session.awaitsClient]).toEqual([false, false])
    bench.ready(31)
    expect(bench.path.calls).toHaveLength(32)
    bench.ready(0)
    expect([bench.path.calls.length, bench.heldFrames]).toEqual([33, 32])
    for (let i = 1; i < 32; i += 1) bench.ready(i)
    bench.ready(32)
    bench.ready(33)
    expect(bench.sentUp).toEqual(Buffer.concat(frames))
  })

  it('count as answers that are owed', () => {
    const bench = waitingBench({ limits: { requestBytes: 10_000, responseBytes: 10_000, pendingResponses: 3 } })
    bench.client(heartbeat(1), produce(2), produce(3), produce(4))
    expect(bench.path.calls).toHaveLength(2)
    bench.upstream(heartbeatAnswer(1))
    expect(bench.path.calls).toHaveLength(3)
  })

  it('are not let go because an event came for another', () => {
    const bench = waitingBench()
    bench.client(produce(1))
    bench.handle({ type: 'ready', departure: 77 })
    expect(bench.sentUp.length).toBe(0)
    bench.ready(0)
    bench.ready(0)
    expect(bench.sentUp).toEqual(produce(1))
  })
})

describe('a proof that is needed', () => {
  const asksUnlessShown =
    (then: () => Departed) =>
    (_: Judged, proofs: { status: (topic: string, partition: number) => unknown }): Departure =>
      proofs.status('t', 0) === 'unknown' ? { kind: 'needs-proof', topics: ['t'] } : then()

  it('to be admitted is asked for at once, and nothing is read meanwhile', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    const seen: unknown[] = []
    bench.path.admission = (_, proofs) => {
      seen.push(proofs.status('t', 0))
      return seen.at(-1) === 'unknown'
        ? { kind: 'needs-proof', topics: ['t'] }
        : { kind: 'admitted', ready: seen.length === 2 ? never : null }
    }
    bench.client(produce(1), produce(2))
    expect(framesOf(bench.sentUp).map((frame) => frame.readInt16BE(4))).toEqual([apiKeys.metadata])
    expect([bench.path.calls.length, bench.session.wantsClientBytes]).toEqual([1, false])
    bench.upstream(mayWrite())
    // The second request is covered by what the first has shown.
    expect(seen).toEqual(['unknown', 0, 0])
    bench.ready(0)
    expect(framesOf(bench.sentUp).slice(1)).toEqual([produce(1), produce(2)])
    expect(bench.sentDown.length).toBe(0)
  })

  it('may be followed by another judgement, which is admitted with the same proofs', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    const seen: unknown[] = []
    bench.path.admission = (_, proofs) => {
      const status = proofs.status('t', 0)
      seen.push(status)
      if (status === 'unknown') return { kind: 'needs-proof', topics: ['t'] }
      return seen.length === 2 ? { kind: 'again' } : { kind: 'admitted', ready: never }
    }
    bench.client(produce(1), heartbeat(2))
    // A refusal is not remembered, so only what was shown to this very request can tell of it.
    const topics = [{ name: 't', errorCode: 29, topicAuthorizedOperations: 0, partitions: [] }]
    bench.upstream(responseFrame(apiKeys.metadata, 8, -1, metadataResponse.encode({ topics }, 8)))
    expect(seen).toEqual(['unknown', 29, 29])
    expect(bench.path.calls).toHaveLength(2)
    expect(bench.path.calls[1]).toBe(bench.path.calls[0])
    bench.ready(0)
    expect(framesOf(bench.sentUp).slice(1)).toEqual([produce(1), heartbeat(2)])
    expect([bench.heldFrames, bench.effects.filter(({ type }) => type === 'reserve').length]).toEqual([0, 2])
  })

  it('does not keep those before it from departing', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    bench.path.admission = (judged, proofs) => {
      if (idOf(judged) === 1) return { kind: 'admitted', ready: never }
      return proofs.status('t', 0) === 'unknown'
        ? { kind: 'needs-proof', topics: ['t'] }
        : { kind: 'admitted', ready: null }
    }
    bench.client(produce(1), produce(2))
    bench.ready(0)
    expect(framesOf(bench.sentUp)[1]).toEqual(produce(1))
    bench.upstream(mayWrite(), ok(1))
    expect(framesOf(bench.sentUp)[2]).toEqual(produce(2))
    expect(bench.sentDown).toEqual(ok(1))
  })

  it('to depart is asked for when its turn has come, while those behind it are judged', () => {
    const bench = waitingBench()
    bench.path.departure = asksUnlessShown(departed)
    bench.client(produce(1))
    expect(bench.sentUp.length).toBe(0)
    bench.ready(0)
    expect(framesOf(bench.sentUp)).toHaveLength(1)
    bench.client(produce(2))
    expect(bench.path.calls).toHaveLength(2)
    bench.ready(1)
    expect(framesOf(bench.sentUp)).toHaveLength(1)
    bench.upstream(mayWrite())
    expect(framesOf(bench.sentUp).slice(1)).toEqual([produce(1), produce(2)])
    expect(bench.heldFrames).toBe(0)
  })

  it('reaches the request that asked when one asks to depart and one behind it to be admitted', () => {
    const bench = new Bench()
    for (const topic of ['t', 'u']) bench.path.watched.add(topic)
    const seen: unknown[] = []
    bench.path.admission = (judged, proofs) => {
      const topic = judged.call.request.topicData[0]!.name
      if (topic === 't') return { kind: 'admitted', ready: null }
      seen.push(['admission', proofs.status('u', 0)])
      return proofs.status('u', 0) === 'unknown'
        ? { kind: 'needs-proof', topics: ['u'] }
        : { kind: 'admitted', ready: null }
    }
    bench.path.departure = (judged, proofs) => {
      const topic = judged.call.request.topicData[0]!.name
      if (topic === 'u') return departed()
      seen.push(['departure', proofs.status('t', 0)])
      return proofs.status('t', 0) === 'unknown' ? { kind: 'needs-proof', topics: ['t'] } : departed()
    }
    const second = produceFrame(2, { u: [0] })
    bench.client(produce(1), second)
    expect(framesOf(bench.sentUp)).toHaveLength(2)
    bench.upstream(responseFrame(apiKeys.metadata, 8, -1, metadataResponse.encode({ topics: [] }, 8)))
    // The broker does not know `t`: a refusal that is not remembered, but counts for the one that asked.
    expect(seen).toEqual([
      ['departure', 'unknown'],
      ['admission', 'unknown'],
      ['departure', 3]
    ])
    bench.upstream(mayWrite('u'))
    expect(seen.at(-1)).toEqual(['admission', 0])
    expect(framesOf(bench.sentUp).slice(2)).toEqual([produce(1), second])
  })
})

describe('answers given here', () => {
  it('are asked for once, when their turn has come, so that what happened before may change them', () => {
    const bench = waitingBench()
    let refused = 0
    let asked = 0
    bench.path.departure = (judged) => {
      if (idOf(judged) !== 1) {
        const answers = (): LocalAnswers => {
          asked += 1
          return refusal(refused === 0 ? 87 : 45)
        }
        return { ...departed({ forward: idOf(judged) === 2 ? null : Buffer.from('rest') }), answers }
      }
      const confirm = (answer: ProduceResponse): ProduceResponse => {
        refused = answer.responses[0]!.partitionResponses[0]!.errorCode
        return answer
      }
      return departed({ confirm })
    }
    bench.client(produce(1), produce(2), produce(3))
    for (const departure of [0, 1, 2]) bench.ready(departure)
    expect([asked, bench.sentDown.length]).toEqual([0, 0])
    bench.upstream(ok(1, 10))
    // The second answer left with the first; the third waits for the broker.
    expect(asked).toBe(1)
    bench.upstream(produceAnswer(3, { responses: [] }))
    expect(asked).toBe(2)
    const frames = framesOf(bench.sentDown)
    expect(frames.map((frame) => [frame.readInt32BE(4), codeOf(frame)])).toEqual([
      [1, 10],
      [2, 45],
      [3, 45]
    ])
  })

  it('leave at once when nothing is owed before them', () => {
    const bench = waitingBench()
    bench.path.departure = () => departed({ forward: null, answers: refusal(87) })
    bench.client(produce(1))
    expect(bench.sentDown.length).toBe(0)
    bench.ready(0)
    expect(codeOf(bench.sentDown)).toBe(87)
    expect([bench.sentUp.length, bench.heldFrames]).toEqual([0, 0])
  })

  it('that may come to more than 1 MiB keep further requests from being read and from departing', () => {
    const bench = waitingBench()
    bench.path.departure = () => departed({ forward: null, answers: refusal(87), answerBytes: 600_000 })
    bench.client(heartbeat(1), produce(2), produce(3), produce(4))
    for (const departure of [0, 1, 2]) bench.ready(departure)
    expect([bench.heldFrames, bench.session.wantsClientBytes]).toEqual([1, false])
    bench.upstream(heartbeatAnswer(1))
    expect(answeredIds(bench.sentDown)).toEqual([1, 2, 3, 4])
    expect([bench.heldFrames, bench.session.wantsClientBytes]).toEqual([0, true])
  })

  it('that are merged count as well until they have left', () => {
    const bench = waitingBench()
    bench.path.departure = () => departed({ forward: Buffer.from('rest'), answerBytes: 2_000_000 })
    bench.client(produce(1))
    bench.ready(0)
    expect(bench.session.wantsClientBytes).toBe(false)
    bench.upstream(ok(1))
    expect(bench.session.wantsClientBytes).toBe(true)
  })
})

describe("the broker's answer", () => {
  it('is delivered as it came when it is confirmed as it is', () => {
    const bench = waitingBench()
    bench.path.departure = () => departed({ confirm: (answer) => answer })
    bench.client(produce(1))
    bench.ready(0)
    bench.upstream(ok(1))
    expect(bench.sentDown).toEqual(ok(1))
  })

  it.each([false, true])('is confirmed before ours is asked for, which is not when that is not safe: %s', (unsafe) => {
    const bench = waitingBench()
    const steps: string[] = []
    const confirm = (answer: ProduceResponse): ProduceResponse | 'unsafe' => {
      steps.push('confirm')
      return unsafe ? 'unsafe' : answer
    }
    const answers = (): LocalAnswers => {
      steps.push('answers')
      return new Map()
    }
    bench.path.departure = () => ({ ...departed({ confirm }), answers })
    bench.client(produce(1))
    bench.ready(0)
    bench.upstream(ok(1))
    expect(steps).toEqual(unsafe ? ['confirm'] : ['confirm', 'answers'])
    expect(bench.sentDown).toEqual(unsafe ? Buffer.alloc(0) : ok(1))
  })

  it('is shown as whoever confirms it says, while the proof is what the broker said', () => {
    const bench = waitingBench()
    const seen: unknown[] = []
    bench.path.departure = (_, proofs) => {
      seen.push(proofs.status('t', 0))
      const confirm = (answer: ProduceResponse): ProduceResponse => ({
        ...answer,
        responses: [{ ...answer.responses[0]!, partitionResponses: [partitionAnswer(0, 59, null)] }]
      })
      return departed({ confirm })
    }
    bench.client(produce(1))
    bench.ready(0)
    bench.upstream(ok(1))
    expect(codeOf(bench.sentDown)).toBe(59)
    bench.client(produce(2))
    bench.ready(1)
    expect(seen).toEqual(['unknown', 0])
  })
})

describe('what is not safe to answer', () => {
  it.each<UnsafeReason>(['too-many-gates', 'chain-moved'])(
    'closes (%s) once every earlier answer has left, and lets go of what is behind it',
    (reason) => {
      const bench = waitingBench()
      const gone: number[] = []
      bench.path.departure = (judged) => {
        gone.push(idOf(judged))
        return idOf(judged) === 2 ? { kind: 'unsafe', reason } : departed()
      }
      bench.client(produce(1), produce(2), produce(3), large(4).subarray(0, 70_000))
      expect([bench.heldFrames, bench.session.awaitsClient]).toEqual([4, true])
      for (const departure of [0, 2, 1]) bench.ready(departure)
      expect([bench.heldFrames, bench.closed]).toEqual([0, undefined])
      expect([bench.session.wantsClientBytes, bench.session.awaitsClient]).toEqual([false, false])
      bench.client(large(4).subarray(70_000), heartbeat(5))
      bench.upstream(ok(1))
      expect(bench.closed?.reason).toBe(reason)
      expect(bench.sentDown).toEqual(ok(1))
      expect(bench.sentUp).toEqual(produce(1))
      expect(gone).toEqual([1, 2])
    }
  )

  it('closes at once when nothing is owed', () => {
    const bench = new Bench()
    bench.path.watched.add('t')
    bench.path.departure = () => ({ kind: 'unsafe', reason: 'chain-moved' })
    bench.client(produce(1))
    expect(bench.closed?.reason).toBe('chain-moved')
    expect([bench.heldFrames, bench.sentUp.length, bench.sentDown.length]).toEqual([0, 0, 0])
  })

  it('leaves what is judged behind it without effect', () => {
    const bench = waitingBench()
    bench.path.departure = () => ({ kind: 'unsafe', reason: 'chain-moved' })
    bench.client(heartbeat(1), produce(2))
    bench.judges = false
    bench.client(produce(3))
    bench.ready(0)
    expect([bench.heldFrames, bench.closed]).toEqual([0, undefined])
    bench.handle({ type: 'judged', judged: { call: judgeCall(bench) } })
    bench.upstream(heartbeatAnswer(1))
    expect(bench.closed?.reason).toBe('chain-moved')
    expect(bench.awaited).toHaveLength(1)
    expect(bench.sentUp).toEqual(heartbeat(1))
  })

  it('leaves an answer to our own question without effect', () => {
    const bench = waitingBench()
    bench.path.admission = (judged) =>
      idOf(judged) === 2 ? { kind: 'admitted', ready: never } : { kind: 'needs-proof', topics: ['t'] }
    bench.path.departure = () => ({ kind: 'unsafe', reason: 'chain-moved' })
    bench.client(heartbeat(1), produce(2), produce(3))
    bench.ready(0)
    bench.upstream(heartbeatAnswer(1), mayWrite())
    expect(bench.closed?.reason).toBe('chain-moved')
    expect(bench.sentDown).toEqual(heartbeatAnswer(1))
  })

  it.each([
    ['an answer given here', departed({ forward: null }), 'answers'],
    ['an answer that is merged', departed({ forward: Buffer.from('rest') }), 'answers'],
    ["the broker's answer", departed({ confirm: () => 'unsafe' }), 'confirm']
  ] as const)('closes without %s, after the answers before it', (_, departure, where) => {
    const bench = waitingBench()
    bench.path.departure = () => (where === 'answers' ? { ...departure, answers: () => 'unsafe' } : departure)
    bench.client(heartbeat(1), produce(2), produce(3))
    bench.ready(0)
    expect(bench.closed).toBeUndefined()
    bench.upstream(heartbeatAnswer(1))
    if (departure.forward !== null) bench.upstream(ok(2))
    expect(bench.closed?.reason).toBe('chain-moved')
    expect(bench.sentDown).toEqual(heartbeatAnswer(1))
  })

  it('after a refused acks=0 request closes as a broker does, and lets go of what is behind it', () => {
    const bench = waitingBench()
    bench.path.departure = () => departed({ closeAfter: true })
    bench.client(heartbeat(1), produce(2, 0), produce(3))
    bench.ready(0)
    expect(bench.sentUp).toEqual(Buffer.concat([heartbeat(1), produce(2, 0)]))
    expect([bench.heldFrames, bench.closed]).toEqual([0, undefined])
    bench.ready(1)
    bench.upstream(heartbeatAnswer(1))
    expect(bench.closed?.reason).toBe('acks-zero-refused')
    expect(bench.sentUp).toEqual(Buffer.concat([heartbeat(1), produce(2, 0)]))
  })

  it('after an answer that makes a batch come again closes too, and nothing that came behind it goes on', () => {
    for (const goesOn of [false, true]) {
      const bench = waitingBench()
      const forward = goesOn ? 'original' : null
      const last = departed({ forward, answers: refusal(19), closeAfter: true })
      const gone: number[] = []
      bench.path.departure = (judged) => {
        gone.push(idOf(judged))
        return idOf(judged) === 2 ? last : departed()
      }
      bench.client(produce(1), produce(2), produce(3), produce(4), heartbeat(5))
      for (const departure of [2, 3, 0, 1]) bench.ready(departure)
      expect([bench.heldFrames, bench.closed, bench.session.wantsClientBytes]).toEqual([0, undefined, false])
      bench.client(produce(6), produceFrame(7, { free: [0] }))
      bench.upstream(ok(1))
      if (goesOn) bench.upstream(ok(2))
      expect(bench.closed?.reason).toBe('refused-for-now')
      expect(answeredIds(bench.sentDown)).toEqual([1, 2])
      expect(codeOf(framesOf(bench.sentDown)[1]!)).toBe(19)
      expect(bench.sentUp).toEqual(Buffer.concat(goesOn ? [produce(1), produce(2)] : [produce(1)]))
      expect(gone).toEqual([1, 2])
    }
  })
})

describe('a frame that ends the connection', () => {
  const malformed = Buffer.concat([produce(2), Buffer.alloc(4)])
  malformed.writeInt32BE(produce(2).length - 4 - 3)

  it.each([
    ['its length', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'frame-length'],
    ['its API', Buffer.from('0000000a03e7000000000001ffff', 'hex'), 'unsupported-api'],
    ['its body', malformed, 'malformed-request'],
    ['a partition that it names twice', produceFrame(2, { t: [0, 0] }), 'malformed-request']
  ])('by %s does so when what was admitted before it has departed', (_, frame, reason) => {
    const bench = waitingBench()
    bench.client(produce(1), frame)
    expect([bench.closed, bench.session.wantsClientBytes, bench.session.awaitsClient]).toEqual([
      undefined,
      false,
      false
    ])
    bench.ready(0)
    expect(bench.sentUp).toEqual(produce(1))
    expect(bench.closed?.reason).toBe(reason)
  })
})

describe('the end with requests that wait', () => {
  it('of a client: all that is whole is carried out, what is half is dropped, then the upstream side ends', () => {
    const bench = waitingBench()
    bench.client(produce(1), produce(2), large(3).subarray(0, 70_000))
    bench.handle({ type: 'client-end' })
    expect(bench.heldFrames).toBe(3)
    bench.ready(0)
    expect(bench.effects.some(({ type }) => type === 'finish')).toBe(false)
    bench.ready(1)
    expect(bench.sentUp).toEqual(Buffer.concat([produce(1), produce(2)]))
    expect([bench.effects.at(-1), bench.heldFrames]).toEqual([{ type: 'finish' }, 0])
    bench.upstream(ok(1), ok(2))
    expect(bench.sentDown).toEqual(Buffer.concat([ok(1), ok(2)]))
  })

  it('of a client: frames that stood in line are carried out as well', () => {
    const bench = waitingBench()
    bench.client(produce(1), heartbeat(2), produce(3), heartbeat(4).subarray(0, 9))
    bench.handle({ type: 'client-end' })
    bench.ready(0)
    expect(bench.sentUp).toEqual(Buffer.concat([produce(1), heartbeat(2)]))
    bench.ready(1)
    expect(bench.sentUp).toEqual(Buffer.concat([produce(1), heartbeat(2), produce(3)]))
    expect([bench.effects.at(-1), bench.heldFrames]).toEqual([{ type: 'finish' }, 0])
  })

  it('by draining: they depart and are answered first, and nothing new is taken up', () => {
    const bench = waitingBench()
    bench.client(produce(1), produce(2), heartbeat(3))
    bench.handle({ type: 'drain' })
    bench.client(heartbeat(4))
    bench.ready(0)
    expect([bench.session.wantsClientBytes, bench.session.awaitsClient]).toEqual([false, false])
    bench.upstream(ok(1))
    expect(bench.closed).toBeUndefined()
    bench.ready(1)
    expect(bench.closed).toBeUndefined()
    bench.upstream(ok(2))
    expect(bench.closed?.reason).toBe('drained')
    expect(idsOf(bench.sentUp)).toEqual([1, 2])
    expect(answeredIds(bench.sentDown)).toEqual([1, 2])
  })

  it('by draining: an answer given here leaves first', () => {
    const bench = waitingBench()
    bench.path.departure = () => departed({ forward: null, answers: refusal(87) })
    bench.client(heartbeat(1), produce(2))
    bench.handle({ type: 'drain' })
    bench.ready(0)
    expect(bench.closed).toBeUndefined()
    bench.upstream(heartbeatAnswer(1))
    expect(answeredIds(bench.sentDown)).toEqual([1, 2])
    expect(bench.closed?.reason).toBe('drained')
  })

  it('of the broker: none departs any more, and what it said last is still delivered', () => {
    const bench = waitingBench()
    let departures = 0
    bench.path.departure = () => {
      departures += 1
      return departed()
    }
    bench.client(heartbeat(1), produce(2), produce(3), large(4).subarray(0, 70_000))
    bench.handle({ type: 'client-blocked', blocked: true })
    bench.upstream(heartbeatAnswer(1))
    bench.handle({ type: 'drain' })
    bench.handle({ type: 'upstream-lost' })
    expect([bench.heldFrames, bench.session.holdsAnswer, bench.closed]).toEqual([0, true, undefined])
    bench.ready(0)
    bench.handle({ type: 'client-blocked', blocked: false })
    expect(bench.sentDown).toEqual(heartbeatAnswer(1))
    expect([departures, bench.sentUp.length, bench.session.wantsClientBytes]).toEqual([0, heartbeat(1).length, false])
  })
})

/** The call of the latest `judge` effect. */
function judgeCall(bench: Bench): Judged['call'] {
  const effect = bench.effects.findLast(({ type }) => type === 'judge')
  if (effect?.type !== 'judge') throw new Error('nothing is judged')
  return effect.call
}

function newerApiVersions(correlationId: number): Buffer {
  const header = { apiKey: apiKeys.apiVersions, apiVersion: 3, correlationId, clientId: 'c' }
  const frame = requestFrame(header, Buffer.from('whatever'))
  frame.writeInt16BE(101, 6)
  return frame
}
