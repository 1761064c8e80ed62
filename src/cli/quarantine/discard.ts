/** `kontrakt quarantine discard`: counts first, asks, then notes it. */
import type { DiscardReport } from '../../quarantine/discard.ts'
import type { OptionValues } from '../command.ts'
import { interruptedExitCode } from '../io.ts'
import type { CliIo } from '../io.ts'
import { jsonText } from '../json-text.ts'
import { painter, plural } from '../style.ts'
import { userName, withDesk } from './open-desk.ts'
import { filterOf, scopeOf } from './options.ts'
import { progressOf } from './progress.ts'
import { mustBeAllowed } from './redrive.ts'
import { discardText } from './text.ts'

export function discard(ids: readonly string[], options: OptionValues, io: CliIo): Promise<number> {
  mustBeAllowed(options, io, 'gives records up')
  const filter = filterOf(options, ids, Date.now())
  return withDesk(options, io, { judges: false }, async ({ desk, signal }) => {
    const { limit, by, reason } = options
    const call = {
      ...scopeOf(options),
      filter,
      by: typeof by === 'string' ? by : userName(),
      reason: String(reason),
      limit: typeof limit === 'number' ? limit : Infinity,
      signal
    }
    if (options['yes'] !== true || options['dryRun'] === true) {
      const would = await desk.discard({ ...call, dryRun: true, onProgress: progressOf(io, 'reading') })
      const count = would.reduce((total, { discarded }) => total + discarded, 0)
      if (options['dryRun'] === true || count === 0) show(would, true, options, io)
      if (signal.aborted) return interruptedExitCode
      if (options['dryRun'] === true || count === 0) return 0
      io.person?.progress('')
      if ((await io.person?.confirm(`Discard ${plural(count, 'record')}?`)) !== true) {
        io.err('nothing was discarded\n')
        return 1
      }
    }
    const reports = await desk.discard({ ...call, dryRun: false, onProgress: progressOf(io, 'discarding in') })
    show(reports, false, options, io)
    return signal.aborted ? interruptedExitCode : 0
  })
}

function show(reports: readonly DiscardReport[], dryRun: boolean, options: OptionValues, io: CliIo): void {
  io.person?.progress('')
  if (options['json'] === true) {
    io.out(jsonText({ dryRun, reports }))
    return
  }
  const told = reports.filter(({ discarded }) => discarded > 0)
  for (const report of told) io.out(discardText(report, dryRun, painter(io.colour)))
  if (told.length === 0) io.out('no open records are meant\n')
}
