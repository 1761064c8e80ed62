/**
 * JoinGroup (key 11): a consumer enters a classic group, or enters again when the group rebalances.
 *
 * From version 4 on a new member is first given an id and must come back with it (KIP-394); 5 knows static members.
 */
import { array, bool, bytes, int16, int32, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const joinGroupRequest = message({
  name: 'JoinGroupRequest',
  type: 'request',
  apiKey: 11,
  versions: [0, 9],
  flexible: 6,
  fields: {
    /** Group id. */
    groupId: string(),
    /** Milliseconds without a heartbeat after which the member counts as dead. */
    sessionTimeoutMs: int32(),
    /** Milliseconds the group waits for its members to join again, -1 for the session timeout. */
    rebalanceTimeoutMs: int32('1+', { default: -1, ignorable: true }),
    /** Id given earlier, empty for a new member. */
    memberId: string(),
    /** Name of a static member (KIP-345), null for others. */
    groupInstanceId: string('5+', { nullable: '5+', default: null }),
    /** What the group is for; `consumer` for consumers. */
    protocolType: string(),
    /** Ways of assigning partitions the member can do, the preferred one first. */
    protocols: array({
      /** Name of the assignor. */
      name: string(),
      /** What the assignor must know about this member. */
      metadata: bytes()
    }),
    /** Why the member joins, for the broker's log. */
    reason: string('8+', { nullable: '8+', default: null, ignorable: true })
  }
})

export const joinGroupResponse = message({
  name: 'JoinGroupResponse',
  type: 'response',
  apiKey: 11,
  versions: [0, 9],
  flexible: 6,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('2+', { ignorable: true }),
    /** 0 when the member is in. */
    errorCode: int16(),
    /** Generation of the group. */
    generationId: int32('0+', { default: -1 }),
    /** What the group is for. */
    protocolType: string('7+', { nullable: '7+', default: null, ignorable: true }),
    /** The assignor all members can do. */
    protocolName: string('0+', { nullable: '7+' }),
    /** Id of the member that assigns the partitions. */
    leader: string(),
    /** Whether the leader must keep the old assignment. */
    skipAssignment: bool('9+', { default: false }),
    /** Id of this member. */
    memberId: string(),
    /** All members, for the leader; empty for the others. */
    members: array({
      /** Id of the member. */
      memberId: string(),
      /** Name of a static member, null for others. */
      groupInstanceId: string('5+', { nullable: '5+', default: null, ignorable: true }),
      /** What it told about itself for the chosen assignor. */
      metadata: bytes()
    })
  }
})

export type JoinGroupRequest = Decoded<typeof joinGroupRequest>
export type JoinGroupRequestInput = Input<typeof joinGroupRequest>
export type JoinGroupResponse = Decoded<typeof joinGroupResponse>
export type JoinGroupResponseInput = Input<typeof joinGroupResponse>
