/** `kontrakt demo`, as a command; what it shows is in `demo.ts`. */
import type { Command } from 'commander'
import type { CommandContext } from './command.ts'
import { makeCommand } from './command.ts'

export function demoCommand({ io, exit }: CommandContext): Command {
  return makeCommand('demo', 'show it: an embedded broker, the proxy, a good and a bad producer, and what happens', [
    'kontrakt demo',
    'kontrakt demo --exit'
  ])
    .option('--exit', 'stop when the story is told')
    .option('--log-level <LEVEL>', 'accepted for all commands; this one logs nothing')
    .action(async (options: { readonly exit?: boolean }) => {
      const { runDemo } = await import('./demo.ts')
      exit(await runDemo({ exit: options.exit === true, colour: io.colour, write: io.out }))
    })
}
