/**
 * Around all integration tests: finds out what this machine can run, serves the shared clusters, and ends whatever is
 * left at the end. Clusters are started only when a test asks.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { prepareClients } from './support/clients/index.ts'
import { kafkaImage } from './support/cluster/container-cluster.ts'
import { findProvider, kafkaVersions } from './support/cluster/provider.ts'
import { hostClusters } from './support/cluster/shared.ts'
import { startCluster } from './support/cluster/start.ts'
import { engineVersion, imageExists, removeLabelled } from './support/engine.ts'
import type { KafkaEnvironment } from './support/kafka.ts'
import { endLeftovers } from './support/processes.ts'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const own = process.env['KONTRAKT_TEST_RUN'] === undefined
  const folder = (process.env['KONTRAKT_TEST_RUN'] ??= await mkdtemp(join(tmpdir(), 'kontrakt-test-')))
  const provider = await findProvider()
  const kind = provider.kind
  const missingClients = kind === 'none' ? {} : await prepareClients()
  const engineMissing = await whyNoEngine()
  const engine = engineMissing === undefined ? ((await engineVersion()) ?? null) : null
  const clusterSocket = join(folder, 'clusters.sock')
  const environment: KafkaEnvironment = { provider, missingClients, engine, clusterSocket }
  const notes = notesOn(environment, engineMissing)
  await writeFile(join(folder, 'notes.json'), JSON.stringify(notes))
  refuseAbsence(environment, notes)
  const host = await hostClusters(clusterSocket, async (options) => {
    if (kind === 'none') throw new Error('nothing on this machine can run Kafka')
    return await startCluster(options, kind)
  })
  project.provide('kafka', environment)
  return async () => {
    await host.close()
    endLeftovers()
    if (engine !== null) await removeLabelled()
    if (!own) return
    for (const note of notes) console.warn(note)
    await rm(folder, { recursive: true, force: true })
  }
}

/** Undefined when containers can be used. */
async function whyNoEngine(): Promise<string | undefined> {
  if ((await engineVersion()) === undefined) return 'no container engine answers (.ci/engine.sh starts one)'
  const image = kafkaImage('4.3.1')
  return (await imageExists(image)) ? undefined : `no image ${image} (.ci/engine.sh builds it)`
}

/** In words what does not run, and what to install. */
function notesOn({ provider, missingClients }: KafkaEnvironment, engineMissing: string | undefined): string[] {
  const notes: string[] = []
  const absent = kafkaVersions.filter((version) => !provider.versions.includes(version))
  if (provider.kind === 'none') {
    notes.push(`Suites against real Apache Kafka did not run: ${provider.missing.join('; ')}.`)
    notes.push('They need Java 17 and Maven, or a container engine with our images (.ci/engine.sh): docs/testing.md.')
  } else if (absent.length > 0) {
    notes.push(`Suites against Apache Kafka ${absent.join(' and ')} did not run: ${provider.missing.join('; ')}.`)
  }
  for (const [client, reason] of Object.entries(missingClients)) {
    notes.push(`Suites with the client ${client} did not run: ${reason}.`)
  }
  if (engineMissing !== undefined) notes.push(`The container suite did not run: ${engineMissing}.`)
  return notes
}

/** In CI what is absent is a failure: `KONTRAKT_REQUIRE_KAFKA=1`, `KONTRAKT_REQUIRE_ENGINE=1`. */
function refuseAbsence({ provider, missingClients, engine }: KafkaEnvironment, notes: string[]): void {
  const kafkaMissing = provider.versions.length < kafkaVersions.length || Object.keys(missingClients).length > 0
  const engineMissing = engine === null
  if (
    (process.env['KONTRAKT_REQUIRE_KAFKA'] === '1' && kafkaMissing) ||
    (process.env['KONTRAKT_REQUIRE_ENGINE'] === '1' && engineMissing)
  ) {
    throw new Error(`what must be here is absent.\n${notes.join('\n')}`)
  }
}
