/** Compiled JSON Schema against the reference: random schemas, values, spellings and damage. */
import { describe, expect, test } from 'vitest'
import { compiledLimits, slotKind, Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type { Compilable, CompiledPayload } from '../../../../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../../../../src/contracts/payload/format.ts'
import { loadPayloadFormat } from '../../../../../src/contracts/payload/load.ts'
import { caseCount, compareJudges, damaged, SeededRandom } from '../../../../support/compiled-payload.ts'
import { valueFor, write } from '../../../../support/random-json.ts'
import { pathsIn, RandomJsonSchema } from '../../../../support/random-json-schema.ts'

type Format = PayloadFormat & Compilable

const valuesPerSchema = 60

/** Written so that the bytes are the text, which is what is judged in place. */
const isPlain = (text: string): boolean => !text.includes('\\') && !text.includes('\u{10ffff}')

function compiledOf(format: Format, paths: Parameters<Format['compile']>[0]): CompiledPayload | null {
  const compiled = format.compile(paths, paths.length === 0 ? 0 : 2)
  return 'reason' in compiled ? null : compiled
}

describe('a compiled JSON Schema', () => {
  test(
    'accepts nothing that the reference refuses, and most of what is written plainly',
    () => {
      const count = caseCount(60)
      let compiledSchemas = 0
      let plain = 0
      let accepted = 0
      for (let seed = 1; seed <= count; seed++) {
        const random = new SeededRandom(seed)
        const schema = new RandomJsonSchema(random).document()
        const loaded = loadPayloadFormat({ format: 'json', source: JSON.stringify(schema), file: 'schema' })
        if ('problem' in loaded) continue
        const format = loaded.format as Format
        const paths = pathsIn(schema, random).slice(0, compiledLimits.paths)
        const noting = compiledOf(format, paths)
        const judging = compiledOf(format, [])
        if (noting === null || judging === null) continue
        compiledSchemas++
        const slots = new Slots(paths.length + 2)
        for (let index = 0; index < valuesPerSchema; index++) {
          const label = `seed ${seed}, value ${index}`
          const value = valueFor(schema, schema, random, index % 3 === 0 ? 0.1 : 0)
          const text = write(value, random, 0)
          const outcome = compareJudges(format, judging, [], Buffer.from(text), slots, label)
          if (isPlain(text) && outcome.referenceAccepts) {
            plain++
            if (outcome.accepted) accepted++
          }
          for (const payload of [text, write(value, random, 0.15), damaged(Buffer.from(text), random)]) {
            compareJudges(format, noting, paths, Buffer.from(payload), slots, `${label}, noted`, 2)
          }
        }
      }
      expect(compiledSchemas / count).toBeGreaterThan(0.7)
      expect(plain).toBeGreaterThan(10 * count)
      // The others have objects or arrays in an enum, or unique items that are objects.
      expect(accepted / plain).toBeGreaterThan(0.9)
    },
    caseCount(60_000)
  )

  test('accepts every order that a shop would send, and notes what is asked for', () => {
    const format = loaded(orderSchema)
    const paths = [
      ['order_id'],
      ['customer', 'id'],
      ['customer', 'email'],
      ['total'],
      ['lines'],
      ['note'],
      ['customer']
    ]
    const compiled = compiledOf(format, paths)!
    const slots = new Slots(paths.length + 2)
    const random = new SeededRandom(7)
    for (let index = 0; index < caseCount(500); index++) {
      const order = randomOrder(random)
      const text = Buffer.from(random.chance(0.5) ? JSON.stringify(order) : JSON.stringify(order, null, 1))
      const outcome = compareJudges(format, compiled, paths, text, slots, `order ${index}`, 2)
      expect(outcome).toEqual({ accepted: true, referenceAccepts: true })
      const { kinds } = slots
      expect(kinds[2]).toBe(slotKind.text)
      expect(kinds[3]).toBe(slotKind.int)
      expect([slotKind.text, slotKind.null]).toContain(kinds[4])
      expect(kinds[5]).toBe(slotKind.double)
      expect(kinds[6]).toBe(slotKind.list)
      expect(kinds[7]).toBe('note' in order ? slotKind.text : slotKind.absent)
      expect(kinds[8]).toBe(slotKind.other)
    }
  })

  test('is cut short, extended and damaged without a difference to the reference', () => {
    const format = loaded(orderSchema)
    const compiled = compiledOf(format, [['total']])!
    const slots = new Slots(3)
    const random = new SeededRandom(11)
    const text = Buffer.from(JSON.stringify(randomOrder(random)))
    for (let end = 0; end < text.length; end++) {
      compareJudges(format, compiled, [['total']], text.subarray(0, end), slots, `cut at ${end}`, 2)
    }
    for (let index = 0; index < caseCount(3000); index++) {
      compareJudges(format, compiled, [['total']], damaged(text, random), slots, `damage ${index}`, 2)
    }
  })
})

const orderSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['order_id', 'customer', 'total', 'currency', 'created_at', 'lines'],
  properties: {
    order_id: { type: 'string', pattern: '^ORD-[0-9]{6}$' },
    customer: {
      type: 'object',
      required: ['id'],
      properties: { id: { type: 'integer', minimum: 1 }, email: { type: ['string', 'null'], format: 'email' } }
    },
    total: { type: 'number', exclusiveMinimum: 0 },
    currency: { enum: ['EUR', 'USD', 'GBP'] },
    created_at: { type: 'string', format: 'date-time' },
    note: { type: 'string', maxLength: 40 },
    lines: { type: 'array', minItems: 1, items: { $ref: '#/$defs/line' } }
  },
  $defs: {
    line: {
      type: 'object',
      required: ['sku', 'quantity'],
      properties: {
        sku: { type: 'string', minLength: 1 },
        quantity: { type: 'integer', minimum: 1, maximum: 1000 },
        price: { anyOf: [{ type: 'null' }, { type: 'number', minimum: 0 }] }
      }
    }
  }
}

function randomOrder(random: SeededRandom): Record<string, unknown> {
  const line = (): unknown => ({
    sku: `S-${random.below(99)}`,
    quantity: 1 + random.below(9),
    price: random.pick([null, 1.5, 20])
  })
  return {
    order_id: `ORD-${100_000 + random.below(900_000)}`,
    customer: {
      id: 1 + random.below(1e9),
      email: random.pick([null, 'a.b@example.com']),
      extra: { deep: [1, 'x', {}] }
    },
    total: random.pick([1, 0.1 + 0.2, 12.99, 1e21, 123456789012345.6]),
    currency: random.pick(['EUR', 'USD', 'GBP']),
    created_at: `2026-0${1 + random.below(9)}-1${random.below(10)}T0${random.below(10)}:03:04.5Z`,
    ...(random.chance(0.5) ? { note: 'für 😀' } : {}),
    lines: Array.from({ length: 1 + random.below(3) }, line)
  }
}

function loaded(schema: object): Format {
  const format = loadPayloadFormat({ format: 'json', source: JSON.stringify(schema), file: 'schema' })
  if ('problem' in format) throw new Error(format.problem)
  return format.format as Format
}
