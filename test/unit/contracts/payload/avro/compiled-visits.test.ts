/** Items of lists as a compiled validator shows them, against those of the reference. */
import { describe, expect, test } from 'vitest'
import { generateAvro } from '../../../../../src/contracts/payload/avro/compiled/compile.ts'
import { loadAvroSchema } from '../../../../../src/contracts/payload/avro/load.ts'
import { AvroSchemaReader } from '../../../../../src/contracts/payload/avro/schema.ts'
import type { AvroNode } from '../../../../../src/contracts/payload/avro/node.ts'
import { leastSizes } from '../../../../../src/contracts/payload/avro/size.ts'
import { compiledLimits, slotKind, Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type { ListVisit, SlotPath } from '../../../../../src/contracts/payload/compiled.ts'
import { caseCount, damaged, SeededRandom } from '../../../../support/compiled-payload.ts'
import { compareVisits, VisitRecorder } from '../../../../support/compiled-visits.ts'
import type { ListItems } from '../../../../support/compiled-visits.ts'
import { faultyPayload, randomSchema, validPayload } from '../../../../support/random-avro.ts'
import { randomLists, randomPaths } from '../../../../support/random-avro-paths.ts'
import { compiled, encoded, load, record } from './compiled-helpers.ts'
import type { Format } from './compiled-helpers.ts'

const firstSlot = 2
const firstSeed = Number(process.env['KONTRAKT_SEED'] ?? 1)

interface Tally {
  schemas: number
  compiled: number
  payloads: number
  referenceAccepts: number
  accepted: number
  items: number
}

function judgeRandom(
  seeds: number,
  rounds: number,
  makePayload: (node: AvroNode, random: SeededRandom) => Buffer
): Tally {
  const tally = { schemas: 0, compiled: 0, payloads: 0, referenceAccepts: 0, accepted: 0, items: 0 }
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const random = new SeededRandom(seed)
    const schema = randomSchema(random, 5, 0.2)
    const loaded = loadAvroSchema({ source: JSON.stringify(schema), references: [], file: 'schema' })
    // Records that cannot end, and names that are used before they are known.
    if ('problem' in loaded) continue
    const format = loaded.format as Format
    const node = new AvroSchemaReader().read(schema)
    const lists = randomLists(node, random)
    if (lists.length === 0) continue
    const paths = [...randomPaths(node, random, 2), ...lists.map(({ list }) => list)]
    const recorder = new VisitRecorder(lists, firstSlot + paths.length)
    const made = format.compile(paths, firstSlot, recorder.visits)
    tally.schemas++
    if ('reason' in made) continue
    tally.compiled++
    const slots = new Slots(firstSlot + paths.length + recorder.slotCount)
    const label = `KONTRAKT_SEED=${seed}, ${JSON.stringify(lists)}, schema ${JSON.stringify(schema).slice(0, 2000)}`
    for (let round = 0; round < rounds; round++) {
      const payload = makePayload(node, random)
      const result = compareVisits(format, made, paths, recorder, payload, slots, label, firstSlot)
      tally.payloads++
      if (result.referenceAccepts) tally.referenceAccepts++
      if (result.accepted) tally.accepted++
      tally.items += result.items
    }
  }
  return tally
}

describe('random schemas', { timeout: caseCount(60_000) }, () => {
  const seeds = caseCount(250)

  test('the items of valid payloads', () => {
    const tally = judgeRandom(seeds, 8, validPayload)
    expect(tally.schemas).toBeGreaterThan(seeds / 2)
    expect(tally.compiled).toBeGreaterThan(tally.schemas * 0.9)
    expect(tally.referenceAccepts).toBe(tally.payloads)
    // The rest has integers beyond 2^53 where a rule reads.
    expect(tally.accepted).toBeGreaterThan(tally.referenceAccepts * 0.95)
    expect(tally.items).toBeGreaterThan(tally.accepted)
  })

  test('the items of damaged and hostile payloads, as far as they are accepted', () => {
    const tally = judgeRandom(seeds, 12, (node, random) =>
      random.chance(0.5) ? damaged(validPayload(node, random), random) : faultyPayload(node, random)
    )
    expect(tally.accepted).toBeGreaterThan(seeds / 2)
    expect(tally.referenceAccepts).toBeLessThan(tally.payloads * 0.8)
    expect(tally.items).toBeGreaterThan(seeds / 2)
  })
})

interface Judged {
  readonly accepted: boolean
  readonly referenceAccepts: boolean
  readonly recorder: VisitRecorder
  readonly slots: Slots
}

/** The lists are also the paths, in the first slots. */
function judged(format: Format, payload: Buffer | string, ...lists: ListItems[]): Judged {
  const bytes = typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload
  const paths = lists.map(({ list }) => list)
  const recorder = new VisitRecorder(lists, paths.length)
  const validator = compiled(format, paths, 0, recorder.visits)
  const slots = new Slots(paths.length + recorder.slotCount)
  const result = compareVisits(format, validator, paths, recorder, bytes, slots, 'case')
  return { ...result, recorder, slots }
}

