/** Compiled JSON Schema keyword by keyword: what is compiled, what is not and why, what is accepted in place. */
import { describe, expect, test } from 'vitest'
import { compiledLimits, slotKind, Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type { Compilable } from '../../../../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../../../../src/contracts/payload/format.ts'
import { inPlaceFormats } from '../../../../../src/contracts/payload/json/compiled/formats.ts'
import { inPlacePattern } from '../../../../../src/contracts/payload/json/compiled/pattern.ts'
import { readPlan } from '../../../../../src/contracts/payload/json/compiled/read.ts'
import { SchemaDocuments } from '../../../../../src/contracts/payload/json/documents.ts'
import { compilePattern } from '../../../../../src/contracts/payload/json/pattern.ts'
import { vocabularyOf } from '../../../../../src/contracts/payload/json/validator.ts'
import { loadPayloadFormat } from '../../../../../src/contracts/payload/load.ts'
import type { SchemaRequest } from '../../../../../src/contracts/payload/load.ts'
import { caseCount, compareJudges, SeededRandom } from '../../../../support/compiled-payload.ts'

type Format = PayloadFormat & Compilable

function load(schema: unknown, references: SchemaRequest['references'] = []): Format {
  const loaded = loadPayloadFormat({ format: 'json', source: JSON.stringify(schema), references, file: 'schema' })
  if ('problem' in loaded) throw new Error(loaded.problem)
  return loaded.format as Format
}

function reasonOf(format: Format): string | null {
  const compiled = format.compile([], 0)
  return 'reason' in compiled ? compiled.reason : null
}

/** Fails where the compiled validator differs from the reference, or from what is expected. */
function expectVerdicts(
  format: Format,
  good: readonly string[],
  bad: readonly string[],
  left: readonly string[] = []
): void {
  const compiled = format.compile([], 0)
  if ('reason' in compiled) throw new Error(compiled.reason)
  for (const [payloads, accepted, referenceAccepts] of [
    [good, true, true],
    [bad, false, false],
    [left, false, true]
  ] as const) {
    for (const payload of payloads) {
      const outcome = compareJudges(format, compiled, [], Buffer.from(payload), new Slots(0), payload)
      expect(outcome, payload).toEqual({ accepted, referenceAccepts })
    }
  }
}

const draft7 = 'http://json-schema.org/draft-07/schema#'

describe('keywords of JSON Schema, compiled', () => {
  const cases: [name: string, schema: object, good: string[], bad: string[], left?: string[]][] = [
    [
      'type',
      { type: ['integer', 'null'] },
      ['1', 'null', '1.0', '-7'],
      ['1.5', '"1"', 'true', '{}', '[]'],
      ['1e2', '-0']
    ],
    [
      'exact integers',
      { type: 'integer' },
      ['9007199254740991', '-9007199254740991'],
      ['9007199254740992', '9007199254740991.5']
    ],
    ['integer and number', { type: ['integer', 'number'] }, ['1.5', '9007199254740993', '1e2'], ['"1"']],
    ['bounds', { minimum: 1, exclusiveMaximum: 2.5 }, ['1', '2.4999', '"x"'], ['0.999', '2.5', '3', '-1']],
    ['multipleOf', { multipleOf: 0.5 }, ['1.5', '0', '-2', '[]'], ['0.3', '1e-7', '1e22', '1e300']],
    [
      'lengths',
      { minLength: 2, maxLength: 3 },
      ['"ab"', '"é😀"', '"a\\ud83d\\ude00"', '"\\n\\u0041"', '5'],
      ['"a"', '"abcd"', '"😀"', '"\\ud83d\\ude00"']
    ],
    [
      'enum',
      { enum: ['a', 1, null, true, 'ä'] },
      ['"a"', '1', '1.0', '10e-1', 'null', 'true', '"ä"'],
      ['"b"', '2', 'false', '{}', '[]'],
      ['"\\u0061"']
    ],
    ['const', { const: 'x' }, ['"x"'], ['"y"', '1']],
    ['enum and const', { enum: ['a', 'b'], const: 'b' }, ['"b"'], ['"a"', '"c"']],
    [
      'many texts',
      { enum: Array.from({ length: 100 }, (_, i) => `t${String(i)}`) },
      ['"t0"', '"t99"'],
      ['"t100"', '"t"']
    ],
    [
      'items',
      { items: { type: 'string' }, minItems: 1, maxItems: 2 },
      ['["a"]', '[ "a" , "b" ]', '{}'],
      ['[]', '[1]', '["a","b","c"]']
    ],
    ['prefixItems', { prefixItems: [{ type: 'string' }], items: false }, ['[]', '["a"]'], ['[1]', '["a","b"]']],
    [
      'tuple',
      { $schema: draft7, items: [{ type: 'string' }], additionalItems: { type: 'null' } },
      ['[]', '["a",null]'],
      ['[1]', '["a",1]']
    ],
    [
      'uniqueItems',
      { uniqueItems: true },
      ['[1,2,"1","a",true,null]', '[]'],
      ['[1,1]', '["a","b","a"]', '[1,1.0]'],
      ['[{}]', '[0.5]', '["\\u0061"]', '["😀"]']
    ],
    [
      'properties',
      { type: 'object', properties: { a: { type: 'string' } }, required: ['a', 'b'] },
      ['{"b":1,"a":"x"}', '{"a":"x","c":0,"b":1}'],
      ['{"a":"x"}', '{"a":1,"b":1}', '{"a":"x","b":1,"a":"x"}', '{"a":"x","b":1,"c":1,"c":1}']
    ],
    [
      'closed',
      { properties: { a: true }, required: ['a'], additionalProperties: false },
      ['{"a":1}', '{ "a" : 1 }'],
      ['{"a":1,"b":1}', '{}']
    ],
    [
      'map',
      { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 1, maxProperties: 2 },
      ['{"x":1,"y":2}'],
      ['{}', '{"x":"1"}', '{"x":1,"y":2,"z":3}']
    ],
    [
      'anyOf',
      { anyOf: [{ type: 'null' }, { type: 'string', maxLength: 1 }, { const: 'long' }] },
      ['null', '"a"', '"long"'],
      ['"lone"', '1']
    ],
    [
      'oneOf by type',
      { oneOf: [{ type: 'string' }, { type: ['number', 'null'] }] },
      ['"a"', '1', 'null'],
      ['true', '[]']
    ],
    [
      'allOf',
      { allOf: [{ required: ['a'] }, { properties: { a: { type: 'string' } } }], type: 'object' },
      ['{"a":"x"}'],
      ['{}', '{"a":1}', '[]', '1']
    ],
    ['boolean schemas', { properties: { a: false, b: true } }, ['{"b":1}', '{}'], ['{"a":1}']],
    ['format', { type: 'string', format: 'date' }, ['"2024-02-29"'], ['"2023-02-29"', '"x"']],
    ['format of numbers', { format: 'int32' }, ['1', '-2147483648', '"x"'], ['2147483648', '1.5']],
    ['unknown format', { format: 'color' }, ['"x"', '1'], []],
    [
      'annotations',
      { title: 'x', description: 'y', default: 1, examples: [1], deprecated: true, $comment: 'z', 'x-own': {} },
      ['1', '{}'],
      []
    ]
  ]

  test.each(cases)('%s', (_, schema, good, bad, left) => {
    expectVerdicts(load(schema), good, bad, left)
  })

  test('oneOf of objects that a property tells apart', () => {
    const of = (tag: string, more: string): object => ({
      type: 'object',
      properties: { kind: { const: tag }, [more]: { type: 'integer' } },
      required: ['kind', more]
    })
    const format = load({
      oneOf: [of('card', 'number'), { $ref: '#/$defs/cash' }],
      $defs: { cash: of('cash', 'amount') }
    })
    expectVerdicts(
      format,
      ['{"kind":"card","number":1}', '{"amount":1,"kind":"cash"}'],
      ['{"kind":"card"}', '{"kind":"x"}', '{}']
    )
    const overlapping = load({ oneOf: [of('card', 'number'), of('card', 'amount')] })
    expect(reasonOf(overlapping)).toMatch(/oneOf/)
  })

  test('references: to itself, to other documents, and those that an $id decides', () => {
    const tree = {
      type: 'object',
      properties: { next: { anyOf: [{ type: 'null' }, { $ref: '#' }] }, v: { type: 'integer' } },
      required: ['v']
    }
    expectVerdicts(
      load(tree),
      ['{"v":1}', '{"v":1,"next":{"v":2,"next":null}}'],
      ['{"v":1,"next":{"v":"2"}}', '{"v":1,"next":{}}']
    )
    const other = JSON.stringify({ type: 'string', maxLength: 2 })
    const flat = load({ properties: { a: { $ref: 'code.json' } } }, [{ name: 'code.json', source: other }])
    expectVerdicts(flat, ['{"a":"xy"}'], ['{"a":"xyz"}'])
    const named = JSON.stringify({ $id: 'http://example.com/code.json', type: 'string' })
    const absolute = load(
      { $id: 'http://example.com/root.json', properties: { a: { $ref: 'http://example.com/code.json' } } },
      [{ name: 'http://example.com/code.json', source: named }]
    )
    expectVerdicts(absolute, ['{"a":"x"}'], ['{"a":1}'])
    const nested = load({
      properties: { a: { $ref: '#/$defs/b' } },
      $defs: { b: { $id: 'http://example.com/b', type: 'string' } }
    })
    expect(reasonOf(nested)).toMatch(/\$ref/)
  })

  test.each([
    ['not', { not: { type: 'string' } }],
    ['if', { if: { type: 'string' }, then: { minLength: 1 } }],
    ['patternProperties', { patternProperties: { '^a': true } }],
    ['propertyNames', { propertyNames: { maxLength: 3 } }],
    ['contains', { contains: { const: 1 } }],
    ['dependentRequired', { dependentRequired: { a: ['b'] } }],
    ['unevaluatedProperties', { unevaluatedProperties: false }],
    ['formatMinimum', { format: 'date', formatMinimum: '2020-01-01' }],
    ['dependencies', { $schema: draft7, dependencies: { a: ['b'] } }]
  ])('%s is left to the reference, which is said', (keyword, schema) => {
    expect(reasonOf(load({ properties: { deep: schema }, ...('$schema' in schema ? { $schema: draft7 } : {}) }))).toBe(
      `the schema uses ${keyword}`
    )
  })

  test('schemas whose cost is not bounded beforehand are left to the reference', () => {
    const node = { type: 'object', properties: { a: { anyOf: [{ $ref: '#/$defs/n' }, { $ref: '#/$defs/m' }] } } }
    const twice = load({ $ref: '#/$defs/n', $defs: { n: node, m: { ...node, required: ['a'] } } })
    expect(reasonOf(twice)).toMatch(/too many times/)
    const deep = Array.from({ length: 60 }, (_, i) => [`d${String(i)}`, { $ref: `#/$defs/d${String(i + 1)}` }] as const)
    const chain = load({ $ref: '#/$defs/d0', $defs: { ...Object.fromEntries(deep), d60: { type: 'string' } } })
    expect(reasonOf(chain)).toMatch(/too long a chain/)
    const same = Array.from({ length: 50 }, () => ({ $ref: '#/$defs/text' }))
    expect(reasonOf(load({ allOf: same, $defs: { text: { type: 'string' } } }))).toMatch(/too many references/)
    const wide = Array.from({ length: compiledLimits.nodes }, (_, i) => [`p${String(i)}`, { type: 'null' }] as const)
    const documents = new SchemaDocuments(new Map())
    const schema = { properties: Object.fromEntries(wide) }
    expect(() => readPlan({ draft: '2020-12', schema, references: [], documents })).toThrow('more than 2000 subschemas')
    const paths = Array.from({ length: compiledLimits.paths + 1 }, (_, i) => [`p${String(i)}`])
    expect(load({}).compile(paths, 0)).toHaveProperty('reason')
    expect(load({}).compile([['\ud800']], 0)).toHaveProperty('reason')
  })

  test('slots of integers, of numbers that are written like them, and of unions', () => {
    const format = load({
      type: 'object',
      properties: {
        i: { type: 'integer' },
        d: { type: 'number' },
        u: { type: ['integer', 'string'] },
        n: { type: ['integer', 'null'] }
      }
    })
    const paths = [['i'], ['d'], ['u'], ['n'], ['none']]
    const compiled = format.compile(paths, 1)
    if ('reason' in compiled) throw new Error(compiled.reason)
    const slots = new Slots(6)
    const payload = Buffer.from('{"i":5.0,"d":5,"u":5,"n":null}')
    const outcome = compareJudges(format, compiled, paths, payload, slots, 'numbers', 1)
    expect(outcome.accepted).toBe(true)
    const { int, double, absent } = slotKind
    expect([...slots.kinds.slice(1)]).toEqual([int, double, double, slotKind.null, absent])
    expect([...slots.numbers.slice(1, 4)]).toEqual([5, 5, 5])
  })
})

describe('what is matched in place', () => {
  const characters = [
    '0',
    '1',
    '2',
    '3',
    '5',
    '9',
    '-',
    ':',
    '.',
    'T',
    'Z',
    'a',
    'F',
    'g',
    '@',
    '_',
    '+',
    'é',
    ' ',
    '/',
    'ORD-',
    '2024',
    '02',
    '29'
  ]
  const examples = [
    ...[
      '2024-02-29',
      '2026-01-02T03:04:05Z',
      '2026-01-02T03:04:05.25+01:00',
      '03:04:05Z',
      'a.b@example.com',
      'x@y-z.de'
    ],
    ...['123e4567-e89b-12d3-a456-426614174000', 'ORD-1234', 'ABC', '12-x', '1.5', 'a_b-c']
  ]

  function randomText(random: SeededRandom): string {
    if (random.chance(0.2)) return Array.from({ length: random.below(8) }, () => random.pick(characters)).join('')
    const text = Array.from(random.pick(examples))
    if (random.chance(0.8)) text.splice(random.below(text.length), random.below(3), random.pick(characters))
    return text.join('')
  }

  test('formats are those of the reference', () => {
    const { formats } = vocabularyOf('2020-12')
    const random = new SeededRandom(5)
    const seen = new Set<string>()
    for (let i = 0; i < caseCount(4000); i++) {
      const text = random.chance(0.1) ? random.pick(examples) : randomText(random)
      const bytes = Buffer.from(text)
      for (const [name, inPlace] of inPlaceFormats) {
        if (!inPlace(bytes, 0, bytes.length)) continue
        seen.add(name)
        const format = formats[name] as ((text: string) => boolean) | { validate: (text: string) => boolean }
        expect((typeof format === 'function' ? format : format.validate)(text), `${name}: ${text}`).toBe(true)
      }
    }
    expect(seen.size).toBe(inPlaceFormats.size)
  })

  test('patterns are those of the reference', () => {
    const atoms = [
      '[A-Z]',
      '[a-z0-9_]',
      '\\d',
      '\\w',
      '[\\w.-]',
      '-',
      'ORD',
      '\\.',
      '[+-]',
      '[ -~]',
      '[A-Za-z]',
      ':',
      '[^a]',
      '.',
      '(?:a|b)',
      '[\\d-]',
      '[--a]',
      '[a-]'
    ]
    const counts = ['', '', '?', '*', '+', '{2}', '{1,3}', '{2,}', '{0}', '+?', '{2}?']
    const random = new SeededRandom(9)
    let matched = 0
    for (let i = 0; i < caseCount(400); i++) {
      const middle = Array.from({ length: 1 + random.below(4) }, () => random.pick(atoms) + random.pick(counts)).join(
        ''
      )
      const pattern = `${random.pick(['^', '^', '^', ''])}${middle}${random.pick(['$', '$', ''])}`
      const inPlace = inPlacePattern(pattern)
      if (inPlace === null) continue
      const compiled = compilePattern(pattern)
      for (let j = 0; j < 30; j++) {
        const text = randomText(random)
        const bytes = Buffer.from(text)
        if (!inPlace(bytes, 0, bytes.length)) continue
        matched++
        expect(compiled.test(text), `${pattern} on ${text}`).toBe(true)
      }
    }
    expect(matched).toBeGreaterThan(100)
  })

  test.each([
    '^[A-Z]{3}$',
    '^ORD-[0-9]{8}$',
    '^\\d{4}-\\d{2}$',
    '^[a-z0-9-]+$',
    '^[\\w.-]+$',
    '^[A-Z][A-Z0-9]*',
    '^\\+[1-9][0-9]{1,14}$'
  ])('the pattern %s is one of them', (pattern) => {
    expect(inPlacePattern(pattern)).not.toBeNull()
  })

  test.each([
    '[A-Z]{3}',
    '^a|b$',
    '^(a)$',
    '^[^a]$',
    '^.$',
    '^a{2}{3}$',
    '^[a-\\d]$',
    '^[z-a]$',
    '^a$b',
    '^[A-\\]]-x[]$',
    '^\\b$',
    '^\\pL$'
  ])('the pattern %s is not', (pattern) => {
    expect(inPlacePattern(pattern)).toBeNull()
  })
})
