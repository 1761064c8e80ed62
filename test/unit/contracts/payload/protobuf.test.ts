import { describe, expect, test } from 'vitest'
import { Duration, Timestamp, Uint } from '../../../../src/contracts/value.ts'
import { encodePayload } from '../../../../src/contracts/payload/encode.ts'
import { loadSchema } from '../../../../src/contracts/payload/load.ts'
import { isBuiltIn } from '../../../../src/contracts/payload/protobuf/parse.ts'
import { mostStatements, protobufImports } from '../../../../src/contracts/payload/protobuf/tokens.ts'
import { decode, encoded, failuresOf, load, problemOf, proto, valueOf } from './helpers.ts'

const order = proto(`
  syntax = "proto3";
  package shop;
  import "google/protobuf/timestamp.proto";
  message Order {
    string id = 1;
    int32 count = 2;
    optional int32 limit = 3;
    repeated sint64 deltas = 4;
    map<string, Item> items = 5;
    Country country = 6;
    oneof payment { string card = 7; Item voucher = 8; }
    google.protobuf.Timestamp at = 9;
    uint64 big = 10;
    double price = 11;
    bytes raw = 12;
    bool paid = 13;
    Order parent = 14;
    repeated Item lines = 15;
  }
  message Item { string sku = 1; int32 count = 2; }
  enum Country { NONE = 0; DE = 1; }
`)
const empty = new Map<string, unknown>([
  ['id', ''],
  ['count', 0n],
  ['deltas', []],
  ['items', new Map()],
  ['country', 0n],
  ['big', new Uint(0n)],
  ['price', 0],
  ['raw', new Uint8Array(0)],
  ['paid', false],
  ['lines', []]
])

