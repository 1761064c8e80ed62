/** Items of lists as a compiled walker shows them, against those of the reference. */
import { describe, expect, test } from 'vitest'
import { compiledLimits, slotKind, Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type { ListVisit, SlotPath } from '../../../../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../../../../src/contracts/payload/format.ts'
import { caseCount, damaged, SeededRandom } from '../../../../support/compiled-payload.ts'
import { compareVisits, VisitRecorder } from '../../../../support/compiled-visits.ts'
import type { ListItems } from '../../../../support/compiled-visits.ts'
import { compiledOf, proto, reasonOf } from './compiled-helpers.ts'
import { odd, ordinary, PayloadWriter } from './random-proto-payload.ts'
import type { Oddness } from './random-proto-payload.ts'
import { randomLists, randomPaths, randomProto } from './random-proto.ts'

const timeoutMs = caseCount(30_000)

interface Tally {
  wanted: number
  accepted: number
  refused: number
  items: number
}

/** @param isDamaged three of each five payloads */
function judgeRandom(seeds: number, firstSeed: number, rounds: number, oddness: Oddness, isDamaged: boolean): Tally {
  const tally = { wanted: 0, accepted: 0, refused: 0, items: 0 }
  const firstSlot = 2
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const random = new SeededRandom(seed)
    const schema = randomProto(random, 0.3)
    const lists = randomLists(random, schema)
    if (lists.length === 0) continue
    const format = proto(schema.source, 'M0')
    const paths = [...randomPaths(random, schema), ...lists.map(({ list }) => list)]
    const recorder = new VisitRecorder(lists, firstSlot + paths.length)
    const compiled = compiledOf(format, paths, firstSlot, recorder.visits)
    const slots = new Slots(firstSlot + paths.length + recorder.slotCount)
    for (let round = 0; round < rounds; round++) {
      const whole = new PayloadWriter(random, schema, oddness).root()
      const payload = isDamaged && round % 5 > 1 ? damaged(whole, random) : whole
      const label = `seed ${seed}, round ${round}, ${JSON.stringify(lists)}, ${schema.source}`
      const result = compareVisits(format, compiled, paths, recorder, payload, slots, label, firstSlot)
      if (result.referenceAccepts) tally.wanted++
      else tally.refused++
      if (result.accepted) tally.accepted++
      tally.items += result.items
    }
  }
  return tally
}

describe('random schemas', () => {
  test('the items of ordinary payloads', { timeout: timeoutMs }, () => {
    const seeds = caseCount(400)
    const { wanted, accepted, items } = judgeRandom(seeds, 0x20000, 20, ordinary, false)
    expect(accepted / wanted).toBeGreaterThan(0.98)
    expect(items).toBeGreaterThan(seeds * 8)
  })

  test('the items of odd and damaged payloads, as far as they are accepted', { timeout: timeoutMs }, () => {
    const seeds = caseCount(600)
    const { accepted, refused, items } = judgeRandom(seeds, 0x300000, 25, odd, true)
    expect(accepted).toBeGreaterThan(seeds * 4)
    expect(refused).toBeGreaterThan(seeds)
    expect(items).toBeGreaterThan(seeds * 4)
  })
})

interface Judged {
  readonly outcome: 'both' | 'none' | 'reference'
  readonly recorder: VisitRecorder
  readonly slots: Slots
}

/** The lists are also the paths, in the first slots. */
function judged(format: PayloadFormat, payload: string, ...lists: ListItems[]): Judged {
  const bytes = Buffer.from(payload.replaceAll(' ', ''), 'hex')
  const paths = lists.map(({ list }) => list)
  const recorder = new VisitRecorder(lists, paths.length)
  const compiled = compiledOf(format, paths, 0, recorder.visits)
  const slots = new Slots(paths.length + recorder.slotCount)
  const { accepted, referenceAccepts } = compareVisits(format, compiled, paths, recorder, bytes, slots, 'case')
  return { outcome: accepted ? 'both' : referenceAccepts ? 'reference' : 'none', recorder, slots }
}

const { absent, int, uint, double, text, list: listKind, other, timestampMs } = slotKind
const itself: SlotPath = []

test('a list in several parts, packed and not, is one list', () => {
  const format = proto(
    `syntax = "proto3"; message M { repeated sint64 n = 1; repeated fixed32 f = 2; repeated string s = 3; repeated bool t = 4;
       repeated double d = 5; repeated uint64 u = 6; }`
  )
  const numbers = (payload: string, name: string): number[] => {
    const { outcome, recorder } = judged(format, payload, { list: [name], items: [itself] })
    expect(outcome).toBe('both')
    return [...recorder.slotsOf(0).numbers]
  }
  expect(numbers('0a020204 1a00 0806 0a00 0808 0a03800203', 'n')).toEqual([1, 2, 3, 4, 128, -2])
  expect(numbers('1204 01000000 15 02000000 1208 03000000 ffffffff', 'f')).toEqual([1, 2, 3, 0xffffffff])
  expect(numbers('2a10 000000000000f03f 00000000000000c0', 'd')).toEqual([1, -2])
  expect(numbers('3203 01 ac02 3005', 'u')).toEqual([1, 300, 5])
  const bools = judged(format, '2203 00 01 02 2000', { list: ['t'], items: [itself] })
  expect(bools.recorder.kindsOf(0).flat()).toEqual([slotKind.false, slotKind.true, slotKind.true, slotKind.false])
  const texts = judged(format, '1a0161 1a00 1a02c3bc', { list: ['s'], items: [itself] })
  expect([texts.outcome, texts.recorder.countOf(0)]).toEqual(['both', 3])
  expect([...texts.recorder.slotsOf(0).ends]).toEqual([3, 5, 9])
})

