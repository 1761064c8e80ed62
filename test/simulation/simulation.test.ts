/**
 * Thousands of schedules from seeds. One that fails prints itself and how to run it again:
 *
 *   SIM_SEED=17 npx vitest run --project simulation     that one, with all that happened
 *   npm run simulate -- --runs 100000 --seed 1          for as long as one likes
 */
import { describe, expect, it } from 'vitest'
import { describeFailure, run } from './schedule.ts'
import type { RunResult } from './schedule.ts'

const asked = process.env['SIM_SEED']
/** As many as a minute allows on a small machine. */
const schedules = 2_000
const firstSeed = 1
/** Schedules of one test, so that a slow machine does not run into its time limit. */
const perTest = 250

async function failuresOf(seeds: readonly number[], direct: boolean): Promise<string[]> {
  const failed: RunResult[] = []
  for (const seed of seeds) {
    const result = await run(seed, { direct })
    if (result.error !== null) failed.push(result)
  }
  // The shortest says most.
  return failed.sort((a, b) => a.steps - b.steps).map((result, i) => describeFailure(result, i === 0 ? 300 : 0))
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)

if (asked === undefined) describe('random schedules', randomSchedules)
else describe('the schedule that was asked for', theScheduleAskedFor)

function randomSchedules(): void {
  const starts = range(0, schedules / perTest).map((index) => firstSeed + index * perTest)

  it.each(starts)(
    'lose, leak, repeat and reorder nothing through kontrakt, from seed %i on',
    async (from) => {
      expect(await failuresOf(range(from, perTest), false)).toEqual([])
    },
    120_000
  )

  it('lose, repeat and reorder nothing at the cluster itself, so what fails elsewhere is ours', async () => {
    expect(await failuresOf(range(firstSeed, 500), true)).toEqual([])
  }, 120_000)

  it('are the same run for the same seed', async () => {
    for (const seed of range(firstSeed, 10)) {
      const [one, other] = [await run(seed), await run(seed)]
      expect(one.trace).toEqual(other.trace)
      expect(one.trace.length).toBeGreaterThan(20)
    }
  })
}

function theScheduleAskedFor(): void {
  it(`holds with seed ${asked}`, async () => {
    const result = await run(Number(asked))
    console.log(result.trace.join('\n'))
    expect(result.error).toBeNull()
  }, 120_000)
}
