import { describe, expect, it } from 'vitest'
import { diagnosticsOf, faultsOf, head, policyOf } from '../../../support/contracts.ts'

describe('a policy file', () => {
  it('needs only apiVersion and topics; the rest has the documented defaults', () => {
    const { model } = policyOf(head)
    expect(model.mode).toBe('observe')
    expect(model.onUndecidable).toBe('accept')
    expect(model.key).toMatchObject({ format: 'bytes', required: false, schema: { kind: 'none' } })
    expect(model.value).toMatchObject({ format: 'bytes', nulls: 'refuse', schema: { kind: 'none' } })
  })

  it.each([
    ['off', 'accept'],
    ['observe', 'accept'],
    ['mark', 'mark'],
    ['quarantine', 'quarantine'],
    ['reject', 'reject']
  ])('in mode %s decides the undecidable by %s unless it says otherwise', (mode, expected) => {
    expect(policyOf(`${head}mode: ${mode}`).model.onUndecidable).toBe(expected)
    expect(policyOf(`${head}mode: ${mode}\nonUndecidable: reject`).model.onUndecidable).toBe('reject')
  })

  it.each([
    ['no apiVersion', 'topics: t', ['1:1 missing-key']],
    ['another apiVersion', 'apiVersion: kontrakt/v2\ntopics: t', ['1:13 wrong-value']],
    ['no topics', 'apiVersion: kontrakt/v1', ['1:1 missing-key']],
    ['an empty file', '', ['1:1 wrong-type']],
    ['a list', '- a', ['1:1 wrong-type']],
    ['an empty list of topics', 'apiVersion: kontrakt/v1\ntopics: []', ['2:9 wrong-value']],
    ['a topic twice', 'apiVersion: kontrakt/v1\ntopics: [a, a]', ['2:9 wrong-value']],
    ['a mode that is none', `${head}mode: warn`, ['3:7 wrong-value']],
    ['an empty section', `${head}rules:`, ['3:1 wrong-type']],
    ['a field without constraints', `${head}fields: { value: {} }`, ['3:11 missing-key']],
    ['a rule without an id', `${head}rules: [{ expr: "true" }]`, ['3:9 missing-key']]
  ])('is refused with %s, at its place', (_what, yaml, expected) => {
    expect(faultsOf(yaml)).toEqual(expected)
  })

  it.each([
    ['at the top', `${head}onUndecideable: reject`, 'onUndecidable'],
    ['in a section', `${head}value: { fromat: json }`, 'format'],
    ['in a rule', `${head}rules: [{ id: a, exp: "true", expr: "true" }]`, 'expr'],
    ['in a header', `${head}headers: { h: { require: true } }`, 'required']
  ])('tells the key that was meant %s', (_where, yaml, meant) => {
    const [fault] = diagnosticsOf(yaml)
    expect(fault).toMatchObject({ code: 'unknown-key', remedy: `did you mean ${meant}?` })
  })

  it.each([
    ['quality: [{ id: volume }]', 1],
    ['time: { eventTime: value.at }', 1],
    ['notify: []', 1],
    ['contract: x.odcs.yaml', 1],
    ['value: { format: avro, framing: confluent-header }', 33],
    ['value: { format: avro, framing: glue }', 33],
    ['value: { format: avro, framing: apicurio }', 33],
    ['checks: { tripped: { mode: reject } }', 11],
    ['checks: { future-timestamp: { mode: reject } }', 11],
    ['producers: [{ match: { principal: "User:a" }, mode: observe }]', 24],
    ['value: { format: avro, framing: confluent, schema: { registry: { subject: { name: a }, rules: enforce } } }', 88]
  ])('refuses by name what the design has and this version does not: %s', (text, column) => {
    expect(faultsOf(head + text)).toEqual([`3:${column} not-yet`])
  })

  it('tells all faults at once, in the order of the file', () => {
    const yaml = `apiVersion: kontrakt/v1
topics: [ok, "not ok"]
fields:
  amount: { required: true }
  value: { min: 2, max: 1, matches: "(?=x)" }
checks: { schma: { mode: observe } }`
    expect(faultsOf(yaml)).toEqual([
      '2:14 bad-topic',
      '4:3 bad-path',
      '5:25 wrong-value',
      '5:37 bad-pattern',
      '6:11 unknown-check'
    ])
  })
})

describe('topics', () => {
  it.each([
    ['a b', 'bad-topic'],
    ['a/b', 'bad-topic'],
    ['a***', 'bad-topic'],
    ['.', 'bad-topic'],
    ['__consumer*', 'bad-topic'],
    ['kontrakt.*', 'bad-topic'],
    ['x'.repeat(250), 'bad-topic']
  ])('refuses %s', (topic, code) => {
    expect(diagnosticsOf(`apiVersion: kontrakt/v1\ntopics: "${topic}"`).map((fault) => fault.code)).toEqual([code])
  })

  it('may be one, or a list', () => {
    expect(policyOf('apiVersion: kontrakt/v1\ntopics: [a, b.*]').model.topics.map((topic) => topic.source)).toEqual([
      'a',
      'b.*'
    ])
  })
})

