import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/observability/logger.ts'
import type { RestartPolicy } from '../../../src/supervisor/supervisor.ts'
import { supervise } from '../../../src/supervisor/supervisor.ts'
import { hasTerminalColour } from '../../../src/supervisor/terminal.ts'
import { settingsForTest } from './settings.ts'

let folder: string
let notesFile: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kontrakt-supervisor-'))
  notesFile = join(folder, 'notes')
  writeFileSync(notesFile, '')
})

afterEach(() => {
  delete process.env['FAKE_ROLE']
  delete process.env['FAKE_ROLE_NOTES']
  rmSync(folder, { recursive: true })
})

interface Line {
  readonly msg: string
  readonly level: string
  readonly [field: string]: unknown
}

interface Running {
  readonly code: Promise<number>
  readonly signals: EventEmitter
  readonly log: readonly Line[]
  /** Resolves when a line with this message was logged `times` times. */
  logged(message: string, times?: number): Promise<Line>
}

const restart: RestartPolicy = { firstDelayMs: 5, maxDelayMs: 20, quickDeathMs: 60_000, maxQuickDeaths: 3 }

function start(behaviour: string, policy: RestartPolicy = restart): Running {
  process.env['FAKE_ROLE'] = behaviour
  process.env['FAKE_ROLE_NOTES'] = notesFile
  const log: Line[] = []
  const signals = new EventEmitter()
  const logger = createLogger({
    level: 'info',
    format: 'json',
    destination: { write: (line: string) => log.push(JSON.parse(line) as Line) }
  })
  const code = supervise(settingsForTest(), {
    logger,
    signals,
    restart: policy,
    entry: () => new URL('./fake-role.ts', import.meta.url)
  })
  const logged = async (message: string, times = 1): Promise<Line> =>
    eventually(() => log.filter((line) => line.msg === message)[times - 1], `${message} in ${JSON.stringify(log)}`)
  return { code, signals, log, logged }
}

async function eventually<T>(read: () => T | undefined, what: string): Promise<T> {
  for (let attempt = 0; attempt < 1_500; attempt++) {
    const value = read()
    if (value !== undefined) return value
    await sleep(10)
  }
  throw new Error(`never came: ${what}`)
}

