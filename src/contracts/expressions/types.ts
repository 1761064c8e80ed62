/** Types as the check of a rule sees them: derived from the shapes of a schema, `dyn` where nothing is promised. */
import type { RecordShape, Shape } from '../value.ts'
import type { Kind } from './cel.ts'

export type Type =
  | { readonly kind: Exclude<Kind, 'list' | 'map'> | 'dyn' }
  | { readonly kind: 'list'; readonly items: Type }
  | { readonly kind: 'map'; readonly keys: Type; readonly values: Type }
  | { readonly kind: 'record'; readonly shape: RecordShape }

/** What a function takes: any list, any map, or one scalar kind. */
export type Param = Kind | 'dyn'

export const dyn: Type = { kind: 'dyn' }
export const bool: Type = { kind: 'bool' }
export const int: Type = { kind: 'int' }
export const string: Type = { kind: 'string' }

export function scalar(kind: Exclude<Kind, 'list' | 'map'>): Type {
  return { kind }
}

export function listOf(items: Type): Type {
  return { kind: 'list', items }
}

/** Records stay shapes and are looked into only where the expression does: they can contain themselves. */
export function typeOfShape(shape: Shape): Type {
  switch (shape.kind) {
    case 'list':
      return listOf(typeOfShape(shape.items))
    case 'map':
      return { kind: 'map', keys: string, values: typeOfShape(shape.values) }
    case 'record':
      return { kind: 'record', shape }
    default:
      return { kind: shape.kind }
  }
}

/** `an int`, `a list of string`, `a shop.Order record`: for messages. */
export function describe(type: Type): string {
  switch (type.kind) {
    case 'null':
      return 'null'
    case 'dyn':
      return 'a value of unknown type'
    case 'int':
      return 'an int'
    case 'bytes':
      return 'bytes'
    case 'list':
      return type.items.kind === 'dyn' ? 'a list' : `a list of ${bare(type.items)}`
    case 'map':
      return type.values.kind === 'dyn' ? 'a map' : `a map of ${bare(type.values)}`
    case 'record':
      return type.shape.name === 'object' ? 'an object' : `a ${type.shape.name} record`
    default:
      return `a ${type.kind}`
  }
}

function bare(type: Type): string {
  return type.kind === 'dyn' ? 'values of unknown type' : describe(type).replace(/^an? /, '')
}

const numericKinds: ReadonlySet<string> = new Set(['int', 'uint', 'double', 'decimal'])

export function isNumericType(type: Type): boolean {
  return numericKinds.has(type.kind)
}

/** Records with room for unknown fields may be used like maps. */
export function isMapLike(type: Type): boolean {
  return type.kind === 'map' || (type.kind === 'record' && type.shape.open)
}

/** Whether `==` between the two can ever be true. */
export function comparable(a: Type, b: Type): boolean {
  if (a.kind === 'dyn' || b.kind === 'dyn' || a.kind === 'null' || b.kind === 'null') return true
  if (isNumericType(a) && isNumericType(b)) return true
  if (a.kind === 'list' && b.kind === 'list') return comparable(a.items, b.items)
  if (a.kind === 'map' && b.kind === 'map') return comparable(a.keys, b.keys) && comparable(a.values, b.values)
  const [aIsMap, bIsMap] = [a.kind === 'map' || a.kind === 'record', b.kind === 'map' || b.kind === 'record']
  return (aIsMap && bIsMap) || a.kind === b.kind
}

const orderedKinds: ReadonlySet<string> = new Set(['bool', 'string', 'bytes', 'timestamp', 'duration'])

/** Whether `<` between the two can ever succeed. */
export function orderable(a: Type, b: Type): boolean {
  const ordered = (type: Type): boolean => type.kind === 'dyn' || isNumericType(type) || orderedKinds.has(type.kind)
  return a.kind !== 'null' && b.kind !== 'null' && ordered(a) && ordered(b) && comparable(a, b)
}

/** The type of a value that is one or the other. */
export function join(a: Type, b: Type): Type {
  if (a.kind === 'null') return b
  if (b.kind === 'null') return a
  if (a.kind === 'list' && b.kind === 'list') return listOf(join(a.items, b.items))
  if (a.kind === 'map' && b.kind === 'map') {
    return { kind: 'map', keys: join(a.keys, b.keys), values: join(a.values, b.values) }
  }
  if (a.kind === 'record' || b.kind === 'record') {
    return a.kind === 'record' && b.kind === 'record' && a.shape === b.shape ? a : dyn
  }
  return a.kind === b.kind ? a : dyn
}

export function accepts(param: Param, type: Type): boolean {
  if (param === 'dyn' || type.kind === 'dyn') return true
  return param === 'map' ? isMapLike(type) : param === type.kind
}
