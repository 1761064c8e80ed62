/** `kontrakt test`: runs the cases beside the policies, without a broker and without a registry. */
import { Option } from 'commander'
import type { Command } from 'commander'
import type { CommandContext, OptionValues } from './command.ts'
import { makeCommand } from './command.ts'

export function testCommand({ io, exit }: CommandContext): Command {
  return makeCommand('test', 'run *.cases.yaml: the records that must pass and fail', [
    'kontrakt test',
    'kontrakt test policies/orders.cases.yaml',
    'kontrakt test --format junit > report.xml'
  ])
    .argument('[paths...]', 'policy folders and cases files (default: the policies that the settings name)')
    .option('--settings <FILE>', 'settings file (default: kontrakt.yaml, if it is there)')
    .addOption(new Option('--format <FORMAT>', 'how to print').choices(['text', 'junit', 'json']).default('text'))
    .option('--json', 'short for --format json')
    .option('--log-level <LEVEL>', 'accepted for all commands; this one logs nothing')
    .action(async (paths: readonly string[], options: OptionValues) => {
      const { test } = await import('./test-run.ts')
      exit(test(paths, options, io))
    })
}
