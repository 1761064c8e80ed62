import { lz4Decompress } from '@platformatic/wasm-utils'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeLz4Block, lz4BlockSize } from '../../../../protocol/compression/lz4-block.ts'
import { deflateLz4, inflateLz4 } from '../../../../protocol/compression/lz4.ts'
import { viewOf } from '../../../../protocol/compression/wide-copy.ts'
import { xxhash32 } from '../../../../protocol/compression/xxhash32.ts'
import { fixture, reasonOf, refusalOf } from './fixture.ts'

const limit = 1_000_000
const text = fixture('compression/text-600')

/** A block of 66,325 times `a`: one literal, a copy of 66,319 from one byte back, five literals. */
const run66325 = '1f610100' + 'ff'.repeat(260) + '00' + '506161616161'

/** A frame of blocks given in hex, with a correct header checksum. */
function frame(flags: number, descriptor: number, extra: string, ...blocks: string[]): Buffer {
  const header = Buffer.from('04224d18' + hex(flags) + hex(descriptor) + extra + '00', 'hex')
  header[header.length - 1] = (xxhash32(header, 4, header.length - 1) >>> 8) & 255
  const framed = blocks.map((block) => {
    const size = Buffer.alloc(4)
    size.writeUInt32LE(block.length / 2)
    return Buffer.concat([size, Buffer.from(block, 'hex')])
  })
  return Buffer.concat([header, ...framed, Buffer.alloc(4)])
}

const emptyHeader = frame(0x60, 0x40, '').subarray(0, 7)

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

describe('inflateLz4', () => {
  it('decodes stored blocks', () => {
    const counted = Buffer.from(Array.from({ length: 200 }, (_, i) => i))
    expect(inflateLz4(fixture('compression/lz4-stored'), limit)).toEqual(counted)
  })

  it('decodes blocks that hold nothing, and frames without blocks', () => {
    expect(inflateLz4(frame(0x60, 0x40, '', '00', '30616263'), limit).toString()).toBe('abc')
    expect(inflateLz4(frame(0x60, 0x40, ''), limit)).toHaveLength(0)
  })

  it('decodes blocks up to the size the frame allows', () => {
    expect(inflateLz4(frame(0x60, 0x50, '', run66325), limit)).toEqual(Buffer.alloc(66_325, 'a'))
  })

  it('refuses linked blocks, as the broker does', () => {
    const refusal = refusalOf(() => inflateLz4(fixture('compression/lz4-linked'), limit))
    expect(refusal.reason).toBe('undecodable-compression')
    expect(refusal.message).toContain('depend on one another')
  })

  it('does not let a block copy from the one before', () => {
    // The second block: no literal, a copy of 4 from 3 bytes back, then a literal.
    const reaching = frame(0x60, 0x40, '', '30616263', '0003001078')
    expect(reasonOf(() => inflateLz4(reaching, limit))).toBe('undecodable-compression')
  })

  it('refuses bytes behind the last frame, another magic included', () => {
    const whole = fixture('compression/lz4-independent')
    for (const tail of ['00', '000000', '00000000', '02214c18', '502a4d1800000000']) {
      expect(reasonOf(() => inflateLz4(Buffer.concat([whole, Buffer.from(tail, 'hex')]), limit))).toBe('trailing-bytes')
    }
  })

  it.each([
    ['the legacy magic', Buffer.from('02214c18020000001061', 'hex')],
    ['version 0', frame(0x20, 0x40, '', '30616263')],
    ['version 2', frame(0xa0, 0x40, '', '30616263')],
    ['a dictionary', frame(0x61, 0x40, '00000000', '30616263')],
    ['a reserved flag', frame(0x62, 0x40, '', '30616263')],
    ['a reserved bit of the descriptor', frame(0x60, 0x41, '', '30616263')],
    ['the highest bit of the descriptor', frame(0x60, 0xc0, '', '30616263')],
    ['a block size code of 3', frame(0x60, 0x30, '', '30616263')],
    ['a stored block of no bytes', Buffer.concat([emptyHeader, Buffer.from('0000008000000000', 'hex')])],
    ['a block larger than the frame allows', frame(0x60, 0x40, '', '00'.repeat(65537))],
    ['contents larger than the frame allows', frame(0x60, 0x40, '', run66325)],
    ['fewer bytes than the frame states', frame(0x68, 0x40, '0400000000000000', '30616263')],
    ['more bytes than the frame states', frame(0x68, 0x40, '0200000000000000', '30616263')],
    ['a block that ends in a copy', frame(0x60, 0x40, '', '40616263640400')],
    ['a copy from distance 0', frame(0x60, 0x40, '', '406162636400001078')],
    ['a copy from before the start', frame(0x60, 0x40, '', '406162636405001078')],
    ['a literal length that does not end', frame(0x60, 0x40, '', 'f0ffffff')],
    ['a match length that does not end', frame(0x60, 0x40, '', '1f610100ffff')]
  ])('refuses %s', (_, bytes) => {
    expect(reasonOf(() => inflateLz4(bytes, limit))).toBe('undecodable-compression')
  })

  it('verifies every checksum', () => {
    const whole = fixture('compression/lz4-all-checksums')
    expect(inflateLz4(whole, limit)).toEqual(text)
    const headerChecksum = 14
    const contentChecksum = whole.length - 1
    const blockChecksum = whole.length - 9
    for (const position of [headerChecksum, contentChecksum, blockChecksum]) {
      const corrupt = Buffer.from(whole)
      corrupt[position]! ^= 1
      expect(refusalOf(() => inflateLz4(corrupt, limit)).message).toContain('checksum')
    }
  })
})

describe('deflateLz4', () => {
  it('writes one frame of independent blocks that another decoder reads', () => {
    const bytes = Buffer.concat(Array.from({ length: 700 }, () => text))
    const deflated = deflateLz4(bytes)
    expect(deflated.subarray(0, 7).toString('hex')).toBe('04224d18604082')
    expect(lz4Decompress(deflated)).toEqual(bytes)
  })

  it('stores what does not compress', () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 13) & 255))
    const deflated = deflateLz4(bytes)
    expect(deflated.length).toBeLessThan(bytes.length + 100)
    expect(lz4Decompress(deflated)).toEqual(bytes)
  })
})

describe('an lz4 block', () => {
  it('is measured before it is decoded, and the two agree, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const size = lz4BlockSize(bytes, 0, bytes.length)
        if (size < 0) return
        const out = new Uint8Array(size)
        const end = decodeLz4Block(bytes, viewOf(bytes), 0, bytes.length, out, viewOf(out), 0)
        expect(end === size || end === -1).toBe(true)
      }),
      { numRuns: 2000 }
    )
  })

  it('is decoded inside its range only', () => {
    const source = Buffer.from('ff' + '30616263' + 'ff', 'hex')
    const out = Buffer.alloc(20, '.')
    expect(decodeLz4Block(source, viewOf(source), 1, 5, out, viewOf(out), 5)).toBe(8)
    expect(out.toString()).toBe('.....abc............')
  })
})

describe('xxhash32', () => {
  it.each([
    ['', 0x02cc5d05],
    ['a', 0x550d7456],
    ['abc', 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0xe2293b2f]
  ])('of %j', (input, hash) => {
    const bytes = Buffer.from(`..${input}.`)
    expect(xxhash32(bytes, 2, bytes.length - 1)).toBe(hash)
  })
})
