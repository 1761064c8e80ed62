/** SyncGroup (key 14): the leader of a classic group hands in the assignment, every member gets its part of it. */
import { array, bytes, int16, int32, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const syncGroupRequest = message({
  name: 'SyncGroupRequest',
  type: 'request',
  apiKey: 14,
  versions: [0, 5],
  flexible: 4,
  fields: {
    /** Group id. */
    groupId: string(),
    /** Generation the member is in. */
    generationId: int32(),
    /** Id of the member. */
    memberId: string(),
    /** Name of a static member (KIP-345), null for others. */
    groupInstanceId: string('3+', { nullable: '3+', default: null }),
    /** What the group is for, as the member understands it. */
    protocolType: string('5+', { nullable: '5+', default: null, ignorable: true }),
    /** The assignor, as the member understands it. */
    protocolName: string('5+', { nullable: '5+', default: null, ignorable: true }),
    /** The assignment, from the leader; empty from the others. */
    assignments: array({
      /** Id of the member. */
      memberId: string(),
      /** Its part, in the assignor's own format. */
      assignment: bytes()
    })
  }
})

export const syncGroupResponse = message({
  name: 'SyncGroupResponse',
  type: 'response',
  apiKey: 14,
  versions: [0, 5],
  flexible: 4,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('1+', { ignorable: true }),
    /** 0 when the assignment counts. */
    errorCode: int16(),
    /** What the group is for. */
    protocolType: string('5+', { nullable: '5+', default: null, ignorable: true }),
    /** The assignor. */
    protocolName: string('5+', { nullable: '5+', default: null, ignorable: true }),
    /** This member's part. */
    assignment: bytes()
  }
})

export type SyncGroupRequest = Decoded<typeof syncGroupRequest>
export type SyncGroupRequestInput = Input<typeof syncGroupRequest>
export type SyncGroupResponse = Decoded<typeof syncGroupResponse>
export type SyncGroupResponseInput = Input<typeof syncGroupResponse>
