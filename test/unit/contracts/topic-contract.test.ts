import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findingLimits } from '../../../src/contracts/findings.ts'
import type { TopicContract } from '../../../src/contracts/judgement.ts'
import {
  anybody,
  contractOf,
  head,
  judgeAll,
  judgeOne,
  recordsOf,
  undecidedOf,
  violationsOf
} from '../../support/contracts.ts'

const reject = `${head}mode: reject\n`
const order = {
  's.json': JSON.stringify({
    type: 'object',
    additionalProperties: false,
    properties: {
      id: { type: 'string' },
      number: { type: 'integer' },
      amount: { type: 'number' },
      vat: { type: ['string', 'null'] },
      items: {
        type: 'array',
        items: { type: 'object', additionalProperties: false, properties: { sku: { type: 'string' } } }
      }
    }
  })
}
const typed = `${reject}value: { format: json, schema: { file: s.json } }\n`

function json(value: unknown): string {
  return JSON.stringify(value)
}

function ordersContract(yaml: string): TopicContract {
  return contractOf(typed + yaml, { files: order })
}

describe('a payload', () => {
  it('that decodes and keeps every rule is clean', () => {
    const contract = ordersContract('rules: [{ id: a, expr: value.amount > 0.0 }]')
    expect(judgeAll(contract, [{ value: json({ amount: 1 }) }, { value: json({ amount: 2 }) }])).toEqual({
      recordCount: 2,
      records: [],
      unlisted: 0,
      judgedToEnd: true,
      examined: 0
    })
  })

  it('that does not decode breaks the check schema, told with path, expectation and type', () => {
    const judged = judgeOne(ordersContract(''), { value: json({ amount: 'secret' }) })
    expect(judged?.violations).toMatchObject([
      { rule: 'schema', path: 'value.amount', mode: 'reject', found: 'string' }
    ])
    expect(json(judged)).not.toContain('secret')
  })

  it('with a duplicate key, or an integer beyond 2^53, breaks schema in words of its own', () => {
    const messages = ['{"id":"a","id":"b"}', '{"number":9007199254740993}'].map(
      (value) => judgeOne(ordersContract(''), { value })?.violations[0]?.message ?? ''
    )
    expect(messages[0]).toMatch(/twice|duplicate/i)
    expect(messages[1]).not.toBe(messages[0])
    expect(messages[1]).not.toBe('')
  })

  it('in Avro with bytes left over breaks schema with the byte offset', () => {
    const files = { 's.avsc': '"int"' }
    const contract = contractOf(`${reject}value: { format: avro, schema: { file: s.avsc } }`, { files })
    expect(violationsOf(contract, { value: Buffer.from([2]) })).toEqual([])
    expect(judgeOne(contract, { value: Buffer.from([2, 0]) })?.violations[0]?.message).toMatch(/\(byte 1\)/)
  })

  it.each([
    ['truncated', '02'],
    ['an array count that the bytes cannot hold', '04feffffffffffffffff01'],
    ['a boolean byte 2', '000002'],
    ['empty', '']
  ])('in Avro, %s, breaks schema and allocates nothing by it', (_what, hex) => {
    const schema = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: { type: 'array', items: 'null' } },
        { name: 's', type: 'string' },
        { name: 'b', type: 'boolean' }
      ]
    }
    const contract = contractOf(`${reject}value: { format: avro, schema: { file: s.avsc } }`, {
      files: { 's.avsc': json(schema) }
    })
    expect(violationsOf(contract, { value: Buffer.from(hex, 'hex') }).every((text) => text.startsWith('schema'))).toBe(
      true
    )
    expect(violationsOf(contract, { value: Buffer.from(hex, 'hex') })).not.toEqual([])
  })

  it('that must be text breaks schema when it is not UTF-8', () => {
    const contract = contractOf(`${reject}value: { format: string }`)
    expect(violationsOf(contract, { value: Buffer.from([0xc3, 0x28]) })).toEqual(['schema value'])
    expect(violationsOf(contract, { value: 'naïve' })).toEqual([])
  })

  it('that is JSON without a schema only has to be JSON', () => {
    const contract = contractOf(`${reject}value: { format: json }\nrules: [{ id: a, expr: "has(value.a.b)" }]`)
    expect(violationsOf(contract, { value: '{"a":{"b":1}}' })).toEqual([])
    expect(violationsOf(contract, { value: '{"a":{}}' })).toEqual(['a value.a.b'])
    expect(violationsOf(contract, { value: '{a:1}' })).toEqual(['schema value'])
  })

  it('of the default format bytes is never decoded', () => {
    expect(violationsOf(contractOf(reject), { value: Buffer.from([0xff]) })).toEqual([])
  })
})

