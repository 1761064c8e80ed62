/**
 * Field paths of the policy file: `value.customer.country`, `value.items[].sku` (each item), `value["odd name"]`.
 * Resolved against a schema's shape when a policy loads, walked over decoded values afterwards.
 */
import { nearest } from '../suggest.ts'
import type { Shape, Value } from '../value.ts'

export type FieldStep = { readonly kind: 'field'; readonly name: string } | { readonly kind: 'each' }

export interface FieldPath {
  /** As written. */
  readonly text: string
  readonly side: 'key' | 'value'
  readonly steps: readonly FieldStep[]
}

/** Deeper than any field a person would name. */
const longestPath = 64

export function parseFieldPath(
  text: string
): { readonly ok: true; readonly path: FieldPath } | { readonly ok: false; readonly message: string } {
  const side = /^(key|value)(?![\w-])/.exec(text)?.[1]
  if (side === undefined) return { ok: false, message: 'a path starts with value or key' }
  const steps: FieldStep[] = []
  const step = /\.([^.[\]"\s]+)|\[\]|\["((?:[^"\\]|\\.)*)"\]/y
  step.lastIndex = side.length
  while (step.lastIndex < text.length) {
    const match = step.exec(text)
    if (match === null || steps.length === longestPath) {
      return { ok: false, message: 'a path is names after dots, [] for each item of a list, or ["any name"]' }
    }
    const quoted = match[2]
    if (match[1] !== undefined) steps.push({ kind: 'field', name: match[1] })
    else if (quoted !== undefined) steps.push({ kind: 'field', name: quoted.replaceAll(/\\(.)/g, '$1') })
    else steps.push({ kind: 'each' })
  }
  return { ok: true, path: { text, side: side === 'key' ? 'key' : 'value', steps } }
}

export type ResolvedShape =
  | { readonly ok: true; readonly shape: Shape }
  | { readonly ok: false; readonly message: string; readonly remedy?: string }

function named(kind: Shape['kind']): string {
  if (kind === 'bytes') return 'bytes'
  return /^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`
}

/** What the schema says about the place that a path leads to. `dyn` where the schema does not say. */
export function resolveShape(root: Shape, path: FieldPath): ResolvedShape {
  let shape = root
  let walked: string = path.side
  for (const step of path.steps) {
    if (shape.kind === 'dyn') return { ok: true, shape }
    if (step.kind === 'each') {
      if (shape.kind !== 'list') return { ok: false, message: `${walked} is ${named(shape.kind)}, not a list` }
      shape = shape.items
      walked += '[]'
      continue
    }
    if (shape.kind === 'map') {
      shape = shape.values
    } else if (shape.kind === 'record') {
      const field = shape.fields.get(step.name)
      if (field !== undefined) {
        shape = field.shape
      } else if (shape.open) {
        return { ok: true, shape: { kind: 'dyn' } }
      } else {
        return {
          ok: false,
          message: `${walked} has no field ${step.name} (${shape.name})`,
          ...hint(step.name, shape.fields.keys())
        }
      }
    } else {
      const list = shape.kind === 'list' ? '; for each of its items write []' : ''
      // Usually the format was forgotten: it is bytes then.
      const isPlain = walked === path.side && (shape.kind === 'bytes' || shape.kind === 'string')
      const remedy = isPlain ? { remedy: `set ${path.side}.format to avro, protobuf or json` } : {}
      const message = `${walked} is ${named(shape.kind)} and has no field ${step.name}${list}`
      return { ok: false, message, ...remedy }
    }
    walked += nameStep(step.name)
  }
  return { ok: true, shape }
}

function hint(name: string, known: Iterable<string>): { remedy?: string } {
  const names = [...known]
  const near = nearest(name, names)
  if (near !== null) return { remedy: `did you mean ${near}?` }
  return names.length === 0
    ? {}
    : { remedy: `its fields are ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', ...' : ''}` }
}

/**
 * Calls `visit` for every place a path leads to: once without `[]`, once per item with it. An absent or null field on
 * the way makes the place absent (`undefined`). `indexes` holds the item numbers on the way and is reused: render it
 * at once.
 */
export function visitPlaces(
  root: Value,
  path: FieldPath,
  visit: (value: Value | undefined, indexes: readonly number[]) => void
): void {
  walk(root, path.steps, 0, [], visit)
}

function walk(
  start: Value,
  steps: readonly FieldStep[],
  from: number,
  indexes: number[],
  visit: (value: Value | undefined, indexes: readonly number[]) => void
): void {
  let value: Value | undefined = start
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]!
    if (step.kind === 'each') {
      if (Array.isArray(value)) {
        for (let item = 0; item < value.length; item++) {
          indexes.push(item)
          walk(value[item]!, steps, i + 1, indexes, visit)
          indexes.pop()
        }
      }
      // An absent list has no items to check; that it must be there is a check of its own.
      return
    }
    value = value instanceof Map ? value.get(step.name) : undefined
    if (value === undefined || value === null) {
      // Below something absent there are no items either.
      if (!steps.slice(i + 1).some((later) => later.kind === 'each')) visit(undefined, indexes)
      return
    }
  }
  visit(value, indexes)
}

/** The one place of a path without `[]`; absent and null both come out as null. */
export function valueAt(root: Value, path: FieldPath): Value {
  let found: Value = null
  visitPlaces(root, path, (value) => (found = value ?? null))
  return found
}

/** `value.items[2].sku`: the path with the item numbers in place. */
export function renderPlace(path: FieldPath, indexes: readonly number[]): string {
  let text: string = path.side
  let item = 0
  for (const step of path.steps) {
    text += step.kind === 'each' ? `[${String(indexes[item++] ?? '')}]` : nameStep(step.name)
  }
  return text
}

function nameStep(name: string): string {
  return /^[A-Za-z_][\w-]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}
