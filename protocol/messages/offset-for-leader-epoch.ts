/** OffsetForLeaderEpoch (key 23): where a leader epoch ends, to find out whether a log was truncated (KIP-320). */
import { array, int16, int32, int64, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const offsetForLeaderEpochRequest = message({
  name: 'OffsetForLeaderEpochRequest',
  type: 'request',
  apiKey: 23,
  versions: [0, 4],
  flexible: 4,
  fields: {
    /** Node id of a follower, -1 for a consumer. */
    replicaId: int32('3+', { default: -2, ignorable: true }),
    /** What is asked. */
    topics: array({
      /** Topic name. */
      topic: string(),
      /** Partitions asked about. */
      partitions: array({
        /** Partition number. */
        partition: int32(),
        /** Leader epoch the client knows, -1 to skip the check. */
        currentLeaderEpoch: int32('2+', { default: -1, ignorable: true }),
        /** Epoch whose end is wanted. */
        leaderEpoch: int32()
      })
    })
  }
})

export const offsetForLeaderEpochResponse = message({
  name: 'OffsetForLeaderEpochResponse',
  type: 'response',
  apiKey: 23,
  versions: [0, 4],
  flexible: 4,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('2+', { ignorable: true }),
    /** The answers. */
    topics: array({
      /** Topic name. */
      topic: string(),
      /** Partitions asked about. */
      partitions: array({
        /** 0 when the answer counts. */
        errorCode: int16(),
        /** Partition number. */
        partition: int32(),
        /** Largest epoch not above the one asked for, -1 when there is none. */
        leaderEpoch: int32('1+', { default: -1, ignorable: true }),
        /** Offset at which that epoch ends. */
        endOffset: int64('0+', { default: -1n })
      })
    })
  }
})

export type OffsetForLeaderEpochRequest = Decoded<typeof offsetForLeaderEpochRequest>
export type OffsetForLeaderEpochRequestInput = Input<typeof offsetForLeaderEpochRequest>
export type OffsetForLeaderEpochResponse = Decoded<typeof offsetForLeaderEpochResponse>
export type OffsetForLeaderEpochResponseInput = Input<typeof offsetForLeaderEpochResponse>
