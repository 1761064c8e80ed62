import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { validUtf8 } from '../../../../../src/contracts/payload/generated/utf8.ts'

/** Every lead byte; of the bytes that follow, those around the bounds. */
const leads = Array.from({ length: 256 }, (_, byte) => byte)
const edges = [0x00, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xf4, 0xff]

function agree(bytes: Buffer): boolean {
  // What stands around must not count: continuation bytes would complete a cut sequence.
  const around = Buffer.concat([Buffer.from([0xc3]), bytes, Buffer.from([0x80, 0x80, 0x80])])
  return validUtf8(around, 1, 1 + bytes.length) === isUtf8(bytes)
}

describe('validUtf8 says what isUtf8 says', () => {
  test('for all sequences of up to four bytes around the bounds', () => {
    const wrong: string[] = []
    const check = (...sequence: number[]): void => {
      const bytes = Buffer.from(sequence)
      if (!agree(bytes)) wrong.push(bytes.toString('hex'))
    }
    check()
    for (const lead of leads) {
      check(lead)
      for (const second of edges) {
        check(lead, second)
        for (const third of edges) {
          check(lead, second, third)
          if (lead >= 0xe0) for (const fourth of edges) check(lead, second, third, fourth)
        }
      }
    }
    expect(wrong).toEqual([])
  })

  test('for text with a fault anywhere, between runs of plain letters', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }).map((text) => Buffer.from(text)),
      fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).map((text) => Buffer.from(text)),
      fc
        .constantFrom('80', 'c0af', 'c3', 'eda080', 'edbfbf', 'e282', 'f09f8d', 'f4908080', 'f8')
        .map((hex) => Buffer.from(hex, 'hex'))
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => agree(Buffer.concat(parts))),
      { numRuns: 2_000 }
    )
  })

  test('of the range it was given alone', () => {
    const bytes = Buffer.from('ff41e282acff', 'hex')
    expect(validUtf8(bytes, 1, 5)).toBe(true)
    expect(validUtf8(bytes, 1, 4)).toBe(false)
    expect(validUtf8(bytes, 2, 2)).toBe(true)
    expect(validUtf8(bytes, 1, 6)).toBe(false)
  })
})
