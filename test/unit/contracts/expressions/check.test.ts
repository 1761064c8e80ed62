import { describe, expect, it } from 'vitest'
import type { RecordShape, Shape } from '../../../../src/contracts/value.ts'
import { problemsOf, recordShape, scalar, variables } from './support.ts'

/** Each line: the expression with « before the character the problem points at, what is wrong, what would be right. */
function expectProblem(marked: string, message: string, remedy: string | undefined): void {
  const offset = marked.indexOf('«')
  const expected = remedy === undefined ? { offset, message } : { offset, message, remedy }
  expect(problemsOf(marked.replace('«', ''))).toEqual([expected])
}

const operators =
  'it takes int + int, uint + uint, double + double, decimal + decimal, timestamp + duration, ' +
  'duration + timestamp, duration + duration, string + string, bytes + bytes, list + list'

const fields =
  'its fields are order_id, amount, count, size_u, price, country, vat_id, items, tags, attributes, at, took, ...'

describe('names', () => {
  it.each([
    ['«vlaue.amount > 0.0', 'there is no variable "vlaue"', 'did you mean "value"?'],
    ['«amount > 0.0', 'there is no variable "amount"', 'did you mean "value.amount"?'],
    ['«x > 1', 'there is no variable "x"', 'a rule can use key, value, headers, timestamp, topic, partition'],
    ['value.«amout > 0.0', 'a shop.Order record has no field "amout"', 'did you mean "amount"?'],
    ['value.«AMOUNT > 0.0', 'a shop.Order record has no field "AMOUNT"', 'did you mean "amount"?'],
    ['value.«zzzzzz == 1', 'a shop.Order record has no field "zzzzzz"', fields],
    ['has(value.«adress)', 'a shop.Order record has no field "adress"', 'did you mean "address"?'],
    ['value[«"nope"] == 1', 'a shop.Order record has no field "nope"', fields],
    ['value.items.all(i, i.«qantity > 0)', 'a shop.Item record has no field "qantity"', 'did you mean "quantity"?'],
    ['value.address.«town == ""', 'a shop.Address record has no field "town"', 'its fields are city'],
    ['value.country.«code == ""', 'value.country is a string, which has no field "code"', undefined],
    [
      'value.items.«sku == ""',
      'value.items is a list of shop.Item record, which has no field "sku"',
      'take one item, such as [0], or look at all with all() or exists()'
    ],
    [
      'value.order«-id == "x"',
      '"-" subtracts, and this is not a number',
      'a name with a dash is written value.`order-id`'
    ],
    [
      'headers.content«-type == "x"',
      '"-" subtracts, and this is not a number',
      'a name with a dash is written headers.`content-type`'
    ]
  ])('%s', expectProblem)

  it('of a record with room for unknown fields may be anything', () => {
    const open = variables(recordShape('object', { a: scalar('int') }, true))
    expect(problemsOf('value.b > 1 && value.all(k, k != "") && "c" in value && size(value) > 1', open)).toEqual([])
    expect(problemsOf('value.a == "x"', open)).toHaveLength(1)
  })

  it('are looked up lazily, so a schema can contain itself', () => {
    const fields = new Map<string, { shape: Shape; optional: boolean }>()
    const node: RecordShape = { kind: 'record', name: 'Node', open: false, fields }
    fields.set('next', { shape: node, optional: true }).set('name', { shape: scalar('string'), optional: false })
    const shapes = variables(node)
    expect(problemsOf('value.next.next.next.name == "x" && value.next == value', shapes)).toEqual([])
    expect(problemsOf('value.next.next.nam == "x"', shapes)[0]!.message).toBe('a Node record has no field "nam"')
  })
})

