import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileExpression } from '../../../../src/contracts/expressions/compile.ts'
import { limits } from '../../../../src/contracts/expressions/limits.ts'
import { outcome, problemsOf, untyped } from './support.ts'

function expectProblem(marked: string, message: string, remedy: string | undefined): void {
  const offset = marked.indexOf('«')
  expect(problemsOf(marked.replace('«', ''), untyped)).toEqual([
    remedy === undefined ? { offset, message } : { offset, message, remedy }
  ])
}

describe('what does not parse', () => {
  it.each([
    ['«', 'the expression is empty', 'write a condition'],
    ['«   ', 'the expression is empty', 'write a condition'],
    ['value.a «= 1', '"=" is not an operator', 'write "==" to compare'],
    ['value.a «=== 1', '"===" is not an operator', 'write "=="'],
    ['value.a «!== 1', '"!==" is not an operator', 'write "!="'],
    ['value.a «<> 1', '"<>" is not an operator', 'write "!="'],
    ['value.a == 1 «and value.b', '"and" is not an operator', 'write "&&"'],
    ['value.a == 1 «OR value.b', '"or" is not an operator', 'write "||"'],
    ['«not value.a', '"not" is not an operator', 'write "!"'],
    ['value.a «not in [1]', '"not in" is not an operator', 'write "!(x in list)"'],
    ['value.a «& value.b', '"&" is not an operator', 'write "&&"'],
    ['value.a «| value.b', '"|" is not an operator', 'write "||"'],
    ['value.a == 1«;', '";" does not belong here', 'join conditions with "&&"'],
    ['value«.?a', 'optional access is not supported', 'ask has(x.y), or compare with null'],
    ['value.a «is null', 'this is not an operator', 'write "==" or x.matches("...")'],
    ['«(value.a', '"(" is never closed', 'add the missing ")"'],
    ['value.a in «["x"', '"[" is never closed', 'add the missing "]"'],
    ['value.a«)', '")" closes nothing', 'remove it'],
    ['(value.a«]', '"]" cannot close "("', 'write ")"'],
    ['value.a == «"x', 'this text is never closed', 'add the missing " on the same line'],
    ["value.a == «'x", 'this text is never closed', "add the missing ' on the same line"],
    ['value.a == «"x\n"', 'this text is never closed', 'add the missing " on the same line'],
    ['value.a == «“x”', '“ does not quote a text', 'write straight quotes, " or \''],
    ['value.gr«öße == 1', '"ö" cannot stand outside of a text', 'quote it, or back-quote a field name'],
    ['value.«`a', 'this back-quoted name is never closed', 'add the missing `'],
    ['value.«``', 'a back-quoted name cannot be empty', undefined],
    ['«`a` == 1', 'only a field can have a back-quoted name', 'write value.`a`'],
    ['«for == 1', '"for" is a reserved word', 'it cannot be the name of a variable'],
    [
      'value.a == 1 «value.b',
      '"value" does not fit here',
      'an operator such as &&, ==, < or in may be missing before it'
    ],
    [
      'value.a «==',
      '"==" is not followed by something it can take, or does not fit here',
      'see what stands on its right'
    ],
    [
      '«99999999999999999999 > 1',
      'this number does not fit an int (64 bits, signed)',
      'write it as a double, such as 1e20'
    ],
    ['«18446744073709551616u > 1u', 'this number does not fit a uint (64 bits)', 'write it as a double, such as 1e20'],
    ['«a.B{c: 1} == 1', '"a.B{...}" makes a message, which a rule cannot do', 'compare field by field'],
    ['«has(value)', 'has() needs a field', 'write has(value.field)']
  ])('%s', (marked, message, remedy) => {
    expectProblem(marked, message, remedy)
  })

  it('is not blamed on words inside texts and comments', () => {
    expect(problemsOf('value.a == "this = that and ; (" // not = ; (\n && true', untyped)).toEqual([])
    expect(problemsOf('value.a == """a\n" ( """ && value.b == r"\\d(" && value.c == b\'(\'', untyped)).toEqual([])
    expectProblem('value.a == "x = y" «= 1', '"=" is not an operator', 'write "==" to compare')
  })

  it('never throws, whatever the source', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: 'binary' }), (source) => {
        const compiled = compileExpression(source, untyped)
        if (compiled.ok) return
        expect(compiled.problems.length).toBeGreaterThan(0)
        for (const { offset } of compiled.problems) expect(offset).toBeLessThanOrEqual(source.length)
      }),
      { numRuns: 500 }
    )
  })

  it('never throws on sources made of the pieces of the language', () => {
    const pieces = [
      ...['value', '.', 'a', '(', ')', '[', ']', '{', '}', '"x"', '1', '1.5', '2u', ',', ':', '?', '&&', '||', '!'],
      ...['-', ' in ', '==', '<', 'has', 'all', 'x', '`q-r`', '//c\n', 'null', 'true', 'r"', "'''"]
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 15 }), (tokens) => {
        compileExpression(tokens.join(''), untyped)
      }),
      { numRuns: 2000 }
    )
  })
})

