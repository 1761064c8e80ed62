/**
 * The type check of a rule against the shapes of a schema. It refuses what can never work on any record, and lets
 * through what may: `dyn` fits everywhere, and a field that can be null is still the type it has otherwise.
 */
import { Timestamp } from '../value.ts'
import {
  adviseComparison,
  adviseCondition,
  adviseDash,
  adviseFunction,
  adviseMembership,
  adviseOperands,
  closest,
  signatures
} from './advice.ts'
import { CelMap, Fault, Stop, keyOf, kindOf } from './cel.ts'
import type { Cel, Kind } from './cel.ts'
import { overloadsOf } from './functions/index.ts'
import type { Overload } from './functions/index.ts'
import { limits } from './limits.ts'
import { compilePattern } from './pattern.ts'
import type { Problem } from './problem.ts'
import { localTime } from './time.ts'
import { callText, pathOf, spelled } from './tree.ts'
import type { CallNode, LoopNode, Node } from './tree.ts'
import {
  accepts,
  bool,
  comparable,
  describe,
  dyn,
  isMapLike,
  join,
  listOf,
  orderable,
  string,
  typeOfShape
} from './types.ts'
import type { Type } from './types.ts'

export interface Checked {
  readonly type: Type
  /** In the order they were found: inside out, left to right. */
  readonly problems: readonly Problem[]
  /** Variables of the record that the expression reads; `headerValues` reads `headers`. */
  readonly reads: ReadonlySet<string>
}

/** A rule with fifty mistakes is one mistake. */
const maxProblems = 10

export function check(tree: Node, variables: ReadonlyMap<string, Type>): Checked {
  const checker = new Checker(variables)
  const type = checker.visit(tree)
  return { type, problems: checker.problems, reads: checker.reads }
}

class Checker {
  readonly problems: Problem[] = []
  readonly reads = new Set<string>()
  readonly #variables: ReadonlyMap<string, Type>
  readonly #locals: Type[] = []

  constructor(variables: ReadonlyMap<string, Type>) {
    this.#variables = variables
  }