describe('comparisons', () => {
  it.each([
    ['value.amount «> "5"', '">" cannot compare a double with a string', 'write it without quotes'],
    ['value.amount «> value.country', '">" cannot compare a double with a string', 'write double(value.country)'],
    ['value.country «< 5', '"<" cannot compare a string with an int', 'write the number in quotes'],
    ['value.country «== 5', '"==" compares a string with an int, which are never equal', 'write the number in quotes'],
    ['value.count «!= "5"', '"!=" compares an int with a string, which are never equal', 'write it without quotes'],
    [
      'value.count «== "five"',
      '"==" compares an int with a string, which are never equal',
      'write string(value.count)'
    ],
    ['value.paid «== "true"', '"==" compares a bool with a string, which are never equal', 'write it without quotes'],
    ['value.paid «== 1', '"==" compares a bool with an int, which are never equal', 'compare it with true or false'],
    ['value.raw «== "x"', '"==" compares bytes with a string, which are never equal', 'write b"x"'],
    [
      'value.at «> "2026-01-01T00:00:00Z"',
      '">" cannot compare a timestamp with a string',
      'write timestamp("2026-01-01T00:00:00Z")'
    ],
    [
      'value.at «== 5',
      '"==" compares a timestamp with an int, which are never equal',
      'write timestamp(seconds) or int(value.at)'
    ],
    ['value.took «> 90', '">" cannot compare a duration with an int', 'write a duration, such as duration("90s")'],
    ['value.took «> "90s"', '">" cannot compare a duration with a string', 'write duration("90s")'],
    ['value.price «> "5.00"', '">" cannot compare a decimal with a string', 'write decimal("5.00")'],
    ['value.at «> value.took', '">" cannot compare a timestamp with a duration', undefined],
    [
      'value.tags «== "eu"',
      '"==" compares a list of string with a string, which are never equal',
      'to look for an item write x in value.tags'
    ],
    ['value.tags «== [1]', '"==" compares a list of string with a list of int, which are never equal', undefined],
    ['value.tags «< value.tags', '"<" cannot compare a list of string with a list of string', undefined],
    ['value.count «< null', '"<" cannot compare an int with null', 'null can only be compared with == and !='],
    [
      'value.attributes «== {"a": 1}',
      '"==" compares a map of string with a map of int, which are never equal',
      undefined
    ]
  ])('%s', expectProblem)

  it('between numbers of any kind, with null, and with what is unknown are fine', () => {
    for (const expression of [
      'value.count == value.amount && value.size_u < value.price && value.price >= 5 && value.amount > 0',
      'value.country == null && null != value.items && value.count == null',
      'value.extra == 5 && value.extra < "x" && value.extra.a.b[0] == b"x"',
      'value.tags == [] && value.address == {"city": "Bonn"} && value.tags == value.extra'
    ]) {
      expect(problemsOf(expression)).toEqual([])
    }
  })
})

describe('in', () => {
  it.each([
    [
      '"D" «in value.country',
      '"in" needs a list or a map on its right, not a string',
      'to look for a part write value.country.contains("...")'
    ],
    ['1 «in value.count', '"in" needs a list or a map on its right, not an int', undefined],
    ['value.country in [«1, 2]', '"in" looks for a string among ints', 'write the number in quotes'],
    ['value.count in [«"1", "2"]', '"in" looks for an int among strings', 'write it without quotes'],
    [
      'value.at in [«"2026-01-01T00:00:00Z"]',
      '"in" looks for a timestamp among strings',
      'write timestamp("2026-01-01T00:00:00Z")'
    ],
    ['value.count in value.«tags', '"in" looks for an int among strings', 'look for string(value.count)'],
    ['1 «in value.attributes', '"in" looks for an int among keys that are strings', undefined],
    ['"city" «in value.address', '"in" cannot look into a shop.Address record', 'write has(value.address.field)']
  ])('%s', expectProblem)

  it('takes lists of mixed types in which one item can be it', () => {
    expect(problemsOf('value.country in ["DE", 5] && value.count in [1.5, 2u] && value.country in []')).toEqual([])
  })
})

