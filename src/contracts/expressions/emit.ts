/**
 * Tree to closures. Each node becomes one function of the frame; what is constant is computed now. The types found at
 * load are not relied on: any field can be null at run time, and a schema can say less than it seems.
 */
import type { Value } from '../value.ts'
import type { Cel, Result } from './cel.ts'
import { CelMap, Fault, Stop, asList, isList, isRecordMap, keyOf, kindOf, withArticle } from './cel.ts'
import { lookUp } from './compare.ts'
import { emitAnd, emitEqual, emitIn, emitNot, emitOr, emitOrder } from './emit-logic.ts'
import { emitLoop } from './emit-loop.ts'
import type { Emitted, Scope } from './emitted.ts'
import { bindingFault, spend, spendScan } from './frame.ts'
import type { Eval, Frame } from './frame.ts'
import { overloadsOf } from './functions/index.ts'
import type { Overload } from './functions/index.ts'
import { search } from './functions/strings.ts'
import { limits } from './limits.ts'
import { compilePattern } from './pattern.ts'
import type { Param } from './types.ts'
import { callText, pathOf } from './tree.ts'
import type { CallNode, Node } from './tree.ts'

type Select = Extract<Node, { op: 'select' }>
type Index = Extract<Node, { op: 'index' }>

export function emit(node: Node, scope: Scope): Emitted {
  if (node.op === 'constant') return constant(node.value)
  const run = emitRun(node, scope)
  return isConstant(node) ? computed(run) : { run }
}

function constant(value: Cel): Emitted {
  return { run: () => value, constant: value }
}

/** Functions have no effects, so a call of constants is one; what fails fails on every record, with its message. */
function computed(run: Eval): Emitted {
  const frame: Frame = { bindings: undefined, slots: [], ticks: limits.ticks / 10 }
  try {
    const value = run(frame)
    return value instanceof Fault ? { run: () => value } : constant(value)
  } catch (error) {
    if (error instanceof Stop) return { run }
    throw error
  }
}

function isConstant(node: Node): boolean {
  switch (node.op) {
    case 'constant':
      return true
    case 'call':
      return node.name !== 'headerValues' && node.args.every(isConstant)
    case 'list':
      return node.items.every(isConstant)
    case 'map':
      return node.entries.every(([key, value]) => isConstant(key) && isConstant(value))
    default:
      return false
  }
}

function emitRun(node: Exclude<Node, { op: 'constant' }>, scope: Scope): Eval {
  switch (node.op) {
    case 'variable':
      return emitVariable(node.name, scope)
    case 'local': {
      const slot = scope.loopSlot(node.level)
      return (frame) => frame.slots[slot]!
    }
    case 'unknown':
      return always(new Fault(`there is no variable "${node.name}"`))
    case 'select':
      return node.test ? emitHas(node, scope) : emitSelect(node, scope, false)
    case 'index':
      return emitIndex(node, scope)
    case 'and':
      return emitAnd(emit(node.left, scope).run, emit(node.right, scope).run)
    case 'or':
      return emitOr(emit(node.left, scope).run, emit(node.right, scope).run)
    case 'not':
      return emitNot(emit(node.operand, scope).run)
    case 'choice':
      return emitChoice(node, scope)
    case 'equal':
      return emitEqual(emit(node.left, scope), emit(node.right, scope), node.negated)
    case 'order':
      return emitOrder(node, emit(node.left, scope).run, emit(node.right, scope).run)
    case 'in':
      return emitIn(node, emit(node.item, scope).run, emit(node.container, scope))
    case 'list':
      return emitList(node.items.map((item) => emit(item, scope).run))
    case 'map':
      return emitMap(node.entries.map(([key, value]) => [emit(key, scope).run, emit(value, scope).run] as const))
    case 'loop':
      return emitLoop(node, scope, emit)
    case 'call':
      return emitCall(node, scope)
  }
}

function always(result: Result): Eval {
  return () => result
}

