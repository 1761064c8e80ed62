/**
 * Rewrites the addresses of brokers in answers, in every place that carries one, and leaves node ids alone.
 *
 * A client that learns one real address goes past the proxy from then on (Java and librdkafka connect to the
 * `NodeEndpoints` of a Produce answer without asking Metadata again, KIP-951), so the list of places has to be complete:
 * Metadata; FindCoordinator v0-3 and v4+; DescribeCluster; Produce v10+; ShareFetch; ShareAcknowledge. Fetch carries
 * endpoints since v16 and is capped below that.
 */
import { apiKeys } from '../../protocol/messages/api-table.ts'
import { describeClusterResponse } from '../../protocol/messages/describe-cluster.ts'
import { findCoordinatorResponse } from '../../protocol/messages/find-coordinator.ts'
import { metadataResponse } from '../../protocol/messages/metadata.ts'
import { produceResponse } from '../../protocol/messages/produce.ts'
import type { ProduceResponse } from '../../protocol/messages/produce.ts'
import { shareAcknowledgeResponse } from '../../protocol/messages/share-acknowledge.ts'
import { shareFetchResponse } from '../../protocol/messages/share-fetch.ts'

/** A broker as the cluster advertises it. */
export interface Broker {
  readonly id: number
  readonly host: string
  readonly port: number
}

/** Where clients reach a broker. Null: it has no port here, so clients must not learn of it. */
export type AdvertisedAddress = (nodeId: number) => { readonly host: string; readonly port: number } | null

/** An answer that names brokers, opened: who is in it, and the same answer with other addresses. */
export interface AddressedAnswer {
  readonly brokers: readonly Broker[]
  /** The body with the addresses clients are to use. Brokers without one are left out where the protocol lets them. */
  rewritten(advertised: AdvertisedAddress): Buffer
}

interface Endpoint {
  nodeId: number
  host: string
  port: number
}

/**
 * A broker's answer may be as large as its cluster: the bytes themselves bound what it can hold.
 *
 * Opens the body of an answer that may carry addresses; null for all others. Throws MalformedMessageError.
 */
export function openAddressed(apiKey: number, apiVersion: number, body: Buffer): AddressedAnswer | null {
  switch (apiKey) {
    case apiKeys.metadata: {
      const message = metadataResponse.decode(body, apiVersion, { maxElements: body.length })
      return {
        brokers: message.brokers.map(asBroker),
        rewritten(advertised) {
          message.brokers = readdressed(message.brokers, advertised)
          return metadataResponse.encode(message, apiVersion)
        }
      }
    }
    case apiKeys.findCoordinator:
      return openFindCoordinator(apiVersion, body)
    case apiKeys.describeCluster: {
      const message = describeClusterResponse.decode(body, apiVersion, { maxElements: body.length })
      const brokers = message.brokers.map((b) => ({ id: b.brokerId, host: b.host, port: b.port }))
      return {
        brokers,
        rewritten(advertised) {
          message.brokers = message.brokers.flatMap((broker) => {
            const address = advertised(broker.brokerId)
            return address === null ? [] : [{ ...broker, ...address }]
          })
          return describeClusterResponse.encode(message, apiVersion)
        }
      }
    }
    case apiKeys.shareFetch: {
      const message = shareFetchResponse.decode(body, apiVersion, { maxElements: body.length })
      return {
        brokers: message.nodeEndpoints.map(asBroker),
        rewritten(advertised) {
          message.nodeEndpoints = readdressed(message.nodeEndpoints, advertised)
          return shareFetchResponse.encode(message, apiVersion)
        }
      }
    }
    case apiKeys.shareAcknowledge: {
      const message = shareAcknowledgeResponse.decode(body, apiVersion, { maxElements: body.length })
      return {
        brokers: message.nodeEndpoints.map(asBroker),
        rewritten(advertised) {
          message.nodeEndpoints = readdressed(message.nodeEndpoints, advertised)
          return shareAcknowledgeResponse.encode(message, apiVersion)
        }
      }
    }
    default:
      return null
  }
}

/** The same for a Produce answer that is open already. */
export function addressedProduce(message: ProduceResponse, apiVersion: number): AddressedAnswer {
  return {
    brokers: message.nodeEndpoints.map(asBroker),
    rewritten(advertised) {
      message.nodeEndpoints = readdressed(message.nodeEndpoints, advertised)
      return produceResponse.encode(message, apiVersion)
    }
  }
}

function openFindCoordinator(apiVersion: number, body: Buffer): AddressedAnswer {
  const message = findCoordinatorResponse.decode(body, apiVersion, { maxElements: body.length })
  // A failed look-up has node id -1 and no host; it stays as it is.
  const found = apiVersion >= 4 ? message.coordinators : [message]
  return {
    brokers: found.filter((c) => c.nodeId >= 0).map(asBroker),
    rewritten(advertised) {
      for (const coordinator of found) {
        if (coordinator.nodeId < 0) continue
        const address = advertised(coordinator.nodeId)
        if (address === null) {
          // COORDINATOR_NOT_AVAILABLE: retriable, and no address leaks.
          coordinator.errorCode = 15
          coordinator.nodeId = -1
          coordinator.host = ''
          coordinator.port = -1
        } else {
          coordinator.host = address.host
          coordinator.port = address.port
        }
      }
      return findCoordinatorResponse.encode(message, apiVersion)
    }
  }
}

function asBroker(endpoint: Endpoint): Broker {
  return { id: endpoint.nodeId, host: endpoint.host, port: endpoint.port }
}

function readdressed<T extends Endpoint>(endpoints: readonly T[], advertised: AdvertisedAddress): T[] {
  return endpoints.flatMap((endpoint) => {
    const address = advertised(endpoint.nodeId)
    return address === null ? [] : [{ ...endpoint, host: address.host, port: address.port }]
  })
}
