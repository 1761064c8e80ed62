/**
 * How much work a schema may make of one payload. `allOf`, `anyOf` and references have parts of a value looked at more
 * than once, and where such schemas refer to themselves that grows exponentially: the reference counts its steps and
 * gives up. Only schemas are compiled of which it is known beforehand that it never would.
 */
import { limits } from '../../limits.ts'
import { jsonType } from './plan.ts'
import type { Plan } from './plan.ts'
import { Uncompiled } from './read.ts'

/** Times that one byte is looked at. */
const mostPasses = 16

/** Plans of one value that are reached through each other: each is a call, at every level that a payload nests. */
const highest = 24

/** Rounds after which times that still grow are taken to grow for ever. */
const mostRounds = 40

/**
 * Throws `Uncompiled` for a schema that looks at some value too often, or follows too many references for it.
 *
 * Every value but the outermost has a byte of its own and one that parts it from others, so that a payload of n bytes
 * has at most (n + 1) / 2 values.
 */
export function checkCost(root: Plan): void {
  const plans = inOrder(root)
  const passes = new Map<Plan, Passes>()
  const references = new Map<Plan, number>()
  const heights = new Map<Plan, number>()
  let mostReferences = 0
  for (const plan of plans) {
    let count = plan.references
    let height = 1
    for (const part of partsOf(plan)) {
      count += references.get(part) ?? 0
      height = Math.max(height, 1 + (heights.get(part) ?? 0))
    }
    if (height > highest) throw new Uncompiled('the schema has too long a chain of references and alternatives')
    heights.set(plan, height)
    references.set(plan, count)
    mostReferences = Math.max(mostReferences, count)
    passes.set(plan, never)
  }
  for (let round = 0, changed = true; changed; round++) {
    changed = false
    // Parts come before what they are parts of; what is inside of a value comes after it mostly.
    for (const plan of round % 2 === 0 ? plans.toReversed() : plans) {
      const count = passesOf(plan, passes)
      if (mostOf(count) > mostPasses || round > mostRounds) {
        throw new Uncompiled('the schema has values judged too many times')
      }
      const last = passes.get(plan)!
      if (count.array !== last.array || count.object !== last.object) changed = true
      passes.set(plan, count)
    }
  }
  const { floor, perByte } = limits.jsonSchemaSteps
  const steps = mostOf(passes.get(root)!) * mostReferences
  if (steps > Math.min(floor, 2 * perByte)) throw new Uncompiled('the schema has too many references followed')
}

/** Times that an array, and that an object, is looked at; keywords of the one do not see the other. */
interface Passes {
  readonly array: number
  readonly object: number
}

const never: Passes = { array: 0, object: 0 }

function passesOf(plan: Plan, known: ReadonlyMap<Plan, Passes>): Passes {
  const { arrays, objects } = plan
  const inside = (children: readonly Plan[]): number => {
    let most = 1
    for (const child of children) most = Math.max(most, mostOf(known.get(child) ?? never))
    return most
  }
  const sees = (type: number): boolean => !plan.isBare && (plan.declaredTypes & type) !== 0
  let array = arrays !== null || sees(jsonType.array) ? inside(itemsOf(plan)) : 0
  let object = objects !== null || sees(jsonType.object) ? inside(membersOf(plan)) : 0
  for (const part of partsOf(plan)) {
    const passes = known.get(part) ?? never
    array += passes.array
    object += passes.object
  }
  return { array, object }
}

function mostOf({ array, object }: Passes): number {
  return Math.max(array, object, 1)
}

/** Plans of the same value. */
function partsOf(plan: Plan): readonly Plan[] {
  return plan.any.length === 0 ? plan.all : [...plan.all, ...plan.any.flat()]
}

function itemsOf({ arrays }: Plan): readonly Plan[] {
  return arrays === null ? [] : [...arrays.prefix, arrays.rest]
}

function membersOf({ objects }: Plan): readonly Plan[] {
  return objects === null ? [] : [...objects.properties.values(), objects.additional]
}

/**
 * All plans, those of the same value before the one they are parts of. Throws `Uncompiled` when a plan is a part of
 * itself.
 */
function inOrder(root: Plan): Plan[] {
  const done = new Set<Plan>()
  const ordered: Plan[] = []
  const open: Plan[] = []
  const inside: Plan[] = [root]
  const begun = new Set<Plan>()
  while (true) {
    const plan = open.at(-1) ?? inside.pop()
    if (plan === undefined) return ordered
    if (done.has(plan)) {
      open.pop()
      continue
    }
    if (open.length === 0) open.push(plan)
    const parts = partsOf(plan)
    const waiting = parts.filter((part) => !done.has(part))
    if (waiting.length > 0) {
      if (begun.has(plan)) throw new Uncompiled('the schema refers to itself at one place')
      begun.add(plan)
      open.push(...waiting)
      continue
    }
    open.pop()
    done.add(plan)
    ordered.push(plan)
    for (const child of [...itemsOf(plan), ...membersOf(plan)]) if (!done.has(child)) inside.push(child)
  }
}
