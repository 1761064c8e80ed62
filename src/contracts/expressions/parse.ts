/** Source to tree, by the parser of @bufbuild/cel. Throws a `Refusal` for everything it does not take. */
import { parse } from '@bufbuild/cel'
import { Uint } from '../value.ts'
import { typeNamed } from './cel.ts'
import type { Cel } from './cel.ts'
import { overloadsOf } from './functions/index.ts'
import { limits } from './limits.ts'
import { isInt, isUint } from './numbers.ts'
import { Refusal } from './problem.ts'
import { explainSyntax, scan } from './scan.ts'
import type { Scan } from './scan.ts'
import type { Macro, Node, Sign } from './tree.ts'

type Parsed = ReturnType<typeof parse>
type Expr = Parsed['expr']
type Kinds = Expr['exprKind']
type ExprOf<K extends Kinds['case']> = Extract<Kinds, { case: K }> extends { value: infer V } ? V : never

export function parseExpression(source: string, isVariable: (name: string) => boolean): Node {
  const scanned = scan(source)
  if ('message' in scanned) throw new Refusal(scanned)
  return new TreeBuilder(readSyntax(scanned), scanned, isVariable).build()
}

function readSyntax(scanned: Scan): Parsed {
  try {
    return parse(scanned.source)
  } catch (error) {
    throw new Refusal(explainFailure(error, scanned.source))
  }
}

function explainFailure(error: unknown, source: string): Refusal['problem'] {
  if (error instanceof RangeError && /call stack/.test(error.message)) {
    return { offset: 0, message: 'the expression is nested too deeply', remedy: 'split it into several rules' }
  }
  const offset = offsetOf(error)
  if (offset === null) {
    const reason = error instanceof Error ? error.message : 'it cannot be parsed'
    return { offset: 0, message: `the expression is not valid: ${reason}` }
  }
  if (error instanceof Error && error.message.includes('reserved identifier')) {
    const word = /^\w+/.exec(source.slice(offset))?.[0] ?? ''
    return { offset, message: `"${word}" is a reserved word`, remedy: 'it cannot be the name of a variable' }
  }
  return explainSyntax(source, offset)
}

/** Where the parser gave up; its errors are not part of its public types. */
function offsetOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('location' in error)) return null
  const { location } = error as { location?: { start?: { offset?: unknown } } }
  return typeof location?.start?.offset === 'number' ? location.start.offset : null
}

const signs: Readonly<Record<string, Sign>> = { '_<_': '<', '_<=_': '<=', '_>_': '>', '_>=_': '>=' }
const macros: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'existsOne', 'map', 'filter', 'has'])

class TreeBuilder {
  readonly #parsed: Parsed
  readonly #scanned: Scan
  readonly #isVariable: (name: string) => boolean
  /** Variables of the loops around the current node, outermost first. */
  readonly #locals: string[] = []
  #nodes = 0
  #depth = 0

  constructor(parsed: Parsed, scanned: Scan, isVariable: (name: string) => boolean) {
    this.#parsed = parsed
    this.#scanned = scanned
    this.#isVariable = isVariable
  }

  build(): Node {
    return this.#node(this.#parsed.expr)
  }

  #node(expr: Expr | undefined): Node {
    if (expr === undefined) throw new Refusal({ offset: 0, message: 'the expression is incomplete' })
    const at = this.#offset(expr)
    this.#nodes += 1
    if (this.#nodes > limits.nodes) throw tooComplex(at, `it has more than ${limits.nodes} parts`)
    this.#depth += 1
    if (this.#depth > limits.depth) throw tooComplex(at, `it is nested more than ${limits.depth} levels deep`)
    const node = this.#convert(expr, at)
    this.#depth -= 1
    return node
  }

  /** The parser's position of some operators is that of the space before them. */
  #offset(expr: Expr): number {
    const { source } = this.#scanned
    let at = this.#parsed.sourceInfo?.positions[String(expr.id)] ?? 0
    while (at < source.length && /\s/.test(source[at]!)) at++
    return at
  }

