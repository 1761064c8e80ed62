/** Puts our answers to a Produce request and the broker's together, in the order of the request. */
import { responseFrame } from '../../protocol/frames/header.ts'
import type { RequestHeader } from '../../protocol/frames/header.ts'
import { produceResponse } from '../../protocol/messages/produce.ts'
import type { ProduceRequest, ProduceResponse } from '../../protocol/messages/produce.ts'
import { addressedProduce } from './addresses.ts'
import type { AdvertisedAddress } from './addresses.ts'
import type { LocalAnswers, PartitionAnswer } from './produce-path.ts'

/**
 * Every partition of the request is answered exactly once, ours where we answered, the broker's elsewhere. Java throws
 * on a partition it did not ask for and leaves a missing one to time out. Throttle time and tags are the broker's.
 */
export function mergeProduceAnswers(
  request: ProduceRequest,
  upstream: ProduceResponse | null,
  answers: LocalAnswers
): ProduceResponse {
  const fromBroker = new Map<string, Map<number, PartitionAnswer>>()
  const topicTags = new Map<string, ProduceResponse['responses'][number]>()
  for (const topic of upstream?.responses ?? []) {
    const partitions = fromBroker.get(topic.name) ?? new Map<number, PartitionAnswer>()
    for (const partition of topic.partitionResponses) partitions.set(partition.index, partition)
    fromBroker.set(topic.name, partitions)
    topicTags.set(topic.name, topic)
  }
  const responses = request.topicData.map((topic) => ({
    ...emptyTopic,
    ...topicTags.get(topic.name),
    name: topic.name,
    partitionResponses: topic.partitionData.flatMap((partition) => {
      const ours = answers.get(topic.name)?.get(partition.index)
      const answer = ours ?? fromBroker.get(topic.name)?.get(partition.index)
      return answer === undefined ? [] : [answer]
    })
  }))
  return { ...(upstream ?? emptyResponse), responses }
}

/** The whole answer as a frame, for a request of which nothing, or only what `upstream` tells, went on. */
export function mergedProduceFrame(
  request: ProduceRequest,
  header: RequestHeader,
  upstream: ProduceResponse | null,
  answers: LocalAnswers,
  advertised: AdvertisedAddress
): Buffer {
  const merged = mergeProduceAnswers(request, upstream, answers)
  const body = addressedProduce(merged, header.apiVersion).rewritten(advertised)
  return responseFrame(header.apiKey, header.apiVersion, header.correlationId, body)
}

/** `topic-partition` of the first partition that stands in the request more than once; no client sends that. */
export function namesPartitionTwice(request: ProduceRequest): string | null {
  const seen = new Set<string>()
  for (const topic of request.topicData) {
    for (const partition of topic.partitionData) {
      const key = `${topic.name}-${partition.index}`
      if (seen.has(key)) return key
      seen.add(key)
    }
  }
  return null
}

const emptyResponse: ProduceResponse = produceResponse.decode(produceResponse.encode({}, 8), 8)
const emptyTopic: ProduceResponse['responses'][number] = produceResponse.decode(
  produceResponse.encode({ responses: [{}] }, 8),
  8
).responses[0]!

/** A local answer for one partition. Offsets are -1, as in `ProduceRequest.getErrorResponse`. */
export function partitionAnswer(
  index: number,
  errorCode: number,
  errorMessage: string | null,
  recordErrors: PartitionAnswer['recordErrors'] = []
): PartitionAnswer {
  return {
    ...emptyPartition,
    index,
    errorCode,
    baseOffset: -1n,
    logAppendTimeMs: -1n,
    logStartOffset: -1n,
    recordErrors,
    errorMessage
  }
}

const emptyPartition: PartitionAnswer = produceResponse.decode(
  produceResponse.encode({ responses: [{ partitionResponses: [{}] }] }, 8),
  8
).responses[0]!.partitionResponses[0]!
