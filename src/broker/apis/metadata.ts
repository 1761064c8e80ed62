/**
 * Metadata (3).
 *
 * Behaviour
 * - One broker, which leads every partition and is the controller.
 * - A topic that is not there is created when the client allows it and the broker's settings do; it is in the answer at
 *   once, where Kafka first says LEADER_NOT_AVAILABLE.
 * - A name Kafka would not take is INVALID_TOPIC_EXCEPTION.
 *
 * Version notes
 * - 0: an empty list means all topics. From 1 on that is null, and an empty list means none.
 * - 4 brings AllowAutoTopicCreation; before, asking creates.
 * - 8 to 10 tell what the client may do with the cluster, 8 and later with a topic: everything.
 * - 12 allows to ask by topic id alone.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { metadataRequest, metadataResponse } from '../../../protocol/messages/metadata.ts'
import type { Decoded, Input } from '../../../protocol/schema/message.ts'
import { clusterOperations, operationsNotAsked, topicOperations } from '../authorized-operations.ts'
import { defineHandler } from '../handler.ts'
import { leaderEpoch } from '../log/partition-log.ts'
import type { BrokerState } from '../state.ts'
import type { Topic } from '../topics.ts'

type Asked = NonNullable<Decoded<typeof metadataRequest>['topics']>[number]
type Told = NonNullable<Input<typeof metadataResponse>['topics']>[number]

const firstVersionWithNone = 1

export const metadata = defineHandler({
  key: apiKeys.metadata,
  versions: [0, 13],
  request: metadataRequest,
  response: metadataResponse,
  handle(broker, request, { apiVersion }) {
    const { topics, includeClusterAuthorizedOperations, includeTopicAuthorizedOperations } = request
    const all = topics === null || (apiVersion < firstVersionWithNone && topics.length === 0)
    const operations = includeTopicAuthorizedOperations ? topicOperations : operationsNotAsked
    const told = all
      ? broker.topics.all().map((t) => describe(broker, t, operations))
      : topics.map((asked) => tell(broker, asked, request.allowAutoTopicCreation, operations))
    return {
      brokers: [{ nodeId: broker.nodeId, ...broker.advertised, rack: null }],
      clusterId: broker.clusterId,
      controllerId: broker.nodeId,
      topics: told,
      clusterAuthorizedOperations: includeClusterAuthorizedOperations ? clusterOperations : operationsNotAsked
    }
  }
})

function tell(broker: BrokerState, asked: Asked, mayCreate: boolean, operations: number): Told {
  const { name, topicId } = asked
  if (name === null) {
    const topic = broker.topics.getById(topicId)
    return topic === null
      ? { errorCode: errorCodes.UNKNOWN_TOPIC_ID, name: null, topicId, partitions: [] }
      : describe(broker, topic, operations)
  }
  const topic = broker.topics.get(name)
  if (topic !== null) return describe(broker, topic, operations)
  if (!mayCreate || !broker.autoCreateTopics) {
    return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, name, partitions: [] }
  }
  const created = broker.topics.create({ name })
  return 'errorCode' in created
    ? { errorCode: created.errorCode, name, partitions: [] }
    : describe(broker, created, operations)
}

function describe(broker: BrokerState, topic: Topic, operations: number): Told {
  return {
    errorCode: errorCodes.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: false,
    partitions: topic.partitions.map((_, partitionIndex) => ({
      errorCode: errorCodes.NONE,
      partitionIndex,
      leaderId: broker.nodeId,
      leaderEpoch,
      replicaNodes: [broker.nodeId],
      isrNodes: [broker.nodeId]
    })),
    topicAuthorizedOperations: operations
  }
}
