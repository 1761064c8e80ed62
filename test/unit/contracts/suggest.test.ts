import { describe, expect, it } from 'vitest'
import { didYouMean, nearest } from '../../../src/contracts/suggest.ts'

describe('a suggestion', () => {
  it.each([
    ['topic', 'topics'],
    ['onUndecideable', 'onUndecidable'],
    ['hedaers', 'headers'],
    ['Mode', 'mode']
  ])('for %s is %s', (written, expected) => {
    expect(nearest(written, ['topics', 'mode', 'headers', 'onUndecidable'])).toBe(expected)
  })

  it('is not made for something quite different', () => {
    expect(nearest('retention', ['topics', 'mode'])).toBeNull()
    expect(didYouMean('retention', ['topics', 'mode'])).toBe('possible here: topics, mode')
  })

  it('does not compare names of absurd length', () => {
    expect(nearest('a'.repeat(100_000), ['a'.repeat(100_000)])).toBeNull()
  })
})
