/** What stands in generated code, and what the slots hold. */
import { describe, expect, test } from 'vitest'
import { generateAvro } from '../../../../../src/contracts/payload/avro/compiled/compile.ts'
import { AvroSchemaReader } from '../../../../../src/contracts/payload/avro/schema.ts'
import { leastSizes } from '../../../../../src/contracts/payload/avro/size.ts'
import { slotKind, Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type { SlotPath } from '../../../../../src/contracts/payload/compiled.ts'
import { compareJudges, expectSlot, valueAtPath } from '../../../../support/compiled-payload.ts'
import { bothAccept, compiled, encoded, load, reasonOf, record } from './compiled-helpers.ts'

describe('the source', () => {
  const names = ['constructor', '__proto__', 'process', 'toString', 'k0', 'f0', 'return', 'arguments', 'eval']
  // Neither library nor reference takes what every object has.
  const symbols = names.filter((name) => !(name in {}))
  const schema = record('exit', {
    ...Object.fromEntries(names.map((name, index) => [name, index % 2 === 0 ? 'string' : ['null', 'long']])),
    ['__proto__']: 'boolean',
    level: { type: 'enum', name: 'process.env', symbols },
    inner: ['null', record('require', { module: 'bytes', parts: { type: 'map', values: 'exit' } })]
  })
  const paths = [['constructor'], ['level'], ['inner', 'module'], ['inner']]

  test('holds integers, keywords and names of our own, and nothing from the schema', () => {
    const node = new AvroSchemaReader().read(schema)
    const generated = generateAvro(node, leastSizes(node), paths, 0)
    if ('reason' in generated) throw new Error(generated.reason)
    const { text } = generated.source
    expect(text).toMatch(/^[\w \n(){}[\];,.+\-*/%<>=!&|^~?:]*$/)
    const ours = /^(?:[fvk]\d+|[bpesdkKNSE]|kinds|numbers|starts|ends|\d+)$/
    const keywords = /^(?:function|return|const|let|if|else|for|switch|case|default|break|true|false)$/
    const words = new Set(text.match(/\w+/g))
    expect([...words].filter((word) => !ours.test(word) && !keywords.test(word))).toEqual([])
  })

  test('works for such names as for any', () => {
    const format = load(schema)
    const plain = {
      ...Object.fromEntries(names.map((name, index) => [name, index % 2 === 0 ? name : index])),
      ['__proto__']: true,
      level: 'eval',
      inner: { module: { hex: '0102' }, parts: {} }
    }
    const slots = new Slots(4)
    const validator = compiled(format, paths)
    const payload = encoded(format, plain)
    expect(compareJudges(format, validator, paths, payload, slots, 'names').accepted).toBe(true)
    expect(validator.symbolsOf(1)).toEqual(symbols)
    expect(validator.symbolsOf(0)).toBeNull()
    expect(validator.symbolsOf(99)).toBeNull()
  })

  test.each(['"];process.exit()//', '\u2028', '__proto__', "'+x+'"])('a path of the name %j is a reason', (name) => {
    expect(reasonOf(record('R', { a: 'int' }), [[name]])).toBe(`the payload has no field ${name}`)
  })
})

describe('slots', () => {
  test('of a record on the way that is null are absent, also below', () => {
    const format = load(record('R', { a: ['null', record('A', { b: ['null', record('B', { c: 'int' })] })] }))
    const paths: SlotPath[] = [['a'], ['a', 'b'], ['a', 'b', 'c'], []]
    const slots = new Slots(7)
    const validator = compiled(format, paths, 3)
    for (const [plain, kinds] of [
      [{ a: null }, ['null', 'absent', 'absent', 'other']],
      [{ a: { b: null } }, ['other', 'null', 'absent', 'other']],
      [{ a: { b: { c: 7 } } }, ['other', 'other', 'int', 'other']]
    ] as const) {
      expect(compareJudges(format, validator, paths, encoded(format, plain), slots, 'null', 3).accepted).toBe(true)
      expect([...slots.kinds.subarray(3)]).toEqual(kinds.map((kind) => slotKind[kind]))
    }
    expect(slots.numbers[5]).toBe(7)
  })

  test('of every type hold what the value holds', () => {
    const schema = record('R', {
      yes: 'boolean',
      int: 'int',
      long: 'long',
      float: 'float',
      double: 'double',
      bytes: 'bytes',
      text: 'string',
      fixed: { type: 'fixed', name: 'F', size: 3 },
      level: { type: 'enum', name: 'L', symbols: ['LOW', 'HIGH'] },
      list: { type: 'array', items: 'int' },
      nothing: 'null',
      ms: { type: 'long', logicalType: 'timestamp-millis' }
    })
    const format = load(schema)
    const paths = (schema as { fields: { name: string }[] }).fields.map(({ name }) => [name])
    const plain = {
      yes: true,
      int: -2147483648,
      long: Number.MAX_SAFE_INTEGER,
      float: 0.5,
      double: NaN,
      bytes: { hex: '00ff' },
      text: 'Zürich',
      fixed: { hex: '010203' },
      level: 'HIGH',
      list: [1, 2, 3],
      nothing: null,
      ms: '2026-01-02T03:04:05.678Z'
    }
    const payload = encoded(format, plain)
    const slots = new Slots(paths.length)
    const validator = compiled(format, paths)
    expect(validator.accepts(payload, 0, payload.length, slots)).toBe(true)
    const decoded = format.decode(payload, 0, payload.length)
    if (!decoded.ok) throw new Error('is a payload')
    for (const [index, path] of paths.entries()) {
      expectSlot(slots, index, valueAtPath(decoded.value, path), payload, validator.symbolsOf(index))
      // None of them is told as `other`, which would match anything.
      expect(slots.kinds[index]).not.toBe(slotKind.other)
    }
  })

  test('of integers beyond 2^53 - 1 are not filled, and the payload is left to the reference', () => {
    const format = load(record('R', { id: 'long' }))
    const reading = compiled(format, [['id']])
    const bare = compiled(format)
    for (const [id, isExact] of [
      [2n ** 53n - 1n, true],
      [2n ** 53n, false],
      [1n - 2n ** 53n, true],
      [-(2n ** 53n), false],
      [2n ** 63n - 1n, false]
    ] as const) {
      const payload = encoded(format, { id })
      const slots = new Slots(1)
      expect(compareJudges(format, reading, [['id']], payload, slots, String(id)).accepted).toBe(isExact)
      expect(compareJudges(format, bare, [], payload, slots, String(id)).accepted).toBe(true)
    }
  })

  test('through a union of several records: a field that this one lacks is absent', () => {
    const symbols = { type: 'enum', name: 'S', symbols: ['X', 'Y'] }
    const schema = record('R', {
      a: ['null', record('A', { b: 'int', s: symbols }), record('C', { d: 'int', s: 'S' })]
    })
    const paths = [
      ['a', 'b'],
      ['a', 'd'],
      ['a', 's']
    ]
    const format = load(schema)
    const validator = compiled(format, paths)
    expect(validator.symbolsOf(2)).toEqual(['X', 'Y'])
    const slots = new Slots(3)
    for (const [hex, kinds] of [
      ['00', ['absent', 'absent', 'absent']],
      ['02 06 02', ['int', 'absent', 'symbol']],
      ['04 06 00', ['absent', 'int', 'symbol']]
    ] as const) {
      const payload = Buffer.from(hex.replaceAll(' ', ''), 'hex')
      expect(compareJudges(format, validator, paths, payload, slots, hex).accepted).toBe(true)
      expect([...slots.kinds]).toEqual(kinds.map((kind) => slotKind[kind]))
    }
  })

  test('where a union has several enums the symbols are not told', () => {
    const level = (name: string): object => ({ type: 'enum', name, symbols: ['A', 'B'] })
    const format = load(record('R', { a: ['null', level('L'), level('M')] }))
    const validator = compiled(format, [['a']])
    const slots = new Slots(1)
    expect(validator.symbolsOf(0)).toBeNull()
    expect(compareJudges(format, validator, [['a']], Buffer.from('0402', 'hex'), slots, 'enums').accepted).toBe(true)
    expect(slots.kinds[0]).toBe(slotKind.other)
  })

  test('of decimals hold the unscaled integer, beside the scale of the path', () => {
    const decimal = (scale: number): object => ({ logicalType: 'decimal', precision: 18, scale })
    const bytes = { type: 'bytes', ...decimal(2) }
    const fixed = { type: 'fixed', name: 'F', size: 9, ...decimal(4) }
    const format = load(
      record('R', { bytes, fixed, either: ['null', bytes, 'F'], maybe: ['null', 'F'], plain: 'bytes' })
    )
    const paths = ['bytes', 'fixed', 'either', 'maybe', 'plain'].map((name) => [name])
    const validator = compiled(format, paths)
    // Two scales are not told apart.
    expect([0, 1, 2, 3, 4, 5].map((path) => validator.scaleOf?.(path))).toEqual([2, 4, null, 4, null, null])
    const slots = new Slots(5)
    const rest = { either: '1.00', maybe: null, plain: { hex: '01' } }
    for (const [amount, numbers] of [
      ['0.00', [0, -15000]],
      ['-0.01', [-1, -15000]],
      ['90071992547409.91', [Number.MAX_SAFE_INTEGER, -15000]],
      ['-90071992547409.91', [-Number.MAX_SAFE_INTEGER, -15000]],
      ['90071992547409.92', null],
      ['-90071992547409.92', null]
    ] as const) {
      const payload = encoded(format, { bytes: amount, fixed: '-1.5', ...rest })
      const { accepted, referenceAccepts } = compareJudges(format, validator, paths, payload, slots, amount)
      expect([accepted, referenceAccepts], amount).toEqual([numbers !== null, true])
      if (numbers === null) {
        expect(compareJudges(format, compiled(format), [], payload, slots, amount).accepted).toBe(true)
        continue
      }
      expect([...slots.kinds.subarray(0, 4)]).toEqual([
        slotKind.decimal,
        slotKind.decimal,
        slotKind.other,
        slotKind.null
      ])
      expect([...slots.numbers.subarray(0, 2)]).toEqual(numbers)
    }
  })

  test('of microseconds are told as milliseconds where they are whole', () => {
    const format = load(record('R', { at: { type: 'long', logicalType: 'timestamp-micros' } }))
    const paths = [['at'], ['at']]
    const validator = compiled(format, paths)
    const slots = new Slots(2)
    for (const [at, kind] of [
      ['2026-01-02T03:04:05.678Z', slotKind.timestampMs],
      ['1969-12-31T23:59:59.999Z', slotKind.timestampMs],
      ['1970-01-01T00:00:00Z', slotKind.timestampMs],
      ['2026-01-02T03:04:05.678901Z', slotKind.other],
      ['1970-01-01T00:00:00.000001Z', slotKind.other],
      ['9999-12-31T23:59:59Z', slotKind.other]
    ] as const) {
      const payload = encoded(format, { at })
      expect(compareJudges(format, validator, paths, payload, slots, at).accepted).toBe(true)
      expect([...slots.kinds], at).toEqual([kind, kind])
      if (kind === slotKind.timestampMs) expect([...slots.numbers]).toEqual([Date.parse(at), Date.parse(at)])
    }
  })

  test('of a list add its blocks', () => {
    const schema = record('R', { list: { type: 'array', items: 'int' } })
    expect(bothAccept(schema, '02 0a 03 04 0a0a 00', [['list']])).toBe(true)
  })

  test('of the parts of a duration, and of a record inside itself', () => {
    const span = { type: 'fixed', name: 'D', size: 12, logicalType: 'duration' }
    expect(
      bothAccept(record('R', { d: span }), 'ffffffff 01000000 00000080', [
        ['d', 'months'],
        ['d', 'millis']
      ])
    ).toBe(true)
    const chain = record('N', { value: 'int', next: ['null', 'N'] })
    const paths = [['value'], ['next', 'next', 'value'], ['next', 'next'], ['next', 'next', 'next', 'value']]
    expect(bothAccept(chain, '02 02 04 02 06 00', paths)).toBe(true)
    expect(bothAccept(chain, '02 02 04 02 06 02 08 02 0a 00', paths)).toBe(true)
  })

  test.each([
    [record('R', { m: { type: 'map', values: 'int' } }), ['m', 'x'], 'm may be a map, whose parts are not compiled'],
    [
      record('R', { l: { type: 'array', items: 'int' } }),
      ['l', 'x'],
      'l may be an array, whose parts are not compiled'
    ],
    [
      record('R', { u: ['string', record('A', { b: 'int' })] }),
      ['u', 'b'],
      'u may be a string, whose parts are not compiled'
    ],
    [record('R', { a: record('A', { b: 'int' }) }), ['a', 'c'], 'a has no field c'],
    [record('R', { a: 'null' }), ['a', 'c'], 'a has no field c'],
    ['int', ['a'], 'the payload may be an int, whose parts are not compiled']
  ])('%j has nothing at %j', (schema, path, reason) => {
    expect(reasonOf(schema, [path])).toBe(reason)
  })
})