describe('values', () => {
  test('of an empty payload are the defaults of the fields without presence', () => {
    expect(valueOf(order, '')).toEqual(empty)
  })

  test('keep their sign, their width and their kind', () => {
    const plain = {
      id: 'o',
      count: -1,
      limit: 0,
      deltas: ['-9223372036854775808', 9],
      items: { a: { sku: 's', count: 2 } },
      country: 'DE',
      voucher: {},
      at: '1969-12-31T23:59:59.5Z',
      big: '18446744073709551615',
      price: -0.5,
      raw: { hex: 'ff' },
      paid: true,
      lines: [{}]
    }
    const item = (sku: string, count: bigint): Map<string, unknown> =>
      new Map<string, unknown>([
        ['sku', sku],
        ['count', count]
      ])
    expect(valueOf(order, encoded(order, plain))).toEqual(
      new Map<string, unknown>([
        ['id', 'o'],
        ['count', -1n],
        ['limit', 0n],
        ['deltas', [-(2n ** 63n), 9n]],
        ['items', new Map([['a', item('s', 2n)]])],
        ['country', 1n],
        ['voucher', item('', 0n)],
        ['at', new Timestamp(-1n, 500_000_000)],
        ['big', new Uint(2n ** 64n - 1n)],
        ['price', -0.5],
        ['raw', Buffer.from([0xff])],
        ['paid', true],
        ['lines', [item('', 0n)]]
      ])
    )
  })

  test('follow field presence: absent is absent, a default that was sent is there', () => {
    expect((valueOf(order, '') as Map<string, unknown>).has('limit')).toBe(false)
    expect((valueOf(order, '1800') as Map<string, unknown>).get('limit')).toBe(0n)
  })

  test('of a oneof that changes its member forth and back keep nothing of the members before', () => {
    const format = proto(
      'syntax = "proto3"; message M { oneof o { int32 a = 1; N n = 2; string s = 3; } } message N { int32 x = 1; int32 y = 2; }'
    )
    const n = (...fields: [string, bigint][]): unknown => new Map([['n', new Map(fields)]])
    expect(valueOf(format, '0805 12020801 1a0178 0806')).toEqual(new Map([['a', 6n]]))
    expect(valueOf(format, '12020801 12021002')).toEqual(n(['x', 1n], ['y', 2n]))
    expect(valueOf(format, '12020801 0805 12021002')).toEqual(n(['x', 0n], ['y', 2n]))
    expect(valueOf(format, `${'0805 1a0178'.repeat(1000)} 12020801`)).toEqual(n(['x', 1n], ['y', 0n]))
  })

  test('of a oneof are the last member on the wire', () => {
    const value = valueOf(order, '3a0161 4200') as Map<string, unknown>
    expect([value.has('card'), value.has('voucher')]).toEqual([false, true])
    const back = valueOf(order, '4200 3a0161') as Map<string, unknown>
    expect([back.get('card'), back.has('voucher')]).toEqual(['a', false])
  })

  test('that come again: the last scalar counts, messages are merged', () => {
    expect((valueOf(order, '1001 1002') as Map<string, unknown>).get('count')).toBe(2n)
    const merged = valueOf(order, '42030a0161 42021005') as Map<string, unknown>
    expect(merged.get('voucher')).toEqual(
      new Map<string, unknown>([
        ['sku', 'a'],
        ['count', 5n]
      ])
    )
  })

  test('of repeated scalars are read packed, unpacked and mixed', () => {
    expect((valueOf(order, '22020102 2003 220104') as Map<string, unknown>).get('deltas')).toEqual([-1n, 1n, -2n, 2n])
  })

  test('of maps: a missing key or value is its default, the last entry counts', () => {
    expect((valueOf(order, '2a00 2a050a0161 1200 2a070a0161 12021003') as Map<string, unknown>).get('items')).toEqual(
      new Map([
        [
          '',
          new Map<string, unknown>([
            ['sku', ''],
            ['count', 0n]
          ])
        ],
        [
          'a',
          new Map<string, unknown>([
            ['sku', ''],
            ['count', 3n]
          ])
        ]
      ])
    )
    const keys = proto(
      'syntax = "proto3"; message M { map<int64, bool> a = 1; map<bool, int32> b = 2; map<uint64, int32> c = 3; }'
    )
    const plain = { a: { '-7': true }, b: { true: 1 }, c: { '18446744073709551615': 1 } }
    expect(valueOf(keys, encoded(keys, plain))).toEqual(
      new Map<string, unknown>([
        ['a', new Map([['-7', true]])],
        ['b', new Map([['true', 1n]])],
        ['c', new Map([['18446744073709551615', 1n]])]
      ])
    )
  })

  test('unknown fields of every wire type are accepted, groups included', () => {
    expect(valueOf(order, 'f80601 f9060000000000000000 fa060161 fd0600000000 fb06 0801 0b0c fc06')).toEqual(empty)
  })

  test('an open enum takes any number, a closed one only its own', () => {
    expect((valueOf(order, '3063') as Map<string, unknown>).get('country')).toBe(99n)
    const closed = proto('syntax = "proto2"; message M { optional E e = 1; repeated E r = 2; } enum E { A = 1; }')
    expect(failuresOf(closed, '0863')).toMatchObject([{ path: 'e', expected: 'enum E', byteOffset: 1 }])
    expect(failuresOf(closed, '12020163')).toMatchObject([{ path: 'r[1]', byteOffset: 3 }])
    expect(valueOf(closed, '0801')).toEqual(
      new Map<string, unknown>([
        ['e', 1n],
        ['r', []]
      ])
    )
  })

  test('of int32 with more than 32 bits and of bool over 1 are what the language says', () => {
    expect((valueOf(order, '10ffffffff1f') as Map<string, unknown>).get('count')).toBe(-1n)
    expect((valueOf(order, '6802') as Map<string, unknown>).get('paid')).toBe(true)
  })
})

