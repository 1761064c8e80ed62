/**
 * One process per role, so that a fault of one never touches the other. The supervisor serves nothing itself: it
 * starts the processes, starts a dead one again, passes on the wish to end, and is the exit code.
 *
 * A process that dies before it was ever ready is not started again: its settings or policies are wrong, and trying
 * again would hide that. One that was ready comes back after a growing pause; if it keeps dying the supervisor gives
 * up loudly, because an orchestrator can see that and nobody sees an endless loop.
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Role, Settings } from '../config/settings.ts'
import type { Logger } from '../observability/logger.ts'
import type { ToRole } from './messages.ts'
import { isMessage } from './messages.ts'

export interface RestartPolicy {
  /** Pause before the first restart; doubles with each further quick death. */
  readonly firstDelayMs: number
  readonly maxDelayMs: number
  /** A process that lived at least this long died for a new reason. */
  readonly quickDeathMs: number
  /** Quick deaths in a row after which the supervisor gives up. */
  readonly maxQuickDeaths: number
}

export const defaultRestartPolicy: RestartPolicy = {
  firstDelayMs: 200,
  maxDelayMs: 10_000,
  quickDeathMs: 60_000,
  maxQuickDeaths: 5
}

/** What is used of `process`. */
export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT', listener: (signal: NodeJS.Signals) => void): unknown
  off(signal: 'SIGTERM' | 'SIGINT', listener: (signal: NodeJS.Signals) => void): unknown
}

export interface SupervisorOptions {
  readonly logger: Logger
  /** Entry file of a role's process; default: `src/roles/<role>.ts`. */
  readonly entry?: (role: Role) => URL
  readonly restart?: RestartPolicy
  /** Emits SIGTERM and SIGINT; default: this process. */
  readonly signals?: SignalSource
}

/** Beyond what the drain itself may take: for the process to notice, log and exit. */
const drainGraceMs = 5_000

/** Between telling a process to stop and killing it. */
const stopGraceMs = 1_000

/**
 * Runs until told to end. Resolves with the exit code: 0 after a clean drain; 1 when a role did not start, kept
 * dying, or was cut off.
 */
export function supervise(settings: Settings, options: SupervisorOptions): Promise<number> {
  return new Supervisor(settings, options).run()
}

interface RoleState {
  readonly role: Role
  /** Null while it waits to be started again, and at the end. */
  child: ChildProcess | null
  restartTimer: NodeJS.Timeout | null
  startedAtMs: number
  wasEverReady: boolean
  addresses: readonly string[]
  quickDeaths: number
}

class Supervisor {
  readonly #settings: Settings
  readonly #logger: Logger
  readonly #entry: (role: Role) => URL
  readonly #restart: RestartPolicy
  readonly #signals: SignalSource
  readonly #roles: readonly RoleState[]
  readonly #done = Promise.withResolvers<number>()
  #phase: 'running' | 'draining' | 'stopping' = 'running'
  #announced = false
  #exitCode = 0
  #deadline: NodeJS.Timeout | null = null

