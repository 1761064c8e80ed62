/** Settings for a command that cannot do without: loads them, or prints all that is wrong and gives null. */
import type { Settings } from '../config/settings.ts'
import { loadSettings } from '../config/load.ts'
import type { LoadedSettings, SettingsInputs } from '../config/load.ts'
import type { OptionValues } from './command.ts'
import { settingsInputs } from './command.ts'
import { countText, diagnosticText, hasErrors } from './diagnostics.ts'
import type { CliIo } from './io.ts'
import { painter } from './style.ts'

/** @param listens false: nothing listens here, so a listener need not be set */
export function loadOrExplain(options: OptionValues, io: CliIo, listens = true): Settings | null {
  const inputs = settingsInputs(options, io)
  const { settings, diagnostics } = listens ? loadSettings(inputs) : loadWithoutListener(inputs)
  for (const diagnostic of diagnostics) io.err(diagnosticText(diagnostic, painter(io.errColour)))
  if (hasErrors(diagnostics)) io.err(`${countText(diagnostics)} in the settings; docs/settings.md explains them all\n`)
  return settings
}

function loadWithoutListener(inputs: SettingsInputs): LoadedSettings {
  const loaded = loadSettings(inputs)
  const lacksOne = loaded.diagnostics.some(({ code, message }) => code === 'missing' && message.includes("'listeners"))
  if (!lacksOne) return loaded
  return loadSettings({ ...inputs, flags: new Map([['--listen', '127.0.0.1:9192'] as const, ...inputs.flags]) })
}
