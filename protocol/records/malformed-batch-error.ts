/**
 * What can be wrong with a record batch: one closed table of reasons. Callers decide by reason, people read messages.
 */

/** Every reason with the sentence a person gets when nothing more exact is known. */
export const malformedBatchReasons = {
  truncated: 'the bytes end before the batch does',
  'batch-length': 'the batch length field cannot be right',
  'unsupported-magic': 'the batch is not in message format v2 (magic 2)',
  'several-batches': 'a partition of a Produce request must hold exactly one batch',
  'control-batch': 'clients may not write control batches',
  'unknown-codec': 'the compression type of the batch is not one of none, gzip, snappy, lz4, zstd',
  'crc-mismatch': 'the CRC-32C of the batch does not match its bytes',
  'record-count': 'the record count does not fit the batch',
  'base-sequence': 'a batch with a producer id needs a base sequence of 0 or more',
  'offset-delta': 'the offset deltas of the records are not 0, 1, 2 and so on',
  'record-bounds': 'a length inside a record does not fit the record',
  varint: 'a variable-length integer is too long',
  timestamp: 'a timestamp is outside the range of ±(2^53 - 1) ms',
  'trailing-bytes': 'bytes are left over after the end',
  'undecodable-compression': 'the compressed records cannot be decompressed',
  'inflated-too-large': 'the decompressed records exceed the limit'
} as const

export type MalformedBatchReason = keyof typeof malformedBatchReasons

/** A batch that must not be forwarded as it is. The message never contains record contents. */
export class MalformedBatchError extends Error {
  readonly reason: MalformedBatchReason
  /** Index in the batch of the record at fault; null when the fault is the batch's. */
  readonly recordIndex: number | null

  constructor(reason: MalformedBatchReason, detail?: string, recordIndex: number | null = null, cause?: unknown) {
    const message = detail ?? malformedBatchReasons[reason]
    super(
      recordIndex === null ? message : `record ${recordIndex}: ${message}`,
      cause === undefined ? undefined : { cause }
    )
    this.name = 'MalformedBatchError'
    this.reason = reason
    this.recordIndex = recordIndex
  }
}
