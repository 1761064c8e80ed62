/** Our evaluation against that of @bufbuild/cel, on expressions that are made up. */
import { celEnv, celUint, isCelError, isCelList, isCelUint, parse, plan } from '@bufbuild/cel'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileExpression } from '../../../../src/contracts/expressions/compile.ts'
import { Uint } from '../../../../src/contracts/value.ts'
import type { Value } from '../../../../src/contracts/value.ts'
import { bindings, untyped } from './support.ts'

const fields = {
  i: 7n,
  j: -3n,
  z: 0n,
  d: 2.5,
  e: -0.5,
  s: 'abc',
  t: 'b',
  b: true,
  c: false,
  l: [1n, 2n, 3n],
  m: ['a', 'abc']
}
const value = new Map<string, Value>([...Object.entries(fields), ['u', new Uint(4n)]])
const record = bindings({ value })
const environment = celEnv()

function ours(source: string): unknown {
  const compiled = compileExpression(source, untyped, { result: 'any' })
  // What the check refuses is not compared: it fails in the library too, or only later.
  if (!compiled.ok) return undefined
  const result = compiled.program.evaluate(record)
  return result.kind === 'error' ? 'error' : { value: plain(result.value) }
}

function library(source: string): unknown {
  // Its types do not say so, but it also answers undefined for what it cannot find.
  const result: unknown = plan(environment, parse(source))({ value: { ...fields, u: celUint(4n) } })
  return isCelError(result) || result === undefined ? 'error' : { value: plain(result) }
}

/** Both sides' values in one form that keeps int, uint and double apart. */
function plain(result: unknown): unknown {
  if (typeof result === 'bigint') return `int ${String(result)}`
  if (typeof result === 'number') return Object.is(result, -0) ? 'double -0' : `double ${String(result)}`
  if (result instanceof Uint || isCelUint(result)) return `uint ${String(result.value)}`
  if (Array.isArray(result)) return result.map(plain)
  return isCelList(result) ? Array.from(result, plain) : result
}

const { expression } = fc.letrec<{ expression: string; atom: string; pair: [string, string] }>((tie) => ({
  atom: fc.constantFrom(
    ...Object.keys(fields).map((name) => `value.${name}`),
    ...['value.u', '1', '0', '-2', '9223372036854775807', '1u', '0u', '1.5', '0.0', '1e300', '"a"', '""'],
    ...['true', 'false', '[1, 2]', '["a"]', '[]']
  ),
  pair: fc.tuple(tie('expression'), tie('expression')),
  expression: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    tie('atom'),
    fc
      .tuple(fc.constantFrom('+', '-', '*', '/', '%', '==', '!=', '<', '<=', '>', '>=', '&&', '||', 'in'), tie('pair'))
      .map(([operator, [a, b]]) => `(${a} ${operator} ${b})`),
    tie('expression').map((a) => `!(${a})`),
    tie('expression').map((a) => `-(${a})`),
    fc.tuple(tie('expression'), tie('pair')).map(([a, [b, c]]) => `(${a} ? ${b} : ${c})`),
    tie('expression').map((a) => `size(${a})`),
    fc.tuple(fc.constantFrom('string', 'bool'), tie('expression')).map(([f, a]) => `${f}(${a})`),
    // Of texts only those that are numbers: the library reads "" as 0 and "false" as NaN.
    fc
      .tuple(
        fc.constantFrom('int', 'uint', 'double'),
        fc.constantFrom('value.d', 'value.u', 'value.j', '"12"', '"-1"', '2e19')
      )
      .map(([f, a]) => `${f}(${a})`),
    fc
      .tuple(fc.constantFrom('startsWith', 'endsWith', 'contains'), tie('pair'))
      .map(([f, [a, b]]) => `(${a}).${f}(${b})`),
    fc
      .tuple(fc.constantFrom('all', 'exists', 'exists_one', 'filter', 'map'), tie('expression'), tie('pair'))
      .map(([macro, range, [a, b]]) => `(${range}).${macro}(x, x == ${a} || ${b})`),
    fc.tuple(tie('pair')).map(([[a, b]]) => `[${a}, ${b}]`),
    // The library takes a bool for the index of a list; CEL and we do not.
    fc
      .tuple(tie('expression'), fc.constantFrom('value.z', '0', '2', '3', '-1', '1u', '2.0', '0.5', '"a"', 'value.i'))
      .map(([a, index]) => `[${a}, 5, "x"][${index}]`)
  )
}))

describe('expressions made up at random', () => {
  it('have the value that the library gives them', () => {
    let compared = 0
    fc.assert(
      fc.property(expression, (source) => {
        const mine = ours(source)
        if (mine === undefined) return
        compared += 1
        expect(mine, source).toEqual(library(source))
      }),
      { numRuns: 3000 }
    )
    expect(compared).toBeGreaterThan(500)
  })
})
