/** The fields that rules read, as a tree along the messages on the way to them, and another one for items of lists. */
import { limits } from '../../limits.ts'
import type { ListVisit, NotCompiled, SlotPath } from '../../compiled.ts'
import type { FieldPlan, MessagePlan } from '../plan.ts'

/** A field, or the payload or an item as a whole, that is noted or leads to one that is. */
export interface Projected {
  /** Where it is noted itself; -1 for not. */
  slot: number
  readonly fields: Map<FieldPlan, Projected>
  /** What is noted of the items of a list; null where they are not visited. */
  items: VisitedItems | null
}

export interface Projection {
  readonly root: Projected
  /** Paths that were asked for again: what the slot `from` holds is copied. */
  readonly copies: { readonly from: number; readonly to: number }[]
}

/** One projection serves all visits of a list; its root is the item. */
export interface VisitedItems extends Projection {
  readonly visits: ListVisit['visit'][]
}

export function projectPaths(
  plan: MessagePlan,
  paths: readonly SlotPath[],
  firstSlot: number,
  visits: readonly ListVisit[]
): Projection | NotCompiled {
  const projection: Projection = { root: unnoted(), copies: [] }
  for (const [index, path] of paths.entries()) {
    const problem = note(projection, plan, path, firstSlot + index)
    if (problem !== null) return problem
  }
  for (const visit of visits) {
    const problem = noteVisit(projection.root, plan, visit)
    if (problem !== null) return problem
  }
  return projection
}

/** @param plan null for a scalar or an enum */
function note(
  { root, copies }: Projection,
  plan: MessagePlan | null,
  path: SlotPath,
  slot: number
): NotCompiled | null {
  const found = follow(root, plan, path)
  const target = 'reason' in found ? found : endOf(found)
  if ('reason' in target) return { reason: `the path ${path.join('.') || 'to the whole'} ${target.reason}` }
  if (target.slot < 0) target.slot = slot
  else copies.push({ from: target.slot, to: slot })
  return null
}

function noteVisit(
  root: Projected,
  plan: MessagePlan,
  { list, items, firstSlot, visit }: ListVisit
): NotCompiled | null {
  const found = follow(root, plan, list)
  const name = `the list ${list.join('.') || 'that is the payload'}`
  if ('reason' in found) return { reason: `${name} ${found.reason}` }
  const { at, field } = found
  if (field?.cardinality !== 'repeated') return { reason: `${name} is not a repeated field` }
  // How often a list was visited means something only beside the number of its items.
  if (at.slot < 0) return { reason: `${name} is not among the fields that are read` }
  at.items ??= { root: unnoted(), copies: [], visits: [] }
  const itemPlan = field.type.kind === 'message' ? field.type.plan : null
  for (const [index, path] of items.entries()) {
    const problem = note(at.items, itemPlan, path, firstSlot + index)
    if (problem !== null) return { reason: `in ${name}, ${problem.reason}` }
  }
  at.items.visits.push(visit)
  return null
}

interface Found {
  readonly at: Projected
  /** The last one on the path; null for none. */
  readonly field: FieldPlan | null
  /** What is there, if it is a single message. */
  readonly message: MessagePlan | null
}

function follow(root: Projected, plan: MessagePlan | null, path: SlotPath): Found | NotCompiled {
  if (path.length > limits.payloadNesting.protobuf) return { reason: 'is longer than messages may be nested' }
  let at = root
  let field: FieldPlan | null = null
  let message = plan
  for (const name of path) {
    if (message?.wellKnown !== null) return { reason: `leads into something that has no field ${name}` }
    const next: FieldPlan | undefined = message.fields.find((candidate) => candidate.name === name)
    if (next === undefined) return { reason: `leads into ${message.name}, which has no field ${name}` }
    at = step(at, next)
    field = next
    message = next.cardinality === 'singular' && next.type.kind === 'message' ? next.type.plan : null
  }
  return { at, field, message }
}

/** Where the value is noted that was found. */
function endOf({ at, message }: Found): Projected | NotCompiled {
  if (message?.wellKnown === 'value') return { reason: 'leads to a google.protobuf.Value, which may be anything' }
  if (message?.wellKnown !== 'wrapper') return at
  // A wrapper is what it wraps.
  const [wrapped] = message.fields
  if (wrapped === undefined || wrapped.name !== 'value' || message.fields.length > 1) {
    return { reason: `leads to a ${message.name} that is not declared as usual` }
  }
  if (wrapped.cardinality !== 'singular' || wrapped.type.kind === 'message' || wrapped.presence || wrapped.required) {
    return { reason: `leads to a ${message.name} that is not declared as usual` }
  }
  return step(at, wrapped)
}

function unnoted(): Projected {
  return { slot: -1, fields: new Map(), items: null }
}

function step(from: Projected, field: FieldPlan): Projected {
  let next = from.fields.get(field)
  if (next === undefined) from.fields.set(field, (next = unnoted()))
  return next
}

/** The field and all below it that lead to a slot or have one; what is noted of items is not among them. */
export function allBelow(projected: Projected): readonly Projected[] {
  const found: Projected[] = []
  const open = [projected]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    found.push(next)
    open.push(...next.fields.values())
  }
  return found
}

export function slotsOf(projected: Projected): readonly number[] {
  return allBelow(projected).flatMap(({ slot }) => (slot < 0 ? [] : [slot]))
}
