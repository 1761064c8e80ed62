import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteBudget } from '../../../src/proxy/byte-budget.ts'
import { FrameTickets } from '../../../src/proxy/frame-tickets.ts'

const none = (): void => undefined

function reserved(...sizes: readonly number[]): { budget: ByteBudget; tickets: FrameTickets } {
  const budget = new ByteBudget(1_000_000)
  const tickets = new FrameTickets()
  for (const bytes of sizes) tickets.add(budget.reserve(bytes, none))
  return { budget, tickets }
}

describe('tickets of frames', () => {
  it('are given out in the order in which they came', () => {
    const { budget, tickets } = reserved(100, 20, 3)
    expect(tickets.size).toBe(3)
    tickets.shift()!.release()
    expect(budget.reservedBytes).toBe(23)
    const second = tickets.shift()!
    expect(second.bytes).toBe(20)
    second.grow(5)
    expect(budget.reservedBytes).toBe(28)
    second.release()
    second.release()
    expect(budget.reservedBytes).toBe(3)
    tickets.releaseAll()
    expect([budget.reservedBytes, tickets.size]).toEqual([0, 0])
    expect(tickets.shift()).toBeUndefined()
  })

  it('count what the youngest that is here takes, though one behind it waits for its memory', () => {
    const budget = new ByteBudget(800)
    const tickets = new FrameTickets()
    tickets.add(budget.reserve(90, none))
    tickets.add(budget.reserve(80, none))
    expect(budget.waiting).toBe(1)
    tickets.grow(1_000)
    expect(budget.reservedBytes).toBe(1_090)
    tickets.shift()!.release()
    expect(budget.reservedBytes).toBe(80)
    tickets.releaseAll()
    expect(budget.reservedBytes).toBe(0)
  })

  it('give up the place of one that still waits for its memory', () => {
    const budget = new ByteBudget(800)
    const tickets = new FrameTickets()
    tickets.add(budget.reserve(100, none))
    tickets.add(budget.reserve(90, none))
    expect(budget.waiting).toBe(1)
    tickets.releaseAll()
    expect([budget.reservedBytes, budget.waiting]).toEqual([0, 0])
  })

  it.each(['comes', 'fails'])('count while somebody looks at the frame, until that %s', async (how) => {
    const { budget, tickets } = reserved(100, 20)
    const first = Promise.withResolvers<undefined>()
    const second = Promise.withResolvers<undefined>()
    tickets.lend(first.promise)
    tickets.lend(second.promise)
    tickets.releaseAll()
    expect(budget.reservedBytes).toBe(20)
    first.resolve(undefined)
    await first.promise
    expect(budget.reservedBytes).toBe(20)
    if (how === 'comes') second.resolve(undefined)
    else second.reject(new Error('fault'))
    await second.promise.catch(none)
    expect(budget.reservedBytes).toBe(0)
  })

  it('are released at once when nobody looks at the frame any more', async () => {
    const { budget, tickets } = reserved(100)
    tickets.lend(Promise.resolve())
    await Promise.resolve()
    expect(budget.reservedBytes).toBe(100)
    tickets.shift()!.release()
    expect(budget.reservedBytes).toBe(0)
  })

  it('lend nothing when there is no frame', () => {
    const tickets = new FrameTickets()
    tickets.lend(Promise.resolve())
    expect(tickets.size).toBe(0)
  })

  it('all come back once, whatever happens in whatever order', async () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('add' as const), bytes: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ what: fc.constantFrom('lend' as const, 'shift' as const, 'all' as const, 'come' as const) })
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { budget, tickets } = reserved()
        const coming: (() => void)[] = []
        for (const next of steps) {
          if (next.what === 'add') tickets.add(budget.reserve(next.bytes, none))
          if (next.what === 'shift') tickets.shift()?.release()
          if (next.what === 'all') tickets.releaseAll()
          if (next.what === 'come') coming.shift()?.()
          if (next.what !== 'lend') continue
          const { promise, resolve } = Promise.withResolvers<undefined>()
          coming.push(() => resolve(undefined))
          tickets.lend(promise)
        }
        tickets.releaseAll()
        for (const come of coming) come()
        await Promise.resolve()
        expect([budget.reservedBytes, budget.waiting]).toEqual([0, 0])
      })
    )
  })
})
