/** The compiled walker at the places where the language is peculiar, always against the reference. */
import { describe, expect, test } from 'vitest'
import { compiledOf, counted, head, judged, kindsOf, proto, slots, varint } from './compiled-helpers.ts'

const inner = 'message I { string s = 1; int32 n = 2; google.protobuf.Duration d = 3; }'

describe('what comes more than once', () => {
  const plain = proto(
    'syntax = "proto3"; message M { I i = 1; int32 n = 2; repeated I r = 3; } message I { int32 n = 1; }'
  )

  test('the last of a scalar counts', () => {
    expect(judged(plain, '1001 1002 10ffffffffffffffffff01', ['n'])).toBe('both')
    expect(slots.numbers[0]).toBe(-1)
  })

  test('messages are merged, which only their form allows', () => {
    expect(judged(plain, '0a020801 0a020802')).toBe('both')
    expect(judged(plain, '0a020801 0a020802', ['i'])).toBe('both')
    expect(judged(plain, '0a020801 0a020802', ['i', 'n'])).toBe('reference')
    expect(judged(plain, '0a020801 1a020801 1a00', ['i', 'n'], ['r'])).toBe('both')
    expect(kindsOf(2)).toEqual(['int', 'list'])
  })

  test('two halves of a duration that do not fit each other are not let through', () => {
    const format = proto(`${head} message M { I i = 1; map<string, I> p = 2; } ${inner}`)
    const positive = counted(3, Buffer.from('0801', 'hex'))
    const negative = counted(3, Buffer.from('10ffffffffffffffffff01', 'hex'))
    expect(judged(format, counted(1, positive))).toBe('both')
    expect(judged(format, counted(1, negative))).toBe('both')
    expect(judged(format, Buffer.concat([counted(1, positive), counted(1, negative)]))).toBe('none')
    expect(judged(format, counted(1, positive, negative))).toBe('none')
    expect(judged(format, counted(2, counted(2, positive), counted(2, negative)))).toBe('none')
    expect(judged(format, Buffer.concat([counted(2, counted(2, positive)), counted(2, counted(2, negative))]))).toBe(
      'both'
    )
  })

  test('required fields may be spread over occurrences, which is left to the reference', () => {
    const format = proto(
      'message M { optional I i = 1; required int32 n = 40; } message I { required int32 a = 1; required int32 b = 2; }'
    )
    expect(judged(format, 'c00201 0a0408011002')).toBe('both')
    expect(judged(format, 'c00201 0a020801 0a021002')).toBe('reference')
    expect(judged(format, 'c00201 0a020801')).toBe('none')
    expect(judged(format, '')).toBe('none')
  })
})

test('of a oneof the last member counts, and the others are gone with what is in them', () => {
  const format = proto(
    'syntax = "proto3"; message M { oneof o { I i = 1; string s = 2; bool t = 3; } I other = 4; } message I { int32 n = 1; }'
  )
  const paths = [['i'], ['i', 'n'], ['s'], ['t'], ['other', 'n']]
  expect(judged(format, '22020805 0a020801 120161 1800', ...paths)).toBe('both')
  expect(kindsOf(5)).toEqual(['absent', 'absent', 'absent', 'false', 'int'])
  expect(judged(format, '120161 0a020801', ...paths)).toBe('both')
  expect(kindsOf(5)).toEqual(['other', 'int', 'absent', 'absent', 'absent'])
  // A message that was replaced begins anew; its slots are not followed that far.
  expect(judged(format, '0a020801 120161 0a00', ...paths)).toBe('reference')
})

