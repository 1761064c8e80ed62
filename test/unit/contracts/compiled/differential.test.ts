/**
 * Compiled conditions against the reference: random rules over random records, also with types that the schema does
 * not promise. `KONTRAKT_CASES=1000` runs a thousand times as many.
 */
import { describe, expect, it } from 'vitest'
import type { Shape, Value } from '../../../../src/contracts/value.ts'
import { compileExpression } from '../../../../src/contracts/expressions/compile.ts'
import { caseCount, SeededRandom } from '../../../support/compiled-payload.ts'
import { ExpressionMaker } from './expressions.ts'
import { randomValue, root, scales, symbols, variablesFor } from './random-records.ts'
import { bothWays, expected } from './support.ts'

const dyn: Shape = { kind: 'dyn' }

interface Tally {
  /** Rules that the reference takes. */
  rules: number
  compiled: number
  /** Records on which the reference says true or false, of compiled rules. */
  decided: number
  same: number
}

const recordsPerRule = 25
/** In proportion to the cases. */
const timeoutMs = caseCount(60_000)

function runRules(shape: Shape, count: number, firstSeed: number): Tally {
  const tally: Tally = { rules: 0, compiled: 0, decided: 0, same: 0 }
  const variables = variablesFor(shape)
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const random = new SeededRandom(seed)
    const maker = new ExpressionMaker(random)
    const source = random.chance(0.1) ? maker.spanCondition() : maker.condition(3)
    if (!compileExpression(source, variables).ok) continue
    tally.rules++
    const both = bothWays(source, variables, symbols, scales)
    if ('reason' in both) continue
    tally.compiled++
    for (let n = 0; n < recordsPerRule; n++) {
      const value: Value = randomValue(random, random.chance(0.95) ? root : shape)
      const key = randomValue(random, dyn)
      const answer: number | null = both.run(key, value)
      if (answer === null) continue
      const wanted = expected(both.reference(key, value))
      if (wanted !== 2) tally.decided++
      if (answer === 2) continue
      if (answer !== wanted) expect.fail(`seed ${seed}, ${source}: ${answer}, the reference says ${wanted}`)
      tally.same++
    }
  }
  return tally
}

describe('compiled conditions', () => {
  it('answer as the reference does, where the schema says what the fields are', { timeout: timeoutMs }, () => {
    const tally = runRules(root, caseCount(1000), 1)
    expect(tally.rules).toBeGreaterThan(caseCount(500))
    expect(tally.compiled / tally.rules).toBeGreaterThan(0.5)
    expect(tally.same / tally.decided).toBeGreaterThan(0.9)
  })

  it('answer as the reference does, where it says nothing', { timeout: timeoutMs }, () => {
    const tally = runRules(dyn, caseCount(800), 1_000_000)
    expect(tally.rules).toBeGreaterThan(caseCount(500))
    expect(tally.same / tally.decided).toBeGreaterThan(0.5)
  })
})
