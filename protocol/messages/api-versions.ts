/**
 * ApiVersions (key 18): which APIs the broker has, in which versions, and the features of the cluster.
 *
 * Its response always has header 0. A broker that does not know the version of the request answers UNSUPPORTED_VERSION
 * in the format of version 0, from Kafka 2.4 on with the range of ApiVersions itself (KIP-511).
 */
import { MalformedMessageError } from '../bytes/malformed.ts'
import { errorCodes } from '../errors.ts'
import { array, bool, int16, int32, int64, string } from '../schema/fields.ts'
import { message, type Decoded, type DecodeOptions, type Input } from '../schema/message.ts'

export const apiVersionsRequest = message({
  name: 'ApiVersionsRequest',
  type: 'request',
  apiKey: 18,
  versions: [0, 4],
  flexible: 3,
  fields: {
    /** Name of the client library: letters, digits, inner dots and dashes (KIP-511). */
    clientSoftwareName: string('3+', { ignorable: true }),
    /** Its version, written the same way. */
    clientSoftwareVersion: string('3+', { ignorable: true })
  }
})

export const apiVersionsResponse = message({
  name: 'ApiVersionsResponse',
  type: 'response',
  apiKey: 18,
  versions: [0, 4],
  flexible: 3,
  fields: {
    /** UNSUPPORTED_VERSION when the request's version is unknown. */
    errorCode: int16(),
    /** The APIs; after UNSUPPORTED_VERSION only this one, or none from brokers before 2.4. */
    apiKeys: array({
      /** Key of the API. */
      apiKey: int16(),
      /** Oldest version, included. */
      minVersion: int16(),
      /** Newest version, included. */
      maxVersion: int16()
    }),
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('1+', { ignorable: true }),
    /** Features the broker can do; up to version 3 without those whose range begins at 0. */
    supportedFeatures: array(
      {
        /** Name of the feature: `transaction.version` and so on. */
        name: string('3+'),
        /** Lowest level. */
        minVersion: int16('3+'),
        /** Highest level. */
        maxVersion: int16('3+')
      },
      '3+',
      { ignorable: true, tag: 0 }
    ),
    /** Rises with every change of the finalized features, -1 when unknown. */
    finalizedFeaturesEpoch: int64('3+', { default: -1n, ignorable: true, tag: 1 }),
    /** Features in force in the whole cluster; they count only while the epoch is known. */
    finalizedFeatures: array(
      {
        /** Name of the feature. */
        name: string('3+'),
        /** Highest level in force. */
        maxVersionLevel: int16('3+'),
        /** Lowest level in force. */
        minVersionLevel: int16('3+')
      },
      '3+',
      { ignorable: true, tag: 2 }
    ),
    /** Set by controllers that are ready to take over from ZooKeeper. */
    zkMigrationReady: bool('3+', { default: false, ignorable: true, tag: 3 })
  }
})

export type ApiVersionsRequest = Decoded<typeof apiVersionsRequest>
export type ApiVersionsRequestInput = Input<typeof apiVersionsRequest>
export type ApiVersionsResponse = Decoded<typeof apiVersionsResponse>
export type ApiVersionsResponseInput = Input<typeof apiVersionsResponse>

/**
 * Decodes the answer to a request of version `requested`, whichever of the two formats it is in.
 *
 * @returns the version the body was in: `requested`, or 0 when the broker does not know that version
 * @throws MalformedMessageError it is in neither
 */
export function decodeApiVersionsResponse(
  body: Buffer,
  requested: number,
  options?: DecodeOptions
): { readonly version: number; readonly response: ApiVersionsResponse } {
  if (requested > 0 && body.length >= 2 && body.readInt16BE() === errorCodes.UNSUPPORTED_VERSION) {
    try {
      return { version: 0, response: apiVersionsResponse.decode(body, 0, options) }
    } catch (error) {
      // Versions 1 and 2 begin like version 0; a broker that uses them to refuse is understood as well.
      if (!(error instanceof MalformedMessageError)) throw error
    }
  }
  return { version: requested, response: apiVersionsResponse.decode(body, requested, options) }
}
