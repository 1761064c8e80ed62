import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildAdminServer } from '../../../src/admin/server.ts'
import type { InstanceView } from '../../../src/admin/view.ts'
import { systemClock } from '../../../src/clock.ts'
import { contractSet } from '../../../src/contracts/contract-set.ts'
import { atHandLimits, QuarantineAtHand } from '../../../src/instance/quarantine-at-hand.ts'
import { ConnectionError } from '../../../src/kafka/errors.ts'
import { createLogger } from '../../../src/observability/logger.ts'
import { QuarantineDesk } from '../../../src/quarantine/desk.ts'
import { policyOf } from '../../support/contracts.ts'
import { entryOf, quarantine } from '../quarantine/entries.ts'
import { FakeCluster } from '../quarantine/fake-cluster.ts'

const quarantineTopic = 'orders.quarantine'
const policy = policyOf(`apiVersion: kontrakt/v1
topics: orders
mode: quarantine
value: { format: json, framing: none }
rules:
  - { id: amount-positive, expr: value.amount > 0 }
`)

let cluster: FakeCluster
let server: FastifyInstance
let closing: AbortController
let view: QuarantineAtHand
let gate: Promise<void>
let lines: string[]

beforeEach(() => {
  cluster = new FakeCluster().create('orders').create(quarantineTopic).create('states')
  start('s3cret')
})
afterEach(() => server.close())

function start(token: string | null): void {
  closing = new AbortController()
  gate = Promise.resolve()
  lines = []
  const logger = createLogger({
    level: 'info',
    format: 'json',
    destination: { write: (line: string) => lines.push(line) }
  })
  const desk = new QuarantineDesk({
    client: cluster.client,
    contracts: () => contractSet([policy], null),
    defaultPolicy: 'pass',
    stateTopic: 'states',
    ledgerTopic: 'kontrakt.ledger',
    ensureStateTopic: () => gate,
    writers: (topic) => cluster.writer(topic),
    decideWaitMs: 10,
    clock: systemClock
  })
  view = new QuarantineAtHand({ desk, policies: { policies: [policy] }, logger, closing: closing.signal })
  server = buildAdminServer({
    settings: { address: { host: '127.0.0.1', port: 0 }, token },
    view: { quarantine: view } as unknown as InstanceView,
    logger,
    bodyBytes: 10_000
  })
}

async function ask(method: 'GET' | 'POST', path: string, payload?: object, token = 's3cret') {
  const headers = { host: 'localhost', authorization: `Bearer ${token}` }
  const url = `/api/v1/quarantine${path}`
  const answer = await server.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() }
}

const value = (amount: number) => ({ value: Buffer.from(JSON.stringify({ amount, card: '4711' })) })
const entries = [
  entryOf({ name: 'a', policy: 'policy@000000000000', ...value(1), key: Buffer.from('a') }),
  entryOf({ name: 'b', policy: 'policy@000000000000', ...value(-1), key: Buffer.from('b'), clientId: 'till' })
]

describe('GET /api/v1/quarantine', () => {
  it('is a page of records, the latest first, without their contents', async () => {
    quarantine(cluster, quarantineTopic, entries)
    const { status, body } = await ask('GET', '?limit=1')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      total: 2,
      complete: true,
      next: '/api/v1/quarantine?limit=1&offset=1',
      items: [{ id: entries[1]!.id, topic: 'orders', violations: [{ place: { line: 6 } }], state: { kind: 'open' } }]
    })
    expect(JSON.stringify(body)).not.toContain('4711')
    expect((await ask('GET', '?limit=1&offset=1')).body).toMatchObject({ items: [{ id: entries[0]!.id }], next: null })
    expect((await ask('GET', '?clientId=till&rule=amount-positive&topic=orders')).body).toMatchObject({ total: 1 })
    expect((await ask('GET', '?state=redriven')).body).toMatchObject({ total: 0 })
  })

  it.each(['?limit=0', '?offset=10001', '?state=lost', '?topic=a/b', '?ids=00ff', '?sinceMs=x'])(
    'refuses %s',
    async (query) => {
      expect(await ask('GET', query)).toMatchObject({ status: 400, body: { error: 'bad-request' } })
    }
  )

  it('says which topic nobody knows', async () => {
    expect(await ask('GET', '?quarantineTopic=gone')).toMatchObject({ status: 404, body: { error: 'no-topic' } })
    expect(await ask('GET', '?topic=nobody')).toMatchObject({ status: 404, body: { error: 'no-policy' } })
  })

  it('is asked by a few at once only', async () => {
    const answers = await Promise.all(Array.from({ length: atHandLimits.atOnce + 1 }, () => ask('GET', '')))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 409])
  })
})

describe('GET /api/v1/quarantine/:id', () => {
  it('is one record, by the beginning of its id', async () => {
    quarantine(cluster, quarantineTopic, entries)
    expect(await ask('GET', `/${entries[0]!.id.slice(0, 6)}`)).toMatchObject({
      status: 200,
      body: { id: entries[0]!.id, violations: [{ rule: 'amount-positive', place: { file: 'policy.yaml', line: 6 } }] }
    })
    expect(await ask('GET', '/00000000')).toMatchObject({ status: 404, body: { error: 'no-record' } })
    expect(await ask('GET', '/xyz')).toMatchObject({ status: 400 })
  })
})

