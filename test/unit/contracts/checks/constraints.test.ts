import { describe, expect, it } from 'vitest'
import { checkConstraints, compileConstraints } from '../../../../src/contracts/checks/constraints.ts'
import type { Broken } from '../../../../src/contracts/checks/constraints.ts'
import { sameValue } from '../../../../src/contracts/checks/scalars.ts'
import type { ConstraintDocument } from '../../../../src/contracts/policy/schema.ts'
import { Decimal, Timestamp, Uint } from '../../../../src/contracts/value.ts'
import type { Value } from '../../../../src/contracts/value.ts'

function broken(document: ConstraintDocument, value: Value | undefined): Broken[] {
  const { constraints, problems } = compileConstraints(document)
  expect(problems).toEqual([])
  const found: Broken[] = []
  checkConstraints(constraints, value, (one) => found.push(one))
  return found
}

describe('constraints', () => {
  it.each<[ConstraintDocument, Value | undefined, boolean]>([
    [{ required: true }, undefined, false],
    [{ required: true }, null, false],
    [{ required: true }, '', true],
    [{ required: true }, false, true],
    [{ min: 1, in: ['a'], matches: 'x', minItems: 1 }, undefined, true],
    [{ min: 1 }, null, true],
    [{ in: ['DE', 'FR'] }, 'FR', true],
    [{ in: ['DE', 'FR'] }, 'fr', false],
    [{ in: [1, 2] }, 2n, true],
    [{ in: [1, 2] }, new Uint(2n), true],
    [{ in: [1.5] }, new Decimal(150n, 2), true],
    [{ in: ['1'] }, 1n, false],
    [{ in: [1] }, '1', false],
    [{ equals: true }, true, true],
    [{ equals: false }, null, true],
    [{ min: 1 }, 1n, true],
    [{ min: 1 }, 0.999, false],
    [{ min: 0.1 }, new Decimal(1n, 1), true],
    [{ max: 0.1 }, new Decimal(1000000001n, 10), false],
    [{ max: 1e21 }, 10n ** 21n, true],
    [{ max: 1e21 }, 10n ** 21n + 1n, false],
    [{ max: 9007199254740992 }, 9007199254740993n, false],
    [{ min: -1e-7 }, new Decimal(-1n, 7), true],
    [{ min: 0 }, NaN, false],
    [{ max: 0 }, NaN, false],
    [{ min: 0 }, 'text', false],
    [{ minLength: 1 }, '', false],
    [{ maxLength: 2 }, '👍👍', true],
    [{ maxLength: 1 }, '👍👍', false],
    [{ maxLength: 2 }, Buffer.from([1, 2, 3]), false],
    [{ maxLength: 2 }, 5n, false],
    [{ minItems: 1 }, [], false],
    [{ minItems: 1, maxItems: 1 }, ['a'], true],
    [{ maxItems: 0 }, new Map([['a', 1n]]), false],
    [{ minItems: 0 }, 'text', false],
    [{ matches: '^a+$' }, 'aaa', true],
    [{ matches: 'b' }, 'abc', true],
    [{ matches: '^b' }, 'abc', false],
    [{ matches: '1' }, 1n, false]
  ])('%j on %s holds: %s', (document, value, holds) => {
    expect(broken(document, value).length === 0).toBe(holds)
  })

  it('say what was expected and which type arrived, never the value', () => {
    expect(broken({ in: ['DE', 'FR'] }, 'secret')).toEqual([
      { message: 'is not an allowed value', expected: 'one of DE, FR', found: 'string' }
    ])
    expect(broken({ min: 1, max: 5 }, 666n)[0]).toEqual({
      message: 'is out of range',
      expected: 'at least 1 and at most 5',
      found: 'int'
    })
    const texts = [{ matches: '^x$' }, { maxLength: 1 }, { min: 1 }].flatMap((document) => broken(document, 'secret'))
    expect(JSON.stringify(texts)).not.toContain('secret')
  })

  it('list at most ten allowed values', () => {
    const allowed = Array.from({ length: 30 }, (_, index) => index)
    expect(broken({ in: allowed }, 99n)[0]?.expected).toBe('one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and 20 more')
  })

  it('refuse a text too long to be matched instead of holding everything up', () => {
    expect(broken({ matches: 'a' }, 'a'.repeat(2_000_000))[0]?.message).toBe('is too long to be matched')
  })

  it('refuse bounds that no value can keep and numbers that are none', () => {
    expect(compileConstraints({ minItems: 2, maxItems: 1 }).problems).toHaveLength(1)
    expect(compileConstraints({ min: Number.NaN }).problems).toHaveLength(1)
    expect(compileConstraints({ max: Number.POSITIVE_INFINITY }).problems).toHaveLength(1)
  })
})

describe('equality of decoded values', () => {
  it.each<[Value, Value, boolean]>([
    [1n, new Uint(1n), true],
    [1n, 1, true],
    [new Decimal(10n, 1), 1n, true],
    [new Decimal(1n, 1), 0.1, true],
    [new Decimal(1n, 1), NaN, false],
    [NaN, NaN, false],
    ['1', 1n, false],
    [null, null, true],
    [null, '', false],
    [Buffer.from('a'), new Uint8Array([97]), true],
    [[1n, 'a'], [1n, 'a'], true],
    [[1n], [1n, 2n], false],
    [new Map([['a', 1n]]), new Map([['a', 1n]]), true],
    [new Map([['a', 1n]]), new Map([['b', 1n]]), false],
    [new Timestamp(1n, 5), new Timestamp(1n, 5), true],
    [new Timestamp(1n, 5), new Timestamp(1n, 6), false],
    [true, 1n, false]
  ])('%s and %s: %s', (a, b, expected) => {
    expect(sameValue(a, b)).toBe(expected)
    expect(sameValue(b, a)).toBe(expected)
  })
})
