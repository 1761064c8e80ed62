import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  codePointsOfBytes,
  compareBytes,
  endsWithBytes,
  includesBytes,
  sameBytes,
  spellsInteger,
  startsWithBytes,
  TextSet
} from '../../../../src/contracts/compiled/text-bytes.ts'
import { order } from '../../../../src/contracts/expressions/compare.ts'

/** Few characters, so that texts share parts; of every length in UTF-8 and on both sides of the surrogates. */
const text = fc
  .array(fc.constantFrom('a', 'b', '\0', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '𐀀', '\u{10ffff}'), { maxLength: 6 })
  .map((parts) => parts.join(''))

type Range = [Buffer, number, number]

/** Where it may lie in a batch. */
function within(value: string): Range {
  const bytes = Buffer.from(value)
  return [Buffer.concat([Buffer.from('ab'), bytes, Buffer.from('ab')]), 2, 2 + bytes.length]
}

describe('texts as bytes', () => {
  it('compare as the strings do', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const frame = { bindings: undefined, slots: [], ticks: 1_000_000 }
        expect(sameBytes(...within(a), ...within(b))).toBe(a === b)
        expect(Math.sign(compareBytes(...within(a), ...within(b)))).toBe(Math.sign(order(a, b, frame)!))
      }),
      { numRuns: 2000 }
    )
  })

  it('are found in each other as the strings are', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(startsWithBytes(...within(a), ...within(b))).toBe(a.startsWith(b))
        expect(endsWithBytes(...within(a), ...within(b))).toBe(a.endsWith(b))
        expect(includesBytes(...within(a), ...within(b))).toBe(a.includes(b))
        expect(includesBytes(...within(a + b + a), ...within(b))).toBe(true)
      }),
      { numRuns: 2000 }
    )
  })

  it('are searched no further than they reach, also when they are long', () => {
    const long = 'xy'.repeat(4000)
    const part = 'yx'.repeat(30)
    expect(includesBytes(...within(long), ...within(part))).toBe(true)
    expect(includesBytes(...within(long), ...within(`${part}z`))).toBe(false)
    const [bytes, start, end] = within(long)
    expect(includesBytes(bytes, start, end, Buffer.from('ya'), 0, 2)).toBe(false)
    expect(includesBytes(bytes, start, end, Buffer.from('bx'), 0, 2)).toBe(false)
    expect(includesBytes(bytes, start, end, Buffer.from(`${part}ab`), 0, part.length + 2)).toBe(false)
  })

  it('are counted in code points', () => {
    fc.assert(
      fc.property(text, (a) => {
        expect(codePointsOfBytes(...within(a))).toBe(Array.from(a).length)
      })
    )
  })

  it('are looked up in a set', () => {
    fc.assert(
      fc.property(fc.array(text), text, (members, a) => {
        expect(new TextSet(members.map((member) => Buffer.from(member))).has(...within(a))).toBe(members.includes(a))
      })
    )
  })

  it('spell integers as they are written without a sign too many', () => {
    const integer = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -120, max: 120 }))
    fc.assert(
      fc.property(integer, fc.oneof(integer.map(String), fc.stringMatching(/^[-+]?[0-9]{0,4}$/)), (value, written) => {
        expect(spellsInteger(...within(String(value)), value)).toBe(true)
        expect(spellsInteger(...within(written), value)).toBe(written === String(value))
      }),
      { numRuns: 2000 }
    )
    expect(spellsInteger(...within('0'), -0)).toBe(true)
    expect(spellsInteger(...within('-0'), -0)).toBe(false)
    expect(spellsInteger(...within(''), 0)).toBe(false)
    expect(spellsInteger(...within('-'), -1)).toBe(false)
  })
})
