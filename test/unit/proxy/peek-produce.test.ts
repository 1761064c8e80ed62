import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeRequestHeader, encodeRequestHeader, tryDecodeRequestHeader } from '../../../protocol/frames/header.ts'
import type { RequestHeader } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { produceRequest } from '../../../protocol/messages/produce.ts'
import type { ProduceRequestInput } from '../../../protocol/messages/produce.ts'
import { peekProduce, producePeekBytes } from '../../../src/proxy/peek-produce.ts'

const versions = Array.from({ length: 13 }, (_, version) => version)

function frameOf(apiVersion: number, request: ProduceRequestInput, clientId: string | null = 'client'): Buffer {
  const header = { apiKey: apiKeys.produce, apiVersion, correlationId: 3, clientId }
  return Buffer.concat([encodeRequestHeader(header), produceRequest.encode(request, apiVersion)])
}

const partitionData = [{ index: 0, records: Buffer.from('not looked at') }]

/** Bytes up to and including the name of the first topic. */
function neededBytes(frame: Buffer, name: string): number {
  return frame.indexOf(name, decodeRequestHeader(frame).headerLength) + Buffer.byteLength(name)
}

describe('a Produce request', () => {
  it.each(versions)('v%i tells its beginning as soon as that is there, and not before', (version) => {
    const transactionalId = version >= 3 ? 'transaction' : null
    for (const txn of [null, transactionalId]) {
      const topicData = [
        { name: 'orders', partitionData },
        { name: 'other', partitionData }
      ]
      const frame = frameOf(version, { acks: 1, transactionalId: txn, timeoutMs: 1_000, topicData })
      const header = decodeRequestHeader(frame)
      const needed = neededBytes(frame, 'orders')
      for (let length = 0; length <= frame.length; length += 1) {
        const start = frame.subarray(0, length)
        expect(tryDecodeRequestHeader(start, frame.length) === null).toBe(length < header.headerLength)
        const peek = peekProduce(start, header)
        if (length < needed) expect(peek).toBeNull()
        else expect(peek).toEqual({ acks: 1, topicCount: 2, firstTopic: 'orders' })
      }
    }
  })

  it.each(versions)('v%i may name no topic', (version) => {
    const frame = frameOf(version, { acks: 0, timeoutMs: 1, topicData: [] })
    expect(peekProduce(frame, decodeRequestHeader(frame))).toEqual({ acks: 0, topicCount: 0, firstTopic: null })
  })

  it.each([3, 9])('v%i is told within the bytes that are looked at, even with the longest of strings', (version) => {
    const [long, name] = ['x'.repeat(32_767), 'n'.repeat(32_767)]
    const topicData = [{ name, partitionData }]
    const frame = frameOf(version, { acks: -1, transactionalId: long, timeoutMs: 1, topicData }, long)
    const peek = peekProduce(frame.subarray(0, producePeekBytes), decodeRequestHeader(frame))
    expect(peek).toEqual({ acks: -1, topicCount: 1, firstTopic: name })
  })

  it.each([3, 9])('v%i with names that are not ASCII', (version) => {
    const frame = frameOf(version, { acks: 1, transactionalId: 'zürich', timeoutMs: 1, topicData: [{ name: 'größe' }] })
    expect(peekProduce(frame, decodeRequestHeader(frame))).toMatchObject({ firstTopic: 'größe' })
  })
})

