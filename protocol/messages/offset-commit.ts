/**
 * OffsetCommit (key 8): stores how far a group has read.
 *
 * Version 2 fixed the group membership fields, 9 serves the consumer protocol of KIP-848, 10 names topics by id.
 */
import { array, int16, int32, int64, string, uuid } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const offsetCommitRequest = message({
  name: 'OffsetCommitRequest',
  type: 'request',
  apiKey: 8,
  versions: [0, 10],
  flexible: 8,
  fields: {
    /** Group id. */
    groupId: string(),
    /** Generation of a classic group, member epoch of a KIP-848 group, -1 outside of both. */
    generationIdOrMemberEpoch: int32('1+', { default: -1, ignorable: true }),
    /** Id of the member that commits. */
    memberId: string('1+', { ignorable: true }),
    /** Name of a static member (KIP-345), null for others. */
    groupInstanceId: string('7+', { nullable: '7+', default: null }),
    /** Milliseconds to keep the offsets, -1 for the broker's setting. */
    retentionTimeMs: int64('2-4', { default: -1n, ignorable: true }),
    /** Topics with offsets. */
    topics: array({
      /** Topic name. */
      name: string('0-9', { ignorable: true }),
      /** Topic id. */
      topicId: uuid('10+', { ignorable: true }),
      /** Partitions with offsets. */
      partitions: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** Offset of the next record to read. */
        committedOffset: int64(),
        /** Leader epoch of the last record read, -1 when unknown. */
        committedLeaderEpoch: int32('6+', { default: -1, ignorable: true }),
        /** Epoch milliseconds of the commit, -1 for now. */
        commitTimestamp: int64('1', { default: -1n }),
        /** Text the group keeps with the offset. */
        committedMetadata: string('0+', { nullable: '0+' })
      })
    })
  }
})

export const offsetCommitResponse = message({
  name: 'OffsetCommitResponse',
  type: 'response',
  apiKey: 8,
  versions: [0, 10],
  flexible: 8,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('3+', { ignorable: true }),
    /** Outcome per topic. */
    topics: array({
      /** Topic name. */
      name: string('0-9', { ignorable: true }),
      /** Topic id. */
      topicId: uuid('10+', { ignorable: true }),
      /** Outcome per partition. */
      partitions: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** 0 when the offset is stored. */
        errorCode: int16()
      })
    })
  }
})

export type OffsetCommitRequest = Decoded<typeof offsetCommitRequest>
export type OffsetCommitRequestInput = Input<typeof offsetCommitRequest>
export type OffsetCommitResponse = Decoded<typeof offsetCommitResponse>
export type OffsetCommitResponseInput = Input<typeof offsetCommitResponse>
