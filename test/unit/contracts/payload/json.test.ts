import { describe, expect, test } from 'vitest'
import { jsonWithoutSchema } from '../../../../src/contracts/payload/json.ts'
import { limits } from '../../../../src/contracts/payload/limits.ts'
import { decode, failuresOf, heapGrowth, json, load, problemOf, valueOf } from './helpers.ts'

const text = (value: string): Buffer => Buffer.from(value)
const order = json({
  type: 'object',
  required: ['id', 'amount'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', pattern: '^o-[0-9]+$' },
    amount: { type: 'number', exclusiveMinimum: 0 },
    count: { type: 'integer' },
    country: { enum: ['DE', 'FR'] },
    items: {
      type: 'array',
      maxItems: 2,
      items: {
        type: 'object',
        required: ['sku'],
        properties: { sku: { type: 'string' }, n: { type: ['integer', 'null'] } }
      }
    }
  }
})

describe('strict parsing', () => {
  test.each([
    [
      '{"a":[1,-2.5e3,"x\\u00e9\\n",true,false,null,{}]}',
      new Map([['a', [1, -2500, 'xé\n', true, false, null, new Map()]]])
    ],
    [' \t\r\n5 ', 5],
    ['"\\ud83d\\ude00"', '😀'],
    ['""', '']
  ])('%s is read', (source, value) => {
    expect(valueOf(jsonWithoutSchema, text(source))).toEqual(value)
  })

  test.each([
    ['', 'is empty', 0],
    ['  ', 'is empty', 2],
    ['{', 'is cut short', 1],
    ['{"a"', 'is cut short', 4],
    ['{"a":1', 'is cut short', 6],
    ['{"a":1,}', 'is not JSON', 7],
    ['[1,]', 'is not JSON', 3],
    ['[1 2]', 'is not JSON', 3],
    ['{a:1}', 'is not JSON', 1],
    ["'a'", 'is not JSON', 0],
    ['1 2', 'has bytes after the JSON value', 2],
    ['nul', 'is not JSON', 0],
    ['NaN', 'is not JSON', 0],
    ['01', 'has a malformed number', 0],
    ['1.', 'has a malformed number', 0],
    ['.5', 'is not JSON', 0],
    ['+1', 'is not JSON', 0],
    ['-', 'has a malformed number', 0],
    ['1e', 'has a malformed number', 0],
    ['1e400', 'has a number beyond the range of a double', 0],
    ['"a\nb"', 'has a control character in a string', 2],
    ['"\\x"', 'has an unknown escape in a string', 0],
    ['"\\', 'is cut short', 2],
    ['"\\ud800"', 'has an unpaired surrogate in a string', 0],
    ['\ufeff1', 'is not JSON', 0],
    ['// c\n1', 'is not JSON', 0]
  ])('%j is refused', (source, message, byteOffset) => {
    expect(failuresOf(jsonWithoutSchema, text(source))).toMatchObject([{ message, byteOffset }])
  })

  test('invalid UTF-8 is told apart, with its offset', () => {
    expect(failuresOf(jsonWithoutSchema, Buffer.from('22ff22', 'hex'))).toMatchObject([
      { message: 'is not valid UTF-8', byteOffset: 1 }
    ])
  })

  test('duplicate keys are told apart, however they are written', () => {
    expect(failuresOf(jsonWithoutSchema, text('{"x":{"a":1,"\\u0061":2}}'))).toEqual([
      {
        path: '[*][*]',
        message: 'has this key more than once',
        expected: 'each key once',
        found: 'a duplicate key',
        byteOffset: 12
      }
    ])
    expect(failuresOf(jsonWithoutSchema, text('{"__proto__":1,"__proto__":2}'))).toHaveLength(1)
  })

  test('nesting up to the limit, a million levels no deeper than it', () => {
    const deep = limits.payloadNesting.json
    expect(decode(jsonWithoutSchema, text('['.repeat(deep) + ']'.repeat(deep))).ok).toBe(true)
    expect(failuresOf(jsonWithoutSchema, text('['.repeat(1_000_000)))).toMatchObject([
      { message: `is nested deeper than ${deep} levels`, byteOffset: deep }
    ])
    expect(failuresOf(jsonWithoutSchema, text('{"a":'.repeat(1_000_000)))).toHaveLength(1)
  })

  test('numbers are doubles where nothing says integer', () => {
    expect(valueOf(jsonWithoutSchema, text('[1,9007199254740993,-0]'))).toEqual([1, 9007199254740992, -0])
  })

  test('names of prototypes are keys like any other, and harmless', () => {
    const value = valueOf(jsonWithoutSchema, text('{"__proto__":{"polluted":1},"constructor":2,"hasOwnProperty":3}'))
    expect([...(value as Map<string, unknown>).keys()]).toEqual(['__proto__', 'constructor', 'hasOwnProperty'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('judging by the schema', () => {
  test('a good payload becomes values by their declared types', () => {
    expect(
      valueOf(order, text('{"id":"o-1","amount":3,"count":4,"items":[{"sku":"a","n":null},{"sku":"b","n":2.0}]}'))
    ).toEqual(
      new Map<string, unknown>([
        ['id', 'o-1'],
        ['amount', 3],
        ['count', 4n],
        [
          'items',
          [
            new Map([
              ['sku', 'a'],
              ['n', null]
            ]),
            new Map<string, unknown>([
              ['sku', 'b'],
              ['n', 2n]
            ])
          ]
        ]
      ])
    )
  })

  test('all failures are named with path, expectation and type, never with the value', () => {
    const failures = failuresOf(
      order,
      text('{"id":"secret","amount":-3.5,"count":"x","country":"secret","items":[{},{"sku":7},{"sku":""}],"more":1}')
    )
    expect(failures).toEqual([
      { path: '[*]', message: 'is not a field of the schema', expected: 'no such field', found: 'a field' },
      { path: 'id', message: 'does not match the pattern', expected: 'string matching ^o-[0-9]+$', found: 'string' },
      { path: 'amount', message: 'is out of bounds', expected: 'more than 0', found: 'number' },
      { path: 'count', message: 'has the wrong type', expected: 'integer', found: 'string' },
      { path: 'country', message: 'is not one of the values allowed', expected: 'one of "DE", "FR"', found: 'string' },
      { path: 'items', message: 'is out of bounds', expected: 'at most 2 items', found: 'array' },
      { path: 'items[0].sku', message: 'is missing', expected: 'a value', found: 'nothing' },
      { path: 'items[1].sku', message: 'has the wrong type', expected: 'string', found: 'integer' }
    ])
    expect(JSON.stringify(failures)).not.toContain('secret')
  })

  test('an integer beyond 2^53 is told apart where the schema says integer, and only there', () => {
    expect(failuresOf(order, text('{"id":"o-1","amount":1,"count":9007199254740993}'))).toEqual([
      {
        path: 'count',
        message: 'is an integer beyond 2^53 - 1, which JSON readers round',
        expected: 'integer from -9007199254740991 to 9007199254740991',
        found: 'integer'
      }
    ])
    expect(decode(order, text('{"id":"o-1","amount":9007199254740993}')).ok).toBe(true)
    expect(decode(order, text('{"id":"o-1","amount":1,"count":9007199254740991}')).ok).toBe(true)
  })

  const integer = { type: 'integer' }
  const beyond = 'is an integer beyond 2^53 - 1, which JSON readers round'
  test.each([
    ['no type: object', { properties: { a: integer } }, '{"a":#}', 'a'],
    ['several types', { properties: { a: { type: ['integer', 'string'] } } }, '{"a":#}', 'a'],
    ['anyOf', { properties: { a: { anyOf: [integer, { type: 'string' }] } } }, '{"a":#}', 'a'],
    ['prefixItems', { prefixItems: [integer] }, '[#]', '[0]'],
    ['items', { items: { allOf: [integer] } }, '[1,#]', '[1]'],
    ['contains', { contains: integer }, '[#]', '[0]'],
    ['patternProperties', { patternProperties: { '^a': integer } }, '{"a":#}', '[*]'],
    ['additionalProperties', { properties: { b: {} }, additionalProperties: integer }, '{"a":#}', '[*]'],
    ['oneOf', { oneOf: [{ required: ['a'], properties: { a: integer } }, { type: 'null' }] }, '{"a":#}', 'a'],
    ['if', { if: { required: ['a'] }, then: { properties: { a: integer } } }, '{"a":#}', 'a'],
    ['$ref', { $defs: { n: { $id: 'n.json', ...integer } }, properties: { a: { $ref: 'n.json' } } }, '{"a":#}', 'a'],
    ['the root', integer, '#', ''],
    ['a reference from the root', { $ref: '#/$defs/n', $defs: { n: integer } }, '#', ''],
    ['__proto__', { additionalProperties: integer }, '{"__proto__":#}', '[*]']
  ])('an integer beyond 2^53 and one that rounding makes are refused under %s', (_name, schema, payload, path) => {
    const format = json(schema)
    const failures = failuresOf(format, text(payload.replace('#', '9007199254740993')))
    expect(failures[0]).toMatchObject({ path, message: beyond })
    expect(decode(format, text(payload.replace('#', '1.00000000000000000000001'))).ok).toBe(false)
    expect(decode(format, text(payload.replace('#', '-9007199254740991'))).ok).toBe(true)
  })

  test('an integer beyond 2^53 is a number where the schema takes both', () => {
    for (const schema of [{ type: ['integer', 'number'] }, { anyOf: [integer, { type: 'number' }] }, true]) {
      expect(decode(json({ additionalProperties: schema }), text('{"a":9007199254740993}')).ok).toBe(true)
    }
  })

  test.each(['1.0', '10e-1', '1.5e1', '0e5', '0.000', '-0.0', '1e2', '120e-1', '100.00e-2', '9007199254740991.0'])(
    '%s is an integer',
    (literal) => {
      expect(decode(json(integer), text(literal)).ok).toBe(true)
    }
  )

  test.each([
    '9007199254740991.4',
    '0.99999999999999999999',
    '1e-400',
    '1.00000000000000001e1',
    '10.0000000000000001e-1'
  ])('%s is none', (literal) => {
    expect(failuresOf(json(integer), text(literal))).toEqual([
      { path: '', message: 'has the wrong type', expected: 'integer', found: 'number' }
    ])
  })

  test('names that no schema declares are content of the record and are not shown', () => {
    const format = json({ properties: { a: {} }, additionalProperties: { type: 'object', required: ['b'] } })
    const failures = failuresOf(format, text('{"a":1,"ada":1,"4711":{}}'))
    expect(failures.map(({ path }) => path)).toEqual(['[*].b', '[*]'])
    expect(JSON.stringify(failuresOf(format, text('{"a":1,"ada":{"b":01}}')))).not.toContain('ada')
    expect(failuresOf(format, text('{"ada":{"a":01}}'))).toMatchObject([{ path: '[*].a' }])
  })

  test('nullable, which is of OpenAPI, lets no null through', () => {
    expect(decode(json({ properties: { a: { type: 'string', nullable: true } } }), text('{"a":null}')).ok).toBe(false)
    expect(decode(json({ properties: { nullable: { type: 'string' } } }), text('{"nullable":1}')).ok).toBe(false)
  })

  test('alternatives with many failures inside count as one', () => {
    const alternatives = Array.from({ length: 20 }, (_, i) => ({ required: [`k${i}`] }))
    const format = json({ type: 'array', items: { oneOf: alternatives } })
    const failures = failuresOf(format, text(`[${Array(10_000).fill('{}').join(',')}]`))
    expect(failures).toHaveLength(limits.failures)
    expect(failures[15]).toMatchObject({ path: '[15]', message: 'matches none of the alternatives' })
  })

  test('failures inside an alternative are not named when another one passes', () => {
    const lists = ['string', 'boolean', 'number'].map((type) => ({ items: { type } }))
    const format = json({ properties: { a: { anyOf: lists }, b: { type: 'string' }, c: { type: 'string' } } })
    const few = `{"a":[${Array(100).fill('1').join(',')}],"b":1,"c":1}`
    expect(failuresOf(format, text(few)).map(({ path }) => path)).toEqual(['b', 'c'])
    // So many that the pass is given up: what the first pass found stays.
    const many = `{"a":[${Array(5_000).fill('1').join(',')}],"b":1,"c":1}`
    expect(failuresOf(format, text(many)).map(({ path }) => path)).toEqual(['b'])
  })

  test('at most sixteen failures, and one of a large payload, are kept', () => {
    const numbers = json({ type: 'array', items: { type: 'string' } })
    expect(failuresOf(numbers, text(`[${'1,'.repeat(100)}1]`))).toHaveLength(limits.failures)
    const large = text(`[${'1,'.repeat(500_000)}1]`)
    const growth = heapGrowth(() => expect(failuresOf(numbers, large)).toHaveLength(1))
    expect(growth).toBeLessThan(100_000_000)
  })

  test('names of prototypes are required, allowed and typed like any other', () => {
    const format = json({
      type: 'object',
      required: ['__proto__', 'constructor'],
      additionalProperties: false,
      properties: JSON.parse('{"__proto__":{"type":"integer"},"constructor":{"type":"string"}}') as object
    })
    expect(failuresOf(format, text('{}')).map(({ path }) => path)).toEqual(['__proto__', 'constructor'])
    expect(failuresOf(format, text('{"__proto__":"x","constructor":"y"}'))).toMatchObject([
      { path: '__proto__', expected: 'integer' }
    ])
    expect([...(valueOf(format, text('{"__proto__":1,"constructor":"y"}')) as Map<string, unknown>)]).toEqual([
      ['__proto__', 1n],
      ['constructor', 'y']
    ])
    expect(failuresOf(format, text('{"__proto__":1,"constructor":"y","toString":1}'))).toMatchObject([{ path: '[*]' }])
  })

  test('propertyNames, patternProperties and dependentRequired see __proto__ by its name', () => {
    const format = (schema: string): ReturnType<typeof load> => load({ format: 'json', source: schema })
    expect(decode(format('{"propertyNames":{"enum":["__proto__"]}}'), text('{"__proto__":1}')).ok).toBe(true)
    expect(decode(format('{"propertyNames":{"pattern":"^__proto__$"}}'), text('{"__proto__":1}')).ok).toBe(true)
    expect(decode(format('{"patternProperties":{"^__proto__$":{"type":"string"}}}'), text('{"__proto__":1}')).ok).toBe(
      false
    )
    expect(
      failuresOf(format('{"dependentRequired":{"__proto__":["a"],"b":["__proto__"]}}'), text('{"__proto__":1}'))
    ).toMatchObject([{ path: 'a', message: 'is missing beside __proto__' }])
  })

  test('objects compare by content in const, enum and uniqueItems', () => {
    expect(decode(json({ const: { a: [1, { b: 2 }] } }), text('{"a":[1.0,{"b":2}]}')).ok).toBe(true)
    expect(decode(json({ enum: [{ a: 1, b: 2 }] }), text('{"b":2,"a":1}')).ok).toBe(true)
    expect(decode(json({ uniqueItems: true }), text('[{"a":1,"b":2},{"b":2,"a":1}]')).ok).toBe(false)
    expect(decode(json({ uniqueItems: true }), text('[1,true,"1",[1],{"a":1},null,0,false]')).ok).toBe(true)
  })

  test('$async, which is of one library, changes nothing', () => {
    const format = json({ $async: true, type: 'object', properties: { a: { $async: true, type: 'string' } } })
    expect(decode(format, text('{"a":"x"}')).ok).toBe(true)
    expect(decode(format, text('{"a":1}')).ok).toBe(false)
    expect(decode(format, text('1')).ok).toBe(false)
    const hidden = { format: 'json', source: '{"x":{"$async":true,"type":"string"},"$ref":"#/x"}' } as const
    expect(problemOf(hidden).problem).toContain('async')
  })

  test('a document that others refer to by the $id it has', () => {
    const source = '{"properties":{"a":{"$ref":"http://example.com/code.json"}}}'
    const code = '{"$id":"http://example.com/code.json","type":"string"}'
    const references = [{ name: 'http://example.com/code.json', source: code }]
    const format = load({ format: 'json', source, references })
    expect(decode(format, text('{"a":"x"}')).ok).toBe(true)
    expect(decode(format, text('{"a":1}')).ok).toBe(false)
  })

  test('of a nullable alternative the failures inside are named, of real ones the choice', () => {
    const nullable = json({ properties: { a: { anyOf: [{ type: 'null' }, { type: 'object', required: ['x'] }] } } })
    expect(failuresOf(nullable, text('{"a":{}}'))).toMatchObject([{ path: 'a.x', message: 'is missing' }])
    const choice = json({ oneOf: [{ required: ['a'] }, { required: ['b'] }] })
    expect(failuresOf(choice, text('{}'))).toMatchObject([{ path: '', message: 'matches none of the alternatives' }])
    expect(failuresOf(choice, text('{"a":1,"b":1}'))).toMatchObject([
      { path: '', message: 'matches more than one alternative' }
    ])
  })

  test('formats are asserted', () => {
    const format = json({ properties: { at: { type: 'string', format: 'date-time' } } })
    expect(decode(format, text('{"at":"2026-01-01T00:00:00Z"}')).ok).toBe(true)
    expect(failuresOf(format, text('{"at":"yesterday"}'))).toMatchObject([
      { path: 'at', expected: 'string in format date-time' }
    ])
  })

  test('the draft follows $schema', () => {
    const tuple = { items: [{ type: 'string' }], additionalItems: false }
    const draft07 = json({ $schema: 'http://json-schema.org/draft-07/schema#', ...tuple })
    expect(decode(draft07, text('["a",1]')).ok).toBe(false)
    expect(problemOf({ format: 'json', source: JSON.stringify(tuple) }).problem).toContain('2020-12')
    expect(decode(json({ prefixItems: [{ type: 'string' }], items: false }), text('["a",1]')).ok).toBe(false)
  })
})

describe('bombs', () => {
  test('a pattern that would backtrack for hours is linear', () => {
    const format = json({ type: 'string', pattern: '^(a|a)*$' })
    expect(decode(format, text(`"${'a'.repeat(100_000)}!"`)).ok).toBe(false)
  })

  test.each([
    'email',
    'uri',
    'uri-reference',
    'uri-template',
    'hostname',
    'ipv4',
    'ipv6',
    'date-time',
    'duration',
    'url',
    'uuid',
    'json-pointer',
    'byte',
    'regex'
  ])('the format %s takes no long time over a hostile string', (name) => {
    const format = json({ type: 'string', format: name })
    for (const piece of ['a', 'a.', 'a-', '-', '%41', '1:', '/', '.a@', '{a}', 'http://a', '1Y', '[']) {
      decode(format, text(JSON.stringify(piece.repeat(30_000))))
      decode(format, text(JSON.stringify(`http://${piece.repeat(20_000)}!`)))
    }
  })

  test('uniqueItems over a hundred thousand objects', () => {
    const objects = Array.from({ length: 100_000 }, (_, index) => `{"a":${index}}`).join(',')
    expect(decode(json({ uniqueItems: true }), text(`[${objects}]`)).ok).toBe(true)
  })

  test('references that make judging exponential run out of steps', () => {
    const branch = { allOf: [{ properties: { a: { $ref: '#' } } }, { $ref: '#/$defs/never' }] }
    const format = json({ anyOf: [branch, branch, true], $defs: { never: { not: {} } } })
    const deep = '{"a":'.repeat(60) + '{}' + '}'.repeat(60)
    expect(failuresOf(format, text(deep))).toEqual([
      { path: '', message: 'takes more steps to judge than a payload of its size may' }
    ])
  })

  test('the steps grow with the payload', () => {
    const leaf = { type: 'array', items: { $ref: '#/$defs/n' } }
    const format = json({ ...leaf, $defs: { n: { type: 'integer' } } })
    expect(decode(format, text(`[${'1,'.repeat(100_000)}1]`)).ok).toBe(true)
    let chain: Record<string, unknown> = { n0: {} }
    for (let i = 1; i <= 30; i++) {
      const next = { $ref: `#/$defs/n${i - 1}` }
      chain = { ...chain, [`n${i}`]: { allOf: [next, next] } }
    }
    expect(failuresOf(json({ $ref: '#/$defs/n30', $defs: chain }), text('1'))).toMatchObject([
      { message: 'takes more steps to judge than a payload of its size may' }
    ])
    // 2^11 of them: less than the steps of a small payload.
    expect(decode(json({ $ref: '#/$defs/n9', $defs: chain }), text('1')).ok).toBe(true)
  })

  test('a reference to itself runs out of steps', () => {
    expect(failuresOf(json({ $ref: '#' }), text('1'))).toHaveLength(1)
    expect(failuresOf(json({ allOf: [{ $ref: '#' }, { $ref: '#' }] }), text('1'))).toHaveLength(1)
  })

  test('recursion over the data is fine, as deep as payloads may be', () => {
    const tree = json({ type: 'object', properties: { next: { $ref: '#' } }, additionalProperties: false })
    expect(decode(tree, text('{"next":'.repeat(60) + '{}' + '}'.repeat(60))).ok).toBe(true)
    expect(failuresOf(tree, text('{"next":'.repeat(60) + '{"x":1}' + '}'.repeat(60)))[0]?.path).toMatch(/next\[\*\]$/)
  })
})

describe('schemas', () => {
  const problem = (schema: unknown): string => problemOf({ format: 'json', source: JSON.stringify(schema) }).problem

  test.each([
    ['a remote reference', { $ref: 'https://example.com/x.json' }, 'never fetched'],
    ['a reference to a file', { $ref: 'file:///etc/passwd' }, 'never fetched'],
    ['a dangling reference', { $ref: '#/$defs/x' }, '$ref'],
    ['another draft', { $schema: 'http://json-schema.org/draft-04/schema#' }, 'judged are'],
    ['a wrong keyword', { type: 'strin' }, 'not a usable JSON Schema'],
    ['a pattern that is none', { pattern: '(' }, 'not a usable JSON Schema'],
    ['a look-ahead', { pattern: '(?=a)' }, 'not a usable JSON Schema'],
    ['a back-reference', { pattern: '(a)\\1' }, 'not a usable JSON Schema'],
    ['$dynamicRef', { $dynamicRef: '#x' }, '$dynamicRef'],
    ['a list', [], 'an object, true or false'],
    [
      'too many subschemas',
      { properties: Object.fromEntries(Array.from({ length: 4_001 }, (_, i) => [`p${i}`, {}])) },
      'more than 4000'
    ]
  ])('with %s are refused', (_name, schema, expected) => {
    expect(problem(schema)).toContain(expected)
  })

  test('that are no JSON are refused with the line, huge ones before they are parsed', () => {
    expect(problemOf({ format: 'json', source: '{\n\n"a" 1}' })).toMatchObject({ line: 3 })
    expect(problemOf({ format: 'json', source: `"${'x'.repeat(1_100_000)}"` }).problem).toContain('larger than')
    expect(problemOf({ format: 'json', source: '{"not":'.repeat(50_000) }).problem).toContain('nested deeper')
  })

  test('of thousands of fields are judged rightly, by either kind of code', () => {
    const names = Array.from({ length: 2000 }, (_, i) => `p${i}`)
    const field = { type: 'string', minLength: 1 }
    const format = json({ type: 'object', properties: Object.fromEntries(names.map((name) => [name, field])) })
    expect(decode(format, text('{"p1":"a","x":1}')).ok).toBe(true)
    expect(failuresOf(format, text('{"p1":1,"p1999":""}')).map(({ path }) => path)).toEqual(['p1', 'p1999'])
    const demands = json({ allOf: names.map((name) => ({ required: [name] })) })
    expect(failuresOf(demands, text('{}'))[0]).toMatchObject({ path: 'p0', message: 'is missing' })
    expect(decode(demands, text(JSON.stringify(Object.fromEntries(names.map((name) => [name, 1]))))).ok).toBe(true)
  })

  test('nested as deep as allowed compile', () => {
    expect(json(JSON.parse('{"not":'.repeat(199) + '{}' + '}'.repeat(199))).name).toBe('json')
  })

  test('may refer to documents given with them, by name and relative to their $id', () => {
    const references = [{ name: 'money.json', source: '{"type":"integer","$defs":{"cents":{"maximum":99}}}' }]
    for (const id of [{}, { $id: 'https://example.com/schemas/order.json' }]) {
      const source = JSON.stringify({
        ...id,
        type: 'object',
        properties: { a: { $ref: 'money.json' }, c: { $ref: 'money.json#/$defs/cents' } }
      })
      const format = load({ format: 'json', source, references })
      expect(failuresOf(format, text('{"a":"x","c":100}')).map(({ path }) => path)).toEqual(['a', 'c'])
    }
  })

  test('draft-07: what stands beside $ref is ignored', () => {
    const schema = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      definitions: { a: { type: 'integer' } },
      properties: { x: { $ref: '#/definitions/a', maximum: 1 } }
    }
    expect(decode(json(schema), text('{"x":5}')).ok).toBe(true)
  })
})

describe('shapes', () => {
  const shapeOf = (schema: unknown): unknown => json(schema).shape

  test.each([
    [{ type: 'integer' }, 'int'],
    [{ type: 'number' }, 'double'],
    [{ type: ['integer', 'number'] }, 'double'],
    [{ type: ['string', 'null'] }, 'string'],
    [{ type: ['string', 'integer'] }, 'dyn'],
    [{ enum: ['a', 'b'] }, 'string'],
    [{ enum: [1, 'b'] }, 'dyn'],
    [{ const: true }, 'bool'],
    [{ type: 'null' }, 'null'],
    [{ minimum: 1 }, 'dyn'],
    [true, 'dyn'],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 'string'],
    [{ oneOf: [{ type: 'string' }, { type: 'integer' }] }, 'dyn'],
    [{ $ref: '#/$defs/x', $defs: { x: { type: 'boolean' } } }, 'bool'],
    [{ allOf: [{ type: 'number' }, { type: 'integer' }] }, 'int'],
    [{ $ref: '#' }, 'dyn']
  ])('%o is %s', (schema, kind) => {
    expect(shapeOf(schema)).toEqual({ kind })
  })

  test('of objects list their fields; required ones that cannot be null are never absent', () => {
    const { shape } = json({
      type: 'object',
      required: ['a', 'b'],
      properties: {
        a: { type: 'string', 'confluent:tags': ['PII'] },
        b: { type: ['string', 'null'] },
        c: { type: 'array', items: { type: 'integer' } },
        d: { $ref: '#' }
      }
    })
    if (shape.kind !== 'record') throw new Error('no record')
    expect(shape.open).toBe(true)
    expect([...shape.fields].slice(0, 3)).toEqual([
      ['a', { shape: { kind: 'string' }, optional: false, sensitive: true }],
      ['b', { shape: { kind: 'string' }, optional: true }],
      ['c', { shape: { kind: 'list', items: { kind: 'int' } }, optional: true }]
    ])
    expect(shape.fields.get('d')?.shape).toBe(shape)
  })

  test('of objects without listed properties are maps, closed ones are closed', () => {
    expect(shapeOf({ type: 'object', additionalProperties: { type: 'integer' } })).toEqual({
      kind: 'map',
      values: { kind: 'int' }
    })
    expect(shapeOf({ type: 'object', additionalProperties: false, properties: {} })).toMatchObject({
      kind: 'record',
      open: false
    })
    expect(
      shapeOf({ type: 'object', additionalProperties: false, properties: {}, patternProperties: { x: {} } })
    ).toMatchObject({ open: true })
  })

  test('of allOf have the fields of all parts', () => {
    const { shape } = json({
      allOf: [
        { type: 'object', required: ['a'], properties: { a: { type: 'string' } } },
        { type: 'object', properties: { a: {}, b: { type: 'integer' } } }
      ]
    })
    if (shape.kind !== 'record') throw new Error('no record')
    expect([...shape.fields]).toEqual([
      ['a', { shape: { kind: 'string' }, optional: false }],
      ['b', { shape: { kind: 'int' }, optional: true }]
    ])
  })

  test('of lists of lists without end stop at dyn', () => {
    expect(JSON.stringify(shapeOf({ type: 'array', items: { $ref: '#' } }))).toContain('dyn')
  })
})
