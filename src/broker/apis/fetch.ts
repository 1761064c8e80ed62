/**
 * Fetch (1).
 *
 * Behaviour
 * - Waits until `MinBytes` are there or `MaxWaitMs` is over, whichever comes first; an error in any partition is told
 *   at once. A client that hangs up ends its wait.
 * - Whole batches: the first of the answer comes however large it is, the others while both byte limits allow.
 * - No fetch sessions: the session id is always 0, which tells the client to ask in full each time (KIP-227). A client
 *   that names a session gets FETCH_SESSION_ID_NOT_FOUND.
 * - There are no transactions, so the isolation level makes no difference; no other replica is preferred.
 *
 * Version notes
 * - 4: record batches v2. 7: sessions. 11: rack and preferred replica. 12: flexible; a diverging epoch never occurs.
 * - 13: topics by id; one that is not known is UNKNOWN_TOPIC_ID. 15: replica state. 16 and newer are not offered.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { fetchRequest, fetchResponse } from '../../../protocol/messages/fetch.ts'
import type { Decoded, Input } from '../../../protocol/schema/message.ts'
import type { Clock } from '../../clock.ts'
import { defineHandler } from '../handler.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { BrokerState } from '../state.ts'
import type { Topic } from '../topics.ts'

type Request = Decoded<typeof fetchRequest>
type Answer = Input<typeof fetchResponse>
type PartitionAnswer = NonNullable<NonNullable<Answer['responses']>[number]['partitions']>[number]

const firstVersionWithTopicIds = 13

export const fetch = defineHandler({
  key: apiKeys.fetch,
  versions: [4, 15],
  request: fetchRequest,
  response: fetchResponse,
  async handle(broker, request, { apiVersion, signal }) {
    if (request.sessionId !== 0) return { errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND }
    const topicOf = (t: Request['topics'][number]): Topic | null =>
      apiVersion < firstVersionWithTopicIds ? broker.topics.get(t.topic) : broker.topics.getById(t.topicId)
    const unknown =
      apiVersion < firstVersionWithTopicIds ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.UNKNOWN_TOPIC_ID
    const deadlineMs = broker.clock.nowMs() + request.maxWaitMs
    for (;;) {
      const { answer, bytes, hasErrors } = collect(request, topicOf, unknown)
      const leftMs = deadlineMs - broker.clock.nowMs()
      if (hasErrors || bytes >= request.minBytes || leftMs <= 0 || signal.aborted) return answer
      await someAppend(logsOf(broker, request, topicOf), broker.clock, leftMs, signal)
    }
  }
})

function collect(
  request: Request,
  topicOf: (topic: Request['topics'][number]) => Topic | null,
  unknownTopic: number
): { answer: Answer; bytes: number; hasErrors: boolean } {
  let bytes = 0
  let hasErrors = false
  const responses = request.topics.map((asked) => {
    const topic = topicOf(asked)
    return {
      topic: asked.topic,
      topicId: asked.topicId,
      partitions: asked.partitions.map((p): PartitionAnswer => {
        const log = topic?.partitions[p.partition]
        const unknown = topic === null ? unknownTopic : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
        const limit = Math.min(p.partitionMaxBytes, Math.max(0, request.maxBytes - bytes))
        const answer =
          log === undefined
            ? failed(p.partition, unknown)
            : read(log, p.partition, Number(p.fetchOffset), limit, bytes === 0)
        bytes += answer.records?.length ?? 0
        hasErrors ||= answer.errorCode !== errorCodes.NONE
        return answer
      })
    }
  })
  return { answer: { responses }, bytes, hasErrors }
}

function read(
  log: PartitionLog,
  partitionIndex: number,
  offset: number,
  maxBytes: number,
  atLeastOne: boolean
): PartitionAnswer {
  if (offset < log.startOffset || offset > log.endOffset) {
    return { ...failed(partitionIndex, errorCodes.OFFSET_OUT_OF_RANGE), ...offsetsOf(log) }
  }
  return {
    partitionIndex,
    errorCode: errorCodes.NONE,
    ...offsetsOf(log),
    abortedTransactions: null,
    records: log.read(offset, maxBytes, atLeastOne)
  }
}

function offsetsOf(log: PartitionLog): Pick<PartitionAnswer, 'highWatermark' | 'lastStableOffset' | 'logStartOffset'> {
  return {
    highWatermark: BigInt(log.endOffset),
    lastStableOffset: BigInt(log.endOffset),
    logStartOffset: BigInt(log.startOffset)
  }
}

function failed(partitionIndex: number, errorCode: number): PartitionAnswer {
  return { partitionIndex, errorCode, highWatermark: -1n, abortedTransactions: null, records: Buffer.alloc(0) }
}

function logsOf(
  broker: BrokerState,
  request: Request,
  topicOf: (topic: Request['topics'][number]) => Topic | null
): PartitionLog[] {
  return request.topics.flatMap((asked) => {
    const name = topicOf(asked)?.name
    return name === undefined ? [] : asked.partitions.flatMap((p) => broker.topics.log(name, p.partition) ?? [])
  })
}

/** Resolves at the next append to one of the logs, when the time is up, or when the client is gone. */
function someAppend(logs: readonly PartitionLog[], clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const cancel of cancels) cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancels = [clock.after(delayMs, done), ...logs.map((log) => log.onAppend(done))]
    signal.addEventListener('abort', done)
  })
}
