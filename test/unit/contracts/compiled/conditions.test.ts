import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileCondition, writeExpression } from '../../../../src/contracts/compiled/conditions.ts'
import type { Fold } from '../../../../src/contracts/compiled/item-folds.ts'
import type { FieldRead, SlotTable } from '../../../../src/contracts/compiled/slot-table.ts'
import { limits } from '../../../../src/contracts/expressions/limits.ts'
import { Slots } from '../../../../src/contracts/payload/compiled.ts'
import { Decimal, Timestamp, Uint } from '../../../../src/contracts/value.ts'
import type { Shape, Value } from '../../../../src/contracts/value.ts'
import { root, scales, symbols, variablesFor } from './random-records.ts'
import { bothWays, expected, facts } from './support.ts'

const variables = variablesFor(root)

function record(fields: Readonly<Record<string, Value>>): Value {
  return new Map(Object.entries(fields))
}

function row(c: string, k: bigint): Value {
  return record({ c, k })
}

/** The compiled answer, which must not contradict the reference; null where the record does not fit into slots. */
function answer(source: string, fields: Readonly<Record<string, Value>>, key: Value = null): number | null {
  const both = bothWays(source, variables, symbols, scales)
  if ('reason' in both) throw new Error(both.reason)
  const given = both.run(key, record(fields))
  const right = expected(both.reference(key, record(fields)))
  if (given === 0 || given === 1) expect(given).toBe(right)
  return given
}

