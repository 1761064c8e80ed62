/**
 * LeaveGroup (key 13): members leave a classic group.
 *
 * From version 3 on several members may leave at once, static ones among them (KIP-345).
 */
import { array, int16, int32, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const leaveGroupRequest = message({
  name: 'LeaveGroupRequest',
  type: 'request',
  apiKey: 13,
  versions: [0, 5],
  flexible: 4,
  fields: {
    /** Group id. */
    groupId: string(),
    /** Id of the member that leaves. */
    memberId: string('0-2'),
    /** The members that leave. */
    members: array(
      {
        /** Id of the member; may be empty when the instance id is given. */
        memberId: string('3+'),
        /** Name of a static member, null for others. */
        groupInstanceId: string('3+', { nullable: '3+', default: null }),
        /** Why it leaves, for the broker's log. */
        reason: string('5+', { nullable: '5+', default: null, ignorable: true })
      },
      '3+'
    )
  }
})

export const leaveGroupResponse = message({
  name: 'LeaveGroupResponse',
  type: 'response',
  apiKey: 13,
  versions: [0, 5],
  flexible: 4,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('1+', { ignorable: true }),
    /** Error of the whole request. */
    errorCode: int16(),
    /** Outcome per member. */
    members: array(
      {
        /** Id of the member. */
        memberId: string('3+'),
        /** Name of a static member, null for others. */
        groupInstanceId: string('3+', { nullable: '3+' }),
        /** 0 when it has left. */
        errorCode: int16('3+')
      },
      '3+'
    )
  }
})

export type LeaveGroupRequest = Decoded<typeof leaveGroupRequest>
export type LeaveGroupRequestInput = Input<typeof leaveGroupRequest>
export type LeaveGroupResponse = Decoded<typeof leaveGroupResponse>
export type LeaveGroupResponseInput = Input<typeof leaveGroupResponse>
