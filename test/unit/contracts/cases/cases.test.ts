import { describe, expect, it } from 'vitest'
import { parseCases } from '../../../../src/contracts/cases/parse.ts'
import { runCases } from '../../../../src/contracts/cases/run.ts'
import type { CaseResult } from '../../../../src/contracts/cases/run.ts'
import { filesInMemory } from '../../../../src/contracts/policy/files.ts'
import { readCopies, renderCopies } from '../../../../src/contracts/registry-copies.ts'
import type { RegistryCopies, SchemaCopy } from '../../../../src/contracts/registry-copies.ts'
import { head, policyOf } from '../../../support/contracts.ts'

function faults(text: string): string[] {
  const parsed = parseCases(Buffer.from(text), 'shop/a.cases.yaml', 'policies/shop/a.cases.yaml')
  return parsed.ok ? [] : parsed.diagnostics.map(({ line, code }) => `${line} ${code}`)
}

interface Setting {
  readonly policy: string
  readonly files?: Readonly<Record<string, string>>
  readonly copies?: RegistryCopies | null
}

function run({ policy, files = {}, copies = null }: Setting, cases: string): CaseResult[] {
  const parsed = parseCases(
    Buffer.from(`policy: policy.yaml\ncases:\n${cases}`),
    'policy.cases.yaml',
    'policy.cases.yaml'
  )
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics))
  return runCases(policyOf(policy, files), parsed.cases, copies)
}

function one(setting: Setting, text: string): CaseResult {
  return run(setting, `  - ${text}`)[0]!
}

const start = 'policy: a.yaml\ncases:\n'

describe('a cases file', () => {
  it.each([
    ['no policy', 'cases: [{ name: a, record: { value: null }, expect: accept }]', ['1 missing-key']],
    ['no cases', 'policy: a.yaml\ncases: []', ['2 wrong-value']],
    [
      'an unknown key',
      `${start}  - { name: a, record: { value: null }, expect: accept, expected: 1 }`,
      ['3 unknown-key']
    ],
    [
      'an expectation that is none',
      `${start}  - { name: a, record: { value: null }, expect: refuse }`,
      ['3 wrong-value']
    ],
    [
      'a principal',
      `${start}  - { name: a, record: { value: null, principal: "User:a" }, expect: accept }`,
      ['3 not-yet']
    ],
    ['a stream', `${start}  - { name: a, stream: [{ value: 1 }], findings: [] }`, ['3 not-yet', '3 not-yet']],
    ['no value', `${start}  - { name: a, record: { key: k }, expect: accept }`, ['3 bad-case']],
    ['two values', `${start}  - { name: a, record: { value: 1, valueHex: "00" }, expect: accept }`, ['3 bad-case']],
    ['two keys', `${start}  - { name: a, record: { value: 1, key: a, keyHex: "00" }, expect: accept }`, ['3 bad-case']],
    [
      'hex with an odd digit',
      `${start}  - { name: a, record: { valueHex: "001" }, expect: accept }`,
      ['3 wrong-value']
    ],
    [
      'a timestamp that is none',
      `${start}  - { name: a, record: { value: 1, timestamp: yesterday }, expect: accept }`,
      ['3 bad-case']
    ],
    [
      'violations of an accepted record',
      `${start}  - { name: a, record: { value: 1 }, expect: accept, violations: [{ rule: x }] }`,
      ['3 bad-case']
    ],
    [
      'both kinds of violations',
      `${start}  - { name: a, record: { value: 1 }, expect: reject, violations: [], violationsInclude: [] }`,
      ['3 bad-case']
    ],
    [
      'a policy outside the folder',
      'policy: ../../a.yaml\ncases: [{ name: a, record: { value: 1 }, expect: accept }]',
      ['1 file-outside']
    ]
  ])('is refused with %s', (_what, text, expected) => {
    expect(faults(text)).toEqual(expected)
  })

  it('names its policy relative to itself', () => {
    const parsed = parseCases(
      Buffer.from(`${start}  - { name: a, record: { value: 1 }, expect: accept }`),
      'shop/a.cases.yaml',
      'x'
    )
    expect(parsed.ok && parsed.cases.policy).toBe('shop/a.yaml')
  })
})

