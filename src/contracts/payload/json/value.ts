/** From parsed JSON to the value tree: a number is a bigint exactly where the schema says `integer`. */
import type { Shape, Value } from '../../value.ts'
import { protoKey } from './parse.ts'
import type { Json, JsonObject } from './parse.ts'

const dyn: Shape = { kind: 'dyn' }

/** Of a payload that is valid, so that where the shape says integer there is one. */
export function toValue(json: Json, shape: Shape): Value {
  if (typeof json === 'number') return shape.kind === 'int' && Number.isInteger(json) ? BigInt(json) : json
  if (Array.isArray(json)) {
    const items = shape.kind === 'list' ? shape.items : dyn
    return json.map((item) => toValue(item, items))
  }
  return json !== null && typeof json === 'object' ? toMap(json, shape) : json
}

function toMap(json: JsonObject, shape: Shape): Value {
  const value = new Map<string, Value>()
  for (const key of Object.keys(json)) {
    const name = key === protoKey ? '__proto__' : key
    const field =
      shape.kind === 'record' ? shape.fields.get(name)?.shape : shape.kind === 'map' ? shape.values : undefined
    value.set(name, toValue(json[key]!, field ?? dyn))
  }
  return value
}