test('lists come packed or not, or both, and are counted', () => {
  const format = proto(
    `syntax = "proto3"; message M { repeated fixed32 f = 1; repeated double d = 2; repeated sint64 n = 3 [packed = false];
       repeated string s = 4; repeated bool t = 20; }`
  )
  const paths = [['f'], ['d'], ['n'], ['s'], ['t']]
  const counts = (): number[] => [...slots.numbers.subarray(0, 5)]
  expect(judged(format, '0a08 0000000000000000 0d00000000 0a00 0d00000000', ...paths)).toBe('both')
  expect(counts()).toEqual([4, 0, 0, 0, 0])
  expect(
    judged(format, '1801 1880808080808080808001 1a03018001 1a00 1807 2200 220161 a20102 0001 a001ff01', ...paths)
  ).toBe('both')
  expect(counts()).toEqual([0, 0, 5, 2, 3])
  for (const [payload, outcome] of [
    ['0a07 00000000000000', 'none'],
    ['1207 00000000000000', 'none'],
    ['120c 000000000000000000000000', 'none'],
    ['1210 00000000000000000000000000000000', 'both'],
    ['1a02 0180 01', 'none'],
    ['1a01', 'none'],
    ['2001', 'none'],
    ['a50100000000', 'none']
  ] as const) {
    expect(judged(format, payload, ...paths)).toBe(outcome)
    expect(judged(format, payload)).toBe(outcome)
  }
})

test('entries of maps may lack either part, but not what a message requires', () => {
  const format = proto(
    'message M { map<string, I> p = 1; map<bool, int32> q = 2; map<int32, O> r = 3; } message I { required int32 n = 1; } message O { }'
  )
  for (const [payload, outcome] of [
    ['0a07 0a0161 12020801', 'both'],
    ['0a07 12020801 0a0161', 'both'],
    ['0a04 12020801', 'both'],
    ['0a03 0a0161', 'none'],
    ['0a05 0a0161 1200', 'none'],
    ['0a00', 'none'],
    ['1200 1202 0801 1202 1005 1206 0801 1001 1001', 'both'],
    ['1202 0d00', 'none'],
    ['1202 1500', 'none'],
    ['1204 0801 2801', 'both'],
    ['1a00 1a02 0801 1a02 1200 1a04 1200 1200', 'both'],
    ['0a03 0a01ff', 'none'],
    ['08', 'none'],
    ['0801', 'none']
  ] as const) {
    expect(judged(format, payload, ['p'], ['q'])).toBe(outcome)
  }
})

test('an absent field has its default where it has no presence, and an absent message nothing', () => {
  const format = proto(
    `syntax = "proto3"; import "google/protobuf/wrappers.proto"; enum E { Z = 0; }
     message M { double d = 1; sint64 n = 2; fixed32 u = 3; bool t = 4; string s = 5; bytes b = 6; E e = 7; repeated M r = 8;
       map<string, M> p = 9; M m = 10; optional int32 o = 11; google.protobuf.StringValue w = 12; }`
  )
  const names = ['d', 'n', 'u', 't', 's', 'b', 'e', 'r', 'p', 'm', 'o', 'w']
  expect(judged(format, '', ...names.map((name) => [name]))).toBe('both')
  expect(kindsOf(12)).toEqual([
    'double',
    'int',
    'uint',
    'false',
    'text',
    'bytes',
    'int',
    'list',
    'other',
    'absent',
    'absent',
    'absent'
  ])
  expect(judged(format, '5200 6200', ['m', 's'], ['m', 'm', 's'], ['w'], ['m', 'w'])).toBe('both')
  expect(kindsOf(4)).toEqual(['text', 'absent', 'text', 'absent'])
})

test('text, wrappers and the same path twice', () => {
  const format = proto(
    'syntax = "proto3"; import "google/protobuf/wrappers.proto"; message M { google.protobuf.Int64Value w = 1; string s = 2; }'
  )
  expect(judged(format, '0a020805 1203616263', ['w'], ['s'], ['w'], ['s'], [])).toBe('both')
  expect(kindsOf(5)).toEqual(['int', 'text', 'int', 'text', 'other'])
})

