import { describe, expect, it } from 'vitest'
import { cleanText, FindingsInBrief, FindingsInFull } from '../../../src/contracts/findings.ts'

describe('violations of one record', () => {
  it('are told with what was expected and found, in one message', () => {
    const findings = new FindingsInFull()
    findings.violate('schema', 'reject', 'value.a', 'is wrong', { expected: 'int', found: 'string', docs: 'https://d' })
    expect(findings.take()?.violations).toEqual([
      {
        rule: 'schema',
        path: 'value.a',
        message: 'is wrong; expected int, found string',
        expected: 'int',
        found: 'string',
        docs: 'https://d',
        mode: 'reject'
      }
    ])
    expect(findings.take()).toBeNull()
  })

  it('are kept up to 16, and one entry stands for the rest', () => {
    const findings = new FindingsInFull()
    for (let i = 0; i < 50; i++) findings.violate(`r${i}`, 'observe', '', 'm')
    const violations = findings.take()?.violations ?? []
    expect(violations).toHaveLength(17)
    expect(violations[16]).toMatchObject({ rule: 'r16', message: '+34 more' })
  })

  it('do not lose the strictest mode to the bound', () => {
    const findings = new FindingsInFull()
    for (let i = 0; i < 20; i++) findings.violate('soft', 'observe', '', 'm')
    findings.violate('hard', 'reject', '', 'm')
    for (let i = 0; i < 20; i++) findings.violate('soft', 'observe', '', 'm')
    expect(findings.take()?.violations.at(-1)).toMatchObject({ rule: 'hard', mode: 'reject', message: '+25 more' })
  })

  it('in brief keep the strictest only, in objects that all records share', () => {
    const findings = new FindingsInBrief()
    const take = (): unknown => {
      findings.violate('soft', 'observe')
      findings.violate('hard', 'reject')
      return findings.take()?.violations
    }
    const first = take()
    expect(first).toMatchObject([{ rule: 'hard', mode: 'reject' }])
    expect(take()).toBe(first)
  })
})

describe('texts', () => {
  it('are cut at 200 characters', () => {
    expect(cleanText('x'.repeat(500))).toHaveLength(200)
  })

  it('lose control characters, line breaks and marks that reorder a line', () => {
    expect(cleanText('a\u0000b\r\nc\u001b[31md\u202Ee\u2028f')).toBe('a b c [31md e f')
  })

  it('never end in half a character', () => {
    const cut = cleanText(`${'x'.repeat(198)}👍👍`)
    expect(cut.isWellFormed()).toBe(true)
    expect(cleanText('\ud800').isWellFormed()).toBe(true)
  })
})