describe('a key', () => {
  const keyed = (text: string): TopicContract => ordersContract(`key: ${text}`)

  it('that is required must be there', () => {
    expect(violationsOf(keyed('{ required: true }'), { key: null, value: '{}' })).toEqual(['key key'])
    expect(violationsOf(keyed('{ required: true }'), { key: '', value: '{}' })).toEqual([])
    expect(violationsOf(keyed('{ format: string }'), { key: null, value: '{}' })).toEqual([])
  })

  it('that does not decode breaks the check key', () => {
    expect(violationsOf(keyed('{ format: string }'), { key: Buffer.from([0xff]), value: '{}' })).toEqual(['key key'])
    expect(violationsOf(keyed('{ format: json }'), { key: '{', value: '{}' })).toEqual(['key key'])
  })

  it.each([
    ['{ format: string, equals: value.id }', 'o-1', { id: 'o-1' }, true],
    ['{ format: string, equals: value.id }', 'o-2', { id: 'o-1' }, false],
    ['{ equals: value.id }', 'o-1', { id: 'o-1' }, true],
    ['{ format: string, equals: value.number }', '42', { number: 42 }, true],
    ['{ format: string, equals: value.number }', '042', { number: 42 }, false],
    ['{ format: json, equals: value.number }', '42', { number: 42 }, true],
    ['{ format: string, equals: value.id }', 'o-1', {}, false],
    ['{ format: string, equals: value.id }', null, { id: 'o-1' }, false],
    ['{ format: string, equals: value.id }', null, {}, true]
  ])('%s is compared: %j and %j', (text, key, value, equal) => {
    expect(violationsOf(keyed(text), { key, value: json(value) })).toEqual(equal ? [] : ['key-equals key'])
  })
})

describe('a tombstone', () => {
  const rules = `key: { format: string, equals: value.id }
headers: { h: { required: true } }
fields: { value.id: { required: true }, key: { minLength: 2 } }
rules:
  - { id: of-value, expr: has(value.id) }
  - { id: of-key, expr: key.startsWith("o-") }`

  it('is refused by default, with nothing said of the value', () => {
    const contract = ordersContract(rules)
    expect(violationsOf(contract, { key: 'o-1', value: null, headers: [['h', 'x']] })).toEqual(['nulls value'])
  })

  it('that is allowed skips every check that mentions the value; key, headers and the rest run', () => {
    const contract = contractOf(typed.replace('json,', 'json, nulls: allow,') + rules, { files: order })
    expect(violationsOf(contract, { key: 'o-1', value: null, headers: [['h', 'x']] })).toEqual([])
    expect(violationsOf(contract, { key: 'x', value: null })).toEqual([
      'header:h headers.h',
      'field:key key',
      'of-key key'
    ])
  })

  it('is not an empty value', () => {
    expect(violationsOf(contractOf(`${reject}value: { format: string }`), { value: '' })).toEqual([])
  })
})

