import { describe, expect, it } from 'vitest'
import { BindingError, compileExpression } from '../../../../src/contracts/expressions/compile.ts'
import { HeaderMap } from '../../../../src/contracts/expressions/headers.ts'
import { Decimal, Duration, Timestamp, Uint } from '../../../../src/contracts/value.ts'
import type { Value } from '../../../../src/contracts/value.ts'
import { bindings, evaluate, outcome, scalar, untyped, variables } from './support.ts'

describe('reading the record', () => {
  it.each<[string, unknown]>([
    ['value.amount > 0.0', true],
    ['value.items[1].sku == "b"', true],
    ['value.items.exists(item, item.quantity == 0)', true],
    ['value.attributes.colour == "red" && value.attributes["colour"] == "red"', true],
    ['value["order-id"] == "dashed"', true],
    ['value.`order-id` == "dashed" && has(value.`order-id`)', true],
    ['headers.`content-type`.endsWith("/json")', true],
    ['value.__proto__ == "a field like any other"', true],
    ['has(value.constructor) || has(value.toString)', false],
    ['key == value.order_id', true],
    ['topic.startsWith("shop.") && partition == 4', true],
    ['timestamp == timestamp("2026-01-01T00:00:00Z")', true],
    ['headers.source', 'web'],
    ['headerValues("source").map(v, string(v))', ['app', 'web']],
    ['headerValues("none").size()', 0n],
    ['value.at.getMilliseconds() == 5', true],
    ['value.took == duration("90s") && value.took.getMinutes() == 1', true],
    ['value.raw == b"\\x01\\x02\\xff"', true],
    ['value.size_u == 7 && value.size_u + 1u == 8u', true],
    ['.value.count == 3', true]
  ])('%s', (expression, expected) => {
    expect(outcome(expression)).toEqual(expected)
  })

  it('reads each variable at most once per evaluation', () => {
    let reads = 0
    const record = bindings()
    Object.defineProperty(record, 'value', {
      get: (): Value => {
        reads += 1
        return new Map([['a', [1n, 2n, 3n]]])
      }
    })
    expect(evaluate('value.a.all(x, x in value.a) && has(value.a)', { record })).toEqual({ kind: 'value', value: true })
    expect(reads).toBe(1)
  })

  it('does not read what the expression does not mention', () => {
    const record = bindings()
    for (const name of ['key', 'value', 'headers', 'timestamp']) {
      Object.defineProperty(record, name, {
        get: () => {
          throw new Error('read')
        }
      })
    }
    expect(outcome('topic == "shop.orders.v1"', { record })).toBe(true)
  })

  it('gives the same answers whether or not a schema is known', () => {
    for (const expression of ['value.amount >= 12.5', 'value.price > 10', 'value.items.all(i, i.quantity > 0)']) {
      expect(outcome(expression, { shapes: variables() })).toEqual(outcome(expression))
    }
  })

  it('hands out maps and types the expression made as plain values', () => {
    expect(outcome('{1: "a", true: [int], "k": 2u}')).toEqual(
      new Map<string, unknown>([
        ['1', 'a'],
        ['true', ['int']],
        ['k', new Uint(2n)]
      ])
    )
  })
})

describe('null and absent', () => {
  it.each<[string, unknown]>([
    ['has(value.vat_id)', false],
    ['value.vat_id == null', true],
    ['value.missing == null', true],
    ['null == value.missing', true],
    ['value.missing != null', false],
    ['has(value.missing)', false],
    ['has(value.extra.gone) || has(value.extra.never)', false],
    ['has(value.address.city)', false],
    ['has(value.a.b.c.d)', false],
    ['headers.absent == null', true],
    ['has(headers.absent)', false],
    ['"absent" in headers', false],
    ['value.attributes.size == null', true],
    ['value.vat_id == "DE1"', false],
    ['value.vat_id in ["DE1"]', false],
    ['value.vat_id in [null, "DE1"]', true],
    ['!has(value.vat_id) || value.vat_id.matches("^DE")', true],
    ['has(value.vat_id) && value.vat_id.matches("^DE")', false]
  ])('%s is %s', (expression, expected) => {
    expect(outcome(expression)).toEqual(expected)
    if (!expression.includes('value.missing') && !expression.includes('value.a.')) {
      expect(outcome(expression, { shapes: variables() })).toEqual(expected)
    }
  })

  it.each<[string, string]>([
    ['value.vat_id > "DE"', '">" cannot compare null: value.vat_id is absent or null'],
    ['value.missing + 1 == 2', '"+" cannot take null: value.missing is absent or null'],
    ['value.vat_id.matches("^DE")', 'matches() cannot take null: value.vat_id is absent or null'],
    ['size(value.vat_id) > 0', 'size() cannot take null: value.vat_id is absent or null'],
    ['value.address.city == "x"', 'value.address is absent or null, so its fields cannot be read'],
    ['value.vat_id[0] == "x"', 'value.vat_id is absent or null, so it cannot be indexed'],
    ['value.missing.all(x, x)', 'all() needs a list or a map: value.missing is absent or null'],
    ['1 in value.missing', '"in" needs a list or a map: value.missing is absent or null'],
    ['!value.missing', '"!" needs true or false, not null'],
    ['value.missing && true', '"&&" needs true or false, not null'],
    ['value.missing ? 1 : 2', '"?" needs true or false on its left']
  ])('%s is an error that names the field', (expression, message) => {
    expect(evaluate(expression)).toEqual({ kind: 'error', message })
  })

  it('tells a field that a record lacks from a key that a map of the expression lacks', () => {
    expect(outcome('{"a": 1}.b == null')).toBe('error: the map has no such key')
    expect(outcome('{"a": null}.a == null')).toBe(true)
    expect(outcome('{"a": null}["a"] == null')).toBe(true)
    expect(outcome('{1: 2}[2]')).toBe('error: the map has no such key')
  })

  it('reads a tombstone and a null key as null', () => {
    const record = bindings({ value: null, key: null })
    expect(outcome('value == null && key == null && !has(value.a)', { record })).toBe(true)
    expect(outcome('value.a', { record })).toBe('error: value is absent or null, so its fields cannot be read')
  })
})

