import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { checkAccess } from '../../../src/admin/access.ts'
import type { AdminServerOptions } from '../../../src/admin/server.ts'
import { buildAdminServer, startAdminServer } from '../../../src/admin/server.ts'
import type { InstanceView, PolicyView, Readiness } from '../../../src/admin/view.ts'
import { createLogger } from '../../../src/observability/logger.ts'
import type { Logger } from '../../../src/observability/logger.ts'
import { RefusalJournal } from '../../../src/observability/refusal-journal.ts'

const ready: Readiness = { ready: true, reasons: [], details: [] }

function policy(name: string): PolicyView {
  return {
    name,
    version: '3f2a91c04b7e',
    file: `policies/${name}.yaml`,
    topics: [name],
    mode: 'reject',
    owner: null,
    state: 'ok',
    diagnostics: []
  }
}

function fakeView(overrides: Partial<InstanceView> = {}): InstanceView {
  const journal = new RefusalJournal({ entries: 100, bytes: 1_000_000 })
  for (let index = 0; index < 5; index++) {
    journal.record({
      atMs: index * 10_000,
      topic: 'orders',
      partition: 0,
      clientId: 'checkout',
      principal: null,
      policy: 'orders@3f2a91c04b7e',
      verdict: 'reject',
      errorCode: 87,
      batchIndex: 0,
      offset: index,
      rule: 'schema',
      path: '',
      message: 'no'
    })
  }
  return {
    readiness: () => ready,
    status: () => ({
      version: '0.1.0',
      startedAtMs: 0,
      readiness: ready,
      upstream: { reachable: true, brokers: [] },
      policies: { inForce: 1, failing: 0 },
      registry: null,
      connections: 0,
      inflightBytes: 0
    }),
    policies: () => Array.from({ length: 250 }, (_, index) => policy(`p${index}`)),
    topics: () => [],
    producers: () => [],
    connections: () => [],
    violations: (query, skip, limit) => journal.query(query, skip, limit),
    explain: () => null,
    quarantine: null,
    scrape: (accept) =>
      Promise.resolve({
        contentType: accept === 'open' ? 'application/openmetrics-text' : 'text/plain',
        body: 'x 1\n'
      }),
    checkPolicy: ({ content }) => Promise.resolve({ ok: content === 'good', diagnostics: [] }),
    judge: ({ topic, value }) =>
      Promise.resolve(
        value === 'unencodable'
          ? { ok: false, problem: 'no' }
          : { ok: true, policy: topic, verdict: 'accept', violations: [], undecided: [] }
      ),
    ...overrides
  }
}

let lines: string[] = []
const logger: Logger = createLogger({
  level: 'info',
  format: 'json',
  destination: { write: (line: string) => lines.push(line) }
})
let server: FastifyInstance | null = null

afterEach(async () => {
  await server?.close()
  server = null
  lines = []
})

interface Given {
  readonly view?: Partial<InstanceView>
  readonly token?: string
  readonly host?: string
}

function options({ view, token, host = '127.0.0.1' }: Given): AdminServerOptions {
  return {
    settings: { address: { host, port: 0 }, token: token ?? null },
    view: fakeView(view),
    logger,
    bodyBytes: 10_000
  }
}

function start(given: Given = {}): FastifyInstance {
  server = buildAdminServer(options(given))
  return server
}

async function get(
  url: string,
  headers: Record<string, string> = {},
  given: Given = {}
): Promise<{ status: number; body: unknown; headers: Record<string, unknown> }> {
  const answer = await (server ?? start(given)).inject({ url, headers: { host: '127.0.0.1:9190', ...headers } })
  const isJson = String(answer.headers['content-type']).includes('json')
  return { status: answer.statusCode, body: isJson ? answer.json<unknown>() : answer.body, headers: answer.headers }
}

async function post(
  url: string,
  payload: unknown,
  headers: Record<string, string> = {}
): Promise<{ status: number; body: unknown }> {
  const answer = await (server ?? start()).inject({
    method: 'POST',
    url,
    headers: { host: 'localhost', ...headers },
    payload: payload as object
  })
  return { status: answer.statusCode, body: answer.json<unknown>() }
}

describe('health', () => {
  it('/live answers 200 while the process runs', async () => {
    expect(await get('/live')).toMatchObject({ status: 200, body: { live: true } })
  })

  it('/ready answers 200, with what is wrong otherwise as details', async () => {
    const details = [{ code: 'registry-down', message: 'x' }]
    const answer = await get('/ready', {}, { view: { readiness: () => ({ ready: true, reasons: [], details }) } })
    expect(answer).toMatchObject({ status: 200, body: { ready: true, details } })
  })

  it('/ready answers 503 with the reasons', async () => {
    const reasons = [{ code: 'draining', message: 'x' }]
    const answer = await get('/ready', {}, { view: { readiness: () => ({ ready: false, reasons, details: [] }) } })
    expect(answer).toMatchObject({ status: 503, body: { ready: false, reasons } })
  })

  it('is never cached', async () => {
    expect((await get('/ready')).headers['cache-control']).toBe('no-store')
  })
})

