/**
 * DescribeProducers (61).
 *
 * Behaviour
 * - The idempotent producers the partition remembers, with the last sequence and time of each. No transactions: the
 *   coordinator epoch and the start of the current transaction are -1.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { describeProducersRequest, describeProducersResponse } from '../../../protocol/messages/describe-producers.ts'
import { defineHandler } from '../handler.ts'

export const describeProducers = defineHandler({
  key: apiKeys.describeProducers,
  versions: [0, 0],
  request: describeProducersRequest,
  response: describeProducersResponse,
  handle(broker, { topics }) {
    const nowMs = broker.clock.nowMs()
    return {
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => {
          const log = broker.topics.log(name, partitionIndex)
          if (log === null) return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }
          return {
            partitionIndex,
            errorCode: errorCodes.NONE,
            activeProducers: log.producers.active(nowMs).map((p) => ({
              producerId: p.producerId,
              producerEpoch: p.producerEpoch,
              lastSequence: p.lastSequence,
              lastTimestamp: BigInt(p.lastTimestampMs),
              coordinatorEpoch: -1,
              currentTxnStartOffset: -1n
            }))
          }
        })
      }))
    }
  }
})
