/** DescribeGroups (key 15): state and members of classic groups. */
import { array, bool, bytes, int16, int32, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const describeGroupsRequest = message({
  name: 'DescribeGroupsRequest',
  type: 'request',
  apiKey: 15,
  versions: [0, 6],
  flexible: 5,
  fields: {
    /** Group ids. */
    groups: array('string'),
    /** Whether to report what the principal may do with each group. */
    includeAuthorizedOperations: bool('3+')
  }
})

export const describeGroupsResponse = message({
  name: 'DescribeGroupsResponse',
  type: 'response',
  apiKey: 15,
  versions: [0, 6],
  flexible: 5,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('1+', { ignorable: true }),
    /** The groups asked about. */
    groups: array({
      /** 0 when the rest counts. */
      errorCode: int16(),
      /** More about the error. */
      errorMessage: string('6+', { nullable: '6+', default: null }),
      /** Group id. */
      groupId: string(),
      /** `Stable`, `PreparingRebalance`, `Dead` and so on; empty on error. */
      groupState: string(),
      /** What the group is for; `consumer` for consumers. */
      protocolType: string(),
      /** The assignor in use. */
      protocolData: string(),
      /** Its members. */
      members: array({
        /** Id of the member. */
        memberId: string(),
        /** Name of a static member (KIP-345), null for others. */
        groupInstanceId: string('4+', { nullable: '4+', default: null, ignorable: true }),
        /** Client id it joined with. */
        clientId: string(),
        /** Address it joined from. */
        clientHost: string(),
        /** What it told the assignor about itself. */
        memberMetadata: bytes(),
        /** What it was assigned, in the assignor's own format. */
        memberAssignment: bytes()
      }),
      /** Bit n is set when the principal may do ACL operation n with the group; -2^31 when not asked for. */
      authorizedOperations: int32('3+', { default: -2147483648 })
    })
  }
})

export type DescribeGroupsRequest = Decoded<typeof describeGroupsRequest>
export type DescribeGroupsRequestInput = Input<typeof describeGroupsRequest>
export type DescribeGroupsResponse = Decoded<typeof describeGroupsResponse>
export type DescribeGroupsResponseInput = Input<typeof describeGroupsResponse>