describe('proto2 and editions', () => {
  test('a required field must be there, also inside messages', () => {
    const format = proto(
      'syntax = "proto2"; message M { optional N n = 1; repeated N r = 2; } message N { required int32 x = 1; }'
    )
    expect(valueOf(format, '')).toEqual(new Map([['r', []]]))
    expect(failuresOf(format, '0a00')).toMatchObject([{ path: 'n.x', message: 'is missing', expected: 'int32' }])
    expect(failuresOf(format, '12020801 1200')).toMatchObject([{ path: 'r[1].x' }])
    expect(valueOf(format, '0a00 0a020801')).toEqual(
      new Map<string, unknown>([
        ['n', new Map([['x', 1n]])],
        ['r', []]
      ])
    )
  })

  test('a group is read as a group', () => {
    const format = proto('syntax = "proto2"; message M { optional group G = 1 { optional int32 x = 1; } }')
    const [name = ''] = format.shape.kind === 'record' ? format.shape.fields.keys() : []
    expect(valueOf(format, '0b 0805 0c')).toEqual(new Map([[name, new Map([['x', 5n]])]]))
    expect(failuresOf(format, '0b 0805')).toMatchObject([{ message: 'is cut short' }])
    expect(failuresOf(format, '0b 0805 14')).toMatchObject([{ message: 'ends a group that was not begun' }])
    expect(failuresOf(format, '0a 020805')).toMatchObject([{ message: 'has another wire type than its field' }])
  })

  test('editions: presence, closed enums and delimited messages by feature', () => {
    const format = proto(`edition = "2023";
      message M { int32 a = 1; int32 b = 2 [features.field_presence = IMPLICIT]; M m = 3 [features.message_encoding = DELIMITED]; E e = 4; }
      enum E { option features.enum_type = CLOSED; Z = 0; }`)
    expect(valueOf(format, '1b 0801 1c')).toEqual(
      new Map<string, unknown>([
        ['b', 0n],
        [
          'm',
          new Map([
            ['a', 1n],
            ['b', 0n]
          ])
        ]
      ])
    )
    expect(failuresOf(format, '2005')).toMatchObject([{ path: 'e' }])
  })
})

describe('well-known types', () => {
  const format = proto(`syntax = "proto3";
    import "google/protobuf/duration.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/timestamp.proto";
    import "google/protobuf/wrappers.proto"; import "google/protobuf/any.proto";
    message M { google.protobuf.Duration d = 1; google.protobuf.Value v = 2; google.protobuf.Struct s = 3; google.protobuf.StringValue w = 4;
      google.protobuf.Timestamp t = 5; google.protobuf.Any a = 6; google.protobuf.ListValue l = 7; google.protobuf.UInt32Value u = 8; }`)

  test('are values of their own', () => {
    const plain = { d: '-1.5s', v: [1, null, { a: 'x' }], s: { k: true }, w: '', l: ['y'], u: 7 }
    expect(valueOf(format, encoded(format, plain))).toEqual(
      new Map<string, unknown>([
        ['d', new Duration(-1n, -500_000_000)],
        ['v', [1, null, new Map([['a', 'x']])]],
        ['s', new Map([['k', true]])],
        ['w', ''],
        ['l', ['y']],
        ['u', new Uint(7n)]
      ])
    )
  })

  test('are absent without being sent, and a null value is null', () => {
    expect(valueOf(format, '')).toEqual(new Map())
    expect(valueOf(format, encoded(format, { v: null }))).toEqual(new Map([['v', null]]))
    expect(valueOf(format, '1200')).toEqual(new Map([['v', null]]))
  })

  test('keep their names in snake case, as CEL knows them', () => {
    const value = valueOf(format, '32040a0278 79') as Map<string, unknown>
    expect(value.get('a')).toEqual(
      new Map<string, unknown>([
        ['type_url', 'xy'],
        ['value', new Uint8Array(0)]
      ])
    )
  })

  test.each([
    ['a timestamp after the year 9999', '2a0808 80c0a8caf9ff3f'.replaceAll(' ', '')],
    ['negative nanoseconds', '2a0b10 ffffffffffffffffff01'],
    ['a duration of mixed signs', '0a0d0801 10ffffffffffffffffff01']
  ])('%s is out of range', (_name, bytes) => {
    expect(failuresOf(format, bytes)).toMatchObject([{ message: 'is out of range' }])
  })

  test('have shapes of their own', () => {
    if (format.shape.kind !== 'record') throw new Error('no record')
    const shapes = [...format.shape.fields].map(([name, field]) => [name, field.shape.kind, field.optional])
    expect(shapes).toEqual([
      ['d', 'duration', true],
      ['v', 'dyn', true],
      ['s', 'map', true],
      ['w', 'string', true],
      ['t', 'timestamp', true],
      ['a', 'record', true],
      ['l', 'list', true],
      ['u', 'uint', true]
    ])
  })
})

