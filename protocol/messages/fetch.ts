/**
 * Fetch (key 1): reads record batches from partitions.
 *
 * Version 4 is the first with record batches v2, 7 with fetch sessions (KIP-227), 11 with reading from a close replica
 * (KIP-392), 13 names topics by id. Version 16 puts broker addresses behind the records and is not spoken here, so that
 * the responses of clients can be relayed unread.
 */
import { array, int16, int32, int64, int8, records, string, struct, uuid } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const fetchRequest = message({
  name: 'FetchRequest',
  type: 'request',
  apiKey: 1,
  versions: [0, 15],
  flexible: 12,
  fields: {
    /** Cluster the sender believes to talk to, null when it does not know. */
    clusterId: string('12+', { nullable: '12+', default: null, ignorable: true, tag: 0 }),
    /** Node id of a follower, -1 for a consumer. */
    replicaId: int32('0-14', { default: -1 }),
    /** The same with an epoch, where the sender is a follower. */
    replicaState: struct(
      {
        /** Node id of a follower, -1 for a consumer. */
        replicaId: int32('15+', { default: -1 }),
        /** Epoch of the follower, -1 when it has none. */
        replicaEpoch: int64('15+', { default: -1n })
      },
      '15+',
      { tag: 1 }
    ),
    /** Milliseconds to wait for `minBytes`. */
    maxWaitMs: int32(),
    /** Bytes to wait for. */
    minBytes: int32(),
    /** Most bytes of the response; the first batch is sent even when it is larger (KIP-74). */
    maxBytes: int32('3+', { default: 0x7fffffff, ignorable: true }),
    /** 0 reads everything, 1 only what committed transactions wrote. */
    isolationLevel: int8('4+', { default: 0, ignorable: true }),
    /** Fetch session, 0 for none or a new one. */
    sessionId: int32('7+', { default: 0, ignorable: true }),
    /** Counts the requests of the session; -1 without one, 0 to begin one. */
    sessionEpoch: int32('7+', { default: -1, ignorable: true }),
    /** What to read; within a session, only what changed. */
    topics: array({
      /** Topic name. */
      topic: string('0-12', { ignorable: true }),
      /** Topic id. */
      topicId: uuid('13+', { ignorable: true }),
      /** Partitions to read. */
      partitions: array({
        /** Partition number. */
        partition: int32(),
        /** Leader epoch the client knows, -1 to skip the check. */
        currentLeaderEpoch: int32('9+', { default: -1, ignorable: true }),
        /** Offset to read from. */
        fetchOffset: int64(),
        /** Epoch of the last record a follower has, -1 for a consumer. */
        lastFetchedEpoch: int32('12+', { default: -1 }),
        /** First offset a follower holds, -1 for a consumer. */
        logStartOffset: int64('5+', { default: -1n, ignorable: true }),
        /** Most bytes of this partition. */
        partitionMaxBytes: int32()
      })
    }),
    /** Partitions that leave the session. */
    forgottenTopicsData: array(
      {
        /** Topic name. */
        topic: string('7-12', { ignorable: true }),
        /** Topic id. */
        topicId: uuid('13+', { ignorable: true }),
        /** Partition numbers. */
        partitions: array('int32', '7+')
      },
      '7+'
    ),
    /** Rack of the consumer, empty when it has none. */
    rackId: string('11+', { default: '', ignorable: true })
  }
})

export const fetchResponse = message({
  name: 'FetchResponse',
  type: 'response',
  apiKey: 1,
  versions: [0, 15],
  flexible: 12,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('1+', { ignorable: true }),
    /** Error of the session or of the whole request. */
    errorCode: int16('7+', { ignorable: true }),
    /** Fetch session, 0 for none. */
    sessionId: int32('7+', { default: 0 }),
    /** What was read. */
    responses: array({
      /** Topic name. */
      topic: string('0-12', { ignorable: true }),
      /** Topic id. */
      topicId: uuid('13+', { ignorable: true }),
      /** Partitions that were read. */
      partitions: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** 0 when the partition could be read. */
        errorCode: int16(),
        /** Offset after the last record that all in-sync replicas have. */
        highWatermark: int64(),
        /** Offset up to which every transaction is decided. */
        lastStableOffset: int64('4+', { default: -1n, ignorable: true }),
        /** First offset the partition still holds. */
        logStartOffset: int64('5+', { default: -1n, ignorable: true }),
        /** Where a follower's log parted from the leader's. */
        divergingEpoch: struct(
          {
            /** Last epoch both have. */
            epoch: int32('12+', { default: -1 }),
            /** Offset at which that epoch ends. */
            endOffset: int64('12+', { default: -1n })
          },
          '12+',
          { tag: 0 }
        ),
        /** Who leads the partition now, sent when this broker does not. */
        currentLeader: struct(
          {
            /** Node id of the leader, -1 when unknown. */
            leaderId: int32('12+', { default: -1 }),
            /** Epoch of that leadership, -1 when unknown. */
            leaderEpoch: int32('12+', { default: -1 })
          },
          '12+',
          { tag: 1 }
        ),
        /** Snapshot to load instead, where a KRaft replica asks for offsets that are gone. */
        snapshotId: struct(
          {
            /** Offset at which the snapshot ends. */
            endOffset: int64('0+', { default: -1n }),
            /** Epoch of the snapshot. */
            epoch: int32('0+', { default: -1 })
          },
          '12+',
          { tag: 2 }
        ),
        /** Aborted transactions whose records are among those returned. */
        abortedTransactions: array(
          {
            /** Producer id of the transaction. */
            producerId: int64('4+'),
            /** Offset of its first record. */
            firstOffset: int64('4+')
          },
          '4+',
          { nullable: '4+', ignorable: true }
        ),
        /** Node id of the replica to read from next, -1 to stay. */
        preferredReadReplica: int32('11+', { default: -1 }),
        /** Record batches; the last one may be cut off. */
        records: records('0+', { nullable: '0+' })
      })
    })
  }
})

export type FetchRequest = Decoded<typeof fetchRequest>
export type FetchRequestInput = Input<typeof fetchRequest>
export type FetchResponse = Decoded<typeof fetchResponse>
export type FetchResponseInput = Input<typeof fetchResponse>