  #convert(expr: Expr, at: number): Node {
    const { exprKind: kind } = expr
    switch (kind.case) {
      case 'constExpr':
        return { op: 'constant', at, value: constantOf(kind.value, at) }
      case 'identExpr':
        return this.#name(kind.value.name, at)
      case 'selectExpr':
        return this.#select(expr, kind.value, at)
      case 'callExpr':
        return this.#call(kind.value, at)
      case 'listExpr':
        return { op: 'list', at, items: kind.value.elements.map((item) => this.#node(item)) }
      case 'structExpr':
        return this.#map(kind.value, at)
      case 'comprehensionExpr':
        return this.#loop(expr, kind.value, at)
      default:
        throw new Refusal({ offset: at, message: 'the expression is incomplete' })
    }
  }

  #name(name: string, at: number): Node {
    const quoted = this.#scanned.quotedNames.get(name)
    if (quoted !== undefined) {
      throw new Refusal({
        offset: at,
        message: 'only a field can have a back-quoted name',
        remedy: `write value.\`${quoted}\``
      })
    }
    // The parser drops the dot of `.value`, which passes over a loop's variable of that name.
    const global = this.#scanned.source[at] === '.'
    const level = global ? -1 : this.#locals.lastIndexOf(name)
    if (level >= 0) return { op: 'local', at, name, level }
    if (this.#isVariable(name)) return { op: 'variable', at, name }
    const type = typeNamed(name)
    return type === undefined ? { op: 'unknown', at, name } : { op: 'constant', at, value: type }
  }

  #select(expr: Expr, select: ExprOf<'selectExpr'>, at: number): Node {
    const type = this.#typeName(expr)
    if (type !== undefined && !select.testOnly) return { op: 'constant', at, value: type }
    const operand = this.#node(select.operand)
    const field = this.#scanned.quotedNames.get(select.field) ?? select.field
    return { op: 'select', at: this.#fieldOffset(at, select.field), operand, field, test: select.testOnly }
  }

  /** The dot's offset is what the parser keeps; the field's is what a message should point at. */
  #fieldOffset(at: number, field: string): number {
    const found = this.#scanned.source.indexOf(field, at)
    return found < 0 ? at : found
  }

