/**
 * The scenario set, and what it is for: whoever runs it direct and through the proxy must read the same twice.
 */
import type { ClientDriver } from '../clients/driver.ts'
import type { KafkaVersion } from '../cluster/types.ts'
import { administration } from './admin.ts'
import { compactedWithoutKey, invalidTimestamp, refusedInTransaction, tooLarge, unknownTopic } from './errors.ts'
import { resumeClassic, resumeConsumer, shareGroup, twoMembers } from './groups.ts'
import { produceEveryWay, produceLarge, produceMany } from './produce.ts'
import { runScenario, type Scenario, type Transcript } from './scenario.ts'
import { commitAndAbort, fencing, offsetsInTransaction } from './transactions.ts'

export { runScenario, type Scenario, type Transcript } from './scenario.ts'

export const scenarios: Scenario[] = [
  produceEveryWay,
  produceMany,
  produceLarge,
  commitAndAbort,
  offsetsInTransaction,
  fencing,
  resumeClassic,
  resumeConsumer,
  twoMembers,
  shareGroup,
  administration,
  unknownTopic,
  tooLarge,
  invalidTimestamp,
  compactedWithoutKey,
  refusedInTransaction
]

/** What this client can run against this version. */
export function scenariosFor(driver: ClientDriver, version: KafkaVersion): Scenario[] {
  return scenarios.filter((scenario) => scenario.applies?.(driver, version) ?? true)
}

/**
 * One scenario by both ways to the same cluster. The transcripts are to be compared with `toEqual`: a difference is
 * something that the proxy did to a client.
 */
export async function equivalence(
  scenario: Scenario,
  driver: ClientDriver,
  ways: { direct: string[]; proxied: string[] }
): Promise<{ direct: Transcript; proxied: Transcript }> {
  const direct = await runScenario(scenario, driver, ways.direct)
  const proxied = await runScenario(scenario, driver, ways.proxied)
  return { direct, proxied }
}
