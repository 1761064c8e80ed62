/**
 * AddPartitionsToTxn (key 24): announces the partitions a transaction writes to.
 *
 * Versions 0 to 3 come from producers; from 4 on brokers ask each other about several transactions at once.
 */
import { array, bool, int16, int32, int64, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

const requestTopic = {
  /** Topic name. */
  name: string(),
  /** Partition numbers. */
  partitions: array('int32')
}

const topicResult = {
  /** Topic name. */
  name: string(),
  /** Outcome per partition. */
  resultsByPartition: array({
    /** Partition number. */
    partitionIndex: int32(),
    /** 0 when the partition is in the transaction. */
    partitionErrorCode: int16()
  })
}

export const addPartitionsToTxnRequest = message({
  name: 'AddPartitionsToTxnRequest',
  type: 'request',
  apiKey: 24,
  versions: [0, 5],
  flexible: 3,
  fields: {
    /** The transactions. */
    transactions: array(
      {
        /** Transactional id. */
        transactionalId: string('4+'),
        /** Producer id of the transaction. */
        producerId: int64('4+'),
        /** Its epoch. */
        producerEpoch: int16('4+'),
        /** Whether to ask if the partitions are in it instead of adding them. */
        verifyOnly: bool('4+', { default: false }),
        /** The partitions. */
        topics: array(requestTopic, '4+')
      },
      '4+'
    ),
    /** Transactional id. */
    v3AndBelowTransactionalId: string('0-3'),
    /** Producer id of the transaction. */
    v3AndBelowProducerId: int64('0-3'),
    /** Its epoch. */
    v3AndBelowProducerEpoch: int16('0-3'),
    /** The partitions. */
    v3AndBelowTopics: array(requestTopic, '0-3')
  }
})

export const addPartitionsToTxnResponse = message({
  name: 'AddPartitionsToTxnResponse',
  type: 'response',
  apiKey: 24,
  versions: [0, 5],
  flexible: 3,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** Error of the whole request. */
    errorCode: int16('4+', { ignorable: true }),
    /** Outcome per transaction. */
    resultsByTransaction: array(
      {
        /** Transactional id. */
        transactionalId: string('4+'),
        /** Outcome per topic. */
        topicResults: array(topicResult, '4+')
      },
      '4+'
    ),
    /** Outcome per topic. */
    resultsByTopicV3AndBelow: array(topicResult, '0-3')
  }
})

export type AddPartitionsToTxnRequest = Decoded<typeof addPartitionsToTxnRequest>
export type AddPartitionsToTxnRequestInput = Input<typeof addPartitionsToTxnRequest>
export type AddPartitionsToTxnResponse = Decoded<typeof addPartitionsToTxnResponse>
export type AddPartitionsToTxnResponseInput = Input<typeof addPartitionsToTxnResponse>