test('what is not a value ends the list', () => {
  const format = proto(
    'syntax = "proto3"; message M { repeated sint64 n = 1; repeated fixed32 f = 2; repeated string s = 3; }'
  )
  const lists = ['n', 'f', 's'].map((name) => ({ list: [name], items: [itself] }))
  for (const payload of [
    '0a0180',
    '0a020180 01',
    '1203000000',
    '1206 000000000000',
    '1a01ff',
    '0a01',
    '08',
    '1a0561'
  ]) {
    expect(judged(format, payload, ...lists).outcome).toBe('none')
  }
  for (const type of ['int32', 'uint32', 'sint32', 'int64', 'uint64', 'sint64', 'bool', 'E']) {
    const packed = proto(`syntax = "proto3"; message M { repeated ${type} n = 1; } enum E { Z = 0; }`)
    // The rest of the number stands behind the end of its part.
    for (const payload of ['0a0180 01', '0a0180', '0a0180 0801', '0a020180 00 0a00']) {
      expect(judged(packed, payload, lists[0]!).outcome).toBe('none')
    }
    expect(judged(packed, '0a028001 0801', lists[0]!).outcome).toBe('both')
  }
  // 2^53 cannot be noted, though it is as good a number as any.
  expect(judged(format, '0a0880808080808080 20', ...lists).outcome).toBe('reference')
  expect(judged(format, '08 8080808080808020', ...lists).outcome).toBe('reference')
})

test('fields of an item that are not there do not show the item before', () => {
  const format = proto(
    `syntax = "proto3"; import "google/protobuf/timestamp.proto";
     message M { repeated I items = 1; }
     message I { int32 n = 1; optional uint32 o = 2; string s = 3; I inner = 4; repeated int32 list = 5;
       oneof either { double d = 6; string t = 7; } google.protobuf.Timestamp at = 8; }`
  )
  const items = [['n'], ['o'], ['s'], ['inner', 'n'], ['list'], ['d'], ['t'], ['at'], []]
  const full = '0805 1006 1a0161 22020807 2a020102 31000000000000f03f 42020801'
  const { outcome, recorder } = judged(format, `0a1c ${full} 0a00 0a03 3a0178`, {
    list: ['items'],
    items
  })
  expect(outcome).toBe('both')
  const empty = [int, absent, text, absent, listKind, absent, absent, absent, other]
  expect(recorder.kindsOf(0)).toEqual([
    [int, uint, text, int, listKind, double, absent, timestampMs, other],
    empty,
    empty.with(6, text)
  ])
})

test('lists without items, and lists that are not there', () => {
  const format = proto(
    'syntax = "proto3"; message M { I i = 1; repeated I r = 2; oneof o { I one = 3; int32 n = 4; } } message I { repeated int32 n = 1; }'
  )
  const lists = [
    { list: ['i', 'n'], items: [itself] },
    { list: ['r'], items: [['n']] },
    { list: ['one', 'n'], items: [itself] }
  ]
  const kinds = ({ slots }: Judged): number[] => [...slots.kinds.subarray(0, 3)]
  const counts = ({ recorder }: Judged): number[] => [0, 1, 2].map((visit) => recorder.countOf(visit))
  const none = judged(format, '', ...lists)
  expect([none.outcome, kinds(none), counts(none)]).toEqual(['both', [absent, listKind, absent], [0, 0, 0]])
  const empty = judged(format, '0a00 1a020a00', ...lists)
  expect([empty.outcome, kinds(empty), counts(empty)]).toEqual(['both', [listKind, listKind, listKind], [0, 0, 0]])
  const full = judged(format, '0a03 0a0105 1200 1203 0a0105 1a02 0805', ...lists)
  expect([full.outcome, counts(full)]).toEqual(['both', [1, 2, 1]])
  // What was shown is gone when another member of the oneof comes; an empty list had shown nothing.
  expect(judged(format, '1a020805 2001', ...lists).outcome).toBe('reference')
  const dropped = judged(format, '1a020a00 2001', ...lists)
  expect([dropped.outcome, kinds(dropped)]).toEqual(['both', [absent, listKind, absent]])
  // A message that comes twice is merged, so its list goes on.
  expect(judged(format, '0a020805 0a020806', ...lists).outcome).toBe('reference')
})

