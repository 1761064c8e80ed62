import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildBatch } from '../../../protocol/records/batch.ts'
import { startEmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import { inferPolicy } from '../../../src/cli/infer-policy.ts'
import { inferShape, jsonSchemaOf } from '../../../src/cli/infer-schema.ts'
import { KafkaClient } from '../../../src/kafka/client.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { Sandbox } from './run-cli.ts'

let box: Sandbox
beforeEach(() => {
  box = new Sandbox()
})
afterEach(() => box.remove())

const read = (path: string): string => readFileSync(join(box.folder, path), 'utf8')

describe('init', () => {
  it('writes files that check and test pass as they are, and says what comes next', async () => {
    const { code, out } = await box.run('init')
    expect(code).toBe(0)
    expect(out).toContain('wrote kontrakt.yaml\n')
    expect(out).toContain('Next: kontrakt check && kontrakt test')
    expect(await box.run('check')).toMatchObject({ code: 0, out: '1 policy file and the settings: no faults\n' })
    expect((await box.run('test')).out).toContain('4 cases in 1 file: 4 passed')
  })

  it('writes into a folder, with the addresses given', async () => {
    const { code, out } = await box.run(
      'init',
      'my/place',
      '--upstream',
      'k1:9092,k2:9092',
      '--listen',
      '127.0.0.1:9500',
      '--registry',
      'http://r:8081'
    )
    expect(code).toBe(0)
    expect(out).toContain('Next: cd my/place && kontrakt check')
    const settings = await box.run('settings', '--settings', 'my/place/kontrakt.yaml')
    expect(settings.out).toMatch(/^upstream\.bootstrapServers +k1:9092,k2:9092/m)
    expect(settings.out).toMatch(/^listeners\[0\]\.brokerPorts +9501-9600/m)
    expect(settings.out).toMatch(/^registry\.url +http:\/\/r:8081/m)
  })

  it('writes over nothing unless forced, and then nothing of it is written', async () => {
    box.write('policies/orders.yaml', 'mine')
    const { code, err } = await box.run('init')
    expect(code).toBe(1)
    expect(err).toContain('already there: policies/orders.yaml')
    expect(read('policies/orders.yaml')).toBe('mine')
    expect(() => read('kontrakt.yaml')).toThrow()
    expect((await box.run('init', '--force')).code).toBe(0)
    expect(read('policies/orders.yaml')).toContain('kontrakt/v1')
  })

  it.each([
    ['--upstream', 'nowhere'],
    ['--listen', '9092'],
    ['--upstream', 'a:1,b']
  ])('refuses %s %s as a usage error', async (flag, value) => {
    expect(await box.run('init', flag, value)).toMatchObject({
      code: 2,
      err: expect.stringContaining('is not HOST:PORT') as string
    })
  })
})

describe('init --from-topic', () => {
  let broker: EmbeddedBroker
  let client: KafkaClient
  beforeEach(async () => {
    broker = await startEmbeddedBroker({
      topics: [{ name: 'shop.orders', partitions: 2 }, { name: 'empty' }, { name: 'framed' }]
    })
    client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test' })
  })
  afterEach(async () => {
    client.close()
    await broker.close()
  })

  async function produce(topic: string, partition: number, values: readonly (Buffer | null)[]): Promise<void> {
    const records = values.map((value, index) => ({
      key: Buffer.from(`key-${index}`),
      value,
      headers: [{ name: 'source', value: Buffer.from('web') }],
      timestamp: 1_700_000_000_000 + index
    }))
    await client.produce({ topic, partition, batch: buildBatch({ records, codec: 'zstd' }) })
  }

  it('infers a policy in mode observe from the records of all partitions, which loads', async () => {
    for (const partition of [0, 1]) {
      const values = Array.from({ length: 20 }, (_, n) =>
        Buffer.from(JSON.stringify({ id: `secret-${n}`, amount: n + 0.5, ...(n % 2 ? { note: null } : {}) }))
      )
      await produce('shop.orders', partition, values)
    }
    const { code, out } = await box.run('init', '--upstream', broker.address, '--from-topic', 'shop.orders')
    expect(code).toBe(0)
    expect(out).toContain('value: JSON, with a schema of what the records have in common')
    const policy = read('policies/shop.orders.yaml')
    expect(policy).toContain('# 40 records were looked at.')
    expect(policy).toContain('mode: observe')
    expect(policy).toContain('"source": { required: true }')
    expect(JSON.parse(read('policies/schemas/shop.orders.schema.json'))).toMatchObject({
      type: 'object',
      required: ['id', 'amount'],
      properties: { id: { type: 'string' }, amount: { type: 'number' }, note: { type: 'null' } }
    })
    expect(policy + read('policies/schemas/shop.orders.schema.json')).not.toContain('secret-')
    expect(await box.run('check')).toMatchObject({ code: 0 })
  })

  it('looks only at the latest records asked for', async () => {
    await produce('shop.orders', 0, [Buffer.from('not json')])
    await produce(
      'shop.orders',
      0,
      Array.from({ length: 10 }, () => Buffer.from('{"a":1}'))
    )
    await box.run('init', '--upstream', broker.address, '--from-topic', 'shop.orders', '--records', '20')
    expect(read('policies/shop.orders.yaml')).toContain('format: json')
  })

  it('beside settings that are there, uses their upstream and adds only the policy', async () => {
    await produce('shop.orders', 0, [Buffer.from('plain'), null])
    await box.run('init', '--upstream', broker.address)
    const settings = read('kontrakt.yaml')
    const { code, out } = await box.run('init', '--from-topic', 'shop.orders')
    expect(code).toBe(0)
    expect(out).not.toContain('wrote kontrakt.yaml')
    expect(read('kontrakt.yaml')).toBe(settings)
    expect(read('policies/shop.orders.yaml')).toMatch(/format: string\n {2}nulls: allow/)
  })

  it('takes the schema of the registry where the values are framed by it', async () => {
    const registry = await FakeRegistry.start()
    try {
      registry.register('framed-value', '"string"')
      await produce('framed', 0, [Buffer.from([0, 0, 0, 0, 1, 2, 97])])
      const { code } = await box.run(
        'init',
        '--upstream',
        broker.address,
        '--registry',
        registry.url,
        '--from-topic',
        'framed'
      )
      expect(code).toBe(0)
      expect(read('policies/framed.yaml')).toContain(
        '  format: avro\n  framing: confluent\n  schema:\n    registry: { subject: { strategy: topic-name }, versions: any }'
      )
      expect(await box.run('check', 'policies', '--registry', registry.url)).toMatchObject({ code: 0 })
    } finally {
      await registry.stop()
    }
  })

  it('an empty topic gives a policy that says so', async () => {
    const { out } = await box.run('init', '--upstream', broker.address, '--from-topic', 'empty')
    expect(out).toContain('the topic holds no records')
    expect((await box.run('check')).code).toBe(0)
  })

  it('a topic, a cluster or a registry that is not there ends with 1 and a remedy', async () => {
    expect(await box.run('init', '--upstream', broker.address, '--from-topic', 'nope')).toMatchObject({
      code: 1,
      err: expect.stringContaining('the cluster has no topic nope') as string
    })
    expect(await box.run('init', '--upstream', '127.0.0.1:1', '--from-topic', 'nope')).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot be read') as string
    })
    const registry = await box.run(
      'init',
      '--upstream',
      broker.address,
      '--registry',
      'http://127.0.0.1:1',
      '--from-topic',
      'empty'
    )
    expect(registry).toMatchObject({ code: 1, err: expect.stringContaining('the registry cannot be asked') as string })
    expect(() => read('kontrakt.yaml')).toThrow()
  })
})

