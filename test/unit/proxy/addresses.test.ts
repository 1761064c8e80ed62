import { describe, expect, it } from 'vitest'
import { MalformedMessageError } from '../../../protocol/bytes/malformed.ts'
import { apiKeys, apis } from '../../../protocol/messages/api-table.ts'
import { describeClusterResponse } from '../../../protocol/messages/describe-cluster.ts'
import { findCoordinatorResponse } from '../../../protocol/messages/find-coordinator.ts'
import { metadataResponse } from '../../../protocol/messages/metadata.ts'
import { produceResponse } from '../../../protocol/messages/produce.ts'
import { shareAcknowledgeResponse } from '../../../protocol/messages/share-acknowledge.ts'
import { shareFetchResponse } from '../../../protocol/messages/share-fetch.ts'
import { addressedProduce, openAddressed } from '../../../src/proxy/addresses.ts'
import type { AddressedAnswer, AdvertisedAddress } from '../../../src/proxy/addresses.ts'

const versionsOf = ({ versions: [first, last] }: { versions: readonly [number, number] }, from = first): number[] =>
  Array.from({ length: last - from + 1 }, (_, i) => from + i)

/** Brokers 1 and 2 have a port here, 3 has none. */
const advertised: AdvertisedAddress = (nodeId) => (nodeId === 3 ? null : { host: 'proxy.test', port: 9_200 + nodeId })

const brokers = [1, 2, 3].map((nodeId) => ({ nodeId, host: `broker-${nodeId}.internal`, port: 9_090 + nodeId }))
const named = brokers.map(({ nodeId, host, port }) => ({ id: nodeId, host, port }))
const here = [
  { nodeId: 1, host: 'proxy.test', port: 9_201 },
  { nodeId: 2, host: 'proxy.test', port: 9_202 }
]

function open(apiKey: number, apiVersion: number, body: Buffer): AddressedAnswer {
  const opened = openAddressed(apiKey, apiVersion, body)
  if (opened === null) throw new Error('not opened')
  return opened
}

const leaks = (body: Buffer): boolean => body.includes('internal')

describe('Metadata', () => {
  it.each(versionsOf(metadataResponse))(
    'v%i names the brokers and gives them our addresses, nothing else',
    (version) => {
      const topics = [
        { name: 't', partitions: [{ partitionIndex: 0, leaderId: 3, replicaNodes: [1, 3], isrNodes: [3] }] }
      ]
      const body = metadataResponse.encode(
        { brokers, topics, controllerId: 3, clusterId: 'c', throttleTimeMs: 5 },
        version
      )
      const opened = open(apiKeys.metadata, version, body)
      expect(opened.brokers).toEqual(named)
      const before = metadataResponse.decode(body, version)
      const rewritten = opened.rewritten(advertised)
      const after = metadataResponse.decode(rewritten, version)
      expect(after.brokers).toMatchObject(here)
      expect({ ...after, brokers: [] }).toEqual({ ...before, brokers: [] })
      expect(leaks(rewritten)).toBe(false)
    }
  )

  it('keeps racks, and can be rewritten for another listener', () => {
    const racked = brokers.map((broker) => ({ ...broker, rack: `r${broker.nodeId}` }))
    const opened = open(apiKeys.metadata, 9, metadataResponse.encode({ brokers: racked }, 9))
    const after = metadataResponse.decode(opened.rewritten(advertised), 9)
    expect(after.brokers.map(({ rack }) => rack)).toEqual(['r1', 'r2'])
  })

  it('without brokers stays as it is', () => {
    const body = metadataResponse.encode({ topics: [{ name: 't', errorCode: 3 }] }, 9)
    const opened = open(apiKeys.metadata, 9, body)
    expect(opened.brokers).toEqual([])
    expect(opened.rewritten(advertised)).toEqual(body)
  })
})

