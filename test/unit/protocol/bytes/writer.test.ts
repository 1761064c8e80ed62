import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Reader } from '../../../../protocol/bytes/reader.ts'
import { Writer } from '../../../../protocol/bytes/writer.ts'

function written(write: (writer: Writer) => void): string {
  const writer = new Writer()
  write(writer)
  return writer.finish().toString('hex')
}

/** Writes with one function and reads with the other. */
function roundTrip<T>(value: T, write: (writer: Writer, value: T) => void, read: (reader: Reader) => T): T {
  const writer = new Writer()
  write(writer, value)
  const reader = new Reader(writer.finish())
  const result = read(reader)
  reader.expectEnd()
  return result
}

describe('Writer', () => {
  it('writes integers big-endian', () => {
    expect(
      written((w) => {
        w.int8(-1)
        w.int16(-2)
        w.int32(1)
        w.int64(-1n)
        w.bool(true)
      })
    ).toBe('fffffe00000001ffffffffffffffff01')
  })

  it('tells null from empty', () => {
    expect(
      written((w) => {
        w.nullableString(null)
        w.nullableString('')
      })
    ).toBe('ffff0000')
    expect(
      written((w) => {
        w.compactNullableString(null)
        w.compactNullableString('')
      })
    ).toBe('0001')
    expect(
      written((w) => {
        w.nullableBytes(null)
        w.nullableBytes(Buffer.alloc(0))
      })
    ).toBe('ffffffff00000000')
    expect(
      written((w) => {
        w.compactNullableBytes(null)
        w.compactNullableBytes(Buffer.alloc(0))
      })
    ).toBe('0001')
    expect(
      written((w) => {
        w.arrayLength(-1)
        w.arrayLength(0)
      })
    ).toBe('ffffffff00000000')
    expect(
      written((w) => {
        w.compactArrayLength(-1)
        w.compactArrayLength(0)
      })
    ).toBe('0001')
  })

  it('gives back every number it was given', () => {
    const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
    const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    fc.assert(
      fc.property(int32, (value) => {
        expect(
          roundTrip(
            value,
            (w, v) => w.varint(v),
            (r) => r.varint()
          )
        ).toBe(value)
        expect(
          roundTrip(
            value >>> 0,
            (w, v) => w.unsignedVarint(v),
            (r) => r.unsignedVarint()
          )
        ).toBe(value >>> 0)
      })
    )
    fc.assert(
      fc.property(int64, (value) => {
        expect(
          roundTrip(
            value,
            (w, v) => w.varlong(v),
            (r) => r.varlong()
          )
        ).toBe(value)
        expect(
          roundTrip(
            value,
            (w, v) => w.int64(v),
            (r) => r.int64()
          )
        ).toBe(value)
      })
    )
  })

  it('gives back every string it was given', () => {
    fc.assert(
      fc.property(fc.option(fc.string({ unit: 'grapheme' })), (value) => {
        expect(
          roundTrip(
            value,
            (w, v) => w.nullableString(v),
            (r) => r.nullableString()
          )
        ).toBe(value)
        expect(
          roundTrip(
            value,
            (w, v) => w.compactNullableString(v),
            (r) => r.compactNullableString()
          )
        ).toBe(value)
      })
    )
  })

  it('grows over many values and over one large one', () => {
    const large = Buffer.alloc(300_000, 7)
    const writer = new Writer()
    for (let index = 0; index < 1000; index++) writer.int32(index)
    writer.bytes(large)
    expect(writer.length).toBe(4000 + 4 + large.length)
    const reader = new Reader(writer.finish())
    for (let index = 0; index < 1000; index++) expect(reader.int32()).toBe(index)
    expect(reader.bytes().equals(large)).toBe(true)
    reader.expectEnd()
  })

  it('does not keep much more memory than it wrote', () => {
    const writer = new Writer()
    writer.raw(Buffer.alloc(100_000))
    writer.raw(Buffer.alloc(1))
    const bytes = writer.finish()
    expect(bytes.length).toBe(100_001)
    expect(bytes.buffer.byteLength).toBeLessThan(100_001 + 8192)
  })

  it.each<[string, (writer: Writer) => void]>([
    ['an int8 above 127', (w) => w.int8(128)],
    ['an int16 below -32768', (w) => w.int16(-32769)],
    ['an int32 of 2^31', (w) => w.int32(2 ** 31)],
    ['an int64 of 2^63', (w) => w.int64(2n ** 63n)],
    ['a negative unsigned varint', (w) => w.unsignedVarint(-1)],
    ['a varint of 2^31', (w) => w.varint(2 ** 31)],
    ['a varint with a fraction', (w) => w.varint(0.5)],
    ['a varlong of 2^63', (w) => w.varlong(2n ** 63n)],
    ['a short uuid', (w) => w.uuid('00')],
    ['a uuid that is not hexadecimal', (w) => w.uuid('x'.repeat(32))],
    ['a string above 32,767 bytes', (w) => w.string('é'.repeat(16_384))],
    ['a compact string above 32,767 bytes', (w) => w.compactString('a'.repeat(32_768))]
  ])('refuses %s', (_, write) => {
    expect(() => written(write)).toThrow(RangeError)
  })
})
