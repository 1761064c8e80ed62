#!/usr/bin/env node
/** The command line. `kontrakt.js` beside it starts this with a Node that is new enough. */
import { processIo } from './io.ts'
import { run } from './program.ts'

const io = processIo()
if (Number(process.versions.node.split('.')[0]) < 24) {
  io.err(
    `kontrakt needs Node.js 24 or newer; this is ${process.version}. ` +
      'src/cli/kontrakt.js finds the one that npm ci brings.\n'
  )
  process.exitCode = 1
} else {
  process.exitCode = await run(process.argv.slice(2), io)
}
