/**
 * Which real Kafka this machine can run, and in words what to install when it can run none.
 *
 * Java processes come first when both are possible: they start in a third of the time. `KONTRAKT_TEST_KAFKA` forces
 * `java`, `containers` or `none`.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheRoot } from '../cache.ts'
import { run } from '../command.ts'
import { engineVersion, imageExists } from '../engine.ts'
import { kafkaImage } from './container-cluster.ts'
import { jarsEntry } from './jars.ts'
import type { KafkaVersion } from './types.ts'

/** Plain data: it travels from the global set-up to the test processes. */
export interface Provider {
  kind: 'java' | 'containers' | 'none'
  /** The versions that this provider can start. */
  versions: KafkaVersion[]
  /** In words what was found missing; empty when all versions can be started. */
  missing: string[]
}

export const kafkaVersions: KafkaVersion[] = ['4.3.1', '3.9.2']
const leastJava = 17
const installJava = 'apt-get install openjdk-17-jdk-headless'

export async function findProvider(): Promise<Provider> {
  const forced = process.env['KONTRAKT_TEST_KAFKA']
  switch (forced) {
    case 'java':
      return await javaProvider()
    case 'containers':
      return await containerProvider()
    case 'none':
      return { kind: 'none', versions: [], missing: ['KONTRAKT_TEST_KAFKA=none'] }
    case undefined:
    case '':
      break
    default:
      throw new Error(`KONTRAKT_TEST_KAFKA is java, containers or none, not ${forced}`)
  }
  const java = await javaProvider()
  if (java.kind !== 'none') return java
  const containers = await containerProvider()
  if (containers.kind !== 'none') return containers
  return { ...java, missing: [...java.missing, ...containers.missing] }
}

async function javaProvider(): Promise<Provider> {
  const missing: string[] = []
  const java = await javaVersion()
  if (java === undefined) missing.push(`no Java (${installJava})`)
  else if (java < leastJava) missing.push(`Java ${java}, but Kafka needs ${leastJava} (${installJava})`)
  const fetched = kafkaVersions.every((version) => existsSync(join(cacheRoot(), jarsEntry(version))))
  if (!fetched && (await run('mvn', ['--version'])).code !== 0) missing.push('no Maven (apt-get install maven)')
  return missing.length === 0
    ? { kind: 'java', versions: kafkaVersions, missing }
    : { kind: 'none', versions: [], missing }
}

/** Major version; undefined when there is no `java`. */
async function javaVersion(): Promise<number | undefined> {
  const { code, stderr } = await run('java', ['-version'])
  const version = /version "(?:1\.)?(\d+)/.exec(stderr)?.[1]
  return code === 0 && version !== undefined ? Number(version) : undefined
}

async function containerProvider(): Promise<Provider> {
  if ((await engineVersion()) === undefined) {
    return { kind: 'none', versions: [], missing: ['no container engine (.ci/engine.sh starts one)'] }
  }
  const versions: KafkaVersion[] = []
  for (const version of kafkaVersions) if (await imageExists(kafkaImage(version))) versions.push(version)
  const missing = kafkaVersions
    .filter((version) => !versions.includes(version))
    .map((version) => `no image ${kafkaImage(version)} (.ci/engine.sh builds it)`)
  return { kind: versions.length === 0 ? 'none' : 'containers', versions, missing }
}
