import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Sensitive } from '../../../../src/contracts/payload/format.ts'
import { loadPayloadFormat } from '../../../../src/contracts/payload/load.ts'
import type { SchemaFormat } from '../../../../src/contracts/payload/load.ts'
import { withoutProperties } from '../../../../src/contracts/payload/sensitive.ts'
import { contractOf, FakeSource, framed, head } from '../../../support/contracts.ts'

function sensitiveIn(
  format: SchemaFormat,
  source: string,
  references: { name: string; source: string }[] = []
): Sensitive {
  const loaded = loadPayloadFormat({ format, source, references, file: 'x' })
  if ('problem' in loaded) throw new Error(loaded.problem)
  return loaded.format.sensitive
}

const pii = '"confluent:tags": ["PII"]'

describe('an Avro schema', () => {
  const record = (fields: string): string => `{"type":"record","name":"R","fields":[${fields}]}`

  it('with a tagged field makes everything sensitive, however deep it stands', () => {
    expect(sensitiveIn('avro', record('{"name":"a","type":"string"}'))).toBe('nothing')
    expect(sensitiveIn('avro', record('{"name":"a","type":"string","confluent:tags":[]}'))).toBe('nothing')
    expect(sensitiveIn('avro', record(`{"name":"a","type":"string",${pii}}`))).toBe('everything')
    const inner = `{"type":"record","name":"I","fields":[{"name":"b","type":"string",${pii}}]}`
    expect(sensitiveIn('avro', record(`{"name":"a","type":{"type":"array","items":["null",${inner}]}}`))).toBe(
      'everything'
    )
  })
})

describe('a Protobuf schema', () => {
  it('with a tagged field makes everything sensitive, for the messages that reach it', () => {
    const tagged = 'string a = 1 [(confluent.field_meta).tags = "PII"];'
    expect(sensitiveIn('protobuf', 'syntax = "proto3"; message M { string a = 1; }')).toBe('nothing')
    expect(sensitiveIn('protobuf', `syntax = "proto3"; message M { ${tagged} }`)).toBe('everything')
    const nested = `syntax = "proto3"; message M { repeated N n = 1; M m = 2; } message N { ${tagged} }`
    expect(sensitiveIn('protobuf', nested)).toBe('everything')
    expect(sensitiveIn('protobuf', `syntax = "proto3"; message M { M m = 1; } message N { ${tagged} }`)).toBe('nothing')
  })
})

describe('a JSON Schema', () => {
  it.each<[string, string, Sensitive]>([
    ['no tag', '{"properties":{"a":{"type":"string"}}}', 'nothing'],
    ['an empty list of tags', '{"properties":{"a":{"confluent:tags":[]}}}', 'nothing'],
    ['a tagged property', `{"properties":{"a":{${pii}},"b":{}}}`, new Set(['a'])],
    ['a nested one', `{"properties":{"a":{"items":{"properties":{"b":{${pii}}}}}}}`, new Set(['b'])],
    ['several, in branches', `{"anyOf":[{"properties":{"a":{${pii}}}},{"properties":{"b":{${pii}}}}]}`, new Set('ab')],
    ['a property of an odd name', `{"properties":{"__proto__":{${pii}}}}`, new Set(['__proto__'])],
    ['tagged items', `{"properties":{"a":{"items":{${pii}}}}}`, 'everything'],
    ['a tagged definition', `{"$defs":{"a":{${pii}}}}`, 'everything'],
    ['a tagged pattern', `{"patternProperties":{"^a":{${pii}}}}`, 'everything'],
    ['a tag on the whole', `{${pii}}`, 'everything'],
    ['a property that is called like the tag', `{"properties":{"confluent:tags":{"type":"array"}}}`, 'nothing'],
    ['a tag in data', `{"enum":[{${pii}}],"properties":{"a":{"default":{${pii}}}}}`, 'nothing']
  ])('with %s', (_, source, expected) => {
    expect(sensitiveIn('json', source)).toEqual(expected)
  })

  it('has the tags of what it refers to', () => {
    const other = { name: 'other.json', source: `{"properties":{"b":{${pii}}}}` }
    expect(sensitiveIn('json', '{"$ref":"other.json"}', [other])).toEqual(new Set(['b']))
  })
})

