/** Batches that no client writes and every broker takes: integers longer than they need to be, in any field. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  crcMatches,
  readBatchHeader,
  readProducedBatch,
  readRecords,
  rebuildBatch,
  recordsSection,
  RecordTable
} from '../../../../protocol/records/batch.ts'
import { rawBatch, varint } from './raw-batch.ts'

interface Shape {
  /** Bytes too many of each integer. */
  readonly padding: number
  readonly timestampDelta: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly { readonly name: Uint8Array; readonly value: Uint8Array | null }[]
}

function padded(value: number, padding: number): Buffer {
  const bytes = varint(value)
  // Five bytes are the most that a broker reads of one.
  const more = Math.min(padding, 5 - bytes.length)
  if (more <= 0) return bytes
  bytes[bytes.length - 1]! |= 0x80
  return Buffer.concat([bytes, Buffer.alloc(more - 1, 0x80), Buffer.alloc(1)])
}

/** `before`: attributes and timestamp; `behind`: key, value and headers. Both have to stay as they are. */
function partsOf({ padding, timestampDelta, key, value, headers }: Shape): { before: Buffer; behind: Buffer } {
  const field = (bytes: Uint8Array | null): Buffer =>
    Buffer.concat([padded(bytes?.length ?? -1, padding), bytes ?? Buffer.alloc(0)])
  const pairs = headers.flatMap((header) => [field(header.name), field(header.value)])
  return {
    before: Buffer.concat([Buffer.alloc(1), padded(timestampDelta, padding)]),
    behind: Buffer.concat([field(key), field(value), padded(headers.length, padding), ...pairs])
  }
}

function recordOf(shape: Shape, offsetDelta: number): Buffer {
  const { before, behind } = partsOf(shape)
  const body = Buffer.concat([before, padded(offsetDelta, shape.padding), behind])
  return Buffer.concat([padded(body.length, shape.padding), body])
}

const bytes = fc.uint8Array({ maxLength: 70 })
const shapeArbitrary: fc.Arbitrary<Shape> = fc.record({
  padding: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 4 })),
  timestampDelta: fc.oneof(fc.constant(0), fc.integer({ min: -1_000_000, max: 1_000_000_000 })),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.array(fc.record({ name: bytes, value: fc.option(bytes) }), { maxLength: 3 })
})

it('are rebuilt as record by record, and say the same', () => {
  const batches = fc.oneof(
    fc.array(shapeArbitrary, { minLength: 1, maxLength: 8 }),
    fc.array(shapeArbitrary, { minLength: 60, maxLength: 140, size: 'max' })
  )
  fc.assert(
    fc.property(batches, fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), (shapes, keep) => {
      const isKept = (index: number): boolean => keep[index % keep.length]!
      const original = rawBatch(shapes.map(recordOf))
      const header = readBatchHeader(original)
      const table = new RecordTable()
      table.read(recordsSection(original, header), header)
      const rebuilt = rebuildBatch(original, header, table, { keep: isKept, baseSequence: 77 })
      const kept = shapes.filter((_, index) => isKept(index))
      if (kept.length === 0) {
        expect(rebuilt).toBeNull()
        return
      }
      const after = readProducedBatch(rebuilt!)
      expect(crcMatches(rebuilt!, after)).toBe(true)
      expect(after).toMatchObject({ recordCount: kept.length, lastOffsetDelta: kept.length - 1, baseSequence: 77 })
      // Strict: deltas without gaps, lengths that fit, nothing behind the last one.
      table.read(recordsSection(rebuilt!, after), after)
      const read = readRecords(rebuilt!)
      const expected = readRecords(original).filter((_, index) => isKept(index))
      expect(read.map((record) => ({ ...record, offset: 0n }))).toEqual(
        expected.map((record) => ({ ...record, offset: 0n }))
      )
      kept.forEach((shape, index) => {
        const { before, behind } = partsOf(shape)
        const record = table.bytes.subarray(table.recordStart(index), table.recordEnd(index))
        expect(record.subarray(-behind.length).equals(behind)).toBe(true)
        expect(record.includes(before)).toBe(true)
      })
    }),
    { numRuns: 300 }
  )
})