function emitVariable(name: string, scope: Scope): Eval {
  const slot = scope.slotOf(name)
  return (frame) => {
    const known = frame.slots[slot]
    if (known !== undefined) return known
    let value: Result
    try {
      value = scope.read(name, frame)
    } catch (error) {
      value = bindingFault(error, name)
    }
    frame.slots[slot] = value
    return value
  }
}

/** `quiet`: nothing has no fields, so `has(value.address.city)` is false without an address. */
function emitSelect(node: Select, scope: Scope, quiet: boolean): Eval {
  const { field } = node
  const operand = emitOperand(node.operand, scope, quiet)
  const path = pathOf(node.operand)
  const unreadable = node.operand.op === 'variable' && node.operand.name === 'headers'
  return (frame) => {
    const record = operand(frame)
    if (record instanceof Map) {
      if (unreadable) return readHeader(record, field)
      const value = (record as ReadonlyMap<string, Value>).get(field)
      return value === undefined ? null : value
    }
    if (record instanceof Fault) return record
    if (record instanceof CelMap) {
      const value = record.get(field)
      return value === undefined ? noSuchKey : value
    }
    return quiet && record === null ? null : noFields(record, path)
  }
}

const noSuchKey = new Fault('the map has no such key')

/** A header map throws for a value that is not UTF-8. */
function readHeader(headers: ReadonlyMap<string, Value>, name: string): Result {
  try {
    return headers.get(name) ?? null
  } catch (error) {
    return bindingFault(error, 'headers')
  }
}

function noFields(value: Cel, path: string | null): Fault {
  if (value === null) return new Fault(`${path ?? 'the value'} is absent or null, so its fields cannot be read`)
  return new Fault(`${path ?? 'the value'} is ${withArticle(kindOf(value))}, which has no fields`)
}

function emitOperand(node: Node, scope: Scope, quiet: boolean): Eval {
  return quiet && node.op === 'select' && !node.test ? emitSelect(node, scope, true) : emit(node, scope).run
}

function emitHas(node: Select, scope: Scope): Eval {
  const { field } = node
  const operand = emitOperand(node.operand, scope, true)
  const path = pathOf(node.operand)
  const unreadable = node.operand.op === 'variable' && node.operand.name === 'headers'
  return (frame) => {
    const record = operand(frame)
    if (record instanceof Map) {
      if (unreadable) return record.has(field)
      const value = (record as ReadonlyMap<string, Value>).get(field)
      return value !== undefined && value !== null
    }
    if (record === null) return false
    if (record instanceof Fault) return record
    return record instanceof CelMap ? record.has(field) : noFields(record, path)
  }
}

function emitIndex(node: Index, scope: Scope): Eval {
  const operand = emit(node.operand, scope).run
  const index = emit(node.index, scope).run
  const path = pathOf(node.operand)
  return (frame) => {
    const container = operand(frame)
    if (container instanceof Fault) return container
    const key = index(frame)
    if (key instanceof Fault) return key
    if (isList(container)) return itemAt(container, key)
    if (typeof key === 'string') spendScan(frame, key.length)
    if (isRecordMap(container)) {
      if (typeof key === 'string') return readHeader(container, key)
      return new Fault(`${path ?? 'the map'} has text keys, not ${withArticle(kindOf(key))}`)
    }
    if (container instanceof CelMap) {
      const value = lookUp(container, key)
      return value === undefined ? noSuchKey : value
    }
    if (container === null) return new Fault(`${path ?? 'the value'} is absent or null, so it cannot be indexed`)
    return new Fault(`${path ?? 'the value'} is ${withArticle(kindOf(container))}, which cannot be indexed`)
  }
}

function itemAt(list: readonly Value[], index: Cel): Result {
  const position = keyOf(index)
  if (typeof position !== 'bigint') return new Fault('a list is indexed by an int')
  return list[Number(position)] ?? (position >= 0n && position < BigInt(list.length) ? null : outsideList)
}

const outsideList = new Fault('the index is outside the list')

