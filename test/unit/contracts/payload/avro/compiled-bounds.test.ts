/** Where compiled validators stop: depth, blocks, lengths, values without bytes, size of schemas, memory. */
import { describe, expect, test } from 'vitest'
import { mostExcess, surelyAllowedBytes } from '../../../../../src/contracts/payload/avro/compiled/bounds.ts'
import { loadAvroSchema } from '../../../../../src/contracts/payload/avro/load.ts'
import { AvroSchemaReader } from '../../../../../src/contracts/payload/avro/schema.ts'
import { leastSizes } from '../../../../../src/contracts/payload/avro/size.ts'
import { compiledLimits, Slots } from '../../../../../src/contracts/payload/compiled.ts'
import { limits } from '../../../../../src/contracts/payload/limits.ts'
import { compareJudges, SeededRandom } from '../../../../support/compiled-payload.ts'
import { randomSchema, validPayload } from '../../../../support/random-avro.ts'
import { bothAccept, compiled, encoded, load, reasonOf, record } from './compiled-helpers.ts'

describe('bounds', () => {
  test('nesting stops where the reference stops', () => {
    const chain = record('N', { next: ['null', 'N'] })
    const most = limits.payloadNesting.avro
    for (const paths of [[], [['next', 'next']]]) {
      expect(bothAccept(chain, `${'02'.repeat(most - 1)}00`, paths)).toBe(true)
      expect(bothAccept(chain, `${'02'.repeat(most)}00`, paths)).toBe(false)
      expect(bothAccept(chain, `${'02'.repeat(10_000)}00`, paths)).toBe(false)
    }
    const tree = record('T', { kids: { type: 'array', items: { type: 'map', values: 'T' } } })
    const around = (levels: number): string => (levels === 0 ? '00' : `02 02 00 ${around(levels - 1)} 00 00`)
    // Three levels each: the record, the array, the map; and two for the innermost.
    expect(bothAccept(tree, around(20))).toBe(true)
    expect(bothAccept(tree, around(21))).toBe(false)
    let deep: unknown = 'int'
    for (let level = 0; level < most; level++) deep = { type: 'array', items: deep }
    expect(bothAccept(deep, `${'02'.repeat(most)}02${'00'.repeat(most)}`)).toBe(true)
    deep = { type: 'array', items: deep }
    expect(bothAccept(deep, '00')).toBe(true)
    expect(bothAccept(deep, `${'02'.repeat(most - 1)}00${'00'.repeat(most - 1)}`)).toBe(true)
    expect(bothAccept(deep, `${'02'.repeat(most)}00${'00'.repeat(most)}`)).toBe(false)
    expect(bothAccept(deep, `${'02'.repeat(most + 1)}02${'00'.repeat(most + 1)}`)).toBe(false)
  })

  test('a path longer than a payload is deep', () => {
    const chain = record('N', { next: ['null', 'N'] })
    expect(bothAccept(chain, '0200', [Array.from({ length: 64 }, () => 'next')])).toBe(true)
    expect(reasonOf(chain, [Array.from({ length: 65 }, () => 'next')])).toMatch(/longer/)
  })

  test('blocks', () => {
    const nulls = { type: 'array', items: 'null' }
    expect(bothAccept(nulls, '00')).toBe(true)
    expect(bothAccept(nulls, '0200')).toBe(false)
    const longs = { type: 'array', items: 'long' }
    expect(bothAccept(longs, 'ffffffffffffffffff01 00')).toBe(false)
    expect(bothAccept(longs, '01 02 02 00')).toBe(true)
    expect(bothAccept(longs, '01 04 02 00')).toBe(false)
    expect(bothAccept(longs, '01 01 02 00')).toBe(false)
    expect(bothAccept(longs, '01')).toBe(false)
    expect(bothAccept(longs, '06 0202')).toBe(false)
    const wide = { type: 'array', items: { type: 'fixed', name: 'F', size: 2 ** 31 - 1 } }
    expect(bothAccept(wide, '00')).toBe(true)
    expect(bothAccept(wide, '0200')).toBe(false)
  })

  test.each([0, 63, 64, 8191, 8192, 100_000])('a length of %i, and one more than there is', (length) => {
    const text = 'x'.repeat(length)
    for (const [type, plain] of [
      ['string', text],
      ['bytes', { hex: Buffer.from(text).toString('hex') }]
    ] as const) {
      const schema = record('R', { a: type, b: 'int' })
      const payload = encoded(load(schema), { a: plain, b: 5 })
      expect(bothAccept(schema, payload, [['a'], ['b']])).toBe(true)
      expect(bothAccept(schema, payload.subarray(0, -1))).toBe(false)
    }
  })

  test('values without bytes: what may exceed the allowance is left to the reference', () => {
    const bound = (schema: unknown): number => {
      const node = new AvroSchemaReader().read(schema)
      return surelyAllowedBytes(node, leastSizes(node))
    }
    const { floor, perByte, ceiling } = limits.values.avro
    const nulls = (name: string, count: number): object =>
      record(name, Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, 'null'])))
    expect(bound(nulls('N', floor - 1))).toBe(Infinity)
    expect(bound(nulls('N', floor))).toBe(0)
    expect(bound({ type: 'array', items: 'boolean' })).toBe(Infinity)
    // Two values a byte are never too many, four are from a megabyte on, five may be at once.
    const nested = (levels: number): unknown =>
      levels === 0 ? 'boolean' : record(`L${levels}`, { a: nested(levels - 1) })
    expect(bound({ type: 'array', items: nested(1) })).toBe(Infinity)
    expect(bound({ type: 'array', items: nested(2) })).toBe((ceiling - floor) / perByte)
    expect(bound({ type: 'array', items: nested(3) })).toBe((ceiling - floor) / perByte)
    expect(bound({ type: 'array', items: nested(4) })).toBe(0)
    expect(bound({ type: 'array', items: 'null' })).toBe(Infinity)
    // The key takes a byte.
    expect(bound({ type: 'map', values: nested(3) })).toBe(Infinity)
    expect(bound({ type: 'map', values: 'null' })).toBe(Infinity)
    expect(bound(record('N', { a: 'null', b: 'null', c: 'null', next: ['null', 'N'] }))).toBe(
      (ceiling - floor) / perByte
    )
    expect(bound(record('N', { value: 'int', next: ['null', 'N'], list: { type: 'array', items: 'N' } }))).toBe(
      Infinity
    )
    expect(reasonOf({ type: 'array', items: nested(4) })).toMatch(/fewer bytes/)
  })

  test('no payload decodes to more values than its type says', () => {
    for (let seed = 1; seed < 400; seed++) {
      const random = new SeededRandom(seed)
      const schema = randomSchema(random, 4)
      const loaded = loadAvroSchema({ source: JSON.stringify(schema), references: [], file: 'schema' })
      if ('problem' in loaded) continue
      const node = new AvroSchemaReader().read(schema)
      const payload = validPayload(node, random)
      const decoded = loaded.format.decode(payload, 0, payload.length)
      if (!decoded.ok) throw new Error(`seed ${seed}`)
      for (const weight of [2, 4]) {
        const most = weight * payload.length + mostExcess(node, leastSizes(node), weight)
        expect(valuesIn(decoded.value), `seed ${seed}`).toBeLessThanOrEqual(most)
      }
    }
  })

  test('schemas and policies of any size', () => {
    const fields = (count: number, type: unknown): object =>
      record('R', Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, type])))
    const { nodes, paths } = compiledLimits
    expect(reasonOf(fields(nodes - 1, 'string'))).toBe('compiled')
    expect(reasonOf(fields(nodes, 'string'))).toBe(`the schema has more than ${nodes} types and fields`)
    expect(reasonOf(fields(15_000, 'int'))).toMatch(/more than/)
    const many = Array.from({ length: paths + 1 }, (_, index) => [`f${index}`])
    expect(reasonOf(fields(500, 'int'), many.slice(1))).toBe('compiled')
    expect(reasonOf(fields(500, 'int'), many)).toBe(`more than ${paths} fields are read`)
    // Paths into records that contain themselves three times over would be written out without end.
    const tangle = record('T', { f: ['null', record('U', { f: ['null', 'T', 'U'] }), 'T'] })
    expect(reasonOf(tangle, [Array.from({ length: 60 }, () => 'f')])).toMatch(/characters of code/)
  })

  test('records of a thousand fields are split into functions', () => {
    const types = ['string', 'int', 'long', ['null', 'string'], 'double', 'boolean', { type: 'array', items: 'string' }]
    const names = Array.from({ length: 1000 }, (_, index) => `f${index}`)
    const schema = record('R', Object.fromEntries(names.map((name, index) => [name, types[index % types.length]])))
    const paths = [['f0'], ['f500'], ['f501'], ['f980'], ['f999']]
    const format = load(schema)
    const node = new AvroSchemaReader().read(schema)
    const random = new SeededRandom(1)
    const slots = new Slots(paths.length)
    for (let count = 0; count < 5; count++) {
      const payload = validPayload(node, random, 1e9)
      expect(compareJudges(format, compiled(format, paths), paths, payload, slots, 'wide').accepted).toBe(true)
      expect(compareJudges(format, compiled(format), [], payload.subarray(1), slots, 'wide').accepted).toBe(false)
    }
  })
})

test('an accepted payload makes no object', () => {
  const schema = record('R', {
    id: 'long',
    name: 'string',
    amount: 'double',
    at: { type: 'long', logicalType: 'timestamp-millis' },
    tags: { type: 'map', values: 'string' }
  })
  const format = load(schema)
  const payload = encoded(format, { id: 2 ** 40, name: 'Zoë'.repeat(30), amount: 1.5, at: 1e12, tags: { a: 'b' } })
  const validator = compiled(format, [['id'], ['name'], ['amount'], ['at']])
  const slots = new Slots(4)
  let accepted = 0
  const run = (times: number): void => {
    for (let count = 0; count < times; count++) if (validator.accepts(payload, 0, payload.length, slots)) accepted++
  }
  run(20_000)
  const before = process.memoryUsage().heapUsed
  run(50_000)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000 * 8)
  expect(accepted).toBe(70_000)
})

/** As the reference counts them, entries of a map with the same key aside. */
function valuesIn(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + valuesIn(item), 1)
  if (!(value instanceof Map) || value.has('months')) return 1
  let sum = 1
  for (const part of value.values()) sum += valuesIn(part)
  return sum
}
