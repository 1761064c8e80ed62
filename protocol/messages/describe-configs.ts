/**
 * DescribeConfigs (key 32): settings of topics, brokers and other resources.
 *
 * Resource types: 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group.
 */
import { array, bool, int16, int32, int8, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const describeConfigsRequest = message({
  name: 'DescribeConfigsRequest',
  type: 'request',
  apiKey: 32,
  versions: [0, 4],
  flexible: 4,
  fields: {
    /** What to describe. */
    resources: array({
      /** Type of the resource. */
      resourceType: int8(),
      /** Topic name, node id in digits and so on. */
      resourceName: string(),
      /** Settings of interest, null for all. */
      configurationKeys: array('string', '0+', { nullable: '0+' })
    }),
    /** Whether to tell where each value was overridden. */
    includeSynonyms: bool('1+', { default: false }),
    /** Whether to add the documentation of each setting. */
    includeDocumentation: bool('3+', { default: false })
  }
})

export const describeConfigsResponse = message({
  name: 'DescribeConfigsResponse',
  type: 'response',
  apiKey: 32,
  versions: [0, 4],
  flexible: 4,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** The resources asked about. */
    results: array({
      /** 0 when the settings count. */
      errorCode: int16(),
      /** Why they do not. */
      errorMessage: string('0+', { nullable: '0+' }),
      /** Type of the resource. */
      resourceType: int8(),
      /** Name of the resource. */
      resourceName: string(),
      /** Its settings. */
      configs: array({
        /** Name of the setting. */
        name: string(),
        /** Its value, null where it is secret. */
        value: string('0+', { nullable: '0+' }),
        /** Whether it cannot be changed. */
        readOnly: bool(),
        /** Whether nobody set it. */
        isDefault: bool('0'),
        /** 1 topic, 2 and 3 dynamic broker settings, 4 the broker's file, 5 built in, and others; -1 when unknown. */
        configSource: int8('1+', { default: -1, ignorable: true }),
        /** Whether it is secret. */
        isSensitive: bool(),
        /** All places that set it, the one in force first. */
        synonyms: array(
          {
            /** Name of the setting there. */
            name: string('1+'),
            /** Value there, null where it is secret. */
            value: string('1+', { nullable: '0+' }),
            /** The place, as in `configSource`. */
            source: int8('1+')
          },
          '1+',
          { ignorable: true }
        ),
        /** 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password; 0 when unknown. */
        configType: int8('3+', { default: 0, ignorable: true }),
        /** What the setting does. */
        documentation: string('3+', { nullable: '0+', ignorable: true })
      })
    })
  }
})

export type DescribeConfigsRequest = Decoded<typeof describeConfigsRequest>
export type DescribeConfigsRequestInput = Input<typeof describeConfigsRequest>
export type DescribeConfigsResponse = Decoded<typeof describeConfigsResponse>
export type DescribeConfigsResponseInput = Input<typeof describeConfigsResponse>
