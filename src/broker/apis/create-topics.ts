/**
 * CreateTopics (19).
 *
 * Behaviour
 * - There is one broker: a replication factor above 1, or an assignment to another broker, is refused.
 * - Settings that the embedded broker does not know are INVALID_CONFIG, see `topic-configs.ts`.
 * - A topic named twice in one request is INVALID_REQUEST, both times.
 *
 * Version notes
 * - 4: -1 for the broker's defaults (KIP-464). 5: partitions, replication factor and settings in the answer. 7: topic id.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { createTopicsRequest, createTopicsResponse } from '../../../protocol/messages/create-topics.ts'
import type { Decoded } from '../../../protocol/schema/message.ts'
import { defineHandler } from '../handler.ts'
import type { BrokerState } from '../state.ts'
import type { Refusal, Topic } from '../topics.ts'

type Asked = Decoded<typeof createTopicsRequest>['topics'][number]

export const createTopics = defineHandler({
  key: apiKeys.createTopics,
  versions: [2, 7],
  request: createTopicsRequest,
  response: createTopicsResponse,
  handle(broker, { topics, validateOnly }) {
    return {
      topics: topics.map((asked) => {
        const { name } = asked
        const isRepeated = topics.filter((t) => t.name === name).length > 1
        const made = isRepeated
          ? { errorCode: errorCodes.INVALID_REQUEST, message: `${name} is named more than once` }
          : create(broker, asked, validateOnly)
        if ('errorCode' in made) return { name, errorCode: made.errorCode, errorMessage: made.message, configs: [] }
        return {
          name,
          topicId: made.id,
          errorCode: errorCodes.NONE,
          errorMessage: null,
          numPartitions: made.partitions.length,
          replicationFactor: 1,
          configs: [...made.configs].map(([key, value]) => ({ name: key, value, configSource: topicConfigSource }))
        }
      })
    }
  }
})

/** ConfigSource.DYNAMIC_TOPIC_CONFIG */
const topicConfigSource = 1

function create(broker: BrokerState, asked: Asked, validateOnly: boolean): Topic | Refusal {
  const { assignments, numPartitions, replicationFactor } = asked
  if (assignments.length > 0) {
    if (numPartitions !== -1 || replicationFactor !== -1) {
      return { errorCode: errorCodes.INVALID_REQUEST, message: 'either an assignment or numbers, not both' }
    }
    const isOurs = assignments.every((a) => a.brokerIds.length === 1 && a.brokerIds[0] === broker.nodeId)
    const isComplete =
      new Set(assignments.map((a) => a.partitionIndex)).size === assignments.length &&
      assignments.every((a) => a.partitionIndex >= 0 && a.partitionIndex < assignments.length)
    if (!isOurs || !isComplete) {
      return { errorCode: errorCodes.INVALID_REPLICA_ASSIGNMENT, message: `there is only broker ${broker.nodeId}` }
    }
  } else if (replicationFactor !== -1 && replicationFactor !== 1) {
    return { errorCode: errorCodes.INVALID_REPLICATION_FACTOR, message: 'there is only one broker' }
  }
  const configs: Record<string, string> = {}
  for (const { name, value } of asked.configs) if (value !== null) configs[name] = value
  const partitions = assignments.length > 0 ? assignments.length : numPartitions
  return broker.topics.create({ name: asked.name, configs, ...(partitions === -1 ? {} : { partitions }) }, validateOnly)
}