describe('framing and schema', () => {
  const registry = 'schema: { registry: { subject: { strategy: topic-name } } }'
  const file = 'schema: { file: s.avsc }'

  it.each([
    ['a registry without framing', `value: { format: avro, ${registry} }`, ['framing']],
    ['a registry with framing none', `value: { format: avro, framing: none, ${registry} }`, ['framing']],
    ['a file with framing', `value: { format: avro, framing: confluent, ${file} }`, ['framing']],
    ['framing without a schema', 'value: { format: json, framing: confluent }', ['framing']],
    ['avro without a schema', 'value: { format: avro }', ['missing-schema']],
    ['protobuf without a schema', 'key: { format: protobuf }', ['missing-schema']],
    ['text with a schema', `value: { format: string, ${file} }`, ['unused-key']],
    ['bytes with a schema, bytes being the default', `value: { ${file} }`, ['unused-key']],
    ['a message outside Protobuf', 'value: { format: avro, schema: { file: s.avsc, message: M } }', ['unused-key']],
    [
      'both places',
      'value: { format: avro, framing: confluent, schema: { file: s, registry: { subject: { name: n } } } }',
      ['unused-key']
    ],
    ['neither place', 'value: { format: protobuf, schema: { message: M } }', ['unused-key', 'missing-key']],
    [
      'a subject with strategy and name',
      'value: { format: avro, framing: confluent, schema: { registry: { subject: { name: n, strategy: record-name } } } }',
      ['unused-key']
    ],
    [
      'a subject with a context alone',
      'value: { format: avro, framing: confluent, schema: { registry: { subject: { context: .eu } } } }',
      ['missing-key']
    ],
    [
      'versions that are none',
      'value: { format: avro, framing: confluent, schema: { registry: { subject: { name: n }, versions: newest } } }',
      ['wrong-value']
    ],
    [
      'version 0',
      'value: { format: avro, framing: confluent, schema: { registry: { subject: { name: n }, versions: [0] } } }',
      ['wrong-value']
    ]
  ])('refuses %s', (_what, text, expected) => {
    expect(
      diagnosticsOf(head + text)
        .map((fault) => fault.code)
        .sort()
    ).toEqual(expected.sort())
  })

  it.each([
    ['any', { kind: 'any' }],
    ['latest', { kind: 'latest' }],
    ['{ last: 3 }', { kind: 'last', count: 3 }],
    ['{ from: 4 }', { kind: 'from', version: 4 }],
    ['[3, 4]', { kind: 'listed', versions: [3, 4] }]
  ])('reads versions: %s', (text, expected) => {
    const yaml = `${head}value:\n  format: avro\n  framing: confluent\n  schema: { registry: { subject: { name: n, context: .eu }, versions: ${text} } }`
    expect(policyOf(yaml).model.value.schema).toMatchObject({
      kind: 'registry',
      subject: { name: 'n' },
      context: '.eu',
      versions: expected
    })
  })

  it.each([['../x.avsc'], ['/etc/passwd'], ['a/../../x'], ['..'], ['C:/x'], ['a\\\\..\\\\x'], ['.']])(
    'refuses a schema file that leads out of the folder: %s',
    (path) => {
      expect(
        diagnosticsOf(`${head}value: { format: avro, schema: { file: "${path}" } }`).map((fault) => fault.code)
      ).toEqual(['file-outside'])
    }
  )
})

describe('ids', () => {
  it('of two rules must differ', () => {
    const yaml = `${head}rules:\n  - { id: a, expr: "true" }\n  - { id: a, expr: "true" }`
    expect(faultsOf(yaml)).toEqual(['5:11 duplicate-id'])
  })

  it.each(['schema', 'schema-id', 'key', 'key-equals', 'nulls', 'future-timestamp', 'envelope', 'tripped'])(
    'of a rule cannot be that of the built-in check %s',
    (id) => {
      expect(diagnosticsOf(`${head}rules: [{ id: ${id}, expr: "true" }]`).map((fault) => fault.code)).toEqual([
        'duplicate-id'
      ])
    }
  )

  it('of two fields are told apart by what they mean', () => {
    const yaml = `${head}fields:\n  value.a: { min: 1 }\n  value["a"]: { max: 2 }`
    expect(faultsOf(yaml)).toEqual(['5:3 duplicate-id'])
  })

  it('under checks must be checks that the policy has', () => {
    expect(diagnosticsOf(`${head}checks: { schema: { mode: mark } }`)[0]).toMatchObject({
      code: 'unknown-check',
      message: 'this policy has no check schema: value has no format'
    })
    const twice = `${head}rules: [{ id: a, expr: "true" }]\nchecks: { a: { mode: mark } }`
    expect(diagnosticsOf(twice)[0]).toMatchObject({
      code: 'unknown-check',
      remedy: 'write the mode at the rule itself'
    })
    const fine = `${head}headers: { h: { required: true } }\nchecks: { "header:h": { mode: mark }, envelope: { mode: mark }, nulls: { mode: off } }`
    expect(policyOf(fine).model.checkModes.get('header:h')).toBe('mark')
  })
})

