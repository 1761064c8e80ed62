/**
 * Record batches v2, everything a user of this folder needs. A produced batch is judged like this:
 *
 *     const header = readProducedBatch(records)
 *     if (!crcMatches(records, header)) ...
 *     table.read(inflate(header.codec, recordsSection(records, header), ceilingBytes), header)
 */
export { codecs, deflate, inflate } from '../compression/codec.ts'
export type { Codec } from '../compression/codec.ts'
export { crcMatches, readBatchHeader, readBatches, readProducedBatch, recordsSection } from './batch-header.ts'
export type { BatchHeader, TimestampType } from './batch-header.ts'
export { buildBatch } from './build-batch.ts'
export type { BatchContents, NewRecord, RecordHeader } from './build-batch.ts'
export { MalformedBatchError, malformedBatchReasons } from './malformed-batch-error.ts'
export type { MalformedBatchReason } from './malformed-batch-error.ts'
export { readRecords, recordsOfBatch } from './read-records.ts'
export type { ReadLimits, ReadRecord, ReadRecordHeader } from './read-records.ts'
export { rebuildBatch } from './rebuild-batch.ts'
export type { BatchChanges } from './rebuild-batch.ts'
export { renumberBatch, renumberOwnBatch } from './renumber-batch.ts'
export { RecordTable } from './record-table.ts'
