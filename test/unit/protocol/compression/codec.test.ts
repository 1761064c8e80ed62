/** What holds for every codec: foreign encoders are understood, limits hold, and no input does more than be refused. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codecs, deflate, inflate } from '../../../../protocol/compression/codec.ts'
import type { Codec } from '../../../../protocol/compression/codec.ts'
import { MalformedBatchError } from '../../../../protocol/records/malformed-batch-error.ts'
import { fixture, reasonOf } from './fixture.ts'

const MiB = 1024 * 1024
const text = fixture('compression/text-600')

/** Written by other libraries; all hold the same 600 bytes. `streams`: cut between them, a shorter whole is left. */
const foreign: readonly { name: string; codec: Codec; streams?: boolean }[] = [
  { name: 'gzip-one-member', codec: 'gzip' },
  { name: 'gzip-two-members', codec: 'gzip', streams: true },
  { name: 'snappy-raw', codec: 'snappy' },
  { name: 'snappy-xerial', codec: 'snappy', streams: true },
  { name: 'snappy-xerial-concatenated', codec: 'snappy', streams: true },
  { name: 'lz4-independent', codec: 'lz4' },
  { name: 'lz4-all-checksums', codec: 'lz4' },
  { name: 'lz4-4mb-blocks', codec: 'lz4' },
  { name: 'lz4-two-frames', codec: 'lz4', streams: true },
  { name: 'zstd-sized', codec: 'zstd' },
  { name: 'zstd-streaming', codec: 'zstd' },
  { name: 'zstd-several-blocks', codec: 'zstd' },
  { name: 'zstd-two-frames', codec: 'zstd', streams: true }
]

describe.each(foreign)('$name', ({ name, codec, streams }) => {
  const deflated = fixture(`compression/${name}`)

  it('is inflated whole', () => {
    expect(inflate(codec, deflated, MiB)).toEqual(text)
  })

  it('may be as large as the ceiling and no larger', () => {
    expect(inflate(codec, deflated, text.length)).toEqual(text)
    expect(reasonOf(() => inflate(codec, deflated, text.length - 1))).toBe('inflated-too-large')
    expect(reasonOf(() => inflate(codec, deflated, 0))).toBe('inflated-too-large')
  })

  it('is refused when it is cut anywhere', () => {
    for (let length = 0; length < deflated.length; length++) {
      const cut = deflated.subarray(0, length)
      if (streams !== true) {
        expect(reasonOf(() => inflate(codec, cut, MiB))).toBe('undecodable-compression')
        continue
      }
      const result = inflateOrRefuse(codec, cut, MiB)
      if (result !== null) expect(result).toEqual(text.subarray(0, result.length))
    }
  })

  it('is refused or stays below the ceiling with any one byte changed', () => {
    for (let position = 0; position < deflated.length; position++) {
      for (const mask of [0x01, 0x10, 0x80, 0xff]) {
        const corrupt = Buffer.from(deflated)
        corrupt[position]! ^= mask
        const result = inflateOrRefuse(codec, corrupt, 4096)
        if (result !== null) expect(result.length).toBeLessThanOrEqual(4096)
      }
    }
    expect(inflate(codec, deflated, MiB)).toEqual(text)
  })

  it('is read from the middle of a larger buffer', () => {
    const inside = Buffer.concat([Buffer.alloc(3, 1), deflated, Buffer.alloc(5, 1)]).subarray(3, 3 + deflated.length)
    expect(inflate(codec, inside, MiB)).toEqual(text)
  })
})

describe('what was deflated', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    // Repeats at all distances, so that copies overlap their source, and lengths beyond one block of every framing.
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 4000 }))
      .map(([unit, times]) => Buffer.concat(Array.from({ length: times }, () => unit))),
    fc
      .array(fc.constantFrom('{"id":', '"amount":', 'EUR', '0123456789', '\0', 'x'.repeat(300)), { minLength: 1 })
      .map((words) => Buffer.from(words.join('')))
  )

  it.each(codecs)('inflates to the same bytes: %s', (codec) => {
    fc.assert(
      fc.property(bytes, (original) => {
        const input = Buffer.from(original)
        expect(inflate(codec, deflate(codec, input), input.length).equals(input)).toBe(true)
      }),
      { numRuns: 60 }
    )
  })

  it.each(codecs)('inflates to the same bytes when it is several megabytes of noise: %s', (codec) => {
    const noise = Buffer.allocUnsafe(3 * MiB + 17)
    for (let i = 0, state = 1; i < noise.length; i++) {
      state = (Math.imul(state, 1103515245) + 12345) | 0
      noise[i] = state >>> 16
    }
    expect(inflate(codec, deflate(codec, noise), noise.length).equals(noise)).toBe(true)
  })
})

describe('hostile bytes', () => {
  const prefixes: Record<Codec, readonly Buffer[]> = {
    none: [],
    gzip: [Buffer.from('1f8b0800000000000003', 'hex')],
    snappy: [Buffer.from('82534e41505059000000000100000001', 'hex'), Buffer.from('6400', 'hex')],
    lz4: [Buffer.from('04224d1860408200', 'hex').subarray(0, 7)],
    zstd: [Buffer.from('28b52ffd0058', 'hex'), Buffer.from('28b52ffd20ff', 'hex')]
  }

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('are refused or stay below the ceiling: %s', (codec) => {
    fc.assert(
      fc.property(
        fc.constantFrom(Buffer.alloc(0), ...prefixes[codec]),
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 0, max: 2000 }),
        (prefix, rest, ceiling) => {
          const result = inflateOrRefuse(codec, Buffer.concat([prefix, rest]), ceiling)
          expect(result === null || result.length <= ceiling).toBe(true)
        }
      ),
      { numRuns: 500 }
    )
  })

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('are refused when there are none: %s', (codec) => {
    expect(reasonOf(() => inflate(codec, Buffer.alloc(0), MiB))).toBe('undecodable-compression')
  })

  it('uncompressed bytes are held to the ceiling too', () => {
    expect(inflate('none', text, text.length)).toBe(text)
    expect(reasonOf(() => inflate('none', text, text.length - 1))).toBe('inflated-too-large')
  })
})

function inflateOrRefuse(codec: Codec, deflated: Buffer, ceilingBytes: number): Buffer | null {
  try {
    return inflate(codec, deflated, ceilingBytes)
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedBatchError)
    expect(['inflated-too-large', 'undecodable-compression', 'trailing-bytes']).toContain(
      (error as MalformedBatchError).reason
    )
    return null
  }
}
