import { describe, expect, it } from 'vitest'
import { checkConstraints, compileConstraints as read, misfit } from '../../../../src/contracts/checks/constraints.ts'
import { typeName } from '../../../../src/contracts/checks/scalars.ts'
import { compileConstraints } from '../../../../src/contracts/compiled/constraints.ts'
import type { ConstraintDocument } from '../../../../src/contracts/policy/schema.ts'
import { Decimal, Timestamp, Uint } from '../../../../src/contracts/value.ts'
import type { ScalarKind, Shape, Value } from '../../../../src/contracts/value.ts'
import { caseCount, SeededRandom } from '../../../support/compiled-payload.ts'
import { TestTable } from './support.ts'

const read1 = { side: 'value', steps: ['f'] } as const
const enumSymbols = ['EUR', 'USD', 'größe']
const name = JSON.stringify(['value', 'f'])
const scales = new Map([[name, 2]])

interface Answers {
  readonly compiled: boolean
  readonly kept: boolean
}

/** Both ways; null where the value does not fit into a slot. */
function judge(document: ConstraintDocument, shape: Shape, value: Value | undefined, isEnum = false): Answers | null {
  const { constraints } = read(document)
  const table = new TestTable([read1], isEnum ? new Map([[name, enumSymbols]]) : new Map(), scales)
  const keeps = compileConstraints(constraints, shape, 0, table.symbolsOf(0), table.scaleOf(0))
  if (typeof keeps !== 'function') throw new Error(keeps.reason)
  const bytes = table.fill(null, value === undefined ? new Map() : new Map([['f', value]]))
  if (bytes === null) return null
  let broken = 0
  checkConstraints(constraints, value, () => broken++)
  return { compiled: keeps(table.slots, bytes), kept: broken === 0 }
}

const dyn: Shape = { kind: 'dyn' }