  constructor(settings: Settings, options: SupervisorOptions) {
    this.#settings = settings
    this.#logger = options.logger
    this.#entry = options.entry ?? ((role) => new URL(`../roles/${role}.ts`, import.meta.url))
    this.#restart = options.restart ?? defaultRestartPolicy
    this.#signals = options.signals ?? process
    this.#roles = settings.roles.map((role) => ({
      role,
      child: null,
      restartTimer: null,
      startedAtMs: 0,
      wasEverReady: false,
      addresses: [],
      quickDeaths: 0
    }))
  }

  async run(): Promise<number> {
    const onSignal = (signal: NodeJS.Signals): void => this.#onSignal(signal)
    this.#signals.on('SIGTERM', onSignal)
    this.#signals.on('SIGINT', onSignal)
    for (const state of this.#roles) this.#start(state)
    try {
      return await this.#done.promise
    } finally {
      this.#signals.off('SIGTERM', onSignal)
      this.#signals.off('SIGINT', onSignal)
      if (this.#deadline !== null) clearTimeout(this.#deadline)
    }
  }

  #start(state: RoleState): void {
    const { role } = state
    // `advanced` is structured clone: it carries the maps in the settings.
    const child = fork(fileURLToPath(this.#entry(role)), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    state.child = child
    state.restartTimer = null
    state.startedAtMs = performance.now()
    child.on('message', (message) => {
      if (isMessage(message) && message.type === 'ready') this.#onReady(state, message.addresses)
    })
    child.on('error', (error) => {
      this.#logger.error('role process fault', { role, error: error.message })
      // Without a pid there will be no exit event.
      if (child.pid === undefined) this.#onExit(state, child, null, null)
    })
    child.on('exit', (code, signal) => this.#onExit(state, child, code, signal))
    this.#send(child, { type: 'start', role, settings: this.#settings })
  }

  #send(child: ChildProcess, message: ToRole): void {
    // A child that is gone has an exit event on its way, which says more than the failed send.
    if (child.connected) child.send(message, () => undefined)
  }

  #onReady(state: RoleState, addresses: readonly string[]): void {
    state.addresses = addresses
    const again = state.wasEverReady
    state.wasEverReady = true
    if (again) this.#logger.info('role is ready again', { role: state.role, addresses })
    if (this.#announced || this.#phase !== 'running' || this.#roles.some((other) => !other.wasEverReady)) return
    this.#announced = true
    this.#logger.info('ready', { addresses: this.#roles.flatMap((other) => other.addresses) })
  }

  #onExit(state: RoleState, child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (state.child !== child) return
    state.child = null
    const { role } = state
    if (this.#phase !== 'running') {
      if (code !== 0) this.#exitCode = 1
      this.#endIfAllGone()
      return
    }
    if (!state.wasEverReady) {
      this.#logger.fatal('role did not start', { role, exitCode: code, signal })
      this.#giveUp()
      return
    }
    const livedMs = performance.now() - state.startedAtMs
    state.quickDeaths = livedMs < this.#restart.quickDeathMs ? state.quickDeaths + 1 : 1
    if (state.quickDeaths > this.#restart.maxQuickDeaths) {
      this.#logger.fatal('role keeps dying; giving up', { role, exitCode: code, signal, attempt: state.quickDeaths })
      this.#giveUp()
      return
    }
    const { firstDelayMs, maxDelayMs } = this.#restart
    const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (state.quickDeaths - 1))
    this.#logger.error('role died; starting it again', {
      role,
      exitCode: code,
      signal,
      attempt: state.quickDeaths,
      delayMs
    })
    state.restartTimer = setTimeout(() => this.#start(state), delayMs)
  }

  #onSignal(signal: NodeJS.Signals): void {
    if (this.#phase === 'stopping') return
    if (this.#phase === 'draining') {
      this.#logger.warn('told a second time; stopping at once', { signal })
      this.#exitCode = 1
      this.#stop()
      return
    }
    this.#phase = 'draining'
    this.#logger.info('draining', { signal })
    const { drainDelayMs, drainTimeoutMs } = this.#settings.timings
    this.#tellAll({ type: 'drain' })
    this.#deadline = setTimeout(
      () => {
        this.#logger.error('the drain took too long; stopping', {
          durationMs: drainDelayMs + drainTimeoutMs + drainGraceMs
        })
        this.#exitCode = 1
        this.#stop()
      },
      drainDelayMs + drainTimeoutMs + drainGraceMs
    )
    this.#endIfAllGone()
  }

  #giveUp(): void {
    this.#exitCode = 1
    this.#stop()
  }

  #stop(): void {
    this.#phase = 'stopping'
    if (this.#deadline !== null) clearTimeout(this.#deadline)
    this.#tellAll({ type: 'stop' })
    this.#deadline = setTimeout(() => {
      for (const { child } of this.#roles) child?.kill('SIGKILL')
    }, stopGraceMs)
    this.#endIfAllGone()
  }

  #tellAll(message: ToRole): void {
    for (const state of this.#roles) {
      if (state.restartTimer !== null) clearTimeout(state.restartTimer)
      state.restartTimer = null
      if (state.child !== null) this.#send(state.child, message)
    }
  }

  #endIfAllGone(): void {
    if (this.#roles.some((state) => state.child !== null)) return
    if (this.#phase === 'draining') this.#logger.info('drained')
    this.#done.resolve(this.#exitCode)
  }
}
