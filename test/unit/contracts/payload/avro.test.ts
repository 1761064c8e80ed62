import { describe, expect, test } from 'vitest'
import { Decimal, Timestamp } from '../../../../src/contracts/value.ts'
import { encodePayload } from '../../../../src/contracts/payload/encode.ts'
import { limits } from '../../../../src/contracts/payload/limits.ts'
import { avro, decode, encoded, failuresOf, heapGrowth, load, problemOf, valueOf } from './helpers.ts'

const order = avro({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'paid', type: 'boolean' },
    {
      name: 'items',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Item',
          fields: [
            { name: 'sku', type: 'string' },
            { name: 'count', type: 'int' }
          ]
        }
      }
    },
    { name: 'country', type: { type: 'enum', name: 'Country', symbols: ['DE', 'FR'] } },
    { name: 'note', type: ['null', 'string'] },
    { name: 'labels', type: { type: 'map', values: 'long' } }
  ]
})
const good = {
  id: 'o-1',
  paid: true,
  items: [
    { sku: 'a', count: 1 },
    { sku: 'b', count: -2 }
  ],
  country: 'FR',
  note: null,
  labels: { x: 5 }
}

describe('values', () => {
  test('of a record become a map of exact values', () => {
    expect(valueOf(order, encoded(order, good))).toEqual(
      new Map<string, unknown>([
        ['id', 'o-1'],
        ['paid', true],
        [
          'items',
          [
            new Map<string, unknown>([
              ['sku', 'a'],
              ['count', 1n]
            ]),
            new Map<string, unknown>([
              ['sku', 'b'],
              ['count', -2n]
            ])
          ]
        ],
        ['country', 'FR'],
        ['note', null],
        ['labels', new Map([['x', 5n]])]
      ])
    )
  })

  test('of a long keep all 64 bits', () => {
    const long = avro('long')
    for (const value of [0n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(valueOf(long, encoded(long, value.toString()))).toBe(value)
    }
  })

  test('of a union are the value of the branch, without a wrapper', () => {
    const format = avro(['null', 'int', 'string', { type: 'array', items: 'int' }])
    expect([null, 7, 'x', [1]].map((plain) => valueOf(format, encoded(format, plain)))).toEqual([null, 7n, 'x', [1n]])
  })

  test('of float and double are numbers, NaN and infinity included', () => {
    expect(valueOf(avro('double'), '000000000000f87f')).toBeNaN()
    expect(valueOf(avro('float'), '0000807f')).toBe(Infinity)
  })

  test('of blocks with a size are read as those without', () => {
    expect(valueOf(avro({ type: 'array', items: 'int' }), '03 04 02 04 02 06 00')).toEqual([1n, 2n, 3n])
  })

  test('of a field named __proto__ or constructor are values like any other', () => {
    const format = avro({
      type: 'record',
      name: 'R',
      fields: [
        { name: '__proto__', type: 'int' },
        { name: 'constructor', type: 'int' }
      ]
    })
    const value = valueOf(format, '0204')
    expect([...(value as Map<string, unknown>)]).toEqual([
      ['__proto__', 1n],
      ['constructor', 2n]
    ])
    const map = avro({ type: 'map', values: 'int' })
    expect([...(valueOf(map, Buffer.from('\x02\x12__proto__\x02\x00', 'latin1')) as Map<string, unknown>)]).toEqual([
      ['__proto__', 1n]
    ])
  })
})

describe('logical types', () => {
  const logical = (type: string, logicalType: string, more: object = {}): unknown => ({ type, logicalType, ...more })

  test('decimal of bytes and of fixed', () => {
    const bytes = avro(logical('bytes', 'decimal', { precision: 5, scale: 2 }))
    expect(valueOf(bytes, encoded(bytes, '-123.45'))).toEqual(new Decimal(-12345n, 2))
    expect(valueOf(bytes, '04 0080')).toEqual(new Decimal(128n, 2))
    const fixed = avro({ type: 'fixed', name: 'D', size: 4, logicalType: 'decimal', precision: 9, scale: 0 })
    expect(valueOf(fixed, 'ffffff00')).toEqual(new Decimal(-256n, 0))
  })

  test('decimal with bytes in front that only repeat the sign, as a wide fixed must have them', () => {
    const fixed = avro({ type: 'fixed', name: 'D', size: 16, logicalType: 'decimal', precision: 9, scale: 2 })
    expect(valueOf(fixed, encoded(fixed, '12.34'))).toEqual(new Decimal(1234n, 2))
    expect(valueOf(fixed, encoded(fixed, '-9999999.99'))).toEqual(new Decimal(-999999999n, 2))
    expect(failuresOf(fixed, `${'00'.repeat(11)}0100000000`)).toHaveLength(1)
    expect(failuresOf(fixed, `${'ff'.repeat(11)}0000000000`)).toHaveLength(1)
    const bytes = avro(logical('bytes', 'decimal', { precision: 2 }))
    expect(valueOf(bytes, '0a 0000000063')).toEqual(new Decimal(99n, 0))
    expect(failuresOf(bytes, '0a 0000000064')).toHaveLength(1)
  })

  test('decimal with more digits than its precision, or none', () => {
    const format = avro(logical('bytes', 'decimal', { precision: 2 }))
    expect(valueOf(format, '02 63')).toEqual(new Decimal(99n, 0))
    expect(failuresOf(format, '02 64')).toMatchObject([
      { message: 'is not a decimal of this precision', expected: 'decimal(2,0)', byteOffset: 0 }
    ])
    expect(failuresOf(format, '00')).toHaveLength(1)
    expect(failuresOf(format, Buffer.concat([Buffer.from('80897a', 'hex'), Buffer.alloc(1_000_000, 1)]))).toHaveLength(
      1
    )
  })

  test.each([
    ['timestamp-millis', -1n, new Timestamp(-1n, 999_000_000)],
    ['timestamp-micros', 1_500_000n, new Timestamp(1n, 500_000_000)],
    ['timestamp-nanos', 1_000_000_001n, new Timestamp(1n, 1)]
  ])('%s is an instant', (name, units, instant) => {
    const format = avro(logical('long', name))
    expect(format.shape).toEqual({ kind: 'timestamp' })
    expect(valueOf(format, encoded(format, units))).toEqual(instant)
  })

  test.each(['date', 'time-millis'])('%s stays an integer', (name) => {
    const format = avro(logical('int', name))
    expect(format.shape).toEqual({ kind: 'int' })
    expect(valueOf(format, '04')).toBe(2n)
  })

  test.each(['time-micros', 'local-timestamp-millis'])('%s stays an integer', (name) => {
    expect(valueOf(avro(logical('long', name)), '04')).toBe(2n)
  })

  test('uuid must have the form of one', () => {
    const format = avro(logical('string', 'uuid'))
    const uuid = '3f2a91c0-4b7e-4000-8000-00000000000a'
    expect(valueOf(format, encoded(format, uuid))).toBe(uuid)
    expect(failuresOf(format, encoded(avro('string'), 'not-a-uuid'))).toMatchObject([
      { message: 'is not a UUID', expected: 'uuid' }
    ])
    const fixed = avro({ type: 'fixed', name: 'U', size: 16, logicalType: 'uuid' })
    expect(valueOf(fixed, encoded(fixed, uuid))).toBe(uuid)
  })

  test('duration is its three numbers', () => {
    const format = avro({ type: 'fixed', name: 'D', size: 12, logicalType: 'duration' })
    expect(valueOf(format, '01000000 02000000 ffffffff')).toEqual(
      new Map([
        ['months', 1n],
        ['days', 2n],
        ['millis', 4294967295n]
      ])
    )
  })

  test('that are not valid are as if they were not there', () => {
    expect(avro(logical('bytes', 'decimal', { precision: 0 })).shape).toEqual({ kind: 'bytes' })
    expect(avro(logical('string', 'decimal', { precision: 2 })).shape).toEqual({ kind: 'string' })
    expect(avro({ type: 'fixed', name: 'D', size: 1, logicalType: 'decimal', precision: 3 }).shape).toEqual({
      kind: 'bytes'
    })
  })
})

describe('payloads that do not decode', () => {
  const bytes = encoded(order, good)

  test('truncated at any byte', () => {
    for (let length = 0; length < bytes.length; length++)
      expect(decode(order, bytes.subarray(0, length)).ok).toBe(false)
  })

  test('trailing bytes', () => {
    expect(failuresOf(order, Buffer.concat([bytes, Buffer.from([0])]))).toEqual([
      {
        path: '',
        message: 'has bytes after the value',
        expected: 'the end',
        found: '1 byte left',
        byteOffset: bytes.length
      }
    ])
  })

  test('boolean byte 2', () => {
    expect(failuresOf(order, '0261 02')).toMatchObject([
      { path: 'paid', message: 'is neither true nor false', byteOffset: 2 }
    ])
  })

  test('invalid UTF-8, with the offset of the first bad byte', () => {
    expect(failuresOf(order, '0661c328')).toMatchObject([{ path: 'id', message: 'is not valid UTF-8', byteOffset: 2 }])
    for (const bad of ['c0af', 'eda080', 'f4908080', '80', 'e282', 'f0808080']) {
      const length = Buffer.from(bad, 'hex').length * 2
      expect(failuresOf(avro('string'), Buffer.concat([Buffer.from([length]), Buffer.from(bad, 'hex')]))).toHaveLength(
        1
      )
    }
  })

  test('an enum symbol and a union branch that are not there, also negative', () => {
    expect(failuresOf(order, '0261 01 00 04')).toMatchObject([
      { path: 'country', expected: 'enum shop.Country', byteOffset: 4 }
    ])
    expect(failuresOf(order, '0261 01 00 00 04')).toMatchObject([
      { path: 'note', expected: 'null or string', byteOffset: 5 }
    ])
    expect(failuresOf(avro({ type: 'enum', name: 'E', symbols: ['A'] }), '01')).toHaveLength(1)
    expect(failuresOf(avro(['null']), '01')).toHaveLength(1)
  })

  test('the path leads into lists and maps', () => {
    expect(failuresOf(order, '0261 01 04 0261 02 0261 ffffffffff7f')).toMatchObject([
      { path: 'items[1].count', message: 'does not fit 32 bits' }
    ])
    expect(failuresOf(order, '0261 01 00 00 00 02 0278')).toMatchObject([
      { path: 'labels[*]', message: 'is cut short' }
    ])
  })

  test('a map key is content of the record and is not shown', () => {
    const format = avro({ type: 'map', values: 'boolean' })
    const key = Buffer.from('ada@example.com')
    const failures = failuresOf(format, Buffer.concat([Buffer.from([2, key.length * 2]), key, Buffer.from([9])]))
    expect(failures).toMatchObject([{ path: '[*]' }])
    expect(JSON.stringify(failures)).not.toContain('ada')
  })

  test('records of nulls are bounded by the bytes of the payload', () => {
    const nulls = Array.from({ length: 60 }, (_, i) => ({ name: `n${i}`, type: 'null' }))
    const fields = [{ name: 'x', type: 'boolean' }, ...nulls]
    const format = avro({ type: 'array', items: { type: 'record', name: 'I', fields } })
    const list = (count: number): Buffer => Buffer.concat([encoded(avro('long'), count), Buffer.alloc(count + 1)])
    expect(decode(format, list(20)).ok).toBe(true)
    expect(failuresOf(format, list(10_000))[0]?.message).toContain('more values than a payload of its size')
  })

  test('optional fields that are all null are not too many', () => {
    const fields = Array.from({ length: 30 }, (_, i) => ({ name: `f${i}`, type: ['null', 'string'] }))
    const format = avro({ type: 'array', items: { type: 'record', name: 'R', fields } })
    const payload = Buffer.concat([encoded(avro('long'), 10_000), Buffer.alloc(300_001)])
    expect(decode(format, payload).ok).toBe(true)
  })

  test('a varint of more than 64 bits', () => {
    expect(valueOf(avro('long'), 'ffffffffffffffffff01')).toBe(-(2n ** 63n))
    expect(failuresOf(avro('long'), 'ffffffffffffffffff02')).toMatchObject([
      { message: 'is a number of more than 64 bits' }
    ])
    expect(failuresOf(avro('long'), 'ffffffffffffffffffff01')).toMatchObject([
      { message: 'is a number of more than 64 bits' }
    ])
  })

  test('a block whose size in bytes is another', () => {
    expect(failuresOf(avro({ type: 'array', items: 'int' }), '03 06 02 04 00 00')).toMatchObject([
      { message: 'has a block of another size than it says' }
    ])
  })

  test('lengths that are negative or beyond the payload, never allocated', () => {
    expect(failuresOf(avro('bytes'), '01')).toMatchObject([{ message: 'has a negative length' }])
    expect(failuresOf(avro('string'), 'feffffffffffffffff01')).toMatchObject([
      { message: 'is longer than the payload', byteOffset: 0 }
    ])
    expect(failuresOf(avro('bytes'), 'ffffffffffffffffff01')).toHaveLength(1)
  })
})

describe('bombs', () => {
  test('five bytes that claim fifty million nulls', () => {
    const format = avro({ type: 'array', items: 'null' })
    const growth = heapGrowth(() => expect(failuresOf(format, '8080801400')[0]?.message).toContain('take no bytes'))
    expect(growth).toBeLessThan(10_000_000)
    expect(valueOf(format, '00')).toEqual([])
  })

  test.each([
    ['empty records', { type: 'record', name: 'E', fields: [] }],
    ['records of nulls', { type: 'record', name: 'E', fields: [{ name: 'a', type: 'null' }] }],
    ['fixed of size 0', { type: 'fixed', name: 'F', size: 0 }]
  ])('items without a size: %s', (_name, items) => {
    expect(failuresOf(avro({ type: 'array', items }), '02 00')[0]?.message).toContain('take no bytes')
  })

  test.each(['fefffffffffffffffe01', 'ffffffffffffffffff01 00', '80808014'])(
    'a count no payload can hold: %s',
    (count) => {
      const { message } = failuresOf(avro({ type: 'array', items: 'int' }), count)[0]!
      expect(message).toBe('claims more items than the payload can hold')
      expect(failuresOf(avro({ type: 'map', values: 'null' }), count)).toHaveLength(1)
    }
  )

  test('the least size of a recursive item counts', () => {
    const tree = {
      type: 'record',
      name: 'T',
      fields: [
        { name: 'a', type: 'double' },
        { name: 'next', type: ['null', 'T'] }
      ]
    }
    expect(
      failuresOf(avro({ type: 'array', items: tree }), '06 0000000000000000 00 0000000000000000 00')[0]?.message
    ).toContain('claims more items')
  })

  test('recursion a byte per level', () => {
    const list = avro({ type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] })
    expect(failuresOf(list, Buffer.alloc(100_000, 2))[0]?.message).toBe(
      `is nested deeper than ${limits.payloadNesting.avro} levels`
    )
    const deepest = limits.payloadNesting.avro
    expect(decode(list, Buffer.concat([Buffer.alloc(deepest - 1, 2), Buffer.alloc(1)])).ok).toBe(true)
    expect(decode(list, Buffer.concat([Buffer.alloc(deepest, 2), Buffer.alloc(1)])).ok).toBe(false)
  })

  test('items with a thousand nulls per byte', () => {
    const fields = Array.from({ length: 1000 }, (_, index) => ({ name: `n${index}`, type: 'null' }))
    const format = avro({
      type: 'array',
      items: { type: 'record', name: 'R', fields: [...fields, { name: 'b', type: 'boolean' }] }
    })
    const bytes = Buffer.concat([encoded(avro('long'), 100_000), Buffer.alloc(100_001)])
    expect(failuresOf(format, bytes)[0]?.message).toContain('more values')
  })
})

