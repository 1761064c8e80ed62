/** Compiled Avro against the reference, over random schemas and payloads: valid, damaged and hostile. */
import { describe, expect, test } from 'vitest'
import { AvroSchemaReader } from '../../../../../src/contracts/payload/avro/schema.ts'
import type { AvroNode } from '../../../../../src/contracts/payload/avro/node.ts'
import { loadAvroSchema } from '../../../../../src/contracts/payload/avro/load.ts'
import { Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type { Compilable, CompiledPayload, SlotPath } from '../../../../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../../../../src/contracts/payload/format.ts'
import { caseCount, compareJudges, damaged, SeededRandom } from '../../../../support/compiled-payload.ts'
import { faultyPayload, randomSchema, validPayload } from '../../../../support/random-avro.ts'
import { randomPaths } from '../../../../support/random-avro-paths.ts'

const schemas = caseCount(250)
const firstSeed = Number(process.env['KONTRAKT_SEED'] ?? 1)

interface Case {
  readonly label: string
  readonly random: SeededRandom
  readonly node: AvroNode
  readonly format: PayloadFormat & Compilable
  readonly bare: CompiledPayload
  readonly paths: readonly SlotPath[]
  /** Null where one of the paths is not compiled. */
  readonly reading: CompiledPayload | null
  readonly slots: Slots
}

/** Null for schemas that are refused: records that cannot end. */
function caseOf(seed: number): Case | null {
  const random = new SeededRandom(seed)
  const schema = randomSchema(random)
  const source = JSON.stringify(schema)
  const loaded = loadAvroSchema({ source, references: [], file: 'schema' })
  if ('problem' in loaded) return null
  const format = loaded.format as PayloadFormat & Compilable
  const node = new AvroSchemaReader().read(schema)
  const bare = format.compile([], 0)
  // A few schemas have more values than bytes; the allowance for them is counted by the reference.
  if ('reason' in bare) return null
  const paths = randomPaths(node, random)
  const reading = format.compile(paths, 3)
  return {
    label: `KONTRAKT_SEED=${seed}, schema ${source.slice(0, 2000)}`,
    random,
    node,
    format,
    bare,
    paths,
    reading: 'reason' in reading ? null : reading,
    slots: new Slots(paths.length + 3)
  }
}

interface Tally {
  cases: number
  reading: number
  payloads: number
  referenceAccepts: number
  bareAccepts: number
  readingAccepts: number
  readable: number
}

function compareAll(makePayload: (one: Case) => Buffer, each: number): Tally {
  const tally = {
    cases: 0,
    reading: 0,
    payloads: 0,
    referenceAccepts: 0,
    bareAccepts: 0,
    readingAccepts: 0,
    readable: 0
  }
  for (let seed = firstSeed; seed < firstSeed + schemas; seed++) {
    const one = caseOf(seed)
    if (one === null) continue
    tally.cases++
    if (one.reading !== null) tally.reading++
    for (let count = 0; count < each; count++) {
      const payload = makePayload(one)
      const bare = compareJudges(one.format, one.bare, [], payload, one.slots, one.label)
      tally.payloads++
      if (bare.referenceAccepts) tally.referenceAccepts++
      if (bare.accepted) tally.bareAccepts++
      if (one.reading === null) continue
      const reading = compareJudges(one.format, one.reading, one.paths, payload, one.slots, one.label, 3)
      if (reading.referenceAccepts) tally.readable++
      if (reading.accepted) tally.readingAccepts++
    }
  }
  return tally
}

describe('compiled Avro against the reference', { timeout: caseCount(60_000) }, () => {
  test('valid payloads in every form are accepted, and the slots hold what the value holds', () => {
    const tally = compareAll(({ node, random }) => validPayload(node, random), 8)
    expect(tally.cases).toBeGreaterThan(schemas * 0.9)
    expect(tally.reading).toBeGreaterThan(tally.cases * 0.9)
    expect(tally.referenceAccepts).toBe(tally.payloads)
    expect(tally.bareAccepts).toBe(tally.payloads)
    // The rest has integers beyond 2^53 where a rule reads.
    expect(tally.readingAccepts).toBeGreaterThan(tally.readable * 0.97)
  })

  test('damaged payloads are never accepted where the reference refuses', () => {
    const tally = compareAll(({ node, random }) => damaged(validPayload(node, random), random), 8)
    expect(tally.referenceAccepts).toBeGreaterThan(0)
    expect(tally.referenceAccepts).toBeLessThan(tally.payloads)
    expect(tally.bareAccepts).toBeGreaterThan(tally.referenceAccepts * 0.95)
  })

  test('hostile payloads are never accepted where the reference refuses', () => {
    const tally = compareAll(({ node, random }) => faultyPayload(node, random), 8)
    expect(tally.referenceAccepts).toBeGreaterThan(tally.payloads * 0.2)
    expect(tally.referenceAccepts).toBeLessThan(tally.payloads)
  })

  test('no byte outside of the payload is read, whatever is inside', () => {
    for (let seed = firstSeed; seed < firstSeed + schemas; seed++) {
      const one = caseOf(seed)
      if (one === null) continue
      const payload = faultyPayload(one.node, one.random)
      for (const bytes of [
        payload,
        payload.subarray(0, one.random.below(payload.length + 1)),
        damaged(payload, one.random)
      ]) {
        const outside: number[] = []
        const watched = watch(bytes, 3, outside)
        one.bare.accepts(watched, 3, 3 + bytes.length, one.slots)
        one.reading?.accepts(watched, 3, 3 + bytes.length, one.slots)
        expect(outside, `${one.label}, payload ${bytes.toString('hex')}`).toEqual([])
      }
    }
  })

  test('a payload cut at any byte is not accepted', () => {
    for (let seed = firstSeed; seed < firstSeed + schemas / 10; seed++) {
      const one = caseOf(seed)
      if (one === null) continue
      const payload = validPayload(one.node, one.random)
      for (let length = 0; length < payload.length; length++) {
        compareJudges(one.format, one.bare, [], payload.subarray(0, length), one.slots, one.label)
        if (one.reading === null) continue
        compareJudges(one.format, one.reading, one.paths, payload.subarray(0, length), one.slots, one.label, 3)
      }
    }
  })
})

/** The payload after `margin` other bytes; indexes that are read outside of it are put into `outside`. */
function watch(payload: Buffer, margin: number, outside: number[]): Buffer {
  return new Proxy(Buffer.concat([Buffer.alloc(margin), payload, Buffer.alloc(margin)]), {
    get(target, key): unknown {
      const index = Number(key)
      if (Number.isNaN(index) || index < margin || index >= margin + payload.length) outside.push(index)
      return target[index]
    }
  })
}
