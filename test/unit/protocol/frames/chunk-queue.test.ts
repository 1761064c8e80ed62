import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkQueue } from '../../../../protocol/frames/chunk-queue.ts'

const chunksOf = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 })

describe('ChunkQueue', () => {
  it('gives back the bytes in order however they are taken', () => {
    fc.assert(
      fc.property(
        chunksOf,
        fc.array(fc.record({ how: fc.constantFrom('slice', 'move', 'whole', 'own'), size: fc.nat(60) })),
        (chunks, takes) => {
          const all = Buffer.concat(chunks)
          const queue = new ChunkQueue()
          for (const chunk of chunks) queue.push(Buffer.from(chunk))
          const taken: Buffer[] = []
          for (const { how, size } of takes) {
            if (how === 'own') {
              queue.own()
            } else if (how === 'whole') {
              const before = queue.length
              const whole = queue.takeWhole(size)
              expect([0, size]).toContain(whole?.length ?? 0)
              expect(queue.length).toBe(before - (whole?.length ?? 0))
              if (whole !== null) taken.push(whole)
            } else if (how === 'slice') {
              const slice = queue.takeSlice(size)
              if (slice !== null) taken.push(slice)
            } else {
              const target = Buffer.alloc(size)
              taken.push(target.subarray(0, queue.moveInto(target, 0)))
            }
          }
          const got = Buffer.concat(taken)
          expect(got).toEqual(all.subarray(0, got.length))
          expect(queue.length).toBe(all.length - got.length)
          expect(queue.peek(queue.length)).toEqual(all.subarray(got.length))
        }
      )
    )
  })

  it('peeks across chunks without using anything up, and says so when there is too little', () => {
    const queue = new ChunkQueue()
    queue.push(Buffer.from('ab'))
    queue.push(Buffer.from('cde'))
    expect(queue.peek(4)?.toString()).toBe('abcd')
    expect(queue.peek(6)).toBeNull()
    expect(queue.length).toBe(5)
  })

  it('hands out views of the chunks, not copies', () => {
    const chunk = Buffer.from('abcdef')
    const queue = new ChunkQueue()
    queue.push(chunk)
    expect(queue.takeSlice(3)?.buffer).toBe(chunk.buffer)
    expect(queue.takeSlice(9)?.toString()).toBe('def')
    expect(queue.takeSlice(1)).toBeNull()
  })

  it('owned by it no longer lies in memory that others use again, however it came and was taken', () => {
    const step = fc.oneof(
      fc.record({ how: fc.constant('push' as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 3_000 }) }),
      fc.record({ how: fc.constantFrom('own' as const, 'take' as const), size: fc.nat(2_000) })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const queue = new ChunkQueue()
        let expected = Buffer.alloc(0)
        let lent: Buffer[] = []
        for (const next of steps) {
          if (next.how === 'push') {
            const chunk = Buffer.from(next.bytes)
            lent.push(chunk)
            queue.push(chunk)
            expected = Buffer.concat([expected, next.bytes])
          } else if (next.how === 'take') {
            expected = expected.subarray(queue.takeSlice(next.size)?.length ?? 0)
          } else {
            queue.own()
            for (const chunk of lent) chunk.fill(0xdb)
            lent = []
          }
        }
        expect(queue.peek(queue.length)?.equals(expected)).toBe(true)
      })
    )
  })

  it('takes a frame whole only where one chunk holds it', () => {
    const queue = new ChunkQueue()
    expect(queue.takeWhole(1)).toBeNull()
    const chunk = Buffer.from('abcdef')
    queue.push(chunk)
    queue.push(Buffer.from('gh'))
    expect(queue.takeWhole(7)).toBeNull()
    expect(queue.length).toBe(8)
    expect(queue.takeWhole(6)?.buffer).toBe(chunk.buffer)
  })
})
