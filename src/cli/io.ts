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
  /** Who sits at the terminal. Absent: nobody can be asked, and no progress is shown. */
  readonly person?: Person
  /** Watches for Ctrl-C and SIGTERM from now on. Absent: they end the process, as without a command that minds. */
  readonly watchInterrupts?: () => Interrupts
}

export interface Person {
  /** A question of one line; true for yes. */
  readonly confirm: (question: string) => Promise<boolean>
  /** One line that the next one writes over; an empty one takes it away. */
  readonly progress: (line: string) => void
}

export interface Interrupts {
  /** Aborts at the first; a second one ends the process. */
  readonly signal: AbortSignal
  /** Stops watching. */
  readonly end: () => void
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
    errColour: hasTerminalColour(process.stderr),
    ...(process.stdin.isTTY && process.stderr.isTTY ? { person: terminalPerson(process.stdin, process.stderr) } : {}),
    watchInterrupts
  }
}

/** Somebody at a terminal of these streams. */
export function terminalPerson(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Person {
  return {
    async confirm(question) {
      const { createInterface } = await import('node:readline/promises')
      const terminal = createInterface({ input, output })
      try {
        // Ctrl-C and Ctrl-D at the question mean no.
        const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
        const answer = await Promise.race([terminal.question(`${question} [y/N] `), ended])
        return /^y(es)?$/i.test(answer.trim())
      } finally {
        terminal.close()
      }
    },
    progress: (line) => void output.write(`\r\u001b[2K${line}`)
  }
}

/** What a shell shows for a process that Ctrl-C ended. */
export const interruptedExitCode = 130

function watchInterrupts(): Interrupts {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(interruptedExitCode)
    controller.abort()
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, onSignal)
  return {
    signal: controller.signal,
    end: () => {
      for (const signal of signals) process.off(signal, onSignal)
    }
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
