/** What the README tells a newcomer to do in front of a cluster of their own works, and looks as it is shown there. */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, type KafkaJSProtocolError } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { startEmbeddedBroker, type EmbeddedBroker } from '../src/broker/embedded-broker.ts'
import { commandLinesOf, fencesOf, pageOf, root, sectionOf, simpleCommands } from './support/docs.ts'
import { freePorts } from './support/ports.ts'

/**
 * The section "In front of your own cluster", block by block as it stands there: `sh` is typed, the `text` after it is
 * what must be seen. The broker is the embedded one, kcat is a kafkajs that sends what the line says, and every port is
 * another one.
 */
describe('README: in front of your own cluster', { timeout: 60_000 }, () => {
  let folder: string
  let broker: EmbeddedBroker
  let env: Record<string, string | undefined>
  let bootstrap: string
  let admin: string
  let serving: { child: ChildProcess; log: () => string } | undefined

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kontrakt-readme-'))
    broker = await startEmbeddedBroker({ topics: [{ name: 'orders', partitions: 1 }] })
    const [listen, brokerPort, adminPort] = await freePorts(3)
    bootstrap = `127.0.0.1:${listen}`
    admin = `http://127.0.0.1:${adminPort}`
    env = {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('KONTRAKT_'))),
      KONTRAKT_LISTENERS_0_ADDRESS: bootstrap,
      KONTRAKT_LISTENERS_0_BROKER_PORTS: `${broker.nodeId}=${brokerPort}`,
      KONTRAKT_ADMIN_ADDRESS: `127.0.0.1:${adminPort}`,
      KONTRAKT_TIMINGS_DRAIN_DELAY: '0ms'
    }
  })
  afterAll(async () => {
    serving?.child.kill('SIGKILL')
    await broker.close()
    await rm(folder, { recursive: true, force: true })
  })

  const section = sectionOf(pageOf('README.md'), 'In front of your own cluster')
  const blocks = fencesOf({ path: 'README.md', text: section })
  const launcher = join(root, 'src/cli/kontrakt.js')

  async function call(args: readonly string[]): Promise<{ code: number; output: string }> {
    const words = args.map((word) => word.replace('kafka-1:9092', broker.address))
    return await new Promise((done) => {
      execFile(process.execPath, [launcher, ...words], { cwd: folder, env }, (error, out, err) => {
        done({ code: error === null ? 0 : Number(error.code), output: out + err })
      })
    })
  }

  async function serve(): Promise<void> {
    const child = spawn(process.execPath, [launcher, 'serve'], {
      cwd: folder,
      env,
      stdio: ['ignore', 'ignore', 'pipe']
    })
    let log = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
    serving = { child, log: () => log }
    await until(() => {
      if (child.exitCode !== null) throw new Error(`serve ended:\n${log}`)
      return log.includes('"msg":"ready"')
    })
    expect((await fetch(`${admin}/ready`)).status).toBe(200)
  }

  /** `echo 'KEY:VALUE' | kcat -P -b ADDRESS -t TOPIC -K: -H NAME=VALUE`, by kafkajs; what kcat would print. */
  async function kcat(line: string): Promise<string> {
    const [[, record = ''] = [], words = []] = simpleCommands(line)
    const after = (flag: string): string => words[words.indexOf(flag) + 1]!
    expect(words.slice(0, 2)).toEqual(['kcat', '-P'])
    expect(after('-b')).toBe('localhost:9192')
    const [name = '', value = ''] = after('-H').split('=')
    const at = record.indexOf(':')
    const producer = new Kafka({ clientId: 'rdkafka', brokers: [bootstrap], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    try {
      const message = { key: record.slice(0, at), value: record.slice(at + 1), headers: { [name]: value } }
      await producer.send({ topic: after('-t'), messages: [message] })
      return ''
    } catch (error) {
      const { code, type } = error as KafkaJSProtocolError
      expect([code, type]).toEqual([87, 'INVALID_RECORD'])
      return '% Delivery failed for message: Broker: Broker failed to validate record\n'
    } finally {
      await producer.disconnect()
    }
  }

  /** The edit that the page asks for in words. */
  async function writeModeReject(): Promise<void> {
    const file = join(folder, 'policies/orders.yaml')
    const text = await readFile(file, 'utf8')
    expect(text).toMatch(/^mode: observe/m)
    await writeFile(file, text.replace(/^mode: observe/m, 'mode: reject'))
    const before = await call(['test'])
    expect(before.code).toBe(1)
    const cases = join(folder, 'policies/orders.cases.yaml')
    await writeFile(cases, (await readFile(cases, 'utf8')).replaceAll('expect: observe', 'expect: reject'))
    expect(await call(['test'])).toMatchObject({ code: 0 })
    await until(async () => {
      const answer = (await (await fetch(`${admin}/api/v1/policies`)).json()) as { items: { mode: string }[] }
      return answer.items[0]?.mode === 'reject'
    }, 40_000)
  }

  it('works as it is written', async () => {
    expect(section).toContain('Write `mode: reject` in `policies/orders.yaml`')
    const seen: string[] = []
    let stage: 'observe' | 'reject' = 'observe'
    for (const [i, block] of blocks.entries()) {
      if (block.language !== 'sh') continue
      if (block.text.includes('docker')) break
      let output = ''
      for (const line of commandLinesOf(block)) {
        const [[first = '', ...args] = []] = simpleCommands(line)
        if (first === 'alias' || first === 'mkdir') continue
        if (first === 'echo') {
          const refused = blocks[i + 1]?.text.includes('Delivery failed') === true
          if (refused && stage === 'observe') await writeModeReject()
          if (refused) stage = 'reject'
          const said = await kcat(line)
          expect(said !== '', line).toBe(refused)
          output += said
        } else if (line === 'kontrakt serve') {
          await serve()
        } else {
          expect(first, line).toBe('kontrakt')
          const ran = await call(args)
          // A warning of doctor about this machine is none about the page.
          expect(ran.code, `${line}\n${ran.output}`).toBe(0)
          output += ran.output
        }
        seen.push(first === 'kontrakt' ? `kontrakt ${args[0]!}` : first)
      }
      const shown = blocks[i + 1]
      if (shown?.language === 'text') expectShown(shown.text, output)
    }
    expect(seen).toEqual([
      'kontrakt init',
      'kontrakt check',
      'kontrakt test',
      'kontrakt doctor',
      'kontrakt serve',
      'echo',
      'echo',
      'kontrakt why',
      'echo',
      'kontrakt why',
      'kontrakt status'
    ])
    const stored = broker.topics.records('orders').map(({ key }) => key?.toString())
    expect(stored).toEqual(['o-1', 'o-2'])

    const { child, log } = serving!
    child.kill('SIGINT')
    const [code] = (await once(child, 'exit')) as [number | null]
    expect(code, log()).toBe(0)
  })

  it('the policy shown there is what `init` writes, shortened', async () => {
    const shown = blocks.find(({ language }) => language === 'yaml')!
    const written = parseDocument(await readFile(join(folder, 'policies/orders.yaml'), 'utf8')).toJS() as Record<
      string,
      unknown
    >
    const { mode, ...rest } = parseDocument(shown.text).toJS() as Record<string, unknown>
    expect(mode).toBe('observe')
    expect(written).toMatchObject(rest)
  })
})

/** What differs from run to run, and what it looks like. */
const volatile: readonly RegExp[] = [
  /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/,
  /\(\d+ ms\)/,
  /up \d+ (?:s|min)/,
  /127\.0\.0\.1:\d+/,
  /@[0-9a-f]{12}/
]

/** Every line of the page is in the output, in that order. */
function expectShown(page: string, output: string): void {
  const anyOf = new RegExp(`(${volatile.map(({ source }) => source).join('|')})`)
  const lines = page.trimEnd().split('\n')
  const patterns = lines.map((line) =>
    line
      .split(anyOf)
      .map((part) => volatile.find((shape) => shape.test(part))?.source ?? part.replaceAll(/[^\w\s]/g, String.raw`\$&`))
      .join('')
  )
  expect(output).toMatch(new RegExp(`^${patterns.join('\n(?:.*\n)*?')}$`, 'm'))
}

async function until(condition: () => boolean | Promise<boolean>, patienceMs = 30_000): Promise<void> {
  const deadlineMs = Date.now() + patienceMs
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error('it did not happen in time')
    await sleep(50)
  }
}
