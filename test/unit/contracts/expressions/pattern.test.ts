import { describe, expect, it } from 'vitest'
import { limits } from '../../../../src/contracts/expressions/limits.ts'
import { compileDynamicPattern, compilePattern } from '../../../../src/contracts/expressions/pattern.ts'

function test(source: string, text: string): boolean {
  const pattern = compilePattern(source)
  if (!pattern.ok) throw new Error(pattern.message)
  return pattern.test(text)
}

describe('a pattern', () => {
  it('is found anywhere in the text unless it is anchored', () => {
    expect(test('b+', 'abbc')).toBe(true)
    expect(test('^b+', 'abbc')).toBe(false)
    expect(test('^a.*c$', 'abbc')).toBe(true)
    expect(test('', '')).toBe(true)
    expect(test('^\\p{Lu}\\p{L}*$', 'Émile')).toBe(true)
    expect(test('^.$', '😀')).toBe(true)
  })

  it('keeps no state between texts', () => {
    const pattern = compilePattern('a')
    const answers = ['a', 'b', 'a', 'a'].map((text) => pattern.ok && pattern.test(text))
    expect(answers).toEqual([true, false, true, true])
  })

  it('is compiled once', () => {
    expect(compilePattern('^once$')).toBe(compilePattern('^once$'))
  })

  it.each([
    ['(', 'missing closing ): "("'],
    ['[z-a]', 'invalid character class range: "z-a"'],
    ['a**', 'invalid nested repetition operator: "**"'],
    ['(?=a)', 'invalid or unsupported Perl syntax: "(?=" (RE2 has no look-around and no back-references)'],
    ['(a)\\1', 'invalid escape sequence: "\\1" (RE2 has no look-around and no back-references)'],
    ['a{1001}', 'invalid repeat count: "{1001}"'],
    ['(a{1000}){1000}', 'invalid repeat count: "{1000}"'],
    ['a'.repeat(limits.patternLength + 1), 'the pattern is longer than 1000 characters'],
    ['a{900}b{900}c{900}d{900}e{900}', 'the pattern is too large: lower the counts in its repetitions']
  ])('%s is refused with the reason', (source, message) => {
    expect(compilePattern(source)).toEqual({ ok: false, message })
  })

  it.each([
    ['^(a|a)*$', `${'a'.repeat(5000)}b`],
    ['^(a+)+$', `${'a'.repeat(5000)}b`],
    ['(x+x+)+y', 'x'.repeat(5000)],
    ['(.*a){20}$', `${'a'.repeat(2000)}b`],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(5000)]
  ])('%s does not backtrack', (source, text) => {
    // A backtracking engine would still be at it when the test is given up.
    expect(test(source, text)).toBe(false)
  })

  it('searches long texts up to a length that depends on its size', () => {
    const simple = compilePattern('^b')
    const counted = compilePattern('[ab]{1,200}@')
    if (!simple.ok || !counted.ok) throw new Error('must compile')
    expect(simple.textLimit).toBe(1_000_000)
    expect(counted.textLimit).toBeLessThan(50_000)
    expect(simple.test('b'.repeat(1_000_000))).toBe(true)
    expect(simple.test('b'.repeat(1_000_001))).toBe(false)
    expect(counted.test(`${'a'.repeat(100_000)}@`)).toBe(false)
  })
})

describe('a pattern from a record', () => {
  it('does not push out those of the policies', () => {
    const kept = compilePattern('^policy$')
    for (let i = 0; i < limits.cachedPatterns + 10; i++) compileDynamicPattern(`^record${i}$`)
    expect(compilePattern('^policy$')).toBe(kept)
  })

  it('is told apart when it had to be compiled', () => {
    expect(compileDynamicPattern('^fresh$').fresh).toBe(true)
    expect(compileDynamicPattern('^fresh$').fresh).toBe(false)
  })
})
