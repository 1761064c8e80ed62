import { describe, expect, it } from 'vitest'
import type { CompiledPolicy } from '../../../../src/contracts/compile.ts'
import { RecordAcceptor } from '../../../../src/contracts/compiled/record-acceptor.ts'
import { howJudged } from '../../../../src/contracts/compiled/explain.ts'
import { FindingsInFull } from '../../../../src/contracts/findings.ts'
import { sideReader } from '../../../../src/contracts/payload-side.ts'
import { planFor } from '../../../../src/contracts/plan.ts'
import { RecordJudge } from '../../../../src/contracts/record-judge.ts'
import type { SchemaSource } from '../../../../src/contracts/schema-source.ts'
import { contractOf, FakeSource, framed, head, judgeAll, policyOf, recordsOf } from '../../../support/contracts.ts'
import type { TestRecord } from '../../../support/contracts.ts'
import { Random } from '../../../simulation/random.ts'

const reject = `${head}mode: reject\n`
const context = { topic: 't', partition: 3, producer: { clientId: 'c', principal: null } }

interface Verdict {
  readonly accepted: boolean
  /** The reference finds nothing. */
  readonly clean: boolean
}

/** Judges each record by the compiled contract and by the reference. */
function bothWays(policy: CompiledPolicy, given: readonly TestRecord[], source: SchemaSource | null = null): Verdict[] {
  const plan = planFor(policy, policy.modes.profiles[0]!)
  const records = recordsOf(given)
  const side = (name: 'key' | 'value'): ReturnType<ReturnType<typeof sideReader>['openBatch']> =>
    sideReader(policy, name, 't', source).openBatch()
  const acceptor = new RecordAcceptor({ policy, plan, key: side('key'), value: side('value') }, records, context)
  const judge = new RecordJudge({ policy, plan, key: side('key'), value: side('value') }, records, context)
  const findings = new FindingsInFull()
  return given.map((_, index) => {
    const accepted = acceptor.accepts(index)
    judge.judge(index, findings)
    return { accepted, clean: findings.take() === null }
  })
}

const order = {
  'order.json': JSON.stringify({
    type: 'object',
    required: ['id', 'amount'],
    properties: {
      id: { type: 'string' },
      amount: { type: 'number' },
      count: { type: 'integer' },
      currency: { enum: ['EUR', 'USD'] },
      customer: { type: 'object', properties: { country: { type: 'string' } } }
    }
  })
}
const typed = 'value: { format: json, framing: none, schema: { file: order.json } }\n'
const json = (value: unknown): string => JSON.stringify(value)
const good = { id: 'a1', amount: 2.5, count: 3, currency: 'EUR', customer: { country: 'DE' } }

const rules = `rules:
  - { id: positive, expr: value.amount > 0.0 }
  - { id: currency, expr: 'value.currency in ["EUR", "USD"]', when: has(value.currency) }
  - { id: country, expr: 'value.customer.country != "XX"', when: has(value.customer.country) }
  - { id: here, expr: 'topic == "t" && partition < 10' }
  - { id: traced, expr: 'headers["trace"] != "0"', when: has(headers.trace) }
fields:
  value.count: { min: 1, max: 100 }
  value.id: { required: true, minLength: 2, maxLength: 8, matches: '^[a-z][0-9]+$' }
`

describe('a record that keeps its contract', () => {
  it('is accepted without a look at the reference', () => {
    const policy = policyOf(reject + typed + rules, order)
    expect(howJudged(policy)).toEqual({ kind: 'compiled' })
    const records = [
      { value: json(good) },
      { value: json({ ...good, currency: undefined }), headers: [['trace', '7']] }
    ]
    expect(bothWays(policy, records as TestRecord[])).toEqual([
      { accepted: true, clean: true },
      { accepted: true, clean: true }
    ])
  })

  it('is not accepted when it breaks any one check', () => {
    const policy = policyOf(`${reject}${typed}${rules}headers:\n  source: { required: true, in: [web, app] }\n`, order)
    const headers: [string, string][] = [['source', 'web']]
    const fine: TestRecord = { value: json(good), headers }
    const broken: TestRecord[] = [
      { ...fine, value: json({ ...good, amount: 0 }) },
      { ...fine, value: json({ ...good, amount: 'x' }) },
      { ...fine, value: json({ ...good, currency: 'GBP' }) },
      { ...fine, value: json({ ...good, customer: { country: 'XX' } }) },
      { ...fine, value: json({ ...good, count: 0 }) },
      { ...fine, value: json({ ...good, count: 101 }) },
      { ...fine, value: json({ ...good, id: 'A1' }) },
      { ...fine, value: json({ ...good, id: 'a23456789' }) },
      { ...fine, value: '{' },
      { value: json(good), headers: [['source', 'elsewhere']] },
      { value: json(good) },
      { ...fine, headers: [...headers, ['trace', '0']] }
    ]
    expect(bothWays(policy, [fine])).toEqual([{ accepted: true, clean: true }])
    expect(bothWays(policy, broken)).toEqual(broken.map(() => ({ accepted: false, clean: false })))
  })

  it('may be a tombstone or without a key where nothing looks inside, and only there', () => {
    const policy = policyOf(reject + typed.replace('format', 'nulls: allow, format'), order)
    expect(bothWays(policy, [{ value: null }])).toEqual([{ accepted: true, clean: true }])
    expect(bothWays(policyOf(`${reject}${typed}key: { required: true }\n`, order), [{ value: json(good) }])).toEqual([
      { accepted: false, clean: false }
    ])
    expect(bothWays(policyOf(reject + typed, order), [{ value: null }])[0]!.accepted).toBe(false)
  })

  it('has the key that its field demands', () => {
    const policy = policyOf(`${reject}${typed}key: { format: string, equals: value.id }\n`, order)
    expect(howJudged(policy)).toEqual({ kind: 'compiled' })
    const records = [
      { key: 'a1', value: json(good) },
      { key: 'a2', value: json(good) },
      { key: null, value: json(good) }
    ]
    const verdicts = bothWays(policy, records)
    expect(verdicts[0]).toEqual({ accepted: true, clean: true })
    expect(verdicts.slice(1).map(({ accepted }) => accepted)).toEqual([false, false])
  })
})

