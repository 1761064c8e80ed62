import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { functionNames } from '../../../../src/contracts/expressions/functions/index.ts'
import type { Value } from '../../../../src/contracts/value.ts'
import { bindings, outcome } from './support.ts'

function over(fields: Readonly<Record<string, Value>>): { record: ReturnType<typeof bindings> } {
  return { record: bindings({ value: new Map(Object.entries(fields)) }) }
}

describe('positions count code points', () => {
  it.each<[string, unknown]>([
    ['size("a😀é")', 3n],
    ['"a😀é".size()', 3n],
    ['"a😀é".charAt(1)', '😀'],
    ['"a😀é".charAt(3)', ''],
    ['"a😀é".substring(2)', 'é'],
    ['"a😀é".substring(1, 2)', '😀'],
    ['"a😀é😀".indexOf("é")', 2n],
    ['"a😀é😀".indexOf("😀", 2)', 3n],
    ['"a😀é😀".lastIndexOf("😀")', 3n],
    ['"a😀é😀".lastIndexOf("😀", 2)', 1n],
    ['"a😀é".indexOf("x")', -1n],
    ['"a😀é".reverse()', 'é😀a'],
    ['"a😀é".split("")', ['a', '😀', 'é']],
    ['"😀b".replace("", "-")', '-😀-b-'],
    ['"\\uffff" < "😀"', true],
    ['"a" < "aa" && "Z" < "a" && "" < "a"', true]
  ])('%s', (expression, expected) => {
    expect(outcome(expression)).toEqual(expected)
  })

  it('sorts texts as their UTF-8 bytes do', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        const byBytes = Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0
        expect(outcome('value.a < value.b', over({ a, b }))).toBe(byBytes)
      })
    )
  })
})

describe('cutting and joining', () => {
  it.each<[string, unknown]>([
    ['"a,b,c".split(",")', ['a', 'b', 'c']],
    ['"a,b,c".split(",", 2)', ['a', 'b,c']],
    ['"a,b,c".split(",", 0)', []],
    ['"a,b,c".split(",", 1)', ['a,b,c']],
    ['"a,b,c".split(",", -1)', ['a', 'b', 'c']],
    ['"a,b,c".split(",", 9)', ['a', 'b', 'c']],
    ['"abc".split("", 2)', ['a', 'bc']],
    ['",".split(",")', ['', '']],
    ['["a", "b"].join("-")', 'a-b'],
    ['[].join("-")', ''],
    ['"aaa".replace("a", "b")', 'bbb'],
    ['"aaa".replace("a", "b", 2)', 'bba'],
    ['"aaa".replace("a", "b", 0)', 'aaa'],
    ['"aaa".replace("aa", "$&")', '$&a'],
    ['"ab".replace("", "-", 2)', '-a-b'],
    ['"ab".replace("", "-", 0)', 'ab'],
    ['"ab".replace("", "-", 9)', '-a-b-'],
    ['"".replace("", "-")', '-'],
    ['"\\u3000\\u0085 a b \\t\\n".trim()', 'a b'],
    ['"\\ufeffa".trim().size()', 2n],
    ['"   ".trim()', ''],
    ['"ÄbC".lowerAscii() + "ÄbC".upperAscii()', 'ÄbcÄBC'],
    ['strings.quote("a\\"\\n\\\\")', '"a\\"\\n\\\\"']
  ])('%s', (expression, expected) => {
    expect(outcome(expression)).toEqual(expected)
  })

  it('gives back the text when what was cut is joined', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1, maxLength: 2 }), (text, by) => {
        expect(outcome('value.text.split(value.by).join(value.by)', over({ text, by }))).toBe(text)
        expect(outcome('value.text.replace(value.by, "")', over({ text, by }))).toBe(text.split(by).join(''))
      })
    )
  })

  it.each([
    ['"abc".charAt(4)', 'the position is outside the text'],
    ['"abc".charAt(-1)', 'the position is outside the text'],
    ['"abc".substring(2, 1)', 'the position is outside the text'],
    ['"abc".substring(0, 4)', 'the position is outside the text'],
    ['"abc".indexOf("a", 3)', 'the position is outside the text'],
    ['"abc".charAt(9223372036854775807)', 'the position is outside the text'],
    ['[1].join()', 'join() needs a list of strings']
  ])('%s is an error', (expression, message) => {
    expect(outcome(expression)).toBe(`error: ${message}`)
  })
})

