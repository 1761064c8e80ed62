/**
 * `npm run simulate`: random schedules for as long as one likes.
 *
 *   npm run simulate -- --runs 100000 --seed 1     seeds 1 to 100000
 *   npm run simulate -- --direct                   without kontrakt in between
 *
 * Each kind of failure is told with its seeds; the shortest run of all is printed whole. The exit code is 1 when one
 * failed.
 */
import { parseArgs } from 'node:util'
import { describeFailure, run } from './schedule.ts'
import type { RunResult } from './schedule.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    direct: { type: 'boolean', default: false }
  }
})
const firstSeed = Number(values.seed)
const runs = Number(values.runs)
if (!Number.isInteger(firstSeed) || !Number.isInteger(runs) || runs < 1) {
  console.error('--seed and --runs are whole numbers')
  process.exit(2)
}

/** Seeds per kind of failure that are listed. */
const listed = 12
const startedMs = Date.now()
const seedsOf = new Map<string, number[]>()
let shortest: RunResult | null = null
let steps = 0

for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
  const result = await run(seed, { direct: values.direct })
  steps += result.steps
  if (result.error !== null) {
    const kind = result.error.message.replace(/[a-z]+\d+(\.\d+\.\w+)?/g, 'X').replace(/\d+/g, 'n')
    seedsOf.set(kind, [...(seedsOf.get(kind) ?? []), seed])
    if (shortest === null || result.steps < shortest.steps) shortest = result
  }
  if ((seed - firstSeed + 1) % 10_000 === 0)
    console.log(`${seed - firstSeed + 1} schedules, ${seedsOf.size} kinds of failure`)
}

if (shortest !== null) console.log(describeFailure(shortest, 2_000))
for (const [kind, seeds] of seedsOf) {
  console.log(`${seeds.length} times: ${kind}: seeds ${seeds.slice(0, listed).join(', ')}`)
}
const seconds = (Date.now() - startedMs) / 1_000
console.log(`${runs} schedules, ${steps} steps, ${seconds.toFixed(1)} s, ${[...seedsOf.values()].flat().length} failed`)
process.exitCode = shortest === null ? 0 : 1
