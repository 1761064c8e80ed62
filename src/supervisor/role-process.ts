/**
 * The life of a process that runs one role: takes its settings from the supervisor, starts, says when it is ready,
 * drains when told to, and never outlives the supervisor.
 *
 * SIGTERM is a drain as well, for whoever addresses the process itself (the supervisor then starts a new one). SIGINT
 * is ignored: a terminal sends it to the whole group, and the supervisor passes it on. Being told twice by both ways
 * is one drain; only the supervisor's `stop` cuts it short.
 */
import type { Role, Settings } from '../config/settings.ts'
import type { Logger } from '../observability/logger.ts'
import { createLogger, errorFields } from '../observability/logger.ts'
import type { FromRole } from './messages.ts'
import { isMessage } from './messages.ts'
import { StartError } from './start-error.ts'
import { hasTerminalColour } from './terminal.ts'

export interface RunningRole {
  /** `host:port` of everything that listens, for the `ready` line. */
  readonly addresses: readonly string[]
  /** Finishes what is under way, within `timings.drainTimeout` after `timings.drainDelay`. Called at most once. */
  drain(): Promise<void>
  /** Resolves when the role has ended, however that came. */
  readonly closed: Promise<void>
}

/** The signal ends a start that is under way: a drain was asked for, and there is nothing to drain yet. */
export type Start = (settings: Settings, given: { readonly signal: AbortSignal }) => Promise<RunningRole>

/** Takes over this process. Call once, as the last thing of the entry file. */
export function runRole(start: Start): void {
  if (process.send === undefined) {
    process.stderr.write('this file is started by `kontrakt serve`, not by hand\n')
    process.exit(2)
  }
  let begun = false
  // The drain may be asked for before there is anything to drain.
  const drain = Promise.withResolvers<undefined>()
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => drain.resolve(undefined))
  process.on('disconnect', () => process.exit(1))
  process.on('message', (message) => {
    if (!isMessage(message)) return
    if (message.type === 'stop') process.exit(1)
    if (message.type === 'drain') drain.resolve(undefined)
    if (message.type !== 'start' || begun) return
    begun = true
    const { role, settings } = message
    const logger = loggerOf(settings, role)
    process.title = `kontrakt ${role}`
    process.on('uncaughtException', (error) => {
      logger.fatal('uncaught error', errorFields(error))
      process.exit(1)
    })
    void live(start, settings, role, logger, drain.promise).then((code) => process.exit(code))
  })
}

async function live(
  start: Start,
  settings: Settings,
  role: Role,
  logger: Logger,
  drain: Promise<undefined>
): Promise<number> {
  const startUnderWay = new AbortController()
  void drain.then(() => startUnderWay.abort())
  let running: RunningRole
  try {
    running = await start(settings, { signal: startUnderWay.signal })
  } catch (error) {
    if (startUnderWay.signal.aborted) return 0
    // The process is about to end: each line has to be out before the next.
    logStartFailure(loggerOf(settings, role, true), error)
    return 1
  }
  const ready: FromRole = { type: 'ready', addresses: running.addresses }
  process.send?.(ready)
  const ended = await Promise.race([drain.then(() => 'drain' as const), running.closed.then(() => 'closed' as const)])
  if (ended === 'closed') {
    logger.fatal('the role ended by itself')
    return 1
  }
  try {
    await running.drain()
    return 0
  } catch (error) {
    logger.error('drain failed', errorFields(error))
    return 1
  }
}

function logStartFailure(logger: Logger, error: unknown): void {
  if (!(error instanceof StartError)) {
    logger.fatal('start failed', errorFields(error))
    return
  }
  for (const { file, line, column, severity, code, message, remedy } of error.diagnostics) {
    const fields = { file: `${file}:${line}:${column}`, cause: code, error: message, reason: remedy }
    if (severity === 'error') logger.error('fault in a file', fields)
    else logger.warn('doubtful place in a file', fields)
  }
  logger.fatal('start failed', { error: error.message })
}

function loggerOf(settings: Settings, role: Role, sync = false): Logger {
  const { logLevel: level, logFormat: format } = settings
  return createLogger({ level, format, colour: hasTerminalColour(process.stderr), sync }).child({ role })
}
