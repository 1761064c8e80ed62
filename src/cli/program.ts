/** All commands, and the one place where what they did becomes an exit code: 0 done, 1 not, 2 not understood. */
import { Command, CommanderError } from 'commander'
import type { CommandContext } from './command.ts'
import { checkCommand } from './check.ts'
import { demoCommand } from './demo-command.ts'
import { doctorCommand } from './doctor.ts'
import { initCommand } from './init.ts'
import type { CliIo } from './io.ts'
import { CliError } from './io.ts'
import { quarantineCommand } from './quarantine.ts'
import { serveCommand } from './serve.ts'
import { settingsCommand } from './settings.ts'
import { statusCommand } from './status.ts'
import { painter } from './style.ts'
import { testCommand } from './test.ts'
import { whyCommand } from './why.ts'
import { version } from '../version.ts'

/** Designed, not built in this version. Typing one says so instead of "unknown command". */
const notYetCommands: ReadonlyMap<string, string> = new Map([
  ['backtest', 'put the policy in mode observe and watch kontrakt_violations_total instead'],
  ['trips', 'this version has no stateful rules'],
  ['flink', 'this version has no stateful rules']
])

/** Runs one command line (without `node` and the script). Never throws; resolves with the exit code. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  let exitCode = 0
  const program = buildProgram({ io, exit: (code) => (exitCode = code) })
  const paint = painter(io.errColour)
  try {
    const [first = ''] = args
    const instead = notYetCommands.get(first)
    if (instead !== undefined)
      throw new CliError(`error[not-yet]: '${first}' is not built yet in this version`, instead, 2)
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return isAsked(error) ? 0 : 2
    if (error instanceof CliError) {
      io.err(`${paint('red', 'kontrakt')}: ${error.message}\n${error.remedy === null ? '' : `    ${error.remedy}\n`}`)
      return error.exitCode
    }
    const shown = error instanceof Error ? (error.stack ?? error.message) : String(error)
    io.err(`${paint('red', 'kontrakt')}: a fault of its own; please report it\n${shown}\n`)
    return 1
  }
}

/** Help and version end the parsing like errors do. Help that nobody asked for stays a usage error. */
function isAsked(error: CommanderError): boolean {
  return error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
}

function buildProgram(context: CommandContext): Command {
  const { io } = context
  const program = new Command('kontrakt')
    .description('A Kafka proxy that refuses or quarantines records which break the contract of their topic.')
    .version(version, '-V, --version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText(
      'after',
      '\nExamples:\n  $ kontrakt demo\n  $ kontrakt init\n' +
        '  $ kontrakt serve --upstream kafka-1:9092 --listen 0.0.0.0:9192\n\n' +
        'Exit codes: 0 done, 1 not (the reason is printed), 2 the command line was not understood.'
    )
  const commands = [
    demoCommand(context),
    initCommand(context),
    serveCommand(context),
    checkCommand(context),
    testCommand(context),
    whyCommand(context),
    quarantineCommand(context),
    statusCommand(context),
    doctorCommand(context),
    settingsCommand(context)
  ]
  for (const command of commands) program.addCommand(command)
  for (const command of [program, ...commands, ...commands.flatMap((parent) => parent.commands)]) {
    command
      .exitOverride()
      .showHelpAfterError('(--help shows the options)')
      .configureOutput({
        writeOut: io.out,
        writeErr: io.err,
        getOutHasColors: () => io.colour,
        getErrHasColors: () => io.errColour
      })
  }
  return program
}
