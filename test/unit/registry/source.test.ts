import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RegistrySchemaSource } from '../../../src/registry/source.ts'
import type { RegistrySourceOptions } from '../../../src/registry/source.ts'
import { SchemaStore } from '../../../src/registry/schema-store.ts'
import type { StoreFiles } from '../../../src/registry/schema-store.ts'
import type { RegistryEvents } from '../../../src/registry/types.ts'
import type { SchemaLookup, SchemaQuery } from '../../../src/contracts/schema-source.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { Hands } from './hands.ts'

const order = '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"string"}]}'
const order2 =
  '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"string"},{"name":"n","type":"int","default":0}]}'
const order3 = order2.replace('"n"', '"m"')

function query(overrides: Partial<SchemaQuery> = {}): SchemaQuery {
  return {
    topic: 'orders',
    side: 'value',
    format: 'avro',
    subject: { strategy: 'topic-name' },
    context: null,
    versions: { kind: 'any' },
    ...overrides
  }
}

let registry: FakeRegistry
let hands: Hands
const sources: RegistrySchemaSource[] = []

beforeEach(async () => {
  registry = await FakeRegistry.start()
  hands = new Hands()
})

afterEach(async () => {
  for (const source of sources.splice(0)) source.close()
  await registry.stop()
})

function newSource(overrides: Partial<RegistrySourceOptions> = {}): RegistrySchemaSource {
  const source = new RegistrySchemaSource({
    url: registry.url,
    auth: null,
    timeoutMs: 2_000,
    clock: hands,
    store: null,
    ...overrides
  })
  sources.push(source)
  return source
}

/** Asks, and asks again when told that the answer may have changed, until it is settled or `rounds` are over. */
async function settled(
  source: RegistrySchemaSource,
  asked: SchemaQuery,
  id: number,
  rounds = 1
): Promise<SchemaLookup> {
  let answer = source.lookup(asked, id)
  for (let round = 0; round < rounds && answer.state === 'pending'; round++) {
    await answer.changed
    answer = source.lookup(asked, id)
  }
  return answer
}

/** The refusal that needs two asks: moves the clock over the pause between them. */
async function refusedAfterTwoAsks(
  source: RegistrySchemaSource,
  asked: SchemaQuery,
  id: number
): Promise<SchemaLookup> {
  const first = source.lookup(asked, id)
  expect(first.state).toBe('pending')
  await hands.untilWaiting()
  hands.advance(2_000)
  if (first.state === 'pending') await first.changed
  return source.lookup(asked, id)
}

function memoryFiles(): StoreFiles & { readonly files: Map<string, string> } {
  const files = new Map<string, string>()
  return {
    files,
    read: (path) => Promise.resolve(files.get(path) ?? null),
    write: (path, text) => {
      files.set(path, text)
      return Promise.resolve()
    }
  }
}

