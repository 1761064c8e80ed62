/**
 * Every API a broker may list in ApiVersions, up to Kafka 4.4, with the newest version of it that may pass.
 *
 * Most of them are relayed as bytes, for which the header is all that must be understood. Versions are held back where
 * a newer one would have to be opened and cannot be (architecture.md §2):
 * - Produce 12: 13 names topics by id.
 * - Fetch 15: from 16 on the response carries broker addresses behind the records.
 * - ApiVersions 4: 5 asks the broker whether it is the node the client meant (KIP-1242).
 * - InitProducerId 5: 6 is marked unstable by Kafka.
 *
 * Not listed, hence never advertised and never passed: keys 4 to 7, inter-broker calls that Kafka 4.0 removed.
 */

export interface Api {
  readonly key: number
  /** Kafka's name without Request or Response. */
  readonly name: string
  readonly maxVersion: number
  /** First version with compact lengths and tagged fields (KIP-482), null when no version has them. */
  readonly flexibleFrom: number | null
}

const rows: readonly (readonly [key: number, name: string, maxVersion: number, flexibleFrom: number | null])[] = [
  [0, 'Produce', 12, 9],
  [1, 'Fetch', 15, 12],
  [2, 'ListOffsets', 11, 6],
  [3, 'Metadata', 13, 9],
  [8, 'OffsetCommit', 10, 8],
  [9, 'OffsetFetch', 10, 6],
  [10, 'FindCoordinator', 6, 3],
  [11, 'JoinGroup', 9, 6],
  [12, 'Heartbeat', 4, 4],
  [13, 'LeaveGroup', 5, 4],
  [14, 'SyncGroup', 5, 4],
  [15, 'DescribeGroups', 6, 5],
  [16, 'ListGroups', 5, 3],
  [17, 'SaslHandshake', 1, null],
  [18, 'ApiVersions', 4, 3],
  [19, 'CreateTopics', 7, 5],
  [20, 'DeleteTopics', 6, 4],
  [21, 'DeleteRecords', 2, 2],
  [22, 'InitProducerId', 5, 2],
  [23, 'OffsetForLeaderEpoch', 4, 4],
  [24, 'AddPartitionsToTxn', 5, 3],
  [25, 'AddOffsetsToTxn', 4, 3],
  [26, 'EndTxn', 5, 3],
  [27, 'WriteTxnMarkers', 2, 1],
  [28, 'TxnOffsetCommit', 6, 3],
  [29, 'DescribeAcls', 3, 2],
  [30, 'CreateAcls', 3, 2],
  [31, 'DeleteAcls', 3, 2],
  [32, 'DescribeConfigs', 4, 4],
  [33, 'AlterConfigs', 2, 2],
  [34, 'AlterReplicaLogDirs', 2, 2],
  [35, 'DescribeLogDirs', 5, 2],
  [36, 'SaslAuthenticate', 2, 2],
  [37, 'CreatePartitions', 3, 2],
  [38, 'CreateDelegationToken', 3, 2],
  [39, 'RenewDelegationToken', 2, 2],
  [40, 'ExpireDelegationToken', 2, 2],
  [41, 'DescribeDelegationToken', 3, 2],
  [42, 'DeleteGroups', 3, 2],
  [43, 'ElectLeaders', 2, 2],
  [44, 'IncrementalAlterConfigs', 1, 1],
  [45, 'AlterPartitionReassignments', 1, 0],
  [46, 'ListPartitionReassignments', 0, 0],
  [47, 'OffsetDelete', 0, null],
  [48, 'DescribeClientQuotas', 1, 1],
  [49, 'AlterClientQuotas', 1, 1],
  [50, 'DescribeUserScramCredentials', 0, 0],
  [51, 'AlterUserScramCredentials', 0, 0],
  [52, 'Vote', 2, 0],
  [53, 'BeginQuorumEpoch', 1, 1],
  [54, 'EndQuorumEpoch', 1, 1],
  [55, 'DescribeQuorum', 2, 0],
  [56, 'AlterPartition', 3, 0],
  [57, 'UpdateFeatures', 2, 0],
  [58, 'Envelope', 0, 0],
  [59, 'FetchSnapshot', 1, 0],
  [60, 'DescribeCluster', 2, 0],
  [61, 'DescribeProducers', 0, 0],
  [62, 'BrokerRegistration', 4, 0],
  [63, 'BrokerHeartbeat', 2, 0],
  [64, 'UnregisterBroker', 0, 0],
  [65, 'DescribeTransactions', 0, 0],
  [66, 'ListTransactions', 2, 0],
  [67, 'AllocateProducerIds', 0, 0],
  [68, 'ConsumerGroupHeartbeat', 1, 0],
  [69, 'ConsumerGroupDescribe', 1, 0],
  [70, 'ControllerRegistration', 0, 0],
  [71, 'GetTelemetrySubscriptions', 0, 0],
  [72, 'PushTelemetry', 0, 0],
  [73, 'AssignReplicasToDirs', 0, 0],
  [74, 'ListConfigResources', 1, 0],
  [75, 'DescribeTopicPartitions', 0, 0],
  [76, 'ShareGroupHeartbeat', 1, 0],
  [77, 'ShareGroupDescribe', 1, 0],
  [78, 'ShareFetch', 2, 0],
  [79, 'ShareAcknowledge', 2, 0],
  [80, 'AddRaftVoter', 1, 0],
  [81, 'RemoveRaftVoter', 0, 0],
  [82, 'UpdateRaftVoter', 0, 0],
  [83, 'InitializeShareGroupState', 0, 0],
  [84, 'ReadShareGroupState', 0, 0],
  [85, 'WriteShareGroupState', 1, 0],
  [86, 'DeleteShareGroupState', 0, 0],
  [87, 'ReadShareGroupStateSummary', 1, 0],
  [88, 'StreamsGroupHeartbeat', 1, 0],
  [89, 'StreamsGroupDescribe', 1, 0],
  [90, 'DescribeShareGroupOffsets', 1, 0],
  [91, 'AlterShareGroupOffsets', 0, 0],
  [92, 'DeleteShareGroupOffsets', 0, 0],
  [93, 'StreamsGroupTopologyDescriptionUpdate', 0, 0],
  [94, 'UnregisterController', 0, 0]
]

