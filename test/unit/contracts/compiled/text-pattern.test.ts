import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { textMatcher } from '../../../../src/contracts/compiled/text-pattern.ts'
import { compilePattern } from '../../../../src/contracts/expressions/pattern.ts'

function bothWays(source: string, text: string): { readonly compiled: boolean; readonly reference: boolean } {
  const pattern = compilePattern(source)
  if (!pattern.ok) throw new Error(pattern.message)
  const bytes = Buffer.from(`a${text}a`)
  return { compiled: textMatcher(pattern, source)(bytes, 1, bytes.length - 1), reference: pattern.test(text) }
}

const patterns = [
  '^[A-Z]{2}$',
  '^[a-z]+$',
  '^[a-c]*b$',
  '^a?b+[0-9]{0,2}$',
  '^o-[0-9]+',
  '^(EUR|USD)$',
  '^(?:a|ab|b c)$',
  '^(a|b)',
  '(a|b)$',
  '^$',
  'ab',
  '.',
  '^.$',
  '\\d',
  '^\\w+$',
  '(?i)^ab$',
  '^[^a]$'
]

describe('patterns over bytes', () => {
  it('match what the engine matches', () => {
    const text = fc
      .array(
        fc.constantFrom('a', 'b', 'c', 'A', 'B', '0', '9', '-', ' ', '\n', 'o', 'é', '😀', 'EUR', 'USD', 'ab', '_'),
        {
          maxLength: 5
        }
      )
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.constantFrom(...patterns), text, (source, value) => {
        const { compiled, reference } = bothWays(source, value)
        expect(compiled).toBe(reference)
      }),
      { numRuns: 3000 }
    )
  })

  it('search no text that is longer than the engine would', () => {
    const source = '^[a-z]{1,1000}[a-z]*$'
    const pattern = compilePattern(source)
    if (!pattern.ok) throw new Error(pattern.message)
    const { compiled, reference } = bothWays(source, 'a'.repeat(pattern.textLimit + 1))
    expect([compiled, reference]).toEqual([false, false])
    expect(bothWays(source, 'a'.repeat(pattern.textLimit))).toEqual({ compiled: true, reference: true })
  })
})
