/**
 * How many partitions a quarantine topic has, for whoever is about to write to it. One that is missing is created first,
 * once, however many ask: topics that match a policy may appear while an instance runs.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { QuarantineTarget } from '../contracts/judgement.ts'
import { KafkaError } from '../kafka/errors.ts'
import { lookAtTopics } from './topic-admin.ts'
import type { TopicClient } from './topic-admin.ts'
import { examineQuarantineTopics } from './topics.ts'

/** Topics remembered; looking again costs a Metadata request. */
const maxTopics = 10_000
/** After which it is looked again: partitions may have been added. */
const freshMs = 5 * 60_000
/** How long a topic that cannot be had is not asked for again: each bad batch would ask. */
const refusedMs = 5_000

/** The topic is not there and cannot be made, or we may not see it. Asking again soon does not help. */
export class NoQuarantineTopicError extends Error {
  override readonly name = 'NoQuarantineTopicError'
}

export interface TopicLookupOptions {
  readonly client: TopicClient
  readonly clock?: Clock
  /** A topic was created. */
  readonly onCreated?: (topic: string) => void
}

interface Known {
  readonly partitions: number
  readonly atMs: number
}

interface Refused {
  readonly refused: NoQuarantineTopicError
  readonly atMs: number
}

export class TopicLookup {
  readonly #client: TopicClient
  readonly #clock: Clock
  readonly #onCreated: (topic: string) => void
  readonly #known = new LRUCache<string, Known | Refused>({ max: maxTopics })
  readonly #asking = new Map<string, Promise<number>>()

  constructor({ client, clock = systemClock, onCreated = () => undefined }: TopicLookupOptions) {
    this.#client = client
    this.#clock = clock
    this.#onCreated = onCreated
  }

  /**
   * At least 1. Rejects with NoQuarantineTopicError, or with what makes a question fail for now.
   *
   * @param origin the topic whose record it is: its size and partitions decide how a missing one is made
   */
  async partitionsOf(target: Pick<QuarantineTarget, 'topic' | 'create'>, origin: string): Promise<number> {
    const known = this.#known.get(target.topic)
    const ageMs = known === undefined ? Infinity : this.#clock.nowMs() - known.atMs
    if (known !== undefined && 'refused' in known && ageMs < refusedMs) throw known.refused
    if (known !== undefined && 'partitions' in known && ageMs < freshMs) return known.partitions
    let asking = this.#asking.get(target.topic)
    if (asking === undefined) {
      asking = this.#ask(target, origin).finally(() => this.#asking.delete(target.topic))
      this.#asking.set(target.topic, asking)
    }
    return asking
  }

  /** The broker says that there is no such topic or partition. */
  forget(topic: string): void {
    this.#known.delete(topic)
  }

  async #ask(target: Pick<QuarantineTarget, 'topic' | 'create'>, origin: string): Promise<number> {
    const { topic } = target
    try {
      const partitions = (await this.#look(topic)) ?? (await this.#create(target, origin))
      this.#known.set(topic, { partitions, atMs: this.#clock.nowMs() })
      return partitions
    } catch (error) {
      if (error instanceof NoQuarantineTopicError) {
        this.#known.set(topic, { refused: error, atMs: this.#clock.nowMs() })
      }
      throw error
    }
  }

  /** Null when there is no such topic. */
  async #look(topic: string): Promise<number | null> {
    const [found] = (await this.#client.metadata([topic])).topics
    if (found === undefined) return null
    if (found.error === null) return found.partitions.length
    if (found.error.errorName === 'UNKNOWN_TOPIC_OR_PARTITION') return null
    if (found.error.retriable) throw found.error
    throw new NoQuarantineTopicError(`the quarantine topic ${topic} cannot be used: ${found.error.message}`)
  }

  async #create(target: Pick<QuarantineTarget, 'topic' | 'create'>, origin: string): Promise<number> {
    const { topic } = target
    const findings = await examineQuarantineTopics(this.#client, [{ target, origins: [origin] }], {
      create: true,
      clock: this.#clock
    })
    const problem = findings.find(({ level }) => level === 'problem')
    if (problem !== undefined) throw new NoQuarantineTopicError(problem.message)
    if (findings.some(({ code }) => code === 'created')) this.#onCreated(topic)
    const state = (await lookAtTopics(this.#client, [topic])).get(topic)
    if (state !== undefined && !(state instanceof KafkaError)) return state.partitions
    // Without its origin there is nothing to make it from; the record's own Produce will say what is wrong.
    throw new NoQuarantineTopicError(`the quarantine topic ${topic} is not there, nor is ${origin}`)
  }
}
