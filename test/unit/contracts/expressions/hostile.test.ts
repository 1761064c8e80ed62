/**
 * Records and rules made to hurt. Every evaluation must end, with a value or an error, after bounded work; the bound is
 * what is asserted (the ticks), not the time it took.
 */
import { describe, expect, it } from 'vitest'
import { compileExpression } from '../../../../src/contracts/expressions/compile.ts'
import type { Bindings } from '../../../../src/contracts/expressions/compile.ts'
import { HeaderMap } from '../../../../src/contracts/expressions/headers.ts'
import { limits } from '../../../../src/contracts/expressions/limits.ts'
import { Decimal, Duration, Timestamp } from '../../../../src/contracts/value.ts'
import type { Value } from '../../../../src/contracts/value.ts'
import { bindings, evaluate, outcome, untyped } from './support.ts'

const tooManySteps = 'error: the expression needs more steps on this record than one evaluation may take'

const text = 'a'.repeat(1_000_000)

function nested(levels: number): Value {
  let value: Value = []
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : new Map([['k', value]])
  return value
}

function nestedLists(levels: number): Value {
  let value: Value = []
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

const record = bindings({
  value: new Map<string, Value>([
    ['n', Array.from({ length: 100_000 }, (_, i) => BigInt(i))],
    ['k', Array.from({ length: 2000 }, (_, i) => BigInt(i))],
    ['text', text],
    ['other', `${text.slice(1)}b`],
    ['early', `b${text.slice(1)}`],
    ['texts', [text, text, text]],
    ['accents', 'aé'.repeat(200_000)],
    ['list', Array.from({ length: 1000 }, () => new Map([['a', 1n]]))],
    ['many', Array.from({ length: 30_000 }, () => 'x')],
    ['deep', nested(20_000)],
    ['lists', nestedLists(50_000)],
    ['wide', new Map(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, BigInt(i)]))],
    ['pattern', '(?:[ab]{1,30}){1,30}$']
  ])
})

describe('work that grows out of a record', () => {
  it.each([
    ['value.k.all(x, value.k.all(y, x + y >= 0))'],
    ['value.n.all(x, x in value.n)'],
    ['value.n.filter(x, value.n == value.n && x > 0) == []'],
    ['value.n.map(x, value.text + value.other).size() > 0'],
    ['[value.text].map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a)[0].size() > 1'],
    ['["ab"].map(a, a + a)' + '.map(a, a + a)'.repeat(60) + ' == []'],
    ['[[1]].map(a, a + a)' + '.map(a, a + a)'.repeat(60) + ' == []'],
    ['[b"ab"].map(a, a + a)' + '.map(a, a + a)'.repeat(60) + ' == []'],
    ['value.n.all(x, value.text != value.other)'],
    ['value.n.all(x, value.text < value.other)'],
    ['value.n.all(x, size(value.text) > 0)'],
    ['value.n.all(x, value.text.contains("needle") || true)'],
    ['value.text.contains(value.early)'],
    ['value.text.lastIndexOf(value.other) == 1'],
    ['value.text.replace("a", value.other) == ""'],
    ['value.text.replace("", "bbbbbbbbbbbbbbb") == ""'],
    ['value.text.split("a").size() > 0'],
    ['value.text.split("").size() > 0'],
    ['value.many.join(value.text) == ""'],
    ['strings.quote(value.text) == ""'],
    ['value.accents.upperAscii() == ""'],
    ['value.accents.lowerAscii() == ""'],
    ['value.n.exists(x, x == x + "a")'],
    ['"%s %s %s %s".format([value.texts, value.texts, value.texts, value.texts]) == ""'],
    ['value.n.all(x, "%.3f".format([1.5 * double(x)]) != "")'],
    ['value.many.all(x, timestamp.getHours("Europe/Berlin") >= 0)'],
    ['value.many.all(x, headerValues("source").size() == 2) && value.n.all(x, value.text != value.other)'],
    ['value.wide.all(k, value.wide.exists(j, j == k))'],
    ['value.n.all(x, x.matches("a") || value.text.matches("^a+b"))']
  ])('%s ends with an error', (expression) => {
    expect(outcome(expression, { record })).toBe(tooManySteps)
  })

  it.each([
    ['value.n.all(x, x >= 0)', true],
    ['value.n.map(x, x).size()', 100_000n],
    ['value.n.exists(x, x == 99999)', true],
    ['99999 in value.n', true],
    ['value.n == value.n', true],
    ['value.wide.size()', 100_000n],
    ['value.wide["k99999"]', 99_999n],
    ['value.wide.exists_one(k, k == "k7")', true],
    ['size(value.text)', 1_000_000n],
    ['value.text == value.other', false],
    ['value.text.lowerAscii().upperAscii().endsWith("A")', true],
    ['value.many.all(x, x.matches("^[a-z]$"))', true]
  ])('%s is within bounds', (expression, expected) => {
    expect(outcome(expression, { record })).toBe(expected)
  })

  it('counts the headers that are read to find those of a name', () => {
    const counted = (count: number): unknown => {
      const headerValues: Bindings['headerValues'] = (_name, pay) => {
        pay(count)
        return []
      }
      return outcome('headerValues("x").size() == 0', { record: bindings({ headerValues }) })
    }
    expect(counted(1000)).toBe(true)
    expect(counted(100_000)).toBe(tooManySteps)
  })

  it('counts the entries of maps that are compared', () => {
    // Fifty comparisons of a thousand maps of one entry: 17 steps each.
    expect(outcome('value.k.filter(x, x < 50).all(x, value.list == value.list)', { record })).toBe(true)
    expect(outcome('value.k.filter(x, x < 70).all(x, value.list == value.list)', { record })).toBe(tooManySteps)
  })

  it('is bounded by what the caller allows, never by more than the limit', () => {
    const source = 'value.n.all(x, x >= 0)'
    const strict = compileExpression(source, untyped, { ticks: 1000 })
    expect(strict.ok && strict.program.evaluate(record).kind).toBe('error')
    const greedy = compileExpression('value.k.all(x, value.k.all(y, x + y >= 0))', untyped, { ticks: 1e15 })
    expect(greedy.ok && greedy.program.evaluate(record).kind).toBe('error')
  })

  it('starts afresh with every record', () => {
    const compiled = compileExpression('value.n.all(x, x >= 0)', untyped)
    for (let i = 0; i < 5; i++) {
      expect(compiled.ok && compiled.program.evaluate(record)).toEqual({ kind: 'value', value: true })
    }
  })

  it('cannot be hidden behind an error that || passes over', () => {
    expect(outcome('value.n.all(x, x in value.n) || true', { record })).toBe(tooManySteps)
  })
})

