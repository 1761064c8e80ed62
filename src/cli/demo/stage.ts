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

/**
 * Those of the documentation, so that what is read there can be tried here; but not the broker's 9092, where a newcomer
 * may well have a Kafka.
 */
const usualPorts = { broker: 19092, bootstrap: 9192, firstBroker: 9193, admin: 9190 } as const
const anyPorts = { bootstrap: 0, firstBroker: 0, admin: 0 } as const
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
  // Two demos at once must not race for the usual ports: who has the broker's may try the others.
  const { broker, isFirst } = await startBroker()
  try {
    const proxy = await runProxy(await settingsFor(broker, stateDir, isFirst ? usualPorts : anyPorts), {
      logger: silentLogger()
    })
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

async function startBroker(): Promise<{ broker: EmbeddedBroker; isFirst: boolean }> {
  const options = { nodeId, topics: [{ name: topic }] }
  try {
    return { broker: await startEmbeddedBroker({ ...options, port: usualPorts.broker }), isFirst: true }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return { broker: await startEmbeddedBroker(options), isFirst: false }
  }
}

async function settingsFor(
  broker: EmbeddedBroker,
  stateDir: string,
  ports: { readonly bootstrap: number; readonly firstBroker: number; readonly admin: number }
): Promise<Settings> {
  const flags = new Map([
    ['--upstream', broker.address],
    ['--listen', `${host}:${await freePort(ports.bootstrap)}`],
    ['--broker-ports', `${nodeId}=${await freePort(ports.firstBroker)}`],
    ['--advertised-host', host],
    ['--admin', `${host}:${await freePort(ports.admin)}`],
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
