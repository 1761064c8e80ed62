/** The kafka-clients jar: it carries Kafka's own message definitions and the classes generated from them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cached, cacheRoot } from './cache.ts'
import { jarsEntry } from './cluster/jars.ts'
import { mustRun, run } from './command.ts'
import { readZip } from './zip.ts'

export type ClientsVersion = '4.3.1' | '3.9.2'

/** kafka-clients logs through it, and its record classes do not load without. */
const slf4j = 'org.slf4j:slf4j-api:1.7.36'

export type Found = { readonly folder: string } | { readonly missing: string }

/**
 * A folder with the jar and what it needs to run: the cached one, or a new one from Maven Central (10 MB). `missing`
 * says in words why there is none. Rejects when Maven is there but fails.
 */
export async function kafkaClients(version: ClientsVersion): Promise<Found> {
  const cluster = join(cacheRoot(), jarsEntry(version))
  if (existsSync(cluster)) return { folder: cluster }
  const entry = `jars/kafka-clients-${version}`
  if (!existsSync(join(cacheRoot(), entry)) && (await run('mvn', ['--version'])).code !== 0) {
    return { missing: `kafka-clients ${version} is not cached and there is no Maven (apt-get install maven)` }
  }
  const folder = await cached(entry, async (folder) => {
    for (const artifact of [`org.apache.kafka:kafka-clients:${version}`, slf4j]) {
      const args = ['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`]
      await mustRun('mvn', ['--batch-mode', '--quiet', ...args], { cwd: folder, timeoutMs: 300_000 })
    }
  })
  return { folder }
}

/** Class path of a folder found by `kafkaClients`: only what the client itself needs. */
export function clientsClassPath(folder: string): string {
  return readdirSync(folder)
    .filter((name) => /^(kafka-clients|slf4j-api)-.*\.jar$/.test(name))
    .map((name) => join(folder, name))
    .join(':')
}

/** A message definition as Kafka writes it; only what is compared is named. */
export interface Definition {
  readonly apiKey: number
  readonly type: 'request' | 'response'
  readonly name: string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly fields: readonly FieldDefinition[]
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly FieldDefinition[] }[]
}

export interface FieldDefinition {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly flexibleVersions?: string
  readonly tag?: number
  readonly default?: string | number | boolean
  readonly ignorable?: boolean
  readonly fields?: readonly FieldDefinition[]
}

/** Requests and responses by name. */
export function messageDefinitions(folder: string): Map<string, Definition> {
  const jar = readdirSync(folder).find((name) => name.startsWith('kafka-clients-'))
  if (jar === undefined) throw new Error(`no kafka-clients jar in ${folder}`)
  const files = readZip(readFileSync(join(folder, jar)), (name) => /^common\/message\/\w+\.json$/.test(name))
  const definitions = [...files.values()].map((file) => JSON.parse(withoutComments(file.toString())) as Definition)
  return new Map(definitions.map((definition) => [definition.name, definition]))
}

/** Strings are matched too, so that what looks like a comment inside one stays. */
function withoutComments(text: string): string {
  return text.replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*/g, (_, literal: string | undefined) => literal ?? '')
}
