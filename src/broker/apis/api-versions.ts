/**
 * ApiVersions (18).
 *
 * Behaviour
 * - Lists what is implemented here, in exactly the versions that are; nothing is promised for the future.
 * - Produce is listed from version 0 though 0 to 2 are refused, as brokers from 4.0 on do: librdkafka up to 2.11.0
 *   concludes from a higher minimum that there is no compression.
 * - No features: there are no transactions, so no `transaction.version`.
 *
 * Version notes
 * - An unknown version is answered in the layout of version 0 with UNSUPPORTED_VERSION and our range (KIP-511). That
 *   happens before a body is read, in `server.ts`.
 * - 3 brings the client's name and version; a name Kafka would refuse is INVALID_REQUEST.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { apiVersionsRequest, apiVersionsResponse } from '../../../protocol/messages/api-versions.ts'
import { defineHandler } from '../handler.ts'

export interface OfferedApi {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export const apiVersionsRange = [0, 4] as const

/** `offered` is asked late: the list contains this API too. */
export function apiVersionsHandler(offered: () => readonly OfferedApi[]) {
  return defineHandler({
    key: apiKeys.apiVersions,
    versions: apiVersionsRange,
    request: apiVersionsRequest,
    response: apiVersionsResponse,
    handle(_broker, request, { apiVersion }) {
      const { clientSoftwareName: name, clientSoftwareVersion: version } = request
      if (apiVersion >= 3 && !(softwareName.test(name) && softwareName.test(version))) {
        return { errorCode: errorCodes.INVALID_REQUEST, apiKeys: [] }
      }
      return { errorCode: errorCodes.NONE, apiKeys: offered() }
    }
  })
}
