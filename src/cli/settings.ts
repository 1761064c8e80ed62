/** `kontrakt settings`: what is in effect, and where each value comes from. */
import type { Command } from 'commander'
import type { CommandContext, OptionValues } from './command.ts'
import { addSettingsOptions, makeCommand, settingsInputs } from './command.ts'
import type { CliIo } from './io.ts'

export function settingsCommand({ io, exit }: CommandContext): Command {
  const command = makeCommand('settings', 'print the effective settings with the source of each; secrets are masked', [
    'kontrakt settings',
    'kontrakt settings --settings /etc/kontrakt.yaml --json'
  ]).option('--json', 'print as JSON')
  return addSettingsOptions(command).action(async (options: OptionValues) => exit(await printSettings(options, io)))
}

async function printSettings(options: OptionValues, io: CliIo): Promise<number> {
  const { loadSettings } = await import('../config/load.ts')
  const { formatOrigin } = await import('../config/origin.ts')
  const { diagnosticText, hasErrors } = await import('./diagnostics.ts')
  const { columns, painter, printable } = await import('./style.ts')
  const loaded = loadSettings(settingsInputs(options, io))
  const failed = hasErrors(loaded.diagnostics)
  const rows = loaded.effective.map(({ path, value, origin, secret }) => {
    return { path: path.replace(/\.(\d+)/, '[$1]'), value, source: formatOrigin(origin), secret }
  })
  if (options['json'] === true) {
    io.out(`${JSON.stringify({ file: loaded.file, settings: rows, diagnostics: loaded.diagnostics }, null, 2)}\n`)
    return failed ? 1 : 0
  }
  const paint = painter(io.colour)
  const width = (key: 'path' | 'value'): number => Math.max(0, ...rows.map((row) => (row[key] ?? '-').length))
  const [paths, values] = [width('path'), width('value')]
  for (const { path, value, source } of rows) {
    const shown = printable(value ?? '-').padEnd(Math.min(values, 60))
    io.out(`${path.padEnd(paths)}  ${shown}  ${source === 'default' ? paint('dim', source) : source}\n`)
  }
  if (rows.length === 0 && !failed) io.out(columns([['nothing is set']]))
  for (const diagnostic of loaded.diagnostics) io.err(diagnosticText(diagnostic, painter(io.errColour)))
  return failed ? 1 : 0
}