describe('rules', () => {
  const files = { 's.json': '{"type":"object","additionalProperties":false,"properties":{"amount":{"type":"number"}}}' }
  const typed = `${head}value: { format: json, schema: { file: s.json } }\n`

  it('are checked against the schema when the file loads, at the character that is wrong', () => {
    const [fault] = diagnosticsOf(`${typed}rules:\n  - id: a\n    expr: value.amount > 0.0 && value.amout > 1.0`, files)
    expect(fault).toMatchObject({ line: 6, code: 'rule-type', message: expect.stringContaining('amout') as string })
    expect(fault?.column).toBeGreaterThan(30)
  })

  it.each([
    ['no CEL', 'value.amount >', 'rule-syntax'],
    ['an unknown variable', 'vlaue.amount > 1.0', 'rule-syntax'],
    ['a pattern that RE2 does not take', 'topic.matches("(?=a)")', 'rule-syntax'],
    ['no condition', 'value.amount', 'rule-type'],
    ['a comparison with text', 'value.amount == "1"', 'rule-type']
  ])('are refused for %s', (_what, expr, code) => {
    expect(diagnosticsOf(`${typed}rules: [{ id: a, expr: '${expr}' }]`, files).map((fault) => fault.code)).toEqual([
      code
    ])
  })

  it('are refused for a fault in when', () => {
    const yaml = `${typed}rules:\n  - { id: a, when: value.nope == 1.0, expr: "true" }`
    expect(diagnosticsOf(yaml, files)[0]).toMatchObject({ code: 'rule-type', line: 5 })
  })
})

describe('fields', () => {
  const files = {
    's.json': JSON.stringify({
      type: 'object',
      additionalProperties: false,
      properties: {
        name: { type: 'string' },
        count: { type: 'integer' },
        items: {
          type: 'array',
          items: { type: 'object', additionalProperties: false, properties: { sku: { type: 'string' } } }
        }
      }
    })
  }
  const typed = `${head}value: { format: json, schema: { file: s.json } }\n`

  it.each([
    ['value.nmae: { required: true }', 'unknown-field'],
    ['value.items.sku: { required: true }', 'unknown-field'],
    ['value.items[].sk: { required: true }', 'unknown-field'],
    ['value.name[]: { required: true }', 'unknown-field'],
    ['value.name: { min: 1 }', 'field-type'],
    ['value.count: { minLength: 1 }', 'field-type'],
    ['value.count: { matches: a }', 'field-type'],
    ['value.name: { minItems: 1 }', 'field-type'],
    ['value.count: { in: [a] }', 'field-type'],
    ['value.count: { equals: 1.5 }', 'field-type'],
    ['value.items: { equals: a }', 'field-type'],
    ['value.name: { equals: a, in: [a] }', 'unused-key'],
    ['value..name: { required: true }', 'bad-path'],
    ['headers.x: { required: true }', 'bad-path']
  ])('refuses %s', (text, code) => {
    expect(diagnosticsOf(`${typed}fields:\n  ${text}`, files).map((fault) => fault.code)).toEqual([code])
  })

  it('takes what the schema leaves open', () => {
    const open = { 's.json': '{"type":"object","properties":{"a":{}}}' }
    expect(
      faultsOf(`${typed}fields: { value.a.b.c: { min: 1, minLength: 2 }, value.other: { matches: x } }`, open)
    ).toEqual([])
  })
})

describe('key.equals', () => {
  const files = {
    's.json':
      '{"type":"object","additionalProperties":false,"properties":{"id":{"type":"integer"},"o":{"type":"object"}}}'
  }
  const typed = `${head}value: { format: json, schema: { file: s.json } }\n`

  it.each([
    ['key: { format: string, equals: value.di }', 'unknown-field'],
    ['key: { format: string, equals: value.o }', 'field-type'],
    ['key: { format: string, equals: key }', 'bad-path'],
    ['key: { format: string, equals: "value.a[]" }', 'bad-path']
  ])('refuses %s', (text, code) => {
    expect(diagnosticsOf(typed + text, files).map((fault) => fault.code)).toContain(code)
  })

  it('takes a text key for an integer field', () => {
    expect(faultsOf(`${typed}key: { format: string, equals: value.id }`, files)).toEqual([])
  })
})