function notes(): readonly string[] {
  return readFileSync(notesFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('a start', () => {
  it('logs one ready line with every address; settings arrive whole, and not by arguments', async () => {
    const running = start('serve')
    expect(await running.logged('ready')).toMatchObject({
      level: 'info',
      addresses: ['127.0.0.1:9192', '127.0.0.1:9193']
    })
    expect(notes()[0]).toMatch(/^started \d+ geheim $/)
    running.signals.emit('SIGTERM', 'SIGTERM')
    expect(await running.code).toBe(0)
    expect(running.log.filter((line) => line.msg === 'ready')).toHaveLength(1)
  })

  it.each(['refuse', 'throw'])('that fails (%s) is not tried again: exit code 1', async (behaviour) => {
    const running = start(behaviour)
    expect(await running.code).toBe(1)
    expect(notes()).toHaveLength(1)
    expect(running.log.map((line) => line.msg)).toEqual(['role did not start'])
  })

  it('that waits is cut short by a signal, and that is no failure', async () => {
    const running = start('wait')
    await eventually(() => notes()[0], 'the start')
    running.signals.emit('SIGINT', 'SIGINT')
    expect(await running.code).toBe(0)
    expect(running.log.map((line) => line.msg)).toEqual(['draining', 'drained'])
  })

  it('whose entry is not there is exit code 1', async () => {
    const logger = createLogger({ level: 'silent', format: 'json' })
    const entry = (): URL => new URL('./not-there.ts', import.meta.url)
    expect(await supervise(settingsForTest(), { logger, signals: new EventEmitter(), restart, entry })).toBe(1)
  })
})

describe('a process that dies', () => {
  it.each(['die:2', 'uncaught', 'end'])('(%s) is started again, and announced as ready again', async (behaviour) => {
    const running = start(behaviour)
    const times = behaviour === 'die:2' ? 2 : 1
    await running.logged('role is ready again', times)
    expect(running.log.filter((line) => line.msg === 'role died; starting it again')).toHaveLength(times)
    running.signals.emit('SIGTERM', 'SIGTERM')
    expect(await running.code).toBe(0)
    expect(running.log.filter((line) => line.msg === 'ready')).toHaveLength(1)
  })

  it('again and again makes the supervisor give up loudly, after growing pauses', async () => {
    const running = start('die:99')
    expect(await running.code).toBe(1)
    const deaths = running.log.filter((line) => line.msg === 'role died; starting it again')
    expect(deaths.map((line) => [line['attempt'], line['delayMs'], line['exitCode']])).toEqual([
      [1, 5, 3],
      [2, 10, 3],
      [3, 20, 3]
    ])
    expect(running.log.at(-1)).toMatchObject({ level: 'fatal', msg: 'role keeps dying; giving up', attempt: 4 })
  })

  it('after a long life starts the count anew', async () => {
    const running = start('die:6', { ...restart, quickDeathMs: 0 })
    await running.logged('role is ready again', 6)
    expect(running.log.filter((line) => line['attempt'] !== undefined).map((line) => line['attempt'])).toEqual([
      1, 1, 1, 1, 1, 1
    ])
    running.signals.emit('SIGINT', 'SIGINT')
    expect(await running.code).toBe(0)
  })

  it('is not waited for when the supervisor is told to end during the pause', async () => {
    const running = start('die:99', { ...restart, firstDelayMs: 60_000, maxDelayMs: 60_000 })
    await running.logged('role died; starting it again')
    running.signals.emit('SIGTERM', 'SIGTERM')
    expect(await running.code).toBe(0)
  })

  it('from a SIGTERM of its own drains, and is replaced', async () => {
    const running = start('serve')
    await running.logged('ready')
    const pid = Number(notes()[0]!.split(' ')[1])
    process.kill(pid, 'SIGTERM')
    await running.logged('role is ready again')
    expect(notes()).toContain(`drained ${pid}`)
    running.signals.emit('SIGTERM', 'SIGTERM')
    expect(await running.code).toBe(0)
  })
})

describe('signals', () => {
  it('one drains; the process getting it as well (Ctrl-C in a terminal) is still one drain', async () => {
    const running = start('serve')
    await running.logged('ready')
    const pid = Number(notes()[0]!.split(' ')[1])
    process.kill(pid, 'SIGINT')
    running.signals.emit('SIGINT', 'SIGINT')
    expect(await running.code).toBe(0)
    expect(notes().filter((line) => line.startsWith('drain '))).toEqual([`drain ${pid}`])
    expect(running.log.map((line) => line.msg)).toEqual(['ready', 'draining', 'drained'])
  })

  it('a second one ends a drain that hangs', async () => {
    const running = start('hang')
    await running.logged('ready')
    running.signals.emit('SIGTERM', 'SIGTERM')
    await eventually(() => notes().find((line) => line.startsWith('drain ')), 'drain')
    running.signals.emit('SIGTERM', 'SIGTERM')
    running.signals.emit('SIGTERM', 'SIGTERM')
    expect(await running.code).toBe(1)
    expect(running.log.at(-1)?.msg).toBe('told a second time; stopping at once')
  })

  it('a second one kills a process that does not even listen', async () => {
    const running = start('deaf')
    await running.logged('ready')
    running.signals.emit('SIGTERM', 'SIGTERM')
    await eventually(() => notes().find((line) => line.startsWith('drain ')), 'drain')
    running.signals.emit('SIGINT', 'SIGINT')
    expect(await running.code).toBe(1)
  })

  it('a drain that fails is exit code 1', async () => {
    const running = start('fail')
    await running.logged('ready')
    running.signals.emit('SIGTERM', 'SIGTERM')
    expect(await running.code).toBe(1)
  })

  it('before it is ready drains as soon as it is', async () => {
    const running = start('serve')
    running.signals.emit('SIGTERM', 'SIGTERM')
    expect(await running.code).toBe(0)
    expect(running.log.some((line) => line.msg === 'ready')).toBe(false)
  })
})

describe('a supervisor in a process of its own', () => {
  function spawnSupervisor(behaviour: string): { child: ReturnType<typeof spawn>; log: () => string } {
    const main = join(import.meta.dirname, 'supervise-main.ts')
    const env = { ...process.env, FAKE_ROLE: behaviour, FAKE_ROLE_NOTES: notesFile }
    const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let log = ''
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
    return { child, log: () => log }
  }

  it('takes its processes with it when it is killed', async () => {
    const { child, log } = spawnSupervisor('serve')
    await eventually(() => (log().includes('"msg":"ready"') ? true : undefined), 'ready')
    const pid = Number(notes()[0]!.split(' ')[1])
    expect(isAlive(pid)).toBe(true)
    child.kill('SIGKILL')
    await eventually(() => (isAlive(pid) ? undefined : true), 'the end of the orphan')
    expect(notes().some((line) => line.startsWith('drain'))).toBe(false)
  })

  it('ends with 0 after SIGTERM', async () => {
    const { child, log } = spawnSupervisor('serve')
    await eventually(() => (log().includes('"msg":"ready"') ? true : undefined), 'ready')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('shows what was wrong with a file, its place and the remedy, without a stack', async () => {
    const { child, log } = spawnSupervisor('refuse')
    expect(await once(child, 'exit')).toEqual([1, null])
    const lines = log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    expect(lines[0]).toMatchObject({
      msg: 'fault in a file',
      file: 'policies/a.yaml:3:5',
      cause: 'unknown-key',
      error: 'no such key',
      reason: 'remove it'
    })
    expect(lines[1]).toMatchObject({ msg: 'start failed', error: 'the policies have faults', role: 'proxy' })
    expect(log()).not.toContain('stack')
    expect(log()).not.toContain('geheim')
  })
})

describe('colour', () => {
  it('is for terminals, unless NO_COLOR or a dumb one', () => {
    expect(hasTerminalColour({ isTTY: true }, {})).toBe(true)
    expect(hasTerminalColour({}, {})).toBe(false)
    expect(hasTerminalColour({ isTTY: true }, { NO_COLOR: '1' })).toBe(false)
    expect(hasTerminalColour({ isTTY: true }, { NO_COLOR: '' })).toBe(true)
    expect(hasTerminalColour({ isTTY: true }, { TERM: 'dumb' })).toBe(false)
  })
})
