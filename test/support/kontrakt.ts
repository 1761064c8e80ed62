/**
 * The product as a user starts it: `kontrakt serve` in a process of its own, in front of some brokers, with policies
 * written into a folder. Tests talk to it over the wire, over its admin address, and through its files.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { freePorts } from './ports.ts'

export interface KontraktOptions {
  /** `host:port` of the brokers, or of what stands for them. */
  readonly upstream: readonly string[]
  /** Files of the policies folder by their path in it. */
  readonly policies?: Readonly<Record<string, string>>
  readonly registry?: string
  /** Highest broker id that gets a port. */
  readonly brokers?: number
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface RefusalView {
  readonly topic: string
  readonly partition: number
  readonly clientId: string | null
  readonly rule: string
  readonly path: string
  readonly message: string
  readonly verdict: string
}

export interface Kontrakt {
  /** What a client gets as its bootstrap servers. */
  readonly bootstrap: string
  readonly admin: string
  readonly policiesFolder: string
  /** Port at which broker N is reached. */
  readonly brokerPort: (id: number) => number
  /** The process that is running now (the supervisor). */
  process(): ChildProcess
  /** All it has logged so far. */
  log(): string
  /** GET on the admin address, JSON. */
  get(path: string): Promise<unknown>
  metrics(): Promise<string>
  violations(query?: string): Promise<RefusalView[]>
  writePolicy(name: string, text: string): Promise<void>
  removePolicy(name: string): Promise<void>
  /** Ends it (SIGTERM or SIGKILL) and starts another on the same ports, with the same files. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  kill(): Promise<void>
}

const main = resolve(import.meta.dirname, '../../src/cli/main.ts')

/** Resolves when it is ready; rejects with its log when it ends before that. */
export async function startKontrakt(options: KontraktOptions): Promise<Kontrakt> {
  const folder = await mkdtemp(join(tmpdir(), 'kontrakt-test-'))
  const policiesFolder = join(folder, 'policies')
  await mkdir(policiesFolder, { recursive: true })
  const writePolicy = async (name: string, text: string): Promise<void> => {
    const path = join(policiesFolder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
  for (const [name, text] of Object.entries(options.policies ?? {})) await writePolicy(name, text)

  const ids = Array.from({ length: (options.brokers ?? 3) + 1 }, (_, id) => id)
  const [bootstrapPort, adminPort, ...brokerPorts] = await freePorts(2 + ids.length)
  const settings = [
    'apiVersion: kontrakt/v1',
    `upstream: { bootstrapServers: [${options.upstream.map((server) => `"${server}"`).join(', ')}] }`,
    'listeners:',
    `  - address: 127.0.0.1:${bootstrapPort}`,
    '    advertisedHost: 127.0.0.1',
    `    brokerPorts: { ${ids.map((id) => `${id}: ${brokerPorts[id]}`).join(', ')} }`,
    'policies: policies',
    'stateDir: state',
    `admin: { address: "127.0.0.1:${adminPort}" }`,
    'timings: { drainDelay: 0ms }',
    ...(options.registry === undefined ? [] : [`registry: { url: "${options.registry}" }`])
  ]
  await writeFile(join(folder, 'kontrakt.yaml'), `${settings.join('\n')}\n`)

  let log = ''
  const append = (chunk: Buffer): void => {
    // A test that logs megabytes is read from its end.
    log = (log + chunk.toString()).slice(-1_000_000)
  }
  const admin = `http://127.0.0.1:${adminPort}`
  const start = async (): Promise<Instance> => {
    const child = spawn(
      process.execPath,
      [main, 'serve', '--settings', join(folder, 'kontrakt.yaml'), ...(options.flags ?? [])],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...ownEnvironment(), ...options.env } }
    )
    child.stdout.on('data', append)
    child.stderr.on('data', append)
    const exited = once(child, 'exit') as Promise<[number | null]>
    await untilReady(admin, exited, () => log)
    return { child, exited }
  }
  let instance = await start()
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    instance.child.kill(signal)
    const [code] = await instance.exited
    return code
  }
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(`${admin}${path}`)
    return await response.json()
  }
  return {
    bootstrap: `127.0.0.1:${bootstrapPort}`,
    admin,
    policiesFolder,
    brokerPort: (id) => brokerPorts[id]!,
    process: () => instance.child,
    log: () => log,
    get,
    metrics: async () => await (await fetch(`${admin}/metrics`)).text(),
    violations: async (query = '') => {
      const page = (await get(`/api/v1/violations${query}`)) as { items: RefusalView[] }
      return page.items
    },
    writePolicy,
    removePolicy: (name) => rm(join(policiesFolder, name)),
    restart: async (signal) => {
      await end(signal)
      instance = await start()
    },
    stop: async () => {
      const code = await end('SIGTERM')
      await rm(folder, { recursive: true, force: true })
      return code
    },
    kill: async () => {
      await end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** What the test run tells itself by variables is nothing to the product, which would warn of them. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('KONTRAKT_')))
}

interface Instance {
  readonly child: ChildProcess
  readonly exited: Promise<[number | null]>
}

async function untilReady(admin: string, exited: Promise<[number | null]>, log: () => string): Promise<void> {
  let ended: number | null | undefined
  void exited.then(([code]) => {
    ended = code
  })
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (ended !== undefined) throw new Error(`kontrakt ended with code ${String(ended)} before it was ready:\n${log()}`)
    try {
      const response = await fetch(`${admin}/ready`)
      if (response.status === 200) return
    } catch {
      // Not listening yet.
    }
    await new Promise((wake) => setTimeout(wake, 50))
  }
  throw new Error(`kontrakt was not ready after 30 s:\n${log()}`)
}
