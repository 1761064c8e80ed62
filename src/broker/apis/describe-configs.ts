/**
 * DescribeConfigs (32).
 *
 * Behaviour
 * - Topics with all their settings; of the broker only what a client may want to know before it produces.
 *
 * Version notes
 * - 1: where a value comes from, and synonyms, which are not told. 3: types and documentation, neither is told.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { describeConfigsRequest, describeConfigsResponse } from '../../../protocol/messages/describe-configs.ts'
import { defineHandler } from '../handler.ts'
import * as limits from '../limits.ts'
import type { BrokerState } from '../state.ts'
import { defaultTopicConfigs } from '../topic-configs.ts'

const resourceTypes = { topic: 2, broker: 4 } as const

/** ConfigSource */
const sources = { topic: 1, staticBroker: 4, default: 5 } as const

interface Config {
  readonly name: string
  readonly value: string
  readonly configSource: number
  readonly readOnly: boolean
}

export const describeConfigs = defineHandler({
  key: apiKeys.describeConfigs,
  versions: [1, 4],
  request: describeConfigsRequest,
  response: describeConfigsResponse,
  handle(broker, { resources }) {
    return {
      results: resources.map(({ resourceType, resourceName, configurationKeys }) => {
        const found = configsOf(broker, resourceType, resourceName)
        if ('errorCode' in found) return { ...found, resourceType, resourceName }
        const configs = found.filter((c) => configurationKeys?.includes(c.name) ?? true)
        return { errorCode: errorCodes.NONE, errorMessage: null, resourceType, resourceName, configs }
      })
    }
  }
})

function configsOf(
  broker: BrokerState,
  type: number,
  name: string
): readonly Config[] | { errorCode: number; errorMessage: string } {
  if (type === resourceTypes.topic) {
    const topic = broker.topics.get(name)
    if (topic === null) {
      return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: `there is no topic ${name}` }
    }
    return Object.entries(defaultTopicConfigs).map(([key, value]) => ({
      name: key,
      value: topic.configs.get(key) ?? value,
      configSource: topic.configs.has(key) ? sources.topic : sources.default,
      readOnly: false
    }))
  }
  if (type === resourceTypes.broker && name === String(broker.nodeId)) return brokerConfigs(broker)
  return { errorCode: errorCodes.INVALID_REQUEST, errorMessage: `there is no resource of type ${type} named '${name}'` }
}

function brokerConfigs(broker: BrokerState): Config[] {
  const values = {
    'auto.create.topics.enable': String(broker.autoCreateTopics),
    'broker.id': String(broker.nodeId),
    'default.replication.factor': '1',
    'message.max.bytes': defaultTopicConfigs['max.message.bytes'],
    'num.partitions': String(broker.defaultPartitions),
    'socket.request.max.bytes': String(limits.maxRequestBytes)
  }
  return Object.entries(values).map(([name, value]) => ({
    name,
    value,
    configSource: sources.staticBroker,
    readOnly: true
  }))
}
