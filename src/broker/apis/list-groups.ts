/**
 * ListGroups (16).
 *
 * Behaviour
 * - All groups, also those that only have offsets.
 *
 * Version notes
 * - 4: state, and a filter by it. 5: type, which is `classic` for all, and a filter by it (KIP-848).
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { listGroupsRequest, listGroupsResponse } from '../../../protocol/messages/list-groups.ts'
import { defineHandler } from '../handler.ts'

const groupType = 'classic'

export const listGroups = defineHandler({
  key: apiKeys.listGroups,
  versions: [0, 5],
  request: listGroupsRequest,
  response: listGroupsResponse,
  handle(broker, { statesFilter, typesFilter }) {
    const admits = (filter: readonly string[], word: string): boolean =>
      filter.length === 0 || filter.some((f) => f.toLowerCase() === word.toLowerCase())
    return {
      errorCode: errorCodes.NONE,
      groups: broker.groups
        .all()
        .filter((g) => admits(statesFilter, g.state) && admits(typesFilter, groupType))
        .map((g) => ({ groupId: g.id, protocolType: g.protocolType, groupState: g.state, groupType }))
    }
  }
})
