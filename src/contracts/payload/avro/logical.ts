/** Logical types as values. Source: Avro 1.12, "Logical Types". */
import { Decimal, Timestamp } from '../../value.ts'
import type { Value } from '../../value.ts'
import type { DecimalLogical, IntegerLogical } from './node.ts'

const perSecond: Readonly<Record<IntegerLogical, bigint>> = {
  'timestamp-millis': 1000n,
  'timestamp-micros': 1_000_000n,
  'timestamp-nanos': 1_000_000_000n
}

export function timestampOf(units: bigint, logical: IntegerLogical): Timestamp {
  const each = perSecond[logical]
  // Towards minus infinity, so that the nanoseconds count forward before 1970 too.
  const rest = ((units % each) + each) % each
  return new Timestamp((units - rest) / each, Number(rest * (1_000_000_000n / each)))
}

export function unitsOf(timestamp: Timestamp, logical: IntegerLogical): bigint {
  const each = perSecond[logical]
  return timestamp.seconds * each + BigInt(timestamp.nanos) / (1_000_000_000n / each)
}

/** Null when the bytes hold more digits than the precision, or there are none. */
export function decimalOf(bytes: Uint8Array, logical: DecimalLogical): Decimal | null {
  if (bytes.length === 0) return null
  const digits = bytes.subarray(paddingOf(bytes))
  // More bytes than the precision needs hold more digits, and are not worth the arithmetic.
  if (digits.length > Math.ceil((logical.precision * Math.log2(10) + 1) / 8)) return null
  const raw = BigInt(`0x${Buffer.from(digits.buffer, digits.byteOffset, digits.length).toString('hex')}`)
  const unscaled = BigInt.asIntN(digits.length * 8, raw)
  const size = unscaled < 0n ? -unscaled : unscaled
  return size < 10n ** BigInt(logical.precision) ? new Decimal(unscaled, logical.scale) : null
}

/** Bytes in front that only repeat the sign, as a fixed wider than its precision has them. */
function paddingOf(bytes: Uint8Array): number {
  let at = 0
  while (at + 1 < bytes.length) {
    const repeated = bytes[at + 1]! < 0x80 ? 0x00 : 0xff
    if (bytes[at] !== repeated) break
    at++
  }
  return at
}

/**
 * Two's complement, big-endian, in `width` bytes; as few as can hold it when `width` is null. Null when it does not
 * fit.
 */
export function decimalBytes(unscaled: bigint, width: number | null): Buffer | null {
  let length = width ?? 1
  while (width === null && BigInt.asIntN(length * 8, unscaled) !== unscaled) length++
  if (BigInt.asIntN(length * 8, unscaled) !== unscaled) return null
  const hex = BigInt.asUintN(length * 8, unscaled).toString(16)
  return Buffer.from(hex.padStart(length * 2, '0'), 'hex')
}

const uuidForm = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/

/** The form of RFC 9562, in either case, any version. */
export function isUuid(text: string): boolean {
  return text.length === 36 && uuidForm.test(text)
}

export function uuidOf(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Months and days have no fixed length, so a duration stays the three numbers it is. */
export const durationFields = ['months', 'days', 'millis'] as const

export function durationOf(bytes: Buffer, at: number): Value {
  return new Map<string, Value>(durationFields.map((name, index) => [name, BigInt(bytes.readUInt32LE(at + 4 * index))]))
}