describe('compiled constraints', () => {
  it.each<readonly [ConstraintDocument, Value | undefined, boolean]>([
    [{ required: true }, undefined, false],
    [{ required: true }, null, false],
    [{ required: true }, new Map(), true],
    [{ minLength: 1 }, undefined, true],
    [{ in: ['EUR', 'USD'] }, 'EUR', true],
    [{ in: ['EUR', 'USD'] }, 'eur', false],
    [{ equals: 'EUR' }, 'EUR', true],
    [{ equals: 3 }, 3n, true],
    [{ equals: 3 }, 3, true],
    [{ equals: 3 }, new Uint(3n), true],
    [{ equals: 3 }, '3', false],
    [{ equals: true }, true, true],
    [{ equals: true }, false, false],
    [{ in: [1, 'a', false] }, false, true],
    [{ min: 0, max: 10 }, 10n, true],
    [{ min: 0, max: 10 }, 11n, false],
    [{ min: 0.5 }, 0.5, true],
    [{ min: 0.5 }, NaN, false],
    [{ max: 10 }, -Infinity, true],
    [{ min: 0 }, 'text', false],
    [{ minLength: 2, maxLength: 2 }, '😀é', true],
    [{ minLength: 2, maxLength: 2 }, Uint8Array.of(1, 2), true],
    [{ maxLength: 1 }, Uint8Array.of(1, 2), false],
    [{ minLength: 1 }, 7n, false],
    [{ minItems: 1, maxItems: 2 }, [1n], true],
    [{ minItems: 1, maxItems: 2 }, [], false],
    [{ minItems: 0 }, 'text', false],
    [{ matches: '^[A-Z]{3}$' }, 'EUR', true],
    [{ matches: '^[A-Z]{3}$' }, 'EURO', false],
    [{ matches: '(a|b)c' }, 'xbc', true],
    [{ matches: '.' }, '', false],
    [{ matches: 'x', in: ['x'] }, 'x', true],
    [{ matches: 'x', min: 0 }, 'x', false]
  ])('%j of %o: %s', (document, value, kept) => {
    expect(judge(document, dyn, value)).toEqual({ compiled: kept, kept })
  })

  it('look at the symbols of an enum once', () => {
    expect(judge({ in: ['EUR'] }, dyn, 'EUR', true)).toEqual({ compiled: true, kept: true })
    expect(judge({ in: ['EUR'] }, dyn, 'USD', true)).toEqual({ compiled: false, kept: false })
    expect(judge({ maxLength: 5, matches: 'ö' }, dyn, 'größe', true)).toEqual({ compiled: true, kept: true })
  })

  it('do not take one half of a surrogate pair for the character that replaces it', () => {
    expect(judge({ equals: '\ud83d' }, dyn, '\ufffd')).toEqual({ compiled: false, kept: false })
  })

  it('leave texts alone that are too long to be matched', () => {
    const answers = judge({ matches: '^[a-z]{1,1000}$' }, dyn, 'a'.repeat(9000))
    expect(answers).toEqual({ compiled: false, kept: false })
    const long = judge({ matches: '^[ab]*$' }, dyn, 'ab'.repeat(600_000))
    expect(long).toEqual({ compiled: false, kept: false })
  })

  it('say what they do not cover', () => {
    const { constraints } = read({ min: 2 ** 51 + 0.5 })
    expect(compileConstraints(constraints, { kind: 'decimal' }, 0, null, 0)).toEqual({
      reason: 'it compares a decimal with a number of more than 53 bits'
    })
    const counted = read({ minItems: 1 }).constraints
    const map: Shape = { kind: 'map', values: dyn }
    expect(compileConstraints(counted, map, 0, null, null)).toEqual({ reason: 'it counts the entries of a map' })
    expect(compileConstraints(read({ required: true }).constraints, { kind: 'decimal' }, 0, null, null)).toBeTypeOf(
      'function'
    )
  })

  it('never take what the reference refuses, and little else but what no slot holds', () => {
    const random = new SeededRandom(5)
    const kinds: readonly ScalarKind[] = [
      'int',
      'uint',
      'double',
      'decimal',
      'string',
      'bool',
      'bytes',
      'dyn',
      'timestamp'
    ]
    let kept = 0
    let taken = 0
    for (let n = 0; n < caseCount(4000); n++) {
      const document = randomDocument(random)
      const shape: Shape = { kind: random.pick(kinds) }
      if (misfit(read(document).constraints, shape) !== null) continue
      const value = randomValue(random)
      const answers = judge(document, shape, value, random.chance(0.3))
      if (answers === null) continue
      if (answers.compiled && !answers.kept) expect.fail(`case ${n}: ${JSON.stringify(document)} of ${typeName(value)}`)
      if (
        !answers.kept ||
        (value instanceof Decimal && value.scale !== 2) ||
        value instanceof Timestamp ||
        value instanceof Map
      )
        continue
      kept++
      if (answers.compiled) taken++
    }
    expect(kept).toBeGreaterThan(caseCount(300))
    expect(taken).toBe(kept)
  })
})

function randomDocument(random: SeededRandom): ConstraintDocument {
  const document: Record<string, unknown> = {}
  if (random.chance(0.3)) document['required'] = true
  if (random.chance(0.3)) document['in'] = random.pick([['EUR', 'a'], [0, 3, 2.5], [true, 'a', 3], ['größe']])
  else if (random.chance(0.2)) document['equals'] = random.pick(['EUR', 3, true, ''])
  if (random.chance(0.3)) document['min'] = random.pick([-1, 0, 2.5])
  if (random.chance(0.3)) document['max'] = random.pick([3, 2.5, 1e300])
  if (random.chance(0.3)) document['minLength'] = random.below(4)
  if (random.chance(0.3)) document['maxLength'] = 3 + random.below(4)
  if (random.chance(0.1)) document['minItems'] = random.below(3)
  if (random.chance(0.2)) document['matches'] = random.pick(['^[A-Z]+$', 'a', '^[a-z]*', 'x|ö'])
  return document
}

function randomValue(random: SeededRandom): Value | undefined {
  const values: readonly (Value | undefined)[] = [
    undefined,
    null,
    ...[true, false, 0n, 3n, -5n, 2n ** 53n, new Uint(3n), 2.5, 3, NaN, -0, Infinity],
    ...['', 'EUR', 'USD', 'a', 'größe', '😀', 'abcdef'],
    ...[
      Uint8Array.of(1),
      new Uint8Array(),
      new Timestamp(0n, 0),
      new Decimal(30n, 1),
      new Decimal(300n, 2),
      new Decimal(250n, 2),
      new Decimal(-101n, 2),
      [],
      [1n, 2n],
      new Map()
    ]
  ]
  return random.pick(values)
}