describe('headers', () => {
  const contract = contractOf(
    `${reject}headers: { source: { required: true, matches: "^[a-z]+$" }, trace: { maxLength: 3 } }`
  )

  it.each<[string, readonly (readonly [string, string | Buffer | null])[], string[]]>([
    ['good', [['source', 'web']], []],
    ['absent', [], ['header:source headers.source']],
    ['another case', [['Source', 'web']], ['header:source headers.source']],
    ['a longer name', [['source2', 'web']], ['header:source headers.source']],
    ['wrong', [['source', 'WEB']], ['header:source headers.source']],
    [
      'right, then wrong',
      [
        ['source', 'web'],
        ['source', 'X']
      ],
      ['header:source headers.source[1]']
    ],
    [
      'wrong twice',
      [
        ['source', 'X'],
        ['source', 'Y']
      ],
      ['header:source headers.source', 'header:source headers.source[1]']
    ],
    ['null', [['source', null]], ['header:source headers.source']],
    ['not UTF-8', [['source', Buffer.from([0xff])]], ['header:source headers.source']],
    [
      'optional and wrong',
      [
        ['source', 'web'],
        ['trace', 'long']
      ],
      ['header:trace headers.trace']
    ],
    [
      'optional and absent',
      [
        ['source', 'web'],
        ['other', 'x']
      ],
      []
    ]
  ])('are checked in every occurrence: %s', (_what, headers, expected) => {
    expect(violationsOf(contract, { value: '', headers })).toEqual(expected)
  })

  it('are never walked for a topic that has no rule on them', () => {
    const records = recordsOf([{ value: '{"amount":1}', headers: [['a', 'b']] }])
    ordersContract('rules: [{ id: a, expr: value.amount > 0.0 }]').judge(records, {
      topic: 't',
      partition: 0,
      producer: anybody
    })
    expect(records.headerWalks).toBe(0)
  })

  it('are walked once per record for any number of checks', () => {
    const records = recordsOf([{ value: '', headers: [['a', 'b']] }])
    contractOf(`${reject}headers: { a: { required: true }, b: { maxLength: 1 } }`).judge(records, {
      topic: 't',
      partition: 0,
      producer: anybody
    })
    expect(records.headerWalks).toBe(1)
  })

  it('in rules are the last value of a name, and all of them on request', () => {
    const yaml = `${reject}rules:
  - { id: last, expr: 'headers["source"] == "app"' }
  - { id: all, expr: 'headerValues("source") == [b"web", b"app"]' }
  - { id: none, expr: 'headerValues("other").size() == 0 && !("other" in headers)' }`
    expect(
      violationsOf(contractOf(yaml), {
        value: '',
        headers: [
          ['source', 'web'],
          ['source', 'app']
        ]
      })
    ).toEqual([])
    expect(violationsOf(contractOf(yaml), { value: '', headers: [['source', 'app']] })).toEqual(['all'])
  })

  it('that are not UTF-8 make a rule that reads them undecidable', () => {
    const yaml = `${reject}rules: [{ id: a, expr: 'headers["h"] == "x"' }]`
    expect(undecidedOf(contractOf(yaml), { value: '', headers: [['h', Buffer.from([0xff])]] })).toEqual([
      'a rule-error'
    ])
  })
})

describe('rules', () => {
  it('see timestamp, topic and partition', () => {
    const yaml = `${reject}rules: [{ id: a, expr: 'timestamp == timestamp("2026-01-01T00:00:00.250Z") && topic == "t" && partition == 0' }]`
    expect(violationsOf(contractOf(yaml), { value: '', timestampMs: 1_767_225_600_250 })).toEqual([])
    expect(violationsOf(contractOf(yaml), { value: '', timestampMs: -1 })).toEqual(['a'])
  })

  it('hold where when is not true', () => {
    const contract = ordersContract('rules: [{ id: a, when: value.amount > 10.0, expr: has(value.vat) }]')
    expect(violationsOf(contract, { value: json({ amount: 5 }) })).toEqual([])
    expect(violationsOf(contract, { value: json({ amount: 50 }) })).toEqual(['a value.vat'])
  })

  it('tell their message and docs, or the expression', () => {
    const contract = ordersContract(
      'rules: [{ id: a, expr: value.amount > 1.0, message: too low, docs: "https://d" }, { id: b, expr: value.amount > 2.0 }]'
    )
    expect(judgeOne(contract, { value: json({ amount: 0 }) })?.violations).toMatchObject([
      { rule: 'a', path: 'value.amount', message: 'too low', docs: 'https://d' },
      { rule: 'b', path: 'value.amount', message: 'does not hold: value.amount > 2.0' }
    ])
  })

  it('that err on a record are undecidable, not broken', () => {
    const contract = ordersContract(
      'rules: [{ id: a, expr: value.amount > 1.0 }, { id: b, when: value.amount > 1.0, expr: "true" }]'
    )
    expect(undecidedOf(contract, { value: '{}' })).toEqual(['a rule-error', 'b rule-error'])
    expect(violationsOf(contract, { value: '{}' })).toEqual([])
  })

  it('over JSON without a schema that give no bool are undecidable', () => {
    const contract = contractOf(`${reject}value: { format: json }\nrules: [{ id: a, expr: value.a }]`)
    expect(undecidedOf(contract, { value: '{"a":1}' })).toEqual(['a rule-error'])
    expect(violationsOf(contract, { value: '{"a":false}' })).toEqual(['a value.a'])
  })

  it.each(['{}', '{"vat":null}'])('take what is absent or null for absent: %s', (value) => {
    const contract = ordersContract(`rules:
  - { id: has, expr: has(value.vat) }
  - { id: is-null, expr: value.vat == null }
  - { id: use, expr: value.vat.size() > 0 }`)
    expect(violationsOf(contract, { value })).toEqual(['has value.vat'])
    expect(undecidedOf(contract, { value })).toEqual(['use rule-error'])
  })

  it('may ask whether there is a key', () => {
    const contract = contractOf(`${reject}key: { format: string }\nrules: [{ id: a, expr: key != null }]`)
    expect(violationsOf(contract, { value: '', key: 'k' })).toEqual([])
    expect(violationsOf(contract, { value: '' })).toEqual(['a key'])
  })
})

