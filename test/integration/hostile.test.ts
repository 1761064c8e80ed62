/**
 * Hostile bytes against the running product. Whatever is sent: the sender is refused as a broker would refuse it, what
 * is guarded stays guarded, everybody else is served, and memory stays what it was.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { apiKeys } from '../../protocol/messages/api-table.ts'
import { fetchRequest } from '../../protocol/messages/fetch.ts'
import { produceRequest } from '../../protocol/messages/produce.ts'
import type { EmbeddedBroker } from '../../src/broker/embedded-broker.ts'
import { startEmbeddedBroker } from '../../src/broker/embedded-broker.ts'
import { kafkajsDriver } from '../support/clients/kafkajs.ts'
import { hostileBatches } from '../support/hostile/batches.ts'
import { bombs, crowd } from '../support/hostile/bombs.ts'
import { startLyingBroker, type Lie, type LyingBroker } from '../support/hostile/lying-broker.ts'
import { RawClient } from '../support/hostile/raw-client.ts'
import {
  codesOf,
  emptyPartitions,
  emptyTopics,
  framed,
  header,
  int32,
  produceFrame,
  unsignedVarint
} from '../support/hostile/requests.ts'
import {
  apiVersions,
  bad,
  batchOf,
  env,
  good,
  goodValue,
  inflatedBatchBytes,
  metadata,
  policies,
  Stage
} from '../support/hostile/stage.ts'
import { memoryCapBytes, sumOf } from '../support/hostile/watch.ts'
import { describeKafka } from '../support/kafka.ts'
import { startKontrakt, type Kontrakt } from '../support/kontrakt.ts'

// Most cases take milliseconds; one that hangs is not to take the time of all the others.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const MiB = 1024 * 1024

const tlsHello = Buffer.from('16030100c8010000c40303' + 'ab'.repeat(190), 'hex')
const closedTotal = 'kontrakt_client_connections_closed_total'
const slowBody = 'cause="slow-body"'
const hex = (digits: string): Buffer => Buffer.from(digits, 'hex')
const httpGet = Buffer.from('GET /metrics HTTP/1.1\r\nHost: kafka\r\n\r\n')

describeKafka('hostile clients', { version: '4.3.1', nodes: 1 }, (cluster) => {
  const guarded = `guarded-${randomBytes(5).toString('hex')}`
  const free = `free-${randomBytes(5).toString('hex')}`
  let kontrakt: Kontrakt
  let stage: Stage

  const driver = kafkajsDriver()

  beforeAll(async () => {
    const admin = await driver.admin(cluster().bootstrap)
    await admin.createTopics([guarded, free].map((name) => ({ name, replicas: [[1]] })))
    await admin.close()
    kontrakt = await startKontrakt({ upstream: cluster().bootstrap, policies, env })
    stage = new Stage(kontrakt, guarded)
    await stage.begin()
  })
  afterEach(() => stage.expectUnharmed())
  afterAll(async () => {
    await kontrakt.stop()
    await driver.close()
  })

  describe('frames', () => {
    const cases: [string, Buffer][] = [
      ['a length of -1', int32(-1)],
      ['a length of 0', int32(0)],
      ['a length of 7', int32(7)],
      ['a length of 2^31-1', int32(2_147_483_647)],
      ['a length one above the limit', int32(100 * MiB + 1)],
      ['the hello of TLS', tlsHello],
      ['a request of HTTP', httpGet],
      ['an API that nobody knows', framed(header(apiKeys.heartbeat, 0).fill(0x70, 0, 2))],
      ['a version that nobody knows', framed(Buffer.from('0003006300000001ffff', 'hex'))],
      ['a negative version', framed(Buffer.from('0003ffff00000001ffff', 'hex'))],
      ['a call between brokers that Kafka 4 removed', framed(Buffer.from('0006000000000001ffff', 'hex'))],
      ['SASL without frames', framed(header(apiKeys.saslHandshake, 0), Buffer.from('0005504c41494e', 'hex'))],
      ['a client id longer than the frame', framed(Buffer.from('00000009000000017fff', 'hex'), Buffer.alloc(100))],
      ['a client id of length -2', framed(Buffer.from('0000000900000001fffe', 'hex'), Buffer.alloc(100))],
      ['more header tags than bytes', framed(Buffer.from('0000000900000001ffffffffffff0f', 'hex'), Buffer.alloc(100))],
      ['a header tag longer than the frame', framed(hex('0000000900000001ffff0101ffffffff0f'), Buffer.alloc(100))],
      ['topics without end in Produce', framed(header(0, 9), hex('00ffff00000000ffffffff0f'), Buffer.alloc(100))],
      ['topics without end in Produce v3', framed(header(0, 3), hex('ffffffff000000007fffffff'), Buffer.alloc(100))],
      ['topics without end in Metadata', framed(header(3, 9), Buffer.from('ffffffff07', 'hex'), Buffer.alloc(100))],
      ['a Produce that ends before its topics', framed(header(0, 9), Buffer.from('00ffff', 'hex'))],
      ['a Produce with bytes behind it', framed(produceFrame({ [guarded]: good }).subarray(4), Buffer.from([1]))],
      [
        'a Produce that names a partition twice',
        framed(
          header(0, 9),
          produceRequest.encode(
            {
              acks: -1,
              timeoutMs: 1_000,
              topicData: [0, 0].map(() => ({ name: guarded, partitionData: [{ index: 0, records: good }] }))
            },
            9
          )
        )
      ]
    ]

    it.each(cases)('%s: closed', (_, bytes) => stage.expectClosed(bytes))

    it('a frame whose beginning never comes is closed as too slow', async () => {
      const before = await slowBodies()
      await stage.expectClosed(int32(1_000))
      await stage.watch.until(closedTotal, [slowBody], (count) => count > before)
    })

    it('a header that comes byte by byte is closed as too slow', async () => {
      const before = await slowBodies()
      const client = await stage.connect()
      const frame = produceFrame({ [guarded]: good }, { clientId: 'x'.repeat(20_000) })
      for (let i = 0; i < frame.length && !client.isEnded; i += 1) {
        await client.send(frame.subarray(i, i + 1))
        await sleep(20)
      }
      await client.ended()
      await stage.watch.until(closedTotal, [slowBody], (count) => count > before)
    })

    it('a newer ApiVersions is answered in the form of the oldest', async () => {
      const answer = await stage.answerTo(framed(Buffer.from('00120063000000070002', 'hex'), Buffer.from('xx')))
      expect(answer === 'closed' ? answer : answer.toString('hex')).toBe(
        '0000001000000007' + '0023' + '00000001001200000004'
      )
    })

    it.each([
      ['partitions', emptyPartitions(guarded, 10_000_000)],
      ['topics', emptyTopics(20_000_000)]
    ])('a frame full of empty %s is closed', (_, frame) => stage.expectClosed(frame))

    it.each([1_000, 10_000, 199_000])(
      '%i empty partitions, from many clients, are closed or answered',
      async (count) => {
        const frame = emptyPartitions(guarded, count)
        const answers = await Promise.all(Array.from({ length: 20 }, () => stage.answerTo(frame)))
        for (const answer of answers) {
          const codes = codesOf(answer)
          if (codes === 'closed') continue
          expect(codes).toHaveLength(count)
          expect([...new Set(codes)].sort()).toEqual([3, 87])
        }
      }
    )

    const slowBodies = (): Promise<number> => stage.watch.metric(closedTotal, slowBody)
  })

  describe('record batches', () => {
    it.each(hostileBatches(goodValue).map(({ name, records, code = 87 }) => [code, name, records] as const))(
      'answers %i to %s',
      async (code, _, records) => {
        expect(codesOf(await stage.answerTo(produceFrame({ [guarded]: records })))).toEqual([code])
      }
    )

    it('are refused in the oldest versions of Produce too', async () => {
      for (const apiVersion of [0, 1, 2, 3, 7, 8, 12]) {
        for (const { name, records, code = 87 } of hostileBatches(goodValue).slice(2, 12)) {
          const answer = await stage.answerTo(produceFrame({ [guarded]: records }, { apiVersion }))
          expect(codesOf(answer, apiVersion), `${name}, version ${apiVersion}`).toEqual([code])
        }
      }
    })

    it('of a topic that nobody guards get the answer that the broker gives', async () => {
      const direct = Number(cluster().bootstrap[0]!.split(':')[1])
      for (const { name, records } of hostileBatches(goodValue)) {
        // Kafka 4.3.1 never answers it.
        if (records === null) continue
        const frame = produceFrame({ [free]: records })
        const client = await RawClient.connect(direct)
        const wanted = codesOf(await client.ask(frame))
        client.vanish()
        expect(codesOf(await stage.answerTo(frame)), name).toEqual(wanted)
      }
    })

    it('do not make the numbers of the metrics lie', async () => {
      const counted = (): Promise<number> => stage.watch.metric('kontrakt_records_total', `topic="${guarded}"`)
      const before = await counted()
      for (const { records } of hostileBatches(goodValue)) {
        await stage.answerTo(produceFrame({ [guarded]: records }))
        await stage.answerTo(produceFrame({ [guarded]: records }, { acks: 0 }), apiVersions())
      }
      expect((await counted()) - before).toBeLessThan(1_000)
      expect(await stage.watch.metric('kontrakt_acks_zero_dropped_records_total')).toBeLessThan(1_000)
    })

    it.each(bombs(16 * inflatedBatchBytes).map(({ name, records }) => [name, records] as const))(
      'answers 87 to %s',
      async (_, records) => {
        for (let i = 0; i < 5; i += 1) {
          expect(codesOf(await stage.answerTo(produceFrame({ [guarded]: records })))).toEqual([87])
        }
      }
    )

    it('answers 87 to a crowd of the smallest records', async () => {
      for (const count of [500_000, 2_000_000]) {
        expect(codesOf(await stage.answerTo(produceFrame({ [guarded]: crowd(count) })))).toEqual([87])
      }
    })

    it('names that mean something to JavaScript are names', async () => {
      const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'guarded-__proto__']
      const batches = Object.fromEntries([...names, guarded].map((name) => [name, good]))
      const answer = await stage.answerTo(produceFrame(batches))
      expect([codesOf(answer)].flat().sort()).toEqual([0, 3, 3, 3, 3, 3])
      stage.produced += 1
    })
  })

  describe('clients', () => {
    it('that promise 50 MB each and send 1 KB hold up nobody with a small request, and are closed', async () => {
      const start = Buffer.concat([int32(50 * MiB), produceFrame({ [guarded]: good, other: good }).subarray(4)])
      const before = await stage.watch.metric(closedTotal, slowBody)
      const crowd = await Promise.all(Array.from({ length: 300 }, () => stage.connect()))
      await Promise.all(crowd.map((client) => client.send(start, Buffer.alloc(1024 - (start.length % 1024)))))
      await stage.watch.until('kontrakt_client_connections_active', [], (count) => count >= 290)
      for (let i = 0; i < 20; i += 1) {
        await stage.expectServes()
        expect(await stage.answerTo(apiVersions())).not.toBe('closed')
      }
      await stage.watch.until(closedTotal, [slowBody], (count) => count >= before + 4)
    })

    it('that vanish in the middle of a frame leave nothing behind', async () => {
      const large = produceFrame({ [guarded]: batchOf(...Array.from({ length: 5_000 }, () => goodValue)), other: good })
      for (const share of [0.01, 0.5, 0.99]) {
        const clients = await Promise.all(Array.from({ length: 50 }, () => stage.connect()))
        await Promise.all(clients.map((client) => client.send(large.subarray(0, Math.floor(large.length * share)))))
        for (const client of clients) client.vanish()
      }
    })

    it('that come and go by the thousand leave no handle behind', async () => {
      const handles = (): Promise<number> => stage.watch.metric('process_open_fds')
      await stage.watch.untilQuiet()
      const before = await handles()
      for (let round = 0; round < 10; round += 1) {
        const clients = await Promise.all(Array.from({ length: 100 }, () => stage.connect()))
        await Promise.all(
          clients.map(async (client, i) => {
            if (i % 2 === 0) expect(await client.ask(apiVersions())).not.toBe('closed')
            client.vanish()
          })
        )
      }
      await stage.watch.untilQuiet()
      await stage.watch.until('process_open_fds', [], (count) => count <= before + 5)
      const text = await kontrakt.metrics()
      const opened = sumOf(text, 'kontrakt_client_connections_total')
      const closed = sumOf(text, 'kontrakt_client_connections_closed_total')
      expect(opened - closed).toBe(sumOf(text, 'kontrakt_client_connections_active'))
    })
  })

  it('nothing of all this is in the guarded topic', async () => {
    const admin = await driver.admin(cluster().bootstrap)
    const [offsets] = await admin.listOffsets(guarded)
    await admin.close()
    expect(offsets?.latest).toBe(stage.produced)
  })
})

describe('hostile clients, embedded broker', () => {
  const guarded = 'guarded-topic'
  let broker: EmbeddedBroker
  let kontrakt: Kontrakt
  let stage: Stage

  beforeAll(async () => {
    broker = await startEmbeddedBroker({ topics: [{ name: guarded }, { name: 'free' }], autoCreateTopics: false })
    kontrakt = await startKontrakt({ upstream: [broker.address], policies, env })
    stage = new Stage(kontrakt, guarded)
    await stage.begin()
  })
  afterEach(() => stage.expectUnharmed())
  afterAll(async () => {
    await kontrakt.stop()
    await broker.close()
  })

  // Not before Apache Kafka: CVE-2026-111115 ends its process.
  it.each([
    ['ApiVersions', apiKeys.apiVersions, 3],
    ['Produce', apiKeys.produce, 9],
    ['Metadata', apiKeys.metadata, 9]
  ])('twenty million tagged fields in a header of %s: closed', async (_, apiKey, version) => {
    const count = 20_000_000
    const start = header(apiKey, version).subarray(0, -1)
    await stage.expectClosed(framed(start, unsignedVarint(count), Buffer.alloc(2 * count)))
  })

  it('a client that never reads its answers costs no more than their buffers', async () => {
    for (let i = 0; i < 20; i += 1) {
      const batch = batchOf(randomBytes(500_000).toString('hex'))
      expect(codesOf(await stage.answerTo(produceFrame({ free: batch })))).toEqual([0])
    }
    const fetch = framed(
      header(apiKeys.fetch, 4),
      fetchRequest.encode(
        {
          replicaId: -1,
          maxWaitMs: 0,
          minBytes: 0,
          maxBytes: 50 * MiB,
          isolationLevel: 0,
          topics: [{ topic: 'free', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 50 * MiB }] }]
        },
        4
      )
    )
    const refused = produceFrame({ [guarded]: bad })
    const clients = await Promise.all(Array.from({ length: 10 }, () => stage.connect()))
    for (const [i, client] of clients.entries()) {
      client.stopReading()
      void client.send(...Array.from({ length: 500 }, () => (i % 2 === 0 ? fetch : refused)))
    }
    for (let i = 0; i < 5; i += 1) {
      await sleep(100)
      await stage.expectServes()
    }
    expect(await stage.watch.residentBytes()).toBeLessThan(memoryCapBytes)
  })

  it('topics and client ids without end grow neither the metrics nor the memory', async () => {
    const perRequest = 10_000
    const client = await stage.connect()
    for (let request = 0; request < 12; request += 1) {
      const names = Array.from({ length: perRequest }, (_, i) => `guarded-${request * perRequest + i}`)
      const batches = Object.fromEntries(names.map((name) => [name, bad]))
      await client.send(produceFrame(batches, { acks: 0, clientId: `client-${request}` }))
    }
    for (let request = 0; request < 20; request += 1) {
      const frames = Array.from({ length: 1_000 }, (_, i) =>
        produceFrame({ [`guarded-one-${request}-${i}`]: bad }, { acks: 0, clientId: `one-${request}-${i}` })
      )
      await client.send(...frames)
    }
    expect(await client.ask(apiVersions(77))).not.toBe('closed')
    client.vanish()
    const text = await kontrakt.metrics()
    const topics = new Set([...text.matchAll(/topic="([^"]*)"/g)].map(([, topic]) => topic))
    expect(topics.size).toBeLessThanOrEqual(501)
    expect(text.length).toBeLessThan(MiB)
    expect(sumOf(text, 'kontrakt_acks_zero_dropped_records_total')).toBe(140_000)
  })

  it('requests without end that nobody answers yet are not read', async () => {
    const held = Promise.withResolvers<undefined>()
    const stop = broker.intercept('metadata', async (call) => {
      await held.promise
      return await call.proceed()
    })
    try {
      const client = await stage.connect()
      void client.send(Buffer.concat(Array.from({ length: 200_000 }, () => metadata('free'))))
      await stage.watch.until('kontrakt_requests_total', ['api="Metadata"'], (count) => count >= 1_000)
      await stage.expectServes()
      expect(await stage.watch.metric('kontrakt_requests_total', 'api="Metadata"')).toBeLessThan(2_000)
    } finally {
      stop()
      held.resolve(undefined)
    }
  })
})

describe('a broker that lies', () => {
  const guarded = 'guarded-topic'
  let liar: LyingBroker
  let kontrakt: Kontrakt
  let stage: Stage

  beforeAll(async () => {
    liar = await startLyingBroker()
    liar.honest.topics.create({ name: guarded })
    kontrakt = await startKontrakt({ upstream: [liar.address], policies, env })
    stage = new Stage(kontrakt, guarded)
    await stage.begin()
  })
  afterEach(async () => {
    liar.lie = null
    await stage.expectUnharmed()
  })
  afterAll(async () => {
    await kontrakt.stop()
    await liar.close()
  })

  const changed =
    (change: (answer: Buffer) => Buffer, cut = false): Lie =>
    (_, answer) => ({ bytes: change(Buffer.from(answer)), cut })
  const garbage = (answer: Buffer): Buffer =>
    Buffer.concat([answer.subarray(0, 8), Buffer.alloc(answer.length - 8, 0xfe)])
  const endless = (answer: Buffer): Buffer => Buffer.concat([int32(2_147_483_647), answer.subarray(4)])
  const withInt32 = (value: number, at: number): Lie =>
    changed((answer) => {
      answer.writeInt32BE(value, at)
      return answer
    })
  const lies: [string, Lie][] = [
    ['another correlation id', withInt32(99, 4)],
    ['a length of -1', withInt32(-1, 0)],
    ['a length of 0', withInt32(0, 0)],
    ['a length of 2^31-1 and an end', changed(endless, true)],
    ['half an answer', changed((answer) => answer.subarray(0, answer.length / 2), true)],
    ['nothing', changed(() => Buffer.alloc(0), true)],
    ['an array longer than the answer', withInt32(0x7fff_ffff, 10)],
    ['garbage in its body', changed(garbage)],
    ['HTTP', changed(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))]
  ]

  it.each(lies)('%s in Metadata, ApiVersions or Produce: closed', async (_, lie) => {
    for (const request of [metadata(guarded), apiVersions(), produceFrame({ [guarded]: good, other: good })]) {
      liar.lie = lie
      const client = await stage.connect()
      void client.send(request)
      await client.ended()
      liar.lie = null
    }
  })

  it('an answer twice: the first is delivered, the second closes', async () => {
    liar.lie = changed((answer) => Buffer.concat([answer, answer]))
    const client = await stage.connect()
    expect(await client.ask(apiVersions())).not.toBe('closed')
    await client.ended()
  })

  it('a proof of the right to write that is garbage: closed, and nothing bad goes up', async () => {
    liar.lie = (apiKey, answer) => ({ bytes: apiKey === apiKeys.metadata ? garbage(answer) : answer })
    await stage.expectClosed(produceFrame({ [guarded]: bad }))
    expect(liar.honest.topics.records(guarded).filter(({ value }) => value!.toString() !== goodValue)).toEqual([])
  })
})
