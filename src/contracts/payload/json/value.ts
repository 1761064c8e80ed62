/** From parsed JSON to the value tree: a number is a bigint exactly where the schema says `integer`. */
import type { PayloadFailure } from '../format.ts'
import { limits } from '../limits.ts'
import { formatPath } from '../path.ts'
import type { PathSegment } from '../path.ts'
import type { Shape, Value } from '../../value.ts'
import { protoKey } from './parse.ts'
import type { Json, JsonObject } from './parse.ts'

const dyn: Shape = { kind: 'dyn' }

/** Adds a failure for every integer that a double, and so most JSON readers, would round. */
export function toValue(json: Json, shape: Shape, failures: PayloadFailure[]): Value {
  return convert(json, shape, [], failures)
}

function convert(json: Json, shape: Shape, path: PathSegment[], failures: PayloadFailure[]): Value {
  if (typeof json === 'number') return shape.kind === 'int' ? convertInteger(json, path, failures) : json
  if (Array.isArray(json)) {
    const items = shape.kind === 'list' ? shape.items : dyn
    return json.map((item, index) => {
      path.push(index)
      const value = convert(item, items, path, failures)
      path.pop()
      return value
    })
  }
  if (json !== null && typeof json === 'object') return convertObject(json, shape, path, failures)
  return json
}

function convertObject(json: JsonObject, shape: Shape, path: PathSegment[], failures: PayloadFailure[]): Value {
  const value = new Map<string, Value>()
  for (const key of Object.keys(json)) {
    const name = key === protoKey ? '__proto__' : key
    const field =
      shape.kind === 'record' ? shape.fields.get(name)?.shape : shape.kind === 'map' ? shape.values : undefined
    path.push(name)
    value.set(name, convert(json[key]!, field ?? dyn, path, failures))
    path.pop()
  }
  return value
}

function convertInteger(json: number, path: readonly PathSegment[], failures: PayloadFailure[]): Value {
  if (Number.isSafeInteger(json)) return BigInt(json)
  if (!Number.isInteger(json)) return json
  if (failures.length < limits.failures) {
    failures.push({
      path: formatPath(path),
      message: 'is an integer beyond 2^53 - 1, which JSON readers round',
      expected: 'integer from -9007199254740991 to 9007199254740991',
      found: 'integer'
    })
  }
  return BigInt(json)
}
