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
/** Topics remembered per connection; the memory is a few hundred bytes each. Beyond it the oldest must be shown again. */
const maxTopics = 10_000
/** `AclOperation.WRITE` has code 4; authorized operations are a bit field of these codes. */
const writeBit = 1 << 4

interface TopicProof {
  readonly untilMs: number
  readonly error: 0 | 3 | 29
  readonly partitions: Map<number, 0 | 6>
  /** True when the broker listed all partitions, so that a missing one does not exist. */
  readonly complete: boolean
}

export class ConnectionWriteProofs implements WriteProofs {
  readonly #topics = new Map<string, TopicProof>()
  readonly #nodeId: number | null
  readonly #nowMs: () => number

  /** `nodeId`: the broker this connection reaches; null when it is not known (a bootstrap address). */
  constructor(nodeId: number | null, nowMs: () => number) {
    this.#nodeId = nodeId
    this.#nowMs = nowMs
  }

  status(topic: string, partition: number): 0 | 3 | 6 | 29 | 'unknown' {
    const proof = this.#topics.get(topic)
    if (proof === undefined || proof.untilMs <= this.#nowMs()) return 'unknown'
    if (proof.error !== 0) return proof.error
    return proof.partitions.get(partition) ?? (proof.complete ? 3 : 'unknown')
  }

  /** A Produce succeeded: WRITE is shown for its topics, and that this broker leads those partitions. */
  learnFromProduce(response: ProduceResponse): void {
    for (const topic of response.responses) {
      for (const partition of topic.partitionResponses) {
        if (partition.errorCode === 0) this.#shown(topic.name, partition.index)
        // Whatever was shown before is in doubt: ask again next time.
        else if (partition.errorCode === errorCodes.NOT_LEADER_OR_FOLLOWER) this.#topics.delete(topic.name)
        else if (partition.errorCode === errorCodes.TOPIC_AUTHORIZATION_FAILED) this.#topics.delete(topic.name)
      }
    }
  }

  /** The answer to our own Metadata request (v8 or newer, with IncludeTopicAuthorizedOperations). */
  learnFromMetadata(response: MetadataResponse): void {
    for (const topic of response.topics) {
      if (topic.name === null) continue
      const partitions = new Map<number, 0 | 6>()
      for (const partition of topic.partitions) {
        const leads = this.#nodeId !== null && partition.leaderId === this.#nodeId
        partitions.set(partition.partitionIndex, leads ? 0 : 6)
      }
      const error = topicError(topic.errorCode, topic.topicAuthorizedOperations)
      this.#remember(topic.name, { untilMs: this.#nowMs() + proofMs, error, partitions, complete: true })
    }
  }

  #shown(topic: string, partition: number): void {
    const known = this.#topics.get(topic)
    const untilMs = this.#nowMs() + proofMs
    if (known !== undefined && known.error === 0 && known.untilMs > this.#nowMs()) {
      known.partitions.set(partition, 0)
      this.#topics.set(topic, { ...known, untilMs: known.complete ? known.untilMs : untilMs })
      return
    }
    this.#remember(topic, { untilMs, error: 0, partitions: new Map([[partition, 0]]), complete: false })
  }

  #remember(topic: string, proof: TopicProof): void {
    this.#topics.delete(topic)
    this.#topics.set(topic, proof)
    if (this.#topics.size <= maxTopics) return
    const oldest = this.#topics.keys().next()
    if (oldest.done !== true) this.#topics.delete(oldest.value)
  }
}

function topicError(code: number, authorizedOperations: number): 0 | 3 | 29 {
  if (code === errorCodes.TOPIC_AUTHORIZATION_FAILED) return 29
  if (code !== 0 && code !== errorCodes.LEADER_NOT_AVAILABLE) return 3
  return (authorizedOperations & writeBit) === 0 ? 29 : 0
}
