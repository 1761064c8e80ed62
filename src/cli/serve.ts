/** `kontrakt serve`: runs the proxy until it is told to end. */
import type { Command } from 'commander'
import type { CommandContext, OptionValues } from './command.ts'
import { addSettingsOptions, makeCommand } from './command.ts'
import type { CliIo } from './io.ts'

export function serveCommand({ io, exit }: CommandContext): Command {
  const command = makeCommand('serve', 'run the proxy; SIGTERM drains, a second one ends it at once', [
    'kontrakt serve',
    'kontrakt serve --upstream kafka-1:9092 --listen 0.0.0.0:9192 --advertised-host kontrakt.internal'
  ])
  return addSettingsOptions(command).action(async (options: OptionValues) => exit(await runServe(options, io)))
}

async function runServe(options: OptionValues, io: CliIo): Promise<number> {
  const { loadOrExplain } = await import('./load-or-explain.ts')
  const settings = loadOrExplain(options, io)
  if (settings === null) return 1
  const { createLogger } = await import('../observability/logger.ts')
  const { supervise } = await import('../supervisor/supervisor.ts')
  const { logLevel: level, logFormat: format } = settings
  const logger = createLogger({ level, format, colour: io.errColour }).child({ role: 'supervisor' })
  return supervise(settings, { logger })
}
