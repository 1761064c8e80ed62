import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AddressInfo } from 'node:net'
import { buildAdminServer } from '../../../src/admin/server.ts'
import type { QuarantineView } from '../../../src/admin/quarantine-view.ts'
import type { Explanation, InstanceView, StatusView } from '../../../src/admin/view.ts'
import { columns, printable } from '../../../src/cli/style.ts'
import { QuarantineError } from '../../../src/quarantine/quarantine-error.ts'
import type { RecordView } from '../../../src/quarantine/record-view.ts'
import { silentLogger } from '../../../src/observability/logger.ts'
import { RefusalJournal } from '../../../src/observability/refusal-journal.ts'
import type { Refusal } from '../../../src/observability/refusal-journal.ts'
import { freePorts } from '../../support/ports.ts'
import { Sandbox } from './run-cli.ts'

let box: Sandbox
let server: FastifyInstance
let url: string
let journal: RefusalJournal
let status: StatusView
let quarantine: QuarantineView | null = null
let explanation: Explanation | null = null

const refusal: Refusal = {
  atMs: Date.UTC(2026, 10, 21, 10, 0, 0, 123),
  topic: 'orders',
  partition: 2,
  clientId: 'checkout',
  principal: null,
  policy: 'orders@3f2a91c04b7e',
  verdict: 'reject',
  errorCode: 87,
  baseSequence: 7,
  batchIndex: 3,
  rule: 'amount-positive',
  path: 'value.amount',
  message: 'amount must be above zero',
  expected: 'above 0',
  found: 'double'
}

