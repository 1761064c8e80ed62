/**
 * Decimals of a slot, which are integers and a scale that all of them have, against numbers of the policy. What a
 * number is compared as is the caller's: expressions and constraints differ in the last digits.
 */
import { limits } from '../expressions/limits.ts'
import type { Decimal } from '../value.ts'

/**
 * What `number` is in units of the scale, as a double that is on the same side of every integer of magnitude up to
 * 2^53 - 1, and equal to the same: between two integers it is the half between them, far away it is an infinity.
 * Null where no double is that, or where the reference gives up on so many digits.
 */
export function inUnits(number: Decimal, scale: number): number | null {
  const { unscaled } = number
  const widest = 2n ** BigInt(limits.decimalBits)
  if (Math.max(Math.abs(number.scale), Math.abs(scale)) > limits.decimalScale) return null
  if (unscaled > widest || unscaled < -widest) return null
  const shift = scale - number.scale
  if (shift >= 0) return clipped(unscaled * 10n ** BigInt(shift))
  const unit = 10n ** BigInt(-shift)
  const towardsZero = unscaled / unit
  if (towardsZero * unit === unscaled) return clipped(towardsZero)
  const below = unscaled < 0n ? towardsZero - 1n : towardsZero
  const whole = clipped(below)
  if (!Number.isFinite(whole)) return whole
  return Math.abs(whole) < 2 ** 51 ? whole + 0.5 : null
}

function clipped(value: bigint): number {
  if (value > 2n ** 53n) return Infinity
  return value < -(2n ** 53n) ? -Infinity : Number(value)
}
