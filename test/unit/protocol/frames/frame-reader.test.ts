import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { FrameLengthError, FrameReader } from '../../../../protocol/frames/frame-reader.ts'

function prefixed(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

function readAll(reader: FrameReader): Buffer[] {
  const frames: Buffer[] = []
  for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame)
  return frames
}

describe('FrameReader', () => {
  it('gives the same frames wherever the stream is cut', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 })
    fc.assert(
      fc.property(bodies, fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1 }), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(prefixed))
        const reader = new FrameReader(64)
        const read: Buffer[] = []
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const size = cuts[cut % cuts.length]!
          reader.push(stream.subarray(at, at + size))
          read.push(...readAll(reader))
          at += size
        }
        expect(read.map((f) => [...f])).toEqual(frames.map((f) => [...f]))
        expect(reader.bufferedBytes).toBe(0)
      })
    )
  })

  it.each([[-1], [65], [0x16030100]])('refuses a frame that announces %i bytes before any of them came', (length) => {
    const reader = new FrameReader(64)
    const prefix = Buffer.alloc(4)
    prefix.writeInt32BE(length)
    reader.push(prefix)
    expect(() => reader.next()).toThrow(FrameLengthError)
  })

  it('takes a frame of exactly the limit', () => {
    const reader = new FrameReader(64)
    reader.push(prefixed(Buffer.alloc(64, 7)))
    expect(reader.next()).toEqual(Buffer.alloc(64, 7))
  })
})
