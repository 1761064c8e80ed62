/** `kontrakt init`: files to start from. */
import type { Command } from 'commander'
import { Option } from 'commander'
import type { CommandContext, OptionValues } from './command.ts'
import { addSettingsOptions, makeCommand, wholeNumber } from './command.ts'

export function initCommand({ io, exit }: CommandContext): Command {
  const command = makeCommand('init', 'write a commented settings file, one policy and its cases', [
    'kontrakt init',
    'kontrakt init my-kontrakt --upstream kafka-1:9092',
    'kontrakt init --upstream kafka-1:9092 --from-topic shop.orders.v1'
  ])
    .argument('[dir]', 'where to write', '.')
    .option('--from-topic <TOPIC>', 'infer the policy, in mode observe, from the latest records of a live topic')
    .addOption(
      new Option('--records <N>', 'with --from-topic: how many of them to look at').argParser(wholeNumber).default(1000)
    )
    .option('--force', 'write over files that are there')
  return addSettingsOptions(command, ['--upstream', '--listen', '--registry', '--log-level']).action(
    async (dir: string, options: OptionValues) => {
      const { init } = await import('./init-run.ts')
      exit(await init(dir, options, io))
    }
  )
}
