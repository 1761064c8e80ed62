/** A whole Produce frame, read. */
import { MalformedMessageError } from '../../../protocol/bytes/malformed.ts'
import { decodeRequestHeader } from '../../../protocol/frames/header.ts'
import { produceRequest } from '../../../protocol/messages/produce.ts'
import { namesPartitionTwice } from '../produce-answers.ts'
import type { ProduceCall } from '../produce-path.ts'

/**
 * Topics and partitions in one Produce request: more than any cluster has leaders on one broker, and few enough that a
 * frame full of empty ones does not become a heap many times its size.
 */
const maxProduceElements = 20_000

/**
 * The records stay where they are in the frame.
 *
 * @param frame with its length prefix
 * @throws MalformedMessageError also when a partition stands in it twice
 */
export function openProduce(frame: Buffer): ProduceCall {
  const header = decodeRequestHeader(frame.subarray(4))
  const body = frame.subarray(4 + header.headerLength)
  const request = produceRequest.decode(body, header.apiVersion, { maxElements: maxProduceElements })
  const twice = namesPartitionTwice(request)
  if (twice !== null) throw new MalformedMessageError(`the request names partition ${twice} twice`)
  return { header, request, clientId: header.clientId }
}