describe('a schema the registry has', () => {
  test('is pending without a failure at first, then ready with its version', async () => {
    const id = registry.register('orders-value', order)
    const source = newSource()
    const asked = query()
    const first = source.lookup(asked, id)
    expect(first).toMatchObject({ state: 'pending', failingSinceMs: null })
    const answer = await settled(source, asked, id)
    expect(answer).toMatchObject({ state: 'ready', schema: { id, subject: 'orders-value', version: 1 } })
    const format = answer.state === 'ready' ? answer.schema.formatFor([0]) : null
    expect(format?.decode(Buffer.from([2, 0x61]), 0, 2)).toEqual({ ok: true, value: new Map([['id', 'a']]) })
  })

  test('is asked for once, however many wait for it', async () => {
    const id = registry.register('orders-value', order)
    const source = newSource()
    const waits = Array.from({ length: 50 }, () => source.lookup(query(), id))
    for (const wait of waits) if (wait.state === 'pending') await wait.changed
    expect(source.lookup(query(), id).state).toBe('ready')
    expect(registry.asked(/^\/schemas\/ids\/1$/)).toBe(1)
    expect(registry.asked(/^\/schemas\/ids\/1\/versions/)).toBe(1)
  })

  test('is refused when it is registered under another subject only', async () => {
    const id = registry.register('payments-value', order)
    const answer = await refusedAfterTwoAsks(newSource(), query(), id)
    expect(answer).toEqual({ state: 'refused', reason: `schema ${id} is not registered under orders-value` })
  })

  test('is refused when its format is not the one the policy says', async () => {
    const id = registry.register('orders-value', { schema: '{"type":"object"}', schemaType: 'JSON' })
    const answer = await refusedAfterTwoAsks(newSource(), query(), id)
    expect(answer).toEqual({ state: 'refused', reason: `schema ${id} is json; the policy says avro` })
  })

  test('brings the documents it refers to, dependencies first', async () => {
    registry.register(
      'money',
      '{"type":"record","name":"Money","namespace":"shop","fields":[{"name":"cents","type":"long"}]}'
    )
    registry.register('line', {
      schema: '{"type":"record","name":"Line","namespace":"shop","fields":[{"name":"price","type":"Money"}]}',
      references: [{ name: 'shop.Money', subject: 'money', version: 1 }]
    })
    const id = registry.register('orders-value', {
      schema:
        '{"type":"record","name":"Cart","namespace":"shop","fields":[{"name":"lines","type":{"type":"array","items":"Line"}}]}',
      references: [
        { name: 'shop.Line', subject: 'line', version: 1 },
        { name: 'shop.Money', subject: 'money', version: 1 }
      ]
    })
    const answer = await settled(newSource(), query(), id)
    expect(answer.state).toBe('ready')
  })

  test('gives the Protobuf message that the framing names', async () => {
    const id = registry.register('orders-value', {
      schema: 'syntax = "proto3"; message A { int32 a = 1; } message B { message C { string c = 1; } }',
      schemaType: 'PROTOBUF'
    })
    const answer = await settled(newSource(), query({ format: 'protobuf' }), id)
    if (answer.state !== 'ready') throw new Error('not ready')
    expect(answer.schema.formatFor([0])?.shape).toMatchObject({ name: 'A' })
    expect(answer.schema.formatFor([1, 0])?.shape).toMatchObject({ name: 'B.C' })
    expect(answer.schema.formatFor([2])).toBeNull()
    expect(answer.schema.formatFor([])).toBeNull()
  })
})

describe('subject strategies', () => {
  test('record-name takes the full name of the record', async () => {
    const id = registry.register('shop.Order', order)
    const answer = await settled(newSource(), query({ subject: { strategy: 'record-name' } }), id)
    expect(answer).toMatchObject({ state: 'ready', schema: { subject: 'shop.Order' } })
  })

  test('topic-record-name takes topic and full name', async () => {
    const id = registry.register('orders-shop.Order', order)
    const asked = query({ subject: { strategy: 'topic-record-name' } })
    const source = newSource()
    expect(await settled(source, asked, id)).toMatchObject({ state: 'ready', schema: { subject: 'orders-shop.Order' } })
    expect(await source.admitted(asked)).toMatchObject([{ id, version: 1 }])
  })

  test('a literal name in a context is looked up in that context', async () => {
    registry.register('orders-value', order2)
    const id = registry.register(':.eu:orders-value', order)
    const source = newSource()
    const asked = query({ subject: { name: 'orders-value' }, context: '.eu' })
    expect(await settled(source, asked, id)).toMatchObject({ state: 'ready', schema: { subject: ':.eu:orders-value' } })
    expect(await source.admitted(asked)).toMatchObject([{ id, subject: ':.eu:orders-value' }])
  })

  test('the key side has its own subject', async () => {
    const id = registry.register('orders-key', '"string"')
    expect(await settled(newSource(), query({ side: 'key' }), id)).toMatchObject({
      state: 'ready',
      schema: { subject: 'orders-key' }
    })
  })
})

