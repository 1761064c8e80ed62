/**
 * OffsetFetch (key 9): how far a group has read.
 *
 * Version 8 asks for several groups at once in fields of its own, 9 serves KIP-848, 10 names topics by id.
 */
import { array, bool, int16, int32, int64, string, uuid } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const offsetFetchRequest = message({
  name: 'OffsetFetchRequest',
  type: 'request',
  apiKey: 9,
  versions: [0, 10],
  flexible: 6,
  fields: {
    /** Group id. */
    groupId: string('0-7'),
    /** Topics asked about, null for all. */
    topics: array(
      {
        /** Topic name. */
        name: string('0-7'),
        /** Partition numbers. */
        partitionIndexes: array('int32', '0-7')
      },
      '0-7',
      { nullable: '2-7' }
    ),
    /** Groups asked about. */
    groups: array(
      {
        /** Group id. */
        groupId: string('8+'),
        /** Id of the asking member, null outside of KIP-848 groups. */
        memberId: string('9+', { nullable: '9+', default: null, ignorable: true }),
        /** Its epoch, -1 outside of KIP-848 groups. */
        memberEpoch: int32('9+', { default: -1, ignorable: true }),
        /** Topics asked about, null for all. */
        topics: array(
          {
            /** Topic name. */
            name: string('8-9', { ignorable: true }),
            /** Topic id. */
            topicId: uuid('10+', { ignorable: true }),
            /** Partition numbers. */
            partitionIndexes: array('int32', '8+')
          },
          '8+',
          { nullable: '8+' }
        )
      },
      '8+'
    ),
    /** Whether offsets of unfinished transactions are an error to be tried again. */
    requireStable: bool('7+', { default: false })
  }
})

export const offsetFetchResponse = message({
  name: 'OffsetFetchResponse',
  type: 'response',
  apiKey: 9,
  versions: [0, 10],
  flexible: 6,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('3+', { ignorable: true }),
    /** Offsets of the one group asked about. */
    topics: array(
      {
        /** Topic name. */
        name: string('0-7'),
        /** Its partitions. */
        partitions: array(
          {
            /** Partition number. */
            partitionIndex: int32('0-7'),
            /** Offset of the next record to read, -1 when none is stored. */
            committedOffset: int64('0-7'),
            /** Leader epoch of the last record read, -1 when unknown. */
            committedLeaderEpoch: int32('5-7', { default: -1, ignorable: true }),
            /** Text stored with the offset. */
            metadata: string('0-7', { nullable: '0-7' }),
            /** 0 when the answer counts. */
            errorCode: int16('0-7')
          },
          '0-7'
        )
      },
      '0-7'
    ),
    /** Error of the group. */
    errorCode: int16('2-7', { default: 0, ignorable: true }),
    /** Offsets per group. */
    groups: array(
      {
        /** Group id. */
        groupId: string('8+'),
        /** Its topics. */
        topics: array(
          {
            /** Topic name. */
            name: string('8-9', { ignorable: true }),
            /** Topic id. */
            topicId: uuid('10+', { ignorable: true }),
            /** Its partitions. */
            partitions: array(
              {
                /** Partition number. */
                partitionIndex: int32('8+'),
                /** Offset of the next record to read, -1 when none is stored. */
                committedOffset: int64('8+'),
                /** Leader epoch of the last record read, -1 when unknown. */
                committedLeaderEpoch: int32('8+', { default: -1, ignorable: true }),
                /** Text stored with the offset. */
                metadata: string('8+', { nullable: '8+' }),
                /** 0 when the answer counts. */
                errorCode: int16('8+')
              },
              '8+'
            )
          },
          '8+'
        ),
        /** Error of the group. */
        errorCode: int16('8+', { default: 0 })
      },
      '8+'
    )
  }
})

export type OffsetFetchRequest = Decoded<typeof offsetFetchRequest>
export type OffsetFetchRequestInput = Input<typeof offsetFetchRequest>
export type OffsetFetchResponse = Decoded<typeof offsetFetchResponse>
export type OffsetFetchResponseInput = Input<typeof offsetFetchResponse>
