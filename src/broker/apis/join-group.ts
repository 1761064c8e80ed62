/**
 * JoinGroup (11), the classic protocol. The group's states are in `groups/group.ts`.
 *
 * Behaviour
 * - Answered when all members of the next generation are there, or the longest rebalance timeout is over. The first
 *   member of a group does not wait for others to come (`group.initial.rebalance.delay.ms` is 0).
 * - Static membership is not kept: a group instance id is handed on to the leader and otherwise ignored, so the member
 *   comes back as a new one.
 * - Session timeouts may be shorter than Kafka's minimum of 6 s, for tests.
 *
 * Version notes
 * - 0 has no rebalance timeout; the session timeout stands for it. 4: a member without an id is given one and must come
 *   back with it (KIP-394). 5: group instance id. 7: protocol type. 9: SkipAssignment, always false.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { joinGroupRequest, joinGroupResponse } from '../../../protocol/messages/join-group.ts'
import { defineHandler } from '../handler.ts'
import * as limits from '../limits.ts'

const firstVersionWithKnownIds = 4
const firstVersionWithNullProtocol = 7

export const joinGroup = defineHandler({
  key: apiKeys.joinGroup,
  versions: [0, 9],
  request: joinGroupRequest,
  response: joinGroupResponse,
  async handle(broker, request, { apiVersion, clientId, clientHost }) {
    const { groupId, memberId, sessionTimeoutMs, rebalanceTimeoutMs } = request
    // Before version 7 the name of a protocol that was not chosen is empty.
    const none = apiVersion < firstVersionWithNullProtocol ? '' : null
    const refuse = (errorCode: number) => ({ errorCode, memberId, protocolName: none, members: [] })
    if (groupId === '') return refuse(errorCodes.INVALID_GROUP_ID)
    if (sessionTimeoutMs < 1 || sessionTimeoutMs > limits.maxSessionTimeoutMs) {
      return refuse(errorCodes.INVALID_SESSION_TIMEOUT)
    }
    const group = memberId === '' ? broker.groups.getOrCreate(groupId) : broker.groups.get(groupId)
    if (group === null) {
      return refuse(memberId === '' ? errorCodes.COORDINATOR_NOT_AVAILABLE : errorCodes.UNKNOWN_MEMBER_ID)
    }
    const answer = await group.join({
      memberId,
      groupInstanceId: request.groupInstanceId,
      clientId,
      clientHost,
      sessionTimeoutMs,
      rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
      protocolType: request.protocolType,
      protocols: request.protocols,
      needsKnownId: apiVersion >= firstVersionWithKnownIds
    })
    return { ...answer, protocolName: answer.protocolName ?? none }
  }
})
