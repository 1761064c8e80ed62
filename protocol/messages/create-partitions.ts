/** CreatePartitions (key 37): gives topics more partitions. */
import { array, bool, int16, int32, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const createPartitionsRequest = message({
  name: 'CreatePartitionsRequest',
  type: 'request',
  apiKey: 37,
  versions: [0, 3],
  flexible: 2,
  fields: {
    /** Topics to enlarge. */
    topics: array({
      /** Topic name. */
      name: string(),
      /** Number of partitions it shall have then. */
      count: int32(),
      /** Brokers of each new partition, null to leave it to the cluster. */
      assignments: array(
        {
          /** Node ids of the replicas, the preferred leader first. */
          brokerIds: array('int32')
        },
        '0+',
        { nullable: '0+' }
      )
    }),
    /** Milliseconds to wait until the partitions are there. */
    timeoutMs: int32(),
    /** Whether to check only. */
    validateOnly: bool()
  }
})

export const createPartitionsResponse = message({
  name: 'CreatePartitionsResponse',
  type: 'response',
  apiKey: 37,
  versions: [0, 3],
  flexible: 2,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** Outcome per topic. */
    results: array({
      /** Topic name. */
      name: string(),
      /** 0 when it has the partitions. */
      errorCode: int16(),
      /** Why it has not. */
      errorMessage: string('0+', { nullable: '0+', default: null })
    })
  }
})

export type CreatePartitionsRequest = Decoded<typeof createPartitionsRequest>
export type CreatePartitionsRequestInput = Input<typeof createPartitionsRequest>
export type CreatePartitionsResponse = Decoded<typeof createPartitionsResponse>
export type CreatePartitionsResponseInput = Input<typeof createPartitionsResponse>