describe('admitted versions', () => {
  test.each([
    [{ kind: 'any' }, [1, 2, 3]],
    [{ kind: 'latest' }, [3]],
    [{ kind: 'last', count: 2 }, [2, 3]],
    [{ kind: 'from', version: 2 }, [2, 3]],
    [{ kind: 'listed', versions: [1, 3] }, [1, 3]]
  ] as const)('%o admits %o', async (versions, expected) => {
    const ids = [order, order2, order3].map((schema) => registry.register('orders-value', schema))
    const source = newSource()
    const asked = query({ versions })
    expect((await source.admitted(asked)).map(({ version }) => version)).toEqual(expected)
    for (const [index, id] of ids.entries()) {
      const isAdmitted = (expected as readonly number[]).includes(index + 1)
      const answer = isAdmitted ? await settled(source, asked, id) : await refusedAfterTwoAsks(source, asked, id)
      expect(answer.state).toBe(isAdmitted ? 'ready' : 'refused')
    }
  })

  test('a version registered after the last look is found, not refused', async () => {
    registry.register('orders-value', order)
    const source = newSource()
    const asked = query({ versions: { kind: 'latest' } })
    await settled(source, asked, 1)
    const id = registry.register('orders-value', order2)
    expect(await settled(source, asked, id)).toMatchObject({ state: 'ready', schema: { version: 2 } })
  })

  test('the old latest is refused once the registry was asked again', async () => {
    const id = registry.register('orders-value', order)
    const source = newSource()
    const asked = query({ versions: { kind: 'latest' } })
    expect((await settled(source, asked, id)).state).toBe('ready')
    registry.register('orders-value', order2)
    hands.advance(30_000)
    expect(source.lookup(asked, id).state).toBe('ready')
    await hands.untilWaiting()
    hands.advance(2_000)
    await expect.poll(() => source.lookup(asked, id).state).toBe('refused')
  })

  test('a deleted version is no longer admitted', async () => {
    const id = registry.register('orders-value', order)
    const source = newSource()
    const asked = query()
    expect((await settled(source, asked, id)).state).toBe('ready')
    registry.deleteVersion('orders-value', 1)
    hands.advance(300_000)
    expect(source.lookup(asked, id).state).toBe('ready')
    await hands.untilWaiting()
    hands.advance(2_000)
    await expect.poll(() => source.lookup(asked, id).state).toBe('refused')
  })
})

describe('an id the registry does not have', () => {
  test('is refused after a second ask two seconds later, and for ten seconds', async () => {
    const source = newSource()
    const asked = query()
    const answer = await refusedAfterTwoAsks(source, asked, 99)
    expect(answer).toEqual({ state: 'refused', reason: `${registry.url} has no schema 99` })
    expect(registry.asked(/ids\/99$/)).toBe(2)
    hands.advance(9_999)
    expect(source.lookup(asked, 99).state).toBe('refused')
    expect(registry.asked(/ids\/99$/)).toBe(2)
    hands.advance(1)
    expect(source.lookup(asked, 99).state).toBe('pending')
  })

  test('is found by the second ask when it was only late', async () => {
    const source = newSource()
    const asked = query()
    const first = source.lookup(asked, 1)
    await hands.untilWaiting()
    registry.register('orders-value', order)
    hands.advance(2_000)
    if (first.state === 'pending') await first.changed
    expect(source.lookup(asked, 1).state).toBe('ready')
  })

  test('cannot make us ask at will: look-ups of unknown ids are limited, and recover', async () => {
    const source = newSource()
    const asked = query()
    const answers = Array.from({ length: 500 }, (_, index) => source.lookup(asked, 1_000 + index))
    const limited = answers.filter((answer) => answer.state === 'pending' && answer.reason.startsWith('too many'))
    expect(limited).toHaveLength(450)
    await hands.untilWaiting()
    hands.advance(1_000)
    expect(source.lookup(asked, 1_050)).toMatchObject({
      state: 'pending',
      reason: expect.stringContaining('being asked for') as string
    })
  })
})

test('a reason is short, however long the schema is that it quotes', async () => {
  registry.behaviour = { kind: 'lie', body: { schema: JSON.stringify({ type: 'x'.repeat(300_000) }) } }
  const answer = await settled(newSource(), query(), 1)
  expect(answer.state).toBe('pending')
  if (answer.state === 'pending') expect(answer.reason.length).toBeLessThanOrEqual(600)
})

