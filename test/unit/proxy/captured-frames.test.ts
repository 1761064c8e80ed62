/**
 * Frames of real clients and a real broker: understood and written again byte for byte, relayed whole, byte by byte and
 * cut at every offset; and the same frames damaged, which must end in a relay or a close and in nothing else.
 */
import { crc32c } from '@node-rs/crc32'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedMessageError } from '../../../protocol/bytes/malformed.ts'
import { decodeRequestHeader, decodeResponseHeader, encodeRequestHeader } from '../../../protocol/frames/header.ts'
import { apiByKey, apiKeys } from '../../../protocol/messages/api-table.ts'
import { decodeApiVersionsResponse } from '../../../protocol/messages/api-versions.ts'
import { produceRequest, type ProduceRequest } from '../../../protocol/messages/produce.ts'
import {
  MalformedBatchError,
  RecordTable,
  buildBatch,
  codecs,
  crcMatches,
  inflate,
  readProducedBatch,
  readRecords,
  recordsSection
} from '../../../protocol/records/batch.ts'
import { contractSet } from '../../../src/contracts/contract-set.ts'
import { Enforcer } from '../../../src/enforcement/enforcer.ts'
import type { Judged } from '../../../src/proxy/produce-path.ts'
import { capturedFrames, type CapturedFrame } from '../../support/hostile/frames.ts'
import { FrameSplitter } from '../../support/hostile/frame-splitter.ts'
import { allMessages } from '../../support/messages.ts'
import { policyOf } from '../../support/contracts.ts'
import { Bench } from './session/harness.ts'

const captured = capturedFrames()
const isKnown = ({ apiKey, apiVersion }: CapturedFrame): boolean => apiVersion <= (apiByKey(apiKey)?.maxVersion ?? -1)
const known = captured.filter(isKnown)
const refused = captured.filter((frame) => !isKnown(frame))
const produces = known.filter(({ apiKey }) => apiKey === apiKeys.produce)
const titled = (frames: readonly CapturedFrame[]): [string, CapturedFrame][] =>
  frames.map((frame) => [`${frame.client} ${frame.name}`, frame])
/** The topics that the captured clients produced to. */
const watched = ['orders', 'payments']
const messages = await allMessages()

const bodyOf = (frame: Buffer, { headerLength }: { headerLength: number }): Buffer => frame.subarray(4 + headerLength)

/** Bytes for upstream and nothing owed: how a frame that nothing holds back leaves a session. */
function watching(topics: readonly string[]): Bench {
  const bench = new Bench()
  for (const topic of topics) bench.path.watched.add(topic)
  return bench
}

/** The client is gone: nothing may be held for it any more. */
function endClient(bench: Bench): void {
  bench.handle({ type: 'client-end' })
  expect(bench.effects.filter((effect) => effect.type === 'finish' || effect.type === 'close')).toHaveLength(1)
}

const produced = [...codecs, 'none-idempotent', 'gzip-transactional', 'none-acks0', 'none-two-topics'].map(
  (what) => new RegExp(`^produce-v\\d+-${what}$`)
)
const called = [
  'api-versions',
  'metadata',
  'init-producer-id',
  'find-coordinator',
  'join-group',
  'sync-group',
  'fetch'
].map((api) => new RegExp(`^${api}-v\\d+-`))

