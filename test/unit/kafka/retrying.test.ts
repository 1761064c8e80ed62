import { describe, expect, it } from 'vitest'
import { ConnectionError, KafkaError } from '../../../src/kafka/errors.ts'
import { retrying } from '../../../src/kafka/retrying.ts'
import { FakeClock } from './fake-clock.ts'

const passing = new ConnectionError('closed', 'kafka:9092', 'the broker closed the connection')
const final = new KafkaError(29, { api: 'Produce', address: 'kafka:9092' })

function scripted(...errors: Error[]): { run: () => Promise<string>; tries: () => number } {
  let tries = 0
  return {
    run: () => {
      const error = errors[tries++]
      return error === undefined ? Promise.resolve('done') : Promise.reject(error)
    },
    tries: () => tries
  }
}

async function settled(clock: FakeClock, outcome: Promise<unknown>): Promise<{ pauses: number[] }> {
  const pauses: number[] = []
  let isOver = false
  const done = (): void => {
    isOver = true
  }
  outcome.then(done, done)
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve))
    if (clock.nextDelayMs !== null) pauses.push(clock.nextDelayMs)
    clock.advance(clock.nextDelayMs ?? 0)
  }
  return { pauses }
}

describe('retrying', () => {
  it('tries again what may pass, with growing pauses', async () => {
    const clock = new FakeClock()
    const { run, tries } = scripted(passing, passing, passing, passing, passing, passing)
    const outcome = retrying({ clock, withinMs: 60_000 }, run)
    expect(await settled(clock, outcome)).toEqual({ pauses: [100, 200, 400, 800, 1_000, 1_000] })
    expect(await outcome).toBe('done')
    expect(tries()).toBe(7)
  })

  it('passes on what will not pass, and the last error when the time is over', async () => {
    const clock = new FakeClock()
    const once = scripted(passing, final)
    const outcome = retrying({ clock, withinMs: 60_000 }, once.run)
    await settled(clock, outcome)
    await expect(outcome).rejects.toBe(final)
    const never = scripted(...Array.from({ length: 100 }, () => passing))
    const late = retrying({ clock, withinMs: 1_000 }, never.run)
    await settled(clock, late)
    await expect(late).rejects.toBe(passing)
    expect(never.tries()).toBe(4)
  })

  it('ends with its signal', async () => {
    const clock = new FakeClock()
    const owner = new AbortController()
    const { run, tries } = scripted(passing, passing)
    const outcome = retrying({ clock, withinMs: 60_000, signal: owner.signal }, run)
    await new Promise((resolve) => setImmediate(resolve))
    owner.abort()
    await expect(outcome).rejects.toBe(passing)
    expect(tries()).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })
})
