/** `kontrakt quarantine redrive`: shows first what would happen, asks, then does it. */
import type { RedriveReport } from '../../quarantine/redrive.ts'
import type { OptionValues } from '../command.ts'
import { CliError, interruptedExitCode } from '../io.ts'
import type { CliIo } from '../io.ts'
import { jsonText } from '../json-text.ts'
import { painter, plural } from '../style.ts'
import type { OpenDesk } from './open-desk.ts'
import { userName, withDesk } from './open-desk.ts'
import { filterOf, scopeOf } from './options.ts'
import { progressOf } from './progress.ts'
import { redriveText } from './text.ts'

export function redrive(ids: readonly string[], options: OptionValues, io: CliIo): Promise<number> {
  mustBeAllowed(options, io, 'sends records')
  const filter = filterOf(options, ids, Date.now())
  return withDesk(options, io, { judges: true }, async ({ desk, signal }) => {
    const { limit, rate, ignoreOrder } = options
    const call = {
      ...scopeOf(options),
      filter,
      by: userName(),
      ignoreOrder: ignoreOrder === true,
      limit: typeof limit === 'number' ? limit : Infinity,
      recordsPerSecond: typeof rate === 'number' ? rate : null,
      signal
    }
    if (options['yes'] !== true || options['dryRun'] === true) {
      const would = await desk.redrive({ ...call, dryRun: true, onProgress: progressOf(io, 'judging') })
      const done = show(would, true, options, io)
      const count = sum(would)
      if (signal.aborted) return interruptedExitCode
      if (options['dryRun'] === true || count === 0) return done
      if ((await io.person?.confirm(`Send ${plural(count, 'record')} home?`)) !== true) {
        io.err('nothing was sent\n')
        return 1
      }
    }
    return send({ desk, signal }, call, options, io)
  })
}

async function send(
  { desk, signal }: Pick<OpenDesk, 'desk' | 'signal'>,
  call: Omit<Parameters<OpenDesk['desk']['redrive']>[0], 'dryRun' | 'onProgress'>,
  options: OptionValues,
  io: CliIo
): Promise<number> {
  const draw = progressOf(io, 'sending')
  const sentOf = new Map<string, number>()
  try {
    const reports = await desk.redrive({
      ...call,
      dryRun: false,
      onProgress: (progress) => {
        sentOf.set(progress.quarantineTopic, progress.sent)
        draw(progress)
      }
    })
    const exitCode = show(reports, false, options, io)
    if (!signal.aborted) return exitCode
    io.err('stopped; the rest stays open, and the same command goes on with it\n')
    return interruptedExitCode
  } catch (error) {
    const sent = [...sentOf.values()].reduce((total, count) => total + count, 0)
    io.person?.progress('')
    if (sent > 0) io.err(`${plural(sent, 'record')} had been sent home by then\n`)
    throw error
  }
}

function show(reports: readonly RedriveReport[], dryRun: boolean, options: OptionValues, io: CliIo): number {
  io.person?.progress('')
  const refused = reports.some((report) => report.refused > 0)
  if (options['json'] === true) {
    // With a question to come, what would happen is for the person and not part of the output.
    if (options['dryRun'] === dryRun || !dryRun) io.out(jsonText({ dryRun, reports }))
    else for (const report of reports) io.err(redriveText(report, true, painter(io.errColour)))
    return refused ? 1 : 0
  }
  const told = reports.filter((report) => report.meant > 0 || report.unreadable > 0)
  for (const report of told) io.out(redriveText(report, dryRun, painter(io.colour)))
  if (told.length === 0) io.out('no open records are meant\n')
  return refused ? 1 : 0
}

function sum(reports: readonly RedriveReport[]): number {
  return reports.reduce((total, { sent }) => total + sent, 0)
}

/** What changes something is never done by a pipe that nobody looks at, unless it was said to be. */
export function mustBeAllowed(options: OptionValues, io: CliIo, does: string): void {
  if (options['yes'] === true || options['dryRun'] === true || io.person !== undefined) return
  throw new CliError(
    `this ${does}, and there is no terminal to ask at`,
    'add --yes, or --dry-run to see what would happen',
    2
  )
}
