/** `kontrakt doctor`: tries everything out before the first start; each finding with its remedy. */
import type { Command } from 'commander'
import type { CommandContext, OptionValues } from './command.ts'
import { addSettingsOptions, makeCommand } from './command.ts'

export function doctorCommand({ io, exit }: CommandContext): Command {
  const command = makeCommand(
    'doctor',
    'try everything out before the first serve: brokers, ports, registry, policies, limits',
    ['kontrakt doctor', 'kontrakt doctor --upstream kafka-1:9092 --listen 0.0.0.0:9192 --json']
  ).option('--json', 'print as JSON')
  return addSettingsOptions(command).action(async (options: OptionValues) => {
    const { doctor } = await import('./doctor-run.ts')
    exit(await doctor(options, io))
  })
}
