/**
 * Long-running child processes of the tests: started without a wrapper shell, in a process group of their own, ended
 * as a group, and gone when the test process is gone, however that ended.
 *
 * The last point has two legs. On Linux `setpriv` asks the kernel to kill the child when its parent dies, so that even
 * `kill -9` of a test run leaves no broker behind. Everywhere the pid is noted in the run's folder, which the runner
 * (`test/run.ts`) and the global teardown read to end what is left.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, openSync, closeSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

export interface ProcessOptions {
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** stdout and stderr go to this file, appended. */
  logFile: string
}

export interface RunningProcess {
  readonly pid: number
  /** Resolves with a description of how it ended, once it has. */
  readonly ended: Promise<string>
  /** Undefined while it runs. */
  readonly end: string | undefined
  /** Sends a signal to the process itself; nothing happens when it has ended. */
  signal(signal: NodeJS.Signals): void
}

/** Starts a program. A program that cannot be started is one that has ended, with the reason. */
export function start(program: string, args: string[], options: ProcessOptions): RunningProcess {
  const log = openSync(options.logFile, 'a')
  const [command, ...rest] = tiedToParent([program, ...args])
  const child = spawn(command!, rest, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', log, log],
    detached: true
  })
  closeSync(log)
  return follow(child)
}

/** `setpriv` replaces itself by the command: the pid stays, and the kernel ends it with this process. */
export function tiedToParent(command: string[]): string[] {
  const setpriv = process.platform === 'linux' ? onPath('setpriv') : undefined
  return setpriv === undefined ? command : [setpriv, '--pdeathsig', 'KILL', '--', ...command]
}

/** Where a program lies, or undefined. */
export function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path))
}

function follow(child: ChildProcess): RunningProcess {
  let end: string | undefined
  const pid = child.pid ?? 0
  const note = pid === 0 ? undefined : notePid(pid)
  const ended = new Promise<string>((resolve) => {
    const finish = (how: string): void => {
      end ??= how
      if (note !== undefined) rmSync(note, { force: true })
      resolve(end)
    }
    child.once('error', (error) => finish(`could not be started: ${error.message}`))
    child.once('exit', (code, signal) => finish(signal === null ? `exit code ${code}` : `signal ${signal}`))
  })
  return {
    pid,
    ended,
    get end() {
      return end
    },
    signal(signal) {
      if (end === undefined && pid !== 0) kill(pid, signal)
    }
  }
}

/** Where a run keeps what must be gone after it: the folder that the runner made and removes, or the system's. */
export function runFolder(): string {
  return process.env['KONTRAKT_TEST_RUN'] ?? tmpdir()
}

function pidFolder(): string | undefined {
  const folder = process.env['KONTRAKT_TEST_RUN']
  return folder === undefined ? undefined : join(folder, 'pids')
}

function notePid(pid: number): string | undefined {
  const folder = pidFolder()
  if (folder === undefined) return undefined
  mkdirSync(folder, { recursive: true })
  const note = join(folder, String(pid))
  writeFileSync(note, '')
  return note
}

/** Ends what is left of a run: every noted process group. */
export function endLeftovers(): void {
  const folder = pidFolder()
  if (folder === undefined || !existsSync(folder)) return
  for (const name of readdirSync(folder)) {
    kill(-Number(name), 'SIGKILL')
    rmSync(join(folder, name), { force: true })
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended in the meantime.
  }
}
