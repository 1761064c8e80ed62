/**
 * The decoders against the libraries: what `avsc` and `protobufjs` write is read back as it was, and on damaged bytes
 * the two agree, except where ours is stricter in a way that is listed here and in `docs/formats.md`.
 */
import avsc from 'avsc'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { describe, expect, test } from 'vitest'
import { Uint } from '../../../../src/contracts/value.ts'
import type { Value } from '../../../../src/contracts/value.ts'
import type { PayloadFormat } from '../../../../src/contracts/payload/format.ts'
import { jsonWithoutSchema } from '../../../../src/contracts/payload/json.ts'
import { avro, encoded, json, proto } from './helpers.ts'

interface Sample {
  /** As a case would write it. */
  readonly plain: unknown
  readonly value: Value
}

interface Typed {
  readonly schema: unknown
  readonly sample: fc.Arbitrary<Sample>
}

let names = 0

function primitive(
  schema: string,
  values: fc.Arbitrary<unknown>,
  toValue: (plain: never) => Value = (plain) => plain
): Typed {
  return { schema, sample: values.map((plain) => ({ plain, value: toValue(plain as never) })) }
}

const primitives: fc.Arbitrary<Typed> = fc.constantFrom(
  primitive('boolean', fc.boolean()),
  primitive('int', fc.integer(), (plain: number) => BigInt(plain)),
  primitive('long', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  primitive('double', fc.double()),
  primitive('string', fc.string({ unit: 'grapheme' })),
  primitive(
    'bytes',
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))
  )
)

function sampleList(items: Typed): fc.Arbitrary<Sample> {
  return fc.array(items.sample, { maxLength: 5 }).map((samples) => ({
    plain: samples.map(({ plain }) => plain),
    value: samples.map(({ value }) => value)
  }))
}

function sampleMap(values: Typed): fc.Arbitrary<Sample> {
  const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString'))
  return fc.array(fc.tuple(key, values.sample), { maxLength: 4 }).map((entries) => {
    const unique = new Map(entries)
    return {
      plain: Object.fromEntries([...unique].map(([name, { plain }]) => [name, plain])),
      value: new Map([...unique].map(([name, { value }]) => [name, value]))
    }
  })
}

function record(types: readonly Typed[]): Typed {
  const name = `R${++names}`
  const fields = types.map(({ schema }, index) => ({ name: index === 0 ? '__proto__' : `f${index}`, type: schema }))
  const sample = fc.tuple(...types.map((type) => type.sample)).map((samples) => ({
    plain: Object.fromEntries(samples.map(({ plain }, index) => [fields[index]!.name, plain])),
    value: new Map(samples.map(({ value }, index) => [fields[index]!.name, value]))
  }))
  return { schema: { type: 'record', name, fields }, sample }
}

function nullable(type: Typed): Typed {
  return {
    schema: ['null', type.schema],
    sample: fc.oneof(fc.constant<Sample>({ plain: null, value: null }), type.sample)
  }
}

const types: fc.Arbitrary<Typed> = fc.letrec<{ type: Typed; plain: Typed }>((tie) => ({
  type: fc.oneof({ depthSize: 'small', withCrossShrink: true }, primitives, tie('plain'), tie('plain').map(nullable)),
  plain: fc.oneof(
    { depthSize: 'small' },
    primitives,
    tie('type').map((items) => ({ schema: { type: 'array', items: items.schema }, sample: sampleList(items) })),
    tie('type').map((values) => ({ schema: { type: 'map', values: values.schema }, sample: sampleMap(values) })),
    fc.array(tie('type'), { minLength: 1, maxLength: 4 }).map(record)
  )
})).type

/** Longs as bigints in the oracle too, by a type of its own. */
const longs = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: () => 0
})

function oracle(schema: unknown): avsc.Type {
  return avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: true, registry: { long: longs } })
}

/** What ours refuses and `avsc` may let through, or loops over. */
const stricter =
  /neither true nor false|not valid UTF-8|another size than it says|claims more items|64 bits|32 bits|negative length|longer than the payload|cut short/

/** What both refuse. */
const alike = /bytes after the value|names a branch|names a symbol/
/** What both refuse, but `avsc` only after it has read on, for as long as a count that was never there says. */
const alikeWithoutCounts = /cut short/

