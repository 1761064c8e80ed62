import { describe, expect, it } from 'vitest'
import { Pace } from '../../../src/kafka/pace.ts'

/** Hours, so that what is held back stays so for the time of a test. */
const longMs = 3_600_000

const nextRound = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function isHeld(departure: Promise<void>): Promise<boolean> {
  let left = false
  void departure.then(() => {
    left = true
  })
  await nextRound()
  await nextRound()
  return !left
}

describe('Pace', () => {
  it('lets the first go, though not in the same round of the event loop', async () => {
    const departure = new Pace(longMs).next()
    let left = false
    void departure.then(() => {
      left = true
    })
    await Promise.resolve()
    expect(left).toBe(false)
    await departure
    expect(left).toBe(true)
  })

  it('lets all who ask in one round go together', async () => {
    const pace = new Pace(longMs)
    const departures = [pace.next(), pace.next(), pace.next()]
    expect(new Set(departures).size).toBe(1)
    await Promise.all(departures)
  })

  it('holds back who comes soon after, until all of them leave at once', async () => {
    const pace = new Pace(20)
    await pace.next()
    const departures = [pace.next(), pace.next()]
    expect(new Set(departures).size).toBe(1)
    await Promise.all(departures)
    expect(pace.next()).not.toBe(departures[0])
  })

  it('counts from the last departure', async () => {
    const pace = new Pace(500)
    await pace.next()
    expect(await isHeld(pace.next())).toBe(true)
  })

  it('holds nobody back without a gap', async () => {
    const pace = new Pace(0)
    await pace.next()
    expect(await isHeld(pace.next())).toBe(false)
  })
})