const { absent, int, text, list: listKind, other, symbol, decimal, bytes: bytesKind } = slotKind
const itself: SlotPath = []
const arrayOf = (items: unknown): object => ({ type: 'array', items })
const money = (scale: number): object => ({ type: 'bytes', logicalType: 'decimal', precision: 12, scale })

describe('items', () => {
  test('of several blocks, with and without their size, in order', () => {
    const format = load(record('R', { n: arrayOf('int'), s: arrayOf('string') }))
    const { accepted, recorder, slots } = judged(
      format,
      '04 02 04 03 04 06 08 01 02 0a 00  02 0261 02 04 c3bc 00',
      { list: ['n'], items: [itself] },
      { list: ['s'], items: [itself] }
    )
    expect(accepted).toBe(true)
    expect([...recorder.slotsOf(0).numbers]).toEqual([1, 2, 3, 4, 5])
    expect(recorder.kindsOf(1)).toEqual([[text], [text]])
    expect([...recorder.slotsOf(1).starts]).toEqual([13, 16])
    expect([...recorder.slotsOf(1).ends]).toEqual([14, 18])
    expect([...slots.numbers.subarray(0, 2)]).toEqual([5, 2])
  })

  test('that are null, or lack what another one has, do not show the item before', () => {
    const inner = record('I', { a: 'int', deep: ['null', record('D', { b: 'string' })] })
    const schema = record('R', { items: arrayOf(['null', inner, record('J', { c: 'boolean' })]) })
    const wanted = [itself, ['a'], ['deep'], ['deep', 'b'], ['c']]
    const { accepted, recorder } = judged(load(schema), '0a 02 0e 02 0261 00 02 10 00 04 01 02 00 02 02 62 00', {
      list: ['items'],
      items: wanted
    })
    expect(accepted).toBe(true)
    const missing = [absent, absent, absent, absent]
    expect(recorder.kindsOf(0)).toEqual([
      [other, int, other, text, absent],
      [slotKind.null, ...missing],
      [other, int, slotKind.null, absent, absent],
      [other, absent, absent, absent, slotKind.true],
      [other, int, other, text, absent]
    ])
  })

  test.each([
    [{ a: { items: [] } }, listKind],
    [{ a: { items: null } }, slotKind.null],
    [{ a: null }, absent]
  ])('of %j are none', (plain, kind) => {
    const format = load(record('R', { a: ['null', record('A', { items: ['null', arrayOf('int')] })] }))
    const { accepted, recorder, slots } = judged(format, encoded(format, plain), {
      list: ['a', 'items'],
      items: [itself]
    })
    expect(accepted).toBe(true)
    expect(recorder.countOf(0)).toBe(0)
    expect(slots.kinds[0]).toBe(kind)
    if (kind === listKind) expect(slots.numbers[0]).toBe(0)
  })

  test('of a list are shown to each of its visits, and to one that reads nothing', () => {
    const format = load(record('R', { items: arrayOf(record('I', { a: 'int', b: 'string' })) }))
    const payload = encoded(format, {
      items: [
        { a: 1, b: 'x' },
        { a: 2, b: 'y' }
      ]
    })
    const list = ['items']
    const { accepted, recorder } = judged(
      format,
      payload,
      { list, items: [['a'], ['a'], ['b']] },
      { list, items: [] },
      { list, items: [['a']] }
    )
    expect(accepted).toBe(true)
    expect([0, 1, 2].map((visit) => recorder.countOf(visit))).toEqual([2, 2, 2])
    expect([...recorder.slotsOf(2).numbers]).toEqual([1, 2])
  })

  test('of the payload itself, of a list in a union, of a record inside itself, of lists', () => {
    const whole = judged(load(arrayOf('long')), '04 02 04 00', { list: itself, items: [itself] })
    expect([whole.accepted, ...whole.recorder.slotsOf(0).numbers]).toEqual([true, 1, 2])
    const either = load(record('R', { u: ['string', arrayOf('int'), 'null'] }))
    for (const [payload, count] of [
      ['02 02 0e 00', 1],
      ['00 02 61', 0],
      ['04', 0]
    ] as const) {
      const { accepted, recorder } = judged(either, payload, { list: ['u'], items: [itself] })
      expect([accepted, recorder.countOf(0)]).toEqual([true, count])
    }
    const tree = load(record('T', { value: 'int', children: arrayOf('T') }))
    const { accepted, recorder } = judged(tree, '02 04 04 02 06 00 00 08 00 00', {
      list: ['children'],
      items: [['value'], ['children']]
    })
    expect(accepted).toBe(true)
    expect([...recorder.slotsOf(0).numbers]).toEqual([2, 1, 4, 0])
    expect(recorder.kindsOf(0)).toEqual([
      [int, listKind],
      [int, listKind]
    ])
  })

  test('of kinds that are told with their symbols and scales, counted on from the paths', () => {
    const level = { type: 'enum', name: 'L', symbols: ['LOW', 'HIGH'] }
    const format = load(
      record('R', {
        total: money(2),
        items: arrayOf(record('I', { level, price: money(3), raw: 'bytes' })),
        more: arrayOf('L')
      })
    )
    const lists = [
      { list: ['items'], items: [['raw'], ['level'], ['price']] },
      { list: ['more'], items: [itself] }
    ]
    const paths = [['total'], ['items'], ['more']]
    const recorder = new VisitRecorder(lists, paths.length)
    const validator = compiled(format, paths, 0, recorder.visits)
    const all = [0, 1, 2, 3, 4, 5, 6, 7]
    expect(all.map((path) => validator.symbolsOf(path))).toEqual(
      all.map((path) => (path === 4 || path === 6 ? ['LOW', 'HIGH'] : null))
    )
    expect(all.map((path) => validator.scaleOf?.(path))).toEqual([2, null, null, null, null, 3, null, null])
    const payload = encoded(format, {
      total: '1.50',
      items: [{ level: 'HIGH', price: '-0.001', raw: { hex: 'ff' } }],
      more: ['LOW']
    })
    expect(compareVisits(format, validator, paths, recorder, payload, new Slots(7), 'kinds').accepted).toBe(true)
    expect(recorder.kindsOf(0)).toEqual([[bytesKind, symbol, decimal]])
    expect(recorder.slotsOf(0).numbers[2]).toBe(-1)
  })

  test('are shown until one is none; what cannot be noted is left to the reference', () => {
    const format = load(record('R', { s: arrayOf('string'), n: arrayOf('long') }))
    const lists = [
      { list: ['s'], items: [itself] },
      { list: ['n'], items: [itself] }
    ]
    for (const payload of ['04 0261 02ff 00 00', '02 0261', '06 0261 00', '03 04 0261 00 00', '00 02 80', '00 02 02']) {
      const { accepted, referenceAccepts } = judged(format, payload, ...lists)
      expect([accepted, referenceAccepts]).toEqual([false, false])
    }
    const wide = judged(format, encoded(format, { s: [], n: [1, 2n ** 53n] }), ...lists)
    expect([wide.accepted, wide.referenceAccepts]).toEqual([false, true])
  })

  test('are shown in the buffer and the slots that were given', () => {
    const seen: unknown[] = []
    const visit: ListVisit = {
      list: itself,
      items: [itself],
      firstSlot: 1,
      visit: (...given) => void seen.push(...given)
    }
    const validator = compiled(load(arrayOf('int')), [itself], 0, [visit])
    const bytes = Buffer.from('020200', 'hex')
    const slots = new Slots(2)
    expect(validator.accepts(bytes, 0, 3, slots)).toBe(true)
    expect(seen[0]).toBe(slots)
    expect(seen[1]).toBe(bytes)
    expect(seen.length).toBe(2)
  })
})

