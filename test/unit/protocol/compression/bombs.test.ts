/** Small inputs that claim, or truly hold, more than a gigabyte, against a ceiling of one mebibyte. */
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { inflate } from '../../../../protocol/compression/codec.ts'
import type { Codec } from '../../../../protocol/compression/codec.ts'
import { xxhash32 } from '../../../../protocol/compression/xxhash32.ts'
import { reasonOf } from './fixture.ts'

const MiB = 1024 * 1024
const ceilingBytes = MiB

function repeated(unit: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => unit))
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** 1 GiB of zeros in members of 32 MiB. */
const gzipBomb = repeated(gzipSync(Buffer.alloc(32 * MiB)), 32)

/** 8192 run-length blocks of 128 KiB: 1 GiB in 32 KiB. */
function zstdRuns(header: string): Buffer {
  const blocks = Buffer.alloc(8192 * 4)
  for (let i = 0; i < 8192; i++) {
    blocks.writeUIntLE((128 * 1024 * 8) | 0b010 | (i === 8191 ? 1 : 0), 4 * i, 3)
    blocks[4 * i + 3] = 0x61
  }
  return Buffer.concat([Buffer.from(header, 'hex'), blocks])
}

/** One literal and a copy of 64 KiB from one byte back, and so on: 64 blocks of 4 MiB in 1 MiB. */
function lz4Runs(): Buffer {
  const matchBytes = 4 * MiB - 1 - 5
  const run = Buffer.alloc(Math.floor((matchBytes - 19) / 255), 255)
  const last = (matchBytes - 19) % 255
  const block = Buffer.concat([
    Buffer.from([0x1f, 0x61, 0x01, 0x00]),
    run,
    Buffer.from([last, 0x50]),
    Buffer.from('aaaaa')
  ])
  const size = Buffer.alloc(4)
  size.writeUInt32LE(block.length)
  const header = Buffer.from('04224d18607000', 'hex')
  header[6] = (xxhash32(header, 4, 6) >>> 8) & 255
  return Buffer.concat([header, repeated(Buffer.concat([size, block]), 256), Buffer.alloc(4)])
}

/** A raw block whose preamble claims 24 MiB: literal, then copies of 64 bytes in 3, as dense as snappy gets. */
function snappyBlock(copies: number): Buffer {
  const inflatedBytes = 4 + 64 * copies
  const preamble: number[] = []
  let rest = inflatedBytes
  for (; rest > 127; rest = Math.floor(rest / 128)) preamble.push((rest % 128) | 128)
  preamble.push(rest)
  return Buffer.concat([
    Buffer.from(preamble),
    Buffer.from([0x0c, 1, 2, 3, 4]),
    repeated(Buffer.from([0xfe, 4, 0]), copies)
  ])
}

const xerialHeader = Buffer.from('82534e41505059000000000100000001', 'hex')
const snappyChunk = snappyBlock(500)

const bombs: readonly { name: string; codec: Codec; deflated: Buffer }[] = [
  { name: 'gzip, 1 GiB of zeros', codec: 'gzip', deflated: gzipBomb },
  { name: 'zstd, run-length blocks without a stated size', codec: 'zstd', deflated: zstdRuns('28b52ffd0058') },
  { name: 'zstd, a stated size of 2 GiB', codec: 'zstd', deflated: zstdRuns('28b52ffda000000080') },
  { name: 'zstd, a stated size of 2^60', codec: 'zstd', deflated: zstdRuns('28b52ffde00000000000000010') },
  { name: 'snappy, dense', codec: 'snappy', deflated: snappyBlock(400_000) },
  {
    name: 'snappy, 40,000 xerial blocks',
    codec: 'snappy',
    deflated: Buffer.concat([xerialHeader, repeated(Buffer.concat([int32(snappyChunk.length), snappyChunk]), 40_000)])
  },
  { name: 'lz4, 1 GiB in blocks of 4 MiB', codec: 'lz4', deflated: lz4Runs() }
]

describe('a bomb', () => {
  afterEach(() => vi.restoreAllMocks())

  it.each(bombs)('is refused before it is inflated: $name', ({ codec, deflated }) => {
    const allocations = vi.spyOn(Buffer, 'allocUnsafe')
    expect(reasonOf(() => inflate(codec, deflated, ceilingBytes))).toBe('inflated-too-large')
    for (const [size] of allocations.mock.calls) expect(size).toBeLessThanOrEqual(ceilingBytes)
  })

  it('really is one: snappy and lz4 ones are inflated where the ceiling allows it', () => {
    expect(inflate('snappy', snappyBlock(400_000), 32 * MiB)).toHaveLength(4 + 64 * 400_000)
    const oneFrame = lz4Runs()
    const oneBlock = Buffer.concat([oneFrame.subarray(0, 11 + oneFrame.readUInt32LE(7)), Buffer.alloc(4)])
    expect(inflate('lz4', oneBlock, 4 * MiB).equals(Buffer.alloc(4 * MiB, 'a'))).toBe(true)
  })

  it('a snappy preamble that claims what its bytes cannot hold is not believed, whatever the ceiling', () => {
    const allocations = vi.spyOn(Buffer, 'allocUnsafe')
    const claims4GiB = Buffer.from('ffffffff0f0000', 'hex')
    expect(reasonOf(() => inflate('snappy', claims4GiB, 2 ** 33))).toBe('undecodable-compression')
    expect(allocations).not.toHaveBeenCalled()
  })
})
