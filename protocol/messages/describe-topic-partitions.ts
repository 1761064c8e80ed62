/** DescribeTopicPartitions (key 75): topics page by page, with eligible leader replicas (KIP-966). */
import { array, bool, int16, int32, string, struct, uuid } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const describeTopicPartitionsRequest = message({
  name: 'DescribeTopicPartitionsRequest',
  type: 'request',
  apiKey: 75,
  versions: [0, 0],
  flexible: 0,
  fields: {
    /** Topics asked about, empty for all. */
    topics: array({
      /** Topic name. */
      name: string()
    }),
    /** Most partitions of one page. */
    responsePartitionLimit: int32('0+', { default: 2000 }),
    /** Where the page begins, null for the first one. */
    cursor: struct(
      {
        /** Topic name. */
        topicName: string(),
        /** Partition number. */
        partitionIndex: int32()
      },
      '0+',
      { nullable: '0+', default: null }
    )
  }
})

export const describeTopicPartitionsResponse = message({
  name: 'DescribeTopicPartitionsResponse',
  type: 'response',
  apiKey: 75,
  versions: [0, 0],
  flexible: 0,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('0+', { ignorable: true }),
    /** The topics of the page, in order of name. */
    topics: array({
      /** 0 when the topic exists and may be seen. */
      errorCode: int16(),
      /** Topic name. */
      name: string('0+', { nullable: '0+' }),
      /** Topic id. */
      topicId: uuid('0+', { ignorable: true }),
      /** True for the topics that Kafka keeps for itself. */
      isInternal: bool('0+', { default: false, ignorable: true }),
      /** Its partitions. */
      partitions: array({
        /** 0 when the partition has a leader. */
        errorCode: int16(),
        /** Partition number. */
        partitionIndex: int32(),
        /** Node id of the leader, -1 when there is none. */
        leaderId: int32(),
        /** Epoch of that leadership, -1 when unknown. */
        leaderEpoch: int32('0+', { default: -1, ignorable: true }),
        /** Node ids of all replicas. */
        replicaNodes: array('int32'),
        /** Node ids of the replicas in sync. */
        isrNodes: array('int32'),
        /** Node ids of replicas out of sync that may lead without losing data, null when not tracked. */
        eligibleLeaderReplicas: array('int32', '0+', { nullable: '0+', default: null }),
        /** Node ids of the replicas that could lead last, null when not tracked. */
        lastKnownElr: array('int32', '0+', { nullable: '0+', default: null }),
        /** Node ids of the replicas that are down. */
        offlineReplicas: array('int32', '0+', { ignorable: true })
      }),
      /** Bit n is set when the principal may do ACL operation n with the topic; -2^31 when not told. */
      topicAuthorizedOperations: int32('0+', { default: -2147483648 })
    }),
    /** Where the next page begins, null after the last one. */
    nextCursor: struct(
      {
        /** Topic name. */
        topicName: string(),
        /** Partition number. */
        partitionIndex: int32()
      },
      '0+',
      { nullable: '0+', default: null }
    )
  }
})

export type DescribeTopicPartitionsRequest = Decoded<typeof describeTopicPartitionsRequest>
export type DescribeTopicPartitionsRequestInput = Input<typeof describeTopicPartitionsRequest>
export type DescribeTopicPartitionsResponse = Decoded<typeof describeTopicPartitionsResponse>
export type DescribeTopicPartitionsResponseInput = Input<typeof describeTopicPartitionsResponse>
