/** The compiled walker against the reference: it accepts nothing else, and nearly all that is ordinary. */
import { describe, expect, test } from 'vitest'
import { Slots } from '../../../../../src/contracts/payload/compiled.ts'
import { caseCount, compareJudges, damaged, SeededRandom } from '../../../../support/compiled-payload.ts'
import { compiledOf, proto } from './compiled-helpers.ts'
import { odd, ordinary, PayloadWriter } from './random-proto-payload.ts'
import { randomPaths, randomProto } from './random-proto.ts'

const firstSlot = 3
const timeoutMs = caseCount(30_000)

describe('random schemas', () => {
  test('ordinary payloads are accepted, with the fields that were asked for', { timeout: timeoutMs }, () => {
    let accepted = 0
    let wanted = 0
    const schemas = caseCount(250)
    for (let seed = 1; seed <= schemas; seed++) {
      const random = new SeededRandom(seed)
      const schema = randomProto(random)
      const format = proto(schema.source, 'M0')
      const paths = randomPaths(random, schema)
      const compiled = compiledOf(format, paths, firstSlot)
      const slots = new Slots(firstSlot + paths.length)
      for (let round = 0; round < 20; round++) {
        const payload = new PayloadWriter(random, schema, ordinary).root()
        const label = `seed ${seed}, round ${round}, ${schema.source}`
        const result = compareJudges(format, compiled, paths, payload, slots, label, firstSlot)
        if (!result.referenceAccepts) continue
        wanted++
        if (result.accepted) accepted++
      }
    }
    expect(wanted).toBeGreaterThan(schemas * 18)
    expect(accepted / wanted).toBeGreaterThan(0.98)
  })

  test(
    'odd, invalid and damaged payloads are accepted only where the reference accepts them',
    { timeout: timeoutMs },
    () => {
      const schemas = caseCount(400)
      let accepted = 0
      let refused = 0
      for (let seed = 1; seed <= schemas; seed++) {
        const random = new SeededRandom(0x10000 + seed)
        const schema = randomProto(random)
        const format = proto(schema.source, 'M0')
        const paths = randomPaths(random, schema)
        const compiled = compiledOf(format, paths, firstSlot)
        const slots = new Slots(firstSlot + paths.length)
        for (let round = 0; round < 25; round++) {
          const whole = new PayloadWriter(random, schema, odd).root()
          const payload = round % 5 < 2 ? whole : damaged(whole, random)
          const label = `seed ${seed}, round ${round}, ${schema.source}`
          const result = compareJudges(format, compiled, paths, payload, slots, label, firstSlot)
          if (result.accepted) accepted++
          if (!result.referenceAccepts) refused++
        }
      }
      expect(accepted).toBeGreaterThan(schemas * 5)
      expect(refused).toBeGreaterThan(schemas)
    }
  )
})