/** One to three bytes changed, inserted or cut. */
function damaged(bytes: Buffer): fc.Arbitrary<Buffer> {
  const edit = fc.tuple(fc.nat(Math.max(0, bytes.length)), fc.nat(255), fc.constantFrom('set', 'insert', 'cut'))
  return fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => {
    let changed = Buffer.from(bytes)
    for (const [at, byte, kind] of edits) {
      if (kind === 'cut') changed = changed.subarray(0, Math.min(at, changed.length))
      else if (kind === 'insert')
        changed = Buffer.concat([changed.subarray(0, at), Buffer.from([byte]), changed.subarray(at)])
      else if (at < changed.length) changed[at] = byte
    }
    return changed
  })
}

function decodeWhole(format: PayloadFormat, bytes: Buffer): ReturnType<PayloadFormat['decode']> {
  return format.decode(bytes, 0, bytes.length)
}

describe('Avro', () => {
  const samples = types.chain((type) => type.sample.map((sample) => ({ schema: type.schema, sample })))

  test('what avsc writes for any schema is read back exactly', () => {
    fc.assert(
      fc.property(samples, ({ schema, sample }) => {
        const format = avro(schema)
        expect(decodeWhole(format, encoded(format, sample.plain))).toEqual({ ok: true, value: sample.value })
      }),
      { numRuns: 400 }
    )
  })

  test('damaged bytes never throw, and are accepted only where avsc accepts them', () => {
    const cases = samples.chain(({ schema, sample }) => {
      const format = avro(schema)
      return damaged(encoded(format, sample.plain)).map((bytes) => ({ schema, format, bytes }))
    })
    fc.assert(
      fc.property(cases, ({ schema, format, bytes }) => {
        const decoded = decodeWhole(format, bytes)
        const message = decoded.ok ? '' : decoded.failures[0]!.message
        const hasCounts = /"(?:array|map)"/.test(JSON.stringify(schema))
        if (decoded.ok || alike.test(message) || (alikeWithoutCounts.test(message) && !hasCounts)) {
          expect(accepts(() => oracle(schema).fromBuffer(bytes))).toBe(decoded.ok)
        } else {
          expect(message).toMatch(stricter)
        }
      }),
      { numRuns: 1500 }
    )
  })
})

describe('Protobuf', () => {
  const source = `syntax = "proto3";
    message M {
      int32 a = 1; sint64 b = 2; uint64 c = 3; fixed32 d = 4; sfixed64 e = 5; double f = 6; bool g = 7; string h = 8; bytes i = 9;
      repeated int64 j = 10; repeated string k = 11; map<string, int32> l = 12; M m = 13; optional uint32 n = 14;
      oneof o { string p = 15; M q = 16; } E r = 17; repeated E s = 18;
    }
    enum E { Z = 0; ONE = 1; MINUS = -1; }`
  const format = proto(source)
  const type = protobuf.parse(source, new protobuf.Root(), { keepCase: true }).root.lookupType('M')

  const signed64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const unsigned64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const fields = (depth: number): fc.Arbitrary<Record<string, unknown>> =>
    fc.record(
      {
        a: fc.integer(),
        b: signed64,
        c: unsigned64,
        d: fc.nat(2 ** 31 - 1),
        e: signed64,
        f: fc.double({ noNaN: true }),
        g: fc.boolean(),
        h: fc.string(),
        i: fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
        j: fc.array(signed64, { maxLength: 4 }),
        k: fc.array(fc.string(), { maxLength: 3 }),
        l: fc.dictionary(fc.string(), fc.integer(), { maxKeys: 3, noNullPrototype: true }),
        n: fc.nat(),
        r: fc.constantFrom('ONE', 'MINUS'),
        s: fc.array(fc.constantFrom('Z', 'ONE'), { maxLength: 3 }),
        ...(depth > 0 ? { m: fields(depth - 1), q: fields(depth - 1) } : {})
      },
      { requiredKeys: [] }
    )

  const enumNumbers: Readonly<Record<string, bigint>> = { Z: 0n, ONE: 1n, MINUS: -1n }

  function expected(plain: Record<string, unknown>): Map<string, Value> {
    const uint = (value: unknown): Uint => new Uint(BigInt((value ?? 0) as number))
    const message = (value: unknown): Map<string, Value> | undefined =>
      value === undefined ? undefined : expected(value as Record<string, unknown>)
    const all: [string, Value | undefined][] = [
      ['a', BigInt((plain['a'] ?? 0) as number)],
      ['b', (plain['b'] ?? 0n) as bigint],
      ['c', uint(plain['c'])],
      ['d', uint(plain['d'])],
      ['e', (plain['e'] ?? 0n) as bigint],
      ['f', (plain['f'] ?? 0) as number],
      ['g', (plain['g'] ?? false) as boolean],
      ['h', (plain['h'] ?? '') as string],
      ['i', Buffer.from((plain['i'] ?? []) as Uint8Array)],
      ['j', (plain['j'] ?? []) as bigint[]],
      ['k', (plain['k'] ?? []) as string[]],
      [
        'l',
        new Map(
          Object.entries((plain['l'] ?? {}) as Record<string, number>).map(([key, value]) => [key, BigInt(value)])
        )
      ],
      ['m', message(plain['m'])],
      ['n', plain['n'] === undefined ? undefined : uint(plain['n'])],
      ['q', message(plain['q'])],
      ['r', enumNumbers[(plain['r'] ?? 'Z') as string]!],
      ['s', ((plain['s'] ?? []) as string[]).map((name) => enumNumbers[name]!)]
    ]
    return new Map(all.filter((entry): entry is [string, Value] => entry[1] !== undefined))
  }

  /** The form protobufjs takes: 64-bit integers as strings. */
  function forLibrary(plain: unknown): unknown {
    if (typeof plain === 'bigint') return plain.toString()
    if (Array.isArray(plain)) return plain.map(forLibrary)
    if (plain === null || typeof plain !== 'object' || Buffer.isBuffer(plain)) return plain
    return Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, forLibrary(value)]))
  }

  function comparable(value: unknown): unknown {
    // An absent bytes field is an empty Uint8Array, one that was sent a Buffer.
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
    if (Array.isArray(value)) return value.map(comparable)
    return value instanceof Map ? new Map([...value].map(([key, inner]) => [key, comparable(inner)])) : value
  }

  test('what protobufjs writes, and what we write, is read back exactly', () => {
    fc.assert(
      fc.property(fields(2), (plain) => {
        const theirs = Buffer.from(type.encode(type.fromObject(forLibrary(plain) as Record<string, unknown>)).finish())
        for (const bytes of [theirs, encoded(format, plain)]) {
          const decoded = decodeWhole(format, bytes)
          expect(decoded.ok ? comparable(decoded.value) : decoded).toEqual(comparable(expected(plain)))
        }
      }),
      { numRuns: 400 }
    )
  })

  test('damaged bytes never throw, and are accepted only where protobufjs accepts them', () => {
    const cases = fields(2).chain((plain) => damaged(encoded(format, plain)))
    fc.assert(
      fc.property(cases, (bytes) => {
        const decoded = decodeWhole(format, bytes)
        if (decoded.ok) expect(accepts(() => type.decode(bytes))).toBe(true)
      }),
      { numRuns: 1500 }
    )
  })
})

