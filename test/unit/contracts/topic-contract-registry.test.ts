import { describe, expect, it } from 'vitest'
import { findingLimits } from '../../../src/contracts/findings.ts'
import type { TopicContract } from '../../../src/contracts/judgement.ts'
import { checkAgainstRegistry } from '../../../src/contracts/registry-check.ts'
import {
  anybody,
  contractOf,
  FakeSource,
  framed,
  head,
  judgeAll,
  judgeOne,
  policyOf,
  recordsOf,
  undecidedOf,
  violationsOf
} from '../../support/contracts.ts'

const registry = `${head}mode: reject
value:
  format: json
  framing: confluent
  schema: { registry: { subject: { strategy: topic-name }, versions: { last: 2 } } }
`
const amount = (type: string): string =>
  `{"type":"object","additionalProperties":false,"properties":{"amount":{"type":"${type}"}}}`
const withRule = `${registry}rules: [{ id: positive, expr: value.amount > 0.0 }]`

function contract(source: FakeSource, yaml = withRule): TopicContract {
  return contractOf(yaml, { source })
}

describe('a schema from a registry', () => {
  it('judges the record by the schema that its framing names', () => {
    const source = new FakeSource().add(1, 'json', amount('number'))
    expect(violationsOf(contract(source), { value: framed(1, '{"amount":1}') })).toEqual([])
    expect(violationsOf(contract(source), { value: framed(1, '{"amount":-1}') })).toEqual(['positive value.amount'])
    expect(violationsOf(contract(source), { value: framed(1, '{"amount":"x"}') })).toEqual(['schema value.amount'])
    expect(source.queries[0]).toEqual({
      topic: 't',
      side: 'value',
      format: 'json',
      subject: { strategy: 'topic-name' },
      context: null,
      versions: { kind: 'last', count: 2 }
    })
  })

  it.each([
    ['shorter than its framing', Buffer.from([0, 0, 0])],
    ['empty', Buffer.alloc(0)],
    ['an unknown magic byte', Buffer.from([1, 0, 0, 0, 1, 0x7b, 0x7d])],
    ['an unknown schema id', framed(99, '{}')],
    ['a negative schema id', framed(-1, '{}')]
  ])('breaks schema-id: %s', (_what, value) => {
    expect(violationsOf(contract(new FakeSource().add(1, 'json', amount('number'))), { value })).toEqual([
      'schema-id value'
    ])
  })

  it('breaks schema-id when a Protobuf schema has no such message', () => {
    const source = new FakeSource().add(1, 'protobuf', 'syntax = "proto3"; message A { int32 n = 1; }')
    const proto = contract(source, registry.replace('json', 'protobuf'))
    expect(violationsOf(proto, { value: framed(1, Buffer.from([0, 8, 1])) })).toEqual([])
    expect(violationsOf(proto, { value: framed(1, Buffer.from([2, 10, 8, 1])) })).toEqual(['schema-id value'])
    expect(violationsOf(proto, { value: framed(1, Buffer.from([0xff, 0xff])) })).toEqual(['schema-id value'])
  })

  it('that is not known yet leaves every check that needs it undecided, each in its own mode', () => {
    const source = new FakeSource()
    source.pending.set(5, 1234)
    const yaml = `${withRule}\nfields: { value.amount: { min: 1 } }\nheaders: { h: { required: true } }\nchecks: { schema: { mode: observe } }`
    const judged = judgeOne(contract(source, yaml), { value: framed(5, '{}') })
    expect(judged?.violations.map(({ rule }) => rule)).toEqual(['header:h'])
    expect(judged?.undecided.map(({ rule, mode }) => `${rule} ${mode}`)).toEqual([
      'schema-id reject',
      'schema observe',
      'field:value.amount reject',
      'positive reject'
    ])
    expect(judged?.undecided[0]?.cause).toMatchObject({ kind: 'schema-unavailable', schemaId: 5, failingSinceMs: 1234 })
    expect(judged?.undecided[0]?.message).toContain('connection refused')
  })

  it('is asked for once per batch and id', () => {
    const source = new FakeSource().add(1, 'json', amount('number'))
    judgeAll(
      contract(source),
      Array.from({ length: 100 }, () => ({ value: framed(1, '{"amount":1}') }))
    )
    expect(source.asked).toEqual([1])
  })

  it('is asked for again in the next batch: what was refused may be known now', () => {
    const source = new FakeSource()
    const judge = contract(source)
    expect(violationsOf(judge, { value: framed(1, '{"amount":1}') })).toEqual(['schema-id value'])
    source.add(1, 'json', amount('number'))
    expect(violationsOf(judge, { value: framed(1, '{"amount":1}') })).toEqual([])
  })

  it('is not asked for without bound by a batch that names a new id in every record', () => {
    const source = new FakeSource()
    const { records } = judgeAll(
      contract(source),
      Array.from({ length: 500 }, (_, id) => ({ value: framed(id, '{}') }))
    )
    expect(source.asked).toHaveLength(findingLimits.schemaIdsPerBatch)
    const refused = records.slice(0, findingLimits.schemaIdsPerBatch)
    expect(refused.every(({ violations }) => violations[0]?.rule === 'schema-id')).toBe(true)
    // No waiting would help: the outage is as old as can be.
    expect(records.at(-1)).toMatchObject({ violations: [], undecided: [{ rule: 'schema-id' }, { rule: 'schema' }, {}] })
    expect(records.at(-1)?.undecided[0]?.cause).toMatchObject({ kind: 'schema-unavailable', failingSinceMs: 0 })
  })

  it('may be any number of them in one batch as long as all are known', () => {
    const source = new FakeSource()
    const ids = Array.from({ length: 150 }, (_, id) => id)
    for (const id of ids) source.add(id, 'json', amount('number'))
    const judged = judgeAll(
      contract(source),
      ids.map((id) => ({ value: framed(id, '{"amount":1}') }))
    )
    expect(judged.records).toEqual([])
  })

  it('that was not asked for is worth waiting for as long as one that was is pending', () => {
    const source = new FakeSource()
    for (let id = 0; id < 150; id++) source.pending.set(id, null)
    const { records } = judgeAll(
      contract(source),
      Array.from({ length: 150 }, (_, id) => ({ value: framed(id, '{}') }))
    )
    expect(source.asked).toHaveLength(findingLimits.schemaIdsPerBatch)
    expect(records.every(({ violations }) => violations.length === 0)).toBe(true)
    expect(records.at(-1)?.undecided[0]?.cause).toMatchObject({
      failingSinceMs: null,
      changed: (records[findingLimits.schemaIdsPerBatch - 1]?.undecided[0]?.cause as { changed: unknown }).changed
    })
  })

  it('is the same in all turns of a batch, and asked for once', () => {
    const source = new FakeSource().add(1, 'json', amount('number'))
    source.pending.set(2, null)
    const records = recordsOf(Array.from({ length: 40 }, (_, i) => ({ value: framed((i % 2) + 1, '{"amount":1}') })))
    const judging = contract(source).open(records, { topic: 't', partition: 0, producer: anybody })
    expect(judging.advance(() => true)).toBe(false)
    source.pending.clear()
    while (!judging.advance(() => true));
    expect(source.asked).toEqual([1, 2])
    expect(judging.result().records.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, i) => 2 * i + 1))
  })

  it('is not asked for when every check that needs it is off for the producer', () => {
    const source = new FakeSource()
    const yaml = `${registry}headers: { h: { maxLength: 1 } }\nchecks: { schema: { mode: off }, schema-id: { mode: off } }`
    judgeOne(contract(source, yaml), { value: framed(1, '{}') })
    expect(source.asked).toEqual([])
  })

  it('registered later that a rule does not fit makes that rule undecidable for that version only', () => {
    const source = new FakeSource().add(1, 'json', amount('number')).add(2, 'json', amount('string'))
    const yaml = `${withRule}\nfields: { value.amount: { max: 5 } }\nkey: { format: string, equals: value.amont }`
    const judge = contract(
      source,
      yaml.replace('amont', 'amount').replace('key: { format: string, equals: value.amount }', '')
    )
    expect(violationsOf(judge, { value: framed(1, '{"amount":-1}') })).toEqual(['positive value.amount'])
    expect(undecidedOf(judge, { value: framed(2, '{"amount":"x"}') })).toEqual([
      'field:value.amount rule-not-applicable',
      'positive rule-not-applicable'
    ])
    expect(violationsOf(judge, { value: framed(1, '{"amount":9}') })).toEqual(['field:value.amount value.amount'])
  })

  it('may serve the key as well, with schema-id telling which side is meant', () => {
    const source = new FakeSource().add(1, 'json', '{"type":"object","properties":{"id":{"type":"string"}}}')
    const yaml = `${head}mode: reject
key:
  format: json
  framing: confluent
  schema: { registry: { subject: { strategy: topic-name } } }
rules: [{ id: a, expr: key.id != "" }]`
    expect(violationsOf(contract(source, yaml), { key: framed(1, '{"id":"x"}'), value: '' })).toEqual([])
    expect(violationsOf(contract(source, yaml), { key: framed(9, '{}'), value: '' })).toEqual(['schema-id key'])
    expect(violationsOf(contract(source, yaml), { key: framed(1, '{"id":1}'), value: '' })).toEqual(['key key.id'])
  })

  it('whose id is unknown, with schema-id only watched, leaves the stricter checks undecided', () => {
    const yaml = `${withRule}\nchecks: { schema-id: { mode: observe } }`
    const judged = { value: framed(1, '{"amount":1}') }
    expect(violationsOf(contract(new FakeSource(), yaml), judged)).toEqual(['schema-id value'])
    expect(undecidedOf(contract(new FakeSource(), yaml), judged)).toEqual(['schema rule-error', 'positive rule-error'])
  })
})

