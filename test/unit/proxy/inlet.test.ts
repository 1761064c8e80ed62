/** An inlet without a socket: reads are put where it says, as the event loop would. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkQueue } from '../../../protocol/frames/chunk-queue.ts'
import { Inlet } from '../../../src/proxy/inlet.ts'
import type { Consumer } from '../../../src/proxy/inlet.ts'
import { ReadBuffers, scratchBytes } from '../../../src/proxy/read-buffers.ts'
import type { ReadBuffer } from '../../../src/proxy/read-buffers.ts'

const poison = 0xdb

/** Uses up what it is told to, and leaves the rest in its queue. */
class Taker implements Consumer {
  readonly unused = new ChunkQueue()
  readonly taken: Buffer[] = []
  readonly sources: (ReadBuffer | null)[] = []
  freshBytes = 0
  wanted = Infinity
  reading = true
  target: Buffer | null = null
  hold: ((source: ReadBuffer, chunk: Buffer) => void) | null = null

  arrived(chunk: Buffer, fresh: number, source: ReadBuffer | null): void {
    this.freshBytes += fresh
    this.sources.push(source)
    this.unused.push(chunk)
    if (source !== null) this.hold?.(source, chunk)
    this.use()
  }

  use(): void {
    const target = Buffer.alloc(Math.min(this.wanted, this.unused.length))
    this.unused.moveInto(target, 0)
    this.taken.push(target)
  }

  place(): Buffer | null {
    return this.target
  }

  placed(bytes: number): void {
    this.freshBytes += bytes
    this.taken.push(Buffer.from(this.target!.subarray(0, bytes)))
  }

  reads(): boolean {
    return this.reading
  }
}

function bench(most = 8) {
  const buffers = new ReadBuffers({ bytes: 4 * scratchBytes, most, released: (bytes) => bytes.fill(poison) })
  const inlet = new Inlet(buffers)
  const taker = new Taker()
  inlet.feed(taker)
  const next = inlet.onread.buffer as () => Uint8Array
  let into = next()
  /** The kernel has these bytes; they come in as many reads as they need. */
  const read = (bytes: Buffer): number[] => {
    const sizes: number[] = []
    for (let at = 0; at < bytes.length;) {
      const size = bytes.copy(into, 0, at)
      sizes.push(size)
      at += size
      inlet.onread.callback(size, into)
      into = next()
    }
    return sizes
  }
  return { buffers, inlet, taker, read, waitsOn: () => into }
}

const stream = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 31) % 251))

describe('an inlet', () => {
  it('hands on what arrives, whatever is left over and in whatever pieces it comes', () => {
    const step = fc.record({ bytes: fc.integer({ min: 1, max: 6 * scratchBytes }), wanted: fc.nat(400_000) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), fc.constantFrom(0, 1, 8), (steps, most) => {
        const { buffers, inlet, taker, read } = bench(most)
        const all = stream(steps.reduce((sum, { bytes }) => sum + bytes, 0))
        let sent = 0
        for (const { bytes, wanted } of steps) {
          taker.wanted = wanted
          read(all.subarray(sent, sent + bytes))
          sent += bytes
        }
        taker.wanted = Infinity
        taker.use()
        expect(Buffer.concat(taker.taken).equals(all)).toBe(true)
        expect(taker.freshBytes).toBe(all.length)
        inlet.close()
        expect(buffers.held).toBe(0)
      }),
      { numRuns: 40 }
    )
  })

  it('waits on memory that all share, and holds none of its own', () => {
    const { buffers, read, waitsOn } = bench()
    expect(waitsOn()).toBe(buffers.scratch)
    read(stream(100))
    read(stream(40_000))
    expect(waitsOn()).toBe(buffers.scratch)
    expect(buffers.held).toBe(0)
  })

  it('gets a buffer of its own while more is waiting than a read takes', () => {
    const { buffers, read, waitsOn } = bench()
    expect(read(stream(6 * scratchBytes))).toEqual([scratchBytes, 4 * scratchBytes, scratchBytes])
    expect(waitsOn()).toBe(buffers.scratch)
    expect(buffers.held).toBe(0)
    read(stream(scratchBytes))
    expect([buffers.held, waitsOn().length]).toEqual([1, 4 * scratchBytes])
  })

  it('puts what could not be used in front of what follows, in one piece', () => {
    const { taker, read } = bench()
    const chunks: Buffer[] = []
    taker.hold = (_, chunk) => void chunks.push(Buffer.from(chunk))
    const all = stream(3 * scratchBytes)
    taker.wanted = 0
    read(all.subarray(0, 3_000))
    read(all.subarray(3_000, 3_000 + scratchBytes))
    read(all.subarray(3_000 + scratchBytes))
    expect(chunks.map(({ length }) => length)).toEqual([3_000, 3_000 + scratchBytes, 3 * scratchBytes])
    expect(chunks[2]!.equals(all)).toBe(true)
  })

  it('never reads over what somebody holds, or looks at', () => {
    const { buffers, taker, read } = bench(4)
    const all = stream(20_000)
    const held: { source: ReadBuffer; chunk: Buffer }[] = []
    taker.hold = (source, chunk) => {
      if (held.length === 0) source.hold()
      else source.show()
      held.push({ source, chunk })
      if (held.length === 2) taker.hold = null
    }
    read(all)
    read(all)
    for (let i = 0; i < 20; i += 1) read(stream(3 * scratchBytes).fill(i))
    expect(held.map(({ chunk }) => chunk.equals(all))).toEqual([true, true])
    expect(buffers.held).toBe(1)
    held[0]!.source.letGo()
    expect([buffers.held, held[0]!.chunk[0], held[1]!.chunk.equals(all)]).toEqual([0, poison, true])
  })

  it('copies when no buffer is left, and what is small', () => {
    const { taker, read } = bench(0)
    read(stream(50_000))
    expect(taker.sources).toEqual([null])
    const other = bench()
    other.read(stream(1_000))
    expect(other.taker.sources).toEqual([null])
  })

  it('reads the rest of a frame to its place', () => {
    const { buffers, taker, read } = bench()
    const frame = Buffer.alloc(3 * scratchBytes)
    read(stream(scratchBytes))
    taker.target = frame
    read(stream(scratchBytes))
    expect(read(stream(100_000))).toEqual([100_000])
    expect(frame.subarray(0, 100_000).equals(stream(100_000))).toBe(true)
    expect(buffers.held).toBe(0)
  })

  it('keeps no buffer when it is paused in the middle of much', () => {
    const { buffers, taker, read, waitsOn } = bench()
    taker.reading = false
    read(stream(scratchBytes))
    expect([buffers.held, waitsOn()]).toEqual([0, buffers.scratch])
  })

  it('drops what arrives for nobody', () => {
    const { buffers, inlet, taker, read } = bench()
    read(stream(scratchBytes))
    inlet.feed(null)
    read(stream(5 * scratchBytes))
    expect([buffers.held, taker.freshBytes]).toEqual([0, scratchBytes])
  })

  it('that is closed in the middle of a turn gives its buffer back when the turn is over', () => {
    const { buffers, inlet, taker, read } = bench()
    read(stream(scratchBytes))
    const all = stream(10_000)
    taker.hold = (source, chunk) => {
      inlet.close()
      expect(source.shown).toBe(false)
      expect(chunk.equals(all)).toBe(true)
    }
    read(all)
    expect(buffers.held).toBe(0)
  })
})
