import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inUnits } from '../../../../src/contracts/compiled/decimals.ts'
import { compareNumbers } from '../../../../src/contracts/expressions/numbers.ts'
import { Decimal } from '../../../../src/contracts/value.ts'

function sign(comparison: number): number {
  return comparison < 0 ? -1 : comparison > 0 ? 1 : 0
}

describe('a number in units of a scale', () => {
  it.each([
    [new Decimal(150n, 2), 1, 15],
    [new Decimal(155n, 2), 1, 15.5],
    [new Decimal(-155n, 2), 1, -15.5],
    [new Decimal(-1n, 2), 1, -0.5],
    [new Decimal(15n, 1), 3, 1500],
    [new Decimal(1n, -3), 0, 1000],
    [new Decimal(0n, 5), 0, 0],
    [new Decimal(1n, -30), 2, Infinity],
    [new Decimal(-(2n ** 53n) - 1n, 0), 0, -Infinity],
    [new Decimal(2n ** 53n, 0), 0, 2 ** 53],
    [new Decimal(2n ** 51n * 10n + 1n, 1), 0, null],
    [new Decimal(1n, 10_001), 0, null],
    [new Decimal(2n ** 5000n, 0), 0, null],
    [new Decimal(1n, 0), 10_001, null]
  ])('%o at scale %i', (number, scale, expected) => {
    expect(inUnits(number, scale)).toBe(expected)
  })

  it('is on the same side of every integer as the number is of the decimal', () => {
    const limit = 2n ** 53n - 1n
    const unscaled = fc.oneof(fc.bigInt({ min: -limit, max: limit }), fc.bigInt({ min: -300n, max: 300n }))
    const number = fc.tuple(
      fc.oneof(unscaled, fc.bigInt({ min: -(2n ** 90n), max: 2n ** 90n })),
      fc.integer({ min: -6, max: 20 })
    )
    fc.assert(
      fc.property(
        unscaled,
        fc.integer({ min: 0, max: 12 }),
        number,
        fc.boolean(),
        (value, scale, [digits, at], near) => {
          const decimal = new Decimal(value, scale)
          // Next to the decimal, where it matters.
          const other = near ? new Decimal(value * 10n ** 3n + (digits % 3n), scale + 3) : new Decimal(digits, at)
          const units = inUnits(other, scale)
          if (units === null) return
          expect(sign(Number(value) - units)).toBe(sign(compareNumbers(decimal, other)))
        }
      ),
      { numRuns: 5000 }
    )
  })
})
