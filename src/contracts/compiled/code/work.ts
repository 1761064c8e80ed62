/**
 * How much work the reference may have with an expression. What it may do for one record is bounded (`limits.ticks`),
 * and only it can tell where that ends: so what is compiled here takes a share of it that is certainly enough.
 */
import { isList } from '../../expressions/cel.ts'
import { limits } from '../../expressions/limits.ts'
import type { LoopNode, Node } from '../../expressions/tree.ts'
import { constantOf } from './constants.ts'
import type { Work } from './writer.ts'

/** Texts outside of loops, items, and texts of items: a quarter of the whole for each. */
const share = limits.ticks / 4

export function workOf(tree: Node): Work {
  const loops = Math.max(1, countLoops(tree))
  return {
    ticksPerText: share / Math.max(1, countTests(tree)),
    ticksPerLoop: share / loops,
    textTicksPerLoop: share / loops
  }
}

/** Items of one list, where texts of them are looked at; a record with more is left to the reference. */
const itemsWithTexts = 250

/** @param work of the expression around the loop */
export function workPerItem(
  { body, weight }: LoopNode,
  work: Work
): { readonly work: Work; readonly maxItems: number } {
  const tests = countTests(body!)
  const most = Math.floor(work.ticksPerLoop / (weight + extraTicks(body!)))
  const maxItems = tests === 0 ? most : Math.min(most, itemsWithTexts)
  const ticksPerText = work.textTicksPerLoop / Math.max(1, tests) / Math.max(1, maxItems)
  return { work: { ticksPerText, ticksPerLoop: 0, textTicksPerLoop: 0 }, maxItems }
}

/** How many parts may look at a text, at most. Bodies of loops are counted by themselves. */
function countTests(node: Node): number {
  const inside = partsOf(node).reduce((count, part) => count + countTests(part), 0)
  switch (node.op) {
    case 'equal':
    case 'order':
    case 'in':
      return 1 + inside
    case 'call':
      return 3 + inside
    default:
      return inside
  }
}

function countLoops(node: Node): number {
  return partsOf(node).reduce((count, part) => count + countLoops(part), node.op === 'loop' ? 1 : 0)
}

/** What the reference may spend on the parts of a body once more than it does for their number. */
function extraTicks(node: Node): number {
  const inside = partsOf(node).reduce((ticks, part) => ticks + extraTicks(part), 0)
  switch (node.op) {
    case 'call':
      // A call of what is not suitable makes a message.
      return 31 + inside
    case 'index':
      return limits.sourceLength / 64 + inside
    case 'in': {
      const list = constantOf(node.container)
      return inside + (list !== undefined && isList(list) ? 3 * list.length : 0)
    }
    default:
      return inside
  }
}

/** The parts that are evaluated as often as the node: of a loop, not its body. */
export function partsOf(node: Node): readonly Node[] {
  switch (node.op) {
    case 'and':
    case 'or':
    case 'equal':
    case 'order':
      return [node.left, node.right]
    case 'not':
    case 'select':
      return [node.operand]
    case 'index':
      return [node.operand, node.index]
    case 'choice':
      return [node.condition, node.yes, node.no]
    case 'in':
      return [node.item, node.container]
    case 'call':
      return node.args
    case 'list':
      return node.items
    case 'map':
      return node.entries.flat()
    case 'loop':
      return [node.range]
    default:
      return []
  }
}
