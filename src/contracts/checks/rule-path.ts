/**
 * Which field a rule is about, read off its expression: `value.amount > 0.0` is about `value.amount`. A rule over
 * several fields is about what they have in common: `value.order` for `value.order.net + value.order.vat`, and nothing
 * for one that compares the key with the value.
 */
import { parse } from '@bufbuild/cel'

type Expr = ReturnType<typeof parse>['expr']

const roots = new Set(['key', 'value', 'headers'])

/** `value.amount`, or the empty string. Takes an expression that compiles; anything else is about nothing. */
export function pathOfRule(expression: string): string {
  const paths: string[][] = []
  try {
    collect(parse(expression).expr, new Set(), paths)
  } catch {
    return ''
  }
  const [first, ...others] = paths
  if (first === undefined) return ''
  let shared = first.length
  for (const other of others) {
    let same = 0
    while (same < shared && first[same] === other[same]) same++
    shared = same
  }
  return first.slice(0, shared).join('')
}

/** Adds the longest chains of field accesses that start at a variable of the record. */
function collect(expr: Expr, hidden: ReadonlySet<string>, paths: string[][]): void {
  const chain = chainOf(expr, hidden)
  if (chain !== null) {
    paths.push(chain)
    return
  }
  const { exprKind } = expr
  switch (exprKind.case) {
    case 'selectExpr':
      if (exprKind.value.operand !== undefined) collect(exprKind.value.operand, hidden, paths)
      return
    case 'callExpr': {
      // What a loop adds to an expression is not what it is about.
      const { target, args } = exprKind.value
      if (target !== undefined) collect(target, hidden, paths)
      for (const argument of args) collect(argument, hidden, paths)
      return
    }
    case 'listExpr':
      for (const element of exprKind.value.elements) collect(element, hidden, paths)
      return
    case 'structExpr':
      for (const entry of exprKind.value.entries) {
        if (entry.value !== undefined) collect(entry.value, hidden, paths)
      }
      return
    case 'comprehensionExpr': {
      const loop = exprKind.value
      if (loop.iterRange !== undefined) collect(loop.iterRange, hidden, paths)
      const inside = new Set([...hidden, loop.iterVar, loop.iterVar2, loop.accuVar])
      if (loop.loopStep !== undefined) collect(loop.loopStep, inside, paths)
      return
    }
    default:
      return
  }
}

function chainOf(expr: Expr, hidden: ReadonlySet<string>): string[] | null {
  const { exprKind } = expr
  if (exprKind.case === 'identExpr') {
    const { name } = exprKind.value
    return roots.has(name) && !hidden.has(name) ? [name] : null
  }
  if (exprKind.case === 'selectExpr') {
    const { operand, field } = exprKind.value
    const chain = operand === undefined ? null : chainOf(operand, hidden)
    return chain === null ? null : [...chain, `.${field}`]
  }
  if (exprKind.case !== 'callExpr' || exprKind.value.function !== '_[_]') return null
  const [container, index] = exprKind.value.args
  const chain = container === undefined ? null : chainOf(container, hidden)
  if (chain === null || index?.exprKind.case !== 'constExpr') return null
  const { constantKind } = index.exprKind.value
  if (constantKind.case === 'stringValue') return [...chain, stepOf(constantKind.value)]
  return constantKind.case === 'int64Value' ? [...chain, `[${String(constantKind.value)}]`] : null
}

function stepOf(name: string): string {
  return /^[A-Za-z_][\w-]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}
