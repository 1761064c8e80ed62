/** ShareAcknowledge (key 79): a member of a share group acknowledges records without reading more (KIP-932). */
import { array, bool, int16, int32, int64, string, struct, uuid } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const shareAcknowledgeRequest = message({
  name: 'ShareAcknowledgeRequest',
  type: 'request',
  apiKey: 79,
  versions: [1, 2],
  flexible: 0,
  fields: {
    /** Group id. */
    groupId: string('0+', { nullable: '0+', default: null }),
    /** Id of the member. */
    memberId: string('0+', { nullable: '0+' }),
    /** -1 closes the share session, otherwise it counts the requests. */
    shareSessionEpoch: int32(),
    /** Whether some acknowledgements only renew the lock. */
    isRenewAck: bool('2+', { default: false }),
    /** What to acknowledge. */
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
    })
  }
})

export const shareAcknowledgeResponse = message({
  name: 'ShareAcknowledgeResponse',
  type: 'response',
  apiKey: 79,
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
    acquisitionLockTimeoutMs: int32('2+', { ignorable: true }),
    /** Outcome per topic. */
    responses: array({
      /** Topic id. */
      topicId: uuid(),
      /** Outcome per partition. */
      partitions: array({
        /** Partition number. */
        partitionIndex: int32(),
        /** 0 when the acknowledgements were taken. */
        errorCode: int16(),
        /** More about the error. */
        errorMessage: string('0+', { nullable: '0+', default: null }),
        /** Who leads the partition now. */
        currentLeader: struct({
          /** Node id of the leader, -1 when unknown. */
          leaderId: int32(),
          /** Epoch of that leadership. */
          leaderEpoch: int32()
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

export type ShareAcknowledgeRequest = Decoded<typeof shareAcknowledgeRequest>
export type ShareAcknowledgeRequestInput = Input<typeof shareAcknowledgeRequest>
export type ShareAcknowledgeResponse = Decoded<typeof shareAcknowledgeResponse>
export type ShareAcknowledgeResponseInput = Input<typeof shareAcknowledgeResponse>
