/**
 * Our bytes against Kafka's own generated classes: random values of every declared message and version are encoded
 * here, read and written by Java, and must come back unchanged.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { run } from '../support/command.ts'
import { clientsClassPath, kafkaClients, type ClientsVersion } from '../support/kafka-clients.ts'
import { messageValue } from '../support/message-values.ts'
import { allMessages, versionsOf, type AnyMessage } from '../support/messages.ts'

const program = new URL('./java/RoundTrip.java', import.meta.url).pathname
const valuesPerVersion = 25

const messages = await allMessages()
const jars = { '4.3.1': await kafkaClients('4.3.1'), '3.9.2': await kafkaClients('3.9.2') }
const missing = Object.values(jars).flatMap((found) => ('missing' in found ? [found.missing] : []))
// `java` starts a source file only where the compiler is, too.
if ((await run('javac', ['-version'])).code !== 0) missing.push('no JDK (apt-get install openjdk-17-jdk-headless)')

interface Case {
  readonly message: AnyMessage
  readonly version: number
  readonly hex: string
}

describe.skipIf(missing.length > 0)(`Kafka's generated classes ${missing.join('; ')}`, () => {
  it('read every version of every message that 4.3.1 has, and write the same bytes', { timeout: 120_000 }, async () => {
    expect(await unlike('4.3.1', isIn431)).toEqual([])
  })

  it('do so in 3.9.2 for the versions that 4.3.1 dropped', { timeout: 120_000 }, async () => {
    expect(await unlike('3.9.2', (message, version) => !isIn431(message, version))).toEqual([])
  })
})

/** First versions of 4.3.1 where ours is older (KIP-896). */
const firstIn431 = new Map([
  [0, 3],
  [1, 4],
  [2, 1],
  [8, 2],
  [9, 1],
  [19, 2],
  [20, 1],
  [23, 2],
  [32, 1]
])

function isIn431(message: AnyMessage, version: number): boolean {
  return version >= (firstIn431.get(message.apiKey) ?? 0)
}

/** What Java did not give back as it got it; empty when all is well. */
async function unlike(
  version: ClientsVersion,
  include: (message: AnyMessage, version: number) => boolean
): Promise<string[]> {
  const cases = messages.flatMap((message) => {
    const chosen = versionsOf(message).filter((v) => include(message, v))
    return chosen.flatMap((v) => casesOf(message, v))
  })
  expect(cases.length).toBeGreaterThan(0)
  const answers = await askJava(version, cases)
  expect(answers).toHaveLength(cases.length)
  return cases.flatMap(({ message, version: v, hex }, index) => {
    const answer = answers[index]!
    return answer === hex ? [] : [`${message.name} ${v}: sent ${hex}, got ${answer}`]
  })
}

function casesOf(message: AnyMessage, version: number): Case[] {
  const values = fc.sample(messageValue(message, version), { numRuns: valuesPerVersion, seed: 1 })
  return values.map((value) => ({ message, version, hex: message.encode(value, version).toString('hex') }))
}

async function askJava(version: ClientsVersion, cases: readonly Case[]): Promise<string[]> {
  const found = jars[version]
  if ('missing' in found) throw new Error(found.missing)
  const java = spawn('java', ['-Xmx256m', '-cp', clientsClassPath(found.folder), program])
  const output = Promise.all([text(java.stdout), text(java.stderr), once(java, 'close')])
  const lines = cases.map(
    ({ message, version: v, hex }) => `${message.apiKey} ${message.type} ${v} ${hex}
`
  )
  java.stdin.end(lines.join(''))
  const [answers, complaints] = await output
  if (java.exitCode !== 0) throw new Error(complaints)
  return answers.split('\n').slice(0, -1)
}
