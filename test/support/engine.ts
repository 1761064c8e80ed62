/**
 * The container engine, if there is one: what runs, how to reach it, and which of the images are there.
 *
 * `.ci/engine.sh` leaves its environment in the test cache; it is taken when the caller's own environment names no
 * engine. Testcontainers is imported late, because it looks at that environment once.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type * as Testcontainers from 'testcontainers'
import { cacheRoot } from './cache.ts'

/** Everything a run starts in the engine carries this label with the id of the run. */
export const runLabel = 'kontrakt.test'

/** Version of the engine that answers, or undefined. Never rejects; takes milliseconds when there is none. */
export async function engineVersion(): Promise<string | undefined> {
  try {
    const { getContainerRuntimeClient } = await testcontainers()
    const client = await getContainerRuntimeClient()
    return String(client.info.containerRuntime.serverVersion)
  } catch {
    return undefined
  }
}

export async function imageExists(name: string): Promise<boolean> {
  const { getContainerRuntimeClient, ImageName } = await testcontainers()
  const client = await getContainerRuntimeClient()
  return await client.image.exists(ImageName.fromString(name))
}

/** Testcontainers, with the environment that it needs on this machine. */
export async function testcontainers(): Promise<typeof Testcontainers> {
  adoptEngineEnvironment()
  return await import('testcontainers')
}

/** Variables for a docker command line, which reads the same ones. */
export function adoptEngineEnvironment(): void {
  const file = join(cacheRoot(), 'engine', 'env')
  if (process.env['DOCKER_HOST'] !== undefined || !existsSync(file)) return
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('='))
  const settings = new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
  const socket = settings.get('DOCKER_HOST')?.replace('unix://', '')
  // Left by an engine that does not run any more.
  if (socket === undefined || !existsSync(socket)) return
  for (const [name, value] of settings) process.env[name] ??= value
}

/** The id under which this run's containers can be found again. */
export function runId(): string {
  return process.env['KONTRAKT_TEST_RUN'] ?? `pid-${process.pid}`
}

/** Removes the containers of this run that are left, whoever started them, and the networks that they were in. */
export async function removeLabelled(): Promise<void> {
  const { getContainerRuntimeClient } = await testcontainers()
  const {
    container: { dockerode }
  } = await getContainerRuntimeClient()
  const filters = { label: [`${runLabel}=${runId()}`] }
  const networks = new Set<string>()
  for (const { Id, NetworkSettings } of await dockerode.listContainers({ all: true, filters })) {
    for (const name of Object.keys(NetworkSettings.Networks)) networks.add(name)
    await dockerode
      .getContainer(Id)
      .remove({ force: true, v: true })
      .catch(() => undefined)
  }
  for (const name of networks) {
    if (!builtInNetworks.has(name))
      await dockerode
        .getNetwork(name)
        .remove()
        .catch(() => undefined)
  }
}

const builtInNetworks = new Set(['bridge', 'host', 'none'])
