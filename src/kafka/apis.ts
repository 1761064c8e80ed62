/** The requests our own client can make, each with the versions in which it makes them. */
import { addPartitionsToTxnRequest, addPartitionsToTxnResponse } from '../../protocol/messages/add-partitions-to-txn.ts'
import { apiVersionsRequest, apiVersionsResponse } from '../../protocol/messages/api-versions.ts'
import { createTopicsRequest, createTopicsResponse } from '../../protocol/messages/create-topics.ts'
import { describeClusterRequest, describeClusterResponse } from '../../protocol/messages/describe-cluster.ts'
import { describeConfigsRequest, describeConfigsResponse } from '../../protocol/messages/describe-configs.ts'
import { describeProducersRequest, describeProducersResponse } from '../../protocol/messages/describe-producers.ts'
import { endTxnRequest, endTxnResponse } from '../../protocol/messages/end-txn.ts'
import { fetchRequest, fetchResponse } from '../../protocol/messages/fetch.ts'
import { findCoordinatorRequest, findCoordinatorResponse } from '../../protocol/messages/find-coordinator.ts'
import { initProducerIdRequest, initProducerIdResponse } from '../../protocol/messages/init-producer-id.ts'
import { listOffsetsRequest, listOffsetsResponse } from '../../protocol/messages/list-offsets.ts'
import { metadataRequest, metadataResponse } from '../../protocol/messages/metadata.ts'
import { produceRequest, produceResponse } from '../../protocol/messages/produce.ts'
import { apiKeys } from '../../protocol/messages/api-table.ts'

/** A request and its answer; `Request` is what is sent, `Response` what comes back. */
export interface Api<Request, Response> {
  readonly key: number
  /** Kafka's name, for messages. */
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  encode(value: Request, version: number): Buffer
  decode(body: Buffer, version: number): Response
}

/** Only what this file needs of a declared message, so that the types follow from the declarations. */
interface Encodes<Request> {
  encode(value: Request, version: number): Buffer
}
interface Decodes<Response> {
  decode(body: Buffer, version: number): Response
}

export function defineApi<Request, Response>(
  key: number,
  name: string,
  [minVersion, maxVersion]: readonly [number, number],
  request: Encodes<Request>,
  response: Decodes<Response>
): Api<Request, Response> {
  return {
    key,
    name,
    minVersion,
    maxVersion,
    encode: (value, version) => request.encode(value, version),
    decode: (body, version) => response.decode(body, version)
  }
}

export const apiVersions = defineApi(
  apiKeys.apiVersions,
  'ApiVersions',
  [0, 3],
  apiVersionsRequest,
  apiVersionsResponse
)

/** From 4 on a question about a topic does not create it; from 1 on an empty list asks for the brokers alone. */
export const metadata = defineApi(apiKeys.metadata, 'Metadata', [4, 12], metadataRequest, metadataResponse)

export const describeCluster = defineApi(
  apiKeys.describeCluster,
  'DescribeCluster',
  [0, 1],
  describeClusterRequest,
  describeClusterResponse
)
export const describeConfigs = defineApi(
  apiKeys.describeConfigs,
  'DescribeConfigs',
  [1, 4],
  describeConfigsRequest,
  describeConfigsResponse
)
export const createTopics = defineApi(
  apiKeys.createTopics,
  'CreateTopics',
  [2, 7],
  createTopicsRequest,
  createTopicsResponse
)
export const listOffsets = defineApi(
  apiKeys.listOffsets,
  'ListOffsets',
  [1, 7],
  listOffsetsRequest,
  listOffsetsResponse
)
/** Record batches need 3; 12 is the last version that names topics. */
export const produce = defineApi(apiKeys.produce, 'Produce', [3, 12], produceRequest, produceResponse)

/** Record batches need 4; 12 is the last version that names topics, from 13 on they go by id. */
export const fetch = defineApi(apiKeys.fetch, 'Fetch', [4, 15], fetchRequest, fetchResponse)

export const initProducerId = defineApi(
  apiKeys.initProducerId,
  'InitProducerId',
  [0, 4],
  initProducerIdRequest,
  initProducerIdResponse
)
export const describeProducers = defineApi(
  apiKeys.describeProducers,
  'DescribeProducers',
  [0, 0],
  describeProducersRequest,
  describeProducersResponse
)

export const findCoordinator = defineApi(
  apiKeys.findCoordinator,
  'FindCoordinator',
  [1, 4],
  findCoordinatorRequest,
  findCoordinatorResponse
)
/** From 4 on it is how brokers ask each other. */
export const addPartitionsToTxn = defineApi(
  apiKeys.addPartitionsToTxn,
  'AddPartitionsToTxn',
  [0, 3],
  addPartitionsToTxnRequest,
  addPartitionsToTxnResponse
)
/** With 5 the epoch rises at every end and partitions are added by Produce: transactions v2, which we do not speak. */
export const endTxn = defineApi(apiKeys.endTxn, 'EndTxn', [0, 3], endTxnRequest, endTxnResponse)
