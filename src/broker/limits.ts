/** Limits of the embedded broker. It lives in memory, in the process of a demo or a test; all of them can be reached. */

/** Kafka's `socket.request.max.bytes`. */
export const maxRequestBytes = 100 * 1024 * 1024

/** Requests that wait behind the one being answered; above it the socket is not read. */
export const maxReadAheadBytes = 1024 * 1024

/** What a partition keeps unless told otherwise; the oldest batches go first. */
export const retentionBytesPerPartition = 64 * 1024 * 1024

/** What one batch may become when it is decompressed. */
export const maxInflatedBytes = 64 * 1024 * 1024

/** Of all topics together: each costs a log, and Metadata names every one of them. */
export const maxPartitions = 10_000

/** Producer ids with state per partition; the one that has been silent longest is forgotten first. */
export const maxProducersPerPartition = 10_000

/** Kafka's `producer.id.expiration.ms`. */
export const producerIdExpirationMs = 86_400_000

export const maxGroups = 1_000

/** Members and member ids handed out, per group (Kafka's `group.max.size`). */
export const maxGroupMembers = 1_000

/** Committed offsets per group. */
export const maxGroupOffsets = 10_000

/** Kafka's `group.max.session.timeout.ms`. Its minimum of 6 s is not kept, so that tests need not wait that long. */
export const maxSessionTimeoutMs = 1_800_000

/** Kafka's `offset.metadata.max.bytes`. */
export const maxOffsetMetadataBytes = 4_096
