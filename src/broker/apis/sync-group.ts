/**
 * SyncGroup (14).
 *
 * Behaviour
 * - Answered when the leader of the generation has brought the assignments; at once when it already has.
 *
 * Version notes
 * - 3: group instance id, ignored. 5: protocol type and name, which must be the group's.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { syncGroupRequest, syncGroupResponse } from '../../../protocol/messages/sync-group.ts'
import { defineHandler } from '../handler.ts'

export const syncGroup = defineHandler({
  key: apiKeys.syncGroup,
  versions: [0, 5],
  request: syncGroupRequest,
  response: syncGroupResponse,
  handle(broker, request) {
    const group = broker.groups.get(request.groupId)
    if (group === null) return { errorCode: errorCodes.UNKNOWN_MEMBER_ID }
    return group.sync(request)
  }
})
