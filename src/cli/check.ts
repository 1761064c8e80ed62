/** `kontrakt check`: settings and policies, every fault with its place and what would be right. */
import { Option } from 'commander'
import type { Command } from 'commander'
import type { CommandContext, OptionValues } from './command.ts'
import { makeCommand } from './command.ts'

export function checkCommand({ io, exit }: CommandContext): Command {
  return makeCommand('check', 'check settings and policies', [
    'kontrakt check',
    'kontrakt check policies/orders.yaml --format github',
    'kontrakt check --registry --save'
  ])
    .argument(
      '[paths...]',
      'policy folders, policy files and settings files (default: the settings, and the policies they name)'
    )
    .option('--settings <FILE>', 'settings file (default: kontrakt.yaml, if it is there)')
    .addOption(new Option('--format <FORMAT>', 'how to print').choices(['text', 'json', 'github']).default('text'))
    .option('--json', 'short for --format json')
    .option('--registry [URL]', 'check against the live registry as well (default address: from the settings)')
    .option('--explain', 'say how the records of each policy are judged: compiled, or decoded first and why')
    .option('--save', 'with --registry: keep copies of the schemas beside the policies, for kontrakt test')
    .option('--log-level <LEVEL>', 'accepted for all commands; this one logs nothing')
    .action(async (paths: readonly string[], options: OptionValues) => {
      const { check } = await import('./check-run.ts')
      exit(await check(paths, options, io))
    })
}
