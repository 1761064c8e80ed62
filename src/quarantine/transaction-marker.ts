/** The record by which a coordinator ends a transaction in a partition (ControlRecordType, KIP-98). */
import { inflate, recordsSection, RecordTable } from '../../protocol/records/batch.ts'
import type { BatchHeader } from '../../protocol/records/batch.ts'

const abortType = 0
const commitType = 1

/** Of one control batch. Null when it is another kind of control record, or was emptied by compaction. */
export function transactionMarker(bytes: Buffer, header: BatchHeader): 'commit' | 'abort' | null {
  if (!header.control || header.recordCount === 0) return null
  const section = recordsSection(bytes, header)
  const table = new RecordTable()
  table.read(inflate(header.codec, section, 64 * 1024), header, 'sparse')
  if (table.count === 0 || table.keyLength(0) < 4) return null
  // Key: version, then type, both int16.
  switch (table.bytes.readInt16BE(table.keyStart(0) + 2)) {
    case commitType:
      return 'commit'
    case abortType:
      return 'abort'
    default:
      return null
  }
}
