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
import { compactionOf, examineQuarantineTopics } from './topics.ts'

/** Topics remembered; looking again costs two requests. */
const maxTopics = 10_000
/** After which it is looked again: partitions may have been added. */
const freshMs = 5 * 60_000
/** How long a topic that cannot be had is not asked for again, nor one about which nobody could be asked: each bad batch would ask. */
const notAgainMs = 5_000
/** The same for one that cannot be created now: brokers that are only starting come back within moments. */
const notYetMs = 1_000

/** The topic is not there and cannot be made, or must not be written. Asking again soon does not help. */
export class NoQuarantineTopicError extends Error {
  override readonly name = 'NoQuarantineTopicError'
}

export interface TopicLookupOptions {
  readonly client: TopicClient
  readonly clock?: Clock
  /** A topic was created. */
  readonly onCreated?: (topic: string) => void
}

type Target = Pick<QuarantineTarget, 'topic' | 'create'>

interface Known {
  readonly partitions: number
  /** Until then nobody asks again; epoch milliseconds. */
  againAtMs: number
}

interface Refused {
  readonly error: Error
  readonly untilMs: number
}

export class TopicLookup {
  readonly #client: TopicClient
  readonly #clock: Clock
  readonly #onCreated: (topic: string) => void
  readonly #known = new LRUCache<string, Known>({ max: maxTopics })
  /** By topic and how it would be made: what one policy does not have created another may. */
  readonly #refused = new LRUCache<string, Refused>({ max: maxTopics })
  readonly #asking = new Map<string, Promise<number>>()

  constructor({ client, clock = systemClock, onCreated = () => undefined }: TopicLookupOptions) {
    this.#client = client
    this.#clock = clock
    this.#onCreated = onCreated
  }

  /**
   * At least 1; of a topic that was looked at once it is what was known, while it is looked again. Rejects with
   * NoQuarantineTopicError, or with what makes a question fail for now.
   *
   * @param origin the topic whose record it is: its size and partitions decide how a missing one is made
   */
  async partitionsOf(target: Target, origin: string): Promise<number> {
    const nowMs = this.#clock.nowMs()
    const known = this.#known.get(target.topic)
    if (known !== undefined) {
      if (nowMs >= known.againAtMs) {
        known.againAtMs = nowMs + notAgainMs
        this.#askOnce(target, origin).catch(ignored)
      }
      return known.partitions
    }
    const refused = this.#refused.get(keyOf(target))
    if (refused !== undefined && nowMs < refused.untilMs) throw refused.error
    return this.#askOnce(target, origin)
  }

  /** The broker says that there is no such topic or partition. */
  forget(topic: string): void {
    this.#known.delete(topic)
  }

  #askOnce(target: Target, origin: string): Promise<number> {
    const key = keyOf(target)
    const known = this.#asking.get(key)
    if (known !== undefined) return known
    const asking = this.#ask(target, origin).finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  async #ask(target: Target, origin: string): Promise<number> {
    const { topic } = target
    try {
      const partitions = (await this.#look(topic)) ?? (await this.#create(target, origin))
      this.#known.set(topic, { partitions, againAtMs: this.#clock.nowMs() + freshMs })
      this.#refused.delete(keyOf(target))
      return partitions
    } catch (error) {
      const isLasting = error instanceof NoQuarantineTopicError
      if (isLasting) this.#known.delete(topic)
      if (isLasting || error instanceof NotYetError) {
        const untilMs = this.#clock.nowMs() + (isLasting ? notAgainMs : notYetMs)
        this.#refused.set(keyOf(target), { error, untilMs })
      }
      throw error
    }
  }

  /** Null when there is no such topic. */
  async #look(topic: string): Promise<number | null> {
    const state = (await lookAtTopics(this.#client, [topic])).get(topic)
    if (state === undefined) return null
    if (state instanceof KafkaError) {
      throw new NoQuarantineTopicError(`the quarantine topic ${topic} cannot be used: ${state.message}`)
    }
    const compaction = compactionOf(state)
    if (compaction !== null) throw new NoQuarantineTopicError(`the quarantine topic ${topic} ${compaction}`)
    return state.partitions
  }

  async #create(target: Target, origin: string): Promise<number> {
    const { topic } = target
    const findings = await examineQuarantineTopics(this.#client, [{ target, origins: [origin] }], {
      create: true,
      clock: this.#clock
    })
    const problem = findings.find(({ level }) => level === 'problem')
    if (problem?.code === 'not-created-yet') throw new NotYetError(problem.message)
    if (problem !== undefined) throw new NoQuarantineTopicError(problem.message)
    if (findings.some(({ code }) => code === 'created')) this.#onCreated(topic)
    const partitions = await this.#look(topic)
    if (partitions !== null) return partitions
    // Without its origin there is nothing to make it from; the record's own Produce will say what is wrong.
    throw new NoQuarantineTopicError(`the quarantine topic ${topic} is not there, nor is ${origin}`)
  }
}

/** The cluster cannot create the topic as it is now; nobody has to change anything for that to pass. */
class NotYetError extends Error {}

const ignored = (): void => undefined

function keyOf({ topic, create }: Target): string {
  return JSON.stringify([topic, create])
}
