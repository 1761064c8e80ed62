import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  readVarint,
  readVarlong,
  sizeOfVarint,
  sizeOfVarlong,
  skipVarint,
  writeVarint,
  writeVarlong
} from '../../../../protocol/records/varint.ts'
import { reasonOf } from '../compression/fixture.ts'
import { varint } from './raw-batch.ts'

const anyInt32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const int32 = fc.oneof(anyInt32, fc.constantFrom(63, -64, 64, 8191, -8192, 8192))
const safe = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -70_000, max: 70_000 }))

function read(reader: typeof readVarint, bytes: Buffer, limit = bytes.length): { value: number; next: number } {
  const cursor = { value: 0, next: 0 }
  reader(bytes, 0, limit, cursor)
  return cursor
}

describe('varints', () => {
  it('of 32 bits are read and written as zigzag', () => {
    fc.assert(
      fc.property(int32, (value) => {
        const expected = varint(value)
        const written = Buffer.alloc(10)
        expect(writeVarint(written, value, 2)).toBe(2 + expected.length)
        expect(written.subarray(2, 2 + expected.length)).toEqual(expected)
        expect(sizeOfVarint(value)).toBe(expected.length)
        expect(skipVarint(expected, 0)).toBe(expected.length)
        expect(read(readVarint, expected)).toEqual({ value, next: expected.length })
      })
    )
  })

  it('of 64 bits are read and written exactly up to ±2^53', () => {
    fc.assert(
      fc.property(safe, (value) => {
        const expected = varint(value)
        const written = Buffer.alloc(12)
        expect(writeVarlong(written, value, 1)).toBe(1 + expected.length)
        expect(written.subarray(1, 1 + expected.length)).toEqual(expected)
        expect(sizeOfVarlong(value)).toBe(expected.length)
        expect(read(readVarlong, expected)).toEqual({ value, next: expected.length })
      }),
      { examples: [[2 ** 53 - 1], [-(2 ** 53 - 1)], [0], [-1], [63], [-64], [64], [-65]] }
    )
  })

  it('of 64 bits beyond ±2^53 are refused', () => {
    expect(read(readVarlong, varint(-(2n ** 53n))).value).toBe(-(2 ** 53))
    for (const value of [2n ** 53n, -(2n ** 53n) - 1n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(reasonOf(() => read(readVarlong, varint(value)))).toBe('timestamp')
    }
  })

  it('may be padded', () => {
    expect(read(readVarint, Buffer.from('8280808000', 'hex'))).toEqual({ value: 1, next: 5 })
    expect(read(readVarlong, Buffer.from('82808080808080808000', 'hex'))).toEqual({ value: 1, next: 10 })
  })

  it('are refused when they carry bits beyond their size', () => {
    for (const hex of ['ffffffff1f', 'ffffffff80', '808080808000']) {
      expect(reasonOf(() => read(readVarint, Buffer.from(hex, 'hex')))).toBe('varint')
    }
    for (const hex of ['80808080808080808002', 'ffffffffffffffffff80', '8080808080808080808000']) {
      expect(reasonOf(() => read(readVarlong, Buffer.from(hex, 'hex')))).toBe('varint')
    }
  })

  it('are refused when they run over the limit', () => {
    for (let limit = 0; limit < 5; limit++) {
      expect(reasonOf(() => read(readVarint, varint(2 ** 30), limit))).toBe('record-bounds')
      expect(reasonOf(() => read(readVarlong, varint(2 ** 40), limit))).toBe('record-bounds')
    }
  })
})
