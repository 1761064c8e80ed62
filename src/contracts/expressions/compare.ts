/**
 * `==`, `<` and `in`. Equality is total: values of different types are not equal, numbers are compared across their
 * types, null equals only null. Order exists within a type and among numbers.
 */
import { Duration, Timestamp } from '../value.ts'
import type { Value } from '../value.ts'
import { CelMap, CelType, Stop, isList, isRecordMap, keyOf, kindOf } from './cel.ts'
import type { Cel } from './cel.ts'
import { spend, spendScan } from './frame.ts'
import type { Frame } from './frame.ts'
import { limits } from './limits.ts'
import { compareNumbers, equalNumbers, isNumeric } from './numbers.ts'
import { compareInstants } from './time.ts'

export function equal(a: Cel, b: Cel, frame: Frame): boolean {
  if (typeof a === 'string') {
    if (typeof b !== 'string' || a.length !== b.length) return false
    spendScan(frame, a.length)
    return a === b
  }
  return equalWithin(a, b, frame, 0)
}

function equalWithin(a: Cel, b: Cel, frame: Frame, depth: number): boolean {
  // What long lists consist of.
  if (typeof a === 'number' && typeof b === 'number') return a === b
  if (isNumeric(a)) return isNumeric(b) && equalNumbers(a, b)
  if (a === null || typeof a !== 'object') return typeof a === 'string' ? equal(a, b, frame) : a === b
  if (a instanceof Uint8Array) return b instanceof Uint8Array && equalBytes(a, b, frame)
  if (a instanceof Timestamp) return b instanceof Timestamp && compareInstants(a, b) === 0
  if (a instanceof Duration) return b instanceof Duration && compareInstants(a, b) === 0
  if (a instanceof CelType) return a === b
  if (depth >= limits.valueNesting) throw new Stop('the compared values are nested too deeply')
  if (isList(a)) return isList(b) && equalLists(a, b, frame, depth)
  return isMap(a) && isMap(b) && equalMaps(a, b, frame, depth)
}

function equalBytes(a: Uint8Array, b: Uint8Array, frame: Frame): boolean {
  if (a.length !== b.length) return false
  spendScan(frame, a.length)
  return Buffer.compare(a, b) === 0
}

function equalLists(a: readonly Cel[], b: readonly Cel[], frame: Frame, depth: number): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    spend(frame, 2)
    if (!equalWithin(a[i]!, b[i]!, frame, depth + 1)) return false
  }
  return true
}

type AnyMap = CelMap | ReadonlyMap<string, Cel>

export function isMap(value: Cel): value is CelMap | ReadonlyMap<string, Value> {
  return value instanceof CelMap || isRecordMap(value)
}

function equalMaps(a: AnyMap, b: AnyMap, frame: Frame, depth: number): boolean {
  spend(frame, 10)
  if (a.size !== b.size) return false
  for (const [key, value] of entriesOf(a)) {
    spend(frame, 5)
    const other = lookUp(b, key)
    if (other === undefined || !equalWithin(value, other, frame, depth + 1)) return false
  }
  return true
}

export function* entriesOf(map: AnyMap): Iterable<readonly [Cel, Cel]> {
  if (map instanceof CelMap) for (const { key, value } of map.entries()) yield [key, value]
  // Through get, because a header map refuses to give what it cannot read.
  else for (const key of map.keys()) yield [key, map.get(key)!]
}

/** The value under a key, compared as CEL compares numbers; undefined when the map has no such key. */
export function lookUp(map: AnyMap, key: Cel): Cel | undefined {
  if (!(map instanceof CelMap)) return typeof key === 'string' ? map.get(key) : undefined
  const comparable = keyOf(key)
  return comparable === undefined ? undefined : map.get(comparable)
}

/** Whether a list holds the value or a map the key; undefined when the right side is neither. */
export function contains(container: Cel, item: Cel, frame: Frame): boolean | undefined {
  if (isList(container)) {
    for (const member of container) {
      spend(frame, 2)
      if (equal(member, item, frame)) return true
    }
    return false
  }
  if (container instanceof CelMap) {
    const key = keyOf(item)
    return key !== undefined && container.has(key)
  }
  return isRecordMap(container) ? typeof item === 'string' && container.has(item) : undefined
}

/** Negative, zero, positive; NaN when a number is NaN; undefined when the two have no order. */
export function order(a: Cel, b: Cel, frame: Frame): number | undefined {
  if (isNumeric(a)) return isNumeric(b) ? compareNumbers(a, b) : undefined
  if (typeof a === 'string') return typeof b === 'string' ? orderStrings(a, b, frame) : undefined
  if (typeof a === 'boolean') return typeof b === 'boolean' ? Number(a) - Number(b) : undefined
  if (kindOf(a) !== kindOf(b)) return undefined
  if (a instanceof Timestamp || a instanceof Duration) return compareInstants(a, b as Timestamp | Duration)
  if (!(a instanceof Uint8Array)) return undefined
  spendScan(frame, Math.min(a.length, (b as Uint8Array).length))
  return Buffer.compare(a, b as Uint8Array)
}

/** By code point, as UTF-8 sorts; JavaScript sorts by UTF-16 unit, which differs above U+FFFF. */
function orderStrings(a: string, b: string, frame: Frame): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) {
      spend(frame, i / 8)
      return aboveSurrogates(x) - aboveSurrogates(y)
    }
  }
  spend(frame, shared / 8)
  return a.length - b.length
}

/** Moves the surrogates, which stand for everything above U+FFFF, behind U+E000..U+FFFF. */
function aboveSurrogates(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
