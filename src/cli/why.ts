/**
 * `kontrakt why`: the last refusals of a running instance, and the reason of each; or, from the words a producer was
 * given or the id of a quarantined record, the rule and where it stands.
 */
import { Option } from 'commander'
import type { Command } from 'commander'
import type { Explanation, PlacedRefusal } from '../admin/view.ts'
import type { RecordView } from '../quarantine/record-view.ts'
import type { CommandContext, OptionValues } from './command.ts'
import { addAdminOptions, makeCommand, wholeNumber } from './command.ts'
import type { CliIo } from './io.ts'
import { jsonText } from './json-text.ts'

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
      'kontrakt why --topic orders --offset 4711 --json',
      'kontrakt why 3f2a91c04b7e',
      'kontrakt why "1 of 1 record breaks orders@3f2a91c04b7e; record 0: amount-positive at value.amount: ..."'
    ]
  )
    .argument('[about]', "id of a quarantined record, or the words of a producer's error (default: the last refusals)")
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
  return addAdminOptions(command).action(async (about: string | undefined, options: OptionValues) => {
    const isId = about !== undefined && /^[0-9a-f]{4,32}$/i.test(about)
    if (about === undefined) exit(await printWhy(options, io))
    else exit(await (isId ? printRecord(about.toLowerCase(), options, io) : printExplanation(about, options, io)))
  })
}

interface ViolationsPage {
  readonly items: readonly PlacedRefusal[]
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
    io.out(jsonText(page))
    return 0
  }
  const show = options['full'] === true ? fullText : lineText
  // The latest stands next to the prompt; an entry that counts several is as late as its last.
  for (const entry of page.items.toSorted((a, b) => a.lastAtMs - b.lastAtMs)) io.out(show(entry, io.colour))
  if (page.items.length === 0) io.out('nothing was refused that this instance remembers\n')
  else if (page.total > page.items.length) io.out(`${page.items.length} of ${page.total}; --limit shows more\n`)
  return 0
}

async function printRecord(id: string, options: OptionValues, io: CliIo): Promise<number> {
  const { adminTarget, askInstance } = await import('./admin-client.ts')
  const { viewText } = await import('./quarantine/text.ts')
  const { painter } = await import('./style.ts')
  const query: Record<string, string> = typeof options['topic'] === 'string' ? { topic: options['topic'] } : {}
  const view = (await askInstance(
    adminTarget(options, io),
    `/api/v1/quarantine/${id}`,
    query,
    patienceMs
  )) as RecordView
  io.out(options['json'] === true ? jsonText(view) : viewText(view, painter(io.colour)))
  return 0
}

/** The instance looks for the record in Kafka. */
const patienceMs = 30_000

async function printExplanation(text: string, options: OptionValues, io: CliIo): Promise<number> {
  const { adminTarget, askInstance } = await import('./admin-client.ts')
  const { explanationText } = await import('./why-text.ts')
  const query = { text: ofInterest(text) }
  const explanation = (await askInstance(adminTarget(options, io), '/api/v1/why', query)) as Explanation
  io.out(options['json'] === true ? jsonText(explanation) : explanationText(explanation, io.colour))
  return 0
}

/**
 * An error may bring its stack along, and a request line has its limits (16 KiB, and nine bytes for one character at
 * worst): what is ours stands around the name of the policy.
 */
function ofInterest(text: string): string {
  const start = Math.max(0, text.search(/@[0-9a-f]{12}\b/) - 300)
  return text.slice(start, start + 1_500).toWellFormed()
}
