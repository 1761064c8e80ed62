import { loadSettings } from '../../../src/config/load.ts'
import type { Settings } from '../../../src/config/settings.ts'

/** Settings with a secret and a map in them. */
export function settingsForTest(overrides: Partial<Settings> = {}): Settings {
  const { settings, diagnostics } = loadSettings({
    flags: new Map([
      ['--upstream', 'kafka:9092'],
      ['--listen', '127.0.0.1:9192'],
      ['--broker-ports', '1=9193'],
      ['--registry', 'http://registry:8081']
    ]),
    env: {
      KONTRAKT_REGISTRY_AUTH_USERNAME: 'u',
      KONTRAKT_REGISTRY_AUTH_PASSWORD: 'geheim',
      KONTRAKT_TIMINGS_DRAIN_DELAY: '0ms'
    },
    cwd: '/nowhere'
  })
  if (settings === null) throw new Error(JSON.stringify(diagnostics))
  return { ...settings, ...overrides }
}