describe('fields', () => {
  it('are told with the number of the item', () => {
    const contract = ordersContract('fields: { "value.items[].sku": { required: true, matches: "^[a-z]+$" } }')
    const value = json({ items: [{ sku: 'a' }, {}, { sku: 'B' }] })
    expect(violationsOf(contract, { value })).toEqual([
      'field:value.items[].sku value.items[1].sku',
      'field:value.items[].sku value.items[2].sku'
    ])
  })
})

describe('what is not needed', () => {
  it('is not decoded: with every check of the value off, broken values pass', () => {
    const contract = ordersContract('checks: { schema: { mode: off } }\nheaders: { h: { maxLength: 1 } }')
    expect(judgeOne(contract, { value: 'not json' })).toBeNull()
  })

  it('is not decoded for a producer whose checks of it are off', () => {
    const contract = ordersContract('producers: [{ match: { clientId: a }, mode: off }]')
    expect(judgeOne(contract, { value: 'not json' }, { clientId: 'a', principal: null })).toBeNull()
    expect(judgeOne(contract, { value: 'not json' }, { clientId: 'b', principal: null })).not.toBeNull()
  })
})

describe('a broken payload whose schema check is softer than a rule', () => {
  it('leaves the rule undecidable, so that it is not waved through', () => {
    const contract = ordersContract(
      'checks: { schema: { mode: observe } }\nrules: [{ id: a, expr: value.amount > 0.0 }]\nfields: { value.id: { required: true } }'
    )
    expect(violationsOf(contract, { value: 'not json' })).toEqual(['schema value'])
    expect(undecidedOf(contract, { value: 'not json' })).toEqual(['field:value.id rule-error', 'a rule-error'])
  })

  it('says nothing of rules that could not change the verdict', () => {
    const contract = ordersContract('rules: [{ id: a, expr: value.amount > 0.0, mode: observe }]')
    expect(undecidedOf(contract, { value: 'not json' })).toEqual([])
  })
})

describe('bounds of one batch', () => {
  it('tell the first thousand bad records in full and the rest in brief, in shared objects', () => {
    const contract = ordersContract('rules: [{ id: a, expr: value.amount > 0.0 }]')
    const { records } = judgeAll(
      contract,
      Array.from({ length: findingLimits.detailedRecords + 2 }, () => ({ value: '{"amount":-1}' }))
    )
    expect(records).toHaveLength(findingLimits.detailedRecords + 2)
    expect(records[findingLimits.detailedRecords - 1]?.violations[0]?.path).toBe('value.amount')
    const brief = records.slice(-2)
    expect(brief[0]?.violations).toMatchObject([{ rule: 'a', path: '', mode: 'reject' }])
    expect(brief[0]?.violations).toBe(brief[1]?.violations)
  })

  it('end the judging of a batch that is refused anyway', () => {
    const count = findingLimits.listedRecords + 10
    const records = { ...recordsOf([{ value: null }]), count, keyLength: () => -1, valueLength: () => -1 }
    const judged = contractOf(reject).judge(records, { topic: 't', partition: 0, producer: anybody })
    expect(judged.recordCount).toBe(count)
    expect(judged.records).toHaveLength(findingLimits.listedRecords)
    const watched = contractOf(head).judge(records, { topic: 't', partition: 0, producer: anybody })
    expect(watched.records).toHaveLength(findingLimits.listedRecords)
    expect(watched.unlisted).toBe(10)
  })

  const context = { topic: 't', partition: 0, producer: anybody }
  /** So many tombstones, and values before and behind them. */
  const manyNulls = (before: string, behind: string): ReturnType<typeof recordsOf> => {
    const two = recordsOf([{ value: before }, { value: behind }, { value: null }])
    const count = findingLimits.listedRecords + 20
    const place = (index: number): number => (index === 0 ? 0 : index === count - 10 ? 1 : 2)
    return {
      ...two,
      count,
      keyLength: () => -1,
      valueLength: (index) => two.valueLength(place(index)),
      valueStart: (index) => two.valueStart(place(index))
    }
  }

  it('list the record that refuses the batch, however many were only watched before it', () => {
    const yaml = `${head}mode: reject\nchecks: { nulls: { mode: observe } }\nvalue: { format: string }\nrules: [{ id: a, expr: value != "bad" }]`
    const judged = contractOf(yaml).judge(manyNulls('fine', 'bad'), context)
    expect(judged.records.at(-1)).toMatchObject({
      index: judged.recordCount - 10,
      violations: [{ rule: 'a', mode: 'reject' }]
    })
    expect(judged.records).toHaveLength(findingLimits.listedRecords + 1)
    const undecidable = `${yaml}\nonUndecidable: reject`.replace('value != "bad"', 'value == "fine" || int(value) > 0')
    const open = contractOf(undecidable).judge(manyNulls('fine', 'bad'), context)
    expect(open.records.at(-1)).toMatchObject({
      index: open.recordCount - 10,
      undecided: [{ rule: 'a', mode: 'reject' }]
    })
    expect(open.records.length + open.unlisted).toBe(open.recordCount - 1)
  })

  it('keep 16 undecided checks of a record and the strictest of the rest', () => {
    const rules = Array.from(
      { length: 200 },
      (_, i) => `{ id: r${i}, expr: "1 / int(value) > 0"${i === 150 ? '' : ', mode: observe'} }`
    )
    const contract = contractOf(`${reject}value: { format: string }\nrules: [${rules.join(', ')}]`)
    const undecided = judgeOne(contract, { value: '0' })?.undecided ?? []
    expect(undecided).toHaveLength(findingLimits.undecidedPerRecord + 1)
    expect(undecided.at(-1)).toMatchObject({ rule: 'r150', mode: 'reject', message: '+184 more' })
  })
})

