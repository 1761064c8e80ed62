/**
 * Quarantine while everything dies: `kill -9` of one of two instances every few seconds, clients moving between them,
 * `kill -9` of a broker of three. What is promised to whom is in `test/support/faults/producers.ts`. The long form is
 * `npm run faults`, and its figures are in `docs/reliability.md`.
 */
import { describe, expect, inject, it } from 'vitest'
import { producers, shortRun } from '../support/faults/producers.ts'
import { brokenPromises, knownDirect, tableOf } from '../support/faults/report.ts'
import { runFaults } from '../support/faults/run.ts'

const durationMs = 40_000
const timeoutMs = 180_000

const { provider, missingClients } = inject('kafka')

// The detour of the direct connections needs brokers on this machine itself.
describe.skipIf(provider.kind !== 'java' || missingClients.java !== undefined)('quarantine under faults', () => {
  it('loses, lets through, repeats and reorders nothing that Kafka would not', { timeout: timeoutMs }, async () => {
    const seed = Number(process.env['KONTRAKT_TEST_SEED'] ?? Date.now() % 1_000_000)
    const lines: string[] = []
    const report = await runFaults({
      seed,
      durationMs,
      producers: producers.filter(
        ({ name, client }) => shortRun.includes(name) && missingClients[client] === undefined
      ),
      log: (line) => lines.push(line)
    })
    const told = [...lines, tableOf(report), ...report.logs].join('\n')
    expect(brokenPromises(report, knownDirect), told).toEqual([])
    expect(report.proxyKills).toBeGreaterThanOrEqual(4)
    expect(report.brokerKills).toBeGreaterThanOrEqual(1)
    expect(report.moves).toBeGreaterThanOrEqual(3)
    for (const { spec, way, tally } of report.producers) {
      expect(tally.accepted, `${spec.name} ${way}`).toBeGreaterThan(100)
      if (way === 'kontrakt') expect(tally.bad, spec.name).toBeGreaterThan(0)
    }
  })
})
