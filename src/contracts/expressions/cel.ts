/**
 * The values an expression computes with. The decoded payload takes part as it is: nothing is converted on the way in,
 * so a rule that reads two fields costs two look-ups whatever the size of the record.
 */
import { Decimal, Duration, Timestamp, Uint } from '../value.ts'
import type { Value } from '../value.ts'

/**
 * An error of CEL as a value, because `&&`, `||`, `all` and `exists` may still decide without it. The message names
 * types and fields, never values.
 */
export class Fault {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

/** Thrown when a limit is hit: unlike a `Fault` nothing can absorb it, the evaluation ends. */
export class Stop extends Error {}

/** The result of `type(x)` and the names `int`, `string`, ... themselves. */
export class CelType {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** Keys as they are compared: 1, 1u and 1.0 are one key. */
export type CelKey = string | boolean | bigint

/**
 * A map made by the expression itself. Reading a key it does not have is an error, as CEL says, while a field that a
 * record does not have reads as null; so the two are different classes.
 */
export class CelMap {
  readonly #entries = new Map<CelKey, { readonly key: Cel; readonly value: Cel }>()

  get size(): number {
    return this.#entries.size
  }

  /** False when the key is there already. */
  add(key: CelKey, original: Cel, value: Cel): boolean {
    if (this.#entries.has(key)) return false
    this.#entries.set(key, { key: original, value })
    return true
  }

  get(key: CelKey): Cel | undefined {
    return this.#entries.get(key)?.value
  }

  has(key: CelKey): boolean {
    return this.#entries.has(key)
  }

  entries(): Iterable<{ readonly key: Cel; readonly value: Cel }> {
    return this.#entries.values()
  }
}

/** Lists made by an expression may hold types and its own maps as well, see `asList`. */
export type Cel = Value | CelType | CelMap | readonly Value[] | ReadonlyMap<string, Value>

export type Result = Cel | Fault

export type Kind =
  | 'null'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'decimal'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'list'
  | 'map'
  | 'type'

export function isList(value: Result): value is readonly Value[] {
  return Array.isArray(value)
}

/**
 * A list an expression made. Its items are passed off as payload values: a recursive type of its own beside `Value`
 * sends the linter's comparison of the two into endless recursion. Whoever looks at items takes them as `Cel`.
 */
export function asList(items: Cel[]): readonly Value[] {
  return items as Value[]
}

/** A map that came with the record; a `CelMap` is not one. */
export function isRecordMap(value: Result): value is ReadonlyMap<string, Value> {
  return value instanceof Map
}

export function kindOf(value: Cel): Kind {
  switch (typeof value) {
    case 'string':
      return 'string'
    case 'bigint':
      return 'int'
    case 'number':
      return 'double'
    case 'boolean':
      return 'bool'
    default:
      return kindOfObject(value)
  }
}

function kindOfObject(value: Exclude<Cel, string | bigint | number | boolean>): Kind {
  if (value === null) return 'null'
  if (value instanceof Map || value instanceof CelMap) return 'map'
  if (Array.isArray(value)) return 'list'
  if (value instanceof Decimal) return 'decimal'
  if (value instanceof Uint) return 'uint'
  if (value instanceof Timestamp) return 'timestamp'
  if (value instanceof Duration) return 'duration'
  if (value instanceof Uint8Array) return 'bytes'
  return 'type'
}

/** How CEL spells the type of a value: what `type(x)` prints and equals. */
const typeNames: Readonly<Record<Kind, string>> = {
  null: 'null_type',
  bool: 'bool',
  int: 'int',
  uint: 'uint',
  double: 'double',
  decimal: 'decimal',
  string: 'string',
  bytes: 'bytes',
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
  list: 'list',
  map: 'map',
  type: 'type'
}

const types = new Map(Object.values(typeNames).map((name) => [name, new CelType(name)]))

/** The type of that name, or undefined. */
export function typeNamed(name: string): CelType | undefined {
  return types.get(name)
}

export function typeOf(value: Cel): CelType {
  return types.get(typeNames[kindOf(value)])!
}

/** The key a value stands for, or undefined if it cannot be one (a double with a fraction, null, a list, ...). */
export function keyOf(value: Cel): CelKey | undefined {
  if (typeof value === 'string' || typeof value === 'bigint' || typeof value === 'boolean') return value
  if (value instanceof Uint) return value.value
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined
  return undefined
}

/** The value as callers outside know it: maps made by the expression get text keys, types become their names. */
export function toValue(value: Cel): Value {
  if (value instanceof CelType) return value.name
  if (value instanceof CelMap) {
    const map = new Map<string, Value>()
    for (const entry of value.entries()) map.set(String(keyOf(entry.key)), toValue(entry.value))
    return map
  }
  if (isList(value)) return value.map((item) => toValue(item))
  return value as Value
}

/** `an int`, `a string`, `null`: for messages. */
export function withArticle(kind: Kind): string {
  if (kind === 'null' || kind === 'bytes') return kind
  return kind === 'int' ? 'an int' : `a ${kind}`
}