describe('numbers of different kinds', () => {
  it.each<[string, boolean]>([
    ['value.count == 3.0 && value.count == 3u && value.count == decimal("3.000")', true],
    ['value.amount > 12 && value.amount < 13u && value.amount == decimal("12.5")', true],
    ['value.price == decimal("10.5") && value.price >= 10 && value.price < 11u && value.price == 10.5', true],
    ['value.price in [1, 10.5]', true],
    ['value.price in [1, 2]', false],
    ['10.5 in [value.price]', true],
    ['[value.price, [3]] == [10.5, [decimal("3.0")]]', true],
    ['{"p": value.price} == {"p": 10.50}', true],
    ['decimal("0.10") >= 0.1 && decimal("0.10") <= 0.1 && decimal("0.10") == 0.1', true],
    ['decimal("0.1") < 0.11 && 0.09 < decimal("0.1")', true],
    ['decimal("1e400") > 1e308 && decimal(1) < double("inf")', true],
    ['decimal(1) == double("nan") || decimal(1) < double("nan") || decimal(1) >= double("nan")', false],
    ['9007199254740993 == 9007199254740992.0', false],
    ['decimal("9007199254740993") == 9007199254740992.0', false],
    ['-1 < 0u && 18446744073709551615u > 9223372036854775807', true],
    ['3 in {3u: 1} && 3.0 in {3: 1}', true]
  ])('%s is %s', (expression, expected) => {
    expect(outcome(expression)).toBe(expected)
  })

  it('computes decimals exactly', () => {
    expect(outcome('decimal("0.1") + decimal("0.2") == decimal("0.3")')).toBe(true)
    expect(outcome('value.price * decimal(3) - decimal("0.01")')).toEqual(new Decimal(3149n, 2))
    expect(outcome('string(-value.price)')).toBe('-10.50')
    expect(outcome('int(decimal("-7.9")) == -7 && uint(decimal("7.9")) == 7u')).toBe(true)
    expect(outcome('double(value.price)')).toBe(10.5)
  })

  it.each([
    ['9223372036854775807 + 1', 'the result does not fit an int (64 bits, signed)'],
    ['-9223372036854775808 - 1', 'the result does not fit an int (64 bits, signed)'],
    ['9223372036854775807 * 2', 'the result does not fit an int (64 bits, signed)'],
    ['-(-9223372036854775808)', 'the result does not fit an int (64 bits, signed)'],
    ['-9223372036854775808 / -1', 'the result does not fit an int (64 bits, signed)'],
    ['0u - 1u', 'the result does not fit a uint (64 bits, not negative)'],
    ['1 / (value.count - 3)', 'division by zero'],
    ['1 % (value.count - 3)', 'division by zero'],
    ['1u / (value.size_u - 7u)', 'division by zero'],
    ['value.count + 1.0', '"+" cannot take an int and a double']
  ])('%s is an error', (expression, message) => {
    expect(evaluate(expression)).toEqual({ kind: 'error', message })
  })
})

