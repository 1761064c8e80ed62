/** Heartbeat (key 12): a member of a classic group says that it is alive, and learns of rebalances. */
import { int16, int32, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const heartbeatRequest = message({
  name: 'HeartbeatRequest',
  type: 'request',
  apiKey: 12,
  versions: [0, 4],
  flexible: 4,
  fields: {
    /** Group id. */
    groupId: string(),
    /** Generation the member is in. */
    generationId: int32(),
    /** Id of the member. */
    memberId: string(),
    /** Name of a static member (KIP-345), null for others. */
    groupInstanceId: string('3+', { nullable: '3+', default: null })
  }
})

export const heartbeatResponse = message({
  name: 'HeartbeatResponse',
  type: 'response',
  apiKey: 12,
  versions: [0, 4],
  flexible: 4,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('1+', { ignorable: true }),
    /** 0 to go on; REBALANCE_IN_PROGRESS to join again. */
    errorCode: int16()
  }
})

export type HeartbeatRequest = Decoded<typeof heartbeatRequest>
export type HeartbeatRequestInput = Input<typeof heartbeatRequest>
export type HeartbeatResponse = Decoded<typeof heartbeatResponse>
export type HeartbeatResponseInput = Input<typeof heartbeatResponse>
