/**
 * Driver for the Java client 4.3.1: `java/Client.java`, compiled once per version of it against the cached jars.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from '../cache.ts'
import { mustRun, run } from '../command.ts'
import { classPath, kafkaJars } from '../cluster/jars.ts'
import { onPath } from '../processes.ts'
import type { ClientDriver, Security } from './driver.ts'
import { processDriver } from './process-driver.ts'

const source = join(import.meta.dirname, 'java', 'Client.java')
const version = '4.3.1'

/** Compiles the client when this machine can, and says in words why it cannot otherwise. */
export async function prepareJava(): Promise<string | undefined> {
  if (onPath('javac') === undefined) return 'no javac (apt-get install openjdk-17-jdk-headless)'
  if (onPath('mvn') === undefined && (await run('mvn', ['--version'])).code !== 0) {
    return "no Maven for the client's jars (apt-get install maven)"
  }
  await compiled()
  return undefined
}

export async function javaDriver(): Promise<ClientDriver> {
  const classes = `${await compiled()}:${await classPath(await kafkaJars(version))}`
  const command = [
    'java',
    '-Xmx256m',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Xshare:auto',
    '-XX:-UsePerfData',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=off',
    '-cp',
    classes,
    'Client'
  ]
  return processDriver({
    name: 'java',
    can: { nullHeaders: true, consumerProtocol: true, shareGroups: true, describeProducers: true },
    command,
    security
  })
}

async function compiled(): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 12)
  return await cached(`java-client-${version}-${hash}`, async (folder) => {
    const jars = await classPath(await kafkaJars(version))
    await mustRun('javac', ['-nowarn', '-d', folder, '-cp', jars, source], { timeoutMs: 120_000 })
  })
}

function security({ caPem, sasl }: Security): Record<string, string> {
  const protocol = `${sasl === undefined ? '' : 'SASL_'}${caPem === undefined ? 'PLAINTEXT' : 'SSL'}`
  const login = sasl?.mechanism === 'plain' ? 'plain.PlainLoginModule' : 'scram.ScramLoginModule'
  return {
    'security.protocol': protocol,
    ...(caPem === undefined ? {} : { 'ssl.truststore.type': 'PEM', 'ssl.truststore.certificates': caPem }),
    ...(sasl === undefined
      ? {}
      : {
          'sasl.mechanism': sasl.mechanism.toUpperCase(),
          'sasl.jaas.config':
            `org.apache.kafka.common.security.${login} required ` +
            `username="${sasl.username}" password="${sasl.password}";`
        })
  }
}
