/**
 * Drivers for franz-go and sarama: one small Go program, built once per version of its sources. They only produce; what
 * came of it is read with another client.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from '../cache.ts'
import { mustRun } from '../command.ts'
import { onPath } from '../processes.ts'
import type { ClientDriver } from './driver.ts'
import { processDriver } from './process-driver.ts'

const folder = join(import.meta.dirname, 'go')
const program = 'client'

/** Modules of the first build come over the network. */
const buildTimeoutMs = 300_000

/** Builds the clients when this machine can, and says in words why it cannot otherwise. */
export async function prepareGo(): Promise<string | undefined> {
  if (goCommand() === undefined) return 'no Go (https://go.dev/dl)'
  await built()
  return undefined
}

export async function goDriver(name: 'franz-go' | 'sarama'): Promise<ClientDriver> {
  return processDriver({
    name,
    can: { nullHeaders: true, consumerProtocol: false, shareGroups: false, describeProducers: false },
    command: [join(await built(), program), name],
    security: () => {
      throw new Error(`${name} is not offered with transport security`)
    }
  })
}

/** Where Go's own instructions install it, when it was not added to PATH. */
function goCommand(): string | undefined {
  const installed = '/usr/local/go/bin/go'
  return onPath('go') ?? (existsSync(installed) ? installed : undefined)
}

async function built(): Promise<string> {
  const hash = createHash('sha256')
  const sources = (await readdir(folder)).sort()
  for (const name of sources) hash.update(name).update(await readFile(join(folder, name)))
  return await cached(`go-clients-${hash.digest('hex').slice(0, 12)}`, async (target) => {
    await mustRun(goCommand()!, ['build', '-trimpath', '-o', join(target, program), '.'], {
      cwd: folder,
      timeoutMs: buildTimeoutMs
    })
  })
}