describe('schemas', () => {
  const problem = (source: unknown): string => problemOf({ format: 'avro', source: JSON.stringify(source) }).problem

  test('that can never end are refused', () => {
    expect(problem({ type: 'record', name: 'A', fields: [{ name: 'a', type: 'A' }] })).toContain('A contains itself')
    const b = { type: 'record', name: 'B', fields: [{ name: 'a', type: 'A' }] }
    expect(problem({ type: 'record', name: 'A', fields: [{ name: 'b', type: b }] })).toContain('contains itself')
    expect(problem({ type: 'record', name: 'A', fields: [{ name: 'a', type: ['A'] }] })).toContain('contains itself')
  })

  test('that are recursive with an exit load', () => {
    for (const type of [['null', 'A'], { type: 'array', items: 'A' }, { type: 'map', values: 'A' }]) {
      expect(avro({ type: 'record', name: 'A', fields: [{ name: 'a', type }] }).shape.kind).toBe('record')
    }
  })

  test.each([
    ['an unknown type', 'Nope', 'undefined type name'],
    [
      'a name twice',
      { type: 'record', name: 'A', fields: [{ name: 'x', type: { type: 'record', name: 'A', fields: [] } }] },
      'duplicate'
    ],
    ['a bad name', { type: 'record', name: 'a-b', fields: [] }, 'not an Avro schema'],
    [
      'a bad default',
      { type: 'record', name: 'A', fields: [{ name: 'x', type: 'int', default: 'y' }] },
      'not an Avro schema'
    ],
    [
      'too many symbols',
      { type: 'enum', name: 'E', symbols: Array.from({ length: 10_001 }, (_, i) => `S${i}`) },
      'more than 10000 symbols'
    ],
    [
      'a decimal of too many digits',
      { type: 'bytes', logicalType: 'decimal', precision: 100_000 },
      'more than 1000 digits'
    ],
    ['a number', 5, 'not an Avro schema'],
    ['null', null, 'not an Avro schema']
  ])('with %s are refused', (_name, schema, text) => {
    expect(problem(schema)).toContain(text)
  })

  test('that are no JSON are refused with the line', () => {
    expect(problemOf({ format: 'avro', source: '{\n"type": "record",\n"name" "A"}' })).toMatchObject({ line: 3 })
  })

  test('that are huge or deep are refused before they are parsed', () => {
    expect(problemOf({ format: 'avro', source: ' '.repeat(1_100_000) }).problem).toContain('larger than')
    expect(problemOf({ format: 'avro', source: '['.repeat(100_000) }).problem).toContain('nested deeper')
    const fields = Array.from({ length: 20_001 }, (_, i) => ({ name: `f${i}`, type: 'int' }))
    expect(problem({ type: 'record', name: 'A', fields })).toContain('more than 20000')
  })

  test('may refer to documents given before them', () => {
    const format = load({
      format: 'avro',
      source:
        '{"type":"record","name":"A","namespace":"n","fields":[{"name":"b","type":"B"},{"name":"c","type":"m.C"}]}',
      references: [
        { name: 'm.C', source: '{"type":"enum","name":"C","namespace":"m","symbols":["X"]}' },
        { name: 'n.B', source: '{"type":"record","name":"B","namespace":"n","fields":[{"name":"c","type":"m.C"}]}' }
      ]
    })
    expect(valueOf(format, '0000')).toEqual(
      new Map<string, unknown>([
        ['b', new Map([['c', 'X']])],
        ['c', 'X']
      ])
    )
  })

  test('resolve names by their namespaces', () => {
    const inner = { type: 'record', name: 'x.y.In', fields: [{ name: 'self', type: ['null', 'In'] }] }
    const format = avro({
      type: 'record',
      name: 'Out',
      namespace: 'a',
      fields: [
        { name: 'i', type: inner },
        { name: 'o', type: ['null', 'Out', 'x.y.In'] }
      ]
    })
    expect(valueOf(format, '00 04 00')).toEqual(
      new Map([
        ['i', new Map([['self', null]])],
        ['o', new Map([['self', null]])]
      ])
    )
  })
})