describe('judging in turns', () => {
  const context = { topic: 't', partition: 0, producer: anybody }
  const bad = (count: number): ReturnType<typeof recordsOf> =>
    recordsOf(Array.from({ length: count }, () => ({ value: '{"amount":-1}' })))
  const contract = ordersContract('rules: [{ id: a, expr: value.amount > 0.0 }]')

  it('pauses after 16 records at the latest, and finds the same', () => {
    const records = bad(100)
    const judging = contract.open(records, context)
    let turns = 1
    while (!judging.advance(() => true)) turns++
    expect(turns).toBeGreaterThanOrEqual(Math.ceil(100 / 16))
    expect(judging.result()).toEqual(contract.judge(records, context))
  })

  it('asks more often where the records are large', () => {
    const records = recordsOf(
      Array.from({ length: 10 }, () => ({ value: `{"amount":1,"note":"${'x'.repeat(5000)}"}` }))
    )
    let asked = 0
    contract.open(records, context).advance(() => ++asked < 0)
    expect(asked).toBe(9)
  })

  it('keeps its bounds from turn to turn', () => {
    const judging = contract.open(bad(findingLimits.detailedRecords + 40), context)
    while (!judging.advance(() => true));
    const [last, before] = judging
      .result()
      .records.slice(-2)
      .map(({ violations }) => violations)
    expect(last).toBe(before)
  })

  it('does not mix with another batch of the topic that is judged in between', () => {
    const headers = contractOf(`${reject}value: { nulls: allow }\nrules: [{ id: a, expr: headers.h == "x" }]`)
    const first = headers.open(
      recordsOf(Array.from({ length: 200 }, () => ({ value: '', headers: [['h', 'x']] as const }))),
      context
    )
    expect(first.advance(() => true)).toBe(false)
    expect(judgeAll(headers, [{ value: '', headers: [['h', 'y']] }]).records).toHaveLength(1)
    expect(first.advance(() => true)).toBe(true)
    expect(first.result().records).toEqual([])
  })
})

describe('judging never throws', () => {
  it('on any bytes in any place', () => {
    const avro =
      '{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"string"}},{"name":"m","type":{"type":"map","values":"long"}}]}'
    const rest =
      'key: { format: json, required: true }\nheaders: { h: { matches: "^a" } }\nrules: [{ id: a, expr: value.a.size() < 3 }]'
    const contract = contractOf(`${reject}value: { format: avro, schema: { file: s.avsc } }\n${rest}`, {
      files: { 's.avsc': avro }
    })
    const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
    fc.assert(
      fc.property(fc.option(bytes), fc.option(bytes), fc.option(bytes), (key, value, header) => {
        const judged = judgeAll(contract, [{ key, value, headers: [['h', header]] }])
        return (
          judged.recordCount === 1 &&
          judged.records.every(({ violations, undecided }) => violations.length + undecided.length > 0)
        )
      })
    )
  })

  it('even when the records themselves do', () => {
    const records = {
      ...recordsOf([{ value: '{}' }]),
      valueStart: (): number => {
        throw new Error('out of bounds')
      }
    }
    const judged = ordersContract('').judge(records, { topic: 't', partition: 0, producer: anybody })
    expect(judged.records[0]?.undecided).toMatchObject([{ mode: 'reject', cause: { kind: 'rule-error' } }])
  })
})