describe('/metrics', () => {
  it('gives what the view gives, in the format asked for', async () => {
    expect(await get('/metrics')).toMatchObject({ status: 200, body: 'x 1\n' })
    expect((await get('/metrics', { accept: 'open' })).headers['content-type']).toBe('application/openmetrics-text')
  })
})

describe('pages', () => {
  it('are a hundred items unless asked otherwise, and lead to the next', async () => {
    const first = (await get('/api/v1/policies')).body as { items: unknown[]; total: number; next: string }
    expect([first.items.length, first.total, first.next]).toEqual([100, 250, '/api/v1/policies?limit=100&offset=100'])
    const last = (await get('/api/v1/policies?limit=100&offset=200')).body as { items: unknown[]; next: null }
    expect([last.items.length, last.next]).toEqual([50, null])
    expect((await get('/api/v1/policies?offset=1000')).body).toEqual({ items: [], total: 250, next: null })
  })

  it.each(['topics', 'producers', 'connections', 'violations'])('%s are paged as well', async (what) => {
    expect((await get(`/api/v1/${what}?limit=1`)).body).toMatchObject({ items: expect.any(Array) as unknown[] })
  })

  it.each(['limit=0', 'limit=1001', 'limit=x', 'offset=-1', 'surprise=1', 'limit=1&limit=2'])(
    'refuse ?%s',
    async (query) => {
      expect(await get(`/api/v1/topics?${query}`)).toMatchObject({ status: 400, body: { error: 'bad-request' } })
    }
  )
})

describe('/api/v1/violations', () => {
  it('is filtered, and the next page keeps the filter', async () => {
    const { body } = await get('/api/v1/violations?topic=orders&clientId=checkout&limit=2')
    expect(body).toMatchObject({ total: 5, next: '/api/v1/violations?topic=orders&clientId=checkout&limit=2&offset=2' })
    expect((await get('/api/v1/violations?topic=none')).body).toMatchObject({ total: 0 })
    expect((await get('/api/v1/violations?recordOffset=3')).body).toMatchObject({ items: [{ offset: 3 }], total: 1 })
    expect((await get('/api/v1/violations?principal=User:a')).body).toMatchObject({ total: 0 })
    expect((await get('/api/v1/violations?sinceMs=25000')).body).toMatchObject({ total: 2 })
  })
})

describe('/api/v1/why', () => {
  it('answers what the words of an error mean, or that they mean nothing here', async () => {
    const explanation = {
      policy: 'orders',
      version: null,
      inForce: null,
      rule: 'r',
      path: null,
      place: null,
      refusals: []
    }
    const view = { explain: (text: string) => (text === 'known' ? explanation : null) }
    expect(await get('/api/v1/why?text=known', {}, { view })).toMatchObject({ status: 200, body: explanation })
    expect(await get('/api/v1/why?text=other')).toMatchObject({ status: 404, body: { error: 'not-found' } })
    expect(await get('/api/v1/why')).toMatchObject({ status: 400 })
  })
})

describe('POST', () => {
  it('/api/v1/policies/check answers what is wrong with a policy', async () => {
    expect(await post('/api/v1/policies/check', { content: 'good' })).toEqual({
      status: 200,
      body: { ok: true, diagnostics: [] }
    })
    expect(await post('/api/v1/policies/check', { content: 'bad', file: 'shop/orders.yaml' })).toMatchObject({
      body: { ok: false }
    })
  })

  it.each([
    {},
    { content: 1 },
    { content: '', file: '../etc/passwd' },
    { content: '', file: '/etc/passwd' },
    { content: '', other: 1 },
    []
  ])('/api/v1/policies/check refuses %j', async (payload) => {
    expect(await post('/api/v1/policies/check', payload)).toMatchObject({ status: 400 })
  })

  it('/api/v1/judge answers the verdict, and 422 when there is nothing to judge', async () => {
    const record = {
      topic: 'orders',
      key: 'k',
      value: { a: [1, null] },
      headers: [
        ['source', 'web'],
        ['source', null]
      ],
      timestamp: 5,
      partition: 1
    }
    expect(await post('/api/v1/judge', record)).toMatchObject({ status: 200, body: { verdict: 'accept' } })
    expect(await post('/api/v1/judge', { topic: 'orders', valueHex: '0000ff', headers: { a: 'b' } })).toMatchObject({
      status: 200
    })
    expect(await post('/api/v1/judge', { topic: 'orders', value: 'unencodable' })).toMatchObject({
      status: 422,
      body: { ok: false }
    })
  })

  it.each([
    {},
    { topic: '' },
    { topic: 5 },
    { topic: 't', value: 1, valueHex: '00' },
    { topic: 't', valueHex: '0' },
    { topic: 't', timestamp: '5' },
    { topic: 't', headers: [['only']] },
    { topic: 't', surprise: 1 }
  ])('/api/v1/judge refuses %j', async (payload) => {
    expect(await post('/api/v1/judge', payload)).toMatchObject({ status: 400, body: { error: 'bad-request' } })
  })

  it('takes JSON only, whole and not too long', async () => {
    expect(await post('/api/v1/judge', '{"topic":"t"}', { 'content-type': 'text/plain' })).toMatchObject({
      status: 415
    })
    expect(await post('/api/v1/judge', '{"topic"', { 'content-type': 'application/json' })).toMatchObject({
      status: 400
    })
    expect(await post('/api/v1/judge', { topic: 't', value: 'x'.repeat(10_000) })).toMatchObject({
      status: 413,
      body: { error: 'too-large' }
    })
  })

  it('is logged, without the body', async () => {
    await post('/api/v1/judge', { topic: 'secret-topic', value: 'secret-value' })
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ msg: 'admin request', route: '/api/v1/judge', status: 200 })
    ])
    expect(lines.join()).not.toContain('secret')
  })
})

