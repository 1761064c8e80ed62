/** CreateTopics (key 19): creates topics. From version 5 on the answer describes what was created (KIP-525). */
import { array, bool, int16, int32, int8, string, uuid } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const createTopicsRequest = message({
  name: 'CreateTopicsRequest',
  type: 'request',
  apiKey: 19,
  versions: [0, 7],
  flexible: 5,
  fields: {
    /** Topics to create. */
    topics: array({
      /** Topic name. */
      name: string(),
      /** Number of partitions; -1 with an assignment or, from version 4 on, for the broker's default. */
      numPartitions: int32(),
      /** Replicas of each partition; -1 with an assignment or, from version 4 on, for the broker's default. */
      replicationFactor: int16(),
      /** Which broker gets which partition; empty leaves it to the cluster. */
      assignments: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** Node ids of the replicas, the preferred leader first. */
        brokerIds: array('int32')
      }),
      /** Settings of the topic that differ from the broker's. */
      configs: array({
        /** Name of the setting. */
        name: string(),
        /** Its value. */
        value: string('0+', { nullable: '0+' })
      })
    }),
    /** Milliseconds to wait until the topics are there. */
    timeoutMs: int32('0+', { default: 60000 }),
    /** Whether to check only. */
    validateOnly: bool('1+', { default: false })
  }
})

export const createTopicsResponse = message({
  name: 'CreateTopicsResponse',
  type: 'response',
  apiKey: 19,
  versions: [0, 7],
  flexible: 5,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('2+', { ignorable: true }),
    /** Outcome per topic. */
    topics: array({
      /** Topic name. */
      name: string(),
      /** Id of the new topic. */
      topicId: uuid('7+', { ignorable: true }),
      /** 0 when the topic was created. */
      errorCode: int16(),
      /** Why it was not. */
      errorMessage: string('1+', { nullable: '0+', ignorable: true }),
      /** Why the settings are not told. */
      topicConfigErrorCode: int16('5+', { ignorable: true, tag: 0 }),
      /** Number of partitions, -1 when it may not be told. */
      numPartitions: int32('5+', { default: -1, ignorable: true }),
      /** Replicas of each partition, -1 when it may not be told. */
      replicationFactor: int16('5+', { default: -1, ignorable: true }),
      /** Settings of the topic, null when they may not be told. */
      configs: array(
        {
          /** Name of the setting. */
          name: string('5+'),
          /** Its value, null where it is secret. */
          value: string('5+', { nullable: '5+' }),
          /** Whether it cannot be changed. */
          readOnly: bool('5+'),
          /** Where the value comes from, as in DescribeConfigs; -1 when unknown. */
          configSource: int8('5+', { default: -1, ignorable: true }),
          /** Whether it is secret. */
          isSensitive: bool('5+')
        },
        '5+',
        { nullable: '5+', ignorable: true }
      )
    })
  }
})

export type CreateTopicsRequest = Decoded<typeof createTopicsRequest>
export type CreateTopicsRequestInput = Input<typeof createTopicsRequest>
export type CreateTopicsResponse = Decoded<typeof createTopicsResponse>
export type CreateTopicsResponseInput = Input<typeof createTopicsResponse>
