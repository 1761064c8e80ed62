/**
 * What one connection has shown about its right to write.
 *
 * Nothing is answered here in a broker's place unless the broker would have taken the record: the connection has
 * produced to the topic successfully, or the broker said in its answer to a Metadata request on this very connection
 * that WRITE is allowed and that it leads the partition.
 */
import type { MetadataResponse } from '../../protocol/messages/metadata.ts'
import type { ProduceResponse } from '../../protocol/messages/produce.ts'
import { errorCodes } from '../../protocol/errors.ts'
import type { WriteProofs } from './produce-path.ts'

/** How long what was shown counts. ACLs change; a minute is what brokers and clients cache metadata for, too. */
const proofMs = 60_000
/** Partitions remembered per connection, about 100 bytes each. Beyond it the oldest must be shown again. */
const maxPartitions = 10_000
/** `AclOperation.WRITE` has code 4; authorized operations are a bit field of these codes. */
const writeBit = 1 << 4

/** Only what was shown is remembered: a refusal may be over the next moment, when leadership or an ACL changes. */
export class ConnectionWriteProofs implements WriteProofs {
  /** `partition/topic` to the time until which it counts; the oldest first. */
  readonly #shownUntilMs = new Map<string, number>()
  readonly #nodeId: () => number | null
  readonly #nowMs: () => number

  /** `nodeId`: the broker this connection reaches; null when it is not known. */
  constructor(nodeId: () => number | null, nowMs: () => number) {
    this.#nodeId = nodeId
    this.#nowMs = nowMs
  }

  status(topic: string, partition: number): 0 | 'unknown' {
    const untilMs = this.#shownUntilMs.get(keyOf(topic, partition))
    return untilMs !== undefined && untilMs > this.#nowMs() ? 0 : 'unknown'
  }

  /** A Produce succeeded: WRITE is shown, and that this broker leads those partitions. */
  learnFromProduce(response: ProduceResponse): void {
    for (const topic of response.responses) {
      for (const { index, errorCode } of topic.partitionResponses) {
        if (errorCode === 0) this.#remember(topic.name, index)
        // Whatever was shown before is in doubt: ask again next time.
        else this.#shownUntilMs.delete(keyOf(topic.name, index))
      }
    }
  }

  /**
   * The answer to our own Metadata request (v8 or newer, with IncludeTopicAuthorizedOperations). Gives the proofs for
   * the request that asked, in which nothing is unknown: what the broker did not mention does not exist for this client.
   */
  learnFromMetadata(response: MetadataResponse): WriteProofs {
    const nodeId = this.#nodeId()
    const refused = new Map<string, 3 | 29>()
    const answered = new Map<string, 0 | 6>()
    for (const topic of response.topics) {
      if (topic.name === null) continue
      const error = topicError(topic.errorCode, topic.topicAuthorizedOperations)
      if (error !== 0) refused.set(topic.name, error)
      for (const { partitionIndex, leaderId } of error === 0 ? topic.partitions : []) {
        const leads = nodeId !== null && leaderId === nodeId
        answered.set(keyOf(topic.name, partitionIndex), leads ? 0 : 6)
        if (leads) this.#remember(topic.name, partitionIndex)
      }
    }
    const asked = new Set(response.topics.map(({ name }) => name))
    return {
      status: (topic, partition) => {
        // Not asked about, because it was shown before.
        if (!asked.has(topic) && this.status(topic, partition) === 0) return 0
        return refused.get(topic) ?? answered.get(keyOf(topic, partition)) ?? 3
      }
    }
  }

  #remember(topic: string, partition: number): void {
    const key = keyOf(topic, partition)
    this.#shownUntilMs.delete(key)
    this.#shownUntilMs.set(key, this.#nowMs() + proofMs)
    if (this.#shownUntilMs.size <= maxPartitions) return
    const oldest = this.#shownUntilMs.keys().next()
    if (oldest.done !== true) this.#shownUntilMs.delete(oldest.value)
  }
}

function keyOf(topic: string, partition: number): string {
  return `${partition}/${topic}`
}

function topicError(code: number, authorizedOperations: number): 0 | 3 | 29 {
  if (code === errorCodes.TOPIC_AUTHORIZATION_FAILED) return 29
  if (code !== 0 && code !== errorCodes.LEADER_NOT_AVAILABLE) return 3
  return (authorizedOperations & writeBit) === 0 ? 29 : 0
}
