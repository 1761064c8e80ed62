/** DescribeCluster (key 60): the brokers with their addresses, for admin clients (KIP-700). */
import { array, bool, int16, int32, int8, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const describeClusterRequest = message({
  name: 'DescribeClusterRequest',
  type: 'request',
  apiKey: 60,
  versions: [0, 2],
  flexible: 0,
  fields: {
    /** Whether to report what the principal may do with the cluster. */
    includeClusterAuthorizedOperations: bool(),
    /** 1 for brokers, 2 for controllers (KIP-919). */
    endpointType: int8('1+', { default: 1 }),
    /** Whether to list brokers that are registered but fenced. */
    includeFencedBrokers: bool('2+')
  }
})

export const describeClusterResponse = message({
  name: 'DescribeClusterResponse',
  type: 'response',
  apiKey: 60,
  versions: [0, 2],
  flexible: 0,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** 0 when the rest counts. */
    errorCode: int16(),
    /** Why it does not. */
    errorMessage: string('0+', { nullable: '0+', default: null }),
    /** 1 for brokers, 2 for controllers. */
    endpointType: int8('1+', { default: 1 }),
    /** Id of the cluster. */
    clusterId: string(),
    /** Node id of the controller, or of any live broker in KRaft; -1 when unknown. */
    controllerId: int32('0+', { default: -1 }),
    /** The brokers. */
    brokers: array({
      /** Node id. */
      brokerId: int32(),
      /** Host name to connect to. */
      host: string(),
      /** Port to connect to. */
      port: int32(),
      /** Rack of the broker, null when it has none. */
      rack: string('0+', { nullable: '0+', default: null }),
      /** Whether the broker is fenced. */
      isFenced: bool('2+')
    }),
    /** Bit n is set when the principal may do ACL operation n with the cluster; -2^31 when not asked for. */
    clusterAuthorizedOperations: int32('0+', { default: -2147483648 })
  }
})

export type DescribeClusterRequest = Decoded<typeof describeClusterRequest>
export type DescribeClusterRequestInput = Input<typeof describeClusterRequest>
export type DescribeClusterResponse = Decoded<typeof describeClusterResponse>
export type DescribeClusterResponseInput = Input<typeof describeClusterResponse>
