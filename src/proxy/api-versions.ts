/**
 * What a client may negotiate through us: per connection, the broker's own ranges with our maxima.
 *
 * - An API we do not know is left out: it could carry addresses.
 * - A minimum is never raised. Brokers since 4.0 advertise Produce from 0 although they refuse 0 to 2 (KAFKA-18659);
 *   librdkafka up to 2.11.0 switches compression off silently when that 0 is missing.
 * - Features and unknown tags pass as they are.
 */
import { apiByKey, apiKeys } from '../../protocol/messages/api-table.ts'
import { apiVersionsResponse, decodeApiVersionsResponse } from '../../protocol/messages/api-versions.ts'
import { responseFrame } from '../../protocol/frames/header.ts'

/** `body` is the broker's answer to a request of `apiVersion`, or KIP-511's v0 form of it. Throws MalformedMessageError. */
export function narrowApiVersions(body: Buffer, apiVersion: number): Buffer {
  const { response, version } = decodeApiVersionsResponse(body, apiVersion)
  response.apiKeys = response.apiKeys.flatMap((range) => {
    const ours = apiByKey(range.apiKey)
    if (ours === undefined || ours.maxVersion < range.minVersion) return []
    return [{ ...range, maxVersion: Math.min(range.maxVersion, ours.maxVersion) }]
  })
  return apiVersionsResponse.encode(response, version)
}

/**
 * The answer to an ApiVersions request newer than ours: v0 layout, UNSUPPORTED_VERSION, and our range of this one API
 * (KIP-511), upon which a client asks again with a version we know.
 */
export function unsupportedApiVersions(correlationId: number): Buffer {
  const maxVersion = apiByKey(apiKeys.apiVersions)!.maxVersion
  const response = { errorCode: 35, apiKeys: [{ apiKey: apiKeys.apiVersions, minVersion: 0, maxVersion }] }
  return responseFrame(apiKeys.apiVersions, 0, correlationId, apiVersionsResponse.encode(response, 0))
}
