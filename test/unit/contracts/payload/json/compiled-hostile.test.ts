/** What hostile schemas and payloads may try on compiled JSON: code in names, depth, keys, numbers, encodings. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type { Compilable, SlotPath } from '../../../../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../../../../src/contracts/payload/format.ts'
import { SchemaDocuments } from '../../../../../src/contracts/payload/json/documents.ts'
import { generate } from '../../../../../src/contracts/payload/json/compiled/generate.ts'
import { readPlan } from '../../../../../src/contracts/payload/json/compiled/read.ts'
import { slotTree } from '../../../../../src/contracts/payload/json/compiled/slots.ts'
import { parseJson } from '../../../../../src/contracts/payload/json/parse.ts'
import { prepareSchema } from '../../../../../src/contracts/payload/json/prepare.ts'
import { jsonWithoutSchema } from '../../../../../src/contracts/payload/json.ts'
import { loadPayloadFormat } from '../../../../../src/contracts/payload/load.ts'
import { caseCount, compareJudges, damaged, SeededRandom } from '../../../../support/compiled-payload.ts'

type Format = PayloadFormat & Compilable

const any = jsonWithoutSchema

function load(schema: unknown): Format {
  const loaded = loadPayloadFormat({ format: 'json', source: JSON.stringify(schema), file: 'schema' })
  if ('problem' in loaded) throw new Error(loaded.problem)
  return loaded.format as Format
}

function judge(format: Format, payload: string | Buffer, paths: readonly SlotPath[] = []): [boolean, boolean] {
  const compiled = format.compile(paths, 0)
  if ('reason' in compiled) throw new Error(compiled.reason)
  const bytes = Buffer.from(payload as string)
  const outcome = compareJudges(format, compiled, paths, bytes, new Slots(paths.length), 'the case')
  return [outcome.accepted, outcome.referenceAccepts]
}

const accepted = [true, true]
const refused = [false, false]
const left = [false, true]

const hostileNames = [
  '"];process.exit()//',
  '__proto__',
  '\u2028',
  '${evil}',
  "');evil(",
  'k0',
  'constructor',
  '\\u0022',
  ''
]

describe('the code of a compiled schema', () => {
  test('has nothing of a name, a text, a pattern or a path', () => {
    const properties: Record<string, object> = Object.fromEntries<object>(
      hostileNames.flatMap((name) => [
        [name, { type: 'string', enum: [name, `${name}evil`], title: name }],
        [`evil${name}`, { type: 'string', pattern: '^evil', format: 'email', minLength: 2 }],
        [`evil-number${name}`, { type: 'number', minimum: 1234567.5, enum: [7654321.5] }]
      ])
    )
    const schema = { type: 'object', properties, required: hostileNames }
    const source = Buffer.from(JSON.stringify(schema))
    expect(source.includes('"__proto__":')).toBe(true)
    const parsed = parseJson(source, 0, source.length, { nesting: 64, duplicateKeys: 'last' })
    const prepared = prepareSchema(parsed, '2020-12', new Set())
    const documents = new SchemaDocuments(new Map())
    const plan = readPlan({ draft: '2020-12', schema: prepared, references: [], documents })
    const slots = slotTree([['evil'], ['"];process.exit()//']], 0, { kind: 'dyn' })
    const { text } = generate(plan, slots)
    expect(text).toMatch(/^[\w \n(){}[\];,.+\-*/%<>=!&|^~?:]*$/)
    expect(text).not.toMatch(/evil|process|proto|constructor|12345|76543/)
    const words = new Set(text.match(/[A-Za-z_]\w*/g))
    const ours =
      /^(?:const|let|function|accepts|return|if|else|for|while|switch|case|default|break|true|false|kinds|numbers|starts|ends|[a-z]\d*)$/
    expect([...words].filter((word) => !ours.test(word))).toEqual([])
  })

  test.each(hostileNames)('judges the name %j as any other', (name) => {
    const source = `{"type":"object","properties":{${JSON.stringify(name)}:{"const":1}},"required":[${JSON.stringify(name)}]}`
    const loaded = loadPayloadFormat({ format: 'json', source, file: 'schema' })
    if ('problem' in loaded) throw new Error(loaded.problem)
    const format = loaded.format as Format
    const isPlain = !JSON.stringify(name).includes('\\')
    expect(judge(format, `{${JSON.stringify(name)}:1}`, [[name]])).toEqual(isPlain ? accepted : left)
    expect(judge(format, `{${JSON.stringify(name)}:2}`)).toEqual(refused)
    // As no JSON writes it, when the name needs escapes.
    expect(judge(format, `{"${name}":1}`)[0]).toBe(isPlain)
    // That the empty name is missing is not noticed by `ajv`.
    expect(judge(format, '{}')).toEqual(name === '' ? left : refused)
  })
})

