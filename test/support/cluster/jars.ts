/**
 * Apache Kafka as Maven Central has it: the broker, its tools and the Java client in one folder per version, in the
 * test cache. No distribution archive and no shell scripts are needed to run it.
 *
 * As a program (`node test/support/cluster/jars.ts 4.3.1`) it fetches and prints the folder, for the image build.
 */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from '../cache.ts'
import { mustRun } from '../command.ts'
import type { KafkaVersion } from './types.ts'

/** 1.7 is the API that Kafka is built against; without a binding a broker says nothing about why it failed. */
const slf4jVersion = '1.7.36'
/** Comes with 3.9 and would compete with slf4j-simple. */
const otherBinding = 'slf4j-reload4j'
const dependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'

/** Name of the cache entry; another list of artifacts is another name. */
export function jarsEntry(version: KafkaVersion): string {
  return `kafka-${version}-jars`
}

/** The folder with all jars of this Kafka version; downloads them the first time (about 25 s, 120 MB). */
export async function kafkaJars(version: KafkaVersion): Promise<string> {
  return await cached(jarsEntry(version), async (folder) => {
    const pom = join(folder, 'pom.xml')
    await writeFile(pom, pomFor(version))
    await mustRun(
      'mvn',
      [
        '--batch-mode',
        '--quiet',
        '--file',
        pom,
        dependencyPlugin,
        '-DincludeScope=runtime',
        `-DoutputDirectory=${folder}`
      ],
      { timeoutMs: 600_000 }
    )
    const jars = (await readdir(folder)).filter((name) => name.endsWith('.jar'))
    if (jars.length < 50) throw new Error(`Maven copied only ${jars.length} jars for Kafka ${version}`)
  })
}

/**
 * The class path as one argument, in a fixed order: a `*` is expanded in directory order, and the archive of loaded
 * classes that makes a start fast is only valid for the very same path.
 */
export async function classPath(folder: string): Promise<string> {
  const jars = (await readdir(folder)).filter((name) => name.endsWith('.jar') && !name.startsWith(otherBinding)).sort()
  return jars.map((name) => join(folder, name)).join(':')
}

function pomFor(version: KafkaVersion): string {
  const dependency = (group: string, artifact: string, artifactVersion: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>` +
    `<version>${artifactVersion}</version></dependency>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kontrakt.test</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', version)}
    ${dependency('org.apache.kafka', 'kafka-tools', version)}
    ${dependency('org.slf4j', 'slf4j-simple', slf4jVersion)}
  </dependencies>
</project>
`
}

if (import.meta.main) {
  const version = process.argv[2]
  if (version !== '4.3.1' && version !== '3.9.2') throw new Error('usage: jars.ts 4.3.1|3.9.2')
  console.log(await kafkaJars(version))
}
