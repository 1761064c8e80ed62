/**
 * Metadata (key 3): the brokers with their addresses, and topics with the leaders of their partitions.
 *
 * Version 4 can refuse to create topics, 8 reports what the principal may do, 10 adds topic ids, 12 asks by id, 13 has
 * an error for the whole answer, with which a broker can send a client back to its bootstrap servers (KIP-1102).
 */
import { array, bool, int16, int32, string, uuid } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const metadataRequest = message({
  name: 'MetadataRequest',
  type: 'request',
  apiKey: 3,
  versions: [0, 13],
  flexible: 9,
  fields: {
    /** Topics asked about; null asks for all, as does an empty list in version 0. */
    topics: array(
      {
        /** Topic id, zero to ask by name. */
        topicId: uuid('10+', { ignorable: true }),
        /** Topic name, null to ask by id. */
        name: string('0+', { nullable: '10+' })
      },
      '0+',
      { nullable: '1+' }
    ),
    /** Whether topics that do not exist may be created, where the broker does that at all. */
    allowAutoTopicCreation: bool('4+', { default: true }),
    /** Whether to report what the principal may do with the cluster. */
    includeClusterAuthorizedOperations: bool('8-10'),
    /** Whether to report what the principal may do with each topic. */
    includeTopicAuthorizedOperations: bool('8+')
  }
})

export const metadataResponse = message({
  name: 'MetadataResponse',
  type: 'response',
  apiKey: 3,
  versions: [0, 13],
  flexible: 9,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('3+', { ignorable: true }),
    /** All live brokers. */
    brokers: array({
      /** Node id. */
      nodeId: int32(),
      /** Host name to connect to. */
      host: string(),
      /** Port to connect to. */
      port: int32(),
      /** Rack of the broker, null when it has none. */
      rack: string('1+', { nullable: '1+', default: null, ignorable: true })
    }),
    /** Id of the cluster. */
    clusterId: string('2+', { nullable: '2+', default: null, ignorable: true }),
    /** Node id of the controller, or of any live broker in KRaft; -1 when unknown. */
    controllerId: int32('1+', { default: -1, ignorable: true }),
    /** The topics asked about. */
    topics: array({
      /** 0 when the topic exists and may be seen. */
      errorCode: int16(),
      /** Topic name, null when it was asked for by an id that does not exist. */
      name: string('0+', { nullable: '12+' }),
      /** Topic id, zero when it was asked for by a name that does not exist. */
      topicId: uuid('10+', { ignorable: true }),
      /** True for the topics that Kafka keeps for itself. */
      isInternal: bool('1+', { default: false, ignorable: true }),
      /** Its partitions. */
      partitions: array({
        /** 0 when the partition has a leader. */
        errorCode: int16(),
        /** Partition number. */
        partitionIndex: int32(),
        /** Node id of the leader, -1 when there is none. */
        leaderId: int32(),
        /** Epoch of that leadership, -1 when unknown. */
        leaderEpoch: int32('7+', { default: -1, ignorable: true }),
        /** Node ids of all replicas. */
        replicaNodes: array('int32'),
        /** Node ids of the replicas in sync. */
        isrNodes: array('int32'),
        /** Node ids of the replicas that are down. */
        offlineReplicas: array('int32', '5+', { ignorable: true })
      }),
      /** Bit n is set when the principal may do ACL operation n with the topic; -2^31 when not asked for. */
      topicAuthorizedOperations: int32('8+', { default: -2147483648 })
    }),
    /** The same for the cluster. */
    clusterAuthorizedOperations: int32('8-10', { default: -2147483648 }),
    /** Error of the whole answer. */
    errorCode: int16('13+', { ignorable: true })
  }
})

export type MetadataRequest = Decoded<typeof metadataRequest>
export type MetadataRequestInput = Input<typeof metadataRequest>
export type MetadataResponse = Decoded<typeof metadataResponse>
export type MetadataResponseInput = Input<typeof metadataResponse>
