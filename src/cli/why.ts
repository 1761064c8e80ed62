/** `kontrakt why`: the last refusals of a running instance, and the reason of each. */
import { Option } from 'commander'
import type { Command } from 'commander'
import type { RefusalEntry } from '../observability/refusal-journal.ts'
import type { CommandContext, OptionValues } from './command.ts'
import { addAdminOptions, makeCommand, wholeNumber } from './command.ts'
import type { CliIo } from './io.ts'

const filters = {
  topic: 'topic',
  partition: 'partition',
  clientId: 'clientId',
  principal: 'principal',
  rule: 'rule',
  offset: 'recordOffset'
}

export function whyCommand({ io, exit }: CommandContext): Command {
  const command = makeCommand(
    'why',
    'print the last refusals of a running instance and their reasons, the latest last',
    [
      'kontrakt why --topic orders',
      'kontrakt why --client-id checkout --full',
      'kontrakt why --topic orders --offset 4711 --json'
    ]
  )
    .option('--topic <TOPIC>', 'only this topic')
    .option('--client-id <ID>', 'only this client id')
    .option('--principal <NAME>', 'only this principal, such as User:checkout')
    .option('--rule <ID>', 'only this rule or built-in check')
    .addOption(new Option('--partition <N>', 'only this partition').argParser(wholeNumber))
    .addOption(
      new Option('--offset <N>', 'only the record at this offset (records that went to their topic)').argParser(
        wholeNumber
      )
    )
    .addOption(new Option('--limit <N>', 'most entries').argParser(wholeNumber).default(20))
    .option('--full', 'all that is known of each')
    .option('--json', 'print as JSON')
  return addAdminOptions(command).action(async (options: OptionValues) => exit(await printWhy(options, io)))
}

interface ViolationsPage {
  readonly items: readonly RefusalEntry[]
  readonly total: number
}

async function printWhy(options: OptionValues, io: CliIo): Promise<number> {
  const { adminTarget, askInstance } = await import('./admin-client.ts')
  const { fullText, lineText } = await import('./why-text.ts')
  const query: Record<string, string> = { limit: String(Math.min(1000, Math.max(1, Number(options['limit'])))) }
  for (const [option, parameter] of Object.entries(filters)) {
    const value = options[option]
    if (typeof value === 'string' || typeof value === 'number') query[parameter] = String(value)
  }
  const page = (await askInstance(adminTarget(options, io), '/api/v1/violations', query)) as ViolationsPage
  if (options['json'] === true) {
    io.out(`${JSON.stringify(page, null, 2)}\n`)
    return 0
  }
  const show = options['full'] === true ? fullText : lineText
  // The latest stands next to the prompt; an entry that counts several is as late as its last.
  for (const entry of page.items.toSorted((a, b) => a.lastAtMs - b.lastAtMs)) io.out(show(entry, io.colour))
  if (page.items.length === 0) io.out('nothing was refused that this instance remembers\n')
  else if (page.total > page.items.length) io.out(`${page.items.length} of ${page.total}; --limit shows more\n`)
  return 0
}
