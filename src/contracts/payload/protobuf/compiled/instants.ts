/**
 * `google.protobuf.Timestamp` and `Duration` where they lie. Both are two integers whose ranges the reference checks, so
 * they are read by hand; anything else in them than these two fields is left to it.
 */
import { slotKind } from '../../compiled.ts'
import type { FieldPlan, MessagePlan, ScalarType } from '../plan.ts'
import { varint32, varintEnd } from './wire.ts'

/** The ranges of the reference, `well-known.ts`. */
const firstSecond = -62_135_596_800
const lastSecond = 253_402_300_799
const longestSeconds = 315_576_000_000
const nanosPerSecond = 1_000_000_000
const nanosPerMs = 1_000_000

/** What was read last. In an array, as a variable that holds doubles would be allocated anew with every write. */
const parts = new Float64Array(2)

/** Whether the message is declared as Google declares it, since any file may declare another of that name. */
export function isStandardInstant(plan: MessagePlan): boolean {
  return (
    plan.fields.length === 2 &&
    isPlain(plan.fields[0]!, 1, 'seconds', 'int64') &&
    isPlain(plan.fields[1]!, 2, 'nanos', 'int32')
  )
}

function isPlain(field: FieldPlan, number: number, name: string, scalar: ScalarType): boolean {
  return (
    field.number === number &&
    field.name === name &&
    field.type.kind === 'scalar' &&
    field.type.scalar === scalar &&
    field.cardinality === 'singular' &&
    !field.presence &&
    !field.required
  )
}

/** Whether `bytes[at, end)` is a timestamp in range. */
export function isTimestamp(bytes: Uint8Array, at: number, end: number): boolean {
  if (!readParts(bytes, at, end)) return false
  const seconds = parts[0]!
  const nanos = parts[1]!
  return seconds >= firstSecond && seconds <= lastSecond && nanos >= 0 && nanos < nanosPerSecond
}

/** The same, and notes it: as milliseconds, or as something else when they do not say it all. */
export function storeTimestamp(
  bytes: Uint8Array,
  at: number,
  end: number,
  kinds: Uint8Array,
  numbers: Float64Array,
  slot: number
): boolean {
  if (!isTimestamp(bytes, at, end)) return false
  const nanos = parts[1]!
  if (nanos % nanosPerMs === 0) {
    kinds[slot] = slotKind.timestampMs
    numbers[slot] = parts[0]! * 1000 + nanos / nanosPerMs
  } else {
    kinds[slot] = slotKind.other
  }
  return true
}

export function isDuration(bytes: Uint8Array, at: number, end: number): boolean {
  if (!readParts(bytes, at, end)) return false
  const seconds = parts[0]!
  const nanos = parts[1]!
  if (seconds < -longestSeconds || seconds > longestSeconds) return false
  if (nanos <= -nanosPerSecond || nanos >= nanosPerSecond) return false
  return !((seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0))
}

function readParts(bytes: Uint8Array, at: number, end: number): boolean {
  parts[0] = 0
  parts[1] = 0
  while (at < end) {
    const tag = bytes[at++]!
    if ((tag !== 0x08 && tag !== 0x10) || at >= end) return false
    const from = at
    if (bytes[at++]! > 0x7f) {
      at = varintEnd(bytes, at, end)
      if (at < 0) return false
    }
    if (tag === 0x10) parts[1] = varint32(bytes, from, at)
    else if (!readSeconds(bytes, from, at)) return false
  }
  return true
}

/** False for what is outside of both ranges anyway: they need 39 bits. */
function readSeconds(bytes: Uint8Array, from: number, to: number): boolean {
  let lower = 0
  let upper = 0
  const size = to - from
  for (let index = 0; index < size && index < 8; index++) {
    const bits = bytes[from + index]! & 0x7f
    if (index < 4) lower |= bits << (7 * index)
    else upper |= bits << (7 * (index - 4))
  }
  if (size > 8) {
    // A negative number is written in ten bytes, the upper ones all ones.
    if (size !== 10 || bytes[from + 8] !== 0xff || bytes[from + 9] !== 0x01) return false
    upper |= -(2 ** 28)
  }
  parts[0] = upper * 2 ** 28 + lower
  return true
}
