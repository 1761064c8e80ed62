/**
 * LeaveGroup (13).
 *
 * Behaviour
 * - The others join again at once. A member is named by its id; by its instance id alone none is found, as static
 *   membership is not kept.
 *
 * Version notes
 * - 0 to 2 name one member, and its error is the error of the answer. 3: several, each with its own (KIP-345). 5: reason.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { leaveGroupRequest, leaveGroupResponse } from '../../../protocol/messages/leave-group.ts'
import { defineHandler } from '../handler.ts'

const firstVersionWithSeveral = 3

export const leaveGroup = defineHandler({
  key: apiKeys.leaveGroup,
  versions: [0, 5],
  request: leaveGroupRequest,
  response: leaveGroupResponse,
  handle(broker, { groupId, memberId, members }, { apiVersion }) {
    const group = broker.groups.get(groupId)
    const leave = (id: string): number => group?.leave(id) ?? errorCodes.UNKNOWN_MEMBER_ID
    if (apiVersion < firstVersionWithSeveral) return { errorCode: leave(memberId) }
    return {
      errorCode: errorCodes.NONE,
      members: members.map((m) => ({
        memberId: m.memberId,
        groupInstanceId: m.groupInstanceId,
        errorCode: leave(m.memberId)
      }))
    }
  }
})
