import { describe, expect, it } from 'vitest'
import { jsonText } from '../../../src/cli/json-text.ts'
import { shown } from '../../../src/cli/quarantine/text.ts'

describe('JSON on a terminal', () => {
  it('has no character that a terminal obeys, and means the same', () => {
    const value = { id: 'a\u001b[2J\u007f\u009b31m\u0085b\u2028' }
    const text = jsonText(value)
    expect(text).toMatch(/^[\n\x20-\x7e]*$/)
    expect(JSON.parse(text)).toEqual(value)
  })
})

describe('text out of a record', () => {
  it('is short, and has no character that a terminal obeys', () => {
    expect(shown('a\u001b]0;b\u0007\u009b')).toBe('a\ufffd]0;b\ufffd\ufffd')
    expect(shown('x'.repeat(1_000_000))).toHaveLength(300)
    expect(shown('x'.repeat(300))).toBe('x'.repeat(300))
  })
})
