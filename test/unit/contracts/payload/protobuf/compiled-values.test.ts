/** The compiled walker and the values of fields: well-known types, text and enums, always against the reference. */
import { isUtf8 } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import { caseCount, compareJudges, SeededRandom } from '../../../../support/compiled-payload.ts'
import { compiledOf, counted, head, judged, kindsOf, proto, reasonOf, slots, varint } from './compiled-helpers.ts'

describe('well-known types', () => {
  const format = proto(`${head} message M { google.protobuf.Timestamp t = 1; google.protobuf.Duration d = 2; }`)
  const instant = (field: number, seconds: bigint | null, nanos: bigint | null): Buffer =>
    counted(
      field,
      ...(seconds === null ? [] : [Buffer.from([8]), varint(seconds)]),
      ...(nanos === null ? [] : [Buffer.from([16]), varint(nanos)])
    )

  test('a timestamp is milliseconds when they say it all', () => {
    expect(judged(format, instant(1, 1_700_000_000n, 5_000_000n), ['t'])).toBe('both')
    expect([kindsOf(1)[0], slots.numbers[0]]).toEqual(['timestampMs', 1_700_000_000_005])
    expect(judged(format, instant(1, -1n, 999_000_000n), ['t'])).toBe('both')
    expect([kindsOf(1)[0], slots.numbers[0]]).toEqual(['timestampMs', -1])
    expect(judged(format, instant(1, 5n, 1n), ['t'])).toBe('both')
    expect(kindsOf(1)).toEqual(['other'])
    expect(judged(format, instant(1, null, null), ['t'])).toBe('both')
    expect([kindsOf(1)[0], slots.numbers[0]]).toEqual(['timestampMs', 0])
  })

  test('both are judged at the edges of their ranges as the reference judges them', () => {
    const ends = [0n, 1n, 62_135_596_800n, 253_402_300_799n, 315_576_000_000n, 2n ** 31n, 2n ** 55n, 2n ** 63n - 1n]
    const seconds = ends.flatMap((end) => [end, end + 1n, -end, -end - 1n, BigInt.asIntN(64, end << 8n)])
    const nanos = [
      null,
      0n,
      1n,
      999_999_999n,
      1_000_000_000n,
      -1n,
      -999_999_999n,
      -1_000_000_000n,
      2n ** 32n,
      2n ** 32n - 1n
    ]
    const outcomes: string[] = []
    for (const second of [null, ...seconds]) {
      for (const nano of nanos) {
        for (const field of [1, 2])
          outcomes.push(judged(format, instant(field, second, nano), [field === 1 ? 't' : 'd']))
      }
    }
    expect(outcomes).not.toContain('reference')
    expect(outcomes.filter((outcome) => outcome === 'both').length).toBeGreaterThan(100)
  })

  test('two halves of a timestamp make one, which is not followed where it is noted', () => {
    const halves = Buffer.concat([instant(1, 5n, null), instant(1, null, 7_000_000n)])
    const alone = proto(`${head} message M { google.protobuf.Timestamp t = 1; }`)
    expect(judged(alone, halves)).toBe('both')
    expect(judged(alone, halves, ['t'])).toBe('reference')
  })

  test('something else in one is left to the reference', () => {
    expect(judged(format, '0a021801')).toBe('reference')
    expect(judged(format, '0a038800 01')).toBe('reference')
  })

  test.each([
    [
      'a payload that is one',
      'syntax = "proto3"; package google.protobuf; message Timestamp { int64 seconds = 1; int32 nanos = 2; }',
      [],
      /itself/
    ],
    [
      'one declared in another way',
      'syntax = "proto3"; package google.protobuf; message M { Timestamp t = 1; } message Timestamp { int32 seconds = 1; int32 nanos = 2; }',
      [],
      /not declared as usual/
    ],
    [
      'a Value',
      'syntax = "proto3"; import "google/protobuf/struct.proto"; message M { google.protobuf.Value v = 1; }',
      [['v']],
      /anything/
    ],
    [
      'a field of one',
      `${head} message M { google.protobuf.Timestamp t = 1; }`,
      [['t', 'seconds']],
      /no field seconds/
    ],
    [
      'a field in a list',
      'syntax = "proto3"; message M { repeated M r = 1; int32 n = 2; }',
      [['r', 'n']],
      /no field n/
    ],
    [
      'a key of a map',
      'syntax = "proto3"; message M { map<string, M> p = 1; int32 n = 2; }',
      [['p', 'n']],
      /no field n/
    ],
    ['a field that is not there', 'syntax = "proto3"; message M { M m = 1; }', [['m', 'x']], /no field x/],
    [
      'a path longer than payloads are deep',
      'syntax = "proto3"; message M { M m = 1; }',
      [Array<string>(101).fill('m')],
      /nested/
    ]
  ] as const)('not compiled: %s', (_, source, paths, reason) => {
    expect(reasonOf(proto(source), paths)).toMatch(reason)
  })
})

