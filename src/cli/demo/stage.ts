/**
 * What the demo plays on: an embedded broker and the proxy in front of it, in this process, on the usual ports where
 * they are free. Nothing is left behind: the proxy's state is a temporary folder that goes with the process.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProxy, type RunningProxy } from '../../app.ts'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../broker/embedded-broker.ts'
import { loadSettings } from '../../config/load.ts'
import type { Settings } from '../../config/settings.ts'
import { formatDiagnostic } from '../../contracts/diagnostic.ts'
import { silentLogger } from '../../observability/logger.ts'
import { topic } from './orders.ts'

const host = '127.0.0.1'

/** Those of the documentation, so that what is read there can be tried here. */
const usualPorts = { broker: 9092, bootstrap: 9192, firstBroker: 9193, admin: 9190 } as const
const nodeId = 1

export interface Stage {
  readonly broker: EmbeddedBroker
  readonly proxy: RunningProxy
  /** Resolves when all ports are free again. */
  close(): Promise<void>
}

export async function buildStage(): Promise<Stage> {
  const stateDir = mkdtempSync(join(tmpdir(), 'kontrakt-demo-'))
  const removeState = (): void => rmSync(stateDir, { recursive: true, force: true })
  process.once('exit', removeState)
  const broker = await startEmbeddedBroker({
    nodeId,
    port: await freePort(usualPorts.broker),
    topics: [{ name: topic }]
  })
  try {
    const proxy = await runProxy(await settingsFor(broker, stateDir), { logger: silentLogger() })
    return {
      broker,
      proxy,
      async close() {
        await proxy.drain()
        await broker.close()
        removeState()
        process.off('exit', removeState)
      }
    }
  } catch (error) {
    await broker.close()
    throw error
  }
}

async function settingsFor(broker: EmbeddedBroker, stateDir: string): Promise<Settings> {
  const flags = new Map([
    ['--upstream', broker.address],
    ['--listen', `${host}:${await freePort(usualPorts.bootstrap)}`],
    ['--broker-ports', `${nodeId}=${await freePort(usualPorts.firstBroker)}`],
    ['--advertised-host', host],
    ['--admin', `${host}:${await freePort(usualPorts.admin)}`],
    ['--policies', fileURLToPath(new URL('../../../policies', import.meta.url))],
    ['--state-dir', stateDir],
    ['--roles', 'proxy']
  ])
  // Neither the environment nor a settings file of the user: the demo is the same everywhere.
  const { settings, diagnostics } = loadSettings({ flags, env: {}, cwd: stateDir })
  if (settings === null) throw new Error(diagnostics.map(formatDiagnostic).join('\n'))
  // There is no load balancer that would have to notice first.
  return { ...settings, timings: { ...settings.timings, drainDelayMs: 0, drainTimeoutMs: 1_000 } }
}

/** The port itself, or 0 (any) when somebody has it. */
function freePort(port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(0))
    probe.listen(port, host, () => probe.close(() => resolve(port)))
  })
}
