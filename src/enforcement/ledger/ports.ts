/** What the ledger needs of a cluster. Implemented over Kafka in `src/quarantine`, by a model in the simulation. */

/** The batches of one producer id and epoch in one partition. */
export interface ChainId {
  readonly topic: string
  readonly partition: number
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** One record of the ledger topic. */
export interface LedgerRecord {
  readonly offset: bigint
  /** Epoch milliseconds, the broker's. */
  readonly timestampMs: number
  readonly key: Buffer
  /** Null: a tombstone. */
  readonly value: Buffer | null
}

/**
 * The compacted topic of one partition whose order decides who owns a chain. It hands every record, from the earliest
 * on and in order, to the one `onRecord` it was made with.
 */
export interface LedgerLog {
  /**
   * Appends with acks=all, in the order of the calls, each exactly once. While several wait to be sent only the last
   * value of a key is: all of them resolve with its offset. Rejects when the log refused it, or when it could not be
   * written within the time the log allows itself; the outcome of a rejected one may be that it is in the log.
   */
  append(key: Buffer, value: Buffer | null): Promise<bigint>
  /** Resolves when the record at this offset, and all before it, were handed to `onRecord`. Rejects when closed. */
  readThrough(offset: bigint): Promise<void>
  /** Resolves when all that is in the log at the time of the call was handed to `onRecord`. Rejects when it cannot. */
  sync(): Promise<void>
}

/** What the broker itself knows of a producer (DescribeProducers, KIP-664). */
export interface ProducerStates {
  /**
   * The last sequence the leader has appended for this producer id and epoch; null when it knows none of this epoch.
   * Rejects when nobody could be asked.
   */
  lastSequence(chain: ChainId): Promise<number | null>
}