  /** `google.protobuf.Timestamp` is a name with dots unless its first part is a variable. */
  #typeName(expr: Expr): Cel | undefined {
    const name = dottedName(expr)
    if (name === null) return undefined
    const root = name.slice(0, name.indexOf('.'))
    return this.#locals.includes(root) || this.#isVariable(root) ? undefined : typeNamed(name)
  }

  #call(call: ExprOf<'callExpr'>, at: number): Node {
    if (call.target !== undefined) return this.#memberCall(call, call.target, at)
    const [first, second, third] = call.args
    switch (call.function) {
      case '_&&_':
      case '_||_': {
        const [left, right] = [this.#node(first), this.#node(second)]
        return { op: call.function === '_&&_' ? 'and' : 'or', at, left, right }
      }
      case '!_':
        return { op: 'not', at, operand: this.#node(first) }
      case '_?_:_':
        return { op: 'choice', at, condition: this.#node(first), yes: this.#node(second), no: this.#node(third) }
      case '_==_':
      case '_!=_': {
        const [left, right] = [this.#node(first), this.#node(second)]
        return { op: 'equal', at, left, right, negated: call.function === '_!=_' }
      }
      case '@in':
        return { op: 'in', at, item: this.#node(first), container: this.#node(second) }
      case '_[_]':
        return { op: 'index', at, operand: this.#node(first), index: this.#node(second) }
      case 'has':
        throw new Refusal({ offset: at, message: 'has() needs a field', remedy: 'write has(value.field)' })
    }
    const sign = Object.hasOwn(signs, call.function) ? signs[call.function] : undefined
    if (sign !== undefined) return { op: 'order', at, left: this.#node(first), right: this.#node(second), sign }
    const form = overloadsOf('operator', call.function).length > 0 ? 'operator' : 'global'
    return { op: 'call', at, form, name: call.function, args: call.args.map((arg) => this.#node(arg)) }
  }

  #memberCall(call: ExprOf<'callExpr'>, target: Expr, at: number): Node {
    const namespace = dottedName(target)
    const root = namespace?.split('.', 1)[0]
    if (namespace !== null && root !== undefined && !this.#locals.includes(root) && !this.#isVariable(root)) {
      const args = call.args.map((arg) => this.#node(arg))
      return { op: 'call', at, form: 'global', name: `${namespace}.${call.function}`, args }
    }
    if (macros.has(call.function)) throw new Refusal(malformedMacro(call.function, at))
    const args = [target, ...call.args].map((arg) => this.#node(arg))
    return { op: 'call', at: this.#fieldOffset(at, call.function), form: 'member', name: call.function, args }
  }

  #map(struct: ExprOf<'structExpr'>, at: number): Node {
    if (struct.messageName !== '') {
      throw new Refusal({
        offset: at,
        message: `"${struct.messageName}{...}" makes a message, which a rule cannot do`,
        remedy: 'compare field by field'
      })
    }
    const entries = struct.entries.map((entry) => {
      if (entry.keyKind.case !== 'mapKey') throw new Refusal({ offset: at, message: 'a key of this map is missing' })
      return [this.#node(entry.keyKind.value), this.#node(entry.value)] as const
    })
    return { op: 'map', at, entries }
  }

  /** The macro that made the loop is told by the parser; its parts are found in the shape of its expansion. */
  #loop(expr: Expr, fold: ExprOf<'comprehensionExpr'>, at: number): Node {
    const call = this.#parsed.sourceInfo?.macroCalls[String(expr.id)]?.exprKind
    const written = call?.case === 'callExpr' ? call.value.function : ''
    const macro = (written === 'existsOne' ? 'exists_one' : written) as Macro
    const range = this.#node(fold.iterRange)
    const level = this.#locals.length
    if (level >= limits.loopNesting) {
      throw tooComplex(at, `more than ${limits.loopNesting} of all, exists, map, filter stand inside each other`)
    }
    const step = argsOf(fold.loopStep)
    const nodesBefore = this.#nodes
    this.#locals.push(fold.iterVar)
    const conditional = macro === 'filter' || macro === 'exists_one' || step.length === 3
    const filter = conditional && macro !== 'exists_one' ? this.#node(step[0]) : null
    const body = macro === 'filter' ? null : this.#node(bodyOf(macro, step))
    this.#locals.pop()
    const weight = this.#nodes - nodesBefore + 1
    return { op: 'loop', at, macro, range, variable: fold.iterVar, level, filter, body, weight }
  }
}

/** The user's expression inside the step of an expanded macro. */
function bodyOf(macro: Macro, step: readonly Expr[]): Expr | undefined {
  if (macro === 'all' || macro === 'exists') return step[1]
  if (macro === 'exists_one') return step[0]
  const appended = step.length === 3 ? argsOf(step[1])[1] : step[1]
  return appended?.exprKind.case === 'listExpr' ? appended.exprKind.value.elements[0] : undefined
}

function argsOf(expr: Expr | undefined): readonly Expr[] {
  return expr?.exprKind.case === 'callExpr' ? expr.exprKind.value.args : []
}

/** `a.b.c` when the expression is nothing but names and dots. */
function dottedName(expr: Expr): string | null {
  const parts: string[] = []
  let current: Expr | undefined = expr
  while (current?.exprKind.case === 'selectExpr' && !current.exprKind.value.testOnly) {
    parts.unshift(current.exprKind.value.field)
    current = current.exprKind.value.operand
  }
  if (current?.exprKind.case !== 'identExpr') return null
  return [current.exprKind.value.name, ...parts].join('.')
}

function malformedMacro(name: string, at: number): Refusal['problem'] {
  const body = name === 'map' ? 'item.sku' : 'item.quantity > 0'
  return {
    offset: at,
    message: `${name}() needs a name for the item and an expression about it`,
    remedy: name === 'has' ? 'write has(value.field)' : `write value.items.${name}(item, ${body})`
  }
}

function tooComplex(offset: number, reason: string): Refusal {
  return new Refusal({
    offset,
    message: `the expression is too complex: ${reason}`,
    remedy: 'split it into several rules'
  })
}

function tooLarge(offset: number, type: string): Refusal {
  return new Refusal({
    offset,
    message: `this number does not fit ${type}`,
    remedy: 'write it as a double, such as 1e20'
  })
}

function constantOf(constant: ExprOf<'constExpr'>, at: number): Cel {
  const { constantKind: kind } = constant
  switch (kind.case) {
    case 'int64Value':
      if (isInt(kind.value)) return kind.value
      throw tooLarge(at, 'an int (64 bits, signed)')
    case 'uint64Value':
      if (isUint(kind.value)) return new Uint(kind.value)
      throw tooLarge(at, 'a uint (64 bits)')
    case 'boolValue':
    case 'doubleValue':
    case 'stringValue':
    case 'bytesValue':
      return kind.value
    case 'nullValue':
      return null
    default:
      throw new Refusal({ offset: at, message: 'this literal is not supported' })
  }
}
