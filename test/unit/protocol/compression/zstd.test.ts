import { constants, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { deflateZstd, inflateZstd } from '../../../../protocol/compression/zstd.ts'
import { reasonOf, refusalOf } from './fixture.ts'

const bytes = Buffer.from('order '.repeat(1000))
const frame = zstdCompressSync(bytes)
const skippable = Buffer.from('5e2a4d18030000006f6c61', 'hex')
const tenKB = 10_000

describe('inflateZstd', () => {
  it('decodes every frame, where node:zlib stops after the first', () => {
    const frames = Buffer.concat([frame, zstdCompressSync(Buffer.from('hidden')), frame])
    expect(inflateZstd(frames, 20_000)).toEqual(Buffer.concat([bytes, Buffer.from('hidden'), bytes]))
  })

  it('holds all frames together to the ceiling', () => {
    const frames = Buffer.concat([frame, frame])
    expect(inflateZstd(frames, 12_000)).toHaveLength(12_000)
    expect(reasonOf(() => inflateZstd(frames, 11_999))).toBe('inflated-too-large')
    expect(reasonOf(() => inflateZstd(frames, 6_000))).toBe('inflated-too-large')
  })

  it('passes over skippable frames', () => {
    expect(inflateZstd(Buffer.concat([skippable, frame, skippable]), tenKB)).toEqual(bytes)
    expect(inflateZstd(skippable, tenKB)).toHaveLength(0)
  })

  it('refuses a skippable frame that is cut short', () => {
    for (let length = 1; length < skippable.length; length++) {
      const cut = Buffer.concat([frame, skippable.subarray(0, length)])
      expect(reasonOf(() => inflateZstd(cut, tenKB))).toBe(length < 4 ? 'trailing-bytes' : 'undecodable-compression')
    }
  })

  it('refuses bytes behind the last frame', () => {
    expect(reasonOf(() => inflateZstd(Buffer.concat([frame, Buffer.from('garbage')]), tenKB))).toBe('trailing-bytes')
    expect(reasonOf(() => inflateZstd(Buffer.concat([frame, Buffer.alloc(1)]), tenKB))).toBe('trailing-bytes')
  })

  it('decodes blocks of all types: raw, run-length, compressed', () => {
    const blocks = Buffer.from('28b52ffd0058' + '180000' + '616263' + '520000' + '7a' + '190000' + '646566', 'hex')
    expect(inflateZstd(blocks, 100).toString()).toBe('abc' + 'z'.repeat(10) + 'def')
  })

  it('verifies the checksum of a frame', () => {
    const checked = zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })
    expect(inflateZstd(checked, tenKB)).toEqual(bytes)
    checked[checked.length - 1]! ^= 1
    expect(reasonOf(() => inflateZstd(checked, tenKB))).toBe('undecodable-compression')
  })

  it('refuses reserved flags, reserved block types, dictionaries and old formats', () => {
    const empty = '010000'
    expect(inflateZstd(Buffer.from('28b52ffd0058' + empty, 'hex'), tenKB)).toHaveLength(0)
    const frames = ['28b52ffd0858' + empty, '28b52ffd0058070000', '28b52ffd01580a' + empty, '27b52ffd0058' + empty]
    for (const hex of frames) {
      expect(reasonOf(() => inflateZstd(Buffer.from(hex, 'hex'), tenKB))).toBe('undecodable-compression')
    }
  })

  it('refuses a frame whose stated size is not its size', () => {
    for (const stated of ['04', '02']) {
      const lying = Buffer.from('28b52ffd20' + stated + '190000616263', 'hex')
      expect(reasonOf(() => inflateZstd(lying, tenKB))).toBe('undecodable-compression')
    }
  })

  it('decodes frames whose window is far larger than they are, and never asks for such a window', () => {
    // "abc" under a window of 128 MiB.
    const wide = Buffer.from('28b52ffd0088190000616263', 'hex')
    const before = Buffer.from(wide)
    expect(inflateZstd(wide, tenKB).toString()).toBe('abc')
    expect(wide).toEqual(before)

    // Blocks that refer to bytes 300 kB back, under the same window.
    const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 13) & 255))
    const bytes = Buffer.concat([noise, noise, noise])
    const frame = zstdCompressSync(bytes, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } })
    frame[5] = (27 - 10) << 3
    expect(frame.length).toBeLessThan(2 * noise.length)
    expect(inflateZstd(frame, bytes.length).equals(bytes)).toBe(true)
    expect(reasonOf(() => inflateZstd(frame, bytes.length - 1))).toBe('inflated-too-large')
  })

  it('refuses a window above 128 MiB, as libzstd does by default', () => {
    for (const descriptor of ['89', '90', 'ff']) {
      const wide = Buffer.from(`28b52ffd00${descriptor}190000616263`, 'hex')
      expect(reasonOf(() => inflateZstd(wide, tenKB))).toBe('undecodable-compression')
    }
  })

  it('decodes 256 frames and refuses more, as each costs a decoder of its own', () => {
    const one = zstdCompressSync(Buffer.from('x'))
    const frames = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => one))
    expect(inflateZstd(frames(256), tenKB)).toHaveLength(256)
    const refusal = refusalOf(() => inflateZstd(frames(257), tenKB))
    expect(refusal.reason).toBe('undecodable-compression')
    expect(refusal.message).toContain('256')
  })
})

describe('deflateZstd', () => {
  it('writes one frame that states its size', () => {
    const deflated = deflateZstd(bytes)
    expect(deflated.readUInt32LE(0)).toBe(0xfd2fb528)
    expect(deflated[4]! >>> 6).not.toBe(0)
    expect(inflateZstd(deflated, bytes.length)).toEqual(bytes)
  })
})
