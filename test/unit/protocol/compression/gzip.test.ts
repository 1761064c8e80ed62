import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { gunzip } from '../../../../protocol/compression/gzip.ts'
import { reasonOf } from './fixture.ts'

const bytes = Buffer.from('order '.repeat(1000))
const member = gzipSync(bytes)

describe('gunzip', () => {
  it('decodes all members', () => {
    expect(gunzip(Buffer.concat([member, member, member]), 18_000)).toEqual(Buffer.concat([bytes, bytes, bytes]))
  })

  it('holds all members together to the ceiling', () => {
    expect(reasonOf(() => gunzip(Buffer.concat([member, member, member]), 17_999))).toBe('inflated-too-large')
  })

  it('refuses zeros behind the last member', () => {
    expect(reasonOf(() => gunzip(Buffer.concat([member, Buffer.alloc(5)]), 10_000))).toBe('trailing-bytes')
  })

  it('refuses anything else behind the last member', () => {
    for (const tail of ['x', 'garbage', '\x1f', '\x1f\x8b']) {
      const deflated = Buffer.concat([member, Buffer.from(tail, 'latin1')])
      expect(reasonOf(() => gunzip(deflated, 10_000))).toBe('undecodable-compression')
    }
  })

  it('does not believe the size a member states', () => {
    for (const claimed of [0, 1, 0xffffffff]) {
      const lying = Buffer.from(member)
      lying.writeUInt32LE(claimed, lying.length - 4)
      expect(reasonOf(() => gunzip(lying, 10_000))).toBe('undecodable-compression')
    }
    // Only the last member's is seen; an empty one behind a large one must not make it slow or wrong.
    expect(gunzip(Buffer.concat([member, gzipSync(Buffer.alloc(0))]), 10_000)).toEqual(bytes)
  })

  it('refuses a zlib or raw deflate stream', () => {
    expect(reasonOf(() => gunzip(Buffer.from('789c4b040000620062', 'hex'), 10_000))).toBe('undecodable-compression')
  })
})
