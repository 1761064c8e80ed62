/**
 * Our expressions against the official conformance cases. What fails is listed with its reason in
 * `cel-known-failures.json`; the list must be exact, so that it shrinks when something is fixed.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Fault } from '../../src/contracts/expressions/cel.ts'
import type { Cel, Result } from '../../src/contracts/expressions/cel.ts'
import { check } from '../../src/contracts/expressions/check.ts'
import { equal } from '../../src/contracts/expressions/compare.ts'
import { compileTree } from '../../src/contracts/expressions/compile.ts'
import { kindOf } from '../../src/contracts/expressions/cel.ts'
import { parseExpression } from '../../src/contracts/expressions/parse.ts'
import { Refusal } from '../../src/contracts/expressions/problem.ts'
import { dyn } from '../../src/contracts/expressions/types.ts'
import { celCases } from './cel-cases.ts'
import type { CelCase } from './cel-cases.ts'

interface KnownFailures {
  /** Cases whose result differs, by id. */
  readonly evaluation: Readonly<Record<string, string>>
  /** Cases with a value that the check refuses to load, by id. */
  readonly check: Readonly<Record<string, string>>
}

const known = JSON.parse(readFileSync(new URL('cel-known-failures.json', import.meta.url), 'utf8')) as KnownFailures

const { cases, skipped } = celCases()

function evaluate({ expression, bindings }: CelCase): Result {
  const names = [...bindings.keys()]
  try {
    const tree = parseExpression(expression, (name) => bindings.has(name))
    return compileTree(tree, names, (name) => bindings.get(name)!)(undefined)
  } catch (error) {
    if (error instanceof Refusal) return new Fault(error.message)
    throw error
  }
}

/** Same type and same value; NaN is NaN here. */
function same(a: Cel, b: Cel): boolean {
  if (kindOf(a) !== kindOf(b)) return false
  if (Number.isNaN(a) && Number.isNaN(b)) return true
  if (typeof a === 'number' && typeof b === 'number') return Object.is(a, b)
  return equal(a, b, { bindings: undefined, slots: [], ticks: 1_000_000 })
}

function evaluatesAsExpected(celCase: CelCase): boolean {
  const result = evaluate(celCase)
  if (result instanceof Fault) return celCase.expected.kind === 'error'
  return celCase.expected.kind === 'value' && same(result, celCase.expected.value)
}

function loads({ expression, bindings }: CelCase): boolean {
  try {
    const tree = parseExpression(expression, (name) => bindings.has(name))
    return check(tree, new Map([...bindings.keys()].map((name) => [name, dyn]))).problems.length === 0
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

describe('CEL conformance', () => {
  it('evaluates every official case to the expected result, except those listed', () => {
    const failing = cases.filter((celCase) => !evaluatesAsExpected(celCase)).map(({ id }) => id)
    const passing = cases.length - failing.length
    console.log(`CEL: ${cases.length} cases, ${passing} pass, ${failing.length} fail, ${skipped} left out`)
    expect(failing.sort()).toEqual(Object.keys(known.evaluation).sort())
  })

  it('loads every official case that has a value, except those listed', () => {
    const checked = cases.filter(({ expected, unchecked }) => expected.kind === 'value' && !unchecked)
    const refused = checked.filter((celCase) => !loads(celCase))
    console.log(`CEL: ${checked.length} cases with a value are loaded, ${refused.length} of them refused`)
    expect(refused.map(({ id }) => id).sort()).toEqual(Object.keys(known.check).sort())
  })

  it('runs as many cases as the packaged specification has', () => {
    expect(cases.length).toBeGreaterThan(1200)
  })

  it('gives a reason for each case that is listed', () => {
    for (const reason of [...Object.values(known.evaluation), ...Object.values(known.check)]) {
      expect(reason.length).toBeGreaterThan(20)
    }
  })
})