describe('inference', () => {
  const schemaOf = (...samples: unknown[]): unknown => {
    const schema = JSON.parse(jsonSchemaOf(inferShape(samples), 't')) as Record<string, unknown>
    delete schema['$schema']
    delete schema['title']
    return schema
  }

  it('joins the types that were seen; a number swallows integers', () => {
    expect(schemaOf({ a: 1 }, { a: 1.5 })).toEqual({
      type: 'object',
      required: ['a'],
      properties: { a: { type: 'number' } }
    })
    expect(schemaOf({ a: 1 }, { a: null }, { a: 'x' })).toMatchObject({
      properties: { a: { type: ['integer', 'null', 'string'] } }
    })
  })

  it('goes into lists and objects; an empty list says nothing of its items', () => {
    expect(schemaOf({ items: [{ sku: 'a' }, { sku: 'b', n: 1 }] }, { items: [] })).toEqual({
      type: 'object',
      required: ['items'],
      properties: {
        items: {
          type: 'array',
          items: { type: 'object', required: ['sku'], properties: { sku: { type: 'string' }, n: { type: 'integer' } } }
        }
      }
    })
    expect(schemaOf({ items: [] })).toMatchObject({ properties: { items: { type: 'array', items: {} } } })
  })

  it('takes an object with very many keys for a map, whose keys are data', () => {
    const map = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`customer-${n}`, n]))
    expect(schemaOf({ map })).toEqual({ type: 'object', required: ['map'], properties: { map: { type: 'object' } } })
  })

  it('stops at a depth, and takes no harm from hostile names', () => {
    let deep: unknown = 1
    for (let level = 0; level < 1000; level++) deep = { deep }
    expect(JSON.stringify(schemaOf(deep)).length).toBeLessThan(2000)
    expect(schemaOf(JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}'))).toMatchObject({
      required: ['__proto__', 'constructor']
    })
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('tells bytes from text, and requires a key only where all have one', () => {
    const record = (key: Buffer | null, value: Buffer | null): Parameters<typeof inferPolicy>[1][number] => ({
      key,
      value,
      headers: []
    })
    const text = (records: Parameters<typeof inferPolicy>[1]): string =>
      inferPolicy('t', records, null).files.get('policies/t.yaml')!
    expect(text([record(null, Buffer.from([0xff, 0xfe]))])).toContain('value:\n  format: bytes')
    expect(text([record(null, Buffer.from('x'))])).toContain('required: false')
    expect(text([record(Buffer.from('k'), Buffer.from('"scalar"'))])).toMatch(
      /format: string\n {2}required: true[^]*format: string/
    )
  })
})
