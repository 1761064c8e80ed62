import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { globsOverlap, parseGlob } from '../../../src/contracts/glob.ts'

/** The same language as a regular expression, for short inputs where backtracking does not matter. */
function oracle(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*\*|\*|[^*]/g, (token) =>
    token === '**' ? '.*' : token === '*' ? '[^.]*' : `[${token}]`
  )
  return new RegExp(`^${source}$`, 's')
}

const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 })
const pattern = fc
  .array(fc.constantFrom('a', 'b', '.', '*', '**'), { maxLength: 6 })
  .map((tokens) => tokens.join('').replaceAll(/\*{3,}/g, '**'))

describe('a glob', () => {
  it.each([
    ['shop.orders.v1', 'shop.orders.v1', true],
    ['shop.orders.v1', 'shop.orders.v10', false],
    ['shop.*.v1', 'shop.orders.v1', true],
    ['shop.*.v1', 'shop.eu.orders.v1', false],
    ['shop.**.v1', 'shop.eu.orders.v1', true],
    ['shop.*', 'shop.', true],
    ['shop.*', 'shop', false],
    ['**', '', true],
    ['*', 'a.b', false]
  ])('%s against %s: %s', (glob, name, expected) => {
    expect(parseGlob(glob).matches(name)).toBe(expected)
  })

  it('means what the same regular expression means', () => {
    fc.assert(fc.property(pattern, text, (glob, name) => parseGlob(glob).matches(name) === oracle(glob).test(name)))
  })

  it('counts its literal characters', () => {
    expect(parseGlob('shop.*.v1').literalCharacters).toBe(8)
    expect(parseGlob('**').literalCharacters).toBe(0)
  })

  it('is decided without backtracking on a hostile client id', () => {
    const glob = parseGlob(`${'**a'.repeat(40)}b`)
    expect(glob.matches('a'.repeat(20_000))).toBe(false)
  })
})

describe('overlap of two globs', () => {
  it('is found exactly when some text matches both', () => {
    const short = fc
      .array(fc.constantFrom('a', 'b', '.', '*', '**'), { maxLength: 4 })
      .map((tokens) => tokens.join('').replaceAll(/\*{3,}/g, '**'))
    const texts = allTexts(6)
    fc.assert(
      fc.property(short, short, (a, b) => {
        const [left, right] = [parseGlob(a), parseGlob(b)]
        // Two patterns of four tokens that share a text share one of at most eight characters; six do for four of each.
        const shared = texts.some((candidate) => left.matches(candidate) && right.matches(candidate))
        return !shared || globsOverlap(left, right)
      })
    )
  })

  it.each([
    ['shop.*', '*.shop', true],
    ['shop.*.v1', 'shop.*.v2', false],
    ['a*', '*b', true],
    ['a.*', 'a.b.*', false],
    ['a.**', 'a.b.*', true],
    ['abc', 'a*', true],
    ['abc', 'abd', false],
    ['*', '.', false]
  ])('%s and %s: %s, whichever comes first', (a, b, expected) => {
    expect(globsOverlap(parseGlob(a), parseGlob(b))).toBe(expected)
    expect(globsOverlap(parseGlob(b), parseGlob(a))).toBe(expected)
  })

  it('never claims an overlap that no text proves', () => {
    const short = fc
      .array(fc.constantFrom('a', '.', '*', '**'), { maxLength: 3 })
      .map((tokens) => tokens.join('').replaceAll(/\*{3,}/g, '**'))
    const texts = allTexts(6)
    fc.assert(
      fc.property(short, short, (a, b) => {
        const [left, right] = [parseGlob(a), parseGlob(b)]
        return (
          !globsOverlap(left, right) || texts.some((candidate) => left.matches(candidate) && right.matches(candidate))
        )
      })
    )
  })
})

function allTexts(length: number): string[] {
  const all = ['']
  let last = ['']
  for (let i = 0; i < length; i++) {
    last = last.flatMap((start) => ['a', 'b', '.'].map((character) => start + character))
    all.push(...last)
  }
  return all
}
