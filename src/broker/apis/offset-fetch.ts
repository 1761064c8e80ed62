/**
 * OffsetFetch (9).
 *
 * Behaviour
 * - A partition without a committed offset, and one of a group that does not exist, is -1 without an error.
 *
 * Version notes
 * - 2: null asks for all partitions the group committed. 5: leader epoch. 7: RequireStable, always so. 8: several groups
 *   (KIP-709). 9: member id and epoch, ignored. 10 (topics by id) is not offered.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { offsetFetchRequest, offsetFetchResponse } from '../../../protocol/messages/offset-fetch.ts'
import { defineHandler } from '../handler.ts'
import type { BrokerState } from '../state.ts'

type Asked = readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[] | null

const firstVersionWithSeveral = 8

export const offsetFetch = defineHandler({
  key: apiKeys.offsetFetch,
  versions: [1, 9],
  request: offsetFetchRequest,
  response: offsetFetchResponse,
  handle(broker, { groupId, topics, groups }, { apiVersion }) {
    if (apiVersion < firstVersionWithSeveral) return { topics: offsetsOf(broker, groupId, topics) }
    return { groups: groups.map((g) => ({ groupId: g.groupId, topics: offsetsOf(broker, g.groupId, g.topics) })) }
  }
})

function offsetsOf(broker: BrokerState, groupId: string, asked: Asked) {
  const all = (): NonNullable<Asked> =>
    broker.groups.committedPartitions(groupId).map((t) => ({ name: t.topic, partitionIndexes: t.partitions }))
  return (asked ?? all()).map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      const found = broker.groups.committed(groupId, name, partitionIndex)
      return {
        partitionIndex,
        committedOffset: found?.offset ?? -1n,
        committedLeaderEpoch: found?.leaderEpoch ?? -1,
        metadata: found?.metadata ?? '',
        errorCode: errorCodes.NONE
      }
    })
  }))
}
