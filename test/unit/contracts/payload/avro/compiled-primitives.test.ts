import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decimalBytes, decimalOf, isUuid, timestampOf } from '../../../../../src/contracts/payload/avro/logical.ts'
import { slotKind } from '../../../../../src/contracts/payload/compiled.ts'
import {
  countEnd,
  decimalBounds,
  intEnd,
  isDecimalWithin,
  isUuidAt,
  longEnd,
  microsKind,
  putDecimal,
  putDouble,
  putFloat,
  putLong,
  rawBits,
  uint32At
} from '../../../../../src/contracts/payload/avro/compiled/primitives.ts'

function varint(value: bigint, padding = 0): Buffer {
  let raw = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  do {
    bytes.push(Number(raw & 0x7fn) | 0x80)
    raw >>= 7n
  } while (raw > 0n)
  for (let index = 0; index < padding; index++) bytes.push(0x80)
  bytes[bytes.length - 1]! &= 0x7f
  return Buffer.from(bytes)
}

describe('longs', () => {
  test('end where they end, or nowhere', () => {
    expect(longEnd(varint(2n ** 63n - 1n), 1, 10)).toBe(10)
    expect(longEnd(varint(-(2n ** 63n)), 1, 10)).toBe(10)
    expect(longEnd(varint(1n, 9), 1, 10)).toBe(10)
    expect(longEnd(Buffer.from('ffffffffffffffffff02', 'hex'), 1, 10)).toBe(-1)
    expect(longEnd(Buffer.from('ffffffffffffffffff8100', 'hex'), 1, 11)).toBe(-1)
    expect(longEnd(varint(300n), 1, 1)).toBe(-1)
    expect(longEnd(varint(2n ** 40n), 1, 4)).toBe(-1)
  })

  test('are exact, or not put', () => {
    const long = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
      fc.maxSafeInteger().map(BigInt),
      fc.integer({ min: -70_000, max: 70_000 }).map(BigInt),
      fc.constantFrom(2n ** 53n - 1n, 2n ** 53n, 1n - 2n ** 53n, -(2n ** 53n), -1n - 2n ** 53n, 2n ** 27n, 2n ** 28n)
    )
    fc.assert(
      fc.property(long, fc.integer({ min: 0, max: 4 }), (value, padding) => {
        const bytes = varint(value, padding)
        if (bytes.length < 2) return true
        const numbers = new Float64Array(2)
        const isPut = putLong(bytes, 0, bytes.length, numbers, 1)
        if (bytes.length > 8 || !Number.isSafeInteger(Number(value))) return !isPut
        return isPut && Object.is(numbers[1], Number(value))
      }),
      { numRuns: 5_000 }
    )
  })
})

describe('microseconds', () => {
  test('are milliseconds where they are whole ones, and small enough', () => {
    const micros = fc.oneof(
      fc.integer({ min: -3000, max: 3000 }).map(BigInt),
      fc.maxSafeInteger().map(BigInt),
      fc.integer().map((ms) => BigInt(ms) * 1_000_000n),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.constantFrom(0n, 1000n, -1000n, 2n ** 53n - 1n, 9_007_199_254_741_000n, 9_007_199_254_740_000n)
    )
    fc.assert(
      fc.property(micros, fc.integer({ min: 0, max: 2 }), (value, padding) => {
        const bytes = varint(value, padding)
        const numbers = new Float64Array(1)
        const kind = microsKind(bytes, 0, bytes.length, numbers, 0)
        const { seconds, nanos } = timestampOf(value, 'timestamp-micros')
        const ms = Number(seconds) * 1000 + nanos / 1e6
        const isTold = bytes.length <= 8 && Number.isSafeInteger(Number(value)) && value % 1000n === 0n
        if (!isTold) return kind === slotKind.other
        return kind === slotKind.timestampMs && Object.is(numbers[0], ms)
      }),
      { numRuns: 5_000 }
    )
  })
})