describe('records of several registered schemas', () => {
  const yaml = `value: { format: avro, framing: confluent, schema: { registry: { subject: { strategy: topic-name }, versions: { last: 3 } } } }\nrules: [{ id: positive, expr: value.n > 0 }]\n`
  const record = (...fields: object[]): string => json({ type: 'record', name: 'R', fields })
  const source = new FakeSource()
    .add(1, 'avro', record({ name: 'n', type: 'long' }))
    .add(2, 'avro', record({ name: 's', type: 'string' }, { name: 'n', type: 'int' }))
    .add(3, 'avro', record({ name: 's', type: 'string' }))

  it('are each judged by their own, and those whose schema lacks the field by the reference', () => {
    const policy = policyOf(reject + yaml)
    expect(howJudged(policy)).toEqual({ kind: 'by-schema' })
    const one = framed(1, Buffer.from([2]))
    const two = framed(2, Buffer.from([2, 0x61, 4]))
    const records = [one, two, one, two, framed(3, Buffer.from([2, 0x61])), framed(1, Buffer.from([1])), framed(9, '')]
    const verdicts = bothWays(
      policy,
      records.map((value) => ({ value })),
      source
    )
    expect(verdicts.map(({ accepted }) => accepted)).toEqual([true, true, true, true, false, false, false])
    expect(verdicts.map(({ clean }) => clean)).toEqual([true, true, true, true, false, false, false])
  })
})

describe('whatever the record', () => {
  it('what is accepted is what the reference finds clean', () => {
    const policy = policyOf(`${reject}${typed}${rules}key: { format: string, equals: value.id }\n`, order)
    const random = new Random(20_261_121)
    const any = (...from: readonly unknown[]): unknown => (random.chance(0.7) ? from[0] : random.pick(from))
    const given = Array.from({ length: 4_000 }, (): TestRecord => {
      const id = any('a1', 'b22', 'c3', 'd4', 'Z', 'a123456789', '\u00e91', 7)
      const value = {
        id,
        amount: any(1, 0.5, 7, 0, -1, 1e300, 'x', null, undefined),
        count: any(1, 100, 0, 101, 2.5, 2 ** 53, null, undefined),
        currency: any('EUR', 'USD', 'GBP', null, undefined),
        customer: any({ country: 'DE' }, { country: 'XX' }, {}, null, undefined, [], { country: null }),
        [random.pick(['note', '__proto__', 'id\u2028'])]: any('text', '\ud83d\ude00', 'a\\"b', {}, [[]])
      }
      const text = json(value)
      const cut = text.slice(0, random.whole(0, text.length - 1))
      const headers = random.pick<[string, string][]>([[], [['trace', '1']], [['trace', '0']]])
      const key = random.pick([typeof id === 'string' ? id : 'a1', 'a1', null])
      return { key, value: random.pick([text, text, text, text, cut, ` ${text}\n`, `${text}x`]), headers }
    })
    const verdicts = bothWays(policy, given)
    const wrong = verdicts.findIndex(({ accepted, clean }) => accepted && !clean)
    expect(wrong === -1 ? null : given[wrong]).toBeNull()
    const clean = verdicts.filter((verdict) => verdict.clean)
    expect(clean.length).toBeGreaterThan(200)
    expect(clean.filter(({ accepted }) => accepted).length / clean.length).toBeGreaterThan(0.95)
  })

  it('a batch comes to the same judgement', () => {
    const contract = contractOf(reject + typed + rules, { files: order })
    const judged = judgeAll(contract, [{ value: json(good) }, { value: json({ ...good, amount: -1 }) }])
    expect(judged).toMatchObject({ recordCount: 2, examined: 1, records: [{ index: 1 }] })
  })
})