describe('format', () => {
  it.each<[string, unknown]>([
    ['"%s %d %.2f%%".format(["a", 3, 1.005])', 'a 3 1.00%'],
    ['"%s".format([value.price])', '10.50'],
    ['"%.1f".format([value.price])', '10.5'],
    ['"%s".format([{"b": [1, null], "a": value.took}])', '{a: 90s, b: [1, null]}'],
    ['"%x %X %o %b".format([255, b"\\xab", 8, 5u])', 'ff AB 10 101'],
    ['"%e".format([0.00012])', '1.200000e-04'],
    ['"%s".format([int])', 'int'],
    ['"%".format([])', 'error: format(): a "%" must be followed by one of s, d, f, e, x, X, o, b or %'],
    ['"%.200f".format([1.0])', 'error: format(): more than 100 digits were asked for'],
    ['"%.99999f".format([1.0])', 'error: format(): a "%" must be followed by one of s, d, f, e, x, X, o, b or %'],
    ['"%d".format(["a"])', 'error: format(): "%d" cannot take a string'],
    ['"%q".format(["a"])', 'error: format(): "%q" is not one of %s, %d, %f, %e, %x, %X, %o, %b'],
    ['"%s".format([])', 'error: format(): there are fewer arguments than placeholders'],
    ['"".format([1])', 'error: format(): there are more arguments than placeholders']
  ])('%s', (expression, expected) => {
    expect(outcome(expression)).toBe(expected)
  })
})

describe('conversions', () => {
  it.each<[string, unknown]>([
    ['int("-5") == -5 && int(2.9) == 2 && int(-2.9) == -2 && int(5u) == 5', true],
    ['uint("5") == 5u && uint(2.9) == 2u', true],
    ['double("1e3") == 1000.0 && double("-inf") < 0.0 && double("NaN") != double("NaN")', true],
    ['bool("true") && !bool("f")', true],
    ['string(b"\\xc3\\xa9") == "é" && bytes("é") == b"\\xc3\\xa9"', true],
    ['string(1.0) == "1" && string(true) == "true" && string(5u) == "5"', true],
    ['type(1) == int && type(decimal(1)) != type(1) && type(type(1)) == type', true],
    ['type(value.at) == google.protobuf.Timestamp && type(null) == null_type', true],
    ['int(value.amount * 1e30)', 'error: the double does not fit an int'],
    ['int(value.amount - 12.5 + 9223372036854775808.0)', 'error: the double does not fit an int'],
    ['uint(value.count - 4)', 'error: the result does not fit a uint (64 bits, not negative)'],
    ['uint(value.amount - 12.5 + 18446744073709551616.0)', 'error: the double does not fit a uint'],
    ['int(value.country)', 'error: this text cannot be read as an int'],
    ['double(" 1")', undefined],
    ['decimal(value.amount / 0.0)', 'error: infinity and NaN have no decimal form'],
    ['string(value.raw)', 'error: these bytes are not valid UTF-8']
  ])('%s', (expression, expected) => {
    if (expected === undefined) expect(() => outcome(expression)).toThrow('cannot take this')
    else expect(outcome(expression)).toBe(expected)
  })
})

describe('the reference for users', () => {
  it('names every function', () => {
    const page = readFileSync(new URL('../../../../docs/expressions.md', import.meta.url), 'utf8')
    for (const form of ['global', 'member'] as const) {
      for (const name of functionNames(form)) {
        expect(page, `${form} ${name}`).toContain(form === 'global' ? `\`${name}(` : `.${name}(`)
      }
    }
  })
})
