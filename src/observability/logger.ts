/** Log lines: JSON on stderr, or for reading on a terminal. Fields come from the dictionary in `log-fields.ts`. */
import { createRequire } from 'node:module'
import { pino } from 'pino'
import type { DestinationStream, Logger as Pino } from 'pino'
import type pinoPretty from 'pino-pretty'
import type { LogFormat, LogLevel } from '../config/settings.ts'
import type { LogFields } from './log-fields.ts'

/** The message is a constant sentence; what varies goes into fields, so that lines can be counted and searched. */
type Write = (message: string, fields?: LogFields) => void

export interface Logger {
  readonly fatal: Write
  readonly error: Write
  readonly warn: Write
  readonly info: Write
  readonly debug: Write
  readonly trace: Write
  /** A logger that adds these fields to each line. */
  child(fields: LogFields): Logger
}

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Where lines go; default: stderr. */
  readonly destination?: DestinationStream
  /** Each line is out before the next: for a process that is about to end. */
  readonly sync?: boolean
  /** Colours in the pretty format. */
  readonly colour?: boolean
}

/**
 * Lines that stderr has not taken yet, in bytes; above it new lines are dropped. A full pipe must neither stop the
 * proxy nor fill its memory.
 */
const maxBufferedBytes = 8 * 1024 * 1024

export function createLogger(options: LoggerOptions): Logger {
  return wrap(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) }
      },
      destinationOf(options)
    )
  )
}

/** Says nothing; for tests and for commands whose output is everything. */
export function silentLogger(): Logger {
  return createLogger({ level: 'silent', format: 'json' })
}

function destinationOf(options: LoggerOptions): DestinationStream {
  const { destination, format, colour = false } = options
  if (format === 'pretty') {
    // Loaded only when asked for: it takes longer to load than everything else together.
    const pretty = createRequire(import.meta.url)('pino-pretty') as typeof pinoPretty
    // In this process and synchronous: people read it as things happen, and Ctrl-C loses nothing.
    return pretty({
      destination: destination ?? 2,
      sync: true,
      colorize: colour,
      singleLine: true,
      ignore: 'pid,hostname'
    })
  }
  if (destination !== undefined) return destination
  return pino.destination(
    options.sync === true ? { dest: 2, sync: true } : { dest: 2, sync: false, maxLength: maxBufferedBytes }
  )
}

function wrap(logger: Pino): Logger {
  const write =
    (level: Exclude<LogLevel, 'silent'>): Write =>
    (message, fields) => {
      if (fields === undefined) logger[level](message)
      else logger[level](fields, message)
    }
  return {
    fatal: write('fatal'),
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    trace: write('trace'),
    child: (fields) => wrap(logger.child(fields))
  }
}

/** What to log of something that was thrown. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: String(error) }
  return error.stack === undefined ? { error: error.message } : { error: error.message, stack: error.stack }
}