describe('frames of real clients', () => {
  it('are there for every client, with every codec, idempotent and transactional', () => {
    const clients = [...new Set(captured.map(({ client }) => client))]
    expect(clients).toEqual(['java-4.3.1', 'kafkajs-2.2.4', 'librdkafka-2.16.1'])
    for (const client of clients) {
      const names = captured.filter((frame) => frame.client === client).map(({ name }) => name)
      const found = [...produced, ...called].filter((pattern) => names.some((name) => pattern.test(name)))
      expect(found, client).toEqual([...produced, ...called])
    }
  })

  it.each(titled(known))('%s is decoded and encoded byte for byte', (_, { apiKey, apiVersion, request, answer }) => {
    const header = decodeRequestHeader(request.subarray(4))
    expect(encodeRequestHeader(header)).toEqual(request.subarray(4, 4 + header.headerLength))
    const declared = messages.filter((message) => message.apiKey === apiKey)
    const asked = declared.find(({ type }) => type === 'request')
    if (asked !== undefined) {
      const body = bodyOf(request, header)
      expect(asked.encode(asked.decode(body, apiVersion), apiVersion)).toEqual(body)
    }
    const answered = declared.find(({ type }) => type === 'response')
    if (answered === undefined || answer === null) return
    const body = bodyOf(answer, decodeResponseHeader(answer.subarray(4), apiKey, apiVersion))
    const version = apiKey === apiKeys.apiVersions ? decodeApiVersionsResponse(body, apiVersion).version : apiVersion
    expect(answered.encode(answered.decode(body, version), version)).toEqual(body)
  })

  it.each(titled(produces))('the batches of %s are read to the last byte', (_, { apiVersion, request }) => {
    const body = bodyOf(request, decodeRequestHeader(request.subarray(4)))
    const table = new RecordTable()
    for (const { partitionData } of produceRequest.decode(body, apiVersion).topicData) {
      for (const { records } of partitionData) {
        const header = readProducedBatch(records!)
        expect(crcMatches(records!, header)).toBe(true)
        table.read(inflate(header.codec, recordsSection(records!, header), 10_000), header)
        expect(readRecords(records!).map(({ value }) => JSON.parse(value!.toString()) as unknown)).toEqual(
          Array.from({ length: header.recordCount }, (__, n) => ({ n, country: 'DE' }))
        )
      }
    }
  })

  it.each(titled(refused))('%s is newer than what we offer: closed, and nothing of it goes up', (_, { request }) => {
    const bench = watching([])
    bench.client(request)
    expect(bench.closed?.reason).toBe('unsupported-api')
    expect(bench.sentUp.length).toBe(0)
  })
})

describe.each([
  ['nothing is watched', []],
  ['their topics are watched', watched]
])('frames of real clients, while %s', (_title, topics: string[]) => {
  it.each(titled(known))('%s goes up as it came, whole and byte by byte', (_, { request, answer, correlationId }) => {
    const whole = watching(topics)
    whole.client(request)
    expect(whole.sentUp).toEqual(request)
    const single = watching(topics)
    for (const byte of request) single.client(Buffer.from([byte]))
    expect(single.sentUp).toEqual(request)
    for (const bench of [whole, single]) {
      if (answer !== null) bench.upstream(answer)
      expect(bench.closed).toBeUndefined()
      expect(bench.session.pendingAnswers).toBe(0)
      expect(answer === null ? null : bench.sentDown.readInt32BE(4)).toBe(answer === null ? null : correlationId)
      endClient(bench)
    }
    expect(single.sentDown).toEqual(whole.sentDown)
  })

  it.each(titled(known))('%s goes up as it came in two pieces, wherever it is cut', (_, { request }) => {
    for (let cut = 1; cut < request.length; cut += 1) {
      const bench = watching(topics)
      bench.client(request.subarray(0, cut))
      const early = bench.sentUp
      expect(early.equals(request.subarray(0, early.length)), `cut at ${cut}`).toBe(true)
      bench.client(request.subarray(cut))
      expect(bench.sentUp.equals(request), `cut at ${cut}`).toBe(true)
    }
  })

  it.each(titled(known))('%s that breaks off ends cleanly, wherever it is cut', (_, frame) => {
    const isHeld = topics.length > 0 && frame.apiKey === apiKeys.produce
    for (let cut = 0; cut < frame.request.length; cut += 1) {
      const bench = watching(topics)
      bench.client(frame.request.subarray(0, cut))
      endClient(bench)
      expect(bench.sentUp.equals(frame.request.subarray(0, bench.sentUp.length)), `cut at ${cut}`).toBe(true)
      if (isHeld) expect(bench.sentUp.length, `cut at ${cut}`).toBe(0)
      const reserved = bench.effects.filter((effect) => effect.type === 'reserve').length
      expect(bench.effects.filter((effect) => effect.type === 'free').length, `cut at ${cut}`).toBe(reserved)
    }
  })

  it.each(titled(known))('half an answer to %s is no answer, wherever it is cut', (_, { request, answer }) => {
    if (answer === null) return
    for (let cut = 1; cut < answer.length; cut += 1) {
      const bench = watching(topics)
      bench.client(request)
      bench.upstream(answer.subarray(0, cut))
      expect(bench.closed, `cut at ${cut}`).toBeUndefined()
      expect(bench.session.pendingAnswers, `cut at ${cut}`).toBe(1)
      bench.upstream(answer.subarray(cut))
      expect(bench.session.pendingAnswers, `cut at ${cut}`).toBe(0)
    }
  })
})