describe('payloads that do not decode', () => {
  const bytes = encoded(order, {
    id: 'o-1',
    items: { a: { sku: 's' } },
    deltas: [1, 2],
    price: 1.5,
    at: '2026-01-01T00:00:00Z'
  })

  test('truncated anywhere but between fields', () => {
    let accepted = 0
    for (let length = 0; length < bytes.length; length++) if (decode(order, bytes.subarray(0, length)).ok) accepted++
    // Empty, and after each of id, deltas (twice), items and price.
    expect(accepted).toBe(6)
  })

  test('a wrong wire type names both', () => {
    expect(failuresOf(order, '0801')).toEqual([
      {
        path: 'id',
        message: 'has another wire type than its field',
        expected: 'string (length-delimited)',
        found: 'varint',
        byteOffset: 0
      }
    ])
    expect(failuresOf(order, '1500000000')).toMatchObject([{ path: 'count', found: '32-bit' }])
    expect(failuresOf(order, '2a020d00')).toMatchObject([
      { path: 'items', message: 'has another wire type than its field' }
    ])
  })

  test.each([
    ['bad UTF-8', '0a02c328', 'id', 'is not valid UTF-8', 2],
    ['a string beyond the payload', '0a05 6161', 'id', 'is longer than what it stands in', 1],
    ['a length of 2^63', '0affffffffffffffff7f', 'id', 'is longer than what it stands in', 1],
    ['a varint of eleven bytes', '10ffffffffffffffffffff01', 'count', 'is a varint of more than 10 bytes', 1],
    ['a field number 0', '0001', '', 'has a tag that is no field number', 0],
    ['a field number over 2^29', '8080808010 01', '', 'has a tag that is no field number', 0],
    ['wire type 6', '0e', '', 'has a tag with an unknown wire type', 0],
    ['wire type 7', '0f', '', 'has a tag with an unknown wire type', 0],
    ['an end of a group alone', '0c', '', 'ends a group that was not begun', 0],
    ['an unknown group that does not end', 'fb06', '', 'is cut short', 2],
    ['an unknown group with another end', 'fb060c', '', 'ends another group than it began', 3],
    ['a double cut short', '5900000000', 'price', 'is cut short', 1],
    ['packed values cut short', '220180', 'deltas[0]', 'is cut short', 2],
    [
      'a message inside that overruns its length',
      '7202 0a05 6161616161',
      'parent.id',
      'is longer than what it stands in',
      3
    ]
  ])('%s', (_name, payload, path, message, byteOffset) => {
    expect(failuresOf(order, payload)).toMatchObject([{ path, message, byteOffset }])
  })

  test('trailing bytes that are no field', () => {
    expect(decode(order, Buffer.concat([bytes, Buffer.from([0])])).ok).toBe(false)
  })
})