describe('FindCoordinator', () => {
  it.each(versionsOf(findCoordinatorResponse).filter((v) => v < 4))('v%i has one coordinator', (version) => {
    const [broker, , hidden] = brokers
    const opened = open(apiKeys.findCoordinator, version, findCoordinatorResponse.encode(broker!, version))
    expect(opened.brokers).toEqual([named[0]])
    expect(findCoordinatorResponse.decode(opened.rewritten(advertised), version)).toMatchObject({
      errorCode: 0,
      ...here[0]
    })

    const left = open(apiKeys.findCoordinator, version, findCoordinatorResponse.encode(hidden!, version))
    const rewritten = left.rewritten(advertised)
    expect(leaks(rewritten)).toBe(false)
    expect(findCoordinatorResponse.decode(rewritten, version)).toMatchObject({
      errorCode: 15,
      nodeId: -1,
      host: '',
      port: -1
    })
  })

  it.each(versionsOf(findCoordinatorResponse, 4))('v%i has one per key', (version) => {
    const failed = { key: 'd', nodeId: -1, host: '', port: -1, errorCode: 16, errorMessage: 'not here' }
    const coordinators = [...brokers.map((broker, i) => ({ key: 'abc'[i]!, ...broker })), failed]
    const opened = open(apiKeys.findCoordinator, version, findCoordinatorResponse.encode({ coordinators }, version))
    expect(opened.brokers).toEqual(named)
    const rewritten = opened.rewritten(advertised)
    expect(leaks(rewritten)).toBe(false)
    expect(findCoordinatorResponse.decode(rewritten, version).coordinators).toMatchObject([
      { key: 'a', errorCode: 0, ...here[0] },
      { key: 'b', errorCode: 0, ...here[1] },
      { key: 'c', errorCode: 15, nodeId: -1, host: '', port: -1 },
      failed
    ])
  })

  it.each(versionsOf(findCoordinatorResponse))('v%i leaves a failed look-up as it is', (version) => {
    const failed = { errorCode: 15, nodeId: -1, host: '', port: -1 }
    const answer = version < 4 ? failed : { coordinators: [{ key: 'k', ...failed }] }
    const body = findCoordinatorResponse.encode(answer, version)
    const opened = open(apiKeys.findCoordinator, version, body)
    expect(opened.brokers).toEqual([])
    expect(opened.rewritten(advertised)).toEqual(body)
  })
})

describe('DescribeCluster', () => {
  it.each(versionsOf(describeClusterResponse))('v%i names the brokers', (version) => {
    const listed = brokers.map(({ nodeId, ...address }) => ({ brokerId: nodeId, ...address, rack: 'r' }))
    const body = describeClusterResponse.encode({ brokers: listed, clusterId: 'c', controllerId: 3 }, version)
    const opened = open(apiKeys.describeCluster, version, body)
    expect(opened.brokers).toEqual(named)
    const rewritten = opened.rewritten(advertised)
    expect(leaks(rewritten)).toBe(false)
    const after = describeClusterResponse.decode(rewritten, version)
    expect(after).toMatchObject({ clusterId: 'c', controllerId: 3 })
    expect(after.brokers).toMatchObject(here.map(({ nodeId, ...at }) => ({ brokerId: nodeId, ...at, rack: 'r' })))
  })
})

