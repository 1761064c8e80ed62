/** `kontrakt quarantine show`. */
import type { OptionValues } from '../command.ts'
import type { CliIo } from '../io.ts'
import { jsonText } from '../json-text.ts'
import { painter } from '../style.ts'
import { placesIn } from '../../quarantine/rule-places.ts'
import { jsonOf } from './json.ts'
import { withDesk } from './open-desk.ts'
import { filterOf, scopeOf } from './options.ts'
import { progressOf } from './progress.ts'
import { contentsText, viewText } from './text.ts'
import { recordView } from '../../quarantine/record-view.ts'

export function show(given: readonly string[], options: OptionValues, io: CliIo): Promise<number> {
  const { ids, topic } = filterOf(options, given, Date.now())
  return withDesk(options, io, { judges: false }, async ({ desk, policies, signal }) => {
    const onProgress = progressOf(io, 'reading')
    const contents = options['values'] === true
    const call = { ...scopeOf(options), topic, contents, scanLimit: null, signal, onProgress }
    const records = await desk.find(ids!, call)
    io.person?.progress('')
    const paint = painter(io.colour)
    const placeIn = placesIn(policies)
    if (options['json'] === true) {
      io.out(jsonText(records.map((record) => jsonOf(record, placeIn(record)))))
      return 0
    }
    for (const record of records)
      io.out(`${viewText(recordView(record, placeIn(record)), paint)}${contentsText(record)}`)
    return 0
  })
}