describe('tags and varints', () => {
  const format = proto(
    'syntax = "proto3"; message M { int32 n = 1; bool t = 2; uint64 u = 3; string s = 4; int32 far = 536870911; }'
  )

  test.each([
    ['a tag of more bytes than it needs', '8800 01', 'both'],
    ['a tag of five bytes', '8880808000 01', 'both'],
    ['a tag of six bytes', '888080808000 01', 'reference'],
    ['the highest field number', 'f8ffffff0f 01', 'both'],
    ['a tag beyond 32 bits', 'f8ffffff1f 01', 'none'],
    ['field number 0', '00 01', 'none'],
    ['the same, longer', '8000 01', 'none'],
    ['wire type 6', '0e 01', 'none'],
    ['an end of a group', '0c', 'none'],
    ['another wire type than the field has', '0d 00000000', 'none'],
    ['a varint of ten bytes', '08 80808080808080808001', 'both'],
    ['one whose tenth byte has too many bits', '08 8080808080808080807f', 'both'],
    ['a varint of eleven bytes', '08 8080808080808080808001', 'none'],
    ['a varint that ends too early', '08 80', 'none'],
    ['a bool of 2^63', '10 80808080808080808001', 'both'],
    ['a bool of 2^64', '10 80808080808080808002', 'both'],
    ['a length of three bytes', '22 808000', 'both'],
    ['a length of five bytes', '22 8080808000', 'reference'],
    ['a length that is negative', '22 ffffffffffffffffff01', 'none'],
    ['an unknown varint', '28 ffffffffffffffffff01', 'both'],
    ['an unknown 64-bit field', '29 0000000000000000', 'both'],
    ['one cut short', '29 00000000000000', 'none'],
    ['an unknown 32-bit field', '2d 00000000', 'both'],
    ['an unknown text', '2a 03 ffffff', 'both'],
    ['one cut short', '2a 03 ffff', 'none'],
    ['an unknown group', '2b 0801 2c', 'reference'],
    ['an unknown group without an end', '2b 0801', 'none']
  ] as const)('%s', (_, payload, outcome) => {
    expect(judged(format, payload, ['n'], ['t'], ['far'])).toBe(outcome)
    expect(judged(format, payload)).toBe(outcome)
  })

  test('integers are noted as long as a double holds them', () => {
    const all = proto(
      'syntax = "proto3"; message M { int64 a = 1; uint64 b = 2; sint64 c = 3; fixed64 d = 4; sfixed64 e = 5; }'
    )
    const edge = 2n ** 53n
    const magnitudes = [
      0n,
      1n,
      127n,
      128n,
      2n ** 28n,
      2n ** 32n,
      edge - 2n,
      edge - 1n,
      edge,
      edge + 1n,
      2n ** 56n,
      2n ** 63n
    ]
    for (const value of magnitudes.flatMap((magnitude) => [magnitude, -magnitude, -magnitude - 1n])) {
      const isExact = value > -edge && value < edge
      const fixed = (number: number): Buffer => {
        const bytes = Buffer.alloc(9, number * 8 + 1)
        bytes.writeBigUInt64LE(BigInt.asUintN(64, value), 1)
        return bytes
      }
      const fits = value >= -(2n ** 63n) && value < 2n ** 63n
      const unsigned = value >= 0n && isExact ? 'both' : 'reference'
      const signed = isExact ? 'both' : 'reference'
      const zigZag = value < 0n ? -2n * value - 1n : 2n * value
      expect(judged(all, Buffer.concat([varint(16n), varint(value)]), ['b'])).toBe(unsigned)
      expect(judged(all, fixed(4), ['d'])).toBe(unsigned)
      if (!fits) continue
      expect(judged(all, Buffer.concat([varint(8n), varint(value)]), ['a'])).toBe(signed)
      expect(judged(all, Buffer.concat([varint(24n), varint(zigZag)]), ['c'])).toBe(signed)
      expect(judged(all, fixed(5), ['e'])).toBe(signed)
    }
  })
})

