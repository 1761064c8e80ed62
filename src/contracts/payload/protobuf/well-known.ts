/** Messages of `google.protobuf` as values of their own, as the CEL specification maps them. */
import { Duration, Timestamp } from '../../value.ts'
import type { Shape, Value } from '../../value.ts'
import type { MessagePlan, WellKnown } from './plan.ts'

/** Null when the numbers are outside what the type allows. */
export type Converted = { readonly value: Value } | null

type Fields = ReadonlyMap<string, Value>

/** 0001-01-01 to 9999-12-31, and ten thousand years: the ranges that `timestamp.proto` and `duration.proto` state. */
const firstSecond = -62_135_596_800n
const lastSecond = 253_402_300_799n
const longestSeconds = 315_576_000_000n
const nanosPerSecond = 1_000_000_000

export function convertWellKnown(kind: WellKnown, fields: Fields): Converted {
  switch (kind) {
    case 'timestamp':
      return toTimestamp(integer(fields, 'seconds'), Number(integer(fields, 'nanos')))
    case 'duration':
      return toDuration(integer(fields, 'seconds'), Number(integer(fields, 'nanos')))
    case 'wrapper':
      return { value: fields.get('value') ?? null }
    case 'struct':
      return { value: fields.get('fields') ?? new Map<string, Value>() }
    case 'list':
      return { value: fields.get('values') ?? [] }
    case 'value':
      return { value: dynamicValue(fields) }
  }
}

/** `Value` is a oneof: at most one field is there. `null_value` is an enum, so its number is dropped. */
function dynamicValue(fields: Fields): Value {
  for (const [name, value] of fields) return name === 'null_value' ? null : value
  return null
}

function integer(fields: Fields, name: string): bigint {
  const value = fields.get(name)
  return typeof value === 'bigint' ? value : 0n
}

function toTimestamp(seconds: bigint, nanos: number): Converted {
  if (seconds < firstSecond || seconds > lastSecond || nanos < 0 || nanos >= nanosPerSecond) return null
  return { value: new Timestamp(seconds, nanos) }
}

function toDuration(seconds: bigint, nanos: number): Converted {
  if (seconds < -longestSeconds || seconds > longestSeconds || Math.abs(nanos) >= nanosPerSecond) return null
  if ((seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) return null
  return { value: new Duration(seconds, nanos) }
}

/** `scalar` gives the shape of the field a wrapper holds. */
export function wellKnownShape(plan: MessagePlan, kind: WellKnown, scalar: () => Shape): Shape {
  switch (kind) {
    case 'timestamp':
      return { kind: 'timestamp' }
    case 'duration':
      return { kind: 'duration' }
    case 'wrapper':
      return plan.fields.length === 0 ? { kind: 'dyn' } : scalar()
    case 'struct':
      return { kind: 'map', values: { kind: 'dyn' } }
    case 'list':
      return { kind: 'list', items: { kind: 'dyn' } }
    case 'value':
      return { kind: 'dyn' }
  }
}
