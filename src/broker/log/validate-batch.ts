/**
 * Whether a produced batch may be appended, in the order in which Kafka looks (ProduceRequest.validateRecords,
 * UnifiedLog.analyzeAndValidateRecords, LogValidator). One difference: a damaged batch is refused as INVALID_RECORD
 * whether it is compressed or not, where Kafka has several codes, and never stored with wrong offset deltas.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import {
  crcMatches,
  inflate,
  MalformedBatchError,
  readProducedBatch,
  recordsSection,
  RecordTable,
  type BatchHeader
} from '../../../protocol/records/batch.ts'
import * as limits from '../limits.ts'

/** First Produce version that may carry zstd (KIP-110). */
const zstdFrom = 7

/** The settings of a topic that matter here. */
export interface BatchRules {
  readonly maxMessageBytes: number
  readonly needsKeys: boolean
  /** How far a record's timestamp may lie behind and ahead of the broker's clock. */
  readonly timestampBeforeMs: number
  readonly timestampAfterMs: number
}

export interface RejectedRecord {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string
}

export type BatchCheck =
  | { readonly kind: 'valid'; readonly header: BatchHeader; readonly maxTimestampMs: number }
  | {
      readonly kind: 'invalid'
      readonly errorCode: number
      readonly message: string
      /** In ascending order of index; empty when the batch as a whole is at fault. */
      readonly recordErrors: readonly RejectedRecord[]
    }

export function validateBatch(
  records: Buffer | null,
  rules: BatchRules,
  produceVersion: number,
  nowMs: number
): BatchCheck {
  if (records === null || records.length === 0) return invalid('INVALID_RECORD', 'a partition needs a batch')
  try {
    const header = readProducedBatch(records)
    if (header.codec === 'zstd' && produceVersion < zstdFrom) {
      return invalid('UNSUPPORTED_COMPRESSION_TYPE', `zstd needs Produce version ${zstdFrom}`)
    }
    if (header.baseOffset !== 0n) return invalid('INVALID_RECORD', 'the base offset of a produced batch is 0')
    if (header.sizeInBytes > rules.maxMessageBytes) {
      return invalid(
        'MESSAGE_TOO_LARGE',
        `the batch has ${header.sizeInBytes} bytes of at most ${rules.maxMessageBytes}`
      )
    }
    if (!crcMatches(records, header)) return invalid('CORRUPT_MESSAGE', 'the checksum does not match')
    if (header.timestampType !== 'CreateTime') {
      return invalid('INVALID_TIMESTAMP', 'only a broker may write log append times')
    }
    return validateRecords(records, header, rules, nowMs)
  } catch (error) {
    if (!(error instanceof MalformedBatchError)) throw error
    return invalid('INVALID_RECORD', error.message)
  }
}

function validateRecords(records: Buffer, header: BatchHeader, rules: BatchRules, nowMs: number): BatchCheck {
  const table = new RecordTable()
  table.read(inflate(header.codec, recordsSection(records, header), limits.maxInflatedBytes), header)
  const withoutKey: RejectedRecord[] = []
  const outOfTime: RejectedRecord[] = []
  for (let index = 0; index < table.count; index++) {
    if (rules.needsKeys && table.keyLength(index) < 0) {
      withoutKey.push({ batchIndex: index, batchIndexErrorMessage: 'a record of a compacted topic needs a key' })
      continue
    }
    const timestampMs = table.timestampMs(index)
    const isTooOld = timestampMs !== -1 && nowMs - timestampMs > rules.timestampBeforeMs
    if (isTooOld || timestampMs - nowMs > rules.timestampAfterMs) {
      outOfTime.push({
        batchIndex: index,
        batchIndexErrorMessage: `its timestamp ${timestampMs} is out of the topic's range`
      })
    }
  }
  if (withoutKey.length > 0) return invalid('INVALID_RECORD', `${withoutKey.length} records were refused`, withoutKey)
  if (outOfTime.length > 0) return invalid('INVALID_TIMESTAMP', `${outOfTime.length} records were refused`, outOfTime)
  return { kind: 'valid', header, maxTimestampMs: table.maxTimestampMs }
}

function invalid(
  name: keyof typeof errorCodes,
  message: string,
  recordErrors: readonly RejectedRecord[] = []
): BatchCheck {
  return { kind: 'invalid', errorCode: errorCodes[name], message, recordErrors }
}
