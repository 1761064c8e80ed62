/** Large frames are read straight to their place; frames in one piece are looked at where they lie. */
import { describe, expect, it } from 'vitest'
import { buildBatch } from '../../../../protocol/records/batch.ts'
import { requestFrame } from '../../../../protocol/frames/header.ts'
import { apiKeys } from '../../../../protocol/messages/api-table.ts'
import { produceRequest } from '../../../../protocol/messages/produce.ts'
import type { Effect } from '../../../../src/proxy/session/effects.ts'
import { Bench, heartbeat } from './harness.ts'

const limits = { requestBytes: 10_000_000, responseBytes: 100_000, pendingResponses: 100 }

function produce(bytes: number): Buffer {
  const records = buildBatch({ records: [{ key: null, value: Buffer.alloc(bytes, 'v'), timestamp: 1 }] })
  const topicData = [{ name: 'watched', partitionData: [{ index: 0, records }] }]
  const body = produceRequest.encode({ acks: -1, timeoutMs: 30_000, topicData }, 9)
  return requestFrame({ apiKey: apiKeys.produce, apiVersion: 9, correlationId: 1, clientId: 'c' }, body)
}

function watching(): Bench {
  const bench = new Bench({ limits })
  bench.path.watched.add('watched')
  return bench
}

const judged = (bench: Bench): Extract<Effect, { type: 'judge' }>[] =>
  bench.effects.filter((effect) => effect.type === 'judge')

describe('the rest of a frame that is collected', () => {
  it('has a place from when its memory is reserved until little is left of it', () => {
    const bench = watching()
    const frame = produce(300_000)
    expect(bench.session.placeForClient).toBeNull()
    bench.client(frame.subarray(0, 100_000))
    for (let at = 100_000; ;) {
      const place = bench.session.placeForClient
      if (place === null) {
        expect(frame.length - at).toBeLessThan(65_536)
        bench.client(frame.subarray(at), heartbeat(2))
        break
      }
      expect(place.length).toBe(frame.length - at)
      frame.copy(place, 0, at, at + 70_000)
      bench.handle({ type: 'client-placed', bytes: 70_000 })
      at += 70_000
    }
    expect(bench.sentUp.equals(Buffer.concat([frame, heartbeat(2)]))).toBe(true)
    expect(judged(bench)).toHaveLength(1)
  })

  it('is judged when it is there to its last byte', () => {
    const bench = watching()
    const frame = produce(300_000)
    bench.client(frame.subarray(0, 70_000))
    frame.copy(bench.session.placeForClient!, 0, 70_000)
    bench.handle({ type: 'client-placed', bytes: frame.length - 70_000 })
    expect(bench.session.placeForClient).toBeNull()
    expect(bench.sentUp.equals(frame)).toBe(true)
  })

  it('has none while its memory is waited for, or when nobody wants it any more', () => {
    const bench = watching()
    bench.grants = false
    const frame = produce(300_000)
    bench.client(frame.subarray(0, 70_000))
    expect(bench.session.placeForClient).toBeNull()
    bench.handle({ type: 'reserved', direction: 'request' })
    expect(bench.session.placeForClient?.length).toBe(frame.length - 70_000)
    bench.handle({ type: 'upstream-lost' })
    expect(bench.session.placeForClient).toBeNull()
    bench.handle({ type: 'client-placed', bytes: 70_000 })
    expect(bench.sentUp).toHaveLength(0)
  })
})

describe('a frame that came in one piece', () => {
  it('is judged and sent on from where it lies', () => {
    const bench = watching()
    const chunk = Buffer.concat([heartbeat(1), produce(1_000), produce(1_000)])
    bench.handle({ type: 'client-bytes', chunk })
    expect(judged(bench).map(({ frame }) => frame.buffer === chunk.buffer)).toEqual([true, true])
    expect(bench.sentUp.equals(chunk)).toBe(true)
  })

  it('and is not to be looked at there is copied', () => {
    const bench = watching()
    bench.session.inPlace = false
    const chunk = produce(100_000)
    bench.handle({ type: 'client-bytes', chunk })
    expect(judged(bench).map(({ frame }) => frame.buffer === chunk.buffer)).toEqual([false])
    expect(bench.sentUp.equals(chunk)).toBe(true)
  })
})
