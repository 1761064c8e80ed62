/**
 * InitProducerId (22).
 *
 * Behaviour
 * - Every request without a transactional id gets a new producer id with epoch 0, whatever id it names (as Kafka).
 * - With a transactional id: TRANSACTIONAL_ID_AUTHORIZATION_FAILED, there are no transactions.
 *
 * Version notes
 * - 2: flexible. 3: the id and epoch the producer has (KIP-360). 6 (two-phase commit) is not offered.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { initProducerIdRequest, initProducerIdResponse } from '../../../protocol/messages/init-producer-id.ts'
import { defineHandler } from '../handler.ts'

export const initProducerId = defineHandler({
  key: apiKeys.initProducerId,
  versions: [0, 5],
  request: initProducerIdRequest,
  response: initProducerIdResponse,
  handle(broker, { transactionalId }) {
    if (transactionalId !== null) {
      return { errorCode: errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, producerId: -1n, producerEpoch: -1 }
    }
    return { errorCode: errorCodes.NONE, producerId: broker.takeProducerId(), producerEpoch: 0 }
  }
})