describe('conditions', () => {
  it.each([
    [
      'value.«country && true',
      'the left side of "&&" must be true or false, but it is a string',
      'compare it, such as value.country == "..."'
    ],
    [
      'true || value.«count',
      'the right side of "||" must be true or false, but it is an int',
      'compare it, such as value.count != 0'
    ],
    [
      '!value.«amount',
      'the operand of "!" must be true or false, but it is a double',
      'compare it, such as value.amount != 0.0'
    ],
    [
      'value.«items ? true : false',
      'the left side of "?" must be true or false, but it is a list of shop.Item record',
      'ask size(value.items) > 0'
    ],
    [
      'value.items.all(i, i.«sku)',
      'the condition of all() must be true or false, but it is a string',
      'compare it, such as i.sku == "..."'
    ],
    [
      'value.items.exists(i, i.«quantity)',
      'the condition of exists() must be true or false, but it is an int',
      'compare it, such as i.quantity != 0'
    ],
    [
      'value.items.exists_one(i, i.«quantity)',
      'the condition of exists_one() must be true or false, but it is an int',
      'compare it, such as i.quantity != 0'
    ],
    [
      'value.items.filter(i, i.«price) == []',
      'the condition of filter() must be true or false, but it is a double',
      'compare it, such as i.price != 0.0'
    ],
    [
      'value.items.map(i, i.«sku, i.price) == []',
      'the condition of map() must be true or false, but it is a string',
      'compare it, such as i.sku == "..."'
    ],
    ['!value.«at', 'the operand of "!" must be true or false, but it is a timestamp', 'ask has(value.at)'],
    [
      '«value.paid ? 1 : 2',
      'the expression must be true or false, but it is an int',
      'end it in a comparison, such as == or >'
    ]
  ])('%s', expectProblem)
})

describe('loops', () => {
  it.each([
    ['value.«country.all(c, c == "")', 'all() needs a list or a map, not a string', undefined],
    [
      'value.«address.exists(f, f == "")',
      'exists() needs a list or a map, not a shop.Address record',
      'name its fields one by one'
    ],
    [
      'value.items«.all(true)',
      'all() needs a name for the item and an expression about it',
      'write value.items.all(item, item.quantity > 0)'
    ],
    [
      'value.items«.map(i.x, 1) == []',
      'map() needs a name for the item and an expression about it',
      'write value.items.map(item, item.sku)'
    ],
    [
      'value.tags.exists(t, t «== 5)',
      '"==" compares a string with an int, which are never equal',
      'write the number in quotes'
    ],
    [
      'value.attributes.all(k, k «== 5)',
      '"==" compares a string with an int, which are never equal',
      'write the number in quotes'
    ],
    [
      'value.items.map(i, i.price) «== ["x"]',
      '"==" compares a list of double with a list of string, which are never equal',
      undefined
    ]
  ])('%s', expectProblem)

  it('know the type of each item and give the name back afterwards', () => {
    expect(problemsOf('value.items.all(value, value.quantity > 0) && value.amount > 0.0')).toEqual([])
    expect(problemsOf('value.items.map(i, i.sku).all(s, s.startsWith("a"))')).toEqual([])
    expect(problemsOf('value.items.filter(i, i.price > 1.0)[0].sku == "a"')).toEqual([])
    expect(problemsOf('(value.tags + ["x"])[0] == 1')).toHaveLength(1)
  })
})

describe('functions', () => {
  it.each([
    ['«length(value.items) > 0', 'there is no function "length"', 'write size(x)'],
    ['value.country.«toLowerCase() == ""', 'there is no function "toLowerCase"', 'write x.lowerAscii()'],
    ['value.country.«startsWth("a")', 'there is no function "startsWth"', 'did you mean "startsWith"?'],
    ['«startsWith(value.country, "a")', 'there is no function "startsWith"', 'write value.country.startsWith(...)'],
    ['value.country.«int() == 1', 'there is no function "int"', 'write int(value.country)'],
    [
      '«now() > value.at',
      'there is no function "now"',
      'a rule cannot read the clock; "timestamp" is the time of the record'
    ],
    ['math«.greatest(1, 2) == 2', 'there is no function "math.greatest"', 'docs/expressions.md lists the functions'],
    [
      'value.country.«startsWith(5)',
      'startsWith() on a string cannot take an int',
      'it takes string.startsWith(string)'
    ],
    [
      'value.count.«startsWith("5")',
      'startsWith() on an int cannot take a string',
      'it takes string.startsWith(string)'
    ],
    [
      'value.country.«startsWith("a", "b")',
      'startsWith() takes 1 argument, not 2',
      'it takes string.startsWith(string)'
    ],
    [
      'value.country.«substring() == ""',
      'substring() takes 1 or 2 arguments, not 0',
      'it takes string.substring(int), string.substring(int, int)'
    ],
    [
      '«size(value.amount) > 1',
      'size() cannot take a double',
      'it takes size(string), size(bytes), size(list), size(map)'
    ],
    [
      'value.count.«size() > 1',
      'size() cannot be called on an int',
      'it takes string.size(), bytes.size(), list.size(), map.size()'
    ],
    [
      'value.country.«getHours() == 1',
      'getHours() cannot be called on a string',
      'it takes timestamp.getHours(), duration.getHours()'
    ],
    ['«headerValues(1) == []', 'headerValues() cannot take an int', 'it takes headerValues(string)'],
    [
      '«duration(value.paid) == value.took',
      'duration() cannot take a bool',
      'it takes duration(duration), duration(string), duration(int)'
    ]
  ])('%s', expectProblem)
})

