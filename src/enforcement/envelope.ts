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

export interface EnvelopeLimits {
  /** Ceiling for the inflated records. */
  readonly inflatedBytes: number
  readonly records: number
}

/** Fills `table` when the answer is `open`. */
export function openEnvelope(records: Buffer | null, table: RecordTable, limits: EnvelopeLimits): Envelope {
  if (records === null || records.length === 0) {
    return { kind: 'malformed', header: null, message: 'the partition carries no record batch' }
  }
  let header: BatchHeader | null = null
  try {
    header = readBatchHeader(records)
    if (!crcMatches(records, header)) return { kind: 'corrupt', header }
    readProducedBatch(records)
    if (header.recordCount > limits.records) {
      const message = `a batch of ${header.recordCount} records; limits.recordsPerBatch allows ${limits.records}`
      return { kind: 'malformed', header, message }
    }
    table.read(inflate(header.codec, recordsSection(records, header), limits.inflatedBytes), header)
    return { kind: 'open', header }
  } catch (error) {
    if (!(error instanceof MalformedBatchError)) throw error
    return { kind: 'malformed', header, message: error.message }
  }
}
