/** `kontrakt quarantine list`. */
import type { OptionValues } from '../command.ts'
import { interruptedExitCode } from '../io.ts'
import type { CliIo } from '../io.ts'
import { jsonText } from '../json-text.ts'
import { painter, plural, printable } from '../style.ts'
import { jsonOf } from './json.ts'
import { withDesk } from './open-desk.ts'
import { filterOf, scopeOf } from './options.ts'
import { progressOf } from './progress.ts'
import { lineOf, summaryText } from './text.ts'

export function list(options: OptionValues, io: CliIo): Promise<number> {
  const filter = filterOf(options, [], Date.now())
  return withDesk(options, io, { judges: false }, async ({ desk, signal }) => {
    const limit = Number(options['limit'])
    const onProgress = progressOf(io, 'reading')
    const listing = await desk.list({ ...scopeOf(options), filter, limit, scanLimit: null, signal, onProgress })
    io.person?.progress('')
    const { records, total, complete, byRule, byProducer, unreadable, unreadableTotal } = listing
    const paint = painter(io.colour)
    if (options['json'] === true) {
      const groups = { byRule: Object.fromEntries(byRule), byProducer: [...byProducer.values()] }
      const found = { total, complete, unreadable: unreadableTotal, ...groups, items: records.map((r) => jsonOf(r)) }
      io.out(jsonText(found))
    } else if (options['summary'] === true) {
      io.out(summaryText(listing, paint))
    } else {
      // The latest stands next to the prompt.
      for (const record of records.toReversed()) io.out(lineOf(record, paint))
      if (total === 0) io.out(`no ${filter.state === 'all' ? '' : `${filter.state ?? 'open'} `}records\n`)
      else if (total > records.length) io.out(`${records.length} of ${total}; --limit shows more\n`)
    }
    for (const { quarantineTopic, partition, offset, why } of unreadable)
      io.err(`${quarantineTopic}/${partition}, offset ${offset}, is no quarantined record: ${printable(why)}\n`)
    if (unreadableTotal > unreadable.length) io.err(`and ${plural(unreadableTotal - unreadable.length, 'more')}\n`)
    return complete ? 0 : interruptedExitCode
  })
}
