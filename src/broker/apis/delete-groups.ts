/**
 * DeleteGroups (42).
 *
 * Behaviour
 * - Takes the committed offsets along. A group that has members is NON_EMPTY_GROUP.
 *
 * Version notes
 * - 2: flexible.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { deleteGroupsRequest, deleteGroupsResponse } from '../../../protocol/messages/delete-groups.ts'
import { defineHandler } from '../handler.ts'
import type { BrokerState } from '../state.ts'

export const deleteGroups = defineHandler({
  key: apiKeys.deleteGroups,
  versions: [0, 2],
  request: deleteGroupsRequest,
  response: deleteGroupsResponse,
  handle(broker, { groupsNames }) {
    return { results: groupsNames.map((groupId) => ({ groupId, errorCode: remove(broker, groupId) })) }
  }
})

function remove(broker: BrokerState, groupId: string): number {
  const group = broker.groups.get(groupId)
  if (group === null) return errorCodes.GROUP_ID_NOT_FOUND
  if (group.members().length > 0) return errorCodes.NON_EMPTY_GROUP
  broker.groups.delete(groupId)
  return errorCodes.NONE
}
