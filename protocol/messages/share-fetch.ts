/**
 * ShareFetch (key 78): a member of a share group acquires records and acknowledges earlier ones (KIP-932).
 *
 * Broker addresses come after the records, so a response has to be opened to the end. Version 0 was an early draft.
 */
import { array, bool, int16, int32, int64, int8, records, string, struct, uuid } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const shareFetchRequest = message({
  name: 'ShareFetchRequest',
  type: 'request',
  apiKey: 78,
  versions: [1, 2],
  flexible: 0,
  fields: {
    /** Group id. */
    groupId: string('0+', { nullable: '0+', default: null }),
    /** Id of the member. */
    memberId: string('0+', { nullable: '0+' }),
    /** 0 opens a share session, -1 closes it, otherwise it counts the requests. */
    shareSessionEpoch: int32(),
    /** Milliseconds to wait for `minBytes`. */
    maxWaitMs: int32(),
    /** Bytes to wait for. */
    minBytes: int32(),
    /** Most bytes of the response; the first batch is sent even when it is larger (KIP-74). */
    maxBytes: int32('0+', { default: 0x7fffffff }),
    /** Most records of the response, rounded up to whole batches. */
    maxRecords: int32('1+'),
    /** Records that are best acquired and acknowledged together. */
    batchSize: int32('1+'),
    /** 0 acquires whole batches, 1 keeps strictly to `maxRecords`. */
    shareAcquireMode: int8('2+', { default: 0, ignorable: true }),
    /** Whether some acknowledgements only renew the lock. */
    isRenewAck: bool('2+', { default: false }),
    /** What to read and to acknowledge; within a session, only what changed. */
    topics: array({
      /** Topic id. */
      topicId: uuid(),
      /** Its partitions. */
      partitions: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** Acknowledgements by ranges of offsets. */
        acknowledgementBatches: array({
          /** First offset of the range. */
          firstOffset: int64(),
          /** Last offset of the range, included. */
          lastOffset: int64(),
          /** One for all, or one per offset: 0 gap, 1 accept, 2 release, 3 reject, 4 renew. */
          acknowledgeTypes: array('int8')
        })
      })
    }),
    /** Partitions that leave the session. */
    forgottenTopicsData: array({
      /** Topic id. */
      topicId: uuid(),
      /** Partition numbers. */
      partitions: array('int32')
    })
  }
})

export const shareFetchResponse = message({
  name: 'ShareFetchResponse',
  type: 'response',
  apiKey: 78,
  versions: [1, 2],
  flexible: 0,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** Error of the whole request. */
    errorCode: int16(),
    /** More about it. */
    errorMessage: string('0+', { nullable: '0+', default: null }),
    /** Milliseconds for which acquired records are locked. */
    acquisitionLockTimeoutMs: int32('1+'),
    /** What was read. */
    responses: array({
      /** Topic id. */
      topicId: uuid(),
      /** Its partitions. */
      partitions: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** 0 when the partition could be read. */
        errorCode: int16(),
        /** More about that error. */
        errorMessage: string('0+', { nullable: '0+', default: null }),
        /** 0 when the acknowledgements were taken. */
        acknowledgeErrorCode: int16(),
        /** More about that error. */
        acknowledgeErrorMessage: string('0+', { nullable: '0+', default: null }),
        /** Who leads the partition now. */
        currentLeader: struct({
          /** Node id of the leader, -1 when unknown. */
          leaderId: int32(),
          /** Epoch of that leadership. */
          leaderEpoch: int32()
        }),
        /** Record batches. */
        records: records('0+', { nullable: '0' }),
        /** Ranges of offsets this member has acquired. */
        acquiredRecords: array({
          /** First offset of the range. */
          firstOffset: int64(),
          /** Last offset of the range, included. */
          lastOffset: int64(),
          /** How often the range has been delivered, this time included. */
          deliveryCount: int16()
        })
      })
    }),
    /** Addresses of the current leaders named above. */
    nodeEndpoints: array({
      /** Node id. */
      nodeId: int32(),
      /** Host name to connect to. */
      host: string(),
      /** Port to connect to. */
      port: int32(),
      /** Rack of the node, null when it has none. */
      rack: string('0+', { nullable: '0+', default: null })
    })
  }
})

export type ShareFetchRequest = Decoded<typeof shareFetchRequest>
export type ShareFetchRequestInput = Input<typeof shareFetchRequest>
export type ShareFetchResponse = Decoded<typeof shareFetchResponse>
export type ShareFetchResponseInput = Input<typeof shareFetchResponse>