describe('rules against the registry at load', () => {
  it('are tried on every admitted version', async () => {
    const source = new FakeSource().add(1, 'json', amount('number')).add(2, 'json', amount('string'))
    const diagnostics = await checkAgainstRegistry(policyOf(withRule), source)
    expect(diagnostics).toMatchObject([
      {
        severity: 'warning',
        code: 'rule-not-applicable',
        line: 8,
        message: expect.stringContaining('with t-value version 2: rule positive') as string
      }
    ])
  })

  it('are fine when they fit all of them', async () => {
    const source = new FakeSource().add(1, 'json', amount('number')).add(2, 'json', amount('integer'))
    expect(await checkAgainstRegistry(policyOf(withRule), source)).toEqual([])
  })

  it('that cannot be tried because the registry is down are a warning', async () => {
    const source = new FakeSource()
    source.unreachable = 'http://registry:8081: connection refused'
    expect(await checkAgainstRegistry(policyOf(withRule), source)).toMatchObject([
      {
        severity: 'warning',
        code: 'registry-unreachable',
        message: expect.stringContaining('http://registry:8081') as string
      }
    ])
  })

  it('without any admitted version are a warning, and faults of the text still errors at load', async () => {
    expect(await checkAgainstRegistry(policyOf(withRule), new FakeSource())).toMatchObject([
      { severity: 'warning', code: 'no-schema-version' }
    ])
    expect(() => policyOf(`${registry}rules: [{ id: a, expr: "value.amount >" }]`)).toThrow('rule-syntax')
  })

  it('are not asked for by a policy that needs no registry', async () => {
    const source = new FakeSource()
    source.unreachable = 'down'
    expect(await checkAgainstRegistry(policyOf(head), source)).toEqual([])
  })

  it('of a glob are tried for the live topics it names', async () => {
    const source = new FakeSource().add(1, 'json', amount('string'))
    const policy = policyOf(withRule.replace('topics: t', 'topics: "shop.*"'))
    expect(await checkAgainstRegistry(policy, source)).toEqual([])
    expect((await checkAgainstRegistry(policy, source, ['other', 'shop.a'])).map(({ code }) => code)).toEqual([
      'rule-type'
    ])
  })

  it('are an error when they fit no admitted version', async () => {
    const source = new FakeSource().add(1, 'json', amount('string')).add(2, 'json', amount('boolean'))
    const diagnostics = await checkAgainstRegistry(policyOf(withRule), source)
    expect(diagnostics.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'error rule-type',
      'error rule-type'
    ])
  })

  it('are tried for globs where the subject is literal, and not where the topic names it', async () => {
    const source = new FakeSource().add(1, 'json', amount('string'))
    const glob = withRule.replace('topics: t\n', 'topics: "shop.*"\n')
    expect(glob).not.toBe(withRule)
    const literal = glob.replace('strategy: topic-name', 'name: orders-value')
    expect(literal).not.toBe(glob)
    expect(await checkAgainstRegistry(policyOf(literal), source)).toMatchObject([{ code: 'rule-type' }])
    expect(await checkAgainstRegistry(policyOf(glob), source)).toEqual([])
  })
})
