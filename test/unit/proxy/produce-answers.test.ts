import { describe, expect, it } from 'vitest'
import { decodeResponseHeader, encodeRequestHeader, decodeRequestHeader } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { produceRequest, produceResponse } from '../../../protocol/messages/produce.ts'
import type { ProduceRequest, ProduceResponse, ProduceResponseInput } from '../../../protocol/messages/produce.ts'
import {
  mergeProduceAnswers,
  mergedProduceFrame,
  namesPartitionTwice,
  partitionAnswer
} from '../../../src/proxy/produce-answers.ts'
import type { LocalAnswers } from '../../../src/proxy/produce-path.ts'

type Named = readonly (readonly [topic: string, indices: readonly number[]])[]

function requestOf(...topics: Named): ProduceRequest {
  const topicData = topics.map(([name, indices]) => ({ name, partitionData: indices.map((index) => ({ index })) }))
  return produceRequest.decode(produceRequest.encode({ topicData }, 9), 9)
}

const brokerSays = (input: ProduceResponseInput, version = 9): ProduceResponse =>
  produceResponse.decode(produceResponse.encode(input, version), version)

const appended = (...topics: Named): ProduceResponseInput['responses'] =>
  topics.map(([name, indices]) => ({
    name,
    partitionResponses: indices.map((index) => ({ index, baseOffset: BigInt(100 + index) }))
  }))

const refusedHere = (...topics: Named): LocalAnswers =>
  new Map(topics.map(([name, indices]) => [name, new Map(indices.map((i) => [i, partitionAnswer(i, 87, 'bad')]))]))

const outcome = (response: ProduceResponse): [string, [number, number][]][] =>
  response.responses.map(({ name, partitionResponses }) => [
    name,
    partitionResponses.map(({ index, errorCode }) => [index, errorCode])
  ])

describe('merging', () => {
  it('puts topics and partitions in the order of the request, whatever the order of the broker', () => {
    const request = requestOf(['b', [2, 0, 1]], ['a', [5, 4]])
    const upstream = brokerSays({ responses: appended(['a', [4]], ['b', [1, 2]]) })
    const merged = mergeProduceAnswers(request, upstream, refusedHere(['b', [0]], ['a', [5]]))
    expect(outcome(merged)).toEqual([
      [
        'b',
        [
          [2, 0],
          [0, 87],
          [1, 0]
        ]
      ],
      [
        'a',
        [
          [5, 87],
          [4, 0]
        ]
      ]
    ])
    expect(merged.responses[0]!.partitionResponses[0]!.baseOffset).toBe(102n)
  })

  it('answers a partition of ours with our answer even when the broker answers it, too', () => {
    const upstream = brokerSays({ responses: appended(['t', [0, 1]]) })
    const merged = mergeProduceAnswers(requestOf(['t', [0, 1]]), upstream, refusedHere(['t', [1]]))
    expect(outcome(merged)).toEqual([
      [
        't',
        [
          [0, 0],
          [1, 87]
        ]
      ]
    ])
  })

  it('leaves out what nobody asked for', () => {
    const upstream = brokerSays({ responses: appended(['t', [0, 9]], ['other', [0]]) })
    const merged = mergeProduceAnswers(requestOf(['t', [0]]), upstream, refusedHere(['t', [7]], ['more', [0]]))
    expect(outcome(merged)).toEqual([['t', [[0, 0]]]])
  })

  it('invents no answer for a partition the broker did not answer', () => {
    const upstream = brokerSays({ responses: appended(['t', [1]]) })
    const merged = mergeProduceAnswers(requestOf(['t', [0, 1, 2]], ['silent', [0]]), upstream, refusedHere(['t', [2]]))
    expect(outcome(merged)).toEqual([
      [
        't',
        [
          [1, 0],
          [2, 87]
        ]
      ],
      ['silent', []]
    ])
  })

  it('answers each partition once when the broker answers it twice, or names a topic twice', () => {
    const partitionResponses = [
      { index: 0, errorCode: 6 },
      { index: 0, errorCode: 0 }
    ]
    const responses = [{ name: 't', partitionResponses }, ...(appended(['t', [1]]) ?? [])]
    const merged = mergeProduceAnswers(requestOf(['t', [0, 1]]), brokerSays({ responses }), new Map())
    expect(outcome(merged)).toEqual([
      [
        't',
        [
          [0, 0],
          [1, 0]
        ]
      ]
    ])
  })

  it('keeps the topics apart that a request names twice with different partitions', () => {
    const upstream = brokerSays({ responses: appended(['t', [1]]) })
    const merged = mergeProduceAnswers(requestOf(['t', [1]], ['t', [0]]), upstream, refusedHere(['t', [0]]))
    expect(outcome(merged)).toEqual([
      ['t', [[1, 0]]],
      ['t', [[0, 87]]]
    ])
  })

  it('keeps what the broker says of the whole: throttling, endpoints, current leaders', () => {
    const nodeEndpoints = [{ nodeId: 2, host: 'broker', port: 9_092, rack: 'r' }]
    const partitionResponses = [{ index: 1, errorCode: 6, currentLeader: { leaderId: 2, leaderEpoch: 4 } }]
    const input = { responses: [{ name: 't', partitionResponses }], throttleTimeMs: 77, nodeEndpoints }
    const merged = mergeProduceAnswers(requestOf(['t', [0, 1]]), brokerSays(input, 10), refusedHere(['t', [0]]))
    expect(merged).toMatchObject({ throttleTimeMs: 77, nodeEndpoints })
    expect(merged.responses[0]!.partitionResponses[1]).toMatchObject(partitionResponses[0]!)
  })

  it('answers everything here when nothing went on', () => {
    const request = requestOf(['t', [1, 0]], ['u', [3]])
    const merged = mergeProduceAnswers(request, null, refusedHere(['u', [3]], ['t', [0, 1]]))
    expect(outcome(merged)).toEqual([
      [
        't',
        [
          [1, 87],
          [0, 87]
        ]
      ],
      ['u', [[3, 87]]]
    ])
    expect(merged.throttleTimeMs).toBe(0)
  })

  it('changes neither the answer of the broker nor shares an empty one between requests', () => {
    const upstream = brokerSays({ responses: appended(['t', [0]]) })
    const before = structuredClone(upstream)
    mergeProduceAnswers(requestOf(['t', [0, 1]]), upstream, refusedHere(['t', [1]]))
    expect(upstream).toEqual(before)
    mergeProduceAnswers(requestOf(['t', [0]]), null, refusedHere(['t', [0]]))
    expect(mergeProduceAnswers(requestOf(), null, new Map()).responses).toEqual([])
  })
})