describe('limits', () => {
  test('nesting counts messages, groups, and entries of maps as two', () => {
    const format = proto(
      'message M { optional M m = 1; map<string, M> p = 2; optional group G = 3 { optional M m = 1; } }'
    )
    const shapes: ((inside: Buffer) => Buffer)[] = [
      (inside) => counted(1, inside),
      (inside) => counted(2, counted(2, inside)),
      (inside) => Buffer.concat([Buffer.from([0x1b]), counted(1, inside), Buffer.from([0x1c])])
    ]
    const outcomes = shapes.map((wrap) => {
      let payload: Buffer = Buffer.alloc(0)
      return Array.from({ length: 102 }, () => judged(format, (payload = wrap(payload))))
    })
    expect(outcomes.map((all) => all.indexOf('none'))).toEqual([100, 50, 50])
    expect(new Set(outcomes.flat())).toEqual(new Set(['both', 'none']))
  })

  test('a timestamp in the last level but one', () => {
    const format = proto(
      `${head} message M { M m = 1; google.protobuf.Timestamp t = 2; google.protobuf.Duration d = 3; }`
    )
    for (const leaf of ['1200', '1a00']) {
      let payload: Buffer = Buffer.from(leaf, 'hex')
      const outcomes = Array.from({ length: 102 }, () => {
        const outcome = judged(format, payload)
        payload = counted(1, payload)
        return outcome
      })
      expect(outcomes.indexOf('none')).toBe(100)
      expect(outcomes.slice(0, 100)).not.toContain('reference')
    }
  })

  test('values without bytes are counted as the reference counts them', () => {
    const names = Array.from({ length: 1000 }, (_, index) => `int32 f${index} = ${index + 5};`)
    const format = proto(
      `syntax = "proto3"; message M { repeated I i = 1; } message I { int32 n = 1; ${names.join(' ')} }`
    )
    const item = counted(1, Buffer.from([8, 1]))
    const outcomes = Array.from({ length: 20 }, (_, count) =>
      judged(format, Buffer.concat(Array<Buffer>(count).fill(item)))
    )
    const first = outcomes.indexOf('none')
    expect(first).toBeGreaterThan(5)
    // What is sent after all is counted twice here: in doubt for one item, no more.
    expect(outcomes.slice(0, first - 1)).not.toContain('reference')
    expect(outcomes.slice(first)).not.toContain('both')
  })

  test('messages without any field cost nothing, however many defaults they have', () => {
    const names = Array.from({ length: 200 }, (_, index) => `int32 f${index} = ${index + 5};`)
    const format = proto(`syntax = "proto3"; message M { repeated I i = 1; } message I { ${names.join(' ')} }`)
    const payload = Buffer.concat(Array<Buffer>(5000).fill(Buffer.from([10, 0])))
    expect(judged(format, payload)).not.toBe('none')
  })
})

test('every prefix of a payload is judged without a look at what follows', () => {
  const format = proto(
    `${head} message M { string s = 1; repeated int32 n = 2; M m = 3; google.protobuf.Timestamp t = 4; double d = 16; fixed32 u = 2049;
       map<string, int64> p = 17; }`
  )
  const leaf = Buffer.from(
    '0a03616263 12020102 810100000000000000f03f 8d800101000000 8a01050a01611007'.replaceAll(' ', ''),
    'hex'
  )
  const payload = Buffer.concat([leaf, counted(3, leaf), Buffer.from('220608011080ade204', 'hex'), leaf])
  const paths = [['s'], ['n'], ['m', 'u'], ['t'], ['d']]
  const compiled = compiledOf(format, paths)
  const other = Buffer.from(payload)
  for (let end = 0; end <= payload.length; end++) {
    other.fill(0xff)
    payload.copy(other, 0, 0, end)
    const accepted = compiled.accepts(payload, 0, end, slots)
    expect(compiled.accepts(other, 0, end, slots)).toBe(accepted)
    expect(accepted && !format.decode(payload, 0, end).ok).toBe(false)
  }
  expect(compiled.accepts(payload, 0, payload.length, slots)).toBe(format.decode(payload, 0, payload.length).ok)
})
