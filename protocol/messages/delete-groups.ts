/**
 * DeleteGroups (key 42): removes empty groups with their offsets.
 *
 * Version 3 of Kafka 4.4 is relayed but not declared.
 */
import { array, int16, int32, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const deleteGroupsRequest = message({
  name: 'DeleteGroupsRequest',
  type: 'request',
  apiKey: 42,
  versions: [0, 2],
  flexible: 2,
  fields: {
    /** Group ids. */
    groupsNames: array('string')
  }
})

export const deleteGroupsResponse = message({
  name: 'DeleteGroupsResponse',
  type: 'response',
  apiKey: 42,
  versions: [0, 2],
  flexible: 2,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** Outcome per group. */
    results: array({
      /** Group id. */
      groupId: string(),
      /** 0 when the group is gone. */
      errorCode: int16()
    })
  }
})

export type DeleteGroupsRequest = Decoded<typeof deleteGroupsRequest>
export type DeleteGroupsRequestInput = Input<typeof deleteGroupsRequest>
export type DeleteGroupsResponse = Decoded<typeof deleteGroupsResponse>
export type DeleteGroupsResponseInput = Input<typeof deleteGroupsResponse>