describe('JSON without properties', () => {
  const without = (text: string, ...names: string[]): string | null =>
    withoutProperties(Buffer.from(text), new Set(names))?.toString() ?? null

  it('loses them at any depth and keeps the rest, numbers to the digit', () => {
    expect(without('{"a":1,"b":[{"a":2,"c":12345678901234567890.10}],"d":1e400}', 'a')).toBe(
      '{"b":[{"c":12345678901234567890.10}],"d":1e400}'
    )
    expect(without('{"__proto__":{"x":1},"y":2}', '__proto__')).toBe('{"y":2}')
    expect(without('["a",{"0":1}]', '0')).toBe('["a",{}]')
  })

  it('is nothing at all when it is no JSON', () => {
    expect(without('{"a":1', 'a')).toBeNull()
    expect(without('', 'a')).toBeNull()
    expect(without('['.repeat(200_000), 'a')).toBeNull()
    expect(without(`${'['.repeat(50_000)}${']'.repeat(50_000)}`, 'a') ?? 'null').toMatch(/^(null|\[+\]+)$/)
  })

  it('never holds the value of a property, whatever the document', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (around, name) => {
        const text = JSON.stringify({
          around,
          secret: 'the-secret',
          deep: [{ secret: { x: 'the-secret' } }],
          [name]: 1
        })
        expect(without(text, 'secret')).not.toContain('the-secret')
      })
    )
  })
})

describe('a policy that drops tagged values', () => {
  const json = (schema: string): ReturnType<typeof contractOf> =>
    contractOf(
      `${head}mode: quarantine\nvalue: { format: json, schema: { file: s.json } }\nquarantine: { values: drop-tagged }`,
      { files: { 's.json': schema } }
    )
  const keptOf = (contract: ReturnType<typeof contractOf>, value: Buffer): Buffer | null => {
    const target = contract.quarantineOf('t')
    expect(target.values).toBe('drop-tagged')
    return target.keptOf!(value)
  }

  it('keeps the very bytes of a value whose schema tags nothing', () => {
    const value = Buffer.from('{"a" :1}')
    expect(keptOf(json('{"properties":{"a":{}}}'), value)).toBe(value)
    const broken = Buffer.from('{"a')
    expect(keptOf(json('{"properties":{"a":{}}}'), broken)).toBe(broken)
  })

  it('removes tagged properties, also from a value that breaks its schema', () => {
    const contract = json(`{"properties":{"a":{"type":"string",${pii}}}}`)
    expect(keptOf(contract, Buffer.from('{"a":5,"b":1}'))?.toString()).toBe('{"b":1}')
    expect(keptOf(contract, Buffer.from('{"a":5,'))).toBeNull()
  })

  it('goes by the schema that the framing names, and keeps the framing', () => {
    const source = new FakeSource().add(1, 'json', `{"properties":{"a":{${pii}}}}`).add(2, 'json', '{}')
    const registry = 'schema: { registry: { subject: { strategy: topic-name } } }'
    const yaml = `${head}mode: quarantine\nvalue: { format: json, framing: confluent, ${registry} }\nquarantine: { values: drop-tagged }`
    const contract = contractOf(yaml, { source })
    expect(keptOf(contract, framed(1, '{"a":1,"b":2}'))).toEqual(framed(1, '{"b":2}'))
    expect(keptOf(contract, framed(2, '{"a":1}'))).toEqual(framed(2, '{"a":1}'))
    source.pending.set(4, null)
    for (const unknown of [framed(3, '{"a":1}'), framed(4, '{"a":1}'), Buffer.from('{"a":1}'), Buffer.alloc(0)]) {
      expect(keptOf(contract, unknown)).toBeNull()
    }
  })

  it('keeps nothing of an Avro value whose schema has a tagged field', () => {
    const schema = `{"type":"record","name":"R","fields":[{"name":"a","type":"string",${pii}}]}`
    const yaml = `${head}mode: quarantine\nvalue: { format: avro, schema: { file: s.avsc } }\nquarantine: { values: drop-tagged }`
    expect(keptOf(contractOf(yaml, { files: { 's.avsc': schema } }), Buffer.from([2, 97]))).toBeNull()
  })

  it('has no way to drop where values are kept', () => {
    expect(contractOf(`${head}mode: quarantine`).quarantineOf('t').keptOf).toBeUndefined()
  })
})
