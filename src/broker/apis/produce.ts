/**
 * Produce (0).
 *
 * Behaviour
 * - Each partition is validated and appended for itself, in the order of the request.
 * - Idempotent producers are held to Kafka's rules, see `log/producer-states.ts`; a repeat is answered with the offset
 *   of the first time.
 * - acks=0 is never answered; if a partition fails, the connection is closed instead, which is all a broker can do.
 * - acks=all and acks=1 are the same, unless `min.insync.replicas` of the topic is above the one replica there is.
 * - Timestamps are the producer's, or with LogAppendTime those of the append. A transactional batch is TRANSACTIONAL_ID_AUTHORIZATION_FAILED.
 * - A wrong maximal timestamp is stored as it came, where Kafka corrects it.
 *
 * Version notes
 * - 3: record batches v2; older versions are advertised but refused, see ApiVersions.
 * - 7: zstd. 8: record errors and a message. 9: flexible. 10: NodeEndpoints, which never occur here. 13 is not offered,
 *   as it names topics by id.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { produceRequest, produceResponse } from '../../../protocol/messages/produce.ts'
import type { Input } from '../../../protocol/schema/message.ts'
import { readBatches } from '../../../protocol/records/batch.ts'
import { defineHandler, type RequestContext } from '../handler.ts'
import { validateBatch } from '../log/validate-batch.ts'
import type { BrokerState } from '../state.ts'
import type { Topic } from '../topics.ts'

type TopicAnswer = NonNullable<Input<typeof produceResponse>['responses']>[number]
type PartitionAnswer = NonNullable<TopicAnswer['partitionResponses']>[number]

const allReplicas = -1
const firstVersionWithTopicIds = 13

export const produce = defineHandler({
  key: apiKeys.produce,
  versions: [3, firstVersionWithTopicIds - 1],
  request: produceRequest,
  response: produceResponse,
  handle(broker, request, context) {
    const { acks, topicData, transactionalId } = request
    const refusal = ![allReplicas, 0, 1].includes(acks)
      ? errorCodes.INVALID_REQUIRED_ACKS
      : transactionalId !== null || topicData.some((t) => t.partitionData.some((p) => isTransactional(p.records)))
        ? errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        : null
    const responses: TopicAnswer[] = topicData.map((topic) => ({
      name: topic.name,
      partitionResponses: topic.partitionData.map(({ index, records }) =>
        refusal === null
          ? appendTo(broker, topic.name, index, records, acks, context)
          : failed(index, refusal, 'the embedded broker has no transactions')
      )
    }))
    if (acks !== 0) return { responses }
    const isFailed = responses.some((t) => t.partitionResponses?.some((p) => p.errorCode !== errorCodes.NONE))
    return isFailed ? 'drop-connection' : 'no-answer'
  }
})

function appendTo(
  broker: BrokerState,
  name: string,
  partition: number,
  records: Buffer | null,
  acks: number,
  { apiVersion }: RequestContext
): PartitionAnswer {
  const topic = broker.topics.get(name)
  const log = topic?.partitions[partition]
  if (topic === null || log === undefined) return failed(partition, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  if (acks === allReplicas && Number(broker.topics.config(topic, 'min.insync.replicas')) > 1) {
    return failed(partition, errorCodes.NOT_ENOUGH_REPLICAS)
  }
  const nowMs = broker.clock.nowMs()
  const check = validateBatch(records, rulesOf(broker, topic), apiVersion, nowMs)
  if (check.kind === 'invalid') return failed(partition, check.errorCode, check.message, check.recordErrors)
  const { header, maxTimestampMs } = check
  const isSequenced = header.producerId >= 0n
  if (isSequenced) {
    const sequence = log.producers.check(header, nowMs)
    if (sequence.kind === 'refused') return failed(partition, sequence.errorCode, sequence.message)
    if (sequence.kind === 'repeat') return appended(partition, sequence.baseOffset, log.startOffset)
  }
  const logAppendTimeMs = isLogAppendTime(broker, topic) ? nowMs : null
  const baseOffset = log.append({ bytes: records!, recordCount: header.recordCount, maxTimestampMs, logAppendTimeMs })
  if (isSequenced) log.producers.appended(header, baseOffset, nowMs)
  return appended(partition, baseOffset, log.startOffset, logAppendTimeMs)
}

function isLogAppendTime(broker: BrokerState, topic: Topic): boolean {
  return broker.topics.config(topic, 'message.timestamp.type') === 'LogAppendTime'
}

function rulesOf(broker: BrokerState, topic: Topic): Parameters<typeof validateBatch>[1] {
  // Kafka looks at the producer's timestamps only where it keeps them.
  const [beforeMs, afterMs] = isLogAppendTime(broker, topic) ? [Infinity, Infinity] : windowOf(broker, topic)
  return {
    maxMessageBytes: Number(broker.topics.config(topic, 'max.message.bytes')),
    needsKeys: broker.topics.config(topic, 'cleanup.policy').includes('compact'),
    timestampBeforeMs: beforeMs,
    timestampAfterMs: afterMs
  }
}

function windowOf(broker: BrokerState, topic: Topic): [beforeMs: number, afterMs: number] {
  return [
    Number(broker.topics.config(topic, 'message.timestamp.before.max.ms')),
    Number(broker.topics.config(topic, 'message.timestamp.after.max.ms'))
  ]
}

/** A batch that cannot even be read is somebody else's finding. */
function isTransactional(records: Buffer | null): boolean {
  try {
    for (const { header } of readBatches(records ?? Buffer.alloc(0))) if (header.transactional) return true
  } catch {
    return false
  }
  return false
}

function appended(
  index: number,
  baseOffset: number,
  logStartOffset: number,
  logAppendTimeMs: number | null = null
): PartitionAnswer {
  return {
    index,
    errorCode: errorCodes.NONE,
    baseOffset: BigInt(baseOffset),
    logAppendTimeMs: BigInt(logAppendTimeMs ?? -1),
    logStartOffset: BigInt(logStartOffset)
  }
}

function failed(
  index: number,
  errorCode: number,
  errorMessage: string | null = null,
  recordErrors: PartitionAnswer['recordErrors'] = []
): PartitionAnswer {
  return { index, errorCode, baseOffset: -1n, logAppendTimeMs: -1n, logStartOffset: -1n, recordErrors, errorMessage }
}