describe('JSON', () => {
  const jsonText = fc.json({ maxDepth: 5 })

  test('what JSON.stringify writes is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const decoded = decodeWhole(jsonWithoutSchema, Buffer.from(text))
        expect(decoded.ok ? plainOf(decoded.value) : decoded).toEqual(JSON.parse(text))
      }),
      { numRuns: 1000 }
    )
  })

  test('damaged text never throws, and is accepted only where JSON.parse accepts it', () => {
    const schema = json({ type: ['object', 'array'], properties: { a: { type: 'integer' } } })
    fc.assert(
      fc.property(
        jsonText.chain((text) => damaged(Buffer.from(text))),
        (bytes) => {
          const decoded = decodeWhole(jsonWithoutSchema, bytes)
          decodeWhole(schema, bytes)
          const allowed = /not valid UTF-8|more than once|beyond the range|surrogate|nested deeper/
          if (!decoded.ok && allowed.test(decoded.failures[0]!.message)) return
          expect(accepts(() => JSON.parse(bytes.toString()))).toBe(decoded.ok)
        }
      ),
      { numRuns: 3000 }
    )
  })

  function plainOf(value: Value): unknown {
    if (Array.isArray(value)) return value.map(plainOf)
    return value instanceof Map ? Object.fromEntries([...value].map(([key, inner]) => [key, plainOf(inner)])) : value
  }
})

test('random bytes never throw in any format', () => {
  const formats = [
    avro({
      type: 'record',
      name: 'R',
      fields: [{ name: 'a', type: { type: 'array', items: ['null', 'string', 'R'] } }]
    }),
    proto('syntax = "proto3"; message M { M m = 1; repeated int32 r = 2; string s = 3; map<string, M> p = 4; }'),
    json({ type: 'object' })
  ]
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const format of formats) expect(typeof decodeWhole(format, Buffer.from(bytes)).ok).toBe('boolean')
    }),
    { numRuns: 3000 }
  )
})

function accepts(run: () => unknown): boolean {
  try {
    run()
    return true
  } catch {
    return false
  }
}
