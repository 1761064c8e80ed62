import { describe, expect, it } from 'vitest'
import { ByteBudget, smallFrameBytes } from '../../../src/proxy/byte-budget.ts'

const MiB = 1024 * 1024

describe('ByteBudget', () => {
  it('grants at once while there is room and gives the bytes back on release', () => {
    const budget = new ByteBudget(8 * MiB)
    const ticket = budget.reserve(3 * MiB, () => undefined)
    expect(ticket.granted).toBe(true)
    expect(budget.reservedBytes).toBe(3 * MiB)
    ticket.release()
    ticket.release()
    expect(budget.reservedBytes).toBe(0)
  })

  it('serves waiters in order, and a later small one does not overtake a large one of the same share', () => {
    const budget = new ByteBudget(8 * MiB)
    const order: string[] = []
    const first = budget.reserve(6 * MiB, () => order.push('first'))
    budget.reserve(5 * MiB, () => order.push('second'))
    budget.reserve(1 * MiB, () => order.push('third'))
    expect(budget.waiting).toBe(2)
    first.release()
    expect(order).toEqual(['second', 'third'])
  })

  it('keeps a share for small frames when large ones have taken theirs', () => {
    const budget = new ByteBudget(8 * MiB)
    budget.reserve(7 * MiB, () => undefined)
    expect(budget.reserve(smallFrameBytes + 1, () => undefined).granted).toBe(false)
    expect(budget.reserve(smallFrameBytes, () => undefined).granted).toBe(true)
  })

  it('counts what grew, and gives all of it back', () => {
    const budget = new ByteBudget(8 * MiB)
    const ticket = budget.reserve(3 * MiB, () => undefined)
    ticket.grow(2 * MiB)
    expect(budget.reservedBytes).toBe(5 * MiB)
    ticket.release()
    expect(budget.reservedBytes).toBe(0)
  })

  it('lets a waiter leave the queue', () => {
    const budget = new ByteBudget(8 * MiB)
    const first = budget.reserve(7 * MiB, () => undefined)
    let granted = false
    const waiter = budget.reserve(7 * MiB, () => {
      granted = true
    })
    waiter.release()
    first.release()
    expect(granted).toBe(false)
    expect(budget.reservedBytes).toBe(0)
  })

  it('grants a frame larger than its share when nothing else is held, so that nobody waits for ever', () => {
    const budget = new ByteBudget(MiB)
    const large = budget.reserve(50 * MiB, () => undefined)
    expect(large.granted).toBe(true)
    expect(budget.reserve(MiB, () => undefined).granted).toBe(false)
  })
})
