/** `kontrakt demo` as a newcomer starts it: what it shows, how it ends, and that it leaves nothing. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const running: ChildProcess[] = []
/** Where the demos of one test keep what they must not leave behind. */
let ownTmp = ''

interface Demo {
  readonly child: ChildProcess
  readonly output: () => string
  /** Resolves when the output has that in it; rejects when the demo ends before. */
  readonly shows: (text: string) => Promise<void>
  readonly code: Promise<number | null>
}

function startDemo(args: readonly string[] = []): Demo {
  const child = spawn(process.execPath, [main, 'demo', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: ownTmp }
  })
  running.push(child)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  const code = once(child, 'close').then(([exitCode]) => exitCode as number | null)
  return {
    child,
    output: () => output,
    code,
    shows: async (text) => {
      while (!output.includes(text)) {
        const ended = await Promise.race([
          code.then(() => true),
          new Promise<false>((resolve) => setTimeout(resolve, 20, false))
        ])
        if (ended && !output.includes(text)) throw new Error(`the demo ended without '${text}':\n${output}`)
      }
    }
  }
}

beforeEach(() => {
  ownTmp = mkdtempSync(join(tmpdir(), 'kontrakt-test-demo-'))
})
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
  rmSync(ownTmp, { recursive: true, force: true })
})

describe('kontrakt demo', () => {
  it('--exit tells the whole story and ends with 0', async () => {
    const { code, output } = startDemo(['--exit'])
    expect(await code).toBe(0)
    const text = output()
    for (const rule of ['amount-positive', 'schema at value.amount', 'field:value.country', 'key-equals'])
      expect(text).toContain(rule)
    expect(text).toMatch(/expected number, found string/)
    expect(text).toMatch(/record 1 \(o-3002\)\n\s+field:value\.items\[\]\.quantity/)
    expect(text).toMatch(/checkout +kafkajs +12 +12 +0\n/)
    expect(text).toMatch(/legacy-import +kafkajs +5 +0 +5\n/)
    expect(text).toMatch(/mobile-app +Produce v12 +5 +2 +3\n/)
    expect(text.match(/^ {2}ok /gm)).toHaveLength(3)
    expect(text).not.toContain('WRONG')
    expect(text).not.toMatch(/Warning/)
    expect(text).toContain('npm run kontrakt -- serve --upstream')
    // No terminal: no colour, and nothing wider than one.
    expect(text).not.toContain('\u001b')
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(readdirSync(ownTmp)).toEqual([])
  })

  it('stays up, answers on the addresses it prints, and ends with 0 on Ctrl-C', async () => {
    const { child, code, output, shows } = startDemo()
    await shows('This goes on until Ctrl-C.')
    const [url] = /http:\/\/127\.0\.0\.1:\d+(?=\/metrics)/.exec(output())!
    expect((await fetch(`${url}/ready`)).status).toBe(200)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('kontrakt_')
    child.kill('SIGINT')
    expect(await code).toBe(0)
    expect(readdirSync(ownTmp)).toEqual([])
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('ends with 0 on %s in the middle of the story', async (signal) => {
    const { child, code, shows } = startDemo()
    await shows('o-2001')
    child.kill(signal)
    expect(await code).toBe(0)
    expect(readdirSync(ownTmp)).toEqual([])
  })

  it('can be started several times at once', async () => {
    const demos = [1, 2, 3].map(() => startDemo(['--exit']))
    expect(await Promise.all(demos.map(({ code }) => code))).toEqual([0, 0, 0])
  })

  it.each([[[19092]], [[9190, 9192, 9193]]])('takes other ports when %j are busy', async (busyPorts) => {
    const busy = await Promise.all(
      busyPorts.map(async (port) => {
        const server = createServer()
        const isOurs = await new Promise<boolean>((resolve) => {
          server.once('error', () => resolve(false))
          server.listen(port, '127.0.0.1', () => resolve(true))
        })
        return isOurs ? server : null
      })
    )
    try {
      const { code, output } = startDemo(['--exit'])
      expect(await code).toBe(0)
      for (const server of busy) {
        if (server !== null) expect(output()).not.toContain(`127.0.0.1:${(server.address() as AddressInfo).port} `)
      }
    } finally {
      for (const server of busy) server?.close()
    }
  })
})
