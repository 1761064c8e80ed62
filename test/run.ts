/**
 * `npm test`: all suites in order, the quick ones first, then those against real Kafka with whatever this machine has.
 *
 *   npm test                      everything
 *   npm test -- proxy             test files whose path contains "proxy"
 *   npm test -- -t 'a test name'  further options go to vitest
 *
 * At the end it says in words what could not run and what to install. The last line is always
 * `N passed, N failed, N skipped`, summed over the suites; the exit code is 0 only if nothing failed.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { removeLabelled } from './support/engine.ts'
import { endLeftovers } from './support/processes.ts'
import { readResults, sum, type SuiteResults } from './support/results.ts'

const root = join(import.meta.dirname, '..')
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')

/** Each is one run of vitest; projects of one suite share its workers. */
const suites = [
  { name: 'unit', projects: ['unit', 'simulation', 'conformance'] },
  { name: 'integration', projects: ['integration'] }
]

/** How long a suite may take to end after an interrupt. */
const interruptMs = 10_000

const folder = await mkdtemp(join(tmpdir(), 'kontrakt-test-'))
process.env['KONTRAKT_TEST_RUN'] = folder
let running: ChildProcess | undefined
/** An object, because a signal changes it while others wait. */
const interrupt = { received: false }

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupt.received = true
    running?.kill('SIGTERM')
    setTimeout(() => running?.kill('SIGKILL'), interruptMs).unref()
  })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} finally {
  endLeftovers()
  // Only when a suite could not do it itself: asking for an engine takes a moment.
  if (interrupt.received) await removeLabelled().catch(() => undefined)
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}

async function main(args: string[]): Promise<number> {
  const results: SuiteResults[] = []
  for (const { name, projects } of suites) {
    if (interrupt.received) break
    console.log(`\n== ${name}`)
    const output = join(folder, `${name}.json`)
    const code = await runSuite([...projects.flatMap((project) => ['--project', project]), ...args], output)
    results.push(readResults(output, code))
  }
  const { passed, failed, skipped, files } = sum(results)
  if (files === 0 && failed === 0) console.log('\nNo test file matches.')
  const notRun = results.flatMap((suite) => suite.notRun)
  const notes = readNotes()
  if (notes.length > 0 || notRun.length > 0) console.log('')
  for (const { file, tests } of notRun) console.log(`not run: ${relative(root, file)} (${tests} tests)`)
  for (const note of notes) console.log(note)
  if (interrupt.received) console.log('\nInterrupted.')
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
  if (interrupt.received) return 130
  return failed > 0 || files === 0 ? 1 : 0
}

function runSuite(args: string[], output: string): Promise<number> {
  return new Promise((resolve) => {
    running = spawn(
      process.execPath,
      [
        '--disable-warning=TimeoutNegativeWarning',
        vitest,
        'run',
        '--passWithNoTests',
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${output}`,
        ...args
      ],
      { cwd: root, stdio: 'inherit' }
    )
    running.once('exit', (code) => {
      running = undefined
      resolve(code ?? 1)
    })
  })
}

/** What the set-up of the integration suite found missing, in words. */
function readNotes(): string[] {
  const file = join(folder, 'notes.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : []
}
