/**
 * TxnOffsetCommit (key 28): stores how far a group has read, valid once the transaction commits.
 *
 * From version 3 on it carries the group membership, so that a zombie is fenced (KIP-447). Version 6 of Kafka 4.4 is
 * relayed but not declared.
 */
import { array, int16, int32, int64, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const txnOffsetCommitRequest = message({
  name: 'TxnOffsetCommitRequest',
  type: 'request',
  apiKey: 28,
  versions: [0, 5],
  flexible: 3,
  fields: {
    /** Transactional id. */
    transactionalId: string(),
    /** Group id. */
    groupId: string(),
    /** Producer id of the transaction. */
    producerId: int64(),
    /** Its epoch. */
    producerEpoch: int16(),
    /** Generation the consumer is in, -1 for none. */
    generationId: int32('3+', { default: -1 }),
    /** Id of the consumer in the group. */
    memberId: string('3+', { default: '' }),
    /** Name of a static member (KIP-345), null for others. */
    groupInstanceId: string('3+', { nullable: '3+', default: null }),
    /** Topics with offsets. */
    topics: array({
      /** Topic name. */
      name: string(),
      /** Partitions with offsets. */
      partitions: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** Offset of the next record to read. */
        committedOffset: int64(),
        /** Leader epoch of the last record read, -1 when unknown. */
        committedLeaderEpoch: int32('2+', { default: -1, ignorable: true }),
        /** Text the group keeps with the offset. */
        committedMetadata: string('0+', { nullable: '0+' })
      })
    })
  }
})

export const txnOffsetCommitResponse = message({
  name: 'TxnOffsetCommitResponse',
  type: 'response',
  apiKey: 28,
  versions: [0, 5],
  flexible: 3,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** Outcome per topic. */
    topics: array({
      /** Topic name. */
      name: string(),
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

export type TxnOffsetCommitRequest = Decoded<typeof txnOffsetCommitRequest>
export type TxnOffsetCommitRequestInput = Input<typeof txnOffsetCommitRequest>
export type TxnOffsetCommitResponse = Decoded<typeof txnOffsetCommitResponse>
export type TxnOffsetCommitResponseInput = Input<typeof txnOffsetCommitResponse>