describe('what cannot be a Produce request', () => {
  const header = (version: number): RequestHeader =>
    decodeRequestHeader(encodeRequestHeader({ apiKey: 0, apiVersion: version, correlationId: 1, clientId: null }))

  const peekBody = (version: number, hex: string) => {
    const { headerLength } = header(version)
    return peekProduce(Buffer.concat([Buffer.alloc(headerLength), Buffer.from(hex, 'hex')]), header(version))
  }

  it.each([
    ['a transactional id whose length never ends', 9, 'ffffffffff'],
    ['a transactional id above two gigabytes', 9, 'ffffffff0f' + '00'.repeat(40)],
    ['a number of topics that never ends', 9, '00' + '0001' + '00000001' + 'ffffffffff'],
    ['a topic name whose length never ends', 9, '00' + '0001' + '00000001' + '02' + 'ffffffffff'],
    ['a topic name that is null', 9, '00' + '0001' + '00000001' + '02' + '00'],
    ['a topic name that is too long', 9, '00' + '0001' + '00000001' + '02' + '818002' + '00'],
    ['a topic name that is null', 3, 'ffff' + '0001' + '00000001' + '00000001' + 'ffff'],
    ['a topic name of negative length', 0, '0001' + '00000001' + '00000001' + '8000']
  ])('%s (v%i)', (_, version, hex) => {
    expect(peekBody(version, hex)).toBe('malformed')
  })

  it('a list of topics that is null, or of negative length, names none', () => {
    expect(peekBody(9, '00' + '0001' + '00000001' + '00')).toEqual({ acks: 1, topicCount: 0, firstTopic: null })
    expect(peekBody(0, '0001' + '00000001' + 'ffffffff')).toEqual({ acks: 1, topicCount: 0, firstTopic: null })
  })
})

describe('what is peeked', () => {
  const request = fc.record({
    transactionalId: fc.option(fc.string({ maxLength: 300 })),
    acks: fc.constantFrom(-1, 0, 1, 7),
    timeoutMs: fc.nat(),
    topicData: fc.array(
      fc.record({
        name: fc.string({ maxLength: 300 }),
        partitionData: fc.array(fc.record({ index: fc.nat(), records: fc.option(fc.uint8Array({ maxLength: 40 })) }))
      }),
      { maxLength: 3 }
    )
  })

  /** A body the broker can read says the same to us: nothing passes unread under another name. */
  function agrees(frame: Buffer): void {
    const header = decodeRequestHeader(frame)
    let decoded
    try {
      decoded = produceRequest.decode(frame.subarray(header.headerLength), header.apiVersion)
    } catch {
      return
    }
    expect(peekProduce(frame, header)).toEqual({
      acks: decoded.acks,
      topicCount: decoded.topicData.length,
      firstTopic: decoded.topicData[0]?.name ?? null
    })
  }

  const frames = fc
    .tuple(fc.constantFrom(...versions), request, fc.option(fc.string({ maxLength: 50 })))
    .map(([version, { transactionalId, topicData, ...rest }, clientId]) => {
      const topics = topicData.map(({ name, partitionData: partitions }) => ({
        name,
        partitionData: partitions.map(({ index, records }) => ({ index, records: records && Buffer.from(records) }))
      }))
      const txn = version >= 3 ? { transactionalId } : {}
      return frameOf(version, { ...rest, ...txn, topicData: topics }, clientId)
    })

  it('is what the whole request says', () => {
    fc.assert(fc.property(frames, agrees))
  })

  it('is that also where bytes were changed, as long as the request can be read at all', () => {
    fc.assert(
      fc.property(
        frames,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (frame, changes) => {
          const { headerLength } = decodeRequestHeader(frame)
          const changed = Buffer.from(frame)
          for (const [at, byte] of changes) changed[headerLength + (at % (frame.length - headerLength))] = byte
          agrees(changed)
        }
      ),
      { numRuns: 2_000 }
    )
  })

  it('never changes when more bytes arrive, and never throws', () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.nat(255), (frame, at, byte) => {
        const header = decodeRequestHeader(frame)
        const changed = Buffer.from(frame)
        changed[header.headerLength + (at % (frame.length - header.headerLength))] = byte
        const whole = peekProduce(changed, header)
        for (let length = header.headerLength; length < changed.length; length += 1) {
          const peek = peekProduce(changed.subarray(0, length), header)
          if (peek !== null) expect(peek).toEqual(whole)
        }
      })
    )
  })
})