describe('bombs', () => {
  function nested(levels: number): Buffer {
    let inner = Buffer.alloc(0)
    for (let level = 0; level < levels; level++) {
      const length = Buffer.from(
        inner.length < 128 ? [inner.length] : [(inner.length & 0x7f) | 0x80, inner.length >> 7]
      )
      inner = Buffer.concat([Buffer.from([0x72]), length, inner])
    }
    return inner
  }

  test('messages nested over the limit', () => {
    expect(decode(order, nested(100)).ok).toBe(true)
    expect(failuresOf(order, nested(101))[0]?.message).toBe('is nested deeper than 100 levels')
  })

  test('unknown groups nested over the limit', () => {
    expect(failuresOf(order, Buffer.from('a306'.repeat(100_000), 'hex'))[0]?.message).toBe(
      'is nested deeper than 100 levels'
    )
  })

  const wide = (): ReturnType<typeof proto> => {
    const fields = Array.from({ length: 2000 }, (_, i) => `int32 f${i} = ${i + 1};`).join('')
    return proto(`syntax = "proto3"; message M { repeated N n = 1; } message N { ${fields} }`)
  }

  test('messages of one field with thousands of defaults', () => {
    const payload = Buffer.from('0a020801'.repeat(50_000), 'hex')
    expect(failuresOf(wide(), payload)[0]?.message).toContain('more values')
  })

  test('empty messages share one set of defaults', () => {
    const value = valueOf(wide(), Buffer.from('0a00'.repeat(50_000), 'hex')) as Map<string, Map<string, unknown>[]>
    const messages = value.get('n') ?? []
    expect(messages).toHaveLength(50_000)
    expect(new Set(messages).size).toBe(1)
    expect(messages[0]?.size).toBe(2000)
    expect(messages[0]?.get('f7')).toBe(0n)
  })

  test('what an empty message lacks is still missing', () => {
    const format = proto('syntax = "proto2"; message M { optional N n = 1; } message N { required int32 a = 1; }')
    expect(failuresOf(format, Buffer.from('0a00', 'hex'))).toMatchObject([{ path: 'n.a', message: 'is missing' }])
  })
})