describe('compiled conditions', () => {
  it.each<readonly [string, Readonly<Record<string, Value>>, number]>([
    ['value.d > 0 && value.s in ["EUR", "USD"]', { d: 1.5, s: 'USD' }, 1],
    ['value.d > 0 && value.s in ["EUR", "USD"]', { d: 1.5, s: 'usd' }, 0],
    ['value.d > 0.0', { d: NaN }, 0],
    ['value.i == null', {}, 1],
    ['value.i == null', { i: null }, 1],
    ['value.i == 1', {}, 0],
    ['value.i > 0', {}, 2],
    ['value.i > 0 || value.j == 1', { j: 1n }, 1],
    ['value.i > 0 && value.j == 1', { j: 2n }, 0],
    ['value.r.n == null', {}, 2],
    ['value.r.n == null', { r: record({}) }, 1],
    ['has(value.r.m.x)', {}, 0],
    ['has(value.r.m.x)', { r: record({ m: record({ x: 1 }) }) }, 1],
    ['has(value.r)', { r: record({}) }, 1],
    ['value.color == "RED"', { color: 'RED' }, 1],
    ['value.color != "RED"', { color: 'BLUE' }, 1],
    ['value.color.startsWith("B") && value.color < "C"', { color: 'BLUE' }, 1],
    ['value.size == "größe" && size(value.size) == 5', { size: 'größe' }, 1],
    ['value.color == value.s', { color: 'RED', s: 'RED' }, 1],
    ['value.i / 2 == -3 && value.i % 2 == -1', { i: -7n }, 1],
    ['value.i / value.j == 0', { i: 1n, j: 0n }, 2],
    ['value.i + 1 > 0', { i: 2n ** 53n - 1n }, 2],
    ['value.i * value.i > 0', { i: 94906267n }, 2],
    ['value.u - 2u < 5u', { u: new Uint(1n) }, 2],
    ['value.u == 1', { u: new Uint(1n) }, 1],
    ['1.0 / (double(value.i) * 1.0) > 0.0', { i: 0n }, 1],
    ['value.d == -0.0', { d: 0 }, 1],
    ['1.0 / (value.d * -0.0) < 0.0', { d: 1 }, 1],
    ['timestamp - value.at < duration("24h")', { at: new Timestamp(1_767_225_000n, 0) }, 1],
    [
      'value.at + duration("1ms") > timestamp("9999-01-01T00:00:00Z")',
      { at: new Timestamp(253_402_300_799n, 999_000_000) },
      2
    ],
    ['timestamp(value.s) <= timestamp', { s: '2026-01-01T00:00:00.25Z' }, 1],
    ['timestamp(value.s) <= timestamp', { s: 'yesterday' }, 2],
    ['int(timestamp(value.s)) == -1', { s: '1969-12-31T23:59:59.5Z' }, 1],
    ['topic.startsWith("shop.") && partition < 10', {}, 1],
    ['value.f ? value.g : value.i > 0', { f: true, g: false }, 0],
    ['value.f ? value.g : value.i > 0', { f: null, g: false }, 2],
    ['(value.f ? value.g : true) && false', { f: null, g: false }, 0],
    ['value.t.contains("😀") && value.t.endsWith("b")', { t: 'a😀b' }, 1],
    ['value.t.matches("^a.b$")', { t: 'a😀b' }, 1],
    ['value.t < "\\uffff"', { t: '😀' }, 0],
    ['size(value.l) == 2', { l: [1n, 2n] }, 1],
    ['size(value.raw) == 2', { raw: Uint8Array.of(1, 2) }, 1],
    ['value.x == value.y', { x: 1n, y: 1 }, 1],
    ['value.x == 1', { x: new Decimal(1n, 0) }, 2],
    ['value.x != null', { x: new Decimal(1n, 0) }, 1],
    ['value.x == "a"', { x: 'a\\b' }, 2],
    ['value.x == value.y', { x: [1n], y: [2n] }, 2],
    ['value.s.trim().lowerAscii() == "ab"', { s: ' Ab ' }, 1],
    ['value.s + "-" + value.t == "a-b"', { s: 'a', t: 'b' }, 1],
    ['value.t.startsWith(value.s + "-")', { s: 'a', t: 'a-1' }, 1],
    ['string(value.i) == value.s', { i: -42n, s: '-42' }, 1],
    ['int(value.s) > 41', { s: '42' }, 1],
    ['int(value.s) > 41', { s: 'x' }, 2],
    ['value.at.getFullYear() >= 2020', { at: new Timestamp(1_767_225_600n, 0) }, 1],
    ['value.at.getHours("+02:00") == 2', { at: new Timestamp(1_767_225_600n, 0) }, 1],
    ['(timestamp - value.at).getHours() < 1', { at: new Timestamp(1_767_225_000n, 0) }, 1],
    ['timestamp - value.at < duration(value.s)', { at: new Timestamp(1_767_225_000n, 0), s: '1h' }, 1],
    ['value.d <= (value.f ? 1000.0 : 10.0)', { d: 11, f: true }, 1],
    ['value.d <= (value.f ? 1000.0 : 10.0)', { d: 11, f: false }, 0],
    ['value.d <= (value.f ? 1000.0 : 10.0)', { d: 11 }, 2],
    ['(value.f ? value.s : "x") == "x"', { f: false, s: 'y' }, 1],
    ['size(value.s.trim()) > 0', { s: '  ' }, 0],
    ['value.tags.all(t, t != "")', { tags: [] }, 1],
    ['value.tags.all(t, t != "")', { tags: ['a', 'b'] }, 1],
    ['value.tags.all(t, t != "")', { tags: ['a', ''] }, 0],
    ['value.tags.exists(t, t == "b")', { tags: ['a', 'b'] }, 1],
    ['value.tags.exists(t, t == "b")', { tags: [] }, 0],
    ['value.tags.exists_one(t, t == "b")', { tags: ['a', 'b'] }, 1],
    ['value.tags.exists_one(t, t == "b")', { tags: ['b', 'a', 'b'] }, 0],
    ['value.tags.all(t, t != "") && size(value.tags) == 2', { tags: ['a', 'b'] }, 1],
    ['value.rows.all(r, r.n > 0)', {}, 2],
    ['value.rows.all(r, r.n > 0) || true', {}, 1],
    ['value.rows.all(r, r.n > 0)', { rows: null }, 2],
    ['value.rows.all(r, r.n > 0)', { rows: [record({ n: 1n }), record({ n: 2n })] }, 1],
    // An error is passed over where another item decides, before it or after.
    ['value.rows.all(r, r.n > 0)', { rows: [record({}), record({ n: 0n })] }, 0],
    ['value.rows.all(r, r.n > 0)', { rows: [record({ n: 1n }), null] }, 2],
    ['value.rows.exists(r, r.n > 0)', { rows: [null, record({ n: 1n }), record({})] }, 1],
    ['value.rows.exists(r, r.n > 0)', { rows: [record({}), record({ n: 0n })] }, 2],
    ['value.rows.exists_one(r, r.n > 0)', { rows: [record({ n: 1n }), record({}), record({ n: 1n })] }, 2],
    ['value.rows.all(r, r.n > 0) || true', { rows: [record({})] }, 1],
    ['value.rows.all(r, r.n == 1 || r.t == "a")', { rows: [record({ n: 1n }), record({ t: 'a' })] }, 1],
    ['value.rows.all(r, r.n == null)', { rows: [record({})] }, 1],
    ['value.rows.all(r, r.n == null)', { rows: [null] }, 2],
    ['value.rows.all(r, r == null || has(r.n))', { rows: [null, record({ n: 0n })] }, 1],
    ['value.rows.all(r, has(r.n)) == false', { rows: [record({})] }, 1],
    ['value.rows.all(r, r.c.startsWith("a")) && !value.rows.exists(r, r.k > 2)', { rows: [row('ab', 2n)] }, 1],
    ['value.x.all(v, v > 0)', { x: [1n, 2.5, new Uint(3n)] }, 1],
    ['value.x.all(v, v > 0)', { x: record({ a: 1n }) }, 2],
    ['value.dec < decimal("0.00")', { dec: new Decimal(-1n, 1) }, 1],
    ['value.dec < decimal("0.00")', { dec: new Decimal(0n, 1) }, 0],
    ['value.dec < decimal("0.00")', {}, 2],
    ['value.dec < decimal("0.00")', { dec: new Decimal(2n ** 53n, 1) }, NaN],
    ['value.dec == decimal("1.50")', { dec: new Decimal(15n, 1) }, 1],
    ['value.dec == decimal("1.55")', { dec: new Decimal(15n, 1) }, 0],
    ['value.dec < decimal("1.55") && value.dec > decimal("1.45")', { dec: new Decimal(15n, 1) }, 1],
    ['value.dec >= -1.55 && value.dec <= -1.45', { dec: new Decimal(-15n, 1) }, 1],
    ['value.dec == 0.1 && value.dec < 1 && 1u > value.dec', { dec: new Decimal(1n, 1) }, 1],
    ['value.dec < double("inf") && value.dec > double("-inf")', { dec: new Decimal(1n, 1) }, 1],
    ['value.dec < double("NaN") || value.dec == double("NaN")', { dec: new Decimal(1n, 1) }, 0],
    ['value.dec < 1e300 && value.dec > decimal("-1e400")', { dec: new Decimal(1n, 1) }, 1],
    ['value.dec == value.fine', { dec: new Decimal(15n, 1), fine: new Decimal(1500n, 3) }, 1],
    ['value.dec < value.fine', { dec: new Decimal(15n, 1), fine: new Decimal(1501n, 3) }, 1],
    ['value.dec < value.fine', { dec: new Decimal(2n ** 53n - 1n, 1), fine: new Decimal(1n, 3) }, 2],
    ['value.dec == value.fine', { dec: null, fine: new Decimal(1n, 3) }, 0],
    ['value.dec == value.i', { dec: new Decimal(20n, 1), i: 2n }, 1],
    ['value.dec > value.d', { dec: new Decimal(20n, 1), d: 1 }, 1],
    ['value.dec > value.d', { dec: new Decimal(20n, 1), d: 0.1 }, 2],
    ['value.dec > value.d', { dec: new Decimal(20n, 1), d: NaN }, 0],
    ['value.dec == null', {}, 1],
    ['value.dec > value.i * 2', { dec: new Decimal(20n, 1), i: 0n }, 1],
    ['value.x > 1', { x: new Decimal(20n, 1) }, 2],
    ['value.x', { x: true }, 1],
    ['value.x', { x: 1n }, 2]
  ])('%s of %o: %i', (source, fields, wanted) => {
    // NaN: the record does not fit into slots.
    expect(answer(source, fields)).toBe(Number.isNaN(wanted) ? null : wanted)
  })

  it('leave a record to the reference where a part may end the evaluation', () => {
    const huge = new Decimal(10n ** 2000n, 3)
    // The reference gives up on the decimal, and `||` cannot save it.
    expect(answer('value.x > 1 || true', { x: huge })).toBe(2)
    expect(answer('(value.i + 1) == (value.x + 1) || true', { x: huge })).toBe(2)
    expect(answer('value.i > 1 || true', {})).toBe(1)
  })

  it('do not compare with a number that no double is', () => {
    const both = bothWays('value.d == 9007199254740993', variables)
    expect(both).toEqual({ reason: 'it compares with a number of more than 53 bits' })
    expect(answer('value.d == 9007199254740992', { d: 2 ** 53 })).toBe(1)
  })

  it('compare a key with a field', () => {
    expect(answer('key == value.t', { t: 'o-1' }, 'o-1')).toBe(1)
    expect(answer('key == value.t', { t: 'o-1' }, 'o-2')).toBe(0)
    expect(answer('key.id == value.i', { i: 5n }, record({ id: 5n }))).toBe(1)
  })

  it('know a list of many texts and numbers', () => {
    const many = Array.from({ length: 40 }, (_, n) => `"c${n}"`).join(', ')
    expect(answer(`value.t in [${many}]`, { t: 'c39' })).toBe(1)
    expect(answer(`value.t in [${many}]`, { t: 'c40' })).toBe(0)
    const numbers = Array.from({ length: 40 }, (_, n) => String(n - 3)).join(', ')
    expect(answer(`value.i in [${numbers}]`, { i: 0n })).toBe(1)
    expect(answer(`value.d in [${numbers}]`, { d: -0 })).toBe(1)
    expect(answer(`value.d in [${numbers}]`, { d: 0.5 })).toBe(0)
  })

  it('stop where the reference would run out of steps', () => {
    const long = 'ab'.repeat(200_000)
    const part = 'b'.repeat(100)
    const source = Array.from({ length: 30 }, () => `value.t.contains("${part}")`).join(' || ')
    const both = bothWays(`${source} || true`, variables, symbols)
    if ('reason' in both) throw new Error(both.reason)
    const of = record({ t: long.repeat(3) })
    expect(expected(both.reference(null, of))).toBe(2)
    expect(both.run(null, of)).toBe(2)
    const size = Array.from({ length: 60 }, () => 'size(value.t) == 1').join(' || ')
    expect(answer(`${size} || true`, { t: long })).toBe(2)
    expect(answer('size(value.t) == 400000', { t: long })).toBe(1)
    expect(answer('value.t.matches("^(a|b)+$") || true', { t: long.repeat(3) })).toBe(2)
  })

  it('stop where a list is so long that the reference might run out of steps', () => {
    const items = (count: number, item: Value): Value[] => Array.from({ length: count }, () => item)
    const few = 'value.tags.all(t, t.contains("b"))'
    expect(answer(few, { tags: items(250, 'ab') })).toBe(1)
    expect(answer(few, { tags: items(251, 'ab') })).toBe(2)
    expect(answer(few, { tags: items(10, 'a'.repeat(100_000)) })).toBe(2)
    const many = 'value.x.all(v, v) || true'
    expect(answer(many, { x: items(100_000, true) })).toBe(1)
    expect(answer(many, { x: items(600_000, true) })).toBe(2)
    const both = bothWays(many, variables)
    if ('reason' in both) throw new Error(both.reason)
    expect(expected(both.reference(null, record({ x: items(600_000, true) })))).toBe(2)
  })

  it('believe nothing of a list of which they did not see every item', () => {
    const both = bothWays('value.tags.all(t, t != "") || true', variables)
    if ('reason' in both) throw new Error(both.reason)
    const bytes = both.table.fill(null, record({ tags: ['a', 'b'] }))!
    expect(both.compiled(both.table.slots, bytes, facts)).toBe(1)
    const list = both.table.slotOf({ side: 'value', steps: ['tags'] })
    for (const count of [0, 1, 3]) {
      both.table.slots.numbers[list] = count
      expect(both.compiled(both.table.slots, bytes, facts)).toBe(2)
    }
  })

  it('leave a record with an absurd timestamp to the reference', () => {
    const both = bothWays('timestamp < timestamp("2030-01-01T00:00:00Z")', variables)
    if ('reason' in both) throw new Error(both.reason)
    for (const ms of [NaN, Infinity, 2 ** 60, -(2 ** 60), 253_402_300_800_000]) {
      expect(both.compiled(both.table.slots, Buffer.alloc(1), { ...facts, timestampMs: () => ms })).toBe(2)
    }
    expect(both.compiled(both.table.slots, Buffer.alloc(1), { ...facts, timestampMs: () => -1 })).toBe(1)
  })

  it('take every text that fits when there is only one test of it', () => {
    expect(answer('value.t.contains("c")', { t: 'ab'.repeat(50_000) })).toBe(0)
    expect(answer('value.t.matches("^[ab]+$")', { t: 'ab'.repeat(10_000) })).toBe(1)
  })
})

