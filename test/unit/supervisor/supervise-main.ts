/** A supervisor of the fake role in a process of its own, for the tests that signal or kill it. */
import { createLogger } from '../../../src/observability/logger.ts'
import { supervise } from '../../../src/supervisor/supervisor.ts'
import { settingsForTest } from './settings.ts'

process.exitCode = await supervise(settingsForTest(), {
  logger: createLogger({ level: 'info', format: 'json' }),
  entry: () => new URL('./fake-role.ts', import.meta.url)
})