describe('operators', () => {
  it.each([
    ['value.amount «+ 1 > 2.0', '"+" cannot take a double and an int', 'write 1.0'],
    ['value.size_u «- 1 > 2', '"-" cannot take a uint and an int', 'write 1u'],
    ['value.price «* 2 > 2', '"*" cannot take a decimal and an int', 'write decimal("2")'],
    ['value.count «* 1.5 > 2.0', '"*" cannot take an int and a double', 'write double(value.count)'],
    ['value.price «+ value.amount > 2', '"+" cannot take a decimal and a double', 'write decimal(value.amount)'],
    ['value.country «+ 1 == ""', '"+" cannot take a string and an int', 'write string(x)'],
    ['value.count «+ value.country == ""', '"+" cannot take an int and a string', 'write string(value.count)'],
    ['value.amount «% 2.0 == 0.0', '"%" cannot take a double and a double', 'it takes int % int, uint % uint'],
    ['value.paid «+ value.paid == 1', '"+" cannot take a bool and a bool', operators],
    ['«-value.country == ""', '"-" cannot take a string', 'it takes -int, -double, -decimal'],
    ['value.tags[«"0"] == ""', 'a list is indexed by an int, not a string', undefined],
    ['value.attributes[«0] == ""', 'the keys of this map are strings, not an int', undefined],
    ['value.count«[0] == 1', 'an int cannot be indexed', undefined],
    ['value[«1] == 1', 'a field is named by a text, not an int', undefined]
  ])('%s', expectProblem)
})

describe('literals that fail on every record are found now', () => {
  it.each([
    ['value.country.matches(«"(")', 'the pattern does not compile: missing closing ): "("', undefined],
    [
      'value.country.matches(«"(?=a)")',
      'the pattern does not compile: invalid or unsupported Perl syntax: "(?=" ' +
        '(RE2 has no look-around and no back-references)',
      undefined
    ],
    [
      'value.at > timestamp(«"yesterday")',
      'timestamp() cannot take this: this text is not a timestamp in RFC 3339, such as 2026-01-31T12:00:00Z',
      undefined
    ],
    [
      'value.took > duration(«"5 minutes")',
      'duration() cannot take this: this text is not a duration, such as 90s, 1h30m or 250ms',
      undefined
    ],
    ['value.price > decimal(«"1,5")', 'decimal() cannot take this: this text cannot be read as a decimal', undefined],
    ['value.count > int(«"x")', 'int() cannot take this: this text cannot be read as an int', undefined],
    [
      'value.at.getHours(«"Mars/Base") == 1',
      'this text is not a time zone, such as UTC, +02:00 or Europe/Berlin',
      undefined
    ],
    ['value.count / «0 > 1', '"/" divides by zero', undefined],
    ['value.size_u % «0u == 0u', '"%" divides by zero', undefined],
    ['{"a": 1, «"a": 2}["a"] == 1', 'this key occurs twice', undefined],
    ['{«1.5: 2}[1] == 2', 'a map cannot have a double as a key', 'keys are texts, ints, uints and bools']
  ])('%s', expectProblem)

  it('division by 0.0 is infinity, as CEL says', () => {
    expect(problemsOf('value.amount / 0.0 > 1.0')).toEqual([])
  })
})

describe('several mistakes', () => {
  it('are told together, each once', () => {
    const problems = problemsOf('value.amout > 0.0 && value.country == 5 && size(value.count) > 1')
    expect(problems.map(({ message }) => message)).toEqual([
      'a shop.Order record has no field "amout"',
      '"==" compares a string with an int, which are never equal',
      'size() cannot take an int'
    ])
  })

  it('are told up to ten', () => {
    expect(problemsOf(Array.from({ length: 30 }, () => 'value.nope == 1').join(' && '))).toHaveLength(10)
  })
})
