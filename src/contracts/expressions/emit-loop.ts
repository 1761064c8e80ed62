/** Closures for the macros that loop. Every item pays for the nodes of the body before it is looked at. */
import { CelMap, Fault, asList, isList, isRecordMap, kindOf, withArticle } from './cel.ts'
import type { Cel, Result } from './cel.ts'
import type { Emitted, Scope } from './emitted.ts'
import { spend } from './frame.ts'
import type { Eval, Frame } from './frame.ts'
import { pathOf } from './tree.ts'
import type { LoopNode, Node } from './tree.ts'

/** The items one after the other, each in the loop's slot when `step` is called; stops when that returns a result. */
type ForEach = (frame: Frame, step: (item: Cel) => Result | undefined) => Result | undefined

export function emitLoop(node: LoopNode, scope: Scope, emit: (node: Node, scope: Scope) => Emitted): Eval {
  const forEach = emitForEach(node, emit(node.range, scope).run, scope.loopSlot(node.level))
  const filter = node.filter === null ? null : emit(node.filter, scope).run
  const body = node.body === null ? null : emit(node.body, scope).run
  switch (node.macro) {
    case 'all':
      return emitSearch(forEach, body!, false)
    case 'exists':
      return emitSearch(forEach, body!, true)
    case 'exists_one':
      return emitExistsOne(forEach, body!)
    default:
      return emitCollect(node.macro, forEach, filter, body)
  }
}

function emitForEach(node: LoopNode, range: Eval, slot: number): ForEach {
  const { weight } = node
  return (frame, step) => {
    const items = itemsOf(node, range(frame), frame)
    if (items instanceof Fault) return items
    for (const item of items) {
      spend(frame, weight)
      frame.slots[slot] = item
      const result = step(item)
      if (result !== undefined) return result
    }
    return undefined
  }
}

function itemsOf(node: LoopNode, range: Result, frame: Frame): readonly Cel[] | Fault {
  if (range instanceof Fault || isList(range)) return range
  if (isRecordMap(range)) {
    spend(frame, range.size)
    return [...range.keys()]
  }
  if (range instanceof CelMap) return Array.from(range.entries(), (entry) => entry.key)
  const path = pathOf(node.range)
  if (range === null && path !== null) {
    return new Fault(`${node.macro}() needs a list or a map: ${path} is absent or null`)
  }
  return new Fault(`${node.macro}() needs a list or a map, not ${withArticle(kindOf(range))}`)
}

function conditionFault(macro: string, value: Result): Fault {
  if (value instanceof Fault) return value
  return new Fault(`${macro}() needs a condition that is true or false, not ${withArticle(kindOf(value))}`)
}

/** `all` looks for a false, `exists` for a true; an error counts only if none is found. */
function emitSearch(forEach: ForEach, body: Eval, wanted: boolean): Eval {
  return (frame) => {
    let fault: Fault | undefined
    const found = forEach(frame, () => {
      const value = body(frame)
      if (value === wanted) return wanted
      if (value !== !wanted) fault ??= conditionFault(wanted ? 'exists' : 'all', value)
      return undefined
    })
    return found ?? fault ?? !wanted
  }
}

function emitExistsOne(forEach: ForEach, body: Eval): Eval {
  return (frame) => {
    let count = 0
    const fault = forEach(frame, () => {
      const value = body(frame)
      if (typeof value !== 'boolean') return conditionFault('exists_one', value)
      if (value) count += 1
      return undefined
    })
    return fault ?? count === 1
  }
}

function emitCollect(macro: 'map' | 'filter', forEach: ForEach, filter: Eval | null, body: Eval | null): Eval {
  return (frame) => {
    const list: Cel[] = []
    const fault = forEach(frame, (item) => {
      const kept = filter === null ? true : filter(frame)
      if (kept === false) return undefined
      if (kept !== true) return conditionFault(macro, kept)
      const value = body === null ? item : body(frame)
      if (value instanceof Fault) return value
      list.push(value)
      return undefined
    })
    return fault ?? asList(list)
  }
}