describe('producers that invent schema ids', () => {
  /** Unknown ids for one topic, until the topic is limited. */
  function invent(source: RegistrySchemaSource, asked: SchemaQuery, from = 100_000, count = 200): SchemaLookup[] {
    return Array.from({ length: count }, (_, index) => source.lookup(asked, from + index))
  }

  test('do not delay the valid id of another topic', async () => {
    const id = registry.register('payments-value', order)
    const source = newSource()
    invent(source, query())
    const asked = query({ topic: 'payments' })
    expect(source.lookup(asked, id)).toMatchObject({ failingSinceMs: null })
    expect(await settled(source, asked, id)).toMatchObject({ state: 'ready' })
  })

  test('do not delay it either when many topics use up the rate of all', async () => {
    const id = registry.register('payments-value', order)
    const source = newSource()
    for (let topic = 0; topic < 40; topic++) invent(source, query({ topic: `flooded-${topic}` }), topic * 1_000 + 1_000)
    const asked = query({ topic: 'payments' })
    const first = source.lookup(asked, id)
    expect(first).toMatchObject({ state: 'pending', failingSinceMs: hands.nowMs() })
    for (let turn = 0; turn < 40 && source.lookup(asked, id).state === 'pending'; turn++) {
      await hands.untilWaiting()
      hands.advance(2_000)
      for (let topic = 0; topic < 40; topic++) {
        invent(source, query({ topic: `flooded-${topic}` }), topic * 1_000 + 50_000 + turn * 40_000)
      }
      for (let pass = 0; pass < 40; pass++) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(source.lookup(asked, id)).toMatchObject({ state: 'ready' })
  })

  test('do not delay an id of their own topic whose document is at hand', async () => {
    const id = registry.register('orders-value', order)
    const source = newSource()
    await source.admitted(query())
    invent(source, query())
    expect(source.lookup(query(), id)).toMatchObject({ failingSinceMs: null })
    expect(await settled(source, query(), id)).toMatchObject({ state: 'ready' })
  })

  test('count as failing since they were first limited, in line or not, so that a policy can decide', () => {
    const source = newSource()
    const asked = query()
    const sinceMs = hands.nowMs()
    invent(source, asked, 1, 500)
    hands.advance(60)
    const inLine = source.lookup(asked, 60)
    const sentAway = source.lookup(asked, 499)
    expect(inLine).toMatchObject({ state: 'pending', failingSinceMs: sinceMs })
    expect(sentAway).toMatchObject({ state: 'pending', failingSinceMs: sinceMs })
  })

  test('are answered in the order in which they came, and told when', async () => {
    const source = newSource()
    const [waits] = invent(source, query(), 1, 51).slice(50)
    expect(registry.asked(/^\/schemas\/ids\/51/)).toBe(0)
    await hands.untilWaiting()
    for (let turn = 0; turn < 4; turn++) {
      for (let pass = 0; pass < 60; pass++) await new Promise((resolve) => setTimeout(resolve, 1))
      hands.advance(2_000)
    }
    if (waits?.state === 'pending') await waits.changed
    expect(source.lookup(query(), 51).state).toBe('refused')
  })

  test('are all told when the source closes', async () => {
    const source = newSource()
    const waits = invent(source, query())
    source.close()
    for (const wait of waits) if (wait.state === 'pending') await wait.changed
    expect(source.lookup(query(), 199).state).toBe('pending')
  })
})

describe('a registry that fails', () => {
  const failures = [
    ['answers 503', () => (registry.behaviour = { kind: 'status', status: 503 }), 'HTTP 503'],
    [
      'answers 404 without the code of a registry',
      () => (registry.behaviour = { kind: 'status', status: 404 }),
      'HTTP 404'
    ],
    ['refuses the credentials', () => (registry.behaviour = { kind: 'status', status: 401 }), 'credentials'],
    ['answers with a page', () => (registry.behaviour = { kind: 'page' }), 'not JSON'],
    ['breaks off', () => (registry.behaviour = { kind: 'cut' }), ''],
    ['never ends', () => (registry.behaviour = { kind: 'endless' }), 'more than'],
    [
      'redirects to another host',
      () => (registry.behaviour = { kind: 'redirect', location: 'http://169.254.169.254/' }),
      'another host'
    ],
    ['redirects to itself', () => (registry.behaviour = { kind: 'redirect', location: '/schemas/ids/1' }), 'circles'],
    ['lies with a list', () => (registry.behaviour = { kind: 'lie', body: [] }), 'another form'],
    [
      'lies with a schema that is no text',
      () => (registry.behaviour = { kind: 'lie', body: { schema: 5 } }),
      'another form'
    ],
    [
      'lies with an unknown type',
      () => (registry.behaviour = { kind: 'lie', body: { schema: '', schemaType: 'toString' } }),
      'not known'
    ]
  ] as const

  test.each(failures)(
    '%s: pending with the time of the first failure, then ready when it is back',
    async (_name, break_, reason) => {
      const id = registry.register('orders-value', order)
      break_()
      const source = newSource()
      const asked = query()
      const sinceMs = hands.nowMs()
      const answer = await settled(source, asked, id)
      expect(answer).toMatchObject({ state: 'pending', failingSinceMs: sinceMs })
      expect(answer.state === 'pending' ? answer.reason : '').toContain(reason)
      expect(answer.state === 'pending' ? answer.reason : '').toContain(registry.url)
      expect(source.health.failingSinceMs).toBe(sinceMs)
      registry.behaviour = { kind: 'honest' }
      hands.advance(500)
      expect((await settled(source, asked, id, 2)).state).toBe('ready')
      expect(source.health.failingSinceMs).toBeNull()
    }
  )

  test('is silent: the time-out ends the wait', async () => {
    const id = registry.register('orders-value', order)
    registry.behaviour = { kind: 'silent' }
    const source = newSource({ timeoutMs: 100 })
    const answer = await settled(source, query(), id)
    expect(answer).toMatchObject({ state: 'pending', failingSinceMs: hands.nowMs() })
    expect(answer.state === 'pending' ? answer.reason : '').toContain('in time')
  })

  test('is down: the first failure stays the first, pauses grow, nothing is asked in between', async () => {
    await registry.down()
    const source = newSource()
    const asked = query()
    const sinceMs = hands.nowMs()
    await settled(source, asked, 1)
    for (const pauseMs of [500, 1_000, 2_000]) {
      hands.advance(pauseMs - 1)
      expect(source.lookup(asked, 1)).toMatchObject({ state: 'pending', failingSinceMs: sinceMs })
      hands.advance(1)
      expect(await settled(source, asked, 1)).toMatchObject({ state: 'pending', failingSinceMs: sinceMs })
    }
  })

  test('does not change the answer for a schema that is known', async () => {
    const id = registry.register('orders-value', order)
    const stale: number[] = []
    const events: RegistryEvents = {
      asked: () => undefined,
      lookedUp: () => undefined,
      servedStale: (sinceMs) => stale.push(sinceMs),
      storeFailed: () => undefined
    }
    const source = newSource({ events })
    const asked = query()
    expect((await settled(source, asked, id)).state).toBe('ready')
    await registry.down()
    hands.advance(300_000)
    const failedMs = hands.nowMs()
    expect(source.lookup(asked, id).state).toBe('ready')
    await expect.poll(() => source.health.failingSinceMs).toBe(failedMs)
    await expect.poll(() => source.lookup(asked, id).state === 'ready' && stale.length > 0).toBe(true)
    expect(stale[0]).toBe(failedMs)
  })

  test('has a schema we cannot use: pending with the reason, because that says nothing about the record', async () => {
    const id = registry.register('orders-value', '{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}')
    const answer = await settled(newSource(), query(), id)
    expect(answer).toMatchObject({ state: 'pending', failingSinceMs: hands.nowMs() })
    expect(answer.state === 'pending' ? answer.reason : '').toContain('contains itself')
  })

  test('refers to a document it does not have: pending, not refused', async () => {
    const id = registry.register('orders-value', {
      schema: order,
      references: [{ name: 'x', subject: 'gone', version: 1 }]
    })
    const answer = await settled(newSource(), query(), id)
    expect(answer.state).toBe('pending')
    expect(answer.state === 'pending' ? answer.reason : '').toContain('is referred to and not there')
  })

  test.each([
    { kind: 'lie', body: { id: 'seven' } },
    { kind: 'lie', body: null },
    { kind: 'page' },
    { kind: 'cut' },
    { kind: 'endless' },
    { kind: 'silent' },
    { kind: 'redirect', location: 'http://127.0.0.1:1/' },
    { kind: 'status', status: 500 }
  ] as const)('%o to the question for the id of a version: admitted rejects', async (behaviour) => {
    registry.register('orders-value', order)
    registry.behaviourAt = ({ url }) => (url === '/subjects/orders-value/versions/1' ? behaviour : null)
    const source = newSource({ timeoutMs: 200 })
    await expect(source.admitted(query())).rejects.toThrow(`${registry.url}/subjects/orders-value/versions/1: `)
  })

  test('has deleted a version between two questions: the others are admitted', async () => {
    registry.register('orders-value', order)
    registry.register('orders-value', order2)
    registry.behaviourAt = ({ url }) =>
      url.endsWith('/versions/1') ? { kind: 'status', status: 404, errorCode: 40402 } : null
    expect((await newSource().admitted(query())).map(({ version }) => version)).toEqual([2])
  })

  test('admitted rejects with the address and the reason', async () => {
    await registry.down()
    await expect(newSource().admitted(query())).rejects.toThrow(new RegExp(`${registry.url}.*ECONNREFUSED`))
  })
})

describe('copies on disk', () => {
  test('a start without the registry judges by them, and says that they are stale', async () => {
    const files = memoryFiles()
    const id = registry.register('orders-value', order)
    registry.register('orders-value', order2)
    const asked = query({ versions: { kind: 'last', count: 2 } })
    await newSource({ store: new SchemaStore('/state/schemas', files) }).admitted(asked)
    await registry.down()

    const stale: number[] = []
    const events = {
      asked: () => undefined,
      lookedUp: () => undefined,
      servedStale: (ms: number) => stale.push(ms),
      storeFailed: () => undefined
    }
    const source = newSource({ store: new SchemaStore('/state/schemas', files), events })
    expect((await source.admitted(asked)).map(({ version }) => version)).toEqual([1, 2])
    expect(await settled(source, asked, id)).toMatchObject({ state: 'ready', schema: { version: 1 } })
    expect(stale.length).toBeGreaterThan(0)
  })

  test('a schema seen by a look-up only is copied too', async () => {
    const files = memoryFiles()
    const id = registry.register('orders-value', order)
    await settled(newSource({ store: new SchemaStore('/s', files) }), query(), id)
    await registry.down()
    const source = newSource({ store: new SchemaStore('/s', files) })
    expect((await settled(source, query(), id)).state).toBe('ready')
    expect((await settled(source, query(), id + 1)).state).toBe('pending')
  })

  test('a damaged copy is as if it were not there', async () => {
    const files = memoryFiles()
    const id = registry.register('orders-value', order)
    await settled(newSource({ store: new SchemaStore('/s', files) }), query(), id)
    for (const path of files.files.keys()) files.files.set(path, '{"form":1,"id":')
    await registry.down()
    const source = newSource({ store: new SchemaStore('/s', files) })
    expect((await settled(source, query(), id)).state).toBe('pending')
  })

  test('a folder that cannot be written is reported and changes nothing else', async () => {
    const id = registry.register('orders-value', order)
    const messages: string[] = []
    const broken: StoreFiles = {
      read: () => Promise.resolve(null),
      write: () => Promise.reject(new Error('read-only'))
    }
    const events = {
      asked: () => undefined,
      lookedUp: () => undefined,
      servedStale: () => undefined,
      storeFailed: (message: string) => messages.push(message)
    }
    const source = newSource({ store: new SchemaStore('/s', broken), events })
    expect((await settled(source, query(), id)).state).toBe('ready')
    expect(messages).toEqual(['read-only'])
  })
})

describe('credentials', () => {
  test.each([
    ['basic', { username: 'u', password: 'p' }, `Basic ${Buffer.from('u:p').toString('base64')}`],
    ['bearer', { bearerToken: 't' }, 'Bearer t']
  ] as const)('%s goes with every request', async (_kind, auth, header) => {
    const id = registry.register('orders-value', order)
    const source = newSource({ auth })
    await source.admitted(query())
    await settled(source, query(), id)
    expect(registry.requests.length).toBeGreaterThanOrEqual(4)
    for (const { headers } of registry.requests) expect(headers.authorization).toBe(header)
  })

  test('never follow a redirect to another port of the same machine', async () => {
    const thief = await FakeRegistry.start()
    registry.behaviour = { kind: 'redirect', location: `${thief.url}/schemas/ids/1` }
    await settled(newSource({ auth: { username: 'u', password: 'p' } }), query(), 1)
    expect(thief.requests).toEqual([])
    await thief.stop()
  })
})

test('closing ends every wait', async () => {
  const source = newSource()
  const answer = source.lookup(query(), 7)
  await hands.untilWaiting()
  source.close()
  if (answer.state === 'pending') await answer.changed
  expect(hands.waiting).toBe(0)
  expect(source.lookup(query(), 8).state).toBe('pending')
})
