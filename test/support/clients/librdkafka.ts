/**
 * Driver for librdkafka, through its Python binding in an environment of its own in the test cache.
 */
import { join } from 'node:path'
import { cached } from '../cache.ts'
import { mustRun, run } from '../command.ts'
import type { ClientDriver, Security } from './driver.ts'
import { processDriver } from './process-driver.ts'

/** The binding's version is librdkafka's: 2.16.1 carries librdkafka of that line. Kerberos is not in its wheel. */
const version = '2.16.1'
const source = join(import.meta.dirname, 'librdkafka', 'client.py')

/** Installs the binding when this machine can, and says in words why it cannot otherwise. */
export async function prepareLibrdkafka(): Promise<string | undefined> {
  const { code } = await run('python3', ['-c', 'import venv, ensurepip'])
  if (code !== 0) return 'no Python 3 with venv (apt-get install python3 python3-venv)'
  await environment()
  return undefined
}

export async function librdkafkaDriver(): Promise<ClientDriver> {
  return processDriver({
    name: 'librdkafka',
    can: { nullHeaders: true, consumerProtocol: true, shareGroups: false, describeProducers: false },
    command: [join(await environment(), 'bin', 'python'), '-u', source],
    security
  })
}

/** Nothing in it is started by its scripts, whose first lines name the folder it was made in. */
async function environment(): Promise<string> {
  return await cached(`librdkafka-python-${version}`, async (folder) => {
    await mustRun('python3', ['-m', 'venv', folder], { timeoutMs: 120_000 })
    await mustRun(
      join(folder, 'bin', 'python'),
      ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', `confluent-kafka==${version}`],
      { timeoutMs: 300_000 }
    )
  })
}

function security({ caPem, sasl }: Security): Record<string, string> {
  return {
    'security.protocol': `${sasl === undefined ? '' : 'sasl_'}${caPem === undefined ? 'plaintext' : 'ssl'}`,
    ...(caPem === undefined ? {} : { 'ssl.ca.pem': caPem }),
    ...(sasl === undefined
      ? {}
      : {
          'sasl.mechanism': sasl.mechanism.toUpperCase(),
          'sasl.username': sasl.username,
          'sasl.password': sasl.password
        })
  }
}
