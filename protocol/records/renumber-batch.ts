/** Another base sequence for a batch that otherwise stays as it is, bit by bit. */
import { crc32c } from '@node-rs/crc32'
import { crcMatches, field, readBatchHeader, sealBatch } from './batch-header.ts'
import { MalformedBatchError } from './malformed-batch-error.ts'

/** The same for a batch whose checksum was made here, so that nobody's mistake is mended. */
export function renumberOwnBatch(batch: Buffer, baseSequence: number): void {
  batch.writeInt32BE(baseSequence, field.baseSequence)
  sealBatch(batch)
}

/**
 * Writes the base sequence and the checksum in place.
 *
 * @returns false, with nothing changed, when the checksum was wrong before or the header cannot be read: what a broker
 *   has to refuse must not be mended here
 */
export function renumberBatch(batch: Buffer, baseSequence: number): boolean {
  try {
    const header = readBatchHeader(batch)
    if (!crcMatches(batch, header)) return false
    batch.writeInt32BE(baseSequence, field.baseSequence)
    batch.writeUInt32BE(crc32c(batch.subarray(field.attributes, header.sizeInBytes)), field.crc)
    return true
  } catch (error) {
    if (error instanceof MalformedBatchError) return false
    throw error
  }
}
