/**
 * Everything behaves as if kontrakt were not there: the same scenarios direct and through the proxy give the same
 * transcripts. Once with nothing to enforce (frames are relayed), once with a policy that watches every topic (every
 * Produce request is opened, judged and forwarded).
 *
 * What Kafka itself answers can depend on how busy the machine is (a transaction that is still being ended, a leader not
 * elected yet), so a scenario that differs is tried again; a difference that the proxy makes is there every time.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KafkaVersion } from '../support/cluster/types.ts'
import { describeClients, describeKafka } from '../support/kafka.ts'
import { startKontrakt, type Kontrakt } from '../support/kontrakt.ts'
import { equivalence, scenarios } from '../support/scenarios/index.ts'

const watchEverything = `apiVersion: kontrakt/v1
topics: "**"
mode: observe
value: { format: bytes }
fields: { value: { maxLength: 1 } }
`

const setups: { version: KafkaVersion; nodes: 1 | 3; policies: Record<string, string>; title: string }[] = [
  { version: '4.3.1', nodes: 3, policies: {}, title: 'relayed' },
  { version: '4.3.1', nodes: 1, policies: { 'all.yaml': watchEverything }, title: 'watched' },
  { version: '3.9.2', nodes: 1, policies: { 'all.yaml': watchEverything }, title: 'watched' }
]

for (const { version, nodes, policies, title } of setups) {
  describeKafka(`equivalence, ${title}`, { version, nodes }, (cluster) => {
    let kontrakt: Kontrakt
    beforeAll(async () => {
      kontrakt = await startKontrakt({ upstream: cluster().bootstrap, policies })
    })
    afterAll(() => kontrakt.stop())

    describeClients((driver) => {
      describe('direct and proxied are the same', () => {
        it.each(scenarios)('$name', { timeout: 180_000, retry: 2 }, async (scenario) => {
          if (scenario.applies?.(driver(), version) === false) return
          const ways = { direct: cluster().bootstrap, proxied: [kontrakt.bootstrap] }
          const { direct, proxied } = await equivalence(scenario, driver(), ways)
          expect(direct.length).toBeGreaterThan(0)
          expect(proxied).toEqual(direct)
        })
      })
    })
  })
}
