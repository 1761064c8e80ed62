/**
 * FindCoordinator (10).
 *
 * Behaviour
 * - This broker coordinates every group.
 * - There are no transactions: for a transactional id the answer is TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which clients
 *   take as final, with the reason in words. Share groups are INVALID_REQUEST.
 *
 * Version notes
 * - 1: key type and message. 4: several keys in one request (KIP-699). 6: share groups.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { findCoordinatorRequest, findCoordinatorResponse } from '../../../protocol/messages/find-coordinator.ts'
import { defineHandler } from '../handler.ts'
import type { BrokerState } from '../state.ts'

const keyTypes = { group: 0, transaction: 1 } as const
const firstVersionWithSeveral = 4

export const findCoordinator = defineHandler({
  key: apiKeys.findCoordinator,
  versions: [0, 6],
  request: findCoordinatorRequest,
  response: findCoordinatorResponse,
  handle(broker, request, { apiVersion }) {
    if (apiVersion < firstVersionWithSeveral) return find(broker, request.keyType)
    return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...find(broker, request.keyType) })) }
  }
})

function find(broker: BrokerState, keyType: number) {
  if (keyType === keyTypes.group) {
    return { errorCode: errorCodes.NONE, errorMessage: null, nodeId: broker.nodeId, ...broker.advertised }
  }
  const [errorCode, errorMessage] =
    keyType === keyTypes.transaction
      ? [errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'the embedded broker has no transactions']
      : [errorCodes.INVALID_REQUEST, `the embedded broker coordinates consumer groups only, not key type ${keyType}`]
  return { errorCode, errorMessage, nodeId: -1, host: '', port: -1 }
}
