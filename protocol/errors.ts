/**
 * Kafka's error codes (class `org.apache.kafka.common.protocol.Errors`, up to 4.3): code, name, whether Kafka's own
 * client tries again, and what it means in a few words.
 */

export interface KafkaError {
  readonly code: number
  /** As in Kafka: `INVALID_RECORD`. */
  readonly name: ErrorName
  /** True where Kafka's exception is a RetriableException. Other clients judge some codes otherwise. */
  readonly retriable: boolean
  readonly message: string
}

const rows = [
  [-1, 'UNKNOWN_SERVER_ERROR', false, 'The broker met a fault it has no code for.'],
  [0, 'NONE', false, 'No error.'],
  [1, 'OFFSET_OUT_OF_RANGE', false, 'The offset asked for is before the first or after the last one the log holds.'],
  [2, 'CORRUPT_MESSAGE', true, 'The record batch fails its checksum or is otherwise damaged.'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', true, 'This broker does not have the topic or partition.'],
  [4, 'INVALID_FETCH_SIZE', false, 'The number of bytes to fetch is not valid.'],
  [5, 'LEADER_NOT_AVAILABLE', true, 'A leader is being elected; the partition has none now.'],
  [6, 'NOT_LEADER_OR_FOLLOWER', true, 'The broker asked is not the leader, or not a replica, of the partition.'],
  [7, 'REQUEST_TIMED_OUT', true, 'The broker did not finish within the time allowed.'],
  [8, 'BROKER_NOT_AVAILABLE', false, 'The broker asked for is not alive.'],
  [9, 'REPLICA_NOT_AVAILABLE', true, 'The replica asked for is not available.'],
  [10, 'MESSAGE_TOO_LARGE', false, 'The batch is larger than the topic or broker allows.'],
  [11, 'STALE_CONTROLLER_EPOCH', false, 'The request comes from a controller that has been replaced.'],
  [12, 'OFFSET_METADATA_TOO_LARGE', false, 'The metadata stored with an offset is too long.'],
  [13, 'NETWORK_EXCEPTION', true, 'The connection ended before the response came.'],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS', true, 'The coordinator is still reading its state.'],
  [15, 'COORDINATOR_NOT_AVAILABLE', true, 'There is no coordinator for this group or transaction now.'],
  [16, 'NOT_COORDINATOR', true, 'Another broker coordinates this group or transaction.'],
  [17, 'INVALID_TOPIC_EXCEPTION', false, 'The topic name is not allowed, or the topic may not be used this way.'],
  [18, 'RECORD_LIST_TOO_LARGE', false, 'The batch is larger than a log segment.'],
  [19, 'NOT_ENOUGH_REPLICAS', true, 'Fewer replicas are in sync than the topic demands; nothing was appended.'],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', true, 'Appended, but fewer replicas are in sync than the topic demands.'],
  [21, 'INVALID_REQUIRED_ACKS', false, 'The acks value is not -1, 0 or 1.'],
  [22, 'ILLEGAL_GENERATION', false, "The generation is not the group's current one."],
  [23, 'INCONSISTENT_GROUP_PROTOCOL', false, 'The member shares no protocol with the others of its group.'],
  [24, 'INVALID_GROUP_ID', false, 'The group id is not valid.'],
  [25, 'UNKNOWN_MEMBER_ID', false, 'The group does not know this member.'],
  [26, 'INVALID_SESSION_TIMEOUT', false, "The session timeout is outside the broker's limits."],
  [27, 'REBALANCE_IN_PROGRESS', false, 'The group is rebalancing; the member must join again.'],
  [28, 'INVALID_COMMIT_OFFSET_SIZE', false, 'The offset commit is too large to be stored.'],
  [29, 'TOPIC_AUTHORIZATION_FAILED', false, 'The principal may not do this with the topic.'],
  [30, 'GROUP_AUTHORIZATION_FAILED', false, 'The principal may not do this with the group.'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED', false, 'The principal may not do this with the cluster.'],
  [32, 'INVALID_TIMESTAMP', false, "A record's timestamp is further from now than the topic allows."],
  [33, 'UNSUPPORTED_SASL_MECHANISM', false, 'The broker does not offer this SASL mechanism.'],
  [34, 'ILLEGAL_SASL_STATE', false, 'The request does not belong in this state of the SASL exchange.'],
  [35, 'UNSUPPORTED_VERSION', false, 'The broker does not know this version of the API.'],
  [36, 'TOPIC_ALREADY_EXISTS', false, 'A topic of this name exists already.'],
  [37, 'INVALID_PARTITIONS', false, 'The number of partitions is not valid.'],
  [38, 'INVALID_REPLICATION_FACTOR', false, 'The replication factor is below 1 or above the number of brokers.'],
  [39, 'INVALID_REPLICA_ASSIGNMENT', false, 'The replica assignment is not valid.'],
  [40, 'INVALID_CONFIG', false, 'A configuration value is not valid.'],
  [41, 'NOT_CONTROLLER', true, 'The broker asked is not the controller.'],
  [42, 'INVALID_REQUEST', false, 'The request contradicts itself or cannot be understood.'],
  [43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT', false, 'The message format on the broker is too old for this request.'],
  [44, 'POLICY_VIOLATION', false, "The broker's own policy refuses these parameters."],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER', false, 'The sequence number does not follow the last one of this producer.'],
  [46, 'DUPLICATE_SEQUENCE_NUMBER', false, 'The broker has a batch with this sequence number already.'],
  [47, 'INVALID_PRODUCER_EPOCH', false, "The producer's epoch is older than the one the broker knows."],
  [48, 'INVALID_TXN_STATE', false, 'The transaction is in a state that does not allow this.'],
  [49, 'INVALID_PRODUCER_ID_MAPPING', false, 'The producer id is not the one assigned to the transactional id.'],
  [50, 'INVALID_TRANSACTION_TIMEOUT', false, "The transaction timeout is above the broker's limit."],
  [51, 'CONCURRENT_TRANSACTIONS', true, 'Another operation on this transaction is still running.'],
  [52, 'TRANSACTION_COORDINATOR_FENCED', false, 'The transaction coordinator that sent a marker has been replaced.'],
  [53, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', false, 'The principal may not use this transactional id.'],
  [54, 'SECURITY_DISABLED', false, 'The cluster has no authorizer.'],
  [55, 'OPERATION_NOT_ATTEMPTED', false, 'Not tried, because another part of the request failed.'],
  [56, 'KAFKA_STORAGE_ERROR', true, 'A disk of the broker failed.'],
  [57, 'LOG_DIR_NOT_FOUND', false, 'The broker has no such log directory.'],
  [58, 'SASL_AUTHENTICATION_FAILED', false, 'The SASL credentials were refused.'],
  [59, 'UNKNOWN_PRODUCER_ID', false, 'The broker no longer knows this producer id for the partition.'],
  [60, 'REASSIGNMENT_IN_PROGRESS', false, 'The partition is being moved.'],
  [61, 'DELEGATION_TOKEN_AUTH_DISABLED', false, 'The cluster does not use delegation tokens.'],
  [62, 'DELEGATION_TOKEN_NOT_FOUND', false, 'There is no such delegation token.'],
  [63, 'DELEGATION_TOKEN_OWNER_MISMATCH', false, 'The principal neither owns nor may renew the delegation token.'],
  [64, 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', false, 'Delegation tokens cannot be asked for over such a connection.'],
  [65, 'DELEGATION_TOKEN_AUTHORIZATION_FAILED', false, 'The principal may not do this with the delegation token.'],
  [66, 'DELEGATION_TOKEN_EXPIRED', false, 'The delegation token has expired.'],
  [67, 'INVALID_PRINCIPAL_TYPE', false, 'The type of principal is not supported.'],
  [68, 'NON_EMPTY_GROUP', false, 'The group still has members.'],
  [69, 'GROUP_ID_NOT_FOUND', false, 'There is no such group.'],
  [70, 'FETCH_SESSION_ID_NOT_FOUND', true, 'The broker has no such fetch session.'],
  [71, 'INVALID_FETCH_SESSION_EPOCH', true, "The fetch session's epoch is not the expected one."],
  [72, 'LISTENER_NOT_FOUND', true, 'The leader has no listener of the name the request came in by.'],
  [73, 'TOPIC_DELETION_DISABLED', false, 'The cluster does not allow topics to be deleted.'],
  [74, 'FENCED_LEADER_EPOCH', true, "The leader epoch in the request is older than the broker's."],
  [75, 'UNKNOWN_LEADER_EPOCH', true, "The leader epoch in the request is newer than the broker's."],
  [76, 'UNSUPPORTED_COMPRESSION_TYPE', false, 'The compression may not be used in this version of the request.'],
  [77, 'STALE_BROKER_EPOCH', false, 'The broker was registered again since the request was made.'],
  [78, 'OFFSET_NOT_AVAILABLE', true, 'A new leader does not know yet up to where offsets are committed.'],
  [79, 'MEMBER_ID_REQUIRED', false, 'The member must join again with the id it was just given.'],
  [80, 'PREFERRED_LEADER_NOT_AVAILABLE', true, 'The preferred leader is not available.'],
  [81, 'GROUP_MAX_SIZE_REACHED', false, 'The group has as many members as it may have.'],
  [82, 'FENCED_INSTANCE_ID', false, 'Another member uses the same group instance id.'],
  [83, 'ELIGIBLE_LEADERS_NOT_AVAILABLE', true, 'No replica is able to lead the partition.'],
  [84, 'ELECTION_NOT_NEEDED', true, 'The partition has the right leader already.'],
  [85, 'NO_REASSIGNMENT_IN_PROGRESS', false, 'The partition is not being moved.'],
  [86, 'GROUP_SUBSCRIBED_TO_TOPIC', false, 'The group still reads this topic.'],
  [87, 'INVALID_RECORD', false, 'A record was refused by a check of its content.'],
  [88, 'UNSTABLE_OFFSET_COMMIT', true, 'Offsets of an unfinished transaction are pending.'],
  [89, 'THROTTLING_QUOTA_EXCEEDED', true, 'A quota is used up; try again later.'],
  [90, 'PRODUCER_FENCED', false, 'A newer producer took over the transactional id.'],
  [91, 'RESOURCE_NOT_FOUND', false, 'The request names something that does not exist.'],
  [92, 'DUPLICATE_RESOURCE', false, 'The request names the same thing twice.'],
  [93, 'UNACCEPTABLE_CREDENTIAL', false, 'The credential does not meet the demands on credentials.'],
  [94, 'INCONSISTENT_VOTER_SET', false, 'Sender and receiver disagree on who votes.'],
  [95, 'INVALID_UPDATE_VERSION', false, 'The version to update to is not valid.'],
  [96, 'FEATURE_UPDATE_FAILED', false, 'The features could not be updated.'],
  [97, 'PRINCIPAL_DESERIALIZATION_FAILURE', false, 'The principal in a forwarded request cannot be read.'],
  [98, 'SNAPSHOT_NOT_FOUND', false, 'There is no such snapshot.'],
  [99, 'POSITION_OUT_OF_RANGE', false, 'The position is outside the snapshot.'],
  [100, 'UNKNOWN_TOPIC_ID', true, 'This broker knows no topic with this id.'],
  [101, 'DUPLICATE_BROKER_REGISTRATION', false, 'Another broker is registered with this id.'],
  [102, 'BROKER_ID_NOT_REGISTERED', false, 'No broker is registered with this id.'],
  [103, 'INCONSISTENT_TOPIC_ID', true, "The topic's id differs from the one in the request."],
  [104, 'INCONSISTENT_CLUSTER_ID', false, 'The broker belongs to another cluster.'],
  [105, 'TRANSACTIONAL_ID_NOT_FOUND', false, 'There is no such transactional id.'],
  [106, 'FETCH_SESSION_TOPIC_ID_ERROR', true, 'The fetch session mixes topic names and topic ids.'],
  [107, 'INELIGIBLE_REPLICA', false, 'A replica in the proposed ISR may not be in it.'],
  [108, 'NEW_LEADER_ELECTED', false, 'The change was made, but the leader is another one now.'],
  [109, 'OFFSET_MOVED_TO_TIERED_STORAGE', false, 'The offset has been moved to tiered storage.'],
  [110, 'FENCED_MEMBER_EPOCH', false, "The member's epoch is over; it must give up its partitions and join again."],
  [111, 'UNRELEASED_INSTANCE_ID', false, 'The previous user of the group instance id has not left yet.'],
  [112, 'UNSUPPORTED_ASSIGNOR', false, 'The group does not support this assignor.'],
  [113, 'STALE_MEMBER_EPOCH', false, "The member's epoch is old; its next heartbeat brings the new one."],
  [114, 'MISMATCHED_ENDPOINT_TYPE', false, 'The listener asked is of the wrong type.'],
  [115, 'UNSUPPORTED_ENDPOINT_TYPE', false, 'This type of endpoint is not supported.'],
  [116, 'UNKNOWN_CONTROLLER_ID', false, 'No controller has this id.'],
  [117, 'UNKNOWN_SUBSCRIPTION_ID', false, 'The telemetry subscription is unknown or outdated.'],
  [118, 'TELEMETRY_TOO_LARGE', false, 'The telemetry sent is larger than the broker accepts.'],
  [119, 'INVALID_REGISTRATION', false, "The controller refuses the broker's registration."],
  [120, 'TRANSACTION_ABORTABLE', false, 'The transaction must be aborted; then the producer may go on.'],
  [121, 'INVALID_RECORD_STATE', false, 'The record cannot be acknowledged in its state.'],
  [122, 'SHARE_SESSION_NOT_FOUND', true, 'The broker has no such share session.'],
  [123, 'INVALID_SHARE_SESSION_EPOCH', true, "The share session's epoch is not the expected one."],
  [124, 'FENCED_STATE_EPOCH', false, "The share group's state has a newer epoch."],
  [125, 'INVALID_VOTER_KEY', false, "The voter's key is not that of the replica asked."],
  [126, 'DUPLICATE_VOTER', false, 'The voter is one already.'],
  [127, 'VOTER_NOT_FOUND', false, 'There is no such voter.'],
  [128, 'INVALID_REGULAR_EXPRESSION', false, 'The regular expression is not valid.'],
  [129, 'REBOOTSTRAP_REQUIRED', false, 'The view of the cluster is outdated; begin again at the bootstrap servers.'],
  [130, 'STREAMS_INVALID_TOPOLOGY', false, 'The Streams topology is not valid.'],
  [131, 'STREAMS_INVALID_TOPOLOGY_EPOCH', false, 'The epoch of the Streams topology is not valid.'],
  [132, 'STREAMS_TOPOLOGY_FENCED', false, 'A newer Streams topology is in force.'],
  [133, 'SHARE_SESSION_LIMIT_REACHED', true, 'The broker has as many share sessions as it may have.']
] as const

type Row = (typeof rows)[number]

export type ErrorName = Row[1]

export const kafkaErrors: readonly KafkaError[] = rows.map(([code, name, retriable, message]) => ({
  code,
  name,
  retriable,
  message
}))

/** `errorCodes.INVALID_RECORD` is 87, in the type too. */
export const errorCodes = Object.fromEntries(rows.map(([code, name]) => [name, code])) as {
  // `fromEntries` forgets which name has which code; the rows are constant.
  readonly [R in Row as R[1]]: R[0]
}

const byCode = new Map(kafkaErrors.map((error) => [error.code, error]))

/** Undefined for a code newer than this table. */
export function errorByCode(code: number): KafkaError | undefined {
  return byCode.get(code)
}