describe('JSON without a schema, compiled', () => {
  test.each([
    '{}',
    '[]',
    '""',
    '0',
    '-1.5e3',
    'true',
    'false',
    'null',
    ' { "a" : [ 1 , { } ] } \r\n',
    '"\\ud83d\\ude00\\n"',
    '"é😀"',
    '{"a":1,"b":{"a":2}}',
    '1e-400',
    '[1,2,3]',
    '{"__proto__":1}',
    '1E+2',
    '0.0',
    '"\u007f"',
    '12345678901234567890'
  ])('accepts %s', (text) => {
    expect(judge(any, text)).toEqual(accepted)
  })

  test.each([
    '',
    ' ',
    '{',
    '}',
    '[1,]',
    '{"a":1,}',
    '{"a"}',
    '{a:1}',
    "{'a':1}",
    '01',
    '1.',
    '.5',
    '+1',
    '-',
    '1e',
    '1e+',
    'tru',
    'nul',
    'True',
    'NaN',
    '1e400',
    '-1e309',
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '"\\x"',
    '"\\u12g4"',
    '"\\ud83d"',
    '"\\ude00"',
    '"\\ud83d\\u0041"',
    '"\\',
    '"a',
    '"\n"',
    '[1 2]',
    '{"a":1 "b":2}',
    '1 2',
    '\ufeff1',
    '// c\n1',
    '[1]]',
    '1,',
    '\f1',
    '{"__proto__":1,"__proto__\u{10ffff}":2}',
    '{"__proto__":1,"__proto__":2}',
    '[',
    '["',
    '{"a":',
    '0x10',
    '1_000',
    '--1',
    '1.e1'
  ])('does not accept %s', (text) => {
    expect(judge(any, text)).toEqual(refused)
  })

  test.each([
    'c080',
    'eda080',
    'f4908080',
    'f5808080',
    'ff',
    '80',
    'c3',
    'e28282e2',
    'f09f98',
    'e0808a',
    'f0808080',
    'c1bf',
    'edbfbf'
  ])('does not accept the bytes %s in a string', (hex) => {
    const content = Buffer.from(hex, 'hex')
    expect(judge(any, Buffer.concat([Buffer.from('"a'), content, Buffer.from('"')]))).toEqual(refused)
    expect(judge(any, Buffer.concat([Buffer.from('{"a'), content, Buffer.from('":1}')]))).toEqual(refused)
  })

  test('nests as deep as the reference and no deeper', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}']
    ] as const) {
      expect(judge(any, `${open.repeat(64)}1${close.repeat(64)}`)).toEqual(accepted)
      expect(judge(any, `${open.repeat(65)}1${close.repeat(65)}`)).toEqual(refused)
      expect(judge(any, open.repeat(100_000))).toEqual(refused)
    }
    const list = load({ $ref: '#/$defs/list', $defs: { list: { type: 'array', items: { $ref: '#/$defs/list' } } } })
    expect(judge(list, `${'['.repeat(64)}${']'.repeat(64)}`)).toEqual(accepted)
    expect(judge(list, `${'['.repeat(65)}${']'.repeat(65)}`)).toEqual(refused)
  })

  test('finds a duplicate among many keys, and leaves very many to the reference', () => {
    const object = (count: number, last: string): string =>
      `{${Array.from({ length: count }, (_, i) => `"key${String(i)}":0,`).join('')}"${last}":1}`
    for (let i = 0; i < 63; i++) expect(judge(any, object(63, `key${i}`))).toEqual(refused)
    expect(judge(any, object(63, 'last'))).toEqual(accepted)
    expect(judge(any, object(64, 'last'))).toEqual(left)
    // Keys of inner objects are their own.
    expect(judge(any, '{"a":{"a":{"a":1,"b":2},"b":{"a":1}},"b":[{"a":1},{"a":1}]}')).toEqual(accepted)
    expect(judge(any, '{"a":{"b":{"c":1,"b":2}},"b":1,"a":2}')).toEqual(refused)
    expect(judge(any, '{"a":{"b":1,"c":{"x":1},"b":2}}')).toEqual(refused)
  })

  test('notes what it finds, with numbers as doubles', () => {
    const paths = [[], ['a'], ['a', 'b'], ['c']]
    for (const text of [
      '{"a":{"b":1},"c":-0}',
      '{"a":null,"c":"x"}',
      '{"c":"\\n","a":{"b":[1,2]}}',
      '{"c":1e2}',
      '{"c":0.30000000000000004}',
      '{"a":{},"c":true}',
      '{"a":{"b":{}},"c":[]}',
      '{"a":{"b":false}}',
      '{"c":9007199254740993}',
      'null'
    ]) {
      expect(judge(any, text, paths), text).toEqual(accepted)
    }
    const compiled = any.compile(paths, 0)
    if ('reason' in compiled) throw new Error(compiled.reason)
    // A field of what has no fields is an error for the reference to report.
    for (const text of ['{"a":1}', '{"a":[]}', '1', '"x"']) {
      const bytes = Buffer.from(text)
      expect(compiled.accepts(bytes, 0, bytes.length, new Slots(4))).toBe(false)
    }
  })

  test('takes nothing that the reference does not, whatever the value and the damage', () => {
    const compiled = any.compile([], 0)
    if ('reason' in compiled) throw new Error(compiled.reason)
    const random = new SeededRandom(3)
    const slots = new Slots(0)
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1, '\t'), (value, indent) => {
        const text = Buffer.from(JSON.stringify(value, null, indent))
        const outcome = compareJudges(any, compiled, [], text, slots, 'as it is')
        // Keys with an escape, and numbers of which only the digits tell that they are finite, are left to the reference.
        if (!/\\|e\+30[89]/.test(text.toString())) expect(outcome.accepted).toBe(outcome.referenceAccepts)
        for (let i = 0; i < 5; i++) compareJudges(any, compiled, [], damaged(text, random), slots, 'damaged')
      }),
      { numRuns: caseCount(400) }
    )
  })

  test('reads numbers as the reference does', () => {
    const compiled = any.compile([[]], 0)
    if ('reason' in compiled) throw new Error(compiled.reason)
    const slots = new Slots(1)
    const digits = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 20 }).map((list) => list.join(''))
    const literal = fc
      .tuple(
        fc.constantFrom('', '-', '+'),
        digits,
        fc.constantFrom('', '.'),
        digits,
        fc.constantFrom('', 'e', 'E+', 'e-'),
        digits
      )
      .map((parts) => parts.join(''))
    const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)
    fc.assert(
      fc.property(fc.oneof(literal, double), (text) => {
        compareJudges(any, compiled, [[]], Buffer.from(text), slots, text)
      }),
      { numRuns: caseCount(3000) }
    )
  })
})

test('no file of compiled JSON makes code by itself', () => {
  const folder = new URL('../../../../../src/contracts/payload/json/compiled/', import.meta.url)
  for (const file of ['generate.ts', 'objects.ts', 'arrays.ts', 'scalars.ts', 'writer.ts']) {
    expect(readFileSync(new URL(file, folder), 'utf8')).not.toMatch(/JSON\.stringify|new Function|eval\(/)
  }
})
