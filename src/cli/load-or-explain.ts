/** Settings for a command that cannot do without: loads them, or prints all that is wrong and gives null. */
import type { Settings } from '../config/settings.ts'
import { loadSettings } from '../config/load.ts'
import type { OptionValues } from './command.ts'
import { settingsInputs } from './command.ts'
import { countText, diagnosticText, hasErrors } from './diagnostics.ts'
import type { CliIo } from './io.ts'
import { painter } from './style.ts'

export function loadOrExplain(options: OptionValues, io: CliIo): Settings | null {
  const { settings, diagnostics } = loadSettings(settingsInputs(options, io))
  for (const diagnostic of diagnostics) io.err(diagnosticText(diagnostic, painter(io.errColour)))
  if (hasErrors(diagnostics)) io.err(`${countText(diagnostics)} in the settings; docs/settings.md explains them all\n`)
  return settings
}