describe('regular expressions', () => {
  it('of any kind end on a text of any length', () => {
    for (const pattern of ['^(a|a)*$', '^(a+)+$', '(.*a){20}b', '[ab]{1,200}@', '(?:[ab]{1,30}){1,30}$']) {
      expect(['boolean', 'string']).toContain(typeof outcome(`value.text.matches("${pattern}")`, { record }))
      expect(['boolean', 'string']).toContain(typeof outcome(`value.other.matches("${pattern}")`, { record }))
    }
    expect(outcome('value.text.matches("[ab]{1,200}@")', { record })).toBe(
      'error: the text is too long to be searched for that pattern'
    )
  })

  it('that a record brings along are compiled within bounds', () => {
    expect(outcome('"aab".matches(value.pattern)', { record })).toBe(true)
    expect(outcome('"a".matches(value.text)', { record })).toBe('error: the pattern does not compile')
    const patterns = Array.from({ length: 500 }, (_, i) => `\\pN\\pL{1,900}${i}`)
    const many = bindings({ value: new Map([['patterns', patterns]]) })
    expect(outcome('value.patterns.all(p, "a".matches(p) || true)', { record: many })).toBe(tooManySteps)
  })
})

describe('deep values', () => {
  it.each([
    ['value.deep == value.deep', 'error: the compared values are nested too deeply'],
    ['value.deep in [value.deep]', 'error: the compared values are nested too deeply'],
    ['"%s".format([value.deep]) == ""', 'error: format(): the value is nested too deeply'],
    ['value.deep != null', true],
    ['size(value.deep)', 1n]
  ])('%s', (expression, expected) => {
    expect(outcome(expression, { record })).toBe(expected)
  })

  it('do not break handing out the result', () => {
    expect(evaluate('value.lists', { record })).toEqual({ kind: 'error', message: 'the value is nested too deeply' })
    expect(evaluate('{"a": value.lists}', { record }).kind).toBe('error')
    expect(evaluate('value.deep', { record }).kind).toBe('value')
  })
})

describe('numbers at the edge', () => {
  const edge = bindings({
    value: new Map<string, Value>([
      ['huge', new Decimal(10n ** 3000n, 0)],
      ['tiny', new Decimal(1n, 2_000_000_000)],
      ['vast', new Decimal(1n, -2_000_000_000)],
      ['int', 2n ** 63n - 1n],
      ['late', new Timestamp(2n ** 62n, 0)],
      ['long', new Duration(2n ** 62n, 0)]
    ])
  })

  it.each([
    ['value.huge == 1'],
    ['value.tiny > 0'],
    ['value.vast * value.vast > decimal(1)'],
    ['string(value.vast) == ""'],
    ['int(value.tiny) == 0'],
    ['"%s".format([value.vast]) == ""'],
    ['value.vast in [1, 2.5]'],
    ['value.int + 1 > 0'],
    ['value.late.getFullYear() > 0'],
    ['string(value.late) == ""'],
    ['value.late - timestamp(0) > duration("1s")'],
    ['value.long + value.long > duration("1s")'],
    ['decimal("1e99999") > decimal(1)'],
    [`decimal("${'9'.repeat(1100)}") > decimal(1)`]
  ])('%s is an error', (expression) => {
    const compiled = compileExpression(expression, untyped)
    if (compiled.ok) expect(compiled.program.evaluate(edge).kind).toBe('error')
    else expect(expression).toContain('decimal("')
  })
})

describe('names', () => {
  it('of the prototype are ordinary fields', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'size', 'get']
    const empty = bindings({ value: new Map(), headers: new HeaderMap() })
    for (const name of names) {
      const present = `has(value.${name}) || has(headers.${name}) || value.${name} != null`
      expect(outcome(present, { record: empty })).toBe(false)
      const full = bindings({ value: new Map([[name, 1n]]) })
      expect(outcome(`has(value.${name}) && value.${name} == 1 && value["${name}"] == 1`, { record: full })).toBe(true)
    }
    for (const name of ['constructor', 'toString', '__proto__']) {
      expect(compileExpression(`value.${name}() == 1`, untyped).ok).toBe(false)
      expect(compileExpression(`${name}(value) == 1`, untyped).ok).toBe(false)
    }
  })
})

describe('limits', () => {
  it('are the ones documented', () => {
    expect(limits).toMatchObject({ sourceLength: 4096, loopNesting: 2, ticks: 1_000_000, nodes: 1000, depth: 100 })
  })
})
