/** The generated code itself: nothing of a schema in it, and bounds on its size. */
import { describe, expect, test } from 'vitest'
import { compiledLimits, slotKind, Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type { SlotPath } from '../../../../../src/contracts/payload/compiled.ts'
import { generateProtobuf } from '../../../../../src/contracts/payload/protobuf/compiled/compile.ts'
import type { FieldPlan, MessagePlan } from '../../../../../src/contracts/payload/protobuf/plan.ts'
import { compiledOf, proto, reasonOf } from './compiled-helpers.ts'

/** Names that no parser lets through, in case one does. */
const hostile = [
  '"];process.exit()//',
  '__proto__',
  'a\u2028b',
  '\\u0022',
  "');//",
  '${x}',
  '*/alert(1)/*',
  'constructor'
]

function textField(name: string, number: number): FieldPlan {
  return {
    name,
    number,
    type: { kind: 'scalar', scalar: 'string' },
    cardinality: 'singular',
    keyType: null,
    packed: false,
    presence: false,
    required: false,
    oneof: null,
    sensitive: false
  }
}

function planOf(name: string, fields: readonly FieldPlan[]): MessagePlan {
  return {
    name,
    wellKnown: null,
    fields,
    byNumber: new Map(fields.map((field) => [field.number, field])),
    hasRequired: false
  }
}

/** Words of the language, and names made by the generator. */
const words = new Set(
  'function if return let const while switch case default continue break else true false has'.split(' ')
)
const members = new Set('kinds numbers starts ends'.split(' '))
const made = /^(?:[a-zA-Z]|[acfkrx]\d+|\d+)$/

describe('the code', () => {
  test('has no text from the schema and the paths, whatever they are called', () => {
    const enumPlan = { name: hostile[0]!, closed: true, numbers: new Set([0, 5]), byName: new Map([[hostile[0]!, 5]]) }
    const inner = planOf(
      hostile[1]!,
      hostile.map((name, index) => textField(name, index + 1))
    )
    const outer = planOf(hostile[2]!, [
      ...hostile.map((name, index) => textField(name, index + 1)),
      { ...textField('\u2029', 20), type: { kind: 'message', plan: inner, delimited: false }, presence: true },
      { ...textField('"', 21), type: { kind: 'enum', plan: enumPlan } },
      { ...textField("'", 22), cardinality: 'map', keyType: 'string' },
      { ...textField('list', 23), type: { kind: 'message', plan: inner, delimited: false }, cardinality: 'repeated' }
    ])
    const paths: SlotPath[] = [
      ...hostile.map((name) => [name]),
      ...hostile.map((name) => ['\u2029', name]),
      ['"'],
      ["'"],
      ['list']
    ]
    const visits = [{ list: ['list'], items: hostile.map((name) => [name]), firstSlot: 50, visit: () => undefined }]
    const generated = generateProtobuf(outer, paths, 0, visits)
    if ('reason' in generated) throw new Error(generated.reason)
    const { text } = generated.source
    expect(text).toMatch(/^[\w \n(){}[\];,.+\-*/%<>=!&|^~?:]+$/)
    for (const name of hostile) expect(text).not.toContain(name)
    const unknown = [...text.matchAll(/\w+/g)]
      .map(([word]) => word)
      .filter((word) => !words.has(word) && !members.has(word))
    expect(unknown.filter((word) => !made.test(word))).toEqual([])
    expect(typeof generated.source.build(generated.entry)).toBe('function')
  })

  test('names that objects have are names like any other', () => {
    const format = proto(
      'syntax = "proto3"; message M { int32 constructor = 1; string toString = 2; bool hasOwnProperty = 3; }'
    )
    const compiled = compiledOf(format, [['constructor'], ['toString'], ['hasOwnProperty']])
    const slots = new Slots(3)
    expect(compiled.accepts(Buffer.from('0805120161', 'hex'), 0, 5, slots)).toBe(true)
    expect([...slots.kinds]).toEqual([slotKind.int, slotKind.text, slotKind.false])
    expect([slots.numbers[0], slots.starts[1], slots.ends[1]]).toEqual([5, 4, 5])
    expect(compiled.symbolsOf(0)).toBeNull()
    expect(reasonOf(format, [['valueOf']])).toMatch(/no field valueOf/)
  })
})

describe('bounds', () => {
  const wide = (count: number, name = 'M'): string =>
    `message ${name} { ${Array.from({ length: count }, (_, index) => `string f${index} = ${index + 1};`).join(' ')} }`

  test('a message of many fields', () => {
    const format = proto(`syntax = "proto3"; ${wide(compiledLimits.nodes - 1)}`)
    const compiled = compiledOf(format, [['f1500']])
    const slots = new Slots(1)
    const payload = Buffer.from('0a0161 ea5d0162'.replace(' ', ''), 'hex')
    expect(compiled.accepts(payload, 0, payload.length, slots)).toBe(true)
    expect(slots.kinds[0]).toBe(slotKind.text)
    expect([slots.starts[0], slots.ends[0]]).toEqual([6, 7])
  })

  test('many fields whose numbers are far apart are found at once', () => {
    const fields = Array.from(
      { length: 500 },
      (_, index) => `int32 f${index} = ${1 + index * 997 + (index > 18 ? 2000 : 0)};`
    )
    const format = proto(`syntax = "proto3"; message M { ${fields.join(' ')} }`)
    const compiled = compiledOf(format, [['f499'], ['f0']])
    const slots = new Slots(2)
    const tag = (1 + 499 * 997 + 2000) * 8
    const far = Buffer.from([(tag & 0x7f) | 0x80, ((tag >> 7) & 0x7f) | 0x80, ((tag >> 14) & 0x7f) | 0x80, tag >> 21])
    const payload = Buffer.concat([far, Buffer.from([5, 8, 6, 0x18, 7])])
    expect(compiled.accepts(payload, 0, payload.length, slots)).toBe(true)
    expect([...slots.numbers]).toEqual([5, 6])
    expect(compiled.accepts(Buffer.from('0d00000000', 'hex'), 0, 5, slots)).toBe(false)
  })

  test('more is left to the reference', () => {
    const schema = `syntax = "proto3"; ${wide(1000)} ${wide(999, 'N')} message O { M m = 1; N n = 2; }`
    expect(reasonOf(proto(schema, 'O'))).toMatch(/more than 2000/)
    const format = proto('syntax = "proto3"; message M { int32 n = 1; }')
    expect(reasonOf(format, Array<SlotPath>(compiledLimits.paths + 1).fill(['n']))).toMatch(/more than 200/)
    compiledOf(format, Array<SlotPath>(compiledLimits.paths).fill(['n']))
  })

  test('paths into wide recursive messages make no more code than the limit', () => {
    const fields = Array.from({ length: 990 }, (_, index) => `M f${index} = ${index + 1};`)
    const format = proto(`syntax = "proto3"; message M { ${fields.join(' ')} }`)
    expect(reasonOf(format, [Array<string>(50).fill('f0')])).toMatch(/too many messages/)
    const chain = Array.from({ length: 600 }, (_, index) => `message N${index} { N${index + 1} n = 1; int32 i = 2; }`)
    const long = proto(`syntax = "proto3"; ${chain.join(' ')} message N600 {}`)
    const compiled = compiledOf(long, [['n', 'n', 'i']])
    const slots = new Slots(1)
    expect(compiled.accepts(Buffer.from('0a040a021005', 'hex'), 0, 6, slots)).toBe(true)
    expect(slots.numbers[0]).toBe(5)
  })

  test('an accepted record leaves nothing on the heap', () => {
    const format = proto(
      `syntax = "proto3"; import "google/protobuf/timestamp.proto";
       message M { string s = 1; int64 n = 2; double d = 3; google.protobuf.Timestamp t = 4; repeated M m = 5; bool b = 6; }`
    )
    let items = 0
    const visit = (slots: Slots): void => {
      if (slots.kinds[6] === slotKind.text) items++
    }
    const visits = [{ list: ['m'], items: [['s'], ['n'], ['d'], ['t']], firstSlot: 6, visit }]
    const compiled = compiledOf(format, [['s'], ['n'], ['d'], ['t'], ['m'], ['b']], 0, visits)
    const slots = new Slots(10)
    const payload = Buffer.from(
      '0a03616263 1080d095ffbc31 190000000000002840 220608808ecdaa06 2a050a03c3bc62 3001'.replaceAll(' ', ''),
      'hex'
    )
    let accepted = 0
    const growth = (): number => {
      const before = process.memoryUsage().heapUsed
      for (let time = 0; time < 50_000; time++) if (compiled.accepts(payload, 0, payload.length, slots)) accepted++
      return Math.abs(process.memoryUsage().heapUsed - before)
    }
    // Not before V8 has optimised it. One double for each record would be 800 KB.
    const rounds = Array.from({ length: 20 }, growth)
    expect(Math.min(...rounds.slice(1))).toBeLessThan(200_000)
    expect([accepted, items]).toEqual([1_000_000, 1_000_000])
  })
})
