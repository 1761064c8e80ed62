/**
 * DescribeCluster (60).
 *
 * Behaviour
 * - This broker, which is never fenced.
 *
 * Version notes
 * - 1: endpoint type (KIP-919); controllers cannot be asked here, which is MISMATCHED_ENDPOINT_TYPE. 2: fenced brokers.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { describeClusterRequest, describeClusterResponse } from '../../../protocol/messages/describe-cluster.ts'
import { clusterOperations, operationsNotAsked } from '../authorized-operations.ts'
import { defineHandler } from '../handler.ts'

const brokerEndpoints = 1

export const describeCluster = defineHandler({
  key: apiKeys.describeCluster,
  versions: [0, 2],
  request: describeClusterRequest,
  response: describeClusterResponse,
  handle(broker, { endpointType, includeClusterAuthorizedOperations }) {
    if (endpointType !== brokerEndpoints) {
      return {
        errorCode: errorCodes.MISMATCHED_ENDPOINT_TYPE,
        errorMessage: 'this is a broker, not a controller',
        clusterId: broker.clusterId
      }
    }
    return {
      errorCode: errorCodes.NONE,
      clusterId: broker.clusterId,
      controllerId: broker.nodeId,
      brokers: [{ brokerId: broker.nodeId, ...broker.advertised, rack: null, isFenced: false }],
      clusterAuthorizedOperations: includeClusterAuthorizedOperations ? clusterOperations : operationsNotAsked
    }
  }
})