describe('POST /api/v1/quarantine/redrive', () => {
  it('sends home what passes today, and tells what would be before that', async () => {
    quarantine(cluster, quarantineTopic, entries)
    const would = { dryRun: true, complete: true, reports: [{ sent: 1, breaks: 1, byRule: { 'amount-positive': 1 } }] }
    expect(await ask('POST', '/redrive', { dryRun: true })).toMatchObject({ status: 200, body: would })
    expect(cluster.committed('orders')).toEqual([])
    const done = await ask('POST', '/redrive', { ids: entries.map(({ id }) => id.slice(0, 8)), by: 'ana' })
    expect(done).toMatchObject({ status: 200, body: { dryRun: false, reports: [{ sent: 1, breaks: 1 }] } })
    expect(cluster.committed('orders')).toHaveLength(1)
    expect((await ask('GET', '?state=redriven')).body).toMatchObject({
      items: [{ state: { kind: 'redriven', topic: 'orders', partition: 0, offset: 0, by: 'ana' } }]
    })
  })

  it('needs a token to be set, unless nothing is changed', async () => {
    await server.close()
    start(null)
    quarantine(cluster, quarantineTopic, entries)
    expect(await ask('POST', '/redrive', {})).toMatchObject({ status: 403, body: { error: 'forbidden' } })
    expect(await ask('POST', '/discard', { reason: 'x' })).toMatchObject({ status: 403 })
    expect(await ask('POST', '/redrive', { dryRun: true })).toMatchObject({ status: 200 })
    expect(cluster.committed('orders')).toEqual([])
  })

  it('says that there is more than one call may do', async () => {
    quarantine(cluster, quarantineTopic, [entries[0]!, entryOf({ name: 'c', ...value(1), key: Buffer.from('c') })])
    expect((await ask('POST', '/redrive', { limit: 1 })).body).toMatchObject({
      complete: false,
      reports: [{ sent: 1 }]
    })
    expect((await ask('POST', '/redrive', {})).body).toMatchObject({ complete: true, reports: [{ sent: 1 }] })
  })

  it('is one at a time', async () => {
    quarantine(cluster, quarantineTopic, entries)
    const open = Promise.withResolvers<undefined>()
    gate = open.promise
    const first = ask('POST', '/redrive', {})
    const second = await ask('POST', '/discard', { reason: 'x' })
    open.resolve(undefined)
    expect(second).toMatchObject({ status: 409, body: { error: 'busy' } })
    expect((await first).status).toBe(200)
  })

  it('stops with the instance', async () => {
    quarantine(cluster, quarantineTopic, entries)
    closing.abort()
    expect((await ask('POST', '/redrive', {})).body).toMatchObject({ complete: false })
    expect(cluster.committed('orders')).toEqual([])
  })

  it('tells a cluster that does not answer from a fault of its own', async () => {
    quarantine(cluster, quarantineTopic, entries)
    cluster.hook = ({ what }) => {
      if (what === 'open') throw new ConnectionError('connect', 'kafka:9092', 'refused')
    }
    expect(await ask('POST', '/redrive', {})).toMatchObject({ status: 503, body: { error: 'not-taken' } })
  })

  it.each([{ limit: 0 }, { limit: 10_001 }, { ids: [] }, { ids: ['xyz'] }, { state: 'all' }, { force: true }, []])(
    'refuses %j',
    async (body) => {
      expect(await ask('POST', '/redrive', body)).toMatchObject({ status: 400 })
    }
  )
})

describe('an instance that stops', () => {
  it('waits until what a redrive has begun is committed, and lets it begin nothing more', async () => {
    quarantine(
      cluster,
      quarantineTopic,
      Array.from({ length: 600 }, (_, n) => ({ ...entries[0]!, ...entryOf({ name: String(n), ...value(1) }) }))
    )
    const calls: string[] = []
    const stopped = Promise.withResolvers<undefined>()
    cluster.hook = ({ what }) => {
      calls.push(what)
      if (what !== 'send' || closing.signal.aborted) return
      closing.abort()
      void view.ended().then(() => {
        calls.push('ended')
        stopped.resolve(undefined)
      })
    }
    const answer = ask('POST', '/redrive', {})
    await stopped.promise
    expect(calls.filter((what) => what !== 'send')).toEqual(['open', 'begin', 'commit', 'ended'])
    expect(cluster.committed('orders')).toHaveLength(500)
    expect((await answer).body).toMatchObject({ complete: false, reports: [{ sent: 500, end: 'interrupted' }] })
  })

  it('does not wait when nothing is under way', async () => {
    closing.abort()
    await expect(view.ended()).resolves.toBeUndefined()
  })
})

describe('POST /api/v1/quarantine/discard', () => {
  it('notes who and why', async () => {
    quarantine(cluster, quarantineTopic, entries)
    const { status, body } = await ask('POST', '/discard', { clientId: 'till', reason: 'load test' })
    expect([status, body]).toMatchObject([200, { reports: [{ discarded: 1 }] }])
    const said = { msg: 'quarantined records discarded', topic: quarantineTopic, records: 1, reason: 'load test' }
    expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual(expect.objectContaining(said))
    expect((await ask('GET', '?state=discarded')).body).toMatchObject({
      items: [{ state: { kind: 'discarded', by: 'admin API', reason: 'load test' } }]
    })
  })

  it('wants a reason', async () => {
    expect(await ask('POST', '/discard', {})).toMatchObject({ status: 400 })
    expect(await ask('POST', '/discard', { reason: '' })).toMatchObject({ status: 400 })
  })
})
