/** What a command sees of the world around it; tests hand in another one. */
import { hasTerminalColour } from '../supervisor/terminal.ts'

export interface CliIo {
  /** Output for people and, with `--json`, for programs. */
  readonly out: (text: string) => void
  /** What went wrong. */
  readonly err: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Absolute. */
  readonly cwd: string
  /** Whether colour is wanted on `out`. */
  readonly colour: boolean
  /** Whether colour is wanted on `err`. */
  readonly errColour: boolean
}

export function processIo(): CliIo {
  // `kontrakt why | head` closes the pipe early, which is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env: process.env,
    cwd: process.cwd(),
    colour: hasTerminalColour(process.stdout),
    errColour: hasTerminalColour(process.stderr)
  }
}

/** A fault that is told to the user without a stack: what is wrong, and what to do about it. */
export class CliError extends Error {
  readonly remedy: string | null
  readonly exitCode: 1 | 2

  constructor(message: string, remedy: string | null = null, exitCode: 1 | 2 = 1) {
    super(message)
    this.name = 'CliError'
    this.remedy = remedy
    this.exitCode = exitCode
  }
}
