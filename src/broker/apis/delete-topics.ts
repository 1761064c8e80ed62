/**
 * DeleteTopics (20).
 *
 * Behaviour
 * - Gone at once, with the offsets that groups committed for it. A topic of the same name is a new one with a new id.
 *
 * Version notes
 * - 1 to 5 name topics. 6: by name or by id, one of them (KIP-516).
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { deleteTopicsRequest, deleteTopicsResponse } from '../../../protocol/messages/delete-topics.ts'
import { defineHandler } from '../handler.ts'
import type { BrokerState } from '../state.ts'

const firstVersionWithIds = 6

export const deleteTopics = defineHandler({
  key: apiKeys.deleteTopics,
  versions: [1, 6],
  request: deleteTopicsRequest,
  response: deleteTopicsResponse,
  handle(broker, { topics, topicNames }, { apiVersion }) {
    const responses =
      apiVersion < firstVersionWithIds
        ? topicNames.map((name) => remove(broker, name))
        : topics.map(({ name, topicId }) => (name === null ? removeById(broker, topicId) : remove(broker, name)))
    return { responses }
  }
})

function remove(broker: BrokerState, name: string) {
  const topic = broker.topics.get(name)
  if (topic === null) return { name, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }
  broker.topics.delete(topic)
  broker.groups.forgetTopic(name)
  return { name, topicId: topic.id, errorCode: errorCodes.NONE }
}

function removeById(broker: BrokerState, topicId: string) {
  const topic = broker.topics.getById(topicId)
  return topic === null ? { name: null, topicId, errorCode: errorCodes.UNKNOWN_TOPIC_ID } : remove(broker, topic.name)
}