// Damage -------------------------------------------------------------------------------------------------------------

const interesting = [
  -2_147_483_648, -32_768, -129, -2, -1, 0, 1, 2, 7, 8, 127, 128, 255, 32_767, 65_535, 100_001, 2_147_483_647
]

type Damage =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'int32' | 'int16' | 'int8'; readonly at: number; readonly value: number }
  | { readonly kind: 'remove' | 'repeat'; readonly at: number; readonly bytes: number }
  | { readonly kind: 'insert'; readonly at: number; readonly content: Uint8Array }

const at = fc.nat(2_000)
const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat(7) }),
  fc.record({
    kind: fc.constantFrom('int32' as const, 'int16' as const, 'int8' as const),
    at,
    value: fc.constantFrom(...interesting)
  }),
  fc.record({
    kind: fc.constantFrom('remove' as const, 'repeat' as const),
    at,
    bytes: fc.integer({ min: 1, max: 64 })
  }),
  fc.record({ kind: fc.constant('insert' as const), at, content: fc.uint8Array({ minLength: 1, maxLength: 16 }) })
)

/** `keepLength`: the length prefix is made right again, so that the damage lies inside the frame. */
function damaged(frame: Buffer, list: readonly Damage[], keepLength: boolean): Buffer {
  let bytes = Buffer.from(frame)
  for (const damage of list) {
    const place = damage.at % Math.max(1, bytes.length - 4)
    switch (damage.kind) {
      case 'flip':
        bytes[place]! ^= 1 << damage.bit
        break
      case 'int32':
        bytes.writeInt32BE(damage.value, place)
        break
      case 'int16':
        bytes.writeInt16BE((damage.value << 16) >> 16, place)
        break
      case 'int8':
        bytes.writeInt8((damage.value << 24) >> 24, place)
        break
      case 'remove':
        bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + damage.bytes)])
        break
      case 'repeat':
        bytes = Buffer.concat([bytes.subarray(0, place + damage.bytes), bytes.subarray(place)])
        break
      case 'insert':
        bytes = Buffer.concat([bytes.subarray(0, place), damage.content, bytes.subarray(place)])
        break
    }
    if (bytes.length < 8) bytes = Buffer.concat([bytes, Buffer.alloc(8)])
  }
  if (keepLength) bytes.writeInt32BE(bytes.length - 4, 0)
  return bytes
}

const oneFrame = (frames: readonly CapturedFrame[], keepLength: fc.Arbitrary<boolean>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.nat(frames.length - 1), fc.array(damages, { maxLength: 4 }), keepLength)
    .map(([index, list, keep]) => damaged(frames[index]!.request, list, keep))

const chunkSizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 })

function chunksOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length]!
    chunks.push(bytes.subarray(start, start + size))
    start += size
  }
  return chunks
}

