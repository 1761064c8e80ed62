/** An embedded broker, and a connection of our own client that asks it anything in any version. */
import { afterEach } from 'vitest'
import * as apiVersions from '../../../protocol/messages/api-versions.ts'
import * as createPartitions from '../../../protocol/messages/create-partitions.ts'
import * as createTopics from '../../../protocol/messages/create-topics.ts'
import * as deleteGroups from '../../../protocol/messages/delete-groups.ts'
import * as deleteTopics from '../../../protocol/messages/delete-topics.ts'
import * as describeCluster from '../../../protocol/messages/describe-cluster.ts'
import * as describeConfigs from '../../../protocol/messages/describe-configs.ts'
import * as describeGroups from '../../../protocol/messages/describe-groups.ts'
import * as describeProducers from '../../../protocol/messages/describe-producers.ts'
import * as fetch from '../../../protocol/messages/fetch.ts'
import * as findCoordinator from '../../../protocol/messages/find-coordinator.ts'
import * as heartbeat from '../../../protocol/messages/heartbeat.ts'
import * as initProducerId from '../../../protocol/messages/init-producer-id.ts'
import * as joinGroup from '../../../protocol/messages/join-group.ts'
import * as leaveGroup from '../../../protocol/messages/leave-group.ts'
import * as listGroups from '../../../protocol/messages/list-groups.ts'
import * as listOffsets from '../../../protocol/messages/list-offsets.ts'
import * as metadata from '../../../protocol/messages/metadata.ts'
import * as offsetCommit from '../../../protocol/messages/offset-commit.ts'
import * as offsetFetch from '../../../protocol/messages/offset-fetch.ts'
import * as produce from '../../../protocol/messages/produce.ts'
import * as syncGroup from '../../../protocol/messages/sync-group.ts'
import { buildBatch, type BatchContents, type NewRecord } from '../../../protocol/records/batch.ts'
import {
  startEmbeddedBroker,
  type EmbeddedBroker,
  type EmbeddedBrokerOptions
} from '../../../src/broker/embedded-broker.ts'
import { defineApi } from '../../../src/kafka/apis.ts'
import { Connection } from '../../../src/kafka/connection.ts'
import { FakeClock } from '../kafka/fake-clock.ts'

export const apis = {
  apiVersions: defineApi(18, 'ApiVersions', [0, 4], apiVersions.apiVersionsRequest, apiVersions.apiVersionsResponse),
  metadata: defineApi(3, 'Metadata', [0, 13], metadata.metadataRequest, metadata.metadataResponse),
  produce: defineApi(0, 'Produce', [3, 12], produce.produceRequest, produce.produceResponse),
  fetch: defineApi(1, 'Fetch', [4, 15], fetch.fetchRequest, fetch.fetchResponse),
  listOffsets: defineApi(2, 'ListOffsets', [1, 10], listOffsets.listOffsetsRequest, listOffsets.listOffsetsResponse),
  findCoordinator: defineApi(
    10,
    'FindCoordinator',
    [0, 6],
    findCoordinator.findCoordinatorRequest,
    findCoordinator.findCoordinatorResponse
  ),
  joinGroup: defineApi(11, 'JoinGroup', [0, 9], joinGroup.joinGroupRequest, joinGroup.joinGroupResponse),
  syncGroup: defineApi(14, 'SyncGroup', [0, 5], syncGroup.syncGroupRequest, syncGroup.syncGroupResponse),
  heartbeat: defineApi(12, 'Heartbeat', [0, 4], heartbeat.heartbeatRequest, heartbeat.heartbeatResponse),
  leaveGroup: defineApi(13, 'LeaveGroup', [0, 5], leaveGroup.leaveGroupRequest, leaveGroup.leaveGroupResponse),
  offsetCommit: defineApi(
    8,
    'OffsetCommit',
    [2, 9],
    offsetCommit.offsetCommitRequest,
    offsetCommit.offsetCommitResponse
  ),
  offsetFetch: defineApi(9, 'OffsetFetch', [1, 9], offsetFetch.offsetFetchRequest, offsetFetch.offsetFetchResponse),
  listGroups: defineApi(16, 'ListGroups', [0, 5], listGroups.listGroupsRequest, listGroups.listGroupsResponse),
  describeGroups: defineApi(
    15,
    'DescribeGroups',
    [0, 6],
    describeGroups.describeGroupsRequest,
    describeGroups.describeGroupsResponse
  ),
  deleteGroups: defineApi(
    42,
    'DeleteGroups',
    [0, 2],
    deleteGroups.deleteGroupsRequest,
    deleteGroups.deleteGroupsResponse
  ),
  initProducerId: defineApi(
    22,
    'InitProducerId',
    [0, 5],
    initProducerId.initProducerIdRequest,
    initProducerId.initProducerIdResponse
  ),
  createTopics: defineApi(
    19,
    'CreateTopics',
    [2, 7],
    createTopics.createTopicsRequest,
    createTopics.createTopicsResponse
  ),
  deleteTopics: defineApi(
    20,
    'DeleteTopics',
    [1, 6],
    deleteTopics.deleteTopicsRequest,
    deleteTopics.deleteTopicsResponse
  ),
  createPartitions: defineApi(
    37,
    'CreatePartitions',
    [0, 3],
    createPartitions.createPartitionsRequest,
    createPartitions.createPartitionsResponse
  ),
  describeConfigs: defineApi(
    32,
    'DescribeConfigs',
    [1, 4],
    describeConfigs.describeConfigsRequest,
    describeConfigs.describeConfigsResponse
  ),
  describeCluster: defineApi(
    60,
    'DescribeCluster',
    [0, 2],
    describeCluster.describeClusterRequest,
    describeCluster.describeClusterResponse
  ),
  describeProducers: defineApi(
    61,
    'DescribeProducers',
    [0, 0],
    describeProducers.describeProducersRequest,
    describeProducers.describeProducersResponse
  )
}

