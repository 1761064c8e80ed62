/**
 * Heartbeat (12).
 *
 * Behaviour
 * - REBALANCE_IN_PROGRESS tells the member to join again; it counts as heard all the same.
 *
 * Version notes
 * - 3: group instance id, ignored. 4: flexible.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { heartbeatRequest, heartbeatResponse } from '../../../protocol/messages/heartbeat.ts'
import { defineHandler } from '../handler.ts'

export const heartbeat = defineHandler({
  key: apiKeys.heartbeat,
  versions: [0, 4],
  request: heartbeatRequest,
  response: heartbeatResponse,
  handle(broker, { groupId, memberId, generationId }) {
    const group = broker.groups.get(groupId)
    return { errorCode: group?.heartbeat(memberId, generationId) ?? errorCodes.UNKNOWN_MEMBER_ID }
  }
})
