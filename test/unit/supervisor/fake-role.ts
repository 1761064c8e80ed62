/**
 * A role that does what FAKE_ROLE says: the other half of the supervisor's tests. Notes what happens in
 * FAKE_ROLE_NOTES.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { runRole } from '../../../src/supervisor/role-process.ts'
import { StartError } from '../../../src/supervisor/start-error.ts'

const [behaviour = 'serve', ...more] = (process.env['FAKE_ROLE'] ?? '').split(':')
const notes = process.env['FAKE_ROLE_NOTES']!
const note = (text: string): void => appendFileSync(notes, `${text}\n`)
const started = (): number =>
  readFileSync(notes, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('started')).length

runRole(async (settings, { signal }) => {
  await Promise.resolve()
  note(`started ${process.pid} ${settings.registry?.auth?.password ?? ''} ${process.argv.slice(2).join(' ')}`)
  if (behaviour === 'refuse') {
    throw new StartError('the policies have faults', [
      {
        file: 'policies/a.yaml',
        line: 3,
        column: 5,
        severity: 'error',
        code: 'unknown-key',
        message: 'no such key',
        remedy: 'remove it'
      }
    ])
  }
  if (behaviour === 'wait') {
    await sleep(60_000, undefined, { signal })
  }
  if (behaviour === 'throw') throw new Error('a fault of ours')
  // Dies after it was ready, in its first N lives.
  if (behaviour === 'die' && started() <= Number(more[0])) setTimeout(() => process.exit(3), 30)
  if (behaviour === 'uncaught' && started() <= 1)
    setTimeout(() => {
      throw new Error('thrown from nowhere')
    }, 30)
  const ended = Promise.withResolvers<undefined>()
  if (behaviour === 'end' && started() <= 1) setTimeout(() => ended.resolve(undefined), 30)
  // A listener keeps a real role alive.
  setInterval(() => undefined, 1_000)
  return {
    addresses: ['127.0.0.1:9192', '127.0.0.1:9193'],
    closed: ended.promise.then(() => undefined),
    drain: async () => {
      note(`drain ${process.pid}`)
      if (behaviour === 'hang') await sleep(60_000)
      if (behaviour === 'deaf') for (const end = performance.now() + 20_000; performance.now() < end;);
      if (behaviour === 'fail') throw new Error('cannot drain')
      note(`drained ${process.pid}`)
    }
  }
})