test('several visits of one list see the same items', () => {
  const format = proto(
    'syntax = "proto3"; message M { repeated I items = 1; } message I { int32 n = 1; string s = 2; }'
  )
  const { outcome, recorder } = judged(
    format,
    '0a02 0805 0a03 120161',
    { list: ['items'], items: [['n'], ['s']] },
    { list: ['items'], items: [['s'], ['n'], ['s']] },
    { list: ['items'], items: [] }
  )
  expect(outcome).toBe('both')
  expect([0, 1, 2].map((visit) => recorder.countOf(visit))).toEqual([2, 2, 2])
  expect([...recorder.slotsOf(1).numbers].filter((_, slot) => slot % 3 === 1)).toEqual([5, 0])
})

test('items that are well known: wrappers, instants, durations, maps', () => {
  const imports = ['wrappers', 'timestamp', 'duration', 'struct'].map(
    (file) => `import "google/protobuf/${file}.proto";`
  )
  const format = proto(
    `syntax = "proto3"; ${imports.join(' ')} message M { repeated google.protobuf.Int64Value w = 1;
       repeated google.protobuf.Timestamp t = 2; repeated google.protobuf.Duration d = 3; repeated google.protobuf.Struct s = 4;
       repeated google.protobuf.Value v = 5; google.protobuf.ListValue l = 6; map<string, int32> m = 7; repeated I i = 8; }
     message I { google.protobuf.StringValue text = 1; google.protobuf.Timestamp at = 2; }`
  )
  const lists = ['w', 't', 'd', 's'].map((name) => ({ list: [name], items: [itself] }))
  const payload = '0a020805 0a00 12020801 120410c0843d 12021001 1a00 2200'
  const { outcome, recorder } = judged(format, payload, ...lists, { list: ['i'], items: [['text'], ['at']] })
  expect(outcome).toBe('both')
  expect(lists.map((_, visit) => recorder.kindsOf(visit).flat())).toEqual([
    [int, int],
    [timestampMs, timestampMs, other],
    [other],
    [other]
  ])
  const nested = judged(format, '4205 0a030a0161 4200 4204 12020801 42020a00', {
    list: ['i'],
    items: [['text'], ['at']]
  })
  expect(nested.outcome).toBe('both')
  expect(nested.recorder.kindsOf(0)).toEqual([
    [text, absent],
    [absent, absent],
    [absent, timestampMs],
    [text, absent]
  ])
  const reason = (list: SlotPath, items: SlotPath[], paths = [list]): string =>
    reasonOf(format, paths, [{ list, items, firstSlot: paths.length, visit: () => undefined }])
  expect(reason(['v'], [itself])).toMatch(/the list v.*may be anything/)
  expect(reason(['l'], [itself])).toMatch(/not a repeated field/)
  expect(reason(['m'], [itself])).toMatch(/not a repeated field/)
  expect(reason([], [itself])).toMatch(/not a repeated field/)
  expect(reason(['i', 'text'], [itself])).toMatch(/leads into|not a repeated/)
  expect(reason(['i'], [['none']])).toMatch(/no field none/)
  expect(reason(['w'], [['value']])).toMatch(/no field value/)
  expect(reason(['d'], [itself], [])).toMatch(/not among the fields that are read/)
})

test('groups as items, and lists in groups', () => {
  const format = proto(
    'message M { repeated group G = 1 { optional int32 n = 1; } optional group H = 2 { repeated int32 n = 1; } }'
  )
  const [items, holder] = format.shape.kind === 'record' ? [...format.shape.fields.keys()] : []
  const { outcome, recorder } = judged(
    format,
    '0b 0805 0c 0b 0c 13 0801 0802 0a0103 14',
    { list: [items!], items: [['n']] },
    { list: [holder!, 'n'], items: [itself] }
  )
  expect(outcome).toBe('both')
  expect(recorder.kindsOf(0)).toEqual([[int], [absent]])
  expect([...recorder.slotsOf(1).numbers]).toEqual([1, 2, 3])
})

test('a message that holds itself: only the list that was asked for is shown', () => {
  const format = proto('syntax = "proto3"; message M { repeated M children = 1; int32 n = 2; }')
  const { outcome, recorder } = judged(format, '0a06 0a021001 1002 0a021003', {
    list: ['children'],
    items: [['n'], ['children']]
  })
  expect(outcome).toBe('both')
  expect([...recorder.slotsOf(0).numbers]).toEqual([2, 1, 3, 0])
})

test('fields of items count as fields that are read', () => {
  const format = proto('syntax = "proto3"; message M { repeated int32 n = 1; }')
  const visit = (count: number): ListVisit => ({
    list: ['n'],
    items: Array<SlotPath>(count).fill(itself),
    firstSlot: 1,
    visit: () => undefined
  })
  compiledOf(format, [['n']], 0, [visit(compiledLimits.paths - 1)])
  expect(reasonOf(format, [['n']], [visit(compiledLimits.paths)])).toMatch(/more than 200/)
})
