import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildBatch } from '../../../protocol/records/batch.ts'
import { startEmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { Person } from '../../../src/cli/io.ts'
import { KafkaClient } from '../../../src/kafka/client.ts'
import type { QuarantineEntry } from '../../../src/quarantine/record.ts'
import { toQuarantineRecord } from '../../../src/quarantine/record.ts'
import { freePorts } from '../../support/ports.ts'
import { entryOf } from '../quarantine/entries.ts'
import type { Ran } from './run-cli.ts'
import { Sandbox } from './run-cli.ts'

const quarantineTopic = 'orders.quarantine'
const policy = `apiVersion: kontrakt/v1
topics: orders
mode: quarantine
value: { format: json, framing: none }
rules:
  - { id: amount-positive, expr: value.amount > 0, message: amount must be above zero }
`

let box: Sandbox
let broker: EmbeddedBroker

beforeEach(async () => {
  broker = await startEmbeddedBroker({ topics: [{ name: 'orders' }, { name: quarantineTopic }] })
  box = new Sandbox()
  box.write('policies/orders.yaml', policy)
})
afterEach(async () => {
  box.remove()
  await broker.close()
})

/** Embedded brokers have no transactions. */
function run(...args: readonly string[]): Promise<Ran> {
  const [command = '', ...rest] = args
  const plain = command === 'redrive' || command === 'discard' ? ['--at-least-once'] : []
  return box.run('quarantine', command, '--upstream', broker.address, ...plain, ...rest)
}

async function quarantine(...entries: readonly QuarantineEntry[]): Promise<void> {
  const client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test' })
  const records = entries.map((entry) => toQuarantineRecord(entry, Date.now()))
  await client.produce({ topic: quarantineTopic, partition: 0, batch: buildBatch({ records }) })
  client.close()
}

const one = entryOf({ name: 'one', value: Buffer.from('{"amount":1,"card":"4711"}') })
const two = entryOf({ name: 'two', value: Buffer.from('{"amount":-1}'), clientId: 'till\u001b[31m', key: null })

function person(answers: boolean): { asked: string[]; person: Person } {
  const asked: string[] = []
  const confirm = (question: string): Promise<boolean> => {
    asked.push(question)
    return Promise.resolve(answers)
  }
  return { asked, person: { confirm, progress: () => undefined } }
}

describe('kontrakt quarantine list', () => {
  it('prints one line each, without contents and without control characters', async () => {
    await quarantine(one, two)
    const { code, out } = await run('list')
    expect(code).toBe(0)
    const lines = out.trimEnd().split('\n')
    expect(lines).toHaveLength(2)
    expect(out).toContain(
      `${one.id.slice(0, 12)}  ${new Date().toISOString().slice(0, 10)}` // and the time
    )
    expect(out).toContain('orders/0  checkout  amount-positive  value.amount: amount must be above zero\n')
    expect(out).toContain('till\ufffd[31m')
    expect(out).not.toContain('4711')
  })

  it('says that there are none, and that there are more', async () => {
    expect((await run('list')).out).toBe('no open records\n')
    await quarantine(one, two)
    expect((await run('list', '--limit', '1')).out).toContain('1 of 2; --limit shows more\n')
    expect((await run('list', '--rule', 'schema')).out).toBe('no open records\n')
    expect((await run('list', '--since', '1h', '--until', '2099-01-01')).out.split('\n')).toHaveLength(3)
  })

  it('counts by rule and by producer', async () => {
    await quarantine(one, two, entryOf({ name: 'three' }))
    const { out } = await run('list', '--summary')
    expect(out).toMatch(/^3 records\nby rule\n {2}3 {2}amount-positive\n/)
    expect(out).toContain('  2  orders  -  checkout\n')
  })

  it('is JSON for programs', async () => {
    await quarantine(one)
    const document = JSON.parse((await run('list', '--json')).out) as { items: unknown[] }
    expect(document).toMatchObject({ total: 1, complete: true, byRule: { 'amount-positive': 1 } })
    expect(document.items[0]).toMatchObject({ id: one.id, topic: 'orders', state: { kind: 'open' }, valueBytes: 26 })
    expect(document.items[0]).not.toHaveProperty('valueHex')
  })

  it('needs no policies where the quarantine topic is named', async () => {
    box.write('policies/broken.yaml', 'a: [')
    await quarantine(one)
    const refused = await run('list')
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('the policies do not load')
    expect((await run('list', '--quarantine-topic', quarantineTopic)).out.split('\n')).toHaveLength(2)
  })

  it('tells of records that are none', async () => {
    const client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test' })
    const batch = buildBatch({ records: [{ key: null, value: Buffer.from('secret'), timestamp: 1 }] })
    await client.produce({ topic: quarantineTopic, partition: 0, batch })
    client.close()
    const { err } = await run('list')
    expect(err).toContain('orders.quarantine/0, offset 0, is no quarantined record: ')
    expect(err).not.toContain('secret')
  })

  it.each([
    ['--since', 'yesterday'],
    ['--limit', '0'],
    ['--state', 'lost']
  ])('does not understand %s %s', async (flag, value) => {
    expect(await run('list', flag, value)).toMatchObject({ code: 2 })
  })
})

describe('what is no quarantined record', () => {
  it('is told on stderr, whatever it has in its headers', async () => {
    const record = toQuarantineRecord(two, Date.now())
    const name = '\u001b]0;owned\u0007'
    const twice = [0, 1].map(() => ({ name, value: Buffer.from('1') }))
    const headers = record.headers!.map((header) =>
      header.name === 'kontrakt.headers' ? { ...header, value: Buffer.from('0') } : header
    )
    const client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test' })
    const batch = buildBatch({ records: [{ ...record, headers: [...twice, ...headers] }] })
    await client.produce({ topic: quarantineTopic, partition: 0, batch })
    client.close()
    const { err } = await run('list')
    expect(err).toContain(
      'orders.quarantine/0, offset 0, is no quarantined record: its header \ufffd]0;owned\ufffd stands'
    )
    expect(err).not.toContain('\u001b')
  })

  it('has no control characters in JSON either', async () => {
    await quarantine(entryOf({ name: 'c1', clientId: 'till\u009b31m' }))
    const { out } = await run('list', '--json')
    expect(out).toContain('till\\u009b31m')
    expect(out).not.toContain('\u009b')
  })
})

describe('kontrakt quarantine show', () => {
  it('prints all but the contents, and where the rule stands today', async () => {
    await quarantine(one)
    const { code, out } = await run('show', one.id.slice(0, 8))
    expect(code).toBe(0)
    expect(out).toContain(one.id)
    expect(out).toMatch(/rule today +.*policies\/orders.yaml:6:5\n/)
    expect(out).toMatch(/sent to +orders\/0\n/)
    expect(out).toMatch(/state +open\n/)
    expect(out).not.toContain('4711')
  })

  it('prints the contents when they are asked for, as text or as hex', async () => {
    await quarantine(entryOf({ name: 'one', value: one.value, key: Buffer.from([0, 255]) }))
    const { out } = await run('show', one.id, '--values')
    expect(out).toMatch(/key +hex 00ff\n/)
    expect(out).toMatch(/value +\{"amount":1,"card":"4711"\}\n/)
    expect(out).toMatch(/header source +web\n/)
    const [json] = JSON.parse((await run('show', one.id, '--values', '--json')).out) as Record<string, unknown>[]
    expect(json).toMatchObject({ keyHex: '00ff', headers: [{ name: 'source', valueHex: '776562' }] })
  })

  it('says what is wrong with an id', async () => {
    await quarantine(one)
    expect(await run('show', 'xyz')).toMatchObject({ code: 2 })
    const unknown = await run('show', '0000000')
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('has the id 0000000') as string })
  })
})