/** Length and checksum made right again, where there is still room for them. */
function resealed(batch: Buffer): Buffer {
  if (batch.length < 61) return batch
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

/** Every frame that went up is one that came, whole and in order; only the last may be cut off. */
function expectFramesOf(sentUp: Buffer, stream: Buffer, isLastCut: boolean): void {
  const came = new FrameSplitter()
  const whole = came.push(stream)
  let start = 0
  let next = 0
  for (const frame of new FrameSplitter().push(sentUp)) {
    const index = whole.findIndex((candidate, i) => i >= next && candidate.equals(frame))
    expect(index, 'a frame that did not come').toBeGreaterThanOrEqual(next)
    next = index + 1
    start += frame.length
  }
  const rest = sentUp.subarray(start)
  if (rest.length === 0) return
  expect(isLastCut, 'a frame that is cut off in the middle of the stream').toBe(true)
  expect(stream.includes(rest)).toBe(true)
}

const runs = { numRuns: 1_500 }

describe('damaged frames', () => {
  it.each([
    ['nothing is watched', []],
    ['their topics are watched', watched]
  ])('are relayed whole or end the connection, while %s', (_, topics: string[]) => {
    const several = fc.array(oneFrame(known, fc.boolean()), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(several, chunkSizes, (frames, sizes) => {
        const stream = Buffer.concat(frames)
        const bench = watching(topics)
        for (const chunk of chunksOf(stream, sizes)) bench.client(chunk)
        const isOpen = bench.closed === undefined
        expectFramesOf(bench.sentUp, stream, isOpen)
        endClient(bench)
      }),
      runs
    )
  })

  it('of a broker are relayed or end the connection', () => {
    const answered = known.filter(({ answer }) => answer !== null)
    const pick = fc.nat(answered.length - 1).map((index) => answered[index]!)
    const some = fc.array(damages, { maxLength: 4 })
    fc.assert(
      fc.property(pick, some, fc.boolean(), chunkSizes, (frame, list, keep, sizes) => {
        const bench = watching(watched)
        bench.client(frame.request)
        for (const chunk of chunksOf(damaged(frame.answer!, list, keep), sizes)) bench.upstream(chunk)
        if (bench.closed === undefined) endClient(bench)
        else expect(['malformed-response', 'unexpected-response']).toContain(bench.closed.reason)
      }),
      runs
    )
  })
})

describe('damaged batches', () => {
  const schema = '{ "type": "object", "required": ["n", "country"], "properties": { "country": { "enum": ["DE"] } } }'
  const policy = policyOf(
    'apiVersion: kontrakt/v1\ntopics: [orders, payments]\nmode: reject\n' +
      'value:\n  format: json\n  framing: none\n  schema: { file: s.json }\n',
    { 's.json': schema }
  )
  const contracts = contractSet([policy], null)
  const report = {
    batchSettled: () => undefined,
    violation: () => undefined,
    undecided: () => undefined,
    refused: () => undefined,
    gateClosed: () => undefined,
    dropped: () => undefined
  }
  let enforcer: Enforcer | undefined
  let benches = 0

  /** A session over the real enforcement, on a connection that may write everywhere. */
  function enforcerBench(): Bench {
    // What one session leaves in the gates belongs to the case too; but gates that are all closed judge nothing.
    if (benches % 20 === 0) enforcer = undefined
    benches += 1
    const current = (enforcer ??= new Enforcer(contracts, {
      limits: { inflatedBatchBytes: 100_000, recordsPerBatch: 1_000 },
      decideWaitMs: 0,
      undecidableAfterMs: 0,
      acksZero: 'drop',
      refuseUnknownTopics: false,
      report,
      quarantine: null,
      clock: { nowMs: () => 1_000_000, sleep: () => Promise.resolve() }
    }))
    const bench = new Bench()
    for (const topic of watched) bench.path.watched.add(topic)
    // Nothing here has to be fetched, so nothing is waited for.
    const gone = new AbortController().signal
    bench.path.judge = (call) => current.judge(call, gone) as Judged
    bench.path.admission = (judged) => current.admit(judged, { status: () => 0 })
    bench.path.departure = (judged) => current.depart(judged, { status: () => 0 })
    return bench
  }

  /** What a reader of the topic would get, or null when the bytes are no batch that a broker appends. */
  function readable(records: Buffer): ReturnType<typeof readRecords> | null {
    try {
      const header = readProducedBatch(records)
      return crcMatches(records, header) ? readRecords(records) : null
    } catch (error) {
      if (error instanceof MalformedBatchError) return null
      throw error
    }
  }

  const isGood = (value: Buffer | null): boolean => {
    try {
      const document = JSON.parse(value!.toString()) as { n?: unknown; country?: unknown } | null
      return typeof document === 'object' && document?.n !== undefined && document.country === 'DE'
    } catch {
      return false
    }
  }

  /** None when the request cannot be read: then its one topic was another, and the broker refuses it. */
  function topicsOf(body: Buffer, apiVersion: number): ProduceRequest['topicData'] {
    try {
      return produceRequest.decode(body, apiVersion).topicData
    } catch (error) {
      if (error instanceof MalformedMessageError) return []
      throw error
    }
  }

  function expectOnlyGoodWentUp(sentUp: Buffer): void {
    for (const frame of new FrameSplitter().push(sentUp)) {
      if (frame.readInt16BE(4) !== apiKeys.produce) continue
      const header = decodeRequestHeader(frame.subarray(4))
      for (const { name, partitionData } of topicsOf(bodyOf(frame, header), header.apiVersion)) {
        if (!watched.includes(name)) continue
        for (const { records } of partitionData) {
          const inside = records === null ? null : readable(records)
          expect(inside, 'a batch that no broker would append').not.toBeNull()
          expect(inside!.filter(({ value }) => !isGood(value))).toEqual([])
        }
      }
    }
  }

  it('never reach a topic that is guarded', () => {
    fc.assert(
      fc.property(fc.array(oneFrame(produces, fc.constant(true)), { minLength: 1, maxLength: 3 }), (frames) => {
        const bench = enforcerBench()
        for (const frame of frames) bench.client(frame)
        expectOnlyGoodWentUp(bench.sentUp)
        endClient(bench)
      }),
      { numRuns: 3_000 }
    )
  })

  it('never reach it with a right checksum either', () => {
    const values = fc.constantFrom('{"n":1,"country":"DE"}', '{"n":1}', 'x', '')
    const record = fc.record({
      key: fc.constant(null),
      value: values.map((text) => Buffer.from(text)),
      timestamp: fc.nat(100)
    })
    const batch = fc
      .record({
        records: fc.array(record, { minLength: 1, maxLength: 5 }),
        codec: fc.constantFrom('none' as const, 'gzip' as const, 'snappy' as const, 'lz4' as const, 'zstd' as const)
      })
      .map((contents) => buildBatch(contents))
    fc.assert(
      fc.property(batch, fc.array(damages, { maxLength: 2 }), (whole, list) => {
        const records = resealed(damaged(whole, list, false))
        const body = produceRequest.encode(
          { acks: -1, timeoutMs: 1, topicData: [{ name: 'orders', partitionData: [{ index: 0, records }] }] },
          9
        )
        const header = encodeRequestHeader({ apiKey: apiKeys.produce, apiVersion: 9, correlationId: 1, clientId: 'c' })
        const frame = Buffer.concat([Buffer.alloc(4), header, body])
        frame.writeInt32BE(frame.length - 4, 0)
        const bench = enforcerBench()
        bench.client(frame)
        expectOnlyGoodWentUp(bench.sentUp)
        endClient(bench)
      }),
      { numRuns: 3_000 }
    )
  })
})
