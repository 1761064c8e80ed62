/** Where quarantined records belong: is their topic still there, and which partition is theirs? */
import type { ContractSet } from '../contracts/judgement.ts'
import { isReserved } from '../contracts/policy/topics.ts'
import { errorCodes } from '../../protocol/errors.ts'
import type { KafkaClient } from '../kafka/client.ts'
import { partitionForKey } from './murmur2.ts'
import type { QuarantineEntry } from './record.ts'
import type { FoundRecord } from './selection.ts'

/**
 * Why a record can never go home as things stand:
 * - `value-dropped`: the value is not what the producer sent;
 * - `topic-gone`: its topic is not there;
 * - `reserved-topic`: it names a topic of Kafka's or of ours, or a quarantine topic;
 * - `another-quarantine`: today's policy of its topic quarantines elsewhere or not at all; anybody who may write to this
 *   quarantine topic could have written it there.
 */
export const stuckReasons = ['value-dropped', 'topic-gone', 'reserved-topic', 'another-quarantine'] as const
export type StuckReason = (typeof stuckReasons)[number]

export type Home =
  | { readonly kind: 'partition'; readonly topic: string; readonly partition: number }
  | { readonly kind: 'stuck'; readonly reason: StuckReason }

export interface HomesOptions {
  readonly client: Pick<KafkaClient, 'metadata'>
  readonly contracts: ContractSet
  /** The operator named the quarantine topic, so records of topics that no policy sends there are meant as well. */
  readonly trusted: boolean
  /** Topics of ours, however they are named: ledger, states, and the quarantine topics. */
  readonly ours: ReadonlySet<string>
}

export class Homes {
  readonly #options: HomesOptions
  /** Number of partitions by topic; 0 for a topic that is not there. */
  readonly #partitions = new Map<string, number>()

  constructor(options: HomesOptions) {
    this.#options = options
  }

  /** Has to be called before `of` with these records. @throws {KafkaError} when a topic cannot be asked about */
  async learn(records: readonly FoundRecord[]): Promise<void> {
    const unknown = new Set(records.map(({ entry }) => entry.topic).filter((topic) => this.#mayBeAsked(topic)))
    if (unknown.size === 0) return
    const { topics } = await this.#options.client.metadata([...unknown])
    for (const { name, error, partitions } of topics) {
      if (error !== null && !isGone(error.code)) throw error
      this.#partitions.set(name, error === null ? partitions.length : 0)
    }
  }

  #mayBeAsked(topic: string): boolean {
    return !this.#partitions.has(topic) && /^[A-Za-z0-9._-]{1,249}$/.test(topic) && !this.#isOurs(topic)
  }

  #isOurs(topic: string): boolean {
    return isReserved(topic) || this.#options.ours.has(topic)
  }

  /** The original partition; where there are fewer now, the one that producers choose for the key. */
  of({ entry, quarantineTopic }: FoundRecord): Home {
    const { topic } = entry
    if (this.#isOurs(topic) || topic === quarantineTopic) return { kind: 'stuck', reason: 'reserved-topic' }
    const { contracts, trusted } = this.#options
    const named = contracts.forTopic(topic)?.quarantineOf(topic).topic
    if (!trusted && named !== quarantineTopic) return { kind: 'stuck', reason: 'another-quarantine' }
    if (entry.valueDropped) return { kind: 'stuck', reason: 'value-dropped' }
    const partitions = this.#partitions.get(topic) ?? 0
    if (partitions === 0) return { kind: 'stuck', reason: 'topic-gone' }
    return { kind: 'partition', topic, partition: partitionAmong(entry, partitions) }
  }
}

function partitionAmong({ partition, key }: QuarantineEntry, partitions: number): number {
  if (partition < partitions) return partition
  return key === null ? partition % partitions : partitionForKey(key, partitions)
}

function isGone(code: number): boolean {
  return code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION || code === errorCodes.INVALID_TOPIC_EXCEPTION
}
