import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodePayload } from '../../../../src/contracts/payload/encode.ts'
import { readConfluentFraming } from '../../../../src/contracts/payload/framing.ts'
import { formatPath } from '../../../../src/contracts/payload/path.ts'
import { bytesFormat, stringFormat } from '../../../../src/contracts/payload/text.ts'
import { firstInvalidUtf8 } from '../../../../src/contracts/payload/utf8.ts'
import { decode, failuresOf, valueOf } from './helpers.ts'

type Format = 'avro' | 'protobuf' | 'json'

/** With bytes before and behind, which must not be read. */
function framing(hex: string, format: Format = 'avro'): unknown {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const read = readConfluentFraming(
    Buffer.concat([Buffer.alloc(3), bytes, Buffer.alloc(9)]),
    3,
    3 + bytes.length,
    format
  )
  return 'failure' in read ? read.failure : { ...read, payloadStart: read.payloadStart - 3 }
}

describe('the Confluent framing', () => {
  test('gives the id and where the payload starts', () => {
    expect(framing('00 00000063 aa')).toEqual({ schemaId: 99, messageIndexes: [0], payloadStart: 5 })
    expect(framing('00 7fffffff', 'json')).toEqual({ schemaId: 2147483647, messageIndexes: [0], payloadStart: 5 })
  })

  test.each([
    ['00', [0], 6],
    ['02 00', [0], 7],
    ['02 02', [1], 7],
    ['04 02 00', [1, 0], 8],
    ['02 8002', [128], 8]
  ])('Protobuf indexes %s are %o', (indexes, messageIndexes, payloadStart) => {
    expect(framing(`00 00000001 ${indexes} 0801`, 'protobuf')).toEqual({ schemaId: 1, messageIndexes, payloadStart })
  })

  test.each([
    ['', 'is shorter than the Confluent framing'],
    ['00', 'is shorter than the Confluent framing'],
    ['00 000000', 'is shorter than the Confluent framing'],
    ['01 00000001 00', 'does not start with the magic byte of the Confluent framing'],
    ['7b 22616262', 'does not start with the magic byte of the Confluent framing'],
    ['00 ffffffff', 'has a negative schema id']
  ])('%s: %s', (hex, message) => {
    expect(framing(hex)).toMatchObject({ path: '', message })
  })

  test.each(['', '80', '01', '02', '02 01', '0400', 'ffffffffff7f', '8080808080808000'])(
    'Protobuf indexes "%s" cannot be read',
    (indexes) => {
      expect(framing(`00 00000001 ${indexes}`, 'protobuf')).toMatchObject({
        message: expect.stringContaining('indexes') as string,
        byteOffset: 5
      })
    }
  )

  test('a count of a billion indexes is refused without reading one', () => {
    expect(framing('00 00000001 80a8d6b907', 'protobuf')).toMatchObject({
      message: expect.stringContaining('too deep') as string
    })
  })

  test('any bytes give an answer', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom<Format>('avro', 'protobuf', 'json'),
        (bytes, format) => {
          const read = readConfluentFraming(Buffer.from(bytes), 0, bytes.length, format)
          if ('failure' in read) return read.failure.path === ''
          return (
            read.payloadStart >= 5 &&
            read.payloadStart <= bytes.length &&
            read.messageIndexes.every((index) => index >= 0)
          )
        }
      )
    )
  })
})

describe('text and bytes', () => {
  test('any valid UTF-8 is a string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => valueOf(stringFormat, Buffer.from(value)) === value)
    )
  })

  test('invalid UTF-8 is refused with the offset of its first bad byte', () => {
    expect(failuresOf(stringFormat, '6162ff')).toEqual([
      { path: '', message: 'is not valid UTF-8', expected: 'string in UTF-8', found: 'bytes', byteOffset: 2 }
    ])
  })

  test('the offset is where a strict decoder stops', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (array) => {
        const bytes = Buffer.from(array)
        const at = firstInvalidUtf8(bytes, 0, bytes.length)
        const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
        expect(() => strict.decode(bytes.subarray(0, at))).not.toThrow()
        if (at < bytes.length) expect(() => strict.decode(bytes)).toThrow()
      }),
      { numRuns: 2000 }
    )
  })

  test('all bytes are bytes', () => {
    expect(decode(bytesFormat, '00ff')).toEqual({ ok: true, value: Buffer.from([0, 0xff]) })
    expect(encodePayload(bytesFormat, { hex: '00ff' })).toEqual(Buffer.from([0, 0xff]))
    expect(encodePayload(bytesFormat, 5)).toHaveProperty('problem')
    expect(encodePayload(stringFormat, 'é')).toEqual(Buffer.from('é'))
    expect(encodePayload(stringFormat, null)).toHaveProperty('problem')
  })
})

test('a path shows names and positions, and hides keys that are content', () => {
  expect(formatPath([])).toBe('')
  expect(formatPath(['items', 2, 'sku'])).toBe('items[2].sku')
  expect(formatPath(['a', null, 'b', null, 0, null])).toBe('a[*].b[*][0][*]')
  expect(formatPath([0, 'a b', '', 'ada@example.com', 'x'.repeat(65)])).toBe('[0]["a b"]["…"]["…"]["…"]')
})
