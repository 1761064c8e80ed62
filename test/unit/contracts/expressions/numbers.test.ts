import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addDecimals,
  compareNumbers,
  equalNumbers,
  formatDecimal,
  multiplyDecimals,
  parseDecimal,
  subtractDecimals,
  toDecimal,
  truncateDecimal
} from '../../../../src/contracts/expressions/numbers.ts'
import { Decimal, Uint } from '../../../../src/contracts/value.ts'

const decimals = fc
  .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: -20, max: 40 }))
  .map(([unscaled, scale]) => new Decimal(unscaled, scale))

const doubles = fc.double({ noNaN: true, noDefaultInfinity: true })

const ints = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

describe('decimals', () => {
  it('read back what they are written as', () => {
    fc.assert(fc.property(decimals, (value) => equalNumbers(parseDecimal(formatDecimal(value))!, value)))
  })

  it.each([
    ['0', '0'],
    ['-0.50', '-0.50'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['1e3', '1000'],
    ['-1.5E-3', '-0.0015'],
    ['+7', '7'],
    ['0e9', '0']
  ])('%s is written %s', (text, written) => {
    expect(formatDecimal(parseDecimal(text)!)).toBe(written)
  })

  it.each(['', '.', 'e5', '1,5', ' 1', '1 ', '0x1', 'NaN', 'Infinity', '1e9999', '--1', '1'.repeat(1001)])(
    'are not made of %j',
    (text) => {
      expect(parseDecimal(text)).toBeNull()
    }
  )

  it('add and subtract exactly, whatever their scales', () => {
    fc.assert(
      fc.property(decimals, decimals, (a, b) => {
        expect(equalNumbers(subtractDecimals(addDecimals(a, b), b), a)).toBe(true)
        expect(compareNumbers(subtractDecimals(a, b), 0n)).toBe(compareNumbers(a, b))
      })
    )
  })

  it('multiply exactly', () => {
    fc.assert(
      fc.property(ints, ints, fc.integer({ min: 0, max: 9 }), (a, b, scale) => {
        const product = multiplyDecimals(new Decimal(a, scale), new Decimal(b, scale))
        expect(equalNumbers(product, new Decimal(a * b, 2 * scale))).toBe(true)
      })
    )
  })

  it('are cut towards zero', () => {
    expect(truncateDecimal(new Decimal(-199n, 2))).toBe(-1n)
    expect(truncateDecimal(new Decimal(5n, -2))).toBe(500n)
  })
})

describe('order among numbers', () => {
  it('agrees with the order of the decimals as they are written', () => {
    fc.assert(
      fc.property(doubles, doubles, (a, b) => {
        expect(compareNumbers(toDecimal(a), b)).toBe(Math.sign(compareNumbers(a, b)))
        expect(compareNumbers(a, toDecimal(b))).toBe(Math.sign(compareNumbers(a, b)))
      })
    )
  })

  it('is antisymmetric and consistent with equality', () => {
    const any = fc.oneof(
      decimals,
      doubles,
      ints,
      ints.map((value) => new Uint(value < 0n ? -value : value))
    )
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(compareNumbers(a, b) + compareNumbers(b, a)).toBe(0)
        if (equalNumbers(a, b)) expect(compareNumbers(a, b)).toBe(0)
      })
    )
  })

  it('is transitive among decimals, ints and uints', () => {
    const exact = fc.oneof(decimals, ints)
    fc.assert(
      fc.property(exact, exact, exact, (a, b, c) => {
        if (compareNumbers(a, b) <= 0 && compareNumbers(b, c) <= 0) expect(compareNumbers(a, c)).toBeLessThanOrEqual(0)
      })
    )
  })

  it('has infinity at its ends and no place for NaN', () => {
    expect(compareNumbers(new Decimal(1n, -300), Infinity)).toBe(-1)
    expect(compareNumbers(-Infinity, new Decimal(-1n, -300))).toBe(-1)
    expect(compareNumbers(NaN, new Decimal(1n, 0))).toBeNaN()
    expect(compareNumbers(1n, NaN)).toBeNaN()
    expect(equalNumbers(NaN, NaN)).toBe(false)
  })
})
