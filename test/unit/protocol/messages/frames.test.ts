/** Whole frames, byte by byte, where the layout is known from the protocol's description. */
import { describe, expect, it } from 'vitest'
import { decodeRequestHeader, requestFrame, responseFrame } from '../../../../protocol/frames/header.ts'
import { apiVersionsRequest } from '../../../../protocol/messages/api-versions.ts'
import { describeTopicPartitionsRequest } from '../../../../protocol/messages/describe-topic-partitions.ts'
import { findCoordinatorResponse } from '../../../../protocol/messages/find-coordinator.ts'
import { metadataRequest } from '../../../../protocol/messages/metadata.ts'
import { produceRequest, produceResponse } from '../../../../protocol/messages/produce.ts'
import type { AnyMessage } from '../../../support/messages.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

/** Takes a request frame apart and puts it together again. */
function reassemble(frame: Buffer, message: AnyMessage): Buffer {
  const header = decodeRequestHeader(frame.subarray(4))
  const value = message.decode(frame.subarray(4 + header.headerLength), header.apiVersion)
  return requestFrame(header, message.encode(value, header.apiVersion))
}

describe('request frames', () => {
  it.each<[string, AnyMessage, string]>([
    [
      'ApiVersions 4',
      apiVersionsRequest,
      '00000023 0012 0004 7f6fc661 0009 6b61666b612d636c69 00 0a 6b61666b612d636c69 04 302e31 00'
    ],
    [
      'DescribeTopicPartitions 0 without a cursor',
      describeTopicPartitionsRequest,
      '00000020 004b 0000 00000007 0009 6b61666b612d636c69 00 02 04 666f6f 00 00000064 ff 00'
    ],
    [
      'DescribeTopicPartitions 0 with a cursor',
      describeTopicPartitionsRequest,
      '00000019 004b 0000 00000007 ffff 00 01 00000064 01 02 74 00000003 00 00'
    ],
    ['Metadata 0 for all topics', metadataRequest, '0000000e 0003 0000 00000001 ffff 00000000'],
    ['Metadata 4 for all topics', metadataRequest, '0000000f 0003 0004 00000001 ffff ffffffff 01'],
    [
      'Metadata 12 by topic id',
      metadataRequest,
      '00000021 0003 000c 00000001 ffff 00 02 000102030405060708090a0b0c0d0e0f 00 00 00 01 00'
    ],
    [
      'Produce 2, before transactional ids',
      produceRequest,
      '00000026 0000 0002 00000005 ffff ffff 000003e8 00000001 0001 74 00000001 00000000 00000003 010203'
    ],
    [
      'Produce 9 with acks -1 outside of a transaction',
      produceRequest,
      '00000021 0000 0009 00000005 ffff 00 00 ffff 000003e8 02 02 74 02 00000000 04 010203 00 00 00'
    ]
  ])('%s', (_, message, text) => {
    const frame = hex(text)
    expect(frame.readInt32BE()).toBe(frame.length - 4)
    expect(reassemble(frame, message)).toEqual(frame)
  })
})

describe('response frames', () => {
  const refused = {
    responses: [
      {
        name: 't',
        partitionResponses: [
          {
            index: 2,
            errorCode: 87,
            baseOffset: -1n,
            recordErrors: [{ batchIndex: 1, batchIndexErrorMessage: 'no' }],
            errorMessage: 'bad'
          }
        ]
      }
    ]
  }
  const minusOne = 'ffffffffffffffff'

  it('Produce 7 cannot say which records were bad, and leaves it out', () => {
    expect(responseFrame(0, 7, 1, produceResponse.encode(refused, 7))).toEqual(
      hex(`00000031 00000001 00000001 0001 74 00000001 00000002 0057 ${minusOne} ${minusOne} ${minusOne} 00000000`)
    )
  })

  it('Produce 8 says it', () => {
    expect(produceResponse.encode(refused, 8)).toEqual(
      hex(`00000001 0001 74 00000001 00000002 0057 ${minusOne} ${minusOne} ${minusOne}
        00000001 00000001 0002 6e6f 0003 626164 00000000`)
    )
  })

  it('Produce 10 names the new leader and its address in tagged fields', () => {
    const currentLeader = { leaderId: 2, leaderEpoch: 5 }
    const moved = {
      responses: [{ name: 't', partitionResponses: [{ index: 0, errorCode: 6, baseOffset: -1n, currentLeader }] }],
      nodeEndpoints: [{ nodeId: 2, host: 'b2', port: 9092 }]
    }
    const body = hex(`02 02 74 02 00000000 0006 ${minusOne} ${minusOne} ${minusOne} 01 00
      01 00 09 00000002 00000005 00 00
      00000000 01 00 0e 02 00000002 03 6232 00002384 00 00`)
    expect(produceResponse.encode(moved, 10)).toEqual(body)
    expect(produceResponse.decode(body, 10)).toMatchObject(moved)
  })

  it('FindCoordinator 3 answers in one place, 4 in another', () => {
    const node = { nodeId: 1, host: 'h', port: 9092 }
    expect(findCoordinatorResponse.encode(node, 3)).toEqual(hex('00000000 0000 01 00000001 02 68 00002384 00'))
    expect(findCoordinatorResponse.encode({ coordinators: [{ ...node, key: 'g' }] }, 4)).toEqual(
      hex('00000000 02 02 67 00000001 02 68 00002384 0000 01 00 00')
    )
  })
})
