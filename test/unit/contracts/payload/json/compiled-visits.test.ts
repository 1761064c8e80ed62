/** Items of lists as a compiled JSON Schema shows them, against those of the reference. */
import { describe, expect, test } from 'vitest'
import { compiledLimits, slotKind, Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type { Compilable, CompiledPayload, ListVisit, SlotPath } from '../../../../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../../../../src/contracts/payload/format.ts'
import { generate } from '../../../../../src/contracts/payload/json/compiled/generate.ts'
import { anything } from '../../../../../src/contracts/payload/json/compiled/plan.ts'
import { slotTree } from '../../../../../src/contracts/payload/json/compiled/slots.ts'
import { jsonWithoutSchema } from '../../../../../src/contracts/payload/json.ts'
import { loadPayloadFormat } from '../../../../../src/contracts/payload/load.ts'
import { caseCount, damaged, SeededRandom, valueAtPath } from '../../../../support/compiled-payload.ts'
import { compareVisits, VisitRecorder } from '../../../../support/compiled-visits.ts'
import type { ListItems } from '../../../../support/compiled-visits.ts'
import { valueFor, write } from '../../../../support/random-json.ts'
import { listsIn, pathsIn, RandomJsonSchema } from '../../../../support/random-json-schema.ts'

type Format = PayloadFormat & Compilable

const { absent, null: nil, int, double, text, list, other } = slotKind

function load(schema: unknown): Format {
  const loaded = loadPayloadFormat({ format: 'json', source: JSON.stringify(schema), file: 'schema' })
  if ('problem' in loaded) throw new Error(loaded.problem)
  return loaded.format as Format
}

/** Judges payload after payload; the lists are noted in the first slots. */
class Looker {
  readonly recorder: VisitRecorder
  readonly slots: Slots
  readonly #judge: (payload: Buffer) => { accepted: boolean; referenceAccepts: boolean; items: number }

  constructor(format: Format, lists: readonly ListItems[]) {
    const paths = lists.map((one) => one.list)
    const recorder = new VisitRecorder(lists, paths.length)
    const slots = new Slots(paths.length + recorder.slotCount)
    const compiled = format.compile(paths, 0, recorder.visits)
    if ('reason' in compiled) throw new Error(compiled.reason)
    this.recorder = recorder
    this.slots = slots
    this.#judge = (payload) => compareVisits(format, compiled, paths, recorder, payload, slots, 'the case')
  }

  /** The kinds of what is noted of each item of the first list; null for look closer. */
  kinds(payload: string | Buffer): readonly number[][] | null {
    return this.#judge(Buffer.from(payload as string)).accepted ? this.recorder.kindsOf(0) : null
  }
}

/** Written so that the bytes are the text, which is what is judged in place. */
const isPlain = (payload: string): boolean => !payload.includes('\\') && !payload.includes('\u{10ffff}')

/** Accepted when nothing is noted, and no path leads into a scalar, which is left to the reference. */
function isReadable(
  format: Format,
  judging: CompiledPayload,
  payload: Buffer,
  paths: readonly SlotPath[],
  lists: readonly ListItems[]
): boolean {
  if (!judging.accepts(payload, 0, payload.length, new Slots(0))) return false
  const decoded = format.decode(payload, 0, payload.length)
  if (!decoded.ok) return false
  try {
    for (const path of paths) valueAtPath(decoded.value, path)
    for (const { list: path, items } of lists) {
      const value = valueAtPath(decoded.value, path)
      for (const item of Array.isArray(value) ? value : []) for (const inner of items) valueAtPath(item, inner)
    }
    return true
  } catch {
    return false
  }
}

const valuesPerSchema = 60

describe('random schemas with lists', () => {
  test(
    'show each item once, in order, as the reference has it',
    () => {
      const count = caseCount(60)
      const firstSlot = 1
      const tally = { compiled: 0, plain: 0, accepted: 0, items: 0, visits: 0 }
      for (let seed = 1; seed <= count; seed++) {
        const random = new SeededRandom(seed)
        const schema = new RandomJsonSchema(random, true).document()
        const loaded = loadPayloadFormat({ format: 'json', source: JSON.stringify(schema), file: 'schema' })
        if ('problem' in loaded) continue
        const format = loaded.format as Format
        const lists = listsIn(schema, random).slice(0, 12)
        if (lists.length === 0) continue
        const paths = [...lists.map((one) => one.list), ...pathsIn(schema, random).slice(0, 10)]
        const recorder = new VisitRecorder(lists, firstSlot + paths.length)
        const compiled = format.compile(paths, firstSlot, recorder.visits)
        const judging = format.compile([], 0)
        if ('reason' in compiled || 'reason' in judging) continue
        tally.compiled++
        tally.visits += lists.length
        const slots = new Slots(firstSlot + paths.length + recorder.slotCount)
        const judge = (payload: string | Buffer, label: string): ReturnType<typeof compareVisits> => {
          const bytes = Buffer.from(payload as string)
          const outcome = compareVisits(format, compiled, paths, recorder, bytes, slots, label, firstSlot)
          tally.items += outcome.items
          return outcome
        }
        for (let index = 0; index < valuesPerSchema; index++) {
          const label = `seed ${seed}, value ${index}`
          const value = valueFor(schema, schema, random, index % 3 === 0 ? 0.1 : 0)
          const plain = write(value, random, 0)
          const outcome = judge(plain, label)
          if (isPlain(plain) && isReadable(format, judging, Buffer.from(plain), paths, lists)) {
            tally.plain++
            if (outcome.accepted) tally.accepted++
          }
          judge(write(value, random, 0.15), `${label}, oddly`)
          judge(damaged(Buffer.from(plain), random), `${label}, damaged`)
        }
      }
      expect(tally.compiled / count).toBeGreaterThan(0.8)
      expect(tally.visits / tally.compiled).toBeGreaterThan(1.5)
      expect(tally.items).toBeGreaterThan(15 * count)
      expect(tally.accepted / tally.plain).toBeGreaterThan(0.99)
    },
    caseCount(60_000)
  )

  test(
    'and so do lists without a schema',
    () => {
      const lists: ListItems[] = [
        { list: ['id'], items: [[], ['id'], ['ab', 'amount']] },
        { list: [], items: [[]] },
        { list: ['ab', 'ac'], items: [['id']] }
      ]
      const recorder = new VisitRecorder(lists, lists.length)
      const paths = lists.map((one) => one.list)
      const compiled = jsonWithoutSchema.compile(paths, 0, recorder.visits)
      if ('reason' in compiled) throw new Error(compiled.reason)
      const slots = new Slots(paths.length + recorder.slotCount)
      const random = new SeededRandom(3)
      const scalar = (): unknown => random.pick([null, 1, 0.5, 'x', '😀', true, [], [1]])
      const record = (): unknown => ({
        ...(random.chance(0.7) ? { id: scalar() } : {}),
        ab: { amount: random.below(9) }
      })
      const records = (): unknown[] => Array.from({ length: random.below(4) }, record)
      let items = 0
      for (let index = 0; index < caseCount(2000); index++) {
        const value = random.pick([
          { id: records(), ab: { ac: records() } },
          { ab: { ac: records(), id: scalar() }, id: random.pick([null, []]) },
          { ab: null, id: records() }
        ]) as Parameters<typeof write>[0]
        for (const odd of [0, 0.1]) {
          const payload = Buffer.from(write(value, random, odd))
          items += compareVisits(jsonWithoutSchema, compiled, paths, recorder, payload, slots, `value ${index}`).items
        }
      }
      expect(items).toBeGreaterThan(caseCount(2000))
    },
    caseCount(30_000)
  )
})

describe('a list that is looked into', () => {
  const lines = {
    type: 'object',
    properties: {
      lines: {
        type: ['array', 'null'],
        items: {
          type: ['object', 'null'],
          properties: {
            sku: { type: 'string' },
            quantity: { type: 'integer' },
            price: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/price' }] },
            tags: { type: 'array', items: { type: 'string' } }
          },
          required: ['sku']
        }
      }
    },
    $defs: { price: { type: 'object', properties: { amount: { type: 'number' } } } }
  }
  const items: SlotPath[] = [[], ['sku'], ['quantity'], ['price', 'amount'], ['tags']]

  test.each<[name: string, payload: string, kinds: number[][]]>([
    ['absent', '{}', []],
    ['null', '{"lines":null}', []],
    ['empty', '{"lines":[]}', []],
    ['empty with space', '{"lines": [ \n ] }', []],
    ['of one', '{"lines":[{"sku":"a","quantity":2}]}', [[other, text, int, absent, absent]]],
    [
      'of items that have less than the one before',
      '{"lines":[{"sku":"a","quantity":2,"price":{"amount":1},"tags":["x"]},{"sku":"b"},null,{"sku":"c","price":null}]}',
      [
        [other, text, int, double, list],
        [other, text, absent, absent, absent],
        [nil, absent, absent, absent, absent],
        [other, text, absent, absent, absent]
      ]
    ],
    [
      'with text that is escaped, and other fields',
      '{"lines":[{"more":[{"sku":1}],"sku":"\\n"},{"sku":"b","price":{}}],"x":{"lines":[1]}}',
      [
        [other, other, absent, absent, absent],
        [other, text, absent, absent, absent]
      ]
    ]
  ])('%s', (_, payload, kinds) => {
    const looker = new Looker(load(lines), [{ list: ['lines'], items }])
    expect(looker.kinds(payload)).toEqual(kinds)
  })

  test('notes lists in items by their length, and looks closer where they are to be looked into', () => {
    const schema = { type: 'object', properties: { rows: { items: { items: { type: 'integer' } } } } }
    const noted = new Looker(load(schema), [{ list: ['rows'], items: [[]] }])
    expect(noted.kinds('{"rows":[[1,2],[],"x"]}')).toEqual([[list], [list], [text]])
    expect(noted.recorder.slotsOf(0).numbers.slice(0, 2)).toEqual(Float64Array.of(2, 0))
    const inside = new Looker(load(schema), [{ list: ['rows'], items: [['a']] }])
    expect(inside.kinds('{"rows":[[1,2]]}')).toBeNull()
    expect(inside.kinds('{"rows":[{"a":1},"x"]}')).toBeNull()
    expect(inside.kinds('{"rows":[{"a":1},null,{}]}')).toEqual([[double], [absent], [absent]])
  })

  test('is not there for what is no list', () => {
    const looker = new Looker(jsonWithoutSchema, [{ list: ['a'], items: [[]] }])
    for (const payload of ['{"a":{"0":1}}', '{"a":5}', '{"a":"[1]"}', '{"A":[1]}', 'null', '{"a":true}']) {
      expect(looker.kinds(payload), payload).toEqual([])
    }
    expect(looker.kinds('[1]')).toBeNull()
    expect(looker.kinds('{"a":[1],"a":[1]}')).toBeNull()
  })

  test('may be the payload itself, a tuple, or of numbers of any kind', () => {
    const root = new Looker(load({ type: 'array', items: { type: 'integer' } }), [{ list: [], items: [[]] }])
    expect(root.kinds('[1,2.0,-3]')).toEqual([[int], [int], [int]])
    expect([...root.recorder.slotsOf(0).numbers]).toEqual([1, 2, -3])
    expect(root.kinds('[1,2.5]')).toBeNull()
    const tuple = load({ prefixItems: [{ type: 'integer' }, { type: 'string' }], items: { type: 'integer' } })
    expect(new Looker(tuple, [{ list: [], items: [[]] }]).kinds('[1,"x",3]')).toEqual([[double], [text], [double]])
    const unique = load({ type: 'array', uniqueItems: true, items: { type: 'integer' } })
    expect(new Looker(unique, [{ list: [], items: [[]] }]).kinds('[1,2]')).toEqual([[int], [int]])
    expect(new Looker(unique, [{ list: [], items: [[]] }]).kinds('[1,1]')).toBeNull()
  })

  test('is shown to each of several visits, in their order', () => {
    const seen: string[] = []
    const visitOf = (name: string, firstSlot: number, paths: SlotPath[]): ListVisit => ({
      list: ['lines'],
      items: paths,
      firstSlot,
      visit: (slots, bytes) => {
        const at = paths.map((_, i) => bytes.toString('latin1', slots.starts[firstSlot + i], slots.ends[firstSlot + i]))
        seen.push(`${name}(${at.join(',')})`)
      }
    })
    const visits = [visitOf('a', 3, [['sku'], ['sku']]), visitOf('b', 2, [['sku']]), visitOf('c', 5, [])]
    const compiled = load(lines).compile([['lines'], ['lines']], 0, visits)
    if ('reason' in compiled) throw new Error(compiled.reason)
    const slots = new Slots(5)
    const payload = Buffer.from('{"lines":[{"sku":"x"},{"quantity":1,"sku":"y"}]}')
    expect(compiled.accepts(payload, 0, payload.length, slots)).toBe(true)
    expect(seen).toEqual(['a(x,x)', 'b(x)', 'c()', 'a(y,y)', 'b(y)', 'c()'])
    expect([...slots.numbers.slice(0, 2)]).toEqual([2, 2])
  })

  test('is shown once where alternatives have to be tried', () => {
    const rows = (type: string): object => ({ type: 'array', items: { type: 'object', properties: { v: { type } } } })
    const lists = [{ list: ['rows'], items: [['v']] }]
    const either = load({ type: 'object', properties: { rows: { anyOf: [rows('string'), rows('integer')] } } })
    const looker = new Looker(either, lists)
    expect(looker.kinds('{"rows":[{"v":"a"},{},{"v":"b"}]}')).toEqual([[text], [absent], [text]])
    expect(looker.kinds('{"rows":[{},{},{"v":1}]}')).toEqual([[absent], [absent], [double]])
    expect(looker.kinds('{"rows":[{"v":1},{"v":"a"}]}')).toBeNull()
    const tagged = (tag: string, type: string): object => ({
      type: 'object',
      properties: { rows: rows(type), tag: { const: tag } },
      required: ['tag']
    })
    const outside = new Looker(load({ oneOf: [tagged('one', 'integer'), tagged('two', 'integer')] }), lists)
    expect(outside.kinds('{"rows":[{"v":1},{}],"tag":"two"}')).toEqual([[double], [absent]])
    expect(outside.kinds('{"rows":[{"v":1},{}],"tag":"one"}')).toEqual([[double], [absent]])
    expect(outside.kinds('{"rows":[{"v":1},{}],"tag":"three"}')).toBeNull()
    const twice = load({
      allOf: [tagged('one', 'integer'), { anyOf: [tagged('one', 'number'), tagged('two', 'null')] }]
    })
    expect(new Looker(twice, lists).kinds('{"rows":[{"v":1}],"tag":"one"}')).toHaveLength(1)
  })

  test('may hold itself', () => {
    const tree = {
      type: 'object',
      properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#' } } }
    }
    const looker = new Looker(load(tree), [{ list: ['children'], items: [['name'], ['children']] }])
    const payload = '{"children":[{"name":"a","children":[{"name":"b"},{"name":"c"}]},{"name":"d"}],"name":"e"}'
    expect(looker.kinds(payload)).toEqual([
      [text, list],
      [text, absent]
    ])
  })

  test('may be long', () => {
    const looker = new Looker(load(lines), [{ list: ['lines'], items: [['quantity']] }])
    const many = Array.from({ length: 20_000 }, (_, i) => ({ sku: 's', ...(i % 3 === 0 ? {} : { quantity: i }) }))
    const kinds = looker.kinds(JSON.stringify({ lines: many }))
    expect(kinds).toHaveLength(20_000)
    expect(looker.slots.numbers[0]).toBe(20_000)
  })
})

describe('visits that are not compiled', () => {
  const visit = (): void => undefined
  const visitOf = (items: readonly SlotPath[], at: SlotPath = ['l']): ListVisit => ({
    list: at,
    items,
    firstSlot: 1,
    visit
  })

  test('those that read too many fields, and too many of them', () => {
    const wide = Array.from({ length: compiledLimits.paths }, (_, i): SlotPath => [`f${i}`])
    expect(jsonWithoutSchema.compile([['l']], 0, [visitOf(wide)])).toEqual({ reason: 'more than 200 fields are read' })
    expect(jsonWithoutSchema.compile([], 0, [visitOf(wide)])).not.toHaveProperty('reason')
    const many = Array.from({ length: compiledLimits.paths + 1 }, () => visitOf([]))
    expect(jsonWithoutSchema.compile([], 0, many)).toHaveProperty('reason')
  })

  test('those with names that no payload has', () => {
    expect(jsonWithoutSchema.compile([['l']], 0, [visitOf([['\ud800']])])).toHaveProperty('reason')
    expect(jsonWithoutSchema.compile([['l']], 0, [visitOf([], ['\udc00'])])).toHaveProperty('reason')
  })

  test('no name of a list or an item is in the code', () => {
    const tree = slotTree([['evil']], 0, { kind: 'dyn' }, [visitOf([['"];evil()//'], ['__proto__']], ['evil'])])
    const code = generate(anything, tree).text
    expect(code).toMatch(/^[\w \n(){}[\];,.+\-*/%<>=!&|^~?:]*$/)
    expect(code).not.toMatch(/evil|proto/)
  })
})