describe('ints and counts', () => {
  test('ints have 32 bits', () => {
    for (const value of [-(2n ** 31n), 2n ** 31n - 1n, -65n, 8192n]) {
      const bytes = varint(value)
      expect(intEnd(bytes, 1, bytes.length)).toBe(bytes.length)
      const raw = rawBits(bytes, 0, bytes.length)
      expect((raw >>> 1) ^ -(raw & 1)).toBe(Number(value))
    }
    expect(intEnd(varint(2n ** 31n), 1, 5)).toBe(-1)
    expect(intEnd(varint(-(2n ** 31n) - 1n), 1, 5)).toBe(-1)
    expect(intEnd(varint(1n, 5), 1, 6)).toBe(-1)
    expect(intEnd(varint(2n ** 20n), 1, 2)).toBe(-1)
  })

  test('counts have four bytes', () => {
    const widest = varint(2n ** 27n - 1n)
    expect(widest).toHaveLength(4)
    expect(countEnd(widest, 1, 4)).toBe(4)
    expect(rawBits(widest, 0, 4)).toBe(2 ** 28 - 2)
    expect(countEnd(varint(2n ** 27n), 1, 5)).toBe(-1)
    expect(countEnd(widest, 1, 3)).toBe(-1)
  })
})

test('floats, doubles and unsigned integers are what Node reads', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (array) => {
      const bytes = Buffer.concat([Buffer.from([7]), array])
      const numbers = new Float64Array(2)
      putFloat(bytes, 1, numbers, 0)
      putDouble(bytes, 1, numbers, 1)
      return (
        Object.is(numbers[0], bytes.readFloatLE(1)) &&
        Object.is(numbers[1], bytes.readDoubleLE(1)) &&
        uint32At(bytes, 1) === bytes.readUInt32LE(1)
      )
    })
  )
})

describe('decimals', () => {
  test('are exact, or not put', () => {
    const edges = [2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 55n - 1n, 2n ** 56n - 1n, 2n ** 56n, 127n, 128n, 0n]
    const unscaled = fc.oneof(
      fc.constantFrom(...edges, ...edges.map((edge) => -edge)),
      fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
      fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
      fc.maxSafeInteger().map(BigInt)
    )
    fc.assert(
      fc.property(unscaled, fc.integer({ min: 0, max: 3 }), (value, padding) => {
        const bytes = decimalBytes(value, decimalBytes(value, null)!.length + padding)!
        const around = Buffer.concat([Buffer.from([0x55]), bytes, Buffer.from([0x55])])
        const numbers = new Float64Array(2)
        const isPut = putDecimal(around, 1, 1 + bytes.length, numbers, 1)
        const isExact = value >= -BigInt(Number.MAX_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
        return isPut === isExact && (!isPut || Object.is(numbers[1], Number(value)))
      }),
      { numRuns: 5_000 }
    )
  })

  test('are within their precision where the reference says so, in every width', () => {
    const sample = fc.integer({ min: 1, max: 60 }).chain((precision) => {
      const bound = 10n ** BigInt(precision)
      const value = fc.oneof(
        fc.bigInt({ min: -bound, max: bound }),
        fc.bigInt({ min: -2n * bound, max: 2n * bound }),
        fc.constantFrom(bound, bound - 1n, bound + 1n, -bound, 1n - bound, -bound - 1n, 0n, -1n)
      )
      return fc.tuple(fc.constant(precision), value, fc.integer({ min: 0, max: 6 }))
    })
    fc.assert(
      fc.property(sample, ([precision, value, padding]) => {
        const shortest = decimalBytes(value, null)!
        const bytes = decimalBytes(value, shortest.length + padding)!
        const expected = decimalOf(bytes, { precision, scale: 0 }) !== null
        const bounds = decimalBounds(precision)
        if (bytes.length <= bounds.safeBytes && !expected) return false
        return isDecimalWithin(bytes, 0, bytes.length, bounds) === expected
      }),
      { numRuns: 5_000 }
    )
  })

  test('of any bytes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.uint8Array({ minLength: 1, maxLength: 10 }),
        (precision, array) => {
          const expected = decimalOf(array, { precision, scale: 0 }) !== null
          return isDecimalWithin(array, 0, array.length, decimalBounds(precision)) === expected
        }
      ),
      { numRuns: 3_000 }
    )
  })
})

test('UUIDs have the form that the reference asks for', () => {
  const valid = '123e4567-e89b-12d3-a456-426614174000'
  for (const text of [valid, valid.toUpperCase(), valid.replace('-', '0'), valid.replace('1', 'g'), `${valid} `]) {
    const bytes = Buffer.from(text)
    expect(bytes.length === 36 && isUuidAt(bytes, 0)).toBe(isUuid(text))
  }
  for (let byte = 0; byte < 256; byte++) {
    for (const at of [0, 8, 35]) {
      const bytes = Buffer.from(valid)
      bytes[at] = byte
      expect(isUuidAt(bytes, 0)).toBe(isUuid(bytes.toString('latin1')))
    }
  }
})
