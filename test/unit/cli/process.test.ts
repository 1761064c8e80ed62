/** The command line as a process: what a shell sees. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import { freePorts } from '../../support/ports.ts'
import { Sandbox } from './run-cli.ts'

const cli = resolve(import.meta.dirname, '../../../src/cli')
const launcher = join(cli, 'kontrakt.js')

let box: Sandbox
beforeEach(() => {
  box = new Sandbox()
})
afterEach(() => box.remove())

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function start(
  args: readonly string[],
  { node = process.execPath, script = launcher, env = {} } = {}
): Promise<Ended> {
  const child = spawn(node, [script, ...args], {
    cwd: box.folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

describe('exit codes', () => {
  it('0 done, 1 not, 2 not understood', async () => {
    expect(await start(['--version'])).toMatchObject({ code: 0, out: '0.1.0\n', err: '' })
    expect((await start(['init'])).code).toBe(0)
    expect((await start(['check'])).code).toBe(0)
    expect((await start(['init'])).code).toBe(1)
    expect((await start(['settings', '--workers', 'x'])).code).toBe(1)
    expect((await start(['check', '--nope'])).code).toBe(2)
    expect((await start(['flink', 'plan'])).code).toBe(2)
  })

  it('main.ts can be started without the launcher', async () => {
    expect((await start(['--version'], { script: join(cli, 'main.ts') })).out).toBe('0.1.0\n')
  })

  it('prints no colour into a pipe, whatever FORCE_COLOR says of others', async () => {
    box.write('policies/a.yaml', 'nonsense: 1\n')
    expect((await start(['check', 'policies'])).out).not.toContain('\u001b')
  })
})

describe('an older Node', () => {
  const older = '/usr/bin/node'
  it.runIf(existsSync(older))('starts the one that came along, or says what is needed', async () => {
    const { stdout } = await promisify(execFile)(older, ['--version'])
    if (Number(/^v(\d+)/.exec(stdout)?.[1]) >= 24) return
    expect(await start(['--version'], { node: older })).toMatchObject({ code: 0, out: '0.1.0\n' })
    expect((await start(['nope'], { node: older })).code).toBe(2)
  })
})

describe('serve', () => {
  let broker: EmbeddedBroker
  beforeEach(async () => {
    broker = await startEmbeddedBroker({ nodeId: 1 })
  })
  afterEach(() => broker.close())

  interface Serving {
    readonly stop: (signal: NodeJS.Signals) => Promise<number | null>
    readonly admin: string
    readonly lines: () => readonly Record<string, unknown>[]
  }

  async function serve(more: readonly string[] = []): Promise<Serving> {
    const [listen, port, admin] = await freePorts(3)
    const args = [
      'serve',
      '--upstream',
      broker.address,
      '--listen',
      `127.0.0.1:${listen!}`,
      '--broker-ports',
      `1=${port!}`,
      '--admin',
      `127.0.0.1:${admin!}`
    ]
    const child = spawn(process.execPath, [launcher, ...args, ...more], {
      cwd: box.folder,
      env: { ...process.env, KONTRAKT_TIMINGS_DRAIN_DELAY: '0ms' },
      stdio: ['ignore', 'inherit', 'pipe']
    })
    let err = ''
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    const closed = once(child, 'close') as Promise<[number | null]>
    const lines = (): readonly Record<string, unknown>[] =>
      err
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    for (let attempt = 0; !lines().some((line) => line['msg'] === 'ready'); attempt++) {
      if (attempt === 1000 || child.exitCode !== null) throw new Error(`not ready:\n${err}`)
      await new Promise((wake) => setTimeout(wake, 20))
    }
    const stop = async (signal: NodeJS.Signals): Promise<number | null> => {
      child.kill(signal)
      const [code] = await closed
      return code
    }
    return { stop, admin: `http://127.0.0.1:${admin!}`, lines }
  }

  it('logs one ready line with every address, answers /ready, and ends with 0 after SIGTERM', async () => {
    box.write(
      'policies/orders.yaml',
      'apiVersion: kontrakt/v1\ntopics: orders\nmode: reject\nvalue: { format: json }\n'
    )
    const serving = await serve()
    expect(serving.lines().filter((line) => line['msg'] === 'ready')).toHaveLength(1)
    const [ready] = serving.lines().filter((line) => line['msg'] === 'ready')
    expect((ready?.['addresses'] as unknown[]).length).toBeGreaterThanOrEqual(3)
    expect((await fetch(`${serving.admin}/ready`)).status).toBe(200)
    expect(await start(['status', '--admin', serving.admin])).toMatchObject({ code: 0, err: '' })
    expect(await start(['why', '--admin', serving.admin])).toMatchObject({ code: 0 })
    expect(await serving.stop('SIGTERM')).toBe(0)
  })

  it('ends with 0 after SIGINT as well', async () => {
    box.write('policies/.keep', '')
    expect(await (await serve()).stop('SIGINT')).toBe(0)
  })

  it('with policies that do not load ends with 1, with the place of the fault', async () => {
    box.write('policies/orders.yaml', 'apiVersion: kontrakt/v1\ntopics: orders\nmoode: reject\n')
    const [listen, port] = await freePorts(2)
    const ended = await start([
      'serve',
      '--upstream',
      broker.address,
      '--listen',
      `127.0.0.1:${listen!}`,
      '--broker-ports',
      `1=${port!}`,
      '--admin',
      'off'
    ])
    expect(ended.code).toBe(1)
    expect(ended.err).toContain('policies/orders.yaml:3:1')
    expect(ended.err).not.toContain('"stack"')
  })
})
