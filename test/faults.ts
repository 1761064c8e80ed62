/**
 * The long form of `test/integration/quarantine-faults.test.ts`: the same run for as long as one likes.
 *
 *     npm run faults -- --minutes 10
 *     npm run faults -- --minutes 10 --seed 7   the same schedule again
 *     npm run faults -- --minutes 10 --write    the figures into docs/reliability.md
 *     npm run faults -- --only java,kafkajs     some of the producers
 *     npm run faults -- --direct                all of them without kontrakt
 *
 * Ends with 1 when a promise was broken, and says which.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { prepareClients } from './support/clients/index.ts'
import { producers } from './support/faults/producers.ts'
import { brokenPromises, tableOf, withSection } from './support/faults/report.ts'
import { runFaults, type RunReport } from './support/faults/run.ts'

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    direct: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false }
  }
})
const minutes = Number(flags.minutes ?? 10)
const seed = Number(flags.seed ?? Date.now() % 1_000_000)
if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('--minutes is a number above 0, --seed an integer')

const only = flags.only?.split(',')
const unknown = only?.filter((name) => producers.every((spec) => spec.name !== name)) ?? []
if (unknown.length > 0) {
  throw new Error(`no producer ${unknown.join(', ')}: they are ${producers.map(({ name }) => name).join(', ')}`)
}

const missing = await prepareClients()
for (const [name, reason] of Object.entries(missing)) console.warn(`${name} does not take part: ${reason}`)

const report = await runFaults({
  seed,
  durationMs: minutes * 60_000,
  producers: producers.filter(({ name, client }) => missing[client] === undefined && only?.includes(name) !== false),
  ...(flags.direct ? { ways: ['direct'] } : {}),
  log: (line) => void process.stderr.write(`${line}\n`)
})
const broken = brokenPromises(report)
const section = sectionOf(report, broken)
console.log(section)
if (flags.write) {
  const page = join(import.meta.dirname, '../docs/reliability.md')
  await writeFile(page, withSection(await readFile(page, 'utf8'), section))
}
// Not left to the event loop: after minutes of lost connections a closed client of kafkajs may go on in it for ever.
process.exit(broken.length === 0 ? 0 : 1)

function sectionOf({ durationMs, proxyKills, brokerKills, moves }: RunReport, lines: readonly string[]): string {
  const cores = cpus()
  const outcome = lines.length === 0 ? 'Every promise was kept.' : lines.map((line) => `- ${line}`).join('\n')
  return (
    `${durationMs / 60_000} minutes, seed ${seed}: ${proxyKills} times \`kill -9\` of one of two instances, ${brokerKills} times of ` +
    `one of three brokers (Apache Kafka 4.3.1). ${moves} times a producer was found at the other instance than before. ` +
    `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}).\n\n${tableOf(report)}\n\n${outcome}`
  )
}
