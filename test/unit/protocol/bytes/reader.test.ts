import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedMessageError, TruncatedMessageError } from '../../../../protocol/bytes/malformed.ts'
import { maxStringBytes, Reader } from '../../../../protocol/bytes/reader.ts'

const reader = (hex: string): Reader => new Reader(Buffer.from(hex.replaceAll(' ', ''), 'hex'))

describe('Reader', () => {
  it('reads integers big-endian and signed', () => {
    const bytes = reader('ff fffe 80000000 8000000000000000 01')
    expect([bytes.int8(), bytes.int16(), bytes.int32(), bytes.int64()]).toEqual([-1, -2, -2147483648, -(2n ** 63n)])
    expect(bytes.bool()).toBe(true)
    expect(bytes.remaining).toBe(0)
  })

  it('takes every byte but 0 for true', () => {
    expect([reader('00').bool(), reader('01').bool(), reader('7f').bool()]).toEqual([false, true, true])
  })

  it('reads a uuid as 32 lower-case digits', () => {
    expect(reader('00112233445566778899AABBCCDDEEFF').uuid()).toBe('00112233445566778899aabbccddeeff')
  })

  it.each([
    ['00', 0],
    ['7f', 127],
    ['8001', 128],
    ['ffffffff07', 0x7fffffff],
    ['ffffffff0f', 0xffffffff],
    ['808000', 0]
  ])('reads %s as the unsigned varint %i', (hex, value) => {
    expect(reader(hex).unsignedVarint()).toBe(value)
  })

  it.each(['ffffffff10', '8080808080', '808080808001'])('refuses %s: more than 32 bits', (hex) => {
    expect(() => reader(hex).unsignedVarint()).toThrow(MalformedMessageError)
  })

  it.each([
    ['00', 0],
    ['01', -1],
    ['02', 1],
    ['feffffff0f', 2147483647],
    ['ffffffff0f', -2147483648]
  ])('reads %s as the varint %i', (hex, value) => {
    expect(reader(hex).varint()).toBe(value)
  })

  it.each([
    ['00', 0n],
    ['01', -1n],
    ['feffffffffffffffff01', 2n ** 63n - 1n],
    ['ffffffffffffffffff01', -(2n ** 63n)]
  ])('reads %s as the varlong %s', (hex, value) => {
    expect(reader(hex).varlong()).toBe(value)
  })

  it.each(['ffffffffffffffffff02', '80808080808080808080'])('refuses %s: more than 64 bits', (hex) => {
    expect(() => reader(hex).varlong()).toThrow(MalformedMessageError)
  })

  it('tells null from empty in all four forms of a string', () => {
    expect(reader('0000').nullableString()).toBe('')
    expect(reader('ffff').nullableString()).toBeNull()
    expect(reader('01').compactNullableString()).toBe('')
    expect(reader('00').compactNullableString()).toBeNull()
    expect(reader('0003 c3a961').string()).toBe('éa')
    expect(reader('04 c3a961').compactString()).toBe('éa')
  })

  it('tells null from empty in all four forms of bytes', () => {
    expect(reader('00000000').nullableBytes()).toEqual(Buffer.alloc(0))
    expect(reader('ffffffff').nullableBytes()).toBeNull()
    expect(reader('01').compactNullableBytes()).toEqual(Buffer.alloc(0))
    expect(reader('00').compactNullableBytes()).toBeNull()
    expect(reader('00000001 aa').bytes()).toEqual(Buffer.of(0xaa))
    expect(reader('02 aa').compactBytes()).toEqual(Buffer.of(0xaa))
  })

  it('refuses null where there must be a value', () => {
    expect(() => reader('ffff').string()).toThrow(MalformedMessageError)
    expect(() => reader('00').compactString()).toThrow(MalformedMessageError)
    expect(() => reader('ffffffff').bytes()).toThrow(MalformedMessageError)
    expect(() => reader('00').compactBytes()).toThrow(MalformedMessageError)
  })

  it('refuses negative lengths other than -1', () => {
    expect(() => reader('fffe').nullableString()).toThrow(MalformedMessageError)
    expect(() => reader('80000000').nullableBytes()).toThrow(MalformedMessageError)
    expect(() => reader('fffffffe').arrayLength(1)).toThrow(MalformedMessageError)
  })

  it('gives views of the buffer, not copies', () => {
    const buffer = Buffer.from('02aabb', 'hex')
    const view = new Reader(buffer).compactBytes()
    buffer[1] = 0xcc
    expect(view).toEqual(Buffer.of(0xcc))
  })

  it('refuses a string longer than Kafka allows although its bytes are there', () => {
    const long = Buffer.concat([Buffer.from('828002', 'hex'), Buffer.alloc(40_000, 'a')])
    expect(() => new Reader(long).compactString()).toThrow(`limit ${maxStringBytes}`)
    expect(() => new Reader(long).compactNullableString()).toThrow(MalformedMessageError)
  })

  it('replaces what is not UTF-8, as Java does', () => {
    expect(reader('0002 61ff').string()).toBe('a\ufffd')
  })

  it('refuses a string that could not be written again because replacing made it too long', () => {
    const prefix = (length: number): Buffer => Buffer.of(length >> 8, length & 0xff)
    const bad = (length: number): Buffer => Buffer.concat([prefix(length), Buffer.alloc(length, 0xff)])
    expect(new Reader(bad(10_922)).string()).toHaveLength(10_922)
    expect(() => new Reader(bad(10_923)).string()).toThrow(MalformedMessageError)
    const good = Buffer.concat([prefix(32_767), Buffer.alloc(32_767, 'a')])
    expect(new Reader(good).string()).toHaveLength(32_767)
  })

  it('checks an array length against the bytes that remain before anything is built', () => {
    expect(() => reader('7fffffff 00').arrayLength(1)).toThrow(TruncatedMessageError)
    expect(() => reader('00000002 00000000000000').arrayLength(4)).toThrow(TruncatedMessageError)
    expect(reader('00000002 0000000000000000').arrayLength(4)).toBe(2)
    expect(reader('ffffffff').arrayLength(4)).toBe(-1)
    expect(reader('00').compactArrayLength(4)).toBe(-1)
    expect(() => reader('ffffffff0f').compactArrayLength(1)).toThrow(TruncatedMessageError)
  })

  it('counts array elements and tagged fields of a whole message against one limit', () => {
    const bytes = new Reader(Buffer.from('0303020101010101', 'hex'), 0, 4)
    expect(bytes.compactArrayLength(0)).toBe(2)
    expect(bytes.compactArrayLength(0)).toBe(2)
    expect(() => bytes.tagCount()).toThrow('more elements than one message may have')
  })

  it('limits elements that take no bytes at all', () => {
    expect(() => reader('7fffffff').arrayLength(0)).toThrow(MalformedMessageError)
  })

  it('expects the end', () => {
    expect(() => reader('').expectEnd()).not.toThrow()
    expect(() => reader('00').expectEnd()).toThrow('1 bytes left over at 0')
  })

  it('never shows bytes in an error', () => {
    const secret = Buffer.from('password')
    const failing = [
      () => new Reader(secret).string(),
      () => new Reader(secret).compactBytes(),
      () => new Reader(secret).arrayLength(1),
      () => new Reader(secret).expectEnd()
    ]
    for (const fail of failing) expect(fail).toThrow(/^(?!.*password)(?!.*70617373)/)
  })

  it('throws nothing but MalformedMessageError, whatever it reads', () => {
    const methods = [
      'int8',
      'bool',
      'int16',
      'int32',
      'int64',
      'uuid',
      'unsignedVarint',
      'varint',
      'varlong',
      'string',
      'nullableString',
      'compactString',
      'compactNullableString',
      'bytes',
      'nullableBytes',
      'compactBytes',
      'compactNullableBytes',
      'tagCount'
    ] as const
    const calls = fc.array(fc.constantFrom(...methods), { maxLength: 8 })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), calls, (data, chosen) => {
        const bytes = new Reader(Buffer.from(data))
        try {
          for (const method of chosen) bytes[method]()
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessageError)
        }
        expect(bytes.position).toBeLessThanOrEqual(data.length)
      })
    )
  })
})
