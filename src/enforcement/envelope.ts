/**
 * Opens the record batch of one partition: header, checksum, inflated records, their table. What a broker would refuse
 * is told apart from what it would take, because a batch that is not understood here must not pass unjudged.
 */
import {
  MalformedBatchError,
  crcMatches,
  inflate,
  readBatchHeader,
  readProducedBatch,
  recordsSection
} from '../../protocol/records/batch.ts'
import type { BatchHeader, RecordTable } from '../../protocol/records/batch.ts'

export type Envelope =
  | { readonly kind: 'open'; readonly header: BatchHeader }
  /** The checksum is wrong: the bytes are not what the producer wrote. */
  | { readonly kind: 'corrupt'; readonly header: BatchHeader }
  /** `header` is null when not even that could be read. */
  | { readonly kind: 'malformed'; readonly header: BatchHeader | null; readonly message: string }

/** Fills `table` when the answer is `open`. `ceilingBytes` bounds the inflated records. */
export function openEnvelope(records: Buffer | null, table: RecordTable, ceilingBytes: number): Envelope {
  if (records === null || records.length === 0) {
    return { kind: 'malformed', header: null, message: 'the partition carries no record batch' }
  }
  let header: BatchHeader | null = null
  try {
    header = readBatchHeader(records)
    if (!crcMatches(records, header)) return { kind: 'corrupt', header }
    readProducedBatch(records)
    table.read(inflate(header.codec, recordsSection(records, header), ceilingBytes), header)
    return { kind: 'open', header }
  } catch (error) {
    if (!(error instanceof MalformedBatchError)) throw error
    return { kind: 'malformed', header, message: error.message }
  }
}