describe('schemas', () => {
  const problem = (
    source: string,
    references: { name: string; source: string }[] = []
  ): { problem: string; line?: number } => problemOf({ format: 'protobuf', source, references })

  test.each([
    ['a syntax error', 'syntax = "proto3";\nmessage M {\n  int32 a 1;\n}', "illegal token '1'", 3],
    ['nothing', '', 'declares no message', undefined],
    ['an unknown type', 'syntax = "proto3"; message M { Nope n = 1; }', "no such Type or Enum 'Nope'", undefined],
    ['a field number twice', 'syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }', 'duplicate id', undefined],
    ['the field number 0', 'syntax = "proto3"; message M { int32 a = 0; }', 'field number 0', undefined],
    [
      'a field number too high',
      'syntax = "proto3"; message M { int32 a = 536870912; }',
      'field number 536870912',
      undefined
    ],
    ['a reserved field number', 'syntax = "proto3"; message M { int32 a = 19000; }', 'field number 19000', undefined],
    ['the name __proto__', 'syntax = "proto3"; message M { int32 __proto__ = 1; }', '__proto__', undefined],
    [
      'a type of an import that is not given',
      'syntax = "proto3"; import "x.proto"; message M { X x = 1; }',
      'import "x.proto"',
      undefined
    ],
    ['only a service', 'syntax = "proto3"; service S {}', 'declares no message', undefined]
  ])('with %s are refused', (_name, source, text, line) => {
    const found = problem(source)
    expect(found.problem).toContain(text)
    if (line !== undefined) expect(found.line).toBe(line)
  })

  test('nested ten thousand messages deep, and with a huge enum, are refused', () => {
    expect(problem(`syntax = "proto3"; ${'message M {'.repeat(10_000)}${'}'.repeat(10_000)}`).problem).toMatch(
      /depth|deep/
    )
    const values = Array.from({ length: 10_001 }, (_, i) => `V${i} = ${i};`).join('')
    expect(problem(`syntax = "proto3"; enum E { ${values} } message M { E e = 1; }`).problem).toContain(
      'more than 10000 values'
    )
  })

  test('with thousands of fields in one message are refused before the parser, however they are hidden', () => {
    const fields = Array.from({ length: 19_000 }, (_, i) => `int32 f${i} = ${i + 1}; /* } */ // {\n`).join('')
    expect(problem(`syntax = "proto3"; message M { ${fields} }`).problem).toContain('more than 2000 fields')
  })

  test('an import that only declares options may be missing', () => {
    const format = proto(
      'syntax = "proto3"; import "confluent/meta.proto"; message M { string a = 1 [(confluent.field_meta).tags = "PII"]; string b = 2 [(confluent.field_meta) = { tags: ["PII"] }]; string c = 3; }'
    )
    if (format.shape.kind !== 'record') throw new Error('no record')
    expect([...format.shape.fields.values()].map((field) => field.sensitive === true)).toEqual([true, true, false])
  })

  test('imports are resolved, transitively, whatever their order', () => {
    const format = load({
      format: 'protobuf',
      source: 'syntax = "proto3"; package a; import "b.proto"; message M { b.B b = 1; }',
      references: [
        { name: 'c.proto', source: 'syntax = "proto3"; package c; message C { string x = 1; }' },
        { name: 'b.proto', source: 'syntax = "proto3"; package b; import public "c.proto"; message B { c.C c = 1; }' }
      ]
    })
    expect(valueOf(format, '0a050a030a0161')).toEqual(new Map([['b', new Map([['c', new Map([['x', 'a']])]])]]))
  })

  test('the message is the first of the file, or the one that is named', () => {
    const source = 'syntax = "proto3"; package p; message A { message In { int32 i = 1; } } message B {}'
    expect(proto(source).shape).toMatchObject({ name: 'p.A' })
    expect(proto(source, 'p.A.In').shape).toMatchObject({ name: 'p.A.In' })
    expect(problemOf({ format: 'protobuf', source, message: 'p.C' }).problem).toBe(
      'declares no message p.C; it declares p.B, p.A, p.A.In'
    )
  })

  test('messages of imports do not count in the indexes of the framing', () => {
    const loaded = loadSchema({
      format: 'protobuf',
      file: 'x',
      source:
        'syntax = "proto3"; package p; import "i.proto"; enum E { Z = 0; } message A { enum F { Y = 0; } message X {} map<string, X> m = 1; message W {} } message B {}',
      references: [{ name: 'i.proto', source: 'syntax = "proto3"; package p; message First {}' }]
    })
    if ('problem' in loaded) throw new Error(loaded.problem)
    const name = (indexes: number[]): unknown => {
      const shape = loaded.formatFor(indexes)?.shape
      return shape?.kind === 'record' ? shape.name : null
    }
    expect([[0], [1], [0, 0], [0, 1], [0, 2], [2], []].map(name)).toEqual([
      'p.A',
      'p.B',
      'p.A.X',
      'p.A.W',
      null,
      null,
      null
    ])
  })
})

describe('encoding a case', () => {
  test.each([
    [{ id: 5 }, 'id does not fit: expected string'],
    [{ count: 2 ** 31 }, 'count does not fit: expected int32'],
    [{ big: -1 }, 'big does not fit: expected uint64'],
    [{ country: 'XX' }, 'country does not fit: expected enum shop.Country'],
    [{ items: { a: { skuu: 1 } } }, 'items.a.skuu does not fit: expected no such field in shop.Item'],
    [{ deltas: 5 }, 'deltas does not fit: expected list of sint64'],
    [{ at: 'yesterday' }, 'at does not fit: expected google.protobuf.Timestamp'],
    ['x', 'the value does not fit: expected shop.Order']
  ])('names what does not fit: %o', (plain, problem) => {
    expect(encodePayload(order, plain)).toEqual({ problem })
  })
})