describe('what is not compiled', () => {
  const reasonOf = (schema: unknown, lists: readonly ListItems[], paths = lists.map(({ list }) => list)): string => {
    const made = load(schema).compile(paths, 0, new VisitRecorder(lists, paths.length).visits)
    return 'reason' in made ? made.reason : 'compiled'
  }
  const schema = record('R', {
    a: 'int',
    m: { type: 'map', values: 'int' },
    items: arrayOf(record('I', { a: 'int', more: arrayOf('int') }))
  })

  test.each<[SlotPath, SlotPath, string]>([
    [['a'], itself, 'a is no list'],
    [['m'], itself, 'm is no list'],
    [itself, itself, 'the payload is no list'],
    [['none'], itself, 'the payload has no field none'],
    [['items'], ['b'], 'an item of items has no field b'],
    [['items'], ['a', 'b'], 'a may be an int, whose parts are not compiled'],
    [['items', 'more'], itself, 'items may be an array, whose parts are not compiled'],
    [['items'], ['more'], 'compiled']
  ])('a visit of %j, reading %j', (list, path, reason) => {
    expect(reasonOf(schema, [{ list, items: [path] }])).toBe(reason)
  })

  test('a list that has no slot, and more fields than there may be', () => {
    expect(reasonOf(schema, [{ list: ['items'], items: [] }], [])).toBe('items is not among the fields that are read')
    const items = Array.from({ length: compiledLimits.paths - 1 }, () => ['a'])
    expect(reasonOf(schema, [{ list: ['items'], items }])).toBe('compiled')
    expect(reasonOf(schema, [{ list: ['items'], items: [...items, ['a']] }])).toMatch(/^more than \d+ fields/)
  })

  test('nothing of a list or a visit is in the code', () => {
    const node = new AvroSchemaReader().read(
      record('process', { exit: arrayOf(record('require', { eval: 'string' })) })
    )
    const { visits } = new VisitRecorder([{ list: ['exit'], items: [['eval']] }], 1)
    const generated = generateAvro(node, leastSizes(node), [['exit']], 0, visits)
    if ('reason' in generated) throw new Error(generated.reason)
    expect(generated.source.text).not.toMatch(/exit|eval|require|process|note/)
  })
})