describe('endpoints of new leaders', () => {
  it.each(versionsOf(produceResponse, 10))('of Produce v%i', (version) => {
    const partitionResponses = [{ index: 0, errorCode: 6, currentLeader: { leaderId: 2, leaderEpoch: 7 } }]
    const input = { responses: [{ name: 't', partitionResponses }], nodeEndpoints: brokers, throttleTimeMs: 3 }
    const before = produceResponse.decode(produceResponse.encode(input, version), version)
    const opened = addressedProduce(before, version)
    expect(opened.brokers).toEqual(named)
    const rewritten = opened.rewritten(advertised)
    expect(leaks(rewritten)).toBe(false)
    const after = produceResponse.decode(rewritten, version)
    expect(after.nodeEndpoints).toMatchObject(here)
    expect(after.responses).toEqual(before.responses)
    expect(after.throttleTimeMs).toBe(3)
  })

  it.each(versionsOf(produceResponse).filter((v) => v < 10))('Produce v%i has none', (version) => {
    const body = produceResponse.encode({ responses: [{ name: 't', partitionResponses: [{ index: 0 }] }] }, version)
    const opened = addressedProduce(produceResponse.decode(body, version), version)
    expect(opened.brokers).toEqual([])
    expect(opened.rewritten(advertised)).toEqual(body)
  })

  it.each(versionsOf(shareFetchResponse))('of ShareFetch v%i, behind the records', (version) => {
    const partitions = [{ partitionIndex: 0, records: Buffer.from('records'), acquiredRecords: [{ lastOffset: 9n }] }]
    const body = shareFetchResponse.encode({ responses: [{ partitions }], nodeEndpoints: brokers }, version)
    const opened = open(apiKeys.shareFetch, version, body)
    expect(opened.brokers).toEqual(named)
    const rewritten = opened.rewritten(advertised)
    expect(leaks(rewritten)).toBe(false)
    const after = shareFetchResponse.decode(rewritten, version)
    expect(after.nodeEndpoints).toMatchObject(here)
    expect(after.responses).toEqual(shareFetchResponse.decode(body, version).responses)
  })

  it.each(versionsOf(shareAcknowledgeResponse))('of ShareAcknowledge v%i', (version) => {
    const responses = [{ partitions: [{ partitionIndex: 4, errorCode: 6 }] }]
    const body = shareAcknowledgeResponse.encode({ responses, nodeEndpoints: brokers }, version)
    const opened = open(apiKeys.shareAcknowledge, version, body)
    expect(opened.brokers).toEqual(named)
    const rewritten = opened.rewritten(advertised)
    expect(leaks(rewritten)).toBe(false)
    const after = shareAcknowledgeResponse.decode(rewritten, version)
    expect(after.nodeEndpoints).toMatchObject(here)
    expect(after.responses[0]!.partitions[0]).toMatchObject({ partitionIndex: 4, errorCode: 6 })
  })
})

describe('an answer', () => {
  const bodies: readonly (readonly [string, number, number, Buffer])[] = [
    ['Metadata', apiKeys.metadata, 9, metadataResponse.encode({ brokers }, 9)],
    ['FindCoordinator', apiKeys.findCoordinator, 3, findCoordinatorResponse.encode(brokers[0]!, 3)],
    ['FindCoordinator', apiKeys.findCoordinator, 4, findCoordinatorResponse.encode({ coordinators: brokers }, 4)],
    ['DescribeCluster', apiKeys.describeCluster, 0, describeClusterResponse.encode({ brokers: [{ brokerId: 1 }] }, 0)],
    ['ShareFetch', apiKeys.shareFetch, 1, shareFetchResponse.encode({ nodeEndpoints: brokers }, 1)],
    ['ShareAcknowledge', apiKeys.shareAcknowledge, 1, shareAcknowledgeResponse.encode({ nodeEndpoints: brokers }, 1)]
  ]

  it.each(bodies)('to %s (%i v%i) that is cut anywhere, or too long, is malformed', (_, apiKey, version, body) => {
    for (let length = 0; length < body.length; length += 1) {
      expect(() => openAddressed(apiKey, version, body.subarray(0, length))).toThrow(MalformedMessageError)
    }
    const longer = Buffer.concat([body, Buffer.from([1])])
    expect(() => openAddressed(apiKey, version, longer)).toThrow(MalformedMessageError)
  })

  it('of every other API is not opened', () => {
    const opened = new Set<number>(bodies.map(([, apiKey]) => apiKey))
    for (const { key, maxVersion } of apis.filter((api) => !opened.has(api.key))) {
      expect(openAddressed(key, maxVersion, Buffer.from('anything'))).toBeNull()
    }
  })

  it('keeps unknown tagged fields', () => {
    const body = metadataResponse.encode({ brokers }, 9)
    // The last byte is the number of tagged fields of the whole message.
    const tagged = Buffer.concat([body.subarray(0, -1), Buffer.from([1, 42, 3, 1, 2, 3])])
    const rewritten = open(apiKeys.metadata, 9, tagged).rewritten(advertised)
    expect(rewritten.subarray(-6)).toEqual(Buffer.from([1, 42, 3, 1, 2, 3]))
  })
})
