/** `kontrakt quarantine`: look at quarantined records, send them home, discard them. Speaks Kafka itself. */
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import type { CommandContext, OptionValues } from './command.ts'
import { addSettingsOptions, makeCommand, wholeNumber } from './command.ts'

export function quarantineCommand(context: CommandContext): Command {
  const command = makeCommand('quarantine', 'look at quarantined records, send them home, discard them', [
    'kontrakt quarantine list --topic orders',
    'kontrakt quarantine show 3f2a91c04b7e',
    'kontrakt quarantine redrive --topic orders --dry-run'
  ])
  for (const make of [listCommand, showCommand, redriveCommand, discardCommand]) command.addCommand(make(context))
  return command
}

function listCommand({ io, exit }: CommandContext): Command {
  const command = makeCommand('list', 'print quarantined records, the latest last', [
    'kontrakt quarantine list',
    'kontrakt quarantine list --topic orders --rule amount-positive --since 2h',
    'kontrakt quarantine list --state redriven --json',
    'kontrakt quarantine list --summary'
  ])
  return addConnectionOptions(addFilterOptions(command))
    .addOption(
      new Option('--state <STATE>', 'what became of them')
        .choices(['open', 'redriven', 'discarded', 'all'])
        .default('open')
    )
    .addOption(new Option('--limit <N>', 'most records, the latest').argParser(positiveNumber).default(50))
    .option('--summary', 'count them by rule and by producer instead')
    .option('--json', 'print as JSON')
    .action(async (options: OptionValues) => {
      const { list } = await import('./quarantine/list.ts')
      exit(await list(options, io))
    })
}

function showCommand({ io, exit }: CommandContext): Command {
  const command = makeCommand('show', 'print all that is known of quarantined records', [
    'kontrakt quarantine show 3f2a91c04b7e',
    'kontrakt quarantine show 3f2a91c04b7e --topic orders --values'
  ]).argument('<ids...>', 'ids, or at least their first four digits')
  return addConnectionOptions(addPlaceOptions(command))
    .option('--values', 'print key, value and headers as well: they are the contents of the record')
    .option('--json', 'print as JSON')
    .action(async (ids: readonly string[], options: OptionValues) => {
      const { show } = await import('./quarantine/show.ts')
      exit(await show(ids, options, io))
    })
}

function redriveCommand({ io, exit }: CommandContext): Command {
  const command = makeCommand('redrive', "send quarantined records home that today's policies let through", [
    'kontrakt quarantine redrive --topic orders --dry-run',
    'kontrakt quarantine redrive --topic orders --rule amount-positive',
    'kontrakt quarantine redrive 3f2a91c04b7e --yes',
    'kontrakt quarantine redrive --topic orders --rate 200 --yes'
  ]).argument('[ids...]', 'ids, or at least their first four digits (default: all that the filters leave)')
  return addConnectionOptions(addFilterOptions(command))
    .option('--dry-run', 'only print what would happen')
    .option('--yes', 'do not ask')
    .addOption(new Option('--limit <N>', 'most records to send').argParser(positiveNumber))
    .addOption(new Option('--rate <N>', 'most records per second').argParser(perSecond))
    .option('--ignore-order', 'send records also when an earlier one of their key stays behind')
    .option('--at-least-once', 'without transactions: after a crash or a lost answer a record may be sent twice')
    .option('--json', 'print as JSON')
    .action(async (ids: readonly string[], options: OptionValues) => {
      const { redrive } = await import('./quarantine/redrive.ts')
      exit(await redrive(ids, options, io))
    })
}

function discardCommand({ io, exit }: CommandContext): Command {
  const command = makeCommand('discard', 'note that quarantined records are not to go home', [
    'kontrakt quarantine discard 3f2a91c04b7e --reason "test data"',
    'kontrakt quarantine discard --topic orders --client-id load-test --reason "load test" --yes'
  ]).argument('[ids...]', 'ids, or at least their first four digits (default: all that the filters leave)')
  return addConnectionOptions(addFilterOptions(command))
    .requiredOption('--reason <TEXT>', 'why; kept with the records')
    .option('--by <NAME>', 'who says so (default: the user of the operating system)')
    .option('--dry-run', 'only print how many there are')
    .option('--yes', 'do not ask')
    .addOption(new Option('--limit <N>', 'most records to discard').argParser(positiveNumber))
    .option('--at-least-once', 'without transactions')
    .option('--json', 'print as JSON')
    .action(async (ids: readonly string[], options: OptionValues) => {
      const { discard } = await import('./quarantine/discard.ts')
      exit(await discard(ids, options, io))
    })
}

function addPlaceOptions(command: Command): Command {
  return command
    .option('--topic <TOPIC>', 'only records that were sent to this topic (default: all topics that have a policy)')
    .option('--quarantine-topic <TOPIC>', "this quarantine topic, instead of those that today's policies name")
}

function addFilterOptions(command: Command): Command {
  return addPlaceOptions(command)
    .option('--rule <ID>', 'only records that broke this rule or built-in check')
    .option('--client-id <ID>', 'only from this client id')
    .option('--principal <NAME>', 'only from this principal, such as User:checkout')
    .option('--policy <NAME>', 'only those quarantined by this policy: orders, or orders@3f2a91c04b7e')
    .addOption(
      new Option(
        '--since <TIME>',
        'quarantined at or after: a time such as 2026-11-21T10:00:00Z, or 2h for two hours ago'
      )
    )
    .addOption(new Option('--until <TIME>', 'quarantined before'))
}

function addConnectionOptions(command: Command): Command {
  return addSettingsOptions(command, ['--upstream', '--policies', '--registry', '--log-level'])
}

/** For commander. */
function positiveNumber(text: string): number {
  const value = wholeNumber(text)
  if (value === 0) throw new InvalidArgumentError('It must be at least 1.')
  return value
}

/** For commander: `200`, or `200/s`. */
function perSecond(text: string): number {
  return positiveNumber(text.replace(/\/s$/, ''))
}