describe('errors', () => {
  it('are passed over when the other side decides', () => {
    expect(outcome('value.missing > 1 || true')).toBe(true)
    expect(outcome('true || value.missing > 1')).toBe(true)
    expect(outcome('value.missing > 1 && false')).toBe(false)
    expect(outcome('[1, 0, 2].exists(x, 2 / x == 1)')).toBe(true)
    expect(outcome('[1, 0, 2].all(x, 2 / x == 5)')).toBe(false)
    expect(outcome('[0, 1].all(x, 2 / x == 2)')).toBe('error: division by zero')
    expect(outcome('[0, 1].exists_one(x, 2 / x == 2)')).toBe('error: division by zero')
  })

  it('never show values, not even those of what a getter throws', () => {
    const record = bindings()
    Object.defineProperty(record, 'value', {
      get: () => {
        throw new Error('secret 4111-1111')
      }
    })
    expect(evaluate('value.a == 1', { record })).toEqual({
      kind: 'error',
      message: '"value" of this record cannot be read'
    })
    expect(outcome('value.a == 1 || true', { record })).toBe(true)
    const secret = bindings({ value: new Map([['card', '4111-1111']]) })
    const uses = ['int(value.card)', 'value.card + 1', 'timestamp(value.card)', '"%d".format([value.card])']
    for (const use of uses) {
      const result = evaluate(`type(${use}) == int`, { record: secret })
      expect(result.kind).toBe('error')
      expect(JSON.stringify(result)).not.toContain('4111')
    }
  })

  it('show the message of a BindingError', () => {
    const headers = (): never => {
      throw new BindingError('a header is not valid UTF-8')
    }
    const record = Object.defineProperty(bindings(), 'headers', { get: headers })
    expect(outcome('headers.source == "web"', { record })).toBe('error: a header is not valid UTF-8')
    expect(outcome('headerValues("x").size() == 0', { record: bindings({ headerValues: headers }) })).toBe(
      'error: a header is not valid UTF-8'
    )
  })
})

describe('a header that is not UTF-8', () => {
  const headers = new HeaderMap([['source', 'web']])
  headers.setUnreadable('blob')
  const record = bindings({ headers })

  it('is an error only for those who read it', () => {
    expect(outcome('headers.source == "web"', { record })).toBe(true)
    expect(outcome('has(headers.blob) && "blob" in headers', { record })).toBe(true)
    expect(outcome('headers.blob == "x"', { record })).toBe('error: a header that the rule reads is not valid UTF-8')
    expect(outcome('headers["blob"] == "x"', { record })).toBe('error: a header that the rule reads is not valid UTF-8')
    expect(outcome('headers.blob == "x" || true', { record })).toBe(true)
    expect(outcome('headers == {"a": "b", "c": "d"}', { record })).toBe(false)
    expect(outcome('headers == {"source": "web", "blob": ""}', { record })).toBe(
      'error: a header that the rule reads is not valid UTF-8'
    )
    expect(outcome('"%s".format([headers])', { record })).toBe('error: a header that the rule reads is not valid UTF-8')
  })

  it('is forgotten when a readable value or none follows', () => {
    const last = new HeaderMap()
    last.setUnreadable('a')
    last.set('a', 'fine')
    expect(last.get('a')).toBe('fine')
    last.setUnreadable('a')
    expect(last.delete('a')).toBe(true)
    expect(last.get('a')).toBeUndefined()
    last.setUnreadable('a')
    last.clear()
    expect(last.get('a')).toBeUndefined()
  })
})

describe('what an expression mentions', () => {
  it.each([
    ['value.amount > 0.0', { value: true, key: false, headers: false }],
    ['key == "a" && has(headers.x)', { value: false, key: true, headers: true }],
    ['headerValues("x").size() == 0', { value: false, key: false, headers: true }],
    ['topic == "t" && partition > 0 && timestamp > timestamp(0)', { value: false, key: false, headers: false }],
    ['[1].all(value, value > 0)', { value: false, key: false, headers: false }],
    ['[1].all(value, .value.amount > 0.0)', { value: true, key: false, headers: false }],
    ['["a"].all(key, key in value.tags)', { value: true, key: false, headers: false }]
  ])('%s', (expression, mentions) => {
    const compiled = compileExpression(expression, variables())
    expect(compiled.ok && compiled.mentions).toEqual(mentions)
  })
})

describe('the result', () => {
  it('of a rule must be true or false where the type is known', () => {
    expect(compileExpression('value.country', variables())).toEqual({
      ok: false,
      problems: [
        {
          offset: 0,
          message: 'the expression must be true or false, but it is a string',
          remedy: 'end it in a comparison, such as == or >'
        }
      ]
    })
    expect(compileExpression('value.extra', variables()).ok).toBe(true)
    expect(compileExpression('value.country', variables(), { result: 'any' }).ok).toBe(true)
  })

  it('is handed out as it is where the type is not known', () => {
    const compiled = compileExpression('value.country', untyped)
    expect(compiled.ok && compiled.program.evaluate(bindings())).toEqual({ kind: 'value', value: 'DE' })
  })

  it('can be a value of any type', () => {
    expect(outcome('value.at')).toEqual(new Timestamp(1_767_225_600n, 5_000_000))
    expect(outcome('value.took + duration("500ms")')).toEqual(new Duration(90n, 500_000_000))
    expect(outcome('value.items.filter(i, i.quantity > 0).map(i, i.sku)')).toEqual(['a'])
    expect(outcome('value.items.map(i, i.quantity > 0, i.price * 2.0)')).toEqual([3])
  })
})

describe('variables', () => {
  it('that are not offered do not exist', () => {
    const compiled = compileExpression('headers.a == "b"', new Map([['value', scalar('dyn')]]))
    expect(!compiled.ok && compiled.problems[0]).toMatchObject({ message: 'there is no variable "headers"' })
  })

  it('of other names are ignored', () => {
    const compiled = compileExpression('secret == 1', new Map([['secret', scalar('int')]]))
    expect(compiled.ok).toBe(false)
  })
})
