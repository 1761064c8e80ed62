/**
 * Running a command to its end, and finding out whether there is one. Arguments are passed as a list: no shell.
 */
import { spawn } from 'node:child_process'

export interface CommandResult {
  code: number
  stdout: string
  stderr: string
}

export interface CommandOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  timeoutMs?: number
}

/** Enough of a failed command's output to see why, little enough to read. */
const shownBytes = 4_000

/** Runs a command; a missing program is exit code 127, as in a shell. */
export async function run(program: string, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  return await new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      timeout: options.timeoutMs,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', (error) => resolve({ code: 127, stdout, stderr: `${program}: ${error.message}` }))
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }))
  })
}

/** Runs a command that must succeed; otherwise throws with the end of what it said. */
export async function mustRun(program: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const result = await run(program, args, options)
  if (result.code === 0) return result.stdout
  const said = `${result.stdout}${result.stderr}`.slice(-shownBytes)
  throw new Error(`${program} ${args.slice(0, 3).join(' ')} ended with ${result.code}:\n${said}`)
}
