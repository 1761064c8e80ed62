/**
 * CreatePartitions (37).
 *
 * Behaviour
 * - A topic only grows. An explicit assignment must name this broker for every new partition.
 *
 * Version notes
 * - 2: flexible.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { createPartitionsRequest, createPartitionsResponse } from '../../../protocol/messages/create-partitions.ts'
import { defineHandler } from '../handler.ts'

export const createPartitions = defineHandler({
  key: apiKeys.createPartitions,
  versions: [0, 3],
  request: createPartitionsRequest,
  response: createPartitionsResponse,
  handle(broker, { topics, validateOnly }) {
    return {
      results: topics.map(({ name, count, assignments }) => {
        const isElsewhere = assignments?.some((a) => a.brokerIds.length !== 1 || a.brokerIds[0] !== broker.nodeId)
        const refusal =
          isElsewhere === true
            ? { errorCode: errorCodes.INVALID_REPLICA_ASSIGNMENT, message: `there is only broker ${broker.nodeId}` }
            : broker.topics.grow(name, count, validateOnly)
        return { name, errorCode: refusal?.errorCode ?? errorCodes.NONE, errorMessage: refusal?.message ?? null }
      })
    }
  }
})
