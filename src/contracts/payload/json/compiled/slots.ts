/** What of a payload is to be noted, as a tree of names. */
import { compiledLimits } from '../../compiled.ts'
import type { ListVisit, SlotPath } from '../../compiled.ts'
import type { Shape } from '../../../value.ts'
import { protoKey } from '../parse.ts'
import { Uncompiled } from './read.ts'

export interface SlotNode {
  /** Indexes of the slots that the value here goes to. */
  readonly slots: readonly number[]
  readonly children: ReadonlyMap<string, SlotNode>
  /** A whole number here is a `bigint` in the value tree. */
  readonly isInteger: boolean
  /** Null where no list is looked into. */
  readonly items: ItemVisits | null
}

/** How a list is looked into. */
export interface ItemVisits {
  /** What is to be noted of each item, for all the visits together; null for nothing. */
  readonly node: SlotNode | null
  /** Called in this order when an item was noted. */
  readonly visits: readonly ListVisit['visit'][]
}

const unknown: Shape = { kind: 'dyn' }

class GrowingNode implements SlotNode {
  readonly slots: number[] = []
  readonly children = new Map<string, GrowingNode>()
  items: { node: GrowingNode | null; readonly visits: ListVisit['visit'][] } | null = null
  readonly #shape: Shape

  constructor(shape: Shape) {
    this.#shape = shape
  }

  get isInteger(): boolean {
    return this.#shape.kind === 'int'
  }

  /** The node of a path from here. Throws `Uncompiled`. */
  at(path: SlotPath): GrowingNode {
    if (path.length === 0) return this
    const name = path[0]!
    // Neither can be what a payload has, and the second has two spellings in the reference.
    if (!name.isWellFormed() || name === protoKey) throw new Uncompiled('a field has a name that no payload has')
    let child = this.children.get(name)
    if (child === undefined) this.children.set(name, (child = new GrowingNode(memberOf(this.#shape, name))))
    return child.at(path.slice(1))
  }

  /** Throws `Uncompiled`. */
  visitItems({ items, firstSlot, visit }: ListVisit): void {
    this.items ??= { node: null, visits: [] }
    this.items.visits.push(visit)
    if (items.length === 0) return
    const { kind } = this.#shape
    this.items.node ??= new GrowingNode(kind === 'list' ? this.#shape.items : unknown)
    for (const [index, path] of items.entries()) this.items.node.at(path).slots.push(firstSlot + index)
  }
}

/** Null when there is nothing to note. Throws `Uncompiled`. */
export function slotTree(
  paths: readonly SlotPath[],
  firstSlot: number,
  shape: Shape,
  visits: readonly ListVisit[] = []
): SlotNode | null {
  const read = visits.reduce((count, { items }) => count + items.length, paths.length)
  if (Math.max(read, visits.length) > compiledLimits.paths) {
    throw new Uncompiled(`more than ${compiledLimits.paths} fields are read`)
  }
  if (paths.length + visits.length === 0) return null
  const root = new GrowingNode(shape)
  for (const [index, path] of paths.entries()) root.at(path).slots.push(firstSlot + index)
  for (const visit of visits) root.at(visit.list).visitItems(visit)
  return root
}

/** As `toValue` has it. */
function memberOf(shape: Shape, name: string): Shape {
  if (shape.kind === 'record') return shape.fields.get(name)?.shape ?? unknown
  return shape.kind === 'map' ? shape.values : unknown
}

/** The slots of what is inside of this value; those of the items of lists are not. */
export function slotsInside(node: SlotNode): number[] {
  return [...node.children.values()].flatMap((child) => [...child.slots, ...slotsInside(child)])
}

/** Whether a list is looked into here or in what is inside of this value. */
export function hasVisits(node: SlotNode): boolean {
  return node.items !== null || [...node.children.values()].some(hasVisits)
}