describe('shapes', () => {
  test('say what rules may rely on', () => {
    const shape = avro({
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: ['null', 'long'] },
        { name: 'b', type: ['int', 'long'] },
        { name: 'c', type: ['int', 'string'] },
        { name: 'd', type: { type: 'array', items: 'float' } },
        { name: 'e', type: 'string', 'confluent:tags': ['PII'] },
        { name: 'f', type: ['null', 'R'] }
      ]
    }).shape
    if (shape.kind !== 'record') throw new Error('no record')
    expect([...shape.fields].slice(0, 5)).toEqual([
      ['a', { shape: { kind: 'int' }, optional: true }],
      ['b', { shape: { kind: 'int' }, optional: false }],
      ['c', { shape: { kind: 'dyn' }, optional: false }],
      ['d', { shape: { kind: 'list', items: { kind: 'double' } }, optional: false }],
      ['e', { shape: { kind: 'string' }, optional: false, sensitive: true }]
    ])
    expect(shape.fields.get('f')?.shape).toBe(shape)
    expect(shape.open).toBe(false)
  })
})

describe('encoding a case', () => {
  test.each([
    [{ ...good, id: 5 }, 'id does not fit: expected string'],
    [{ ...good, items: [{ sku: 'a', count: 1.5 }] }, 'items[0].count does not fit: expected int'],
    [{ ...good, country: 'XX' }, 'country does not fit: expected enum shop.Country'],
    [{ ...good, extra: 1 }, 'extra does not fit: expected no such field in shop.Order'],
    [{ ...good, labels: [] }, 'labels does not fit: expected map'],
    [{}, 'id does not fit: expected string'],
    [null, 'the value does not fit: expected record shop.Order']
  ])('names what does not fit: %o', (plain, problem) => {
    expect(encodePayload(order, plain)).toEqual({ problem })
  })

  test('leaves out null branches and takes bytes as base64 or hex', () => {
    const format = avro({
      type: 'record',
      name: 'R',
      fields: [
        { name: 'n', type: ['null', 'int'] },
        { name: 'b', type: 'bytes' }
      ]
    })
    expect(encoded(format, { b: 'AAE=' }).toString('hex')).toBe('00040001')
    expect(encoded(format, { b: { hex: '0001' } }).toString('hex')).toBe('00040001')
  })
})
