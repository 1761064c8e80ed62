/**
 * Produce (key 0): appends one record batch to each of some partitions.
 *
 * Version 3 is the first with record batches v2, 7 with zstd, 8 with errors per record (KIP-467), 10 with the new
 * leader's address (KIP-951), 12 adds partitions to the transaction implicitly (KIP-890). Kafka 4 refuses 0 to 2 but
 * still advertises them, because librdkafka up to 2.11.0 switches compression off otherwise (KAFKA-18659).
 */
import { array, int16, int32, int64, records, string, struct } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const produceRequest = message({
  name: 'ProduceRequest',
  type: 'request',
  apiKey: 0,
  versions: [0, 12],
  flexible: 9,
  fields: {
    /** The transaction the batches belong to, null outside of one. */
    transactionalId: string('3+', { nullable: '3+', default: null }),
    /** 0: no answer at all; 1: when the leader has it; -1: when all in-sync replicas have it. */
    acks: int16(),
    /** Milliseconds the broker may wait for the replicas. */
    timeoutMs: int32(),
    /** Topics to append to. */
    topicData: array({
      /** Topic name. */
      name: string(),
      /** Partitions to append to. */
      partitionData: array({
        /** Partition number. */
        index: int32(),
        /** Exactly one record batch from version 3 on, message sets before. */
        records: records('0+', { nullable: '0+' })
      })
    })
  }
})

export const produceResponse = message({
  name: 'ProduceResponse',
  type: 'response',
  apiKey: 0,
  versions: [0, 12],
  flexible: 9,
  fields: {
    /** Outcome per topic. */
    responses: array({
      /** Topic name. */
      name: string(),
      /** Outcome per partition. */
      partitionResponses: array({
        /** Partition number. */
        index: int32(),
        /** 0 when the batch was appended. */
        errorCode: int16(),
        /** Offset of the first record, -1 on error. */
        baseOffset: int64(),
        /** Epoch milliseconds of the append where the topic uses LogAppendTime, else -1. */
        logAppendTimeMs: int64('2+', { default: -1n, ignorable: true }),
        /** First offset the partition still holds, -1 on error. */
        logStartOffset: int64('5+', { default: -1n, ignorable: true }),
        /** Records to blame for the error, in ascending order of index; must be empty when there is no error. */
        recordErrors: array(
          {
            /** Position in the client's batch, from 0. */
            batchIndex: int32('8+'),
            /** What is wrong with that record. */
            batchIndexErrorMessage: string('8+', { nullable: '8+', default: null })
          },
          '8+',
          { ignorable: true }
        ),
        /** What the record errors have in common. */
        errorMessage: string('8+', { nullable: '8+', default: null, ignorable: true }),
        /** Who leads the partition now, sent with NOT_LEADER_OR_FOLLOWER. */
        currentLeader: struct(
          {
            /** Node id of the leader, -1 when unknown. */
            leaderId: int32('10+', { default: -1 }),
            /** Epoch of that leadership, -1 when unknown. */
            leaderEpoch: int32('10+', { default: -1 })
          },
          '10+',
          { tag: 0 }
        )
      })
    }),
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('1+', { default: 0, ignorable: true }),
    /** Addresses of the current leaders named above; a client connects to them without asking Metadata. */
    nodeEndpoints: array(
      {
        /** Node id. */
        nodeId: int32('10+'),
        /** Host name to connect to. */
        host: string('10+'),
        /** Port to connect to. */
        port: int32('10+'),
        /** Rack of the node, null when it has none. */
        rack: string('10+', { nullable: '10+', default: null })
      },
      '10+',
      { tag: 0 }
    )
  }
})

export type ProduceRequest = Decoded<typeof produceRequest>
export type ProduceRequestInput = Input<typeof produceRequest>
export type ProduceResponse = Decoded<typeof produceResponse>
export type ProduceResponseInput = Input<typeof produceResponse>