/** Gives every field the same slot, and looks at the functions that judge items. */
class RecordingTable implements SlotTable {
  slotOf(): number {
    return 0
  }

  symbolsOf(): null {
    return null
  }

  scaleOf(): null {
    return null
  }

  addFold(_: FieldRead, { judge }: Fold): number {
    expect(judge.toString()).toMatch(/^[\w \n(){}[\];,.+\-*/%<>=!&|^~?:]*$/)
    return 1
  }
}

describe('code of conditions', () => {
  const hostile = [
    '"];process.exit()//',
    '__proto__',
    'constructor',
    'a\u2028b\u2029c',
    "');throw 1//",
    '${throw 1}',
    '\\',
    '*/ throw 1 /*',
    '\n throw 1'
  ]

  it('holds no text of the policy or the schema', () => {
    const fields = new Map(hostile.map((name) => [name, { shape: { kind: 'string' } as const, optional: true }]))
    const shape: Shape = { kind: 'record', name: hostile[0]!, open: false, fields }
    const known = variablesFor(shape)
    for (const name of hostile) {
      const written = JSON.stringify(name)
      const rules = [
        `value[${written}] == ${written} || value[${written}] in [${written}, "x"]`,
        `value[${written}].startsWith(${written}) && value[${written}] < ${written}`,
        `value[${written}].contains(${written})`
      ]
      for (const source of rules) {
        const both = bothWays(source, known)
        if ('reason' in both) throw new Error(`${source}: ${both.reason}`)
        const code = writeExpression(source, known, both.table)
        if ('reason' in code) throw new Error(code.reason)
        expect(code.code.text).not.toContain(name)
        expect(code.code.text).toMatch(/^[\w \n(){}[\];,.+\-*/%<>=!&|^~?:]*$/)
        for (const value of [record({ [name]: name }), record({ [name]: 'x' }), record({})]) {
          const right = expected(both.reference(null, value))
          expect([right, 2]).toContain(both.run(null, value))
        }
        const same = record({ [name]: name })
        // A text with a backslash is one with an escape here, and is in no slot.
        if (!name.includes('\\')) expect(both.run(null, same)).toBe(expected(both.reference(null, same)))
      }
    }
  })

  it('of loops holds none either, and is not led astray by any', () => {
    const fields = new Map(hostile.map((name) => [name, { shape: { kind: 'string' } as const, optional: true }]))
    const items: Shape = { kind: 'record', name: hostile[0]!, open: false, fields }
    const list = { shape: { kind: 'list', items } as const, optional: true }
    const known = variablesFor({ kind: 'record', name: 'r', open: false, fields: new Map([[hostile[0]!, list]]) })
    for (const name of hostile) {
      const [of, written] = [JSON.stringify(hostile[0]), JSON.stringify(name)]
      const source = `value[${of}].all(v, v[${written}] != ${written} || v[${written}] in [${written}])`
      const code = writeExpression(source, known, new RecordingTable())
      if ('reason' in code) throw new Error(code.reason)
      expect(code.code.text).toMatch(/^[\w \n(){}[\];,.+\-*/%<>=!&|^~?:]*$/)
      const both = bothWays(source, known)
      if ('reason' in both) throw new Error(both.reason)
      const value = record({ [hostile[0]!]: [record({ [name]: 'x' }), record({})] })
      expect(both.run(null, value)).toBe(expected(both.reference(null, value)))
    }
  })

  it('holds constants that are no small integers as constants', () => {
    const both = bothWays('value.d > 1234.5678 && value.i < 99999999999', variables)
    if ('reason' in both) throw new Error(both.reason)
    const written = writeExpression('value.d > 1234.5678 && value.i < 99999999999', variables, both.table)
    if ('reason' in written) throw new Error(written.reason)
    expect(written.code.text).not.toMatch(/1234|99999/)
  })

  it('is not made of what is no expression', () => {
    const table = { slotOf: () => 0, symbolsOf: () => null, scaleOf: () => null, addFold: () => 0 }
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (source) => {
        const compiled = compileCondition(source, variables, table)
        if (typeof compiled !== 'function') expect(compiled.reason).not.toBe('')
      }),
      { numRuns: 120 }
    )
  })

  it('is made of the longest expressions in little time, and runs', () => {
    const longest = Array.from({ length: 150 }, (_, n) => `value.i != ${n}`).join(' && ')
    expect(longest.length).toBeLessThan(limits.sourceLength)
    expect(answer(longest.slice(0, longest.indexOf('value.i != 60') - 4), { i: 70n })).toBe(1)
    const nested = `${'('.repeat(30)}value.i > 0${')'.repeat(30)}`
    expect(answer(nested, { i: 1n })).toBe(1)
    const deep = Array.from({ length: 60 }, () => 'value.i').join(' + ')
    expect(answer(`${deep} == 60`, { i: 1n })).toBe(1)
  })

  it('gives 2, and does not throw, whatever the slots hold', () => {
    const source = 'value.color == "RED" || value.s.contains("a") || value.size in ["S"] || size(value.t) > 2'
    const both = bothWays(source, variables, symbols)
    if ('reason' in both) throw new Error(both.reason)
    const slots = new Slots(4)
    for (let kind = 0; kind < 16; kind++) {
      slots.kinds.fill(kind)
      for (const number of [NaN, -1, 0, 1e9, 0.5]) {
        slots.numbers.fill(number)
        slots.starts.fill(3)
        slots.ends.fill(2)
        expect([0, 1, 2]).toContain(both.compiled(slots, Buffer.alloc(4), facts))
      }
    }
  })
})