test('text is judged as isUtf8 judges it', () => {
  const format = proto('syntax = "proto3"; message M { string s = 1; }')
  const compiled = compiledOf(format, [['s']])
  const random = new SeededRandom(7)
  const pieces = ['a', 'abc', '\u00fc', '\u20ac', '\u{1f600}', '\ud7ff', '\ue000', '\uffff'].map((text) =>
    Buffer.from(text)
  )
  const broken = [
    '80',
    'bf',
    'c080',
    'c1bf',
    'c3',
    'e08080',
    'e2 82',
    'ed a0 80',
    'ed bf bf',
    'f0808080',
    'f4908080',
    'f5808080',
    'ff'
  ]
  const parts = [...pieces, ...pieces, ...broken.map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex'))]
  let valid = 0
  const cases = caseCount(5000)
  for (let index = 0; index < cases; index++) {
    const text = Buffer.concat(
      Array.from({ length: random.below(5) }, () => random.pick(random.chance(0.7) ? pieces : parts))
    )
    const { accepted } = compareJudges(format, compiled, [['s']], counted(1, text), slots, `case ${index}`)
    expect(accepted).toBe(isUtf8(text))
    if (accepted) valid++
  }
  expect(valid).toBeGreaterThan(cases / 4)
  expect(valid).toBeLessThan(cases)
})

test('every text of up to three of the telling bytes, and of five with one in each place', () => {
  const format = proto('syntax = "proto3"; message M { string s = 1; }')
  const telling = [0x61, 0x80, 0xbf, 0xc3, 0xe2, 0xff].map((byte) => Buffer.from([byte]))
  let texts: Buffer[] = [Buffer.alloc(0)]
  for (let length = 0; length <= 3; length++) {
    for (const text of texts) expect(judged(format, counted(1, text))).toBe(isUtf8(text) ? 'both' : 'none')
    texts = texts.flatMap((text) => telling.map((byte) => Buffer.concat([text, byte])))
  }
  for (let length = 4; length <= 13; length++) {
    for (let at = 0; at < length; at++) {
      const text = Buffer.alloc(length, 'a')
      text[at] = 0x80
      expect(judged(format, counted(1, text))).toBe('none')
    }
  }
})

test('a closed enum has its own numbers only, an open one all of 32 bits', () => {
  const members = 'optional Even a = 1; repeated Even b = 2; optional Gap c = 3; optional Late d = 4;'
  const enums =
    'enum Even { ZERO = 0; ONE = 1; TWO = 2; } enum Gap { NONE = 0; SEVEN = 7; } enum Late { FIVE = 5; SIX = 6; }'
  const closed = proto(`message M { ${members} } ${enums}`)
  const open = proto(`syntax = "proto3"; message M { ${members} } ${enums.replace('FIVE = 5', 'FIVE = 0')}`)
  const own: Readonly<Record<number, readonly bigint[]>> = {
    1: [0n, 1n, 2n],
    2: [0n, 1n, 2n],
    3: [0n, 7n],
    4: [5n, 6n]
  }
  for (const number of [-(2n ** 31n), -1n, 0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 127n, 128n, 2n ** 32n, 2n ** 32n + 1n]) {
    for (const [field, name] of ['a', 'b', 'c', 'd'].entries()) {
      const payload = Buffer.concat([varint(BigInt(field + 1) * 8n), varint(number)])
      const isOwn = own[field + 1]!.includes(BigInt.asIntN(32, number))
      expect(judged(closed, payload, [name])).toBe(isOwn ? 'both' : 'none')
      expect(judged(closed, payload)).toBe(isOwn ? 'both' : 'none')
      expect(judged(open, payload, [name])).toBe('both')
    }
  }
})