describe('a partition answered here', () => {
  it('has no offsets, as in an error answer of Kafka', () => {
    const errors = [{ batchIndex: 3, batchIndexErrorMessage: 'bad' }]
    expect(partitionAnswer(4, 87, 'why', errors)).toMatchObject({
      index: 4,
      errorCode: 87,
      errorMessage: 'why',
      recordErrors: errors,
      baseOffset: -1n,
      logAppendTimeMs: -1n,
      logStartOffset: -1n
    })
  })
})

describe('a whole frame', () => {
  it.each(Array.from({ length: 13 }, (_, version) => version))(
    'can be read in v%i, with all the version tells',
    (version) => {
      const named = { apiKey: apiKeys.produce, apiVersion: version, correlationId: 41, clientId: 'c' }
      const header = decodeRequestHeader(encodeRequestHeader(named))
      const errors = [{ batchIndex: 2, batchIndexErrorMessage: 'record is bad' }]
      const answers = new Map([['t', new Map([[0, partitionAnswer(0, 87, 'batch is bad', errors)]])]])
      const frame = mergedProduceFrame(requestOf(['t', [0]]), header, null, answers, () => null)
      expect(frame.readInt32BE(0)).toBe(frame.length - 4)
      const { correlationId, headerLength } = decodeResponseHeader(frame.subarray(4), apiKeys.produce, version)
      expect(correlationId).toBe(41)
      const answer = produceResponse.decode(frame.subarray(4 + headerLength), version)
      const partition = answer.responses[0]!.partitionResponses[0]!
      expect(partition).toMatchObject({ index: 0, errorCode: 87, baseOffset: -1n })
      expect(partition.errorMessage).toBe(version >= 8 ? 'batch is bad' : null)
      expect(partition.recordErrors).toMatchObject(version >= 8 ? errors : [])
    }
  )

  it('gives away no address of the broker', () => {
    const named = { apiKey: apiKeys.produce, apiVersion: 10, correlationId: 1, clientId: null }
    const header = decodeRequestHeader(encodeRequestHeader(named))
    const endpoints = [1, 2].map((nodeId) => ({ nodeId, host: 'broker.internal', port: 9_092 }))
    const upstream = brokerSays({ nodeEndpoints: endpoints }, 10)
    const advertised = (nodeId: number) => (nodeId === 1 ? { host: 'proxy.test', port: 1_234 } : null)
    const frame = mergedProduceFrame(requestOf(['t', [0]]), header, upstream, refusedHere(['t', [0]]), advertised)
    expect(frame.includes('internal')).toBe(false)
    expect(produceResponse.decode(frame.subarray(9), 10).nodeEndpoints).toMatchObject([
      { nodeId: 1, host: 'proxy.test', port: 1_234 }
    ])
  })
})

describe('a partition that is named twice', () => {
  it('is found within a topic and across topics of the same name', () => {
    expect(namesPartitionTwice(requestOf(['t', [0, 1, 0]]))).toBe('t-0')
    expect(namesPartitionTwice(requestOf(['t', [0]], ['u', [0]], ['t', [3, 0]]))).toBe('t-0')
  })

  it('is not seen where there is none', () => {
    expect(namesPartitionTwice(requestOf(['t', [0, 1]], ['u', [0, 1]], ['t', [2]]))).toBeNull()
    // `a-1` partition 1 and `a` partition 11 must not be mixed up with each other.
    expect(namesPartitionTwice(requestOf(['a-1', [1]], ['a', [11]], ['a-', [11]]))).toBeNull()
  })
})