/** All versions of an API, for `describe.each`. */
export function versionsOf(api: { readonly minVersion: number; readonly maxVersion: number }): number[] {
  return Array.from({ length: api.maxVersion - api.minVersion + 1 }, (_, i) => api.minVersion + i)
}

export interface Harness {
  readonly broker: EmbeddedBroker
  /** The broker's; its hands only move when the test moves them. */
  readonly clock: FakeClock
  readonly connection: Connection
  /** What the broker's own code threw; a test that provokes nothing finds it empty. */
  readonly faults: readonly unknown[]
  readonly connect: (clientId?: string) => Promise<Connection>
}

const open: { broker: EmbeddedBroker; connections: Connection[]; faults: unknown[] }[] = []

export async function startHarness(options: EmbeddedBrokerOptions = {}): Promise<Harness> {
  const clock = new FakeClock()
  const faults: unknown[] = []
  const broker = await startEmbeddedBroker({ clock, onFault: (error) => faults.push(error), ...options })
  const connections: Connection[] = []
  open.push({ broker, connections, faults })
  const connect = async (clientId = 'test'): Promise<Connection> => {
    const connection = await Connection.open({ host: broker.host, port: broker.port }, { clientId })
    connections.push(connection)
    return connection
  }
  return { broker, clock, connection: await connect(), faults, connect }
}

afterEach(async () => {
  for (const { broker, connections, faults } of open.splice(0)) {
    for (const connection of connections) connection.close()
    await broker.close()
    if (faults.length > 0) throw new AggregateError(faults, 'the broker failed')
  }
})

/** A batch of text values. */
export function batchOf(
  values: readonly string[],
  contents: Partial<BatchContents> & { timestamp?: number } = {}
): Buffer {
  const { timestamp = 1_000_000, ...rest } = contents
  const records = values.map((value): NewRecord => ({ key: null, value: Buffer.from(value), timestamp }))
  return buildBatch({ records, ...rest })
}

/** Body of a Produce request with one partition. */
export function produceOf(
  topic: string,
  records: Buffer | null,
  { acks = -1, partition = 0, transactionalId = null as string | null } = {}
) {
  return {
    transactionalId,
    acks,
    timeoutMs: 1000,
    topicData: [{ name: topic, partitionData: [{ index: partition, records }] }]
  }
}

export async function produceTo(
  connection: Connection,
  topic: string,
  records: Buffer | null,
  options: { acks?: number; partition?: number; transactionalId?: string | null; version?: number } = {}
) {
  const { version = 12, ...rest } = options
  const answer = await connection.call(apis.produce, produceOf(topic, records, rest), { version })
  return answer.responses[0]!.partitionResponses[0]!
}

/** Body of a Fetch request with one partition. */
export function fetchOf(
  topic: string,
  offset: bigint,
  { partition = 0, maxWaitMs = 0, minBytes = 1, maxBytes = 1_000_000, partitionMaxBytes = 1_000_000 } = {}
) {
  return {
    replicaId: -1,
    maxWaitMs,
    minBytes,
    maxBytes,
    topics: [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes }] }]
  }
}

/** By name, so in a version that has names. */
export async function fetchFrom(
  connection: Connection,
  topic: string,
  offset: bigint,
  { version = 12, ...options }: Parameters<typeof fetchOf>[2] & { version?: number } = {}
) {
  const answer = await connection.call(apis.fetch, fetchOf(topic, offset, options), { version })
  return answer.responses[0]!.partitions[0]!
}
