/**
 * ListOffsets (2).
 *
 * Behaviour
 * - -1 is the end of the log, -2 its start, -3 the record with the largest timestamp; any other time is the first record
 *   at or after it, offset -1 when there is none. For that the batch that may hold it is decompressed.
 *
 * Version notes
 * - 4: leader epoch. 6: flexible. 7: -3. 8: -4 is the start of the local log, here the same as -2. 9: -5 is the end of
 *   what was moved to remote storage, here nothing.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { listOffsetsRequest, listOffsetsResponse } from '../../../protocol/messages/list-offsets.ts'
import { readRecords } from '../../../protocol/records/batch.ts'
import { defineHandler } from '../handler.ts'
import { leaderEpoch, type PartitionLog } from '../log/partition-log.ts'

interface Found {
  readonly offset: number
  readonly timestampMs: number
}

const firstVersionWithEpoch = 4

const nothing: Found = { offset: -1, timestampMs: -1 }

export const listOffsets = defineHandler({
  key: apiKeys.listOffsets,
  versions: [1, 10],
  request: listOffsetsRequest,
  response: listOffsetsResponse,
  handle(broker, request, { apiVersion }) {
    const epochIfFound = apiVersion < firstVersionWithEpoch ? -1 : leaderEpoch
    return {
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp }) => {
          const log = broker.topics.log(name, partitionIndex)
          if (log === null) {
            return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, timestamp: -1n, offset: -1n }
          }
          const found = find(log, Number(timestamp))
          return {
            partitionIndex,
            errorCode: errorCodes.NONE,
            timestamp: BigInt(found.timestampMs),
            offset: BigInt(found.offset),
            leaderEpoch: found.offset < 0 ? -1 : epochIfFound
          }
        })
      }))
    }
  }
})

function find(log: PartitionLog, wanted: number): Found {
  switch (wanted) {
    case -1:
      return { offset: log.endOffset, timestampMs: -1 }
    case -2:
    case -4:
      return { offset: log.startOffset, timestampMs: -1 }
    case -3:
      return latest(log)
    case -5:
      return nothing
    default:
      return firstFrom(log, wanted)
  }
}

function firstFrom(log: PartitionLog, timestampMs: number): Found {
  const batch = log.batches.find((b) => b.maxTimestampMs >= timestampMs)
  const record = batch && readRecords(batch.bytes).find((r) => r.timestamp >= timestampMs)
  return record === undefined ? nothing : { offset: Number(record.offset), timestampMs: record.timestamp }
}

function latest(log: PartitionLog): Found {
  const maxTimestampMs = log.batches.reduce((max, b) => Math.max(max, b.maxTimestampMs), -1)
  return maxTimestampMs < 0 ? nothing : firstFrom(log, maxTimestampMs)
}