describe('kontrakt quarantine redrive', () => {
  it('shows what would happen, and sends after a yes', async () => {
    await quarantine(one, two)
    expect((await run('redrive', '--dry-run')).out).toBe(
      "orders.quarantine: 2 open records\n       1  pass today's policies and would go home\n" +
        "       1  still break today's policies: 1 amount-positive\n"
    )
    expect(broker.topics.endOffset('orders')).toBe(0)
    const { asked, person: yes } = person(true)
    box.person = yes
    const { code, out } = await run('redrive')
    expect(code).toBe(0)
    expect(asked).toEqual(['Send 1 record home?'])
    expect(out).toContain('       1  sent home\n')
    expect(broker.topics.records('orders').map(({ value }) => String(value))).toEqual([String(one.value)])
    expect((await run('list', '--state', 'redriven')).out).toContain('redriven')
    expect((await run('show', one.id)).out).toMatch(/state +sent to orders\/0, offset 0, /)
  })

  it('sends nothing after a no, or where nobody can be asked', async () => {
    await quarantine(one)
    box.person = person(false).person
    expect(await run('redrive')).toMatchObject({ code: 1, err: 'nothing was sent\n' })
    delete box.person
    expect(await run('redrive')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') as string })
    expect(broker.topics.endOffset('orders')).toBe(0)
    expect(await run('redrive', '--yes', '--json')).toMatchObject({ code: 0 })
    expect(broker.topics.endOffset('orders')).toBe(1)
  })

  it('refuses to judge by policies that do not load', async () => {
    box.write('policies/broken.yaml', 'a: [')
    expect(await run('redrive', '--yes', '--quarantine-topic', quarantineTopic)).toMatchObject({
      code: 1,
      err: expect.stringContaining('the policies do not load') as string
    })
  })

  it('says why transactions do not work here, and what else there is', async () => {
    await quarantine(one)
    const { code, err } = await box.run('quarantine', 'redrive', '--upstream', broker.address, '--yes')
    expect(code).toBe(1)
    expect(err).toContain('--at-least-once')
    expect(broker.topics.endOffset('orders')).toBe(0)
  })

  it('says when the cluster cannot be reached', { timeout: 30_000 }, async () => {
    const [port] = await freePorts(1)
    const { code, err } = await box.run('quarantine', 'list', '--upstream', `127.0.0.1:${port!}`)
    expect(code).toBe(1)
    expect(err).toContain(`the cluster at 127.0.0.1:${port!} cannot be asked`)
  })
})

describe('kontrakt quarantine discard', () => {
  it('wants a reason, asks, and notes who and why', async () => {
    await quarantine(one, two)
    expect(await run('discard', one.id)).toMatchObject({ code: 2 })
    const { asked, person: yes } = person(true)
    box.person = yes
    const { code, out } = await run('discard', one.id, '--reason', 'load test', '--by', 'ana')
    expect({ code, out }).toEqual({ code: 0, out: 'orders.quarantine: 1 record discarded\n' })
    expect(asked).toEqual(['Discard 1 record?'])
    expect((await run('show', one.id)).out).toMatch(/state +discarded .* by ana: load test\n/)
    expect((await run('list')).out.split('\n')).toHaveLength(2)
  })
})
