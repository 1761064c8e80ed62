import { describe, expect, it } from 'vitest'
import { typeName } from '../../../../src/contracts/checks/scalars.ts'
import { compileKeyEquals } from '../../../../src/contracts/compiled/key-equals.ts'
import { keyEquals } from '../../../../src/contracts/record-judge.ts'
import { Decimal, Timestamp, Uint } from '../../../../src/contracts/value.ts'
import type { Shape, Value } from '../../../../src/contracts/value.ts'
import { TestTable } from './support.ts'

const reads = [
  { side: 'key', steps: [] },
  { side: 'value', steps: ['id'] }
] as const
const dyn: Shape = { kind: 'dyn' }
const symbols = new Map([
  [JSON.stringify(['key']), ['RED', '42']],
  [JSON.stringify(['value', 'id']), ['GREEN', 'RED', 'true']]
])

/** Null where the values do not fit into slots. */
function judge(key: Value, wanted: Value, withSymbols: boolean): boolean | null {
  const table = new TestTable(reads, withSymbols ? symbols : new Map())
  const equals = compileKeyEquals(dyn, dyn, { key: 0, value: 1 }, table)
  if (typeof equals !== 'function') throw new Error(equals.reason)
  const bytes = table.fill(key, new Map([['id', wanted]]))
  return bytes === null ? null : equals(table.slots, bytes)
}

const values: readonly Value[] = [
  ...[null, true, false, 0n, 42n, -42n, 2n ** 53n - 1n, 2n ** 60n, new Uint(42n), 42, 42.5, NaN, -0],
  ...['', 'RED', 'GREEN', '42', '-42', '042', '0', '-0', 'true', 'false', '9007199254740991', '42.5', 'größe', 'a\\b'],
  ...['42', '-42', 'RED', 'true', ''].map((text) => Uint8Array.from(Buffer.from(text))),
  ...[Uint8Array.of(255), new Timestamp(1n, 0), new Timestamp(1n, 1), new Decimal(42n, 0), [42n], new Map()]
]

/** What no slot tells exactly. */
function isCoarse(value: Value): boolean {
  const isText = typeof value === 'string' && value.includes('\\')
  return value instanceof Decimal || Array.isArray(value) || value instanceof Map || isText
}

describe('compiled key.equals', () => {
  it.each([true, false])('says yes to all pairs the reference takes, and to no other (enums: %s)', (withSymbols) => {
    let equal = 0
    for (const key of values) {
      for (const wanted of values) {
        const answer = judge(key, wanted, withSymbols)
        if (answer === null) continue
        const right = keyEquals(key, wanted)
        const pair = `${typeName(key)} ${values.indexOf(key)} and ${typeName(wanted)} ${values.indexOf(wanted)}`
        if (isCoarse(key) || isCoarse(wanted) || wanted instanceof Timestamp) expect(!answer || right, pair).toBe(true)
        else expect(answer, pair).toBe(right)
        if (answer) equal++
      }
    }
    expect(equal).toBeGreaterThan(40)
  })

  it('takes an absent field for null', () => {
    const table = new TestTable(reads)
    const equals = compileKeyEquals(dyn, dyn, { key: 0, value: 1 }, table)
    if (typeof equals !== 'function') throw new Error(equals.reason)
    const bytes = table.fill('RED', new Map())!
    expect(equals(table.slots, bytes)).toBe(false)
  })

  it('says what it does not cover', () => {
    const slots = { key: 0, value: 1 }
    expect(compileKeyEquals({ kind: 'string' }, { kind: 'decimal' }, slots, new TestTable(reads))).toEqual({
      reason: 'it compares a decimal'
    })
  })
})
