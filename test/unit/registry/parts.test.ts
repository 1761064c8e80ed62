import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { describe, expect, test } from 'vitest'
import { readConfluentFraming } from '../../../src/contracts/payload/framing.ts'
import { SchemaStore } from '../../../src/registry/schema-store.ts'
import { RegistrySchemaSource } from '../../../src/registry/source.ts'
import { admittedOf, allowedSubjects, qualifiedSubject } from '../../../src/registry/subjects.ts'
import { TokenBucket } from '../../../src/registry/token-bucket.ts'
import type { SchemaCopy } from '../../../src/registry/types.ts'
import type { SchemaQuery } from '../../../src/contracts/schema-source.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { Hands } from './hands.ts'

const query: SchemaQuery = {
  topic: 'orders',
  side: 'value',
  format: 'avro',
  subject: { strategy: 'topic-name' },
  context: null,
  versions: { kind: 'any' }
}

const copy: SchemaCopy = {
  id: 7,
  context: null,
  format: 'avro',
  source: '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"string"}]}',
  references: [],
  usages: [{ subject: 'orders-value', version: 3 }]
}

describe('the token bucket', () => {
  test('gives its burst, then its rate, and never more than its burst', () => {
    const hands = new Hands()
    const bucket = new TokenBucket(hands, 3, 2)
    expect([1, 2, 3, 4].map(() => bucket.take())).toEqual([true, true, true, false])
    expect(bucket.canTake()).toBe(false)
    hands.advance(500)
    expect([bucket.take(), bucket.take()]).toEqual([true, false])
    hands.advance(60_000)
    expect([1, 2, 3, 4].map(() => bucket.take())).toEqual([true, true, true, false])
  })
})

describe('subjects', () => {
  test('a context is a prefix', () => {
    expect(qualifiedSubject('.eu', 'orders-value')).toBe(':.eu:orders-value')
    expect(qualifiedSubject(null, 'orders-value')).toBe('orders-value')
  })

  test('record names only matter to the record strategies', () => {
    expect(allowedSubjects(query, ['a.B'])).toEqual(['orders-value'])
    expect(allowedSubjects({ ...query, subject: { strategy: 'record-name' } }, ['a.B', 'a.C'])).toEqual(['a.B', 'a.C'])
    expect(allowedSubjects({ ...query, subject: { strategy: 'topic-record-name' }, context: '.x' }, ['a.B'])).toEqual([
      ':.x:orders-a.B'
    ])
    expect(allowedSubjects({ ...query, subject: { strategy: 'record-name' } }, [])).toEqual([])
  })

  test('more versions asked for than there are is all of them', () => {
    expect(admittedOf({ kind: 'last', count: 9 }, [1, 4])).toEqual([1, 4])
    expect(admittedOf({ kind: 'latest' }, [])).toEqual([])
  })
})

describe('the store on a real file system', () => {
  test('returns what was saved, leaves no temporary files, and keeps contexts apart', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kontrakt-store-'))
    try {
      const store = new SchemaStore(directory)
      expect(await store.loadSchema(null, 7)).toBeNull()
      await Promise.all([
        store.saveSchema(copy),
        store.saveSchema(copy),
        store.saveSchema({ ...copy, context: '.eu', source: '"string"' })
      ])
      expect(await store.loadSchema(null, 7)).toMatchObject(copy)
      expect((await store.loadSchema('.eu', 7))?.source).toBe('"string"')
      const subject = '../../etc/passwd'
      await store.saveSubject(subject, new Map([[3, 7]]))
      expect(await store.loadSubject(subject)).toEqual(new Map([[3, 7]]))
      const files = await readdir(directory, { recursive: true })
      expect(files.filter((file) => /\.json./.test(file))).toEqual([])
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  test.each(['', 'null', '[]', '{"form":2}', '{"form":1,"id":7,"context":null}', '{"form":1,"id":8}'])(
    '%s is no copy',
    async (text) => {
      const store = new SchemaStore('/s', { read: () => Promise.resolve(text), write: () => Promise.resolve() })
      expect(await store.loadSchema(null, 7)).toBeNull()
      expect(await store.loadSubject('x')).toBeNull()
    }
  )
})

test('what the common JavaScript client writes is read with the schema it names', async () => {
  const registry = await FakeRegistry.start()
  const hands = new Hands()
  const source = new RegistrySchemaSource({
    url: registry.url,
    auth: null,
    timeoutMs: 2_000,
    clock: hands,
    store: null
  })
  try {
    const client = new SchemaRegistry({ host: registry.url })
    const written = [
      { format: 'avro', schema: { schema: copy.source }, value: { id: 'o-1' } },
      {
        format: 'json',
        schema: {
          schema:
            '{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"id":{"type":"string"}}}',
          schemaType: 'JSON'
        },
        value: { id: 'o-1' }
      }
    ] as const
    for (const { format, schema, value } of written) {
      const topic = `orders-${format}`
      const id = registry.register(`${topic}-value`, schema)
      const bytes = await client.encode(id, value)
      const framing = readConfluentFraming(bytes, 0, bytes.length, format)
      if ('failure' in framing) throw new Error(framing.failure.message)
      expect(framing.schemaId).toBe(id)
      const asked: SchemaQuery = { ...query, topic, format }
      const first = source.lookup(asked, id)
      if (first.state === 'pending') await first.changed
      const answer = source.lookup(asked, id)
      if (answer.state !== 'ready') throw new Error('not ready')
      const decoded = answer.schema.formatFor(framing.messageIndexes)?.decode(bytes, framing.payloadStart, bytes.length)
      expect(decoded).toEqual({ ok: true, value: new Map([['id', 'o-1']]) })
    }
    // Of Protobuf it leaves the message indexes out, so no other reader of the framing understands it, nor do we.
    const id = registry.register('proto', {
      schema: 'syntax = "proto3"; message Order { string id = 1; }',
      schemaType: 'PROTOBUF'
    })
    const bytes = await client.encode(id, { id: 'o-1' })
    expect(bytes.toString('hex', 5)).toBe('0a036f2d31')
    expect(readConfluentFraming(bytes, 0, bytes.length, 'protobuf')).toHaveProperty('failure')
  } finally {
    source.close()
    await registry.stop()
  }
})