export const apis: readonly Api[] = rows.map(([key, name, maxVersion, flexibleFrom]) => ({
  key,
  name,
  maxVersion,
  flexibleFrom
}))

const byKey = new Map(apis.map((api) => [api.key, api]))

/** Undefined for a key that is not in the table. */
export function apiByKey(key: number): Api | undefined {
  return byKey.get(key)
}

/** For logs and metrics; undefined for a key that is not in the table. */
export function apiName(key: number): string | undefined {
  return byKey.get(key)?.name
}

/** Keys of the APIs that are declared in this folder. */
export const apiKeys = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  syncGroup: 14,
  describeGroups: 15,
  listGroups: 16,
  saslHandshake: 17,
  apiVersions: 18,
  createTopics: 19,
  deleteTopics: 20,
  initProducerId: 22,
  offsetForLeaderEpoch: 23,
  addPartitionsToTxn: 24,
  addOffsetsToTxn: 25,
  endTxn: 26,
  txnOffsetCommit: 28,
  describeConfigs: 32,
  saslAuthenticate: 36,
  createPartitions: 37,
  deleteGroups: 42,
  incrementalAlterConfigs: 44,
  describeCluster: 60,
  describeProducers: 61,
  describeTopicPartitions: 75,
  shareFetch: 78,
  shareAcknowledge: 79
} as const

/** No API with this key is in the table, so not even its header can be read: whether it has tags is unknown. */
export class UnsupportedApiError extends Error {
  override readonly name = 'UnsupportedApiError'
  readonly apiKey: number

  constructor(apiKey: number) {
    super(`API key ${apiKey} is not known`)
    this.apiKey = apiKey
  }
}

/**
 * Header 2 adds a tag section. True of versions above `maxVersion` too, so the header of a request that must be refused
 * can still be read.
 *
 * @throws UnsupportedApiError
 */
export function requestHeaderVersion(apiKey: number, apiVersion: number): 1 | 2 {
  return isFlexible(apiKey, apiVersion) ? 2 : 1
}

/**
 * Header 1 adds a tag section. ApiVersions never has it: a client that asked in a version the broker does not know must
 * be able to read the answer (KIP-511).
 *
 * @throws UnsupportedApiError
 */
export function responseHeaderVersion(apiKey: number, apiVersion: number): 0 | 1 {
  return apiKey !== apiKeys.apiVersions && isFlexible(apiKey, apiVersion) ? 1 : 0
}

function isFlexible(apiKey: number, apiVersion: number): boolean {
  const api = byKey.get(apiKey)
  if (api === undefined) throw new UnsupportedApiError(apiKey)
  return api.flexibleFrom !== null && apiVersion >= api.flexibleFrom
}
