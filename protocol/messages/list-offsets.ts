/**
 * ListOffsets (key 2): the offset of the first record at or after a time, or one of the special positions.
 *
 * Timestamps below zero are questions: -1 the end, -2 the beginning, -3 the record with the largest timestamp (from
 * version 7), -4 and -5 about tiered storage (8 and 9), -6 the earliest pending upload (11).
 */
import { array, int16, int32, int64, int8, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const listOffsetsRequest = message({
  name: 'ListOffsetsRequest',
  type: 'request',
  apiKey: 2,
  versions: [0, 11],
  flexible: 6,
  fields: {
    /** Node id of a follower, -1 for a client. */
    replicaId: int32(),
    /** With 1, the end is the last stable offset instead of the high watermark. */
    isolationLevel: int8('2+'),
    /** What is asked. */
    topics: array({
      /** Topic name. */
      name: string(),
      /** Partitions asked about. */
      partitions: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** Leader epoch the client knows, -1 to skip the check. */
        currentLeaderEpoch: int32('4+', { default: -1, ignorable: true }),
        /** Epoch milliseconds, or a special position. */
        timestamp: int64(),
        /** Most offsets to return, in the version that returns several. */
        maxNumOffsets: int32('0', { default: 1 })
      })
    }),
    /** Milliseconds the broker may take to ask tiered storage. */
    timeoutMs: int32('10+', { ignorable: true })
  }
})

export const listOffsetsResponse = message({
  name: 'ListOffsetsResponse',
  type: 'response',
  apiKey: 2,
  versions: [0, 11],
  flexible: 6,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('2+', { ignorable: true }),
    /** The answers. */
    topics: array({
      /** Topic name. */
      name: string(),
      /** Partitions asked about. */
      partitions: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** 0 when there is an answer. */
        errorCode: int16(),
        /** Offsets of segments, newest first. */
        oldStyleOffsets: array('int64', '0'),
        /** Epoch milliseconds of the record found, -1 where that makes no sense. */
        timestamp: int64('1+', { default: -1n }),
        /** The offset found, -1 when there is none. */
        offset: int64('1+', { default: -1n }),
        /** Leader epoch of the record found, -1 when unknown. */
        leaderEpoch: int32('4+', { default: -1 })
      })
    })
  }
})

export type ListOffsetsRequest = Decoded<typeof listOffsetsRequest>
export type ListOffsetsRequestInput = Input<typeof listOffsetsRequest>
export type ListOffsetsResponse = Decoded<typeof listOffsetsResponse>
export type ListOffsetsResponseInput = Input<typeof listOffsetsResponse>
