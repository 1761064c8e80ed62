/** DescribeProducers (key 61): the producers a partition's leader remembers, with their last sequence (KIP-664). */
import { array, int16, int32, int64, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const describeProducersRequest = message({
  name: 'DescribeProducersRequest',
  type: 'request',
  apiKey: 61,
  versions: [0, 0],
  flexible: 0,
  fields: {
    /** What is asked. */
    topics: array({
      /** Topic name. */
      name: string(),
      /** Partition numbers. */
      partitionIndexes: array('int32')
    })
  }
})

export const describeProducersResponse = message({
  name: 'DescribeProducersResponse',
  type: 'response',
  apiKey: 61,
  versions: [0, 0],
  flexible: 0,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** The answers. */
    topics: array({
      /** Topic name. */
      name: string(),
      /** Partitions asked about. */
      partitions: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** 0 when the answer counts. */
        errorCode: int16(),
        /** More about the error. */
        errorMessage: string('0+', { nullable: '0+', default: null }),
        /** Producers that have not expired. */
        activeProducers: array({
          /** Producer id. */
          producerId: int64(),
          /** Its epoch. */
          producerEpoch: int32(),
          /** Sequence of the last record appended, -1 when there is none. */
          lastSequence: int32('0+', { default: -1 }),
          /** Epoch milliseconds of the last record appended, -1 when there is none. */
          lastTimestamp: int64('0+', { default: -1n }),
          /** Epoch of the transaction coordinator that wrote the last marker. */
          coordinatorEpoch: int32(),
          /** Offset at which its open transaction begins, -1 when none is open. */
          currentTxnStartOffset: int64('0+', { default: -1n })
        })
      })
    })
  }
})

export type DescribeProducersRequest = Decoded<typeof describeProducersRequest>
export type DescribeProducersRequestInput = Input<typeof describeProducersRequest>
export type DescribeProducersResponse = Decoded<typeof describeProducersResponse>
export type DescribeProducersResponseInput = Input<typeof describeProducersResponse>
