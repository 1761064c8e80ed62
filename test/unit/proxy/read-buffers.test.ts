import { describe, expect, it } from 'vitest'
import { ReadBuffers } from '../../../src/proxy/read-buffers.ts'

const small = (most: number, released?: (bytes: Buffer) => void): ReadBuffers =>
  new ReadBuffers({ bytes: 1_024, most, ...(released === undefined ? {} : { released }) })

describe('buffers that are read into', () => {
  it('are used again when their last holder lets go, and not before', () => {
    const buffers = small(4)
    const first = buffers.take(false)!
    first.hold()
    first.letGo()
    expect(buffers.take(false)).not.toBe(first)
    first.letGo()
    expect(buffers.held).toBe(1)
    expect(buffers.take(false)).toBe(first)
  })

  it('are limited in number; those who keep one while they wait leave half to the others', () => {
    const buffers = small(4)
    const kept = [buffers.take(true), buffers.take(true), buffers.take(true)]
    expect(kept.map((buffer) => buffer !== null)).toEqual([true, true, false])
    const lent = [buffers.take(false), buffers.take(false), buffers.take(false)]
    expect(lent.map((buffer) => buffer !== null)).toEqual([true, true, false])
    expect(buffers.held).toBe(4)
    lent[0]!.letGo()
    expect([buffers.held, buffers.take(true)]).toEqual([3, null])
    expect(buffers.take(false)).toBe(lent[0])
  })

  it('are no longer to be seen by those who were shown a frame that has left', () => {
    const buffers = small(1)
    const buffer = buffers.take(false)!
    const view = buffer.bytes.subarray(10, 20)
    expect(buffer.contains(view)).toBe(true)
    buffer.show()
    buffer.leave()
    buffer.letGo()
    expect(view).toHaveLength(0)
    const again = buffers.take(false)!
    expect(again).toBe(buffer)
    expect(again.bytes).toHaveLength(1_024)
    expect(again.contains(view)).toBe(false)
  })

  it('stay with those who look at a frame that has not left, and another takes their place', () => {
    const released: Buffer[] = []
    const buffers = small(1, (bytes) => released.push(bytes))
    const buffer = buffers.take(false)!
    const view = buffer.bytes.subarray(10, 20).fill('v')
    buffer.show()
    expect([buffer.shown, buffer.reuse()]).toEqual([true, false])
    buffer.letGo()
    expect(buffers.held).toBe(0)
    const next = buffers.take(false)!
    expect(next).not.toBe(buffer)
    next.bytes.fill(0xdb)
    expect(view.toString()).toBe('vvvvvvvvvv')
    expect(released).toEqual([])
  })

  it('are used again by their only holder at once', () => {
    const buffers = small(1)
    const buffer = buffers.take(true)!
    const view = buffer.bytes.subarray(0, 8)
    buffer.hold()
    expect(buffer.reuse()).toBe(false)
    buffer.letGo()
    expect(buffer.reuse()).toBe(true)
    expect(view).toHaveLength(8)
    buffer.show()
    buffer.leave()
    expect(buffer.reuse()).toBe(true)
    expect(view).toHaveLength(0)
  })
})
