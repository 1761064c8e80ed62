import { describe, expect, it } from 'vitest'
import { cleanText, FindingsInBrief, FindingsInFull } from '../../../src/contracts/findings.ts'
import type { Undecided } from '../../../src/contracts/judgement.ts'

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

describe('undecided checks of one record', () => {
  const ofRule = (rule: string, mode: Undecided['mode']): Undecided => ({
    rule,
    message: 'm',
    mode,
    cause: { kind: 'rule-error' }
  })
  const ofSchema = (rule: string, mode: Undecided['mode'], schemaId = 7): Undecided => ({
    rule,
    message: 'm',
    mode,
    cause: { kind: 'schema-unavailable', schemaId, failingSinceMs: null, changed: Promise.resolve() }
  })

  it('are kept up to 16, and the strictest of each kind stands for the rest', () => {
    const findings = new FindingsInFull()
    for (let i = 0; i < 50; i++) findings.undecide(ofRule(`r${i}`, 'observe'))
    findings.undecide(ofSchema('s', 'quarantine'))
    findings.undecide(ofRule('hard', 'reject'))
    const undecided = findings.take()?.undecided ?? []
    expect(undecided).toHaveLength(18)
    expect(undecided.slice(16)).toMatchObject([
      { rule: 's', mode: 'quarantine', message: '+36 more', cause: { kind: 'schema-unavailable' } },
      { rule: 'hard', mode: 'reject', message: '+36 more' }
    ])
    expect(findings.take()).toBeNull()
  })

  it('in brief keep a schema that may still come beside an error, in objects that all records share', () => {
    const findings = new FindingsInBrief()
    const take = (): readonly Undecided[] => {
      findings.undecide(ofRule('r', 'reject'))
      findings.undecide(ofRule('soft', 'observe'))
      findings.undecide(ofSchema('s', 'reject'))
      return findings.take()?.undecided ?? []
    }
    const first = take()
    expect(first.map(({ rule }) => rule)).toEqual(['s', 'r'])
    const second = take()
    expect(second[0]).toBe(first[0])
    expect(second[1]).toBe(first[1])
    findings.undecide(ofSchema('s', 'reject', 8))
    expect(findings.take()?.undecided).toMatchObject([{ cause: { schemaId: 8 } }])
  })

  it('in brief are told in their own mode', () => {
    const findings = new FindingsInBrief()
    findings.violate('r', 'observe')
    findings.take()
    findings.violate('r', 'reject')
    expect(findings.take()?.violations).toMatchObject([{ rule: 'r', mode: 'reject' }])
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