function emitChoice(node: Extract<Node, { op: 'choice' }>, scope: Scope): Eval {
  const condition = emit(node.condition, scope).run
  const yes = emit(node.yes, scope).run
  const no = emit(node.no, scope).run
  return (frame) => {
    const decided = condition(frame)
    if (decided === true) return yes(frame)
    if (decided === false) return no(frame)
    return decided instanceof Fault ? decided : new Fault('"?" needs true or false on its left')
  }
}

function emitList(items: readonly Eval[]): Eval {
  return (frame) => {
    const list: Cel[] = []
    for (const item of items) {
      const value = item(frame)
      if (value instanceof Fault) return value
      list.push(value)
    }
    return asList(list)
  }
}

function emitMap(entries: readonly (readonly [Eval, Eval])[]): Eval {
  return (frame) => {
    const map = new CelMap()
    for (const [keyOfEntry, valueOfEntry] of entries) {
      const key = keyOfEntry(frame)
      if (key instanceof Fault) return key
      const value = valueOfEntry(frame)
      if (value instanceof Fault) return value
      const comparable = typeof key === 'number' ? undefined : keyOf(key)
      if (comparable === undefined) return new Fault(`a map cannot have ${withArticle(kindOf(key))} as a key`)
      if (!map.add(comparable, key, value)) return new Fault('the map has the same key twice')
    }
    return map
  }
}

function emitCall(node: CallNode, scope: Scope): Eval {
  const args = node.args.map((arg) => emit(arg, scope))
  const pattern = node.name === 'matches' ? args[1]?.constant : undefined
  if (typeof pattern === 'string' && args.length === 2) return emitMatches(node, args[0]!.run, pattern)
  const overloads = overloadsOf(node.form, node.name).filter((overload) => overload.params.length === args.length)
  if (overloads.length === 0) return always(new Fault(`there is no function ${callText(node)} with these arguments`))
  const runs = args.map((arg) => arg.run)
  const [first, second] = runs
  if (runs.length === 1) return (frame) => dispatch(node, overloads, [first!(frame)], frame)
  if (runs.length === 2) return (frame) => dispatch(node, overloads, [first!(frame), second!(frame)], frame)
  return (frame) =>
    dispatch(
      node,
      overloads,
      runs.map((run) => run(frame)),
      frame
    )
}

/** Kinds that stand for themselves at run time; `list` and `map` too, since both are kinds. */
function takes(param: Param, value: Cel): boolean {
  return param === 'dyn' || param === kindOf(value)
}

function dispatch(node: CallNode, overloads: readonly Overload[], args: readonly Result[], frame: Frame): Result {
  for (const arg of args) if (arg instanceof Fault) return arg
  const values = args as readonly Cel[]
  for (const overload of overloads) {
    let fits = true
    for (let i = 0; i < values.length && fits; i++) fits = takes(overload.params[i]!, values[i]!)
    if (fits) return overload.run(values, frame)
  }
  // The message is made anew each time, and a loop may meet it with every item.
  spend(frame, 30)
  return unsuitable(node, values)
}

/** Which argument is null, if one is: that is what happens in practice. */
function unsuitable(node: CallNode, values: readonly Cel[]): Fault {
  const missing = values.indexOf(null)
  if (missing >= 0) {
    const path = pathOf(node.args[missing]!)
    return new Fault(`${callText(node)} cannot take null${path === null ? '' : `: ${path} is absent or null`}`)
  }
  const kinds = values.map((value) => withArticle(kindOf(value))).join(' and ')
  return new Fault(`${callText(node)} cannot take ${kinds}`)
}

/** A pattern written in the policy is compiled with it. */
function emitMatches(node: CallNode, text: Eval, source: string): Eval {
  const pattern = compilePattern(source)
  if (!pattern.ok) return always(new Fault(`the pattern does not compile: ${pattern.message}`))
  return (frame) => {
    const value = text(frame)
    if (typeof value === 'string') return search(pattern, value, frame)
    return value instanceof Fault ? value : unsuitable(node, [value])
  }
}