describe('the version of a policy', () => {
  const schema = { 's.json': '{"type":"object"}' }
  const yaml = `${head}value: { format: json, schema: { file: s.json } }`
  const version = policyOf(yaml, schema).reference.version

  it('is 12 hexadecimal digits', () => {
    expect(version).toMatch(/^[0-9a-f]{12}$/)
  })

  it('does not change with comments, spelling or the order of keys', () => {
    const same = `# a comment\ntopics:   "t"\napiVersion: kontrakt/v1\nvalue:\n  schema:\n    file: s.json\n  format: json`
    expect(policyOf(same, schema).reference.version).toBe(version)
  })

  it('changes with the content and with every file it references', () => {
    expect(policyOf(`${yaml}\nmode: mark`, schema).reference.version).not.toBe(version)
    expect(policyOf(yaml, { 's.json': '{"type":"object" }' }).reference.version).not.toBe(version)
  })

  it('does not change with files it does not reference', () => {
    expect(policyOf(yaml, { ...schema, 'other.json': '{}' }).reference.version).toBe(version)
  })

  it.each([
    ['a list of one topic', `${head.replace('topics: t', 'topics: [t]')}rules: [{ id: a, expr: "true" }]`],
    [
      'defaults written out',
      `${head}mode: observe\nonUndecidable: accept\nkey: { format: bytes, required: false, framing: none }\n` +
        'value: { format: bytes, nulls: refuse }\nheaders: {}\nproducers: []\nchecks: { nulls: { mode: observe } }\n' +
        'rules: [{ id: a, expr: "true", mode: observe }]'
    ]
  ])('does not change with %s', (_, written) => {
    const plain = policyOf(`${head}rules: [{ id: a, expr: "true" }]`).reference.version
    expect(policyOf(written).reference.version).toBe(plain)
  })

  it('changes with what only looks like a default', () => {
    const rule = 'rules: [{ id: a, expr: "true", mode: observe }]'
    const strict = `${head}mode: reject\n`
    expect(policyOf(strict + rule).reference.version).not.toBe(
      policyOf(`${strict}rules: [{ id: a, expr: "true" }]`).reference.version
    )
    expect(policyOf(`${strict}onUndecidable: accept`).reference.version).not.toBe(policyOf(strict).reference.version)
    expect(policyOf(`${head}value: { nulls: allow }`).reference.version).not.toBe(policyOf(head).reference.version)
  })
})

describe('messages about a policy file', () => {
  const first = (yaml: string): string => {
    const [fault] = diagnosticsOf(yaml)
    return `${fault?.line} ${fault?.code}: ${fault?.message}`
  }

  it.each([
    ['a topic twice', head.replace('t\n', '[t, t]\n'), '2 wrong-value: topics names t twice'],
    ['no topic', head.replace('t\n', '[]\n'), '2 wrong-value: topics is empty'],
    ['a second document', `${head}---\nfoo: 1`, '3 yaml-syntax: a second document starts here'],
    ['a directive', `# old\n%YAML 1.1\n---\n${head}`, '2 yaml-syntax: a policy has no YAML directives'],
    ['NaN', `${head}value: { format: json }\nfields: { value.a: { min: .nan } }`, '4 wrong-value: this is no finite'],
    [
      'bytes with fields',
      `${head}fields: { value.a: { required: true } }`,
      '3 unknown-field: value is bytes and has no'
    ],
    ['deep nesting', `${head}owner: ${'['.repeat(20_000)}`, 'too-large: the file is nested too deeply']
  ])('say what is wrong: %s', (_, yaml, expected) => {
    expect(first(yaml)).toContain(expected)
  })

  it('refuse a file over 256 KiB before it is parsed', () => {
    const large = `${head}# ${'x'.repeat(256 * 1024)}`
    expect(first(large)).toContain('too-large: the file has')
    expect(first(`${head}# ${'x'.repeat(250 * 1024)}`)).toContain('undefined')
  })

  it('quote no more than a few lines of what others wrote', () => {
    const source = JSON.stringify({ type: 'x'.repeat(100_000) })
    const yaml = `${head}value: { format: avro, schema: { file: s.avsc } }\nowner: o`
    for (const fault of [
      ...diagnosticsOf(yaml, { 's.avsc': source }),
      ...diagnosticsOf(`${head}fields: { value.${'a'.repeat(5_000)}: { required: true } }`)
    ]) {
      expect(fault.message.length).toBeLessThanOrEqual(300)
    }
  })
})