const allVariables = 'a rule can use key, value, headers, timestamp, topic, partition'

describe('offsets', () => {
  it('count UTF-16 units, also behind texts with surrogates', () => {
    expectProblem('value.a == "😀" && «nope == 1', 'there is no variable "nope"', allVariables)
  })

  it('count from the start of a source of several lines', () => {
    expectProblem('value.a == 1 &&\n  «nope == 1', 'there is no variable "nope"', allVariables)
  })
})

describe('back-quoted names', () => {
  it.each([
    ['{"a-b": 1}.`a-b` == 1'],
    ['{"q": 1, "x y": 2}.`x y` == 2 && {"q": 1}.q == 1'],
    ['{"a": {"/v1": 3}}.a.`/v1` == 3'],
    ['has({"a-b": 1}.`a-b`) && !has({"a-b": 1}.`a-c`)'],
    ['{"a": 1}.`a` == 1'],
    ['{"é😀": 1}.`é😀` == 1'],
    ['{"q0_": 1, "a-b": 2}.`a-b` == 2 && {"q0_": 1}.q0_ == 1 && {"q0___": 1}.q0___ == 1'],
    ['"`a`" == "`" + "a`"']
  ])('%s', (expression) => {
    expect(outcome(expression)).toBe(true)
  })
})

describe('literals', () => {
  it.each<[string, unknown]>([
    ['r"\\d"', '\\d'],
    ['"\\u00e9\\x41\\101\\n"', 'éAA\n'],
    ['b"\\xff\\101"', Uint8Array.of(255, 65)],
    ['0x1F', 31n],
    ['-0x1F', -31n],
    ['1e3', 1000],
    ['.5', 0.5],
    ['-9223372036854775808', -(2n ** 63n)],
    ['"""a\n\'"\'b"""', "a\n'\"'b"],
    ['[1, 2,]', [1n, 2n]]
  ])('%s', (expression, expected) => {
    expect(outcome(expression)).toEqual(expected)
  })
})

describe('the size of an expression', () => {
  it('is bounded in length', () => {
    expect(problemsOf(`"${'a'.repeat(limits.sourceLength)}" == "x"`, untyped)).toEqual([
      { offset: 0, message: 'the expression is longer than 4096 characters', remedy: 'split it into several rules' }
    ])
    expect(problemsOf(`"${'a'.repeat(limits.sourceLength - 10)}" == "x"`, untyped)).toEqual([])
  })

  it('is bounded in open brackets', () => {
    const nested = (levels: number): string => `${'('.repeat(levels)}true${')'.repeat(levels)}`
    expect(problemsOf(nested(limits.bracketNesting), untyped)).toEqual([])
    for (const levels of [limits.bracketNesting + 1, 500, 2000]) {
      expect(problemsOf(nested(levels), untyped)).toMatchObject([{ message: 'more than 40 brackets are open here' }])
    }
    expect(problemsOf(`${'['.repeat(1000)}${']'.repeat(1000)} == []`, untyped)).toHaveLength(1)
    expect(problemsOf(`${'{1:'.repeat(1000)}1${'}'.repeat(1000)} == {}`, untyped)).toHaveLength(1)
  })

  it('is bounded in levels and parts', () => {
    expect(problemsOf(`1${' + 1'.repeat(50)} == 51`, untyped)).toEqual([])
    expect(problemsOf(`1${' + 1'.repeat(900)} == 1`, untyped)).toMatchObject([
      { message: 'the expression is too complex: it is nested more than 100 levels deep' }
    ])
    expect(problemsOf(`value${'.a'.repeat(2000)} == 1`, untyped)).toHaveLength(1)
    expect(problemsOf(`${'true ? true : '.repeat(250)}true`, untyped)).toHaveLength(1)
    expect(problemsOf(`value.a in [${'1,'.repeat(900)}1]`, untyped)).toEqual([])
    expect(problemsOf(`value.a in [${'1,'.repeat(1500)}1]`, untyped)).toMatchObject([
      { message: 'the expression is too complex: it has more than 1000 parts' }
    ])
    expect(problemsOf(Array.from({ length: 300 }, () => 'value.a').join(' || '), untyped)).toEqual([])
  })

  it('is bounded in loops inside loops', () => {
    expect(problemsOf('value.a.all(x, x.all(y, y > 0))', untyped)).toEqual([])
    expect(problemsOf('value.a.all(x, x.all(y, y.all(z, z > 0)))', untyped)).toMatchObject([
      {
        message: 'the expression is too complex: more than 2 of all, exists, map, filter stand inside each other',
        remedy: 'split it into several rules'
      }
    ])
    expect(problemsOf('value.a.filter(x, x > 0).map(y, y + 1).all(z, z > 1)', untyped)).toEqual([])
  })
})
