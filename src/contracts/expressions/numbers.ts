/**
 * Numbers of the four kinds against each other. int and uint are exact 64-bit integers, double is IEEE 754, decimal is
 * exact of any size up to a limit; CEL compares all of them by their mathematical value.
 */
import { Decimal, Uint } from '../value.ts'
import { Fault, Stop } from './cel.ts'
import type { Cel } from './cel.ts'
import { limits } from './limits.ts'

export type Numeric = bigint | number | Uint | Decimal

const minInt = -(2n ** 63n)
const maxInt = 2n ** 63n - 1n
const maxUint = 2n ** 64n - 1n
const maxUnscaled = 2n ** BigInt(limits.decimalBits)

export function isNumeric(value: Cel): value is Numeric {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint || value instanceof Decimal
}

export function isInt(value: bigint): boolean {
  return value >= minInt && value <= maxInt
}

export function isUint(value: bigint): boolean {
  return value >= 0n && value <= maxUint
}

export function checkedInt(value: bigint): bigint | Fault {
  return isInt(value) ? value : new Fault('the result does not fit an int (64 bits, signed)')
}

export function checkedUint(value: bigint): Uint | Fault {
  return isUint(value) ? new Uint(value) : new Fault('the result does not fit a uint (64 bits, not negative)')
}

export function equalNumbers(a: Numeric, b: Numeric): boolean {
  const x = a instanceof Uint ? a.value : a
  const y = b instanceof Uint ? b.value : b
  if (x instanceof Decimal || y instanceof Decimal) return compareDecimals(x, y) === 0
  // Exact also between a bigint and a number.
  return x == y
}

/** Negative, zero or positive; NaN when one side is NaN. */
export function compareNumbers(a: Numeric, b: Numeric): number {
  const x = a instanceof Uint ? a.value : a
  const y = b instanceof Uint ? b.value : b
  if (x instanceof Decimal || y instanceof Decimal) return compareDecimals(x, y)
  if (typeof x === 'bigint' && typeof y === 'bigint') return x < y ? -1 : x > y ? 1 : 0
  // An integer is rounded to a double first, as cel-go and the conformance cases have it.
  return compareDoubles(Number(x), Number(y))
}

function compareDoubles(x: number, y: number): number {
  if (x < y) return -1
  if (x > y) return 1
  return x === y ? 0 : NaN
}

function compareDecimals(a: bigint | number | Decimal, b: bigint | number | Decimal): number {
  if (typeof a === 'number' && !Number.isFinite(a)) return compareDoubles(a, 0)
  if (typeof b === 'number' && !Number.isFinite(b)) return compareDoubles(0, b)
  const { x, y } = aligned(toDecimal(a), toDecimal(b))
  return x < y ? -1 : x > y ? 1 : 0
}

/**
 * A double with a fraction stands for the shortest decimal that reads back as it: 0.1 is 0.1, so that
 * `value.price >= 0.1` holds for the decimal 0.10. (Exactly, the double 0.1 is larger.) Integers are exact.
 */
export function toDecimal(value: bigint | number | Decimal): Decimal {
  if (value instanceof Decimal) return value
  if (typeof value === 'bigint') return new Decimal(value, 0)
  if (Number.isInteger(value)) return new Decimal(BigInt(value), 0)
  return parseDecimal(String(value))!
}

/** `-12.50`, `1e-3`; null for anything else. At most 1,000 digits and three digits of exponent. */
export function parseDecimal(text: string): Decimal | null {
  if (text.length > 1010) return null
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text)
  if (match === null) return null
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const digits = whole + fraction
  if (digits === '' || digits.length > 1000) return null
  const unscaled = BigInt(digits)
  return new Decimal(sign === '-' ? -unscaled : unscaled, fraction.length - Number(exponent))
}

export function formatDecimal(value: Decimal): string {
  requireUsable(value)
  const negative = value.unscaled < 0n
  let digits = String(negative ? -value.unscaled : value.unscaled)
  if (value.scale <= 0) digits += '0'.repeat(digits === '0' ? 0 : -value.scale)
  else {
    digits = digits.padStart(value.scale + 1, '0')
    digits = `${digits.slice(0, -value.scale)}.${digits.slice(-value.scale)}`
  }
  return negative ? `-${digits}` : digits
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const { x, y, scale } = aligned(a, b)
  return new Decimal(x + y, scale)
}

export function subtractDecimals(a: Decimal, b: Decimal): Decimal {
  const { x, y, scale } = aligned(a, b)
  return new Decimal(x - y, scale)
}

export function multiplyDecimals(a: Decimal, b: Decimal): Decimal {
  requireUsable(a)
  requireUsable(b)
  return new Decimal(a.unscaled * b.unscaled, a.scale + b.scale)
}

export function negateDecimal(value: Decimal): Decimal {
  return new Decimal(-value.unscaled, value.scale)
}

/** Whole part, towards zero. */
export function truncateDecimal(value: Decimal): bigint {
  requireUsable(value)
  return value.scale <= 0 ? value.unscaled * powerOfTen(-value.scale) : value.unscaled / powerOfTen(value.scale)
}

function aligned(a: Decimal, b: Decimal): { readonly x: bigint; readonly y: bigint; readonly scale: number } {
  requireUsable(a)
  requireUsable(b)
  if (a.scale === b.scale) return { x: a.unscaled, y: b.unscaled, scale: a.scale }
  if (a.scale > b.scale) {
    return { x: a.unscaled, y: b.unscaled * powerOfTen(a.scale - b.scale), scale: a.scale }
  }
  return { x: a.unscaled * powerOfTen(b.scale - a.scale), y: b.unscaled, scale: b.scale }
}

function requireUsable(value: Decimal): void {
  if (Math.abs(value.scale) > limits.decimalScale || value.unscaled > maxUnscaled || value.unscaled < -maxUnscaled) {
    throw new Stop('a decimal has too many digits to compute with')
  }
}

/** Scales of schemas are small; larger ones are rare enough to be computed each time. */
const smallPowers = Array.from({ length: 40 }, (_, exponent) => 10n ** BigInt(exponent))

function powerOfTen(exponent: number): bigint {
  return smallPowers[exponent] ?? 10n ** BigInt(exponent)
}
