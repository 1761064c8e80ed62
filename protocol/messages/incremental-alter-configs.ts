/** IncrementalAlterConfigs (key 44): changes single settings and leaves the others (KIP-339). */
import { array, bool, int16, int32, int8, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const incrementalAlterConfigsRequest = message({
  name: 'IncrementalAlterConfigsRequest',
  type: 'request',
  apiKey: 44,
  versions: [0, 1],
  flexible: 1,
  fields: {
    /** What to change. */
    resources: array({
      /** Type of the resource, as in DescribeConfigs. */
      resourceType: int8(),
      /** Name of the resource. */
      resourceName: string(),
      /** The changes. */
      configs: array({
        /** Name of the setting. */
        name: string(),
        /** 0 set, 1 delete, 2 append to a list, 3 subtract from a list. */
        configOperation: int8(),
        /** The value, null to delete. */
        value: string('0+', { nullable: '0+' })
      })
    }),
    /** Whether to check only. */
    validateOnly: bool()
  }
})

export const incrementalAlterConfigsResponse = message({
  name: 'IncrementalAlterConfigsResponse',
  type: 'response',
  apiKey: 44,
  versions: [0, 1],
  flexible: 1,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** Outcome per resource. */
    responses: array({
      /** 0 when the changes are made. */
      errorCode: int16(),
      /** Why they are not. */
      errorMessage: string('0+', { nullable: '0+' }),
      /** Type of the resource. */
      resourceType: int8(),
      /** Name of the resource. */
      resourceName: string()
    })
  }
})

export type IncrementalAlterConfigsRequest = Decoded<typeof incrementalAlterConfigsRequest>
export type IncrementalAlterConfigsRequestInput = Input<typeof incrementalAlterConfigsRequest>
export type IncrementalAlterConfigsResponse = Decoded<typeof incrementalAlterConfigsResponse>
export type IncrementalAlterConfigsResponseInput = Input<typeof incrementalAlterConfigsResponse>