describe('running a case', () => {
  const policy = `${head}mode: reject
value: { format: json }
headers: { source: { matches: "^[a-z]+$" } }
rules:
  - { id: positive, expr: value.amount > 0.0 }
  - { id: small, expr: value.amount < 10.0, mode: mark }
producers: [{ match: { clientId: old }, mode: observe }]`

  it.each([
    ['accept', 'record: { value: { amount: 5 } }'],
    ['reject', 'record: { value: { amount: -5 } }'],
    ['mark', 'record: { value: { amount: 50 } }'],
    ['observe', 'record: { value: { amount: -5 }, clientId: old }'],
    ['undecidable', 'record: { value: {} }'],
    ['reject', 'record: { value: { amount: 5 }, headers: { source: WEB } }'],
    ['reject', 'record: { value: { amount: 5 }, headers: [[source, web], [source, null]] }'],
    ['reject', 'record: { valueHex: "7b" }'],
    ['reject', 'record: { value: null }']
  ])('gives %s for %s', (expected, text) => {
    expect(one({ policy }, `{ name: a, ${text}, expect: ${expected} }`)).toMatchObject({
      passed: true,
      differences: [],
      fault: null
    })
  })

  it.each([
    ['quarantine', 'record: { value: { amount: -5 } }'],
    ['reject', 'record: { value: { amount: -5 }, headers: { source: X } }'],
    ['quarantine', 'record: { value: { amount: -50 } }'],
    ['undecidable', 'record: { value: {} }']
  ])('of a policy that quarantines gives %s for %s, the strictest', (expected, text) => {
    const quarantining = policy.replace('mode: reject', 'mode: quarantine\nchecks: { header:source: { mode: reject } }')
    expect(one({ policy: quarantining }, `{ name: a, ${text}, expect: ${expected} }`)).toMatchObject({ passed: true })
  })

  it('says what came out instead, and why', () => {
    const result = one({ policy }, '{ name: a, record: { value: { amount: -5 } }, expect: accept }')
    expect(result).toMatchObject({ passed: false, line: 3, file: 'policy.cases.yaml' })
    expect(result.differences).toEqual(['expected accept, got reject (positive: does not hold: value.amount > 0.0)'])
  })

  it('with violations wants exactly these', () => {
    const text = (violations: string): string =>
      `{ name: a, record: { value: { amount: 50 } }, expect: mark, ${violations} }`
    expect(one({ policy }, text('violations: [{ rule: small, path: value.amount }]')).passed).toBe(true)
    expect(one({ policy }, text('violations: [{ rule: small }]')).passed).toBe(true)
    expect(one({ policy }, text('violations: [{ rule: small, path: value }]')).differences).toHaveLength(2)
    expect(one({ policy }, text('violations: []')).differences).toEqual([
      'violation of small at value.amount was not expected: does not hold: value.amount < 10.0'
    ])
  })

  it('with violationsInclude wants at least these, each of its own', () => {
    const bad = 'record: { value: { amount: -1 }, headers: { source: X } }, expect: reject'
    expect(one({ policy }, `{ name: a, ${bad}, violationsInclude: [{ rule: positive }] }`).passed).toBe(true)
    expect(
      one({ policy }, `{ name: a, ${bad}, violationsInclude: [{ rule: positive }, { rule: positive }] }`).passed
    ).toBe(false)
  })

  it('has a timestamp that does not depend on the day it runs', () => {
    const fixed = `${head}rules: [{ id: a, expr: 'timestamp == timestamp("2026-01-01T00:00:00Z")' }]`
    expect(one({ policy: fixed }, '{ name: a, record: { value: x }, expect: accept }').passed).toBe(true)
    expect(
      one({ policy: fixed }, '{ name: a, record: { value: x, timestamp: 1767225600000 }, expect: accept }').passed
    ).toBe(true)
    expect(
      one({ policy: fixed }, '{ name: a, record: { value: x, timestamp: 2026-01-01T01:00:00+01:00 }, expect: accept }')
        .passed
    ).toBe(true)
  })

  it('is about the first topic of the policy, or the one it names', () => {
    const topics =
      'apiVersion: kontrakt/v1\ntopics: ["shop.*.v1"]\nrules: [{ id: a, expr: topic == "shop.x.v1" && partition == 3 }]'
    expect(one({ policy: topics }, '{ name: a, record: { value: x, partition: 3 }, expect: accept }').passed).toBe(true)
    expect(one({ policy: topics }, '{ name: a, record: { value: x, topic: shop.y.v1 }, expect: observe }').passed).toBe(
      true
    )
    expect(one({ policy: topics }, '{ name: a, record: { value: x, topic: other }, expect: accept }').fault?.code).toBe(
      'bad-case'
    )
  })

  it('keeps integers beyond 2^53 exact on their way into JSON', () => {
    const schema = { 's.json': '{"type":"object","properties":{"n":{"type":"integer"}}}' }
    const strict = `${head}mode: reject\nvalue: { format: json, schema: { file: s.json } }`
    const result = one(
      { policy: strict, files: schema },
      '{ name: a, record: { value: { n: 9007199254740993 } }, expect: reject, violations: [{ rule: schema, path: value.n }] }'
    )
    expect(result).toMatchObject({ passed: true })
  })

  it('whose value its schema cannot write says so, with the way out', () => {
    const files = { 's.avsc': '{"type":"record","name":"R","fields":[{"name":"n","type":"int"}]}' }
    const avro = `${head}value: { format: avro, schema: { file: s.avsc } }`
    const { fault } = one({ policy: avro, files }, '{ name: a, record: { value: { n: text } }, expect: reject }')
    expect(fault).toMatchObject({ code: 'bad-case', remedy: expect.stringContaining('valueHex') as string })
  })

  it('cannot ask for a version of a schema that is a file', () => {
    const { fault } = one({ policy }, '{ name: a, record: { value: {}, schemaVersion: 2 }, expect: accept }')
    expect(fault?.code).toBe('bad-case')
  })
})

