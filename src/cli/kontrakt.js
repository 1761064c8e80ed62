#!/usr/bin/env node
/*
 * The executable. Plain JavaScript without newer syntax, because it must be able to say so when the Node that runs it
 * is too old for everything else. Then it starts the Node that came as a dependency (the npm package `node`), if it
 * is there.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import process from 'node:process'
import { URL, fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import('./main.ts')
} else {
  const shipped = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url))
  if (existsSync(shipped)) {
    const child = spawn(shipped, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
    // A terminal signals the whole group; anybody else signals only us.
    process.on('SIGINT', () => undefined)
    process.on('SIGTERM', () => child.kill('SIGTERM'))
    child.on('exit', (code) => {
      process.exitCode = code === null ? 1 : code
    })
  } else {
    process.stderr.write(
      `kontrakt needs Node.js 24 or newer; this is ${process.version}.\n` +
        'Install it, or run `npm ci` in the folder of kontrakt, which brings one along.\n'
    )
    process.exitCode = 1
  }
}
