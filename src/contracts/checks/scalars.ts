/** Comparing decoded values with the literals of a policy file: exactly, whatever number type the schema chose. */
import { Decimal, Duration, Timestamp, Uint } from '../value.ts'
import type { Value } from '../value.ts'

export type Literal = string | number | boolean

/** The type of a value as messages name it; the value itself never stands in a message. */
export function typeName(value: Value | undefined): string {
  if (value === undefined) return 'absent'
  if (value === null) return 'null'
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'double'
    case 'string':
      return 'string'
    default:
      break
  }
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Uint) return 'uint'
  if (value instanceof Decimal) return 'decimal'
  if (value instanceof Timestamp) return 'timestamp'
  if (value instanceof Duration) return 'duration'
  return Array.isArray(value) ? 'list' : 'map'
}

/** True when a decoded value equals what the policy wrote. Numbers of different types compare by what they mean. */
export function equalsLiteral(value: Value, literal: Literal): boolean {
  if (typeof literal === 'number') return compareToNumber(value, literal) === 0
  return value === literal
}

/** Negative, zero or positive as `value` is below, at or above `limit`; null when it is no number or NaN. */
export function compareToNumber(value: Value, limit: number): number | null {
  if (typeof value === 'number' || typeof value === 'bigint') return order(value, limit)
  if (value instanceof Uint) return order(value.value, limit)
  if (value instanceof Decimal) return compareDecimals(value, decimalOf(limit))
  return null
}

function order(a: number | bigint, b: number): number | null {
  if (a < b) return -1
  if (a > b) return 1
  // Neither holds for NaN; bigint against number is exact in JavaScript.
  return a == b ? 0 : null
}

function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale)
  const left = a.unscaled * 10n ** BigInt(scale - a.scale)
  const right = b.unscaled * 10n ** BigInt(scale - b.scale)
  return left < right ? -1 : left > right ? 1 : 0
}

/** The decimal that the shortest spelling of a finite number means: 0.1 is one tenth, not its nearest double. */
export function decimalOf(number: number): Decimal {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(number))
  if (match === null) return new Decimal(0n, 0)
  const fraction = match[3] ?? ''
  const digits = BigInt(match[2]! + fraction)
  const scale = fraction.length - Number(match[4] ?? '0')
  const unscaled = match[1] === '-' ? -digits : digits
  return scale >= 0 ? new Decimal(unscaled, scale) : new Decimal(unscaled * 10n ** BigInt(-scale), 0)
}

/** Deep equality of two decoded values, for `key.equals`. */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true
  if (a === null || b === null) return false
  if (isNumber(a) && isNumber(b)) return sameNumber(a, b)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  if (a instanceof Timestamp && b instanceof Timestamp) return a.seconds === b.seconds && a.nanos === b.nanos
  if (a instanceof Duration && b instanceof Duration) return a.seconds === b.seconds && a.nanos === b.nanos
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameValue(item, b[index]!))
  }
  if (a instanceof Map && b instanceof Map) {
    if (a.size !== b.size) return false
    for (const [name, item] of a) {
      const other = b.get(name)
      if (other === undefined || !sameValue(item, other)) return false
    }
    return true
  }
  return false
}

type NumberValue = bigint | number | Uint | Decimal

function isNumber(value: Value): value is NumberValue {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint || value instanceof Decimal
}

function sameNumber(a: NumberValue, b: NumberValue): boolean {
  const left = a instanceof Uint ? a.value : a
  const right = b instanceof Uint ? b.value : b
  if (left instanceof Decimal || right instanceof Decimal) {
    const one = asDecimal(left)
    const other = asDecimal(right)
    return one !== null && other !== null && compareDecimals(one, other) === 0
  }
  return left == right
}

function asDecimal(value: bigint | number | Decimal): Decimal | null {
  if (value instanceof Decimal) return value
  if (typeof value === 'bigint') return new Decimal(value, 0)
  return Number.isFinite(value) ? decimalOf(value) : null
}

/**
 * The text a scalar has as a record key: strings as they are, integers in decimal digits, booleans as `true` and
 * `false`. Null for types that have no agreed spelling.
 */
export function textOfScalar(value: Value): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Uint) return String(value.value)
  return null
}