describe('cases of a registry schema', () => {
  const policy = `${head}mode: reject
value:
  format: avro
  framing: confluent
  schema: { registry: { subject: { strategy: topic-name }, versions: { last: 2 } } }
rules: [{ id: positive, expr: value.n > 0 }]`
  const avro = (fields: string): string => `{"type":"record","name":"shop.R","fields":[${fields}]}`
  const int = '{"name":"n","type":"int"}'
  const copy = (version: number, source: string, subject = 't-value'): SchemaCopy => ({
    id: 100 + version,
    subject,
    version,
    context: null,
    format: 'avro',
    source,
    references: []
  })
  const saved = (...copies: SchemaCopy[]): Map<string, Buffer> =>
    new Map([...renderCopies(copies)].map(([path, text]) => [path, Buffer.from(text)]))
  const read = (files: ReadonlyMap<string, Buffer>): RegistryCopies | null => {
    const result = readCopies(filesInMemory(files), (path) => path)
    if (!result.ok) throw new Error(JSON.stringify(result.diagnostics))
    return result.copies
  }
  const three = saved(
    copy(1, avro(int)),
    copy(2, avro(`${int},{"name":"a","type":"int"}`)),
    copy(3, avro(`${int},{"name":"b","type":"int"}`))
  )

  it('fail with the command to run when no copy was saved', () => {
    const { fault } = one({ policy }, '{ name: a, record: { value: { n: 1 } }, expect: accept }')
    expect(fault).toMatchObject({ code: 'missing-copy', remedy: 'run: kontrakt check --registry --save' })
    expect(
      one({ policy, copies: read(three) }, '{ name: a, record: { value: {}, schemaVersion: 9 }, expect: accept }').fault
        ?.code
    ).toBe('missing-copy')
  })

  it('are written with the newest admitted version, or the one they name', () => {
    const copies = read(three)
    expect(one({ policy, copies }, '{ name: a, record: { value: { n: 1, b: 2 } }, expect: accept }')).toMatchObject({
      passed: true
    })
    expect(
      one({ policy, copies }, '{ name: a, record: { schemaVersion: 2, value: { n: 1, a: 2 } }, expect: accept }')
    ).toMatchObject({ passed: true })
    expect(
      one(
        { policy, copies },
        '{ name: a, record: { value: { n: -1, b: 2 } }, expect: reject, violations: [{ rule: positive, path: value.n }] }'
      )
    ).toMatchObject({ passed: true })
  })

  it('see a version that is not admitted refused', () => {
    const text =
      '{ name: a, record: { schemaVersion: 1, value: { n: 1 } }, expect: reject, violations: [{ rule: schema-id, path: value }] }'
    expect(one({ policy, copies: read(three) }, text)).toMatchObject({ passed: true })
  })

  it('run raw bytes without any copy', () => {
    const text =
      '{ name: a, record: { valueHex: "0000000063" }, expect: reject, violationsInclude: [{ rule: schema-id }] }'
    expect(one({ policy, copies: read(three) }, text)).toMatchObject({ passed: true })
  })

  it.each([
    ['record-name', 'shop.R'],
    ['topic-record-name', 't-shop.R']
  ])('find the copies of strategy %s', (strategy, subject) => {
    const copies = read(saved(copy(1, avro(int), subject), copy(2, avro(int), 'other')))
    const text = '{ name: a, record: { value: { n: 1 } }, expect: accept }'
    expect(one({ policy: policy.replace('topic-name', strategy), copies }, text)).toMatchObject({ passed: true })
  })

  it('are told when a copy was edited, is gone or the lock file is not ours', () => {
    const codes = (change: (files: Map<string, Buffer>) => void): string[] => {
      const files = new Map(three)
      change(files)
      const result = readCopies(filesInMemory(files), (path) => path)
      return result.ok ? [] : result.diagnostics.map(({ code }) => code)
    }
    const name = [...three.keys()].find((path) => path.endsWith('.avsc'))!
    const lock = 'schemas/.registry/lock.json'
    expect(codes((files) => files.set(name, Buffer.from('"int"')))).toEqual(['bad-schema'])
    expect(codes((files) => files.delete(name))).toEqual(['file-missing'])
    expect(codes((files) => files.set(lock, Buffer.from('{')))).toEqual(['bad-schema'])
    expect(
      codes((files) =>
        files.set(
          lock,
          Buffer.from(
            three
              .get(lock)!
              .toString()
              .replaceAll(/"file": "[^"]*"/g, '"file": "../../secret"')
          )
        )
      )
    ).toEqual(['bad-schema'])
    expect(codes((files) => files.delete(lock))).toEqual([])
  })

  it('survive a round trip with references', async () => {
    const json: SchemaCopy = {
      id: 7,
      subject: 't-value',
      version: 1,
      context: '.eu',
      format: 'json',
      source: '{"type":"object","properties":{"c":{"$ref":"customer.json"}}}',
      references: [{ name: 'customer.json', source: '{"type":"string"}' }]
    }
    const copies = read(saved(json))
    const query = {
      topic: 't',
      side: 'value',
      format: 'json',
      subject: { name: 't-value' },
      versions: { kind: 'any' }
    } as const
    expect(await copies?.admitted({ ...query, context: '.eu' })).toMatchObject([{ id: 7, version: 1 }])
    expect(await copies?.admitted({ ...query, context: null })).toEqual([])
  })

  it('hold the same bytes however the schemas were ordered', () => {
    const [a, b] = [copy(1, avro(int)), copy(2, '"int"')]
    expect([...renderCopies([a, b])].sort()).toEqual([...renderCopies([b, a])].sort())
  })
})