describe('imports', () => {
  const withReferences = (source: string, references: { name: string; source: string }[]): ReturnType<typeof load> =>
    load({ format: 'protobuf', source, references })

  test('a file that declares options of its own loads, here and in an import', () => {
    const options =
      'import "google/protobuf/descriptor.proto";' +
      'extend google.protobuf.FieldOptions { optional string v = 50000; }' +
      'extend google.protobuf.MessageOptions { optional bool w = 50001; }'
    const message = 'message M { option (w) = true; optional int32 a = 1 [(v) = "x"]; }'
    const own = proto(`syntax = "proto2"; ${options} ${message}`)
    expect(valueOf(own, '0805')).toEqual(new Map([['a', 5n]]))
    const given = withReferences(`syntax = "proto2"; import "v.proto"; ${message}`, [
      { name: 'v.proto', source: `syntax = "proto2"; ${options}` }
    ])
    expect(valueOf(given, '0805')).toEqual(new Map([['a', 5n]]))
  })

  test('files that only declare options may be missing', () => {
    const format = proto(
      'syntax = "proto3"; import "buf/validate/validate.proto"; import "google/api/field_behavior.proto";' +
        'message M { int32 a = 1 [(buf.validate.field).int32.gt = 0, (google.api.field_behavior) = REQUIRED]; }'
    )
    expect(valueOf(format, '0805')).toEqual(new Map([['a', 5n]]))
  })

  test('all files of google.protobuf are there, also together', () => {
    const names = ['type', 'api', 'source_context', 'any', 'descriptor', 'field_mask', 'struct', 'timestamp']
    const imports = names.map((name) => `import "google/protobuf/${name}.proto";`).join('')
    const format = proto(
      `syntax = "proto3"; ${imports} message M { google.protobuf.SourceContext s = 1; google.protobuf.Any a = 2; }`
    )
    expect(valueOf(format, '0a030a0178')).toEqual(new Map([['s', new Map([['file_name', 'x']])]]))
  })

  test.each(['main.proto', 'main', '', 'import main'])('a file called %j is not taken for the main one', (name) => {
    const format = withReferences(`syntax = "proto3"; package a; import "${name}"; message M { int32 n = 2; }`, [
      { name, source: 'syntax = "proto3"; package a; message B { string s = 1; } message A { string n = 2; }' }
    ])
    expect(valueOf(format, '1005')).toEqual(new Map([['n', 5n]]))
  })

  test.each(['get', 'constructor', 'toString'])('%s names no file of the library', (name) => {
    expect(isBuiltIn(name)).toBe(false)
    expect(decode(proto(`syntax = "proto3"; import "${name}"; message M {}`), '').ok).toBe(true)
  })
})

describe('the look at a file before it is parsed', () => {
  test.each([
    ['import "a.proto";', ['a.proto']],
    ['syntax = "proto3"; import public "a.proto"; import weak \'b.proto\';', ['a.proto', 'b.proto']],
    ['edition = "2024"; import option "a.proto";', ['a.proto']],
    ['/* c */ import /* d */ "a.proto" // e\n;', ['a.proto']],
    ['// import "a.proto";\n/* import "b.proto"; */', []],
    ['option x = "import \\"a.proto\\";";', []],
    ['message M { import "a.proto"; }', []],
    ['import a; import "a" "b"; import "a"', []],
    ['message M {} import "a.proto";', ['a.proto']],
    ['}} import "a.proto";', ['a.proto']]
  ])('%s imports %j', (source, names) => {
    expect(protobufImports(source)).toEqual(names)
  })

  test('counts the statements of the largest block that is no enum', () => {
    expect(mostStatements('message M { a b = 1; message N { c d = 1; e f = 2; } }')).toBe(2)
    expect(mostStatements('enum E { A = 0; B = 1; C = 2; } message M { enum x = 1; }')).toBe(1)
    expect(mostStatements('message M { string s = 1 [x = "a;b;c"]; // ;;;\n }')).toBe(1)
  })

  test('ends on a file of a megabyte, whatever it consists of', () => {
    const pieces = ['\n', ' ', '"', "'", '/*', '/', '//', '\\', '"\\', 'enum ', 'a', '{', '}', ';', 'import ', '/*"']
    for (const piece of pieces) {
      const source = piece.repeat(1_000_000 / piece.length)
      expect(protobufImports(source)).toEqual([])
      expect(mostStatements(source)).toBe(piece === ';' ? 1_000_000 : 0)
    }
  })
})
