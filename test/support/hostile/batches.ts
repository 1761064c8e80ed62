/**
 * Record batches that no client would write, each with a right checksum unless the checksum is what is wrong. The
 * records in them are such that a contract would accept them: it is the envelope that is hostile.
 */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import {
  rawBatch,
  rawField,
  rawRecord,
  varint,
  type RawBatch,
  type RawRecord
} from '../../unit/protocol/records/raw-batch.ts'

const gzip = 1
const zstd = 4

export interface HostileBatch {
  readonly name: string
  readonly records: Buffer | null
  /** What a client of a guarded topic is told; 87 unless given. */
  readonly code?: number
}

/** Batches around records with this value. */
export function hostileBatches(value: string): readonly HostileBatch[] {
  const record = (changes: RawRecord = {}): Buffer => rawRecord({ key: null, value, ...changes })
  const batch = (changes: RawBatch = {}, records: Buffer | Buffer[] = [record()]): Buffer => rawBatch(records, changes)
  const good = batch()
  const corrupt = Buffer.from(good)
  corrupt[70]! ^= 1
  const compressed = (codec: number, section: Buffer, count = 1): Buffer =>
    batch({ attributes: codec, recordCount: count }, section)
  const withMagic = (magic: number): Buffer => {
    const bytes = Buffer.from(good)
    bytes[16] = magic
    return bytes
  }
  const swapped = [record({ offsetDelta: 1 }), record({ offsetDelta: 0 })]
  return [
    { name: 'no bytes', records: Buffer.alloc(0) },
    { name: 'null', records: null },
    { name: 'less than a header', records: good.subarray(0, 60) },
    { name: 'cut in its records', records: good.subarray(0, good.length - 3) },
    { name: 'bytes behind it', records: Buffer.concat([good, Buffer.from([0])]) },
    { name: 'a wrong checksum', records: corrupt, code: 2 },
    { name: 'a message set of magic 0', records: messageSet(0, value) },
    { name: 'a message set of magic 1', records: messageSet(1, value) },
    { name: 'a header of magic 1', records: withMagic(1) },
    { name: 'magic 3', records: withMagic(3) },
    { name: 'two batches', records: Buffer.concat([good, good]) },
    {
      name: 'two batches of two producers',
      records: Buffer.concat([1n, 2n].map((producerId) => batch({ producerId, producerEpoch: 0, baseSequence: 0 })))
    },
    { name: 'a batch and a message set', records: Buffer.concat([good, messageSet(1, value)]) },
    { name: 'a length one too long', records: batch({ lengthError: 1 }) },
    { name: 'a length one too short', records: batch({ lengthError: -1 }), code: 2 },
    { name: 'a negative length', records: batch({ lengthError: -1_000 }) },
    { name: 'no records', records: batch({ recordCount: 0, lastOffsetDelta: -1 }, Buffer.alloc(0)) },
    { name: 'one record more than it has', records: batch({ recordCount: 2 }) },
    { name: 'one record less than it has', records: batch({ recordCount: 1 }, [record(), record({ offsetDelta: 1 })]) },
    { name: 'two thousand million records', records: batch({ recordCount: 2_147_483_647 }) },
    { name: 'a negative number of records', records: batch({ recordCount: -5 }) },
    { name: 'a last offset delta of its own', records: batch({ recordCount: 1, lastOffsetDelta: 7 }) },
    { name: 'a control batch', records: batch({ attributes: 0x20 }) },
    { name: 'codec 5', records: batch({ attributes: 5 }) },
    { name: 'codec 7', records: batch({ attributes: 7 }) },
    { name: 'a producer id and no sequence', records: batch({ producerId: 1n, producerEpoch: 0 }) },
    { name: 'a time beyond all times', records: batch({ baseTimestamp: 0x7fff_ffff_ffff_ffffn }) },
    { name: 'a record of a negative length', records: batch({}, [record({ length: -1 })]) },
    { name: 'a record longer than the batch', records: batch({}, [record({ length: 2_000_000_000 })]) },
    { name: 'a length of ten bytes', records: batch({}, [Buffer.alloc(11, 0xff)]) },
    { name: 'a key of length -2', records: batch({}, [record({ key: varint(-2) })]) },
    { name: 'a key longer than its record', records: batch({}, [record({ key: varint(1_000_000) })]) },
    { name: 'a value of length -2', records: batch({}, [record({ value: varint(-2) })]) },
    { name: 'a value longer than its record', records: batch({}, [record({ value: varint(2_147_483_647) })]) },
    { name: 'a negative number of headers', records: batch({}, [record({ headers: varint(-1) })]) },
    { name: 'more headers than bytes', records: batch({}, [record({ headers: varint(2_147_483_647) })]) },
    {
      name: 'a header without a name',
      records: batch({}, [record({ headers: Buffer.concat([varint(1), varint(-1), rawField('x')]) })])
    },
    { name: 'a time delta of eleven bytes', records: batch({}, [Buffer.concat([varint(30), Buffer.alloc(30, 0xff)])]) },
    { name: 'offset deltas out of order', records: batch({ recordCount: 2 }, swapped) },
    {
      name: 'offset deltas out of order, compressed',
      records: compressed(gzip, gzipSync(Buffer.concat(swapped)), 2)
    },
    { name: 'an offset delta twice', records: batch({ recordCount: 2 }, [record(), record()]) },
    { name: 'a negative offset delta', records: batch({}, [record({ offsetDelta: -1 })]) },
    { name: 'gzip that is none', records: compressed(gzip, Buffer.from('not compressed')) },
    { name: 'gzip that breaks off', records: compressed(gzip, gzipSync(record()).subarray(0, 20)) },
    {
      name: 'gzip with a second batch behind its records',
      records: compressed(gzip, Buffer.concat([gzipSync(record()), gzipSync(record())]))
    },
    {
      name: 'zstd with bytes behind it',
      records: compressed(zstd, Buffer.concat([zstdCompressSync(record()), Buffer.from('x')]))
    }
  ]
}

/** One message of the formats before Kafka 0.11, as `LegacyRecord` lays it out. Its checksum is left wrong. */
function messageSet(magic: 0 | 1, value: string): Buffer {
  const payload = Buffer.from(value)
  const head = Buffer.alloc(magic === 0 ? 26 : 34)
  head.writeInt32BE(head.length - 12 + 4 + payload.length - 4, 8)
  head.writeInt8(magic, 16)
  head.writeInt32BE(-1, head.length - 8)
  head.writeInt32BE(payload.length, head.length - 4)
  const bytes = Buffer.concat([head, payload])
  bytes.writeInt32BE(bytes.length - 12, 8)
  return bytes
}
