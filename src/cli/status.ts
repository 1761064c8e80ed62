/** `kontrakt status`: the health of a running instance. */
import type { Command } from 'commander'
import type { StatusView } from '../admin/view.ts'
import type { CommandContext, OptionValues } from './command.ts'
import { addAdminOptions, makeCommand } from './command.ts'
import type { CliIo } from './io.ts'

export function statusCommand({ io, exit }: CommandContext): Command {
  const command = makeCommand('status', 'print the health of a running instance; exit code 0 only when all is well', [
    'kontrakt status',
    'kontrakt status --admin http://127.0.0.1:9190 --json'
  ]).option('--json', 'print as JSON')
  return addAdminOptions(command).action(async (options: OptionValues) => exit(await printStatus(options, io)))
}

async function printStatus(options: OptionValues, io: CliIo): Promise<number> {
  const { adminTarget, askInstance } = await import('./admin-client.ts')
  const { statusText, isHealthy } = await import('./status-text.ts')
  const target = adminTarget(options, io)
  const status = (await askInstance(target, '/api/v1/status')) as StatusView
  io.out(
    options['json'] === true
      ? `${JSON.stringify(status, null, 2)}\n`
      : statusText(status, target.url, io.colour, Date.now())
  )
  return isHealthy(status) ? 0 : 1
}
