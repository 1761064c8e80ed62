/** Text and bytes, compiled, against the reference. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { slotKind, Slots } from '../../../../src/contracts/payload/compiled.ts'
import type { Compilable, CompiledPayload } from '../../../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../../../src/contracts/payload/format.ts'
import { bytesFormat, stringFormat } from '../../../../src/contracts/payload/text.ts'
import { caseCount, compareJudges } from '../../../support/compiled-payload.ts'

const firstSlot = 1
const slots = new Slots(3)

function compiledOf(format: PayloadFormat & Compilable, count: number): CompiledPayload {
  const compiled = format.compile(
    Array.from({ length: count }, () => []),
    firstSlot
  )
  if ('reason' in compiled) throw new Error(compiled.reason)
  return compiled
}

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array)),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  fc.string({ unit: 'grapheme', maxLength: 50 }).map((text) => Buffer.from(text))
)

test('both judge, and note, as the reference does', () => {
  for (const format of [stringFormat, bytesFormat]) {
    for (const count of [0, 1, 2]) {
      const paths = Array.from({ length: count }, () => [])
      const compiled = compiledOf(format, count)
      fc.assert(
        fc.property(bytes, (payload) => {
          const result = compareJudges(format, compiled, paths, payload, slots, format.name, firstSlot)
          expect(result.accepted).toBe(result.referenceAccepts)
        }),
        { numRuns: caseCount(300) }
      )
    }
  }
})

test('only the slots that were asked for are written', () => {
  slots.kinds.fill(99)
  expect(compiledOf(stringFormat, 1).accepts(Buffer.from('xabcx'), 1, 4, slots)).toBe(true)
  expect([...slots.kinds]).toEqual([99, slotKind.text, 99])
  expect([slots.starts[1], slots.ends[1]]).toEqual([1, 4])
  expect(compiledOf(bytesFormat, 2).accepts(Buffer.alloc(0), 0, 0, slots)).toBe(true)
  expect([...slots.kinds]).toEqual([99, slotKind.bytes, slotKind.bytes])
})

test('there are no fields in them, and no lists', () => {
  const visit = { list: [], items: [], firstSlot: 1, visit: (): void => undefined }
  expect(stringFormat.compile([[]], 0, [visit])).toEqual({ reason: 'a payload without a schema has no lists' })
  expect(bytesFormat.compile([[]], 0, [visit])).toHaveProperty('reason')
  expect(stringFormat.compile([[], ['a']], 0)).toEqual({ reason: 'a payload without a schema has no fields' })
  expect(bytesFormat.compile([['a']], 0)).toHaveProperty('reason')
})