describe('faults', () => {
  it('of our own answer 500 and keep the reason for the log', async () => {
    const view = {
      topics: () => {
        throw new Error('internal detail')
      }
    }
    expect(await get('/api/v1/topics', {}, { view })).toMatchObject({ status: 500, body: { error: 'internal' } })
    expect(lines.join()).toContain('internal detail')
  })

  it('an unknown path answers 404 with a hint, / as well', async () => {
    expect(await get('/')).toMatchObject({
      status: 404,
      body: { message: expect.stringContaining('/api/v1/status') as string }
    })
    expect(await get('/api/v1/nothing')).toMatchObject({ status: 404, body: { error: 'not-found' } })
  })
})

describe('access', () => {
  it('with a token, the API wants it; health and metrics do not', async () => {
    start({ token: 's3cret', host: '0.0.0.0' })
    expect(await get('/api/v1/topics')).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } })
    for (const wrong of ['Bearer wrong', 'Bearer s3cre', 'Bearer s3cret2', 'Basic s3cret', 's3cret', 'Bearer ']) {
      expect(await get('/api/v1/topics', { authorization: wrong }), wrong).toMatchObject({ status: 401 })
    }
    expect(await get('/api/v1/topics', { authorization: 'Bearer s3cret' })).toMatchObject({ status: 200 })
    expect(await get('/api/v1/topics', { authorization: 'bearer s3cret', host: 'kontrakt.internal' })).toMatchObject({
      status: 200
    })
    for (const open of ['/live', '/ready', '/metrics']) expect(await get(open)).toMatchObject({ status: 200 })
    expect(await post('/api/v1/judge', { topic: 't' })).toMatchObject({ status: 401 })
    expect(lines.join()).not.toContain('s3cret')
  })

  it('without a token, a host name is refused: a web page could have made it lead here', async () => {
    for (const host of ['evil.example', 'evil.example:9190', 'localhost.evil.example']) {
      expect(await get('/api/v1/topics', { host }), host).toMatchObject({ status: 403 })
    }
    for (const host of ['localhost', 'LOCALHOST:9190', '127.0.0.1', '[::1]:9190']) {
      expect(await get('/api/v1/topics', { host }), host).toMatchObject({ status: 200 })
    }
  })

  it('without a token, a request without a host is refused', () => {
    const admin = { address: { host: '127.0.0.1', port: 9190 }, token: null }
    for (const host of [undefined, '', 'a:b:c', '[::1']) {
      expect(checkAccess(admin, { authorization: undefined, host })).toMatchObject({ allowed: false, status: 403 })
    }
  })

  it.each(['0.0.0.0', '::', '10.1.2.3', 'kontrakt.internal'])('%s without a token is refused at the start', (host) => {
    expect(() => buildAdminServer(options({ host }))).toThrow('needs admin.token')
  })

  it.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])('%s needs none', (host) => {
    expect(() => start({ host })).not.toThrow()
  })
})

describe('listening', () => {
  it('says which port it got, and closes', async () => {
    const running = await startAdminServer(options({}))
    const answer = await fetch(`http://127.0.0.1:${running.address.port}/live`)
    expect(answer.status).toBe(200)
    await running.close()
    await expect(fetch(`http://127.0.0.1:${running.address.port}/live`)).rejects.toThrow()
  })

  it('says which address is taken and what to do', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => blocker.once('listening', resolve))
    const { port } = blocker.address() as AddressInfo
    const given = options({})
    await expect(
      startAdminServer({ ...given, settings: { address: { host: '127.0.0.1', port }, token: null } })
    ).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port} (EADDRINUSE): another process has it; set admin.address (--admin)`
    )
    blocker.close()
  })
})
