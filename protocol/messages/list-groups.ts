/** ListGroups (key 16): the groups that this broker coordinates. */
import { array, int16, int32, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const listGroupsRequest = message({
  name: 'ListGroupsRequest',
  type: 'request',
  apiKey: 16,
  versions: [0, 5],
  flexible: 3,
  fields: {
    /** States of interest, empty for all. */
    statesFilter: array('string', '4+'),
    /** Types of interest (`classic`, `consumer`, `share`, `streams`), empty for all. */
    typesFilter: array('string', '5+')
  }
})

export const listGroupsResponse = message({
  name: 'ListGroupsResponse',
  type: 'response',
  apiKey: 16,
  versions: [0, 5],
  flexible: 3,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('1+', { ignorable: true }),
    /** 0 when the list counts. */
    errorCode: int16(),
    /** The groups. */
    groups: array({
      /** Group id. */
      groupId: string(),
      /** What the group is for; `consumer` for consumers. */
      protocolType: string(),
      /** State of the group. */
      groupState: string('4+', { ignorable: true }),
      /** Type of the group. */
      groupType: string('5+', { ignorable: true })
    })
  }
})

export type ListGroupsRequest = Decoded<typeof listGroupsRequest>
export type ListGroupsRequestInput = Input<typeof listGroupsRequest>
export type ListGroupsResponse = Decoded<typeof listGroupsResponse>
export type ListGroupsResponseInput = Input<typeof listGroupsResponse>
