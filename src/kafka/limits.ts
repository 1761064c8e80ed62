/** Limits of our own client. */

/** A broker's Fetch response is bounded by what we ask for; the largest legal Metadata of a big cluster is some MB. */
export const maxResponseBytes = 100 * 1024 * 1024

/** Requests of ours that wait on one connection. A caller that runs ahead of this has lost its own bound. */
export const maxInFlightRequests = 1000

export const connectTimeoutMs = 5_000

/** Kafka's `request.timeout.ms`. */
export const requestTimeoutMs = 30_000

/** Tries of one metadata question, with the pauses below between them. */
export const metadataAttempts = 6

export const retryBackoffMs = 100

/** Kafka's `retry.backoff.max.ms`. */
export const retryBackoffMaxMs = 1_000

/** Least pause between two Metadata requests of a watch, however many connections fail and ask for one. */
export const minRefreshGapMs = 250

/** A watch goes through all known addresses one by one; a black hole among them must not hold it for long. */
export const watchTimeoutMs = 2_000

/** Pause of a watch after nobody answered; doubles up to its refresh interval. */
export const watchRetryMs = 500

/** Transactional ids whose coordinator is remembered; forgetting one costs a FindCoordinator request. */
export const maxCoordinators = 1_000

/** How long an append to a log of ours may take: below the time a producer's request waits for a decision. */
export const writeGiveUpAfterMs = 4_000

/** Half of Kafka's default `max.message.bytes`: keys and values grow by some bytes each in a batch. */
export const maxWriteBatchBytes = 512 * 1024

/**
 * Least time between two appends of one writer, milliseconds: so much longer may a bad record hold up its batch while many
 * come. A producer with five requests in flight does not notice; a hundred small requests become one.
 */
export const writeGapMs = 2

/** What a log of ours holds back while its partition has no leader. */
export const maxWriteQueueBytes = 16 * 1024 * 1024

/** Callers of it; each is a promise and a timer. */
export const maxWriteQueueCalls = 100_000

/** How long somebody waits for a record of a log of ours that should be there by now. */
export const readGiveUpAfterMs = 5_000

/** A long poll of a log's tail; a record that comes ends it at once. */
export const tailWaitMs = 500

/** One fetch of a log's tail: read in one go, so it must not hold up everything else for long. */
export const tailFetchBytes = 1024 * 1024

/** Batches of one Produce request, a larger one goes alone: some milliseconds of a network, far below what brokers take. */
export const produceRequestBytes = 4 * 1024 * 1024
