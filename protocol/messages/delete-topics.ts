/** DeleteTopics (key 20): deletes topics by name, from version 6 on also by id. */
import { array, int16, int32, string, uuid } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const deleteTopicsRequest = message({
  name: 'DeleteTopicsRequest',
  type: 'request',
  apiKey: 20,
  versions: [0, 6],
  flexible: 4,
  fields: {
    /** Topics to delete, each by name or by id. */
    topics: array(
      {
        /** Topic name, null to go by id. */
        name: string('6+', { nullable: '6+', default: null }),
        /** Topic id, zero to go by name. */
        topicId: uuid('6+')
      },
      '6+'
    ),
    /** Topics to delete. */
    topicNames: array('string', '0-5', { ignorable: true }),
    /** Milliseconds to wait until the topics are gone. */
    timeoutMs: int32()
  }
})

export const deleteTopicsResponse = message({
  name: 'DeleteTopicsResponse',
  type: 'response',
  apiKey: 20,
  versions: [0, 6],
  flexible: 4,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('1+', { ignorable: true }),
    /** Outcome per topic. */
    responses: array({
      /** Topic name, null when an id was given that may not be resolved. */
      name: string('0+', { nullable: '6+' }),
      /** Topic id. */
      topicId: uuid('6+', { ignorable: true }),
      /** 0 when the topic is gone. */
      errorCode: int16(),
      /** Why it is not. */
      errorMessage: string('5+', { nullable: '5+', default: null, ignorable: true })
    })
  }
})

export type DeleteTopicsRequest = Decoded<typeof deleteTopicsRequest>
export type DeleteTopicsRequestInput = Input<typeof deleteTopicsRequest>
export type DeleteTopicsResponse = Decoded<typeof deleteTopicsResponse>
export type DeleteTopicsResponseInput = Input<typeof deleteTopicsResponse>