  /** After a problem the node is `dyn`, so that one mistake is told once. */
  #report(offset: number, message: string, remedy?: string): Type {
    if (this.problems.length < maxProblems) {
      this.problems.push(remedy === undefined ? { offset, message } : { offset, message, remedy })
    }
    return dyn
  }

  visit(node: Node): Type {
    switch (node.op) {
      case 'constant':
        return typeOfConstant(node.value)
      case 'variable':
        this.reads.add(node.name)
        return this.#variables.get(node.name) ?? dyn
      case 'local':
        return this.#locals[node.level] ?? dyn
      case 'unknown':
        return this.#unknown(node.name, node.at)
      case 'select':
        return this.#select(node)
      case 'index':
        return this.#index(node)
      case 'and':
      case 'or':
        this.#condition(node.left, `the left side of "${node.op === 'and' ? '&&' : '||'}"`)
        this.#condition(node.right, `the right side of "${node.op === 'and' ? '&&' : '||'}"`)
        return bool
      case 'not':
        this.#condition(node.operand, 'the operand of "!"')
        return bool
      case 'choice':
        this.#condition(node.condition, 'the left side of "?"')
        return join(this.visit(node.yes), this.visit(node.no))
      case 'equal':
        return this.#equal(node)
      case 'order':
        return this.#order(node)
      case 'in':
        return this.#in(node)
      case 'list':
        return listOf(node.items.map((item) => this.visit(item)).reduce<Type | null>(joinAll, null) ?? dyn)
      case 'map':
        return this.#map(node)
      case 'loop':
        return this.#loop(node)
      case 'call':
        return this.#call(node)
    }
  }

  #condition(node: Node, where: string): void {
    const type = this.visit(node)
    if (type.kind === 'bool' || type.kind === 'dyn') return
    this.#report(node.at, `${where} must be true or false, but it is ${describe(type)}`, adviseCondition(node, type))
  }

  #unknown(name: string, at: number): Type {
    const names = [...this.#variables.keys()]
    const owner = names.find((variable) => {
      const type = this.#variables.get(variable)!
      return type.kind === 'record' && type.shape.fields.has(name)
    })
    const message = `there is no variable "${name}"`
    if (owner !== undefined) return this.#report(at, message, `did you mean "${owner}.${name}"?`)
    const near = closest(name, names)
    return this.#report(at, message, near === null ? `a rule can use ${names.join(', ')}` : `did you mean "${near}"?`)
  }

  #select(node: Extract<Node, { op: 'select' }>): Type {
    const type = this.#field(this.visit(node.operand), node.field, node.at, node.operand)
    return node.test ? bool : type
  }

  #field(type: Type, field: string, at: number, operand: Node): Type {
    if (type.kind === 'dyn') return dyn
    if (type.kind === 'map') {
      return accepts('string', type.keys) ? type.values : this.#report(at, `the keys of this map are not texts`)
    }
    if (type.kind === 'record') {
      const known = type.shape.fields.get(field)
      if (known !== undefined) return typeOfShape(known.shape)
      return type.shape.open ? dyn : this.#unknownField(type, field, at)
    }
    const what = pathOf(operand) ?? 'the value on its left'
    const remedy =
      type.kind === 'list' ? 'take one item, such as [0], or look at all with all() or exists()' : undefined
    return this.#report(at, `${what} is ${describe(type)}, which has no field "${field}"`, remedy)
  }

  #unknownField(type: Extract<Type, { kind: 'record' }>, field: string, at: number): Type {
    const names = [...type.shape.fields.keys()]
    const message = `${describe(type)} has no field "${field}"`
    const near = closest(field, names)
    if (near !== null) return this.#report(at, message, `did you mean "${near}"?`)
    const shown = names.slice(0, 12).join(', ') + (names.length > 12 ? ', ...' : '')
    return this.#report(at, message, names.length === 0 ? 'it has no fields' : `its fields are ${shown}`)
  }

  #index(node: Extract<Node, { op: 'index' }>): Type {
    const type = this.visit(node.operand)
    const index = this.visit(node.index)
    if (type.kind === 'dyn') return dyn
    if (type.kind === 'list') {
      if (['int', 'uint', 'dyn'].includes(index.kind)) return type.items
      return this.#report(node.index.at, `a list is indexed by an int, not ${describe(index)}`)
    }
    if (type.kind === 'record') {
      if (node.index.op === 'constant' && typeof node.index.value === 'string') {
        return this.#field(type, node.index.value, node.index.at, node.operand)
      }
      if (accepts('string', index)) return dyn
      return this.#report(node.index.at, `a field is named by a text, not ${describe(index)}`)
    }
    if (type.kind !== 'map') return this.#report(node.at, `${describe(type)} cannot be indexed`)
    if (comparable(type.keys, index) && index.kind !== 'null') return type.values
    return this.#report(node.index.at, `the keys of this map are ${plural(type.keys)}, not ${describe(index)}`)
  }

  #equal(node: Extract<Node, { op: 'equal' }>): Type {
    const left = this.visit(node.left)
    const right = this.visit(node.right)
    if (comparable(left, right)) return bool
    const operator = node.negated ? '!=' : '=='
    const message = `"${operator}" compares ${describe(left)} with ${describe(right)}, which are never equal`
    this.#report(node.at, message, adviseComparison(node.left, left, node.right, right))
    return bool
  }

  #order(node: Extract<Node, { op: 'order' }>): Type {
    const left = this.visit(node.left)
    const right = this.visit(node.right)
    if (orderable(left, right)) return bool
    const message = `"${node.sign}" cannot compare ${describe(left)} with ${describe(right)}`
    this.#report(node.at, message, adviseComparison(node.left, left, node.right, right))
    return bool
  }

  #in(node: Extract<Node, { op: 'in' }>): Type {
    const item = this.visit(node.item)
    if (node.container.op === 'list') {
      this.#inListed(node.item, item, node.container.items)
      return bool
    }
    const container = this.visit(node.container)
    if (container.kind === 'dyn') return bool
    if (container.kind === 'record' && !container.shape.open) {
      const path = pathOf(node.container) ?? 'x'
      this.#report(node.at, `"in" cannot look into ${describe(container)}`, `write has(${path}.field)`)
    } else if (container.kind === 'list') this.#member(node.item, item, node.container, container.items)
    else if (isMapLike(container)) {
      const keys = container.kind === 'map' ? container.keys : string
      if (!comparable(item, keys)) {
        this.#report(node.at, `"in" looks for ${describe(item)} among keys that are ${plural(keys)}`)
      }
    } else {
      const text = container.kind === 'string' ? (pathOf(node.container) ?? 'x') : null
      const remedy = text === null ? undefined : `to look for a part write ${text}.contains("...")`
      this.#report(node.at, `"in" needs a list or a map on its right, not ${describe(container)}`, remedy)
    }
    return bool
  }

  /** A list of mixed types is legal; looking for what none of its items can be is not. */
  #inListed(itemNode: Node, item: Type, members: readonly Node[]): void {
    const types = members.map((member) => this.visit(member))
    if (types.length > 0 && !types.some((type) => comparable(item, type))) {
      this.#member(itemNode, item, members[0]!, types[0]!)
    }
  }

  #member(itemNode: Node, item: Type, memberNode: Node, member: Type): void {
    if (comparable(item, member)) return
    const message = `"in" looks for ${describe(item)} among ${plural(member)}`
    this.#report(memberNode.at, message, adviseMembership(itemNode, item, memberNode, member))
  }

  #map(node: Extract<Node, { op: 'map' }>): Type {
    let keys: Type | null = null
    let values: Type | null = null
    const seen = new CelMap()
    for (const [key, value] of node.entries) {
      const keyType = this.visit(key)
      if (!['int', 'uint', 'bool', 'string', 'dyn'].includes(keyType.kind)) {
        this.#report(key.at, `a map cannot have ${describe(keyType)} as a key`, 'keys are texts, ints, uints and bools')
      }
      const literal = key.op === 'constant' ? keyOf(key.value) : undefined
      if (literal !== undefined && !seen.add(literal, null, null)) this.#report(key.at, 'this key occurs twice')
      keys = joinAll(keys, keyType)
      values = joinAll(values, this.visit(value))
    }
    return { kind: 'map', keys: keys ?? dyn, values: values ?? dyn }
  }

  #loop(node: LoopNode): Type {
    const item = this.#itemType(node, this.visit(node.range))
    this.#locals.push(item)
    if (node.filter !== null) this.#condition(node.filter, `the condition of ${node.macro}()`)
    let result: Type = bool
    if (node.macro === 'filter') result = listOf(item)
    else if (node.macro === 'map') result = listOf(this.visit(node.body!))
    else this.#condition(node.body!, `the condition of ${node.macro}()`)
    this.#locals.pop()
    return result
  }

  #itemType(node: LoopNode, range: Type): Type {
    if (range.kind === 'dyn') return dyn
    if (range.kind === 'list') return range.items
    if (range.kind === 'map') return range.keys
    if (isMapLike(range)) return string
    const remedy = range.kind === 'record' ? 'name its fields one by one' : undefined
    return this.#report(node.range.at, `${node.macro}() needs a list or a map, not ${describe(range)}`, remedy)
  }

  #call(node: CallNode): Type {
    const dashed = adviseDash(node)
    if (dashed !== null) return this.#report(node.at, '"-" subtracts, and this is not a number', dashed)
    const types = node.args.map((arg) => this.visit(arg))
    if (node.name === 'headerValues' && node.form === 'global') this.reads.add('headers')
    const named = overloadsOf(node.form, node.name)
    if (named.length === 0) {
      return this.#report(node.at, `there is no function "${node.name}"`, adviseFunction(node))
    }
    const counted = named.filter((overload) => overload.params.length === types.length)
    if (counted.length === 0) return this.#wrongCount(node, named)
    const fitting = counted.filter((overload) => overload.params.every((param, i) => accepts(param, types[i]!)))
    if (fitting.length === 0) return this.#wrongTypes(node, counted, types)
    this.#literals(node, fitting)
    return resultOf(node, fitting, types)
  }

  #wrongCount(node: CallNode, named: readonly Overload[]): Type {
    const receiver = node.form === 'member' ? 1 : 0
    const counts = [...new Set(named.map((overload) => overload.params.length - receiver))].sort((a, b) => a - b)
    const most = counts.at(-1)!
    const given = node.args.length - receiver
    const expected = `${counts.join(' or ')} argument${most === 1 ? '' : 's'}`
    return this.#report(node.at, `${callText(node)} takes ${expected}, not ${given}`, signatures(named))
  }

  #wrongTypes(node: CallNode, counted: readonly Overload[], types: readonly Type[]): Type {
    const [receiver, ...rest] = types.map(describe)
    const message =
      node.form === 'member' && rest.length > 0
        ? `${callText(node)} on ${receiver!} cannot take ${rest.join(' and ')}`
        : node.form === 'member'
          ? `${callText(node)} cannot be called on ${receiver!}`
          : `${callText(node)} cannot take ${[receiver, ...rest].join(' and ')}`
    return this.#report(node.at, message, adviseOperands(node, types) ?? signatures(counted))
  }

  /** What is written in the policy fails now rather than on every record. */
  #literals(node: CallNode, fitting: readonly Overload[]): void {
    const last = node.args.at(-1)!
    if (last.op !== 'constant') return
    if (node.name === 'matches' && typeof last.value === 'string') {
      const pattern = compilePattern(last.value)
      if (!pattern.ok) this.#report(last.at, `the pattern does not compile: ${pattern.message}`)
    }
    if (node.form === 'member' && node.name.startsWith('get') && typeof last.value === 'string') {
      const zoned = localTime(new Timestamp(0n, 0), last.value)
      if (zoned instanceof Fault) this.#report(last.at, zoned.message)
    }
    if (['_/_', '_%_'].includes(node.name) && keyOf(last.value) === 0n && typeof last.value !== 'number') {
      this.#report(last.at, `"${spelled(node.name)}" divides by zero`)
    }
    if (node.form !== 'global' || node.args.length !== 1 || fitting.length !== 1 || node.name === 'headerValues') return
    const fault = failureOf(fitting[0]!, last.value)
    if (fault !== null) this.#report(last.at, `${callText(node)} cannot take this: ${fault}`)
  }
}

function failureOf(overload: Overload, value: Cel): string | null {
  try {
    const result = overload.run([value], { bindings: undefined, slots: [], ticks: limits.ticks })
    return result instanceof Fault ? result.message : null
  } catch (error) {
    if (error instanceof Stop) return error.message
    throw error
  }
}

function joinAll(joined: Type | null, type: Type): Type {
  return joined === null ? type : join(joined, type)
}

function typeOfConstant(value: Cel): Type {
  return { kind: kindOf(value) as Exclude<Kind, 'list' | 'map'> }
}

function plural(type: Type): string {
  if (type.kind === 'dyn') return 'values of unknown type'
  return type.kind === 'null' || type.kind === 'bytes' ? type.kind : `${type.kind}s`
}

/** The result all fitting overloads agree on; `dyn` when arguments of unknown type leave more than one. */
function resultOf(node: CallNode, fitting: readonly Overload[], types: readonly Type[]): Type {
  const { result } = fitting[0]!
  if (fitting.some((overload) => overload.result.kind !== result.kind)) return dyn
  const [left, right] = types
  if (node.name === '_+_' && left?.kind === 'list' && right?.kind === 'list') return join(left, right)
  return result
}
