/**
 * OffsetCommit (8).
 *
 * Behaviour
 * - A member commits in its own generation, not while assignments are being made; whoever assigns partitions to itself
 *   (generation -1) may as long as the group has no members.
 * - Offsets are kept until the group or the topic is deleted.
 *
 * Version notes
 * - 2 to 4 have a retention time, ignored. 6: leader epoch. 7: group instance id, ignored. 10 (topics by id) is not
 *   offered.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { offsetCommitRequest, offsetCommitResponse } from '../../../protocol/messages/offset-commit.ts'
import type { Decoded } from '../../../protocol/schema/message.ts'
import { defineHandler } from '../handler.ts'
import * as limits from '../limits.ts'
import type { BrokerState } from '../state.ts'

type Request = Decoded<typeof offsetCommitRequest>
type Partition = Request['topics'][number]['partitions'][number]

export const offsetCommit = defineHandler({
  key: apiKeys.offsetCommit,
  versions: [2, 9],
  request: offsetCommitRequest,
  response: offsetCommitResponse,
  handle(broker, request) {
    const refusal = refusalOf(broker, request)
    return {
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((p) => ({
          partitionIndex: p.partitionIndex,
          errorCode: refusal === errorCodes.NONE ? commit(broker, request.groupId, name, p) : refusal
        }))
      }))
    }
  }
})

function refusalOf(broker: BrokerState, { groupId, generationIdOrMemberEpoch, memberId }: Request): number {
  if (groupId === '') return errorCodes.INVALID_GROUP_ID
  const isSelfAssigned = generationIdOrMemberEpoch < 0
  const group = isSelfAssigned ? broker.groups.getOrCreate(groupId) : broker.groups.get(groupId)
  if (group === null) return isSelfAssigned ? errorCodes.COORDINATOR_NOT_AVAILABLE : errorCodes.ILLEGAL_GENERATION
  return group.mayCommit(memberId, generationIdOrMemberEpoch)
}

function commit(broker: BrokerState, groupId: string, topic: string, p: Partition): number {
  if (broker.topics.log(topic, p.partitionIndex) === null) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  if (Buffer.byteLength(p.committedMetadata ?? '') > limits.maxOffsetMetadataBytes) {
    return errorCodes.OFFSET_METADATA_TOO_LARGE
  }
  const isKept = broker.groups.commit(groupId, topic, p.partitionIndex, {
    offset: p.committedOffset,
    leaderEpoch: p.committedLeaderEpoch,
    metadata: p.committedMetadata
  })
  return isKept ? errorCodes.NONE : errorCodes.INVALID_COMMIT_OFFSET_SIZE
}