async function start(token: string | null): Promise<void> {
  const view: Partial<InstanceView> = {
    status: () => status,
    quarantine,
    explain: () => explanation,
    violations: (query, skip, limit) => journal.query(query, skip, limit)
  }
  server = buildAdminServer({
    settings: { address: { host: '127.0.0.1', port: 0 }, token },
    view: view as InstanceView,
    logger: silentLogger(),
    bodyBytes: 1000
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`
}

beforeEach(async () => {
  box = new Sandbox()
  journal = new RefusalJournal({ entries: 100, bytes: 1_000_000 })
  status = {
    version: '0.1.0',
    startedAtMs: Date.now() - 3_600_000 * 3,
    readiness: { ready: true, reasons: [], details: [] },
    upstream: {
      reachable: true,
      brokers: [
        { nodeId: 1, address: 'kafka:9092', advertised: 'here:9193' },
        { nodeId: 2, address: 'kafka:9093', advertised: null }
      ]
    },
    policies: { inForce: 2, failing: 0 },
    registry: null,
    connections: 4,
    inflightBytes: 0
  }
  await start(null)
})

afterEach(async () => {
  await server.close()
  box.remove()
})

describe('why', () => {
  it('prints one line each, the latest last', async () => {
    journal.record(refusal)
    journal.record({ ...refusal, atMs: refusal.atMs + 500 })
    journal.record({
      ...refusal,
      topic: 'payments',
      principal: 'User:pay',
      rule: 'schema',
      path: '',
      message: 'is not JSON',
      atMs: refusal.atMs + 5_000
    })
    const { code, out, err } = await box.run('why', '--admin', url)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toBe(
      '2026-11-21 10:00:00.623  orders/2  checkout  reject  amount-positive  value.amount: amount must be above zero (2 times)\n' +
        '2026-11-21 10:00:05.123  payments/2  User:pay  reject  schema  is not JSON\n'
    )
  })

  it('--full prints all that is known', async () => {
    journal.record({ ...refusal, offset: 41 })
    const { out } = await box.run('why', '--admin', url, '--full')
    for (const line of [
      'what was found +double',
      'what is expected +above 0',
      'told to the client +INVALID_RECORD \\(87\\)',
      'record in its batch +3',
      'sequence of the batch +7',
      'offset +41',
      'policy +orders@3f2a91c04b7e'
    ]) {
      expect(out).toMatch(new RegExp(`^ {4}${line}$`, 'm'))
    }
  })

  it('asks for what the flags say', async () => {
    journal.record(refusal)
    journal.record({
      ...refusal,
      topic: 'payments',
      clientId: 'b',
      principal: 'User:p',
      verdict: 'observe',
      offset: 99,
      errorCode: 0
    })
    expect((await box.run('why', '--admin', url, '--topic', 'payments')).out).toContain('payments/2')
    expect((await box.run('why', '--admin', url, '--client-id', 'checkout')).out).not.toContain('payments')
    expect(
      (
        await box.run(
          'why',
          '--admin',
          url,
          '--principal',
          'User:p',
          '--offset',
          '99',
          '--partition',
          '2',
          '--rule',
          'amount-positive'
        )
      ).out
    ).toContain('observe')
    expect(await box.run('why', '--admin', url, '--offset', '100')).toEqual({
      code: 0,
      out: 'nothing was refused that this instance remembers\n',
      err: ''
    })
    expect((await box.run('why', '--admin', url, '--limit', '1')).out).toContain('1 of 2; --limit shows more')
    expect(JSON.parse((await box.run('why', '--admin', url, '--json')).out)).toMatchObject({
      total: 2,
      items: [{ topic: 'payments' }, { topic: 'orders' }]
    })
  })

  it('prints no escape sequence that a client chose', async () => {
    journal.record({ ...refusal, clientId: '\u001b[2Jevil\r\n\u009b31m' })
    const { out } = await box.run('why', '--admin', url, '--full')
    // eslint-disable-next-line no-control-regex -- this is what must not be there
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    expect(out).toContain('evil')
  })
})

describe('why, about something', () => {
  const record: RecordView = {
    id: '3f2a91c04b7e00112233445566778899',
    quarantineTopic: 'orders.quarantine',
    quarantinePartition: 0,
    quarantineOffset: 12,
    atMs: refusal.atMs,
    topic: 'orders',
    partition: 2,
    timestampMs: -1,
    producerId: '7',
    producerEpoch: 1,
    sequence: 3,
    batchIndex: 0,
    clientId: 'checkout',
    principal: null,
    policy: 'orders@3f2a91c04b7e',
    violations: [
      {
        rule: 'amount-positive',
        path: 'value.amount',
        message: 'amount must be above zero',
        expected: null,
        found: 'double',
        place: { file: 'policies/orders.yaml', line: 12, column: 5 }
      }
    ],
    moreViolations: 2,
    keyBytes: 3,
    valueBytes: null,
    headerCount: 1,
    valueDropped: false,
    state: { kind: 'discarded', atMs: refusal.atMs, by: 'ana', reason: 'load test' }
  }
  afterEach(() => {
    quarantine = null
    explanation = null
  })

  it('a quarantined record: its rule, field and policy line', async () => {
    const asked: unknown[] = []
    const find: QuarantineView['find'] = (...given) => {
      asked.push(given)
      return Promise.resolve(record)
    }
    quarantine = { find } as QuarantineView
    await server.close()
    await start(null)
    const { code, out } = await box.run('why', '3F2A91C0', '--topic', 'orders', '--admin', url)
    expect(code).toBe(0)
    expect(asked).toEqual([['3f2a91c0', { topic: 'orders' }]])
    expect(out).toContain('  amount-positive  value.amount: amount must be above zero\n')
    expect(out).toMatch(/rule today +policies\/orders.yaml:12:5\n/)
    expect(out).toMatch(/state +discarded 2026-11-21 10:00:00.123 by ana: load test\n/)
    expect(out).toContain('and 2 more violations\n')
    expect(JSON.parse((await box.run('why', '3f2a91c0', '--json', '--admin', url)).out)).toEqual(record)
  })

  it('a record that is not there', async () => {
    const find = () => Promise.reject(new QuarantineError('no-record', 'no quarantined record has the id 00ff'))
    quarantine = { find } as unknown as QuarantineView
    await server.close()
    await start(null)
    expect(await box.run('why', '00ff', '--admin', url)).toMatchObject({
      code: 1,
      err: expect.stringContaining('404: no quarantined record has the id 00ff') as string
    })
  })

  it('the words of an error: the rule, its line, and the latest of that kind', async () => {
    journal.record({ ...refusal, verdict: 'quarantine', quarantineTopic: 'q', quarantineId: record.id })
    explanation = {
      policy: 'orders',
      version: '3f2a91c04b7e',
      inForce: '000000000000',
      rule: 'amount-positive',
      path: 'value.amount',
      place: null,
      refusals: journal.query({}, 0, 1).items
    }
    const { code, out } = await box.run('why', 'x: 1 of 1 record breaks ...', '--admin', url)
    expect(code).toBe(0)
    expect(out).toBe(
      'policy       orders@3f2a91c04b7e (changed since: today it is orders@000000000000)\n' +
        'rule         amount-positive\nfield        value.amount\nrule today   no longer in the policy\n' +
        'the latest of that kind:\n2026-11-21 10:00:00.123  orders/2  checkout  quarantine 3f2a91c04b7e  ' +
        'amount-positive  value.amount: amount must be above zero\n'
    )
    const { out: full } = await box.run('why', '--full', '--admin', url)
    expect(full).toMatch(/quarantined in +q\n +quarantine id +3f2a91c04b7e00112233445566778899\n/)
  })

  it('words that are not ours', async () => {
    expect(await box.run('why', 'connection refused', '--admin', url)).toMatchObject({
      code: 1,
      err: expect.stringContaining('names no policy and no rule') as string
    })
  })
})

describe('status', () => {
  it('is 0 when all is well', async () => {
    const { code, out } = await box.run('status', '--admin', url.replace('http://', ''))
    expect(code).toBe(0)
    expect(out).toContain(`healthy  ${url}  version 0.1.0, up 3 h`)
    expect(out).toContain('broker 1  kafka:9092  reached at here:9193')
    expect(out).toContain('broker 2  kafka:9093  has no port')
    expect(JSON.parse((await box.run('status', '--admin', url, '--json')).out)).toEqual(status)
  })

  it('is 1 with details, which /ready does not mind', async () => {
    status = {
      ...status,
      readiness: { ready: true, reasons: [], details: [{ code: 'policy-failing', message: 'orders.yaml' }] },
      policies: { inForce: 1, failing: 1 }
    }
    const { code, out } = await box.run('status', '--admin', url)
    expect(code).toBe(1)
    expect(out).toContain('serving, with faults')
    expect(out).toContain('policy-failing: orders.yaml')
    expect(out).toContain('1 in force, 1 file failing')
  })

  it('is 1 when not ready', async () => {
    status = {
      ...status,
      readiness: { ready: false, reasons: [{ code: 'draining', message: 'told to end' }], details: [] },
      registry: { url: 'http://r', reachable: false, cachedSchemas: 3 }
    }
    const { code, out } = await box.run('status', '--admin', url)
    expect(code).toBe(1)
    expect(out).toContain('draining: told to end')
    expect(out).toContain('http://r, unreachable, 3 schemas cached')
  })
})

describe('finding the instance', () => {
  it('takes address and token from the settings, which need nothing else', async () => {
    await server.close()
    await start('s3cret')
    box.env = { T: 's3cret' }
    box.write(
      'kontrakt.yaml',
      `apiVersion: kontrakt/v1\nadmin: { address: "${url.replace('http://', '')}", token: { env: T } }\n`
    )
    expect((await box.run('status')).code).toBe(0)
    box.write(
      'kontrakt.yaml',
      `apiVersion: kontrakt/v1\nadmin: { address: "${url.replace('http://127.0.0.1', '0.0.0.0')}", token: { env: T } }\n`
    )
    expect((await box.run('status')).code).toBe(0)
  })

  it('takes the token from a file or the environment, and says when it is missing or wrong', async () => {
    await server.close()
    await start('s3cret')
    box.write('token', 's3cret\n')
    box.write('wrong', 'other\n')
    expect((await box.run('status', '--admin', url, '--token-file', 'token')).code).toBe(0)
    expect(await box.run('status', '--admin', url)).toMatchObject({
      code: 1,
      err: expect.stringContaining('--token-file') as string
    })
    expect(await box.run('status', '--admin', url, '--token-file', 'wrong')).toMatchObject({
      code: 1,
      err: expect.stringContaining('answered 401') as string
    })
    expect(await box.run('status', '--admin', url, '--token-file', 'nowhere')).toMatchObject({
      code: 1,
      err: expect.stringContaining('ENOENT') as string
    })
    box.env = { KONTRAKT_ADMIN_TOKEN: 's3cret' }
    expect((await box.run('status', '--admin', url)).code).toBe(0)
  })

  it('says when nobody answers, or the server is off, or the settings cannot be read', async () => {
    const [port] = await freePorts(1)
    expect(await box.run('status', '--admin', `127.0.0.1:${port!}`)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`no instance answers at http://127.0.0.1:${port!} (ECONNREFUSED)`) as string
    })
    box.write('kontrakt.yaml', 'apiVersion: kontrakt/v1\nadmin: { address: off }\n')
    expect(await box.run('why')).toMatchObject({
      code: 1,
      err: expect.stringContaining('turn the admin server off') as string
    })
    box.write('kontrakt.yaml', 'a: [')
    expect(await box.run('why')).toMatchObject({ code: 1, err: expect.stringContaining('kontrakt.yaml:1:') as string })
  })
})

describe('text', () => {
  it('is aligned and free of control characters', () => {
    expect(
      columns([
        ['a', 'bb', 'c'],
        ['aaa', 'b', '']
      ])
    ).toBe('a    bb  c\naaa  b\n')
    expect(printable('a\u0000b\u2028c')).toBe('a\ufffdb\ufffdc')
  })
})
