/**
 * Sending quarantined records home on a real Kafka, by the command as an operator runs it: whatever happens to it, a
 * reader of committed records sees each good record once, as its producer sent it, in the order of its key.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReadRecord } from '../../protocol/records/batch.ts'
import { buildBatch } from '../../protocol/records/batch.ts'
import { systemClock } from '../../src/clock.ts'
import { KafkaClient } from '../../src/kafka/client.ts'
import { readFetched } from '../../src/kafka/fetched-records.ts'
import { retrying } from '../../src/kafka/retrying.ts'
import { TransactionalWriter } from '../../src/kafka/transactional-writer.ts'
import type { QuarantineEntry } from '../../src/quarantine/record.ts'
import { toQuarantineRecord } from '../../src/quarantine/record.ts'
import { transactionalIdOf } from '../../src/quarantine/redrive-writer.ts'
import { describeClients, describeKafka } from '../support/kafka.ts'
import { Sandbox } from '../unit/cli/run-cli.ts'

const main = resolve(import.meta.dirname, '../../src/cli/main.ts')

const policyOf = (topic: string): string => `apiVersion: kontrakt/v1
topics: ${topic}
mode: quarantine
value: { format: json, framing: none }
rules:
  - { id: amount-positive, expr: value.amount > 0, message: amount must be above zero }
`

interface Stage {
  readonly topic: string
  readonly quarantineTopic: string
  readonly box: Sandbox
}

describeKafka('redrive', { version: '4.3.1', nodes: 1 }, (cluster) => {
  let client: KafkaClient
  const boxes: Sandbox[] = []
  const children: ChildProcess[] = []
  beforeAll(() => {
    client = new KafkaClient({ bootstrapServers: cluster().bootstrap, clientId: 'redrive-test' })
  })
  afterAll(() => {
    client.close()
    for (const child of children) child.kill('SIGKILL')
    for (const box of boxes) box.remove()
  })

  /** Each with a state topic of its own: tests of other files have nothing to do with it. */
  async function stage(): Promise<Stage> {
    const topic = `redrive-${randomBytes(5).toString('hex')}`
    const quarantineTopic = `${topic}.quarantine`
    const configs = { 'message.timestamp.type': 'LogAppendTime' }
    const created = await client.createTopics([
      { name: topic, partitions: 2, replicationFactor: 1 },
      { name: quarantineTopic, partitions: 2, replicationFactor: 1, configs }
    ])
    expect(created.map(({ error }) => error)).toEqual([null, null])
    const box = new Sandbox()
    boxes.push(box)
    box.write('policies/orders.yaml', policyOf(topic))
    box.write('kontrakt.yaml', `apiVersion: kontrakt/v1\ntopics: { quarantineState: ${topic}.state }\n`)
    return { topic, quarantineTopic, box }
  }

  const isBad = (n: number): boolean => n % 10 === 3
  const keyOf = (n: number): string => `k${(n * 7) % 40}`

  function entryOf({ topic }: Stage, n: number): QuarantineEntry {
    return {
      id: createHash('sha256').update(`${topic} ${n}`).digest('hex').slice(0, 32),
      topic,
      partition: n % 2,
      timestampMs: Date.now() - 1_000_000 + n,
      producerId: 7n,
      producerEpoch: 0,
      sequence: n,
      batchIndex: 0,
      clientId: `app-${n % 3}`,
      principal: null,
      policy: 'orders@3f2a91c04b7e',
      violations: [{ rule: 'amount-positive', path: 'value.amount', message: 'amount must be above zero' }],
      moreViolations: 0,
      key: Buffer.from(keyOf(n)),
      value: Buffer.from(JSON.stringify({ n, amount: isBad(n) ? -1 : 1 })),
      headers: [
        { name: 'kontrakt.id', value: Buffer.from('its own') },
        { name: 'trace', value: n % 2 === 0 ? null : Buffer.from([n & 255, 255]) }
      ],
      valueDropped: false
    }
  }

  /** A topic that was just made refuses for some moments. */
  function store(topic: string, partition: number, batch: Buffer): Promise<unknown> {
    return retrying({ clock: systemClock, withinMs: 10_000 }, () => client.produce({ topic, partition, batch }))
  }

  async function quarantine(here: Stage, count: number): Promise<QuarantineEntry[]> {
    const entries = Array.from({ length: count }, (_, n) => entryOf(here, n))
    for (const partition of [0, 1]) {
      const own = entries.filter((entry) => entry.partition === partition)
      for (let at = 0; at < own.length; at += 200) {
        const records = own.slice(at, at + 200).map((entry) => toQuarantineRecord(entry, Date.now()))
        await store(here.quarantineTopic, partition, buildBatch({ records, codec: 'lz4' }))
        // A writer that did not hear the answer stores some of them again.
        if (at === 0) {
          const again = records.slice(0, 5)
          await store(here.quarantineTopic, partition, buildBatch({ records: again }))
        }
      }
    }
    return entries
  }

  /** As a reader of committed records sees it, to the end. */
  async function committed(topic: string, partition: number): Promise<ReadRecord[]> {
    const [latest] = await client.listOffsets([{ topic, partition, time: 'latest' }])
    const records: ReadRecord[] = []
    let offset = 0n
    while (offset < latest!.offset) {
      const [fetched] = await client.fetch({ partitions: [{ topic, partition, offset }], isolation: 'committed' })
      if (fetched!.error !== null) throw fetched!.error
      const read = readFetched(fetched!, offset, 'committed')
      if (read.nextOffset === offset) continue
      records.push(...read.records)
      offset = read.nextOffset
    }
    return records
  }

  const numberOf = ({ value }: ReadRecord): number => (JSON.parse(String(value)) as { readonly n: number }).n

  /** What must be home: every good record that has no bad one of its key in its partition before it. */
  function expectedHome(count: number, partition: number): number[] {
    const blocked = new Set<string>()
    return Array.from({ length: count }, (_, n) => n).filter((n) => {
      if (n % 2 !== partition) return false
      if (isBad(n)) blocked.add(keyOf(n))
      return !blocked.has(keyOf(n))
    })
  }

  function start(here: Stage, ...args: readonly string[]): { child: ChildProcess; output: () => string } {
    const upstream = ['--upstream', cluster().bootstrap.join(',')]
    const child = spawn(process.execPath, [main, 'quarantine', ...args, ...upstream], {
      cwd: here.box.folder,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    children.push(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += String(data)))
    return { child, output: () => output }
  }

  async function ended(child: ChildProcess): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return child.exitCode
  }

  const run = (here: Stage, ...args: readonly string[]) =>
    here.box.run('quarantine', ...args, '--upstream', cluster().bootstrap.join(','))

  async function untilSomeAreHome({ topic }: Stage, least: bigint): Promise<void> {
    for (;;) {
      const places = [0, 1].map((partition) => ({ topic, partition, time: 'latest' as const }))
      const ends = await client.listOffsets(places)
      if (ends.reduce((sum, { offset }) => sum + offset, 0n) >= least) return
      await new Promise((done) => setTimeout(done, 20))
    }
  }

  it('lists, shows what would happen, sends home as it was sent, and discards the rest', async () => {
    const here = await stage()
    const entries = await quarantine(here, 400)
    const listed = await run(here, 'list', '--limit', '1000')
    expect(listed.out.trimEnd().split('\n')).toHaveLength(400)
    expect((await run(here, 'list', '--client-id', 'app-1', '--summary')).out).toMatch(/^133 records\n/)

    const sum = [0, 1].reduce((total, partition) => total + expectedHome(400, partition).length, 0)
    const dry = await run(here, 'redrive', '--dry-run', '--json')
    expect(JSON.parse(dry.out)).toMatchObject({ reports: [{ meant: 400, sent: sum, breaks: 40, held: 360 - sum }] })
    expect(await committed(here.topic, 0)).toEqual([])

    expect(await run(here, 'redrive', '--yes')).toMatchObject({ code: 0, err: '' })
    for (const partition of [0, 1]) {
      const home = await committed(here.topic, partition)
      expect(home.map(numberOf)).toEqual(expectedHome(400, partition))
      for (const record of home) {
        const { key, value, timestampMs, headers } = entries[numberOf(record)]!
        expect(record).toMatchObject({ key, value, timestamp: timestampMs })
        expect(record.headers.map(({ name, value: of }) => ({ name, value: of }))).toEqual(headers)
      }
    }
    const shown = await run(here, 'show', entries[0]!.id, '--json')
    expect(JSON.parse(shown.out)).toMatchObject([{ state: { kind: 'redriven', topic: here.topic, offset: 0 } }])

    const rest = 400 - sum
    const discarded = await run(here, 'discard', '--reason', 'test data', '--by', 'ana', '--yes')
    expect(discarded.out).toContain(`${rest} records discarded\n`)
    expect((await run(here, 'list')).out).toBe('no open records\n')
    expect((await run(here, 'redrive', '--yes')).out).toBe('no open records are meant\n')
  })

  it('sends nothing twice when it is killed again and again', async () => {
    const here = await stage()
    const count = 2_400
    await quarantine(here, count)
    for (const least of [150n, 500n, 800n]) {
      const { child } = start(here, 'redrive', '--yes', '--rate', '400')
      await untilSomeAreHome(here, least)
      child.kill('SIGKILL')
      await ended(child)
    }
    expect(await run(here, 'redrive', '--yes')).toMatchObject({ code: 0 })
    for (const partition of [0, 1]) {
      expect((await committed(here.topic, partition)).map(numberOf)).toEqual(expectedHome(count, partition))
    }
  })

  it('takes over what a killed one has left open, and waits for nobody else', async () => {
    const here = await stage()
    await quarantine(here, 40)
    const dead = new TransactionalWriter({ client, transactionalId: transactionalIdOf(here.quarantineTopic) })
    const foreign = new TransactionalWriter({ client, transactionalId: `other-${here.topic}` })
    expect(await run(here, 'redrive', '--yes', '--limit', '1')).toMatchObject({ code: 0 })
    const states = `${here.topic}.state`
    for (const writer of [dead, foreign]) {
      await writer.begin()
      await writer.send(states, 0, [{ key: Buffer.from('x'), value: Buffer.from('x'), timestamp: Date.now() }])
    }
    await dead.send(here.topic, 0, [{ key: null, value: Buffer.from('{"n":-1}'), timestamp: Date.now() }])
    const startedMs = performance.now()
    expect(await run(here, 'redrive', '--yes')).toMatchObject({ code: 0, err: '' })
    // The transaction timeout of what was left open is a minute.
    expect(performance.now() - startedMs).toBeLessThan(30_000)
    await foreign.abort()
    for (const partition of [0, 1]) {
      expect((await committed(here.topic, partition)).map(numberOf)).toEqual(expectedHome(40, partition))
    }
    await expect(dead.commit()).rejects.toMatchObject({ fault: 'fenced' })
  })

  it('ends at Ctrl-C after the chunk under way, says how to go on, and goes on', async () => {
    const here = await stage()
    await quarantine(here, 1_000)
    const { child, output } = start(here, 'redrive', '--yes', '--rate', '100')
    await untilSomeAreHome(here, 100n)
    child.kill('SIGINT')
    expect(await ended(child)).toBe(130)
    expect(output()).toMatch(/ [1-9]\d* +sent home\n/)
    expect(output()).toContain('the same command goes on with it')
    expect(await run(here, 'redrive', '--yes')).toMatchObject({ code: 0 })
    for (const partition of [0, 1]) {
      expect((await committed(here.topic, partition)).map(numberOf)).toEqual(expectedHome(1_000, partition))
    }
  })

  it('run twice at once: the later takes over, the earlier says so', async () => {
    const here = await stage()
    await quarantine(here, 1_000)
    const first = start(here, 'redrive', '--yes', '--rate', '100')
    await untilSomeAreHome(here, 100n)
    expect(await run(here, 'redrive', '--yes')).toMatchObject({ code: 0 })
    expect(await ended(first.child)).toBe(1)
    expect(first.output()).toContain('another redrive or discard of this quarantine topic has taken over')
    for (const partition of [0, 1]) {
      expect((await committed(here.topic, partition)).map(numberOf)).toEqual(expectedHome(1_000, partition))
    }
  })

  it('leaves what the brokers refuse, and what must not overtake it', async () => {
    const here = await stage()
    const small = `${here.topic}-small`
    const configs = { 'max.message.bytes': '2000' }
    await client.createTopics([{ name: small, partitions: 1, replicationFactor: 1, configs }])
    here.box.write(
      'policies/small.yaml',
      policyOf(small).replace('mode:', `quarantine: { topic: ${here.quarantineTopic} }\nmode:`)
    )
    const noise = randomBytes(3_000).toString('hex')
    const records = [2, 4, 6].map((n) => {
      const large = n === 4 ? { noise } : {}
      const value = Buffer.from(JSON.stringify({ n, amount: 1, ...large }))
      const entry = { ...entryOf(here, n), topic: small, partition: 0, key: Buffer.from(n === 2 ? 'a' : 'b'), value }
      return toQuarantineRecord(entry, Date.now())
    })
    await store(here.quarantineTopic, 0, buildBatch({ records }))
    const { code, out } = await run(here, 'redrive', '--yes')
    expect(code).toBe(1)
    expect(out).toMatch(/ 1 +sent home\n/)
    expect(out).toMatch(/ 1 +refused by the brokers\n/)
    expect(out).toMatch(/ 1 +wait behind an earlier record of their key/)
    expect((await committed(small, 0)).map(numberOf)).toEqual([2])
  })

  describe('what was sent home', () => {
    describeClients(
      (driver) => {
        it('is seen once by a consumer of committed records', async () => {
          const here = await stage()
          await quarantine(here, 200)
          const dead = start(here, 'redrive', '--yes', '--rate', '50')
          await untilSomeAreHome(here, 20n)
          dead.child.kill('SIGKILL')
          await ended(dead.child)
          expect(await run(here, 'redrive', '--yes')).toMatchObject({ code: 0 })
          const expected = [0, 1].flatMap((partition) => expectedHome(200, partition))
          const consumer = await driver().consumer(cluster().bootstrap, {
            groupId: `reader-${here.topic}`,
            partitions: [0, 1].map((partition) => ({ topic: here.topic, partition })),
            committedOnly: true
          })
          const records = await consumer.read(expected.length, 30_000)
          const extra = await consumer.read(1, 1_000)
          await consumer.close()
          const seen = [...records, ...extra].map(({ value }) => (JSON.parse(String(value)) as { n: number }).n)
          expect(seen.toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b))
        })
      },
      ['java', 'librdkafka']
    )
  })
})
