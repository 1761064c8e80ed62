import { snappyDecompress } from '@platformatic/wasm-utils'
import { describe, expect, it } from 'vitest'
import { deflateSnappy, inflateSnappy } from '../../../../protocol/compression/snappy.ts'
import { reasonOf } from './fixture.ts'

const xerialHeader = '82534e41505059000000000100000001'
const inflateHex = (hex: string, ceilingBytes = 1000): Buffer => inflateSnappy(Buffer.from(hex, 'hex'), ceilingBytes)

describe('raw snappy', () => {
  it('decodes every kind of element', () => {
    // Literal of 4; copies with one, two and four bytes of distance; literals with one to four bytes of length.
    const abcd = '0c61626364'
    expect(inflateHex('08' + abcd + '0104').toString()).toBe('abcdabcd')
    expect(inflateHex('06' + abcd + '060400').toString()).toBe('abcdab')
    expect(inflateHex('06' + abcd + '0704000000').toString()).toBe('abcdab')
    expect(inflateHex('02' + 'f001' + '6162').toString()).toBe('ab')
    expect(inflateHex('02' + 'f40100' + '6162').toString()).toBe('ab')
    expect(inflateHex('02' + 'f8010000' + '6162').toString()).toBe('ab')
    expect(inflateHex('02' + 'fc01000000' + '6162').toString()).toBe('ab')
    expect(inflateHex('00')).toHaveLength(0)
  })

  it('decodes copies that overlap what they write', () => {
    expect(inflateHex('2100' + '61' + '7e0100').toString()).toBe('a'.repeat(33))
    expect(inflateHex('22046162' + '7e0200').toString()).toBe('ab'.repeat(17))
  })

  it.each([
    ['a copy from before the start', '080c61626364' + '0105'],
    ['a copy from distance 0', '080c61626364' + '0100'],
    ['a copy from 4 GiB back', '080c61626364' + '0fffffffff'],
    ['a copy beyond the stated length', '070c61626364' + '0104'],
    ['a literal beyond the stated length', '030c61626364'],
    ['a literal beyond the input', '080c616263'],
    ['a literal of 4 GiB', '08fcffffffff61626364'],
    ['less than the stated length', '090c61626364' + '0104'],
    ['an element cut after its tag', '080c61626364' + '01'],
    ['a copy with half a distance', '080c61626364' + '0e04'],
    ['a copy with three quarters of a distance', '080c61626364' + '0f040000'],
    ['a literal with half a length', '08f401'],
    ['elements behind the stated length', '040c61626364' + '0104'],
    ['a length of more than 32 bits', 'ffffffff1f00'],
    ['a length of six bytes', '80808080800100'],
    ['a length cut short', '80']
  ])('refuses %s', (_, hex) => {
    expect(reasonOf(() => inflateHex(hex, 2 ** 34))).toBe('undecodable-compression')
  })
})

describe('xerial snappy', () => {
  const block = '00000006' + '040c61626364'

  it('decodes any number of blocks and streams', () => {
    expect(inflateHex(xerialHeader)).toHaveLength(0)
    expect(inflateHex('82534e41505059000000000700000000' + block).toString()).toBe('abcd')
    expect(inflateHex(xerialHeader + block + block).toString()).toBe('abcdabcd')
    expect(inflateHex(xerialHeader + block + xerialHeader + block).toString()).toBe('abcdabcd')
  })

  it('does not let a block copy from the one before', () => {
    expect(reasonOf(() => inflateHex(xerialHeader + block + '00000003' + '040104'))).toBe('undecodable-compression')
  })

  it('adds up the blocks before it decodes any', () => {
    expect(inflateHex(xerialHeader + block + block, 8)).toHaveLength(8)
    expect(reasonOf(() => inflateHex(xerialHeader + block + block, 7))).toBe('inflated-too-large')
  })

  it('refuses up to three bytes behind the last block, which snappy-java overlooks', () => {
    for (const tail of ['00', '0000', '000000']) {
      expect(reasonOf(() => inflateHex(xerialHeader + block + tail))).toBe('trailing-bytes')
    }
  })

  it.each([
    ['a header cut short', xerialHeader.slice(0, 30)],
    ['a block of no bytes', xerialHeader + '00000000'],
    ['a block of negative length', xerialHeader + 'ffffffff' + '00'],
    ['a block beyond the input', xerialHeader + '00000007' + '040c61626364'],
    ['a second header that is damaged', xerialHeader + block + '82534e41505059010000000100000001' + block]
  ])('refuses %s', (_, hex) => {
    expect(reasonOf(() => inflateHex(hex))).toBe('undecodable-compression')
  })
})

describe('deflateSnappy', () => {
  it('writes xerial framing in blocks of 32 KiB that another decoder reads', () => {
    const bytes = Buffer.from('order '.repeat(20_000))
    const deflated = deflateSnappy(bytes)
    expect(deflated.subarray(0, 16).toString('hex')).toBe(xerialHeader)
    const blocks: Buffer[] = []
    for (let position = 16; position < deflated.length;) {
      const length = deflated.readInt32BE(position)
      blocks.push(snappyDecompress(Buffer.from(deflated.subarray(position + 4, position + 4 + length))))
      position += 4 + length
    }
    expect(blocks.map((block) => block.length)).toEqual([32768, 32768, 32768, 120_000 - 3 * 32768])
    expect(Buffer.concat(blocks)).toEqual(bytes)
  })
})
