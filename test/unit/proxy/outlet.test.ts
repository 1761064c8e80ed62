import { Writable } from 'node:stream'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { Outlet } from '../../../src/proxy/outlet.ts'
import { ReadBuffers } from '../../../src/proxy/read-buffers.ts'
import { socketPair, until } from './harness.ts'

/** Counts what is written to it, and takes it when it is told to. */
class Kernel extends Writable {
  readonly writes: string[] = []
  bytesWritten = 0
  takes = true
  #waiting: (() => void) | null = null

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.writes.push(chunks.map(({ chunk }) => chunk.toString()).join('|'))
    for (const { chunk } of chunks) this.bytesWritten += chunk.length
    if (this.takes) done()
    else this.#waiting = done
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this._writev([{ chunk }], done)
  }

  take(): void {
    const done = this.#waiting
    this.#waiting = null
    done?.()
  }
}

function bench(options = {}) {
  const kernel = new Kernel(options)
  const clock = { nowMs: 0 }
  const outlet = new Outlet(kernel as unknown as Socket, () => clock.nowMs)
  const released: string[] = []
  const reserved = (name: string) => ({ release: () => void released.push(name) })
  return { kernel, clock, outlet, released, reserved }
}

describe('an outlet', () => {
  it('sends a turn as one write, neighbours in memory as one piece', () => {
    const { kernel, outlet } = bench()
    const memory = Buffer.from('abcdef')
    outlet.add(memory.subarray(0, 2), null)
    outlet.add(memory.subarray(2, 5), null)
    outlet.add(Buffer.from('x'), null)
    outlet.add(memory.subarray(5), null)
    expect(kernel.writes).toEqual([])
    outlet.flush(null)
    outlet.flush(null)
    expect(kernel.writes).toEqual(['abcde|x|f'])
  })

  it('lets memory go at once when the kernel has taken everything', () => {
    const { outlet, released, reserved } = bench()
    const buffers = new ReadBuffers()
    const source = buffers.take(false)!
    outlet.add(source.bytes.subarray(0, 4), reserved('first'))
    outlet.add(source.bytes.subarray(4, 8), reserved('second'))
    expect(released).toEqual([])
    outlet.flush(source)
    source.letGo()
    expect([released, buffers.held]).toEqual([['first', 'second'], 0])
  })

  it('and otherwise when it has: neither what is reserved nor what is read into is touched before', async () => {
    const { kernel, outlet, released, reserved } = bench()
    const buffers = new ReadBuffers()
    const source = buffers.take(false)!
    kernel.takes = false
    outlet.add(source.bytes.subarray(0, 4), reserved('first'))
    outlet.add(Buffer.from('other'), null)
    outlet.flush(source)
    source.letGo()
    await new Promise(setImmediate)
    expect([released, buffers.held]).toEqual([[], 1])
    kernel.take()
    await new Promise(setImmediate)
    expect([released, buffers.held]).toEqual([['first'], 0])
  })

  it('says that it is blocked while too much is buffered, not when too much was said at once', async () => {
    const { kernel, outlet } = bench({ highWaterMark: 10 })
    outlet.add(Buffer.alloc(100), null)
    outlet.flush(null)
    expect(outlet.blocked).toBe(false)
    kernel.takes = false
    outlet.add(Buffer.alloc(5), null)
    outlet.flush(null)
    await new Promise(setImmediate)
    expect(outlet.blocked).toBe(false)
    outlet.add(Buffer.alloc(6), null)
    outlet.flush(null)
    expect(outlet.blocked).toBe(true)
    kernel.takes = true
    const drained = new Promise((resolve) => kernel.once('drain', resolve))
    kernel.take()
    await drained
    expect(outlet.blocked).toBe(false)
  })

  it('lets everything go when its socket is gone, whether that was known or not', async () => {
    const { client, socket } = await socketPair()
    const outlet = new Outlet(socket, () => 0)
    const buffers = new ReadBuffers()
    const source = buffers.take(false)!
    let released = 0
    const reserved = { release: () => void (released += 1) }
    client.pause()
    for (let i = 0; i < 400; i += 1) outlet.add(Buffer.alloc(65_536), null)
    outlet.add(source.bytes.subarray(0, 10), reserved)
    outlet.flush(source)
    expect([released, outlet.blocked]).toEqual([0, true])
    socket.destroy()
    await until(() => released, 1)
    expect(outlet.open).toBe(false)
    outlet.add(source.bytes.subarray(0, 10), reserved)
    outlet.flush(source)
    source.letGo()
    expect([released, buffers.held]).toEqual([2, 0])
  })

  it('tells a socket that takes what is reserved too slowly, in every window', () => {
    const { kernel, clock, outlet, reserved } = bench()
    kernel.takes = false
    outlet.add(Buffer.alloc(1_000), reserved('it'))
    outlet.flush(null)
    expect(outlet.stalled(10, 1_000)).toBe(false)
    clock.nowMs = 1_000
    kernel.bytesWritten += 10
    expect(outlet.stalled(10, 1_000)).toBe(false)
    clock.nowMs = 1_999
    expect(outlet.stalled(10, 1_000)).toBe(false)
    clock.nowMs = 2_000
    expect(outlet.stalled(10, 1_000)).toBe(true)
  })
})
