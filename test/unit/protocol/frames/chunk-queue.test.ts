import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkQueue } from '../../../../protocol/frames/chunk-queue.ts'

const chunksOf = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 })

describe('ChunkQueue', () => {
  it('gives back the bytes in order however they are taken', () => {
    fc.assert(
      fc.property(
        chunksOf,
        fc.array(fc.record({ how: fc.constantFrom('slice', 'move'), size: fc.nat(60) })),
        (chunks, takes) => {
          const all = Buffer.concat(chunks)
          const queue = new ChunkQueue()
          for (const chunk of chunks) queue.push(Buffer.from(chunk))
          const taken: Buffer[] = []
          for (const { how, size } of takes) {
            if (how === 'slice') {
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
})
