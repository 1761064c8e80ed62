/**
 * DescribeGroups (15).
 *
 * Behaviour
 * - While a generation is being made, members are told without metadata and assignment, as Kafka does.
 *
 * Version notes
 * - 3: authorized operations. 4: group instance id. 6: a group that does not exist is GROUP_ID_NOT_FOUND; before, it is
 *   in the state Dead without an error.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { describeGroupsRequest, describeGroupsResponse } from '../../../protocol/messages/describe-groups.ts'
import { groupOperations, operationsNotAsked } from '../authorized-operations.ts'
import type { Group } from '../groups/group.ts'
import { defineHandler } from '../handler.ts'

const firstVersionWithNotFound = 6
const nothing = Buffer.alloc(0)

export const describeGroups = defineHandler({
  key: apiKeys.describeGroups,
  versions: [0, 6],
  request: describeGroupsRequest,
  response: describeGroupsResponse,
  handle(broker, { groups, includeAuthorizedOperations }, { apiVersion }) {
    const authorizedOperations = includeAuthorizedOperations ? groupOperations : operationsNotAsked
    return {
      groups: groups.map((groupId) => {
        const group = broker.groups.get(groupId)
        if (group !== null) return { ...describe(group), authorizedOperations }
        const isError = apiVersion >= firstVersionWithNotFound
        return {
          groupId,
          groupState: 'Dead',
          errorCode: isError ? errorCodes.GROUP_ID_NOT_FOUND : errorCodes.NONE,
          errorMessage: isError ? `there is no group ${groupId}` : null
        }
      })
    }
  }
})

function describe(group: Group) {
  const isStable = group.state === 'Stable'
  return {
    errorCode: errorCodes.NONE,
    groupId: group.id,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: isStable ? group.protocolName : '',
    members: group.members().map((m) => ({
      memberId: m.id,
      groupInstanceId: m.groupInstanceId,
      clientId: m.clientId,
      clientHost: `/${m.clientHost}`,
      memberMetadata: isStable ? group.metadataOf(m) : nothing,
      memberAssignment: isStable ? m.assignment : nothing
    }))
  }
}
