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
